//! LLM vendors on the wire: the call inside station 7. Takes a conversation and sampling parameters, gives the model's
//! next message with tokens, cost and times, retrying what may pass; never runs a tool, never judges, never shows a key.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod auth;
mod cache;
mod chat;
mod client;
mod connect;
mod destination;
mod embed;
mod error;
mod framing;
mod http;
mod mock;
mod pricing;
mod purse;
mod replay;
mod retry;
mod secret;
mod settings;
mod tap;
mod traffic;
mod vendor;
mod wire;

pub use cache::{CacheLimits, CacheMode, CacheUse, ResponseCache, Reuse, measure, prune};
pub use chat::{ChatReply, ChatRequest, GUARDED, MockContext, Provider, Remark, ToolSpec, Watch};
pub use connect::{Environment, FileReader, KINDS, OTHER_KINDS, connect, connect_embedder, offline_embedder};
pub use destination::{Destination, KeyPlace, destination};
pub use embed::{EMBED_DIMENSIONS, EMBED_TEXT_BYTES, EMBED_TEXTS, EmbedReply, Embedder};
pub use error::{Cause, OUT_OF_BUDGET, ProviderError};
pub use http::{HttpClient, HttpSettings};
pub use pricing::{Pricing, price};
pub use purse::{Amount, Budget, Meter, Metered, MeteredEmbedder, Purse, USUAL_TOKENS};
pub use retry::{RetryPolicy, Sleep};
pub use secret::{Secret, is_secret_header};
pub use settings::{Credential, Limits, Platform, ProviderSettings, Role, Sampling};
pub use traffic::{Admission, Ask, LocalPermits, PermitSource, Permits, PermitsError, TrafficChange, TrafficReport};
