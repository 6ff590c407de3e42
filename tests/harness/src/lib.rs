//! The test world: real peers (Redis, Kubernetes, git, a registry) and fake vendors. Takes options, gives a running
//! peer with a free port and a folder of its own; never leaves loopback and the networks it made, never outlives its
//! owner, never holds a credential that is worth anything.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod authority;
mod behaviour;
mod cluster;
mod command;
mod control_plane;
mod error;
mod git;
mod go_program;
mod identity;
mod image;
mod kubectl;
mod needs;
mod port;
mod process;
pub mod program;
mod raw_server;
mod redis;
mod registry;
mod scratch;
mod setup;
mod tls;
mod vendor;
mod wire;

pub use authority::{Authority, Certificate};
pub use behaviour::{Behaviour, Failing, Failure, ParseFailureError, Reply, ScriptLine, TokenDetails};
pub use cluster::{BUSYBOX, Cluster, remove_leftovers};
pub use control_plane::{Access, ControlPlane, ControlPlaneOptions};
pub use error::HarnessError;
pub use git::{Change, GitFault, GitRequests, GitServer, GitServerOptions, Repository};
pub use go_program::{GoProgram, HELM, KUBE_SCORE, KUBECONFORM, KUBECTL, cache_folder};
pub use identity::{Identity, ParseIdentityError};
pub use image::{ImageBuilder, ImageContent, PROGRAM_IMAGE, PushedImage, build_redis_image};
pub use kubectl::Kubectl;
pub use needs::{Need, runs_here};
pub use port::Port;
pub use process::Process;
pub use raw_server::{RawRequest, RawServer};
pub use redis::{AppendOnly, Redis, RedisData, RedisOptions};
pub use registry::{Registry, RegistryOptions};
pub use scratch::Scratch;
pub use setup::{set_up, set_up_images};
pub use vendor::{FakeVendor, VendorError};

/// A password, token or name that nobody guesses: 32 hex digits.
pub(crate) fn secret() -> Result<String, HarnessError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| HarnessError::Machine(format!("no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
