//! What every check that asks a judge shares: takes criteria and the material to judge, gives one question, and reads
//! the verdict out of the answer. Never compares with a threshold (the host does) and never guesses: an answer it
//! cannot read is an error.
//!
//! What is judged was written by a model that may want to please or to deceive the judge, so it stands between two
//! lines that do not occur in it, and the judge is told that everything between them is data.

mod answer;
mod inquiry;
mod params;
mod turn;

pub use answer::read;
pub use inquiry::{Inquiry, MATERIAL_LIMIT};
pub use params::Points;
pub use turn::{last_question, reply};
