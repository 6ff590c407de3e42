//! Makes vectors of guests' texts with the providers of embeddings that the bundle names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_model::Fault as _;
use arena_provider::{Embedder, ProviderError};
use arena_sandbox::{EmbedAnswer, EmbedFailure, EmbedHost, EmbedQuestion};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::library::nearest;

/// Longest wait for the vectors of one call, retries included.
const EMBED_TIMEOUT: Duration = Duration::from_secs(120);

/// Providers of embeddings by id, or why one cannot be called.
pub type Embedding = BTreeMap<String, Result<Arc<dyn Embedder>, ProviderError>>;

/// The providers of embeddings of a run.
pub struct Embedders {
    embedders: Embedding,
    /// Whom a guest means that names none.
    usual: Option<String>,
    /// Guests ask on threads of their own, which have no IO; calls are made here.
    io: Option<Handle>,
}

#[async_trait::async_trait]
impl EmbedHost for Embedders {
    async fn embed(&self, question: &EmbedQuestion) -> Result<EmbedAnswer, EmbedFailure> {
        let (name, embedder) = self.find(question.embedder.as_deref()).map_err(EmbedFailure::Unknown)?;
        let failed = |why: String| EmbedFailure::Failed(format!("embedder `{name}`: {why}"));
        let embedder = embedder.as_ref().map_err(|error| failed(error.to_string()))?.clone();
        let texts = question.texts.clone();
        let call = async move {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            embedder.embed(&texts, Instant::now() + EMBED_TIMEOUT).await
        };
        let io = self.io.as_ref().ok_or_else(|| failed("there is no runtime to call it from".to_owned()))?;
        // The set ends the call if the guest's time runs out first.
        let mut calls = JoinSet::new();
        calls.spawn_on(call, io);
        let answered = calls.join_next().await.ok_or_else(|| failed("the call was lost".to_owned()))?;
        let reply = answered.map_err(|error| failed(error.to_string()))?;
        let reply = reply.map_err(|error| failed(format!("{}: {error}", error.reason())))?;
        Ok(EmbedAnswer {
            embedder: name.clone(),
            vectors: reply.vectors,
            usage: reply.usage.unwrap_or_default(),
            cost_usd_micro: reply.cost_usd_micro,
        })
    }
}

impl Embedders {
    /// Providers that are called on the runtime this is called on. `usual` is the one that a guest means which names none.
    pub fn new(embedders: Embedding, usual: Option<String>) -> Self {
        Self { embedders, usual, io: Handle::try_current().ok() }
    }

    /// The provider of this id, the usual one if none is named.
    #[allow(clippy::type_complexity, reason = "an entry of the map")]
    pub(crate) fn find(
        &self,
        name: Option<&str>,
    ) -> Result<(&String, &Result<Arc<dyn Embedder>, ProviderError>), String> {
        let Some(name) = name.or(self.usual.as_deref()) else {
            return Err(
                "this run has no provider of embeddings; add one with `role: embedding` to the arena file".to_owned()
            );
        };
        self.embedders.get_key_value(name).ok_or_else(|| {
            let known = self.embedders.keys().map(String::as_str);
            match nearest(name, known) {
                Some(meant) => format!("no provider of embeddings is named `{name}`; did you mean `{meant}`?"),
                None => format!("no provider of embeddings is named `{name}`; add it with `role: embedding`"),
            }
        })
    }
}
