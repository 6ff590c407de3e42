//! Some cases of a plan, in plan order, and where each stands in its lane.

use std::sync::Arc;

/// Two numbers for each case.
#[derive(Clone, Debug)]
pub(crate) struct Picked {
    /// Where each stands among the cases of all blocks.
    cases: Arc<[u64]>,
    /// Indexes of each lane's cases, ascending.
    lanes: Arc<[Vec<u64>]>,
}

impl Picked {
    /// `cases` ascend; `lanes` has each index into them once.
    pub fn new(cases: Vec<u64>, lanes: Vec<Vec<u64>>) -> Self {
        Self { cases: cases.into(), lanes: lanes.into() }
    }

    /// Number of cases.
    pub fn len(&self) -> u64 {
        self.cases.len() as u64
    }

    /// Where the case at `index` stands among those of all blocks.
    pub fn case(&self, index: u64) -> Option<u64> {
        self.cases.get(usize::try_from(index).ok()?).copied()
    }

    /// The place in `lane` of the case at `index`.
    pub fn place(&self, lane: u32, index: u64) -> Option<u64> {
        self.lanes.get(lane as usize)?.binary_search(&index).ok().map(|place| place as u64)
    }

    /// Inverse of [`Picked::place`].
    pub fn index(&self, lane: u32, place: u64) -> Option<u64> {
        self.lanes.get(lane as usize)?.get(usize::try_from(place).ok()?).copied()
    }
}
