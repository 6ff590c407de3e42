//! Embeddings of any vendor that is reached over HTTP.

use std::time::Instant;

use arena_model::Usage;
use async_trait::async_trait;
use reqwest::Url;

use super::line::Line;
use super::{bounded, remarks};
use crate::chat::Remark;
use crate::destination::KeyPlace;
use crate::embed::{EmbedReply, Embedder, check_texts, check_vectors};
use crate::error::{Cause, ProviderError};
use crate::http::HttpClient;
use crate::retry::Tries;
use crate::secret::Secret;
use crate::settings::{ProviderSettings, Role};
use crate::vendor::vendor;
use crate::wire::NoReply;
use crate::wire::embeddings::{Embedded, Embeddings};

/// One model behind one endpoint.
pub(crate) struct EmbeddingClient {
    line: Line,
    wire: Embeddings,
    place: Url,
    remarks: Vec<Remark>,
}

impl EmbeddingClient {
    /// `find_key` gets the place to look at.
    pub(crate) fn new(
        settings: &ProviderSettings,
        http: &HttpClient,
        find_key: impl FnOnce(&KeyPlace) -> Result<Option<Secret>, Cause>,
    ) -> Result<Self, Cause> {
        let settings = ProviderSettings { role: Role::Embedding, ..settings.clone() };
        let vendor = vendor(&settings)?;
        let line = Line::new(&settings, http, &vendor, find_key)?;
        let wire = Embeddings::new(vendor.embeddings(&settings)?, &settings);
        Ok(Self { remarks: remarks(&[], &line), place: vendor.plain, wire, line })
    }

    /// An attempt within the limits of its provider.
    async fn attempt(&self, texts: &[&str], deadline: Instant) -> Result<Embedded, Cause> {
        let body = self.wire.body(texts);
        // About four bytes of a body are a token; what it was is settled when it is known.
        let estimate = body.len() as u64 / 4;
        let pass = self.line.traffic.enter(estimate, &*self.line.http.sleep, deadline).await?;
        let ended = async {
            let sent = self.line.send(&self.place, body, deadline).await?;
            let passing = sent.passing.as_ref();
            let body = self.line.whole(sent.response, passing, sent.times).await?;
            let read = self.wire.read(&body).and_then(|embedded| {
                check_vectors(&embedded.vectors, texts.len()).map_err(NoReply::Bad)?;
                Ok(embedded)
            });
            read.map_err(|error| self.line.no_reply(error, passing))
        };
        let ended = ended.await;
        pass.leave(ended.as_ref().err(), ended.as_ref().ok().and_then(|embedded| embedded.tokens)).await;
        ended
    }

    /// The vectors of as many texts as the vendor takes at once, and the attempts that they took.
    async fn request(&self, texts: &[&str], deadline: Instant) -> Result<(Embedded, u32), ProviderError> {
        let mut tries = Tries::default();
        loop {
            match self.attempt(texts, deadline).await {
                Ok(embedded) => return Ok((embedded, tries.failed() + 1)),
                Err(cause) => self.line.again(cause, &mut tries, deadline).await?,
            }
        }
    }
}

#[async_trait]
impl Embedder for EmbeddingClient {
    async fn embed(&self, texts: &[&str], deadline: Instant) -> Result<EmbedReply, ProviderError> {
        check_texts(texts).map_err(|cause| cause.by(&self.line.id, 0))?;
        let (mut vectors, mut tokens, mut attempts) = (Vec::with_capacity(texts.len()), Some(0_u64), 0);
        for part in texts.chunks(self.wire.most()) {
            let (embedded, tries) = self.request(part, deadline).await?;
            vectors.extend(embedded.vectors);
            tokens = tokens.zip(embedded.tokens).map(|(sum, one)| sum.saturating_add(one));
            attempts += tries;
        }
        // Each answer is sound by itself; together they must be so as well.
        check_vectors(&vectors, texts.len()).map_err(|text| {
            Cause::BadReply { endpoint: self.line.endpoint.clone(), text }.by(&self.line.id, attempts)
        })?;
        let usage = tokens.map(|input| bounded(Usage { input, ..Usage::default() }));
        Ok(EmbedReply { vectors, usage, cost_usd_micro: self.line.cost(usage), attempts })
    }

    fn model(&self) -> &str {
        &self.line.model
    }

    fn endpoint(&self) -> Option<&str> {
        Some(&self.line.endpoint)
    }

    fn remarks(&self) -> &[Remark] {
        &self.remarks
    }
}
