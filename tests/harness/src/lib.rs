//! The test world's fake peers. Takes a description of how a vendor shall behave, gives a real server on loopback that
//! behaves so and counts what it was asked; never leaves loopback, never outlives its owner, never holds a credential.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod behaviour;
mod completion;
mod vendor;

pub use behaviour::{Behaviour, Failing, Failure, ParseFailureError, Reply, ScriptLine};
pub use vendor::{FakeVendor, VendorError};
