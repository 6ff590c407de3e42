//! Station 8: the only crate that names wasmtime. Takes component bytes, limits, grants and a conversation; gives
//! verdicts, rendered prompts and what they cost (fuel, memory, time, host calls). A guest gets no authority but
//! its grants, every limit has its own named error, and nothing a guest does reaches another evaluation. Never
//! reads a bundle, never talks to a network: what guests may ask of the world comes in as traits.

mod bindings;
mod cache;
mod compile;
mod component;
mod embed;
mod engine;
mod error;
mod guard;
mod host;
mod inspect;
mod judge;
mod kept;
mod limiter;
mod limits;
mod run;
mod sandbox;
mod state;
mod timer;
mod trap;
mod turn;
mod wasi;

pub use compile::{CompileChild, compile_child_main};
pub use component::{Asked, Component, Grants};
pub use embed::{EmbedAnswer, EmbedFailure, EmbedHost, EmbedQuestion};
pub use error::{GuestError, LoadError};
pub use guard::{Guard, GuardAction, GuardCall, GuardCost};
pub use inspect::{World, read_metadata};
pub use judge::{JudgeAnswer, JudgeFailure, JudgeHost, JudgeQuestion};
pub use limits::{Limits, LimitsError};
pub use run::{Call, Evaluation, LogLine, Verdict};
pub use sandbox::{Sandbox, SandboxSettings};
