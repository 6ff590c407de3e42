//! What came back, piece by piece and never more than the limit.

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Response;

use crate::error::EgressError;
use crate::send::failed;

/// The last answer of a request, its redirects followed.
#[derive(Debug)]
pub struct Answer {
    response: Response,
    host: String,
    left: usize,
    limit: usize,
    deadline: Instant,
}

impl Answer {
    pub(crate) fn new(response: Response, host: String, limit: usize, deadline: Instant) -> Result<Self, EgressError> {
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(EgressError::TooLarge { what: "answer", limit });
        }
        Ok(Self { response, host, left: limit, limit, deadline })
    }

    /// Status code.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The next piece of the body; none at its end.
    ///
    /// # Errors
    /// The limit or the deadline is passed, or the connection broke.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, EgressError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let piece = within(left, self.response.chunk()).await;
        let piece = piece.ok_or_else(|| EgressError::Timeout { host: self.host.clone() })?;
        let piece = piece.map_err(|error| failed(&self.host, &error))?;
        if let Some(piece) = &piece {
            let rest = self.left.checked_sub(piece.len());
            self.left = rest.ok_or(EgressError::TooLarge { what: "answer", limit: self.limit })?;
        }
        Ok(piece)
    }

    /// All of the body.
    ///
    /// # Errors
    /// As [`Answer::piece`].
    pub async fn whole(mut self) -> Result<Vec<u8>, EgressError> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}

/// What the future gives, if it does so in time.
pub(crate) async fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(time, future).await.ok()
}
