//! Real git over http(s): bare repositories behind `git http-backend`.

mod backend;
mod repository;
mod server;

pub use repository::{Change, Repository};
pub use server::{GitFault, GitRequests, GitServer, GitServerOptions};
