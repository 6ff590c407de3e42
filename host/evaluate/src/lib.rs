//! Station 7: one case end to end. Takes a case of the plan, the bundle, the connected providers and the sandbox;
//! renders the prompt, holds the conversation, scores it, and gives one record. Every criterion and every template
//! engine runs in Wasm: there is no check and no template engine in here. Never knows a queue, a file or a cluster.

mod answers;
mod case;
mod check;
mod condition;
mod conversation;
mod embedders;
mod embedding;
mod evaluator;
mod group;
mod guardrails;
mod judge;
mod library;
mod mcp;
mod preflight;
mod prompt;
mod score;

/// What a run may spend, for those who run cases and call nobody.
pub use arena_provider::{Amount, Budget, OUT_OF_BUDGET, Purse};
pub use case::CaseInput;
pub use check::check_type;
pub use conversation::{
    ANSWERS, Again, Earlier, MAPPINGS, Rejudged, RejudgedCheck, ReplayError, SCHEMAS, Which, refers,
};
pub use embedders::{Embedders, Embedding};
pub use evaluator::{CaseClock, Evaluator, EvaluatorParts, ToolKeys, template_of};
pub use library::{ComponentBytes, ComponentSource, Library, LibraryError, Resolved, WATCHED, pins};
pub use preflight::Finding;
