//! The one way out for what a bundle names (live tools, MCP servers): takes a request and an allow-list that somebody
//! else than the bundle wrote, gives the answer in pieces, or says why nothing was sent. Hosts, ports and the addresses
//! that are connected to are checked on every hop; sizes, headers, hops and time are bounded. Never reads a proxy, a
//! cookie or a key, never retries, never decides who may be called.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod address;
mod allow;
mod answer;
mod error;
mod request;
mod resolve;
mod send;

pub use address::is_public;
pub use allow::{AllowError, AllowList};
pub use answer::Answer;
pub use error::EgressError;
pub use request::{Method, Request};
pub use resolve::Lookup;
pub use send::{Egress, Limits};
