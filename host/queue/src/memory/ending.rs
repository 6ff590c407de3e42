//! The end of a job: finalize lease, seal, finish.

use arena_model::Digest;

use crate::{Finalize, Finish, MAX_FINALIZE_LEASES, Phase, WorkerId};

#[derive(Debug, Default)]
pub(super) struct Ending {
    pub sealed: bool,
    finished: Option<Digest>,
    holder: Option<WorkerId>,
    lost: u32,
}

impl Ending {
    /// Gives the lease, if `open` cases allow it.
    pub fn finalize(&mut self, worker: WorkerId, open: u64) -> Finalize {
        match self.holder {
            _ if self.finished.is_some() => Finalize::Finished,
            _ if self.lost >= MAX_FINALIZE_LEASES => Finalize::Failed,
            _ if open > 0 => Finalize::NotYet { open },
            Some(by) if by != worker => Finalize::Held { by },
            _ => {
                self.holder = Some(worker);
                Finalize::Leased
            }
        }
    }

    /// The worker is gone, and its lease with it.
    pub fn lose(&mut self, worker: WorkerId) {
        if self.holder == Some(worker) && self.finished.is_none() {
            self.holder = None;
            self.lost += 1;
        }
    }

    pub fn finish(&mut self, digest: &Digest) -> Finish {
        match &self.finished {
            Some(first) if first == digest => Finish::Finished,
            Some(first) => Finish::Differs { digest: first.clone() },
            None if self.lost >= MAX_FINALIZE_LEASES => Finish::Failed,
            None if !self.sealed => Finish::NotSealed,
            None => {
                self.finished = Some(digest.clone());
                Finish::Finished
            }
        }
    }

    pub fn finished(&self) -> bool {
        self.finished.is_some()
    }

    pub fn phase(&self) -> Phase {
        match &self.finished {
            Some(digest) => Phase::Finished(digest.clone()),
            None if self.lost >= MAX_FINALIZE_LEASES => Phase::FinalizeFailed,
            None if self.sealed => Phase::Sealed,
            None => Phase::Open,
        }
    }
}
