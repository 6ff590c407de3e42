//! The cases of one scenario: the full product region x provider x row x variant x trial, the last running fastest: the
//! trials of one test stand next to each other, so that what they have in common is found without remembering others.

/// One scenario's stretch of the plan.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// Index of its first case.
    pub start: u64,
    /// Lanes in the order its cases stand.
    pub providers: Vec<u32>,
    /// As in the input.
    pub rows: Option<u64>,
    /// As in the input.
    pub variants: Option<u32>,
    /// As in the input.
    pub trials: u32,
}

/// Where a case stands within its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Position in the plan's regions.
    pub region: u64,
    /// Position in the block's providers.
    pub provider: usize,
    /// Position among the cases of that region and provider.
    pub inner: u64,
}

impl Block {
    /// Cases per region and provider. The plan's cap was checked over all dimensions, so this cannot overflow.
    pub fn inner(&self) -> u64 {
        u64::from(self.trials) * self.per_trial()
    }

    fn per_trial(&self) -> u64 {
        self.rows.unwrap_or(1) * self.per_row()
    }

    fn per_row(&self) -> u64 {
        u64::from(self.variants.unwrap_or(1))
    }

    /// Cases per region.
    fn per_region(&self) -> u64 {
        self.inner() * self.providers.len() as u64
    }

    /// The place of the case at `offset` from the block's start.
    pub fn place(&self, offset: u64) -> Place {
        let (region, rest) = (offset / self.per_region(), offset % self.per_region());
        Place { region, provider: (rest / self.inner()) as usize, inner: rest % self.inner() }
    }

    /// Inverse of [`Block::place`].
    pub fn offset(&self, place: Place) -> u64 {
        place.region * self.per_region() + place.provider as u64 * self.inner() + place.inner
    }

    /// Trial, row and variant of the case at `inner`.
    pub fn inner_parts(&self, inner: u64) -> (u32, Option<u64>, Option<u32>) {
        let (trial, test) = (inner % u64::from(self.trials), inner / u64::from(self.trials));
        let (row, variant) = (test / self.per_row(), test % self.per_row());
        // Both are below a u32 by construction.
        (trial as u32, self.rows.map(|_| row), self.variants.map(|_| variant as u32))
    }
}
