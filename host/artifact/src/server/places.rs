//! How many uploads there may be at once, in all and of one job.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// All places.
pub(super) struct Places {
    all: usize,
    of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Those with at least one.
    by_job: HashMap<String, usize>,
}

/// One taken place; dropped, it is free.
pub(super) struct Place<'p> {
    places: &'p Places,
    job: String,
}

impl Places {
    /// So many in all, and of one job.
    pub fn new(all: usize, of_one: usize) -> Self {
        Self { all, of_one, taken: Mutex::default() }
    }

    /// A place for an upload of this job (empty: of nobody's), or the limit that is reached.
    pub fn take(&self, job: &str) -> Result<Place<'_>, usize> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_job = taken.by_job.get(job).copied().unwrap_or_default();
        if taken.all >= self.all {
            return Err(self.all);
        }
        if !job.is_empty() && of_job >= self.of_one {
            return Err(self.of_one);
        }
        taken.all += 1;
        taken.by_job.insert(job.to_owned(), of_job + 1);
        Ok(Place { places: self, job: job.to_owned() })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(of_job) = taken.by_job.get_mut(&self.job) {
            *of_job -= 1;
            if *of_job == 0 {
                taken.by_job.remove(&self.job);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_job_cannot_take_all_places() {
        let places = Places::new(4, 2);
        let held = [places.take("a"), places.take("a")].map(Result::unwrap);
        assert_eq!(places.take("a").err(), Some(2));
        let others = [places.take("b"), places.take("")].map(Result::unwrap);
        assert_eq!(places.take("c").err(), Some(4));
        drop(held);
        assert!(places.take("a").is_ok());
        drop(others);
        let taken = places.taken.lock().unwrap();
        assert_eq!((taken.all, taken.by_job.len()), (0, 0));
    }
}
