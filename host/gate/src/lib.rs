//! Gates as text: what must hold for a run to pass. Takes expressions such as `pass_rate >= 0.95`, gives whether they hold
//! over a summary; never reads a file, never compares runs itself.

mod error;
mod expression;
mod judge;
mod known;
mod metric;

pub use error::GateError;
pub use expression::{Comparison, Gate, Operator, Regression};
pub use judge::judge;
pub use known::Known;
pub use metric::{End, Metric, Selector, SliceKind, Unit};
