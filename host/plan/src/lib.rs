//! Station 5, the plan. Takes the scenarios, providers and dataset sizes of a checked bundle and gives N cases,
//! each addressed by its index alone, and one lane per provider with the two-way map between index and lane place.
//! Never reads a file, never renders a template, never holds a case: ten cases and ten million cost the same. Only where
//! single cases are picked out of a plan, each costs two numbers.

mod block;
mod bundle;
mod effective;
mod error;
mod filter;
mod input;
mod names;
mod pick;
mod picked;
mod plan;
mod select;

pub use bundle::input;
pub use effective::{effective, refuse_unbound};
pub use error::PlanError;
pub use filter::filter;
pub use input::{DEFAULT_CAP, PlanInput, PlanScenario};
pub use pick::{Listed, pick};
pub use plan::{CaseRef, Lane, Plan};
