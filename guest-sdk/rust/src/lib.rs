//! What the author of an Arena evaluator writes against: takes typed functions and structs, gives a WebAssembly
//! component of the `arena:evaluator` worlds with its metadata document. Knows nothing of the host's insides, reads
//! no files and opens no sockets: what a check may touch comes in through [`Subject`], [`log`], [`judge`] and [`embed`].
//!
//! ```
//! use arena_guest::prelude::*;
//!
//! #[derive(Deserialize, Params)]
//! struct Polite {
//!     /// Words that must not appear.
//!     banned: Vec<String>,
//! }
//!
//! /// Passes when the reply has none of the banned words.
//! #[evaluator(name = "polite", input = "reply")]
//! fn polite(subject: &Subject, params: Polite) -> Result<Verdict, CheckError> {
//!     let reply = subject.reply_text();
//!     match params.banned.iter().find(|word| reply.contains(word.as_str())) {
//!         Some(word) => Ok(Verdict::fail(format!("the reply says {word:?}"))),
//!         None => Ok(Verdict::pass("no banned word")),
//!     }
//! }
//! # fn main() {}
//! ```

#[cfg(target_arch = "wasm32")]
mod allocator;
pub mod component;
pub mod embed;
mod excerpt;
mod guard;
pub mod judge;
pub mod log;
pub mod model_json;
mod params;
mod subject;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod verdict;
mod wording;

#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated")]
mod bindings;

pub use arena_guest_macros::{Params, evaluator, guardrail, template_engine};
pub use bindings::evaluator::arena::evaluator::types::{
    Author, CheckError, Event, Evidence, Message, Metric, Part, Role, ToolCall, Usage, Verdict,
};
pub use bindings::template::exports::arena::evaluator::templating::TemplateError;
pub use component::{Evaluator, Guardrail, TemplateEngine};
pub use excerpt::{excerpt, excerpts};
pub use guard::{Action, Guard};
pub use params::{NoParams, Params, Schema, nullable};
pub use subject::{Reply, Subject};

/// Crates that the macros' output and most checks need, in the versions this SDK was built with.
pub use {serde, serde_json};

/// Everything a check usually needs: `use arena_guest::prelude::*;`
pub mod prelude {
    pub use crate::{
        Action, CheckError, Evaluator, Guard, Guardrail, Message, Params, Role, Subject, TemplateError, Verdict, embed,
        evaluator, excerpt, excerpts, guardrail, judge, log, template_engine,
    };
    pub use serde::Deserialize;
}
