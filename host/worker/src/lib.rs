//! Station 6 meets 7 and 9: claims cases from the queue, has them evaluated, stores each record and commits it.
//! Takes a plan, an evaluator and a journal; gives a journal in which every case stands once. Never judges, never
//! renders, never decides what a run is.

mod allowance;
mod bare;
mod error;
mod fleet;
mod local;
mod matrix;
mod rescore;
mod score;
mod shuffle;
mod splice;
mod stored;

pub use allowance::Allowance;
pub use bare::not_run;
pub use error::WorkerError;
pub use fleet::{CaseRunner, FleetRun, FleetSettings, Frozen, folder_path};
pub use local::{Ended, LocalRun, Observer, Stop};
pub use matrix::{Matrix, Planned, Refused, Rows};
pub use rescore::{EarlierRun, Rescore, Rescored};
pub use score::{Said, Score};
pub use shuffle::Shuffle;
