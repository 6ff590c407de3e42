//! The plan: N cases by index, and by lane and place.

use arena_model::{Digest, Hasher};

use crate::block::{Block, Place};
use crate::picked::Picked;
use crate::{PlanError, PlanInput, PlanScenario};

/// One case of the plan, as positions; the names stand in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CaseRef {
    /// Place in the plan.
    pub index: u64,
    /// Index into the input's scenarios.
    pub scenario: u32,
    /// Index into the input's providers, which is the lane.
    pub provider: u32,
    /// Index into the input's regions.
    pub region: u32,
    /// Zero-based repetition.
    pub trial: u32,
    /// Zero-based row; none if the scenario has no dataset.
    pub row: Option<u64>,
    /// Zero-based variant; none if the scenario has no perturbation.
    pub variant: Option<u32>,
}

/// All cases of one provider, in plan order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Provider id.
    pub provider: String,
    /// Number of cases; 0 if no scenario selects the provider.
    pub len: u64,
}

/// A lane's part of one block.
#[derive(Clone, Debug)]
struct Span {
    block: usize,
    /// Position of the provider in the block.
    position: usize,
    /// Place in the lane of its first case.
    start: u64,
}

/// N cases addressed by index. Its size grows with scenarios times providers, never with trials or rows.
#[derive(Clone, Debug)]
pub struct Plan {
    blocks: Vec<Block>,
    lanes: Vec<Lane>,
    spans: Vec<Vec<Span>>,
    /// Cases of all blocks.
    len: u64,
    /// Those of them that are in the plan; none for all.
    picked: Option<Picked>,
    digest: Digest,
}

impl Plan {
    /// Checks the input and lays out the blocks.
    ///
    /// # Errors
    /// [`PlanError::NothingSelected`] without scenarios, [`PlanError::DimensionEmpty`], [`PlanError::Duplicate`] and
    /// [`PlanError::ProviderIndexInvalid`] for input that gives no or ambiguous cases, [`PlanError::PlanTooLarge`].
    pub fn new(input: &PlanInput) -> Result<Self, PlanError> {
        input.check()?;
        let mut plan = Self {
            blocks: Vec::with_capacity(input.scenarios.len()),
            lanes: input.providers.iter().map(|id| Lane { provider: id.clone(), len: 0 }).collect(),
            spans: vec![Vec::new(); input.providers.len()],
            len: 0,
            picked: None,
            digest: input.digest(),
        };
        for scenario in &input.scenarios {
            let PlanScenario { providers, trials, rows, variants, .. } = scenario.clone();
            // At most 10,000 in number, by the reader.
            let variants = variants.map(|names| names.len() as u32);
            let block = Block { start: plan.len, providers, rows, variants, trials };
            let per_provider = block.inner() * input.regions.len() as u64;
            for (position, &lane) in block.providers.iter().enumerate() {
                let lane = lane as usize;
                let start = plan.lanes[lane].len;
                plan.spans[lane].push(Span { block: plan.blocks.len(), position, start });
                plan.lanes[lane].len += per_provider;
            }
            plan.len += per_provider * block.providers.len() as u64;
            plan.blocks.push(block);
        }
        Ok(plan)
    }

    /// The plan of the cases at `indexes` (ascending, within this plan, at least one) alone, counted anew from 0. It
    /// holds two numbers for each.
    pub(crate) fn only(self, indexes: Vec<u64>) -> Self {
        let mut hasher = Hasher::default();
        hasher.field(b"arena picked 1").field(self.digest.as_str().as_bytes());
        let mut lanes = vec![Vec::new(); self.lanes.len()];
        for (index, place) in (0..).zip(&indexes) {
            hasher.update(&place.to_be_bytes());
            if let Some((lane, _)) = self.lane(*place) {
                lanes[lane as usize].push(index);
            }
        }
        let sizes = lanes.iter().map(|lane| lane.len() as u64);
        let lanes_of = self.lanes.iter().zip(sizes);
        let lanes_of = lanes_of.map(|(lane, len)| Lane { provider: lane.provider.clone(), len }).collect();
        Self { lanes: lanes_of, picked: Some(Picked::new(indexes, lanes)), digest: hasher.finish(), ..self }
    }

    /// Number of cases, at least 1.
    #[allow(clippy::len_without_is_empty, reason = "a plan without cases cannot be made")]
    pub fn len(&self) -> u64 {
        self.picked.as_ref().map_or(self.len, Picked::len)
    }

    /// Whether all cases of its scenarios are in it, none having been picked.
    pub fn is_whole(&self) -> bool {
        self.picked.is_none()
    }

    /// The case at `index`; none past the end. O(log scenarios).
    pub fn case(&self, index: u64) -> Option<CaseRef> {
        let (number, place) = self.locate(self.place(index)?)?;
        let block = &self.blocks[number];
        let (trial, row, variant) = block.inner_parts(place.inner);
        let provider = block.providers[place.provider];
        Some(CaseRef { index, scenario: number as u32, provider, region: place.region as u32, trial, row, variant })
    }

    /// One lane per provider of the input, in its order.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Lane of the case at `index` and its place there; none past the end. O(log scenarios).
    pub fn lane(&self, index: u64) -> Option<(u32, u64)> {
        let (number, place) = self.locate(self.place(index)?)?;
        let block = &self.blocks[number];
        let lane = block.providers[place.provider];
        if let Some(picked) = &self.picked {
            return Some((lane, picked.place(lane, index)?));
        }
        let spans = &self.spans[lane as usize];
        let span = &spans[spans.binary_search_by_key(&number, |span| span.block).ok()?];
        Some((lane, span.start + place.region * block.inner() + place.inner))
    }

    /// Index of the `j`-th case of `lane`, inverse of [`Plan::lane`]; none past the end. O(log scenarios).
    pub fn index(&self, lane: u32, j: u64) -> Option<u64> {
        if j >= self.lanes.get(lane as usize)?.len {
            return None;
        }
        if let Some(picked) = &self.picked {
            return picked.index(lane, j);
        }
        let spans = &self.spans[lane as usize];
        let span = &spans[spans.partition_point(|span| span.start <= j) - 1];
        let block = &self.blocks[span.block];
        let offset = j - span.start;
        let place = Place { region: offset / block.inner(), provider: span.position, inner: offset % block.inner() };
        Some(block.start + block.offset(place))
    }

    /// Digest of the blocks by name: equal digests mean the same case at every index. A provider that no scenario
    /// selects takes no part in it.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Where the case at `index` stands among those of all blocks.
    fn place(&self, index: u64) -> Option<u64> {
        match &self.picked {
            Some(picked) => picked.case(index),
            None => Some(index),
        }
    }

    fn locate(&self, index: u64) -> Option<(usize, Place)> {
        if index >= self.len {
            return None;
        }
        let number = self.blocks.partition_point(|block| block.start <= index) - 1;
        Some((number, self.blocks[number].place(index - self.blocks[number].start)))
    }

    /// Entries held in all vectors, to show that nothing is materialised.
    #[cfg(test)]
    fn entries(&self) -> usize {
        let providers: usize = self.blocks.iter().map(|block| block.providers.len()).sum();
        let spans: usize = self.spans.iter().map(Vec::len).sum();
        self.blocks.len() + providers + self.lanes.len() + spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_million_cases_hold_as_little_as_ten() {
        let scenario = |rows| PlanScenario {
            id: "refund".into(),
            providers: vec![0, 1],
            trials: 1,
            rows: Some(rows),
            variants: None,
        };
        let plan = |rows| {
            let providers = vec!["a".into(), "b".into()];
            let input = PlanInput { scenarios: vec![scenario(rows)], providers, regions: vec![None], cap: 10_000_000 };
            Plan::new(&input).unwrap()
        };
        let (small, large) = (plan(5), plan(5_000_000));
        assert_eq!((small.len(), large.len()), (10, 10_000_000));
        assert_eq!(small.entries(), large.entries());
        assert_eq!(large.entries(), 1 + 2 + 2 + 2);
        assert_eq!(large.case(9_999_999).unwrap().row, Some(4_999_999));
    }
}
