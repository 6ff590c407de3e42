//! One attempt: a request, and its answer whatever form it has.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use tokio::time::timeout;

use super::Client;
use super::body::BodyError;
use super::line::Sent;
use crate::auth::Passing;
use crate::chat::{ChatRequest, Watch};
use crate::error::Cause;
use crate::framing::{BadFrame, Event, Framing};
use crate::secret::Secret;
use crate::tap::Tap;
use crate::wire::{Draft, NoReply, Said, Stop};

/// How long the end of a finished stream is waited for, so that its connection can be used again.
const TAIL_WAIT: Duration = Duration::from_millis(100);

/// A successful attempt.
pub(super) struct Done {
    pub(super) said: Said,
    pub(super) latency: Duration,
    pub(super) ttft: Option<Duration>,
    pub(super) passing: Passing,
}

impl Client {
    /// An attempt within the limits of its provider.
    pub(super) async fn guarded(&self, body: &Bytes, streamed: bool, request: &ChatRequest<'_>) -> Result<Done, Cause> {
        // About four bytes of a body are a token; what comes back is settled when it is known.
        let estimate = body.len() as u64 / 4 + u64::from(request.max_tokens.or(self.max_tokens).unwrap_or(0));
        let pass = self.line.traffic.enter(estimate, &*self.line.http.sleep, request.deadline).await?;
        let ended = self.attempt(body.clone(), streamed, request.watch, request.deadline).await;
        let used = ended.as_ref().ok().and_then(|done| done.said.usage).map(|usage| usage.total());
        pass.leave(ended.as_ref().err(), used).await;
        ended
    }

    async fn attempt(
        &self,
        body: Bytes,
        streamed: bool,
        watch: Option<&dyn Watch>,
        deadline: Instant,
    ) -> Result<Done, Cause> {
        let url = if streamed { &self.streamed } else { &self.plain };
        let Sent { response, passing, times } = self.line.send(url, body, deadline).await?;
        let start = times.start;
        let (said, ttft) = if is_stream(response.headers()).unwrap_or(streamed) {
            self.read_stream(response, watch, passing.as_ref(), start, deadline).await?
        } else {
            let body = self.line.whole(response, passing.as_ref(), times).await?;
            (self.wire.read(&body).map_err(|error| self.line.no_reply(error, passing.as_ref()))?, None)
        };
        Ok(Done { said, latency: start.elapsed(), ttft, passing })
    }

    async fn read_stream(
        &self,
        mut response: Response,
        watch: Option<&dyn Watch>,
        passing: Option<&Secret>,
        start: Instant,
        deadline: Instant,
    ) -> Result<(Said, Option<Duration>), Cause> {
        let (mut framing, mut draft) = (Framing::new(self.wire.framing()), Draft::default());
        let (mut ttft, mut size, mut seen) = (None, 0, 0);
        let own = passing.map(|token| self.line.redactor.and(token));
        let mut tap = watch.map(|watch| Tap::new(watch, own.as_ref().unwrap_or(&self.line.redactor)));
        if let Some(watch) = watch {
            watch.begin().await;
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = self.stream_idle_timeout.min(left);
            let Ok(chunk) = timeout(wait, response.chunk()).await else {
                let endpoint = self.line.endpoint.clone();
                return Err(if left <= self.stream_idle_timeout {
                    Cause::ProviderTimeout { endpoint, limit: start.elapsed() }
                } else {
                    Cause::StreamIdle { endpoint, limit: wait }
                });
            };
            let chunk = chunk.map_err(|error| self.line.broken(BodyError::Broken(error), passing))?;
            let mut take = |event: Result<Event<'_>, BadFrame>| match event {
                Ok(event) => self.wire.take(event, &mut draft),
                Err(BadFrame(text)) => ControlFlow::Break(Stop::Failed(NoReply::Bad(text))),
            };
            let ended = chunk.is_none();
            let flow = match chunk {
                None => framing.end(&mut take),
                Some(chunk) => {
                    size += chunk.len();
                    if size > self.line.http.reply_limit {
                        return Err(self.line.broken(BodyError::TooLarge, passing));
                    }
                    framing.feed(&chunk, &mut take)
                }
            };
            if draft.begun {
                ttft.get_or_insert_with(|| start.elapsed());
            }
            if let Some(watching) = tap.as_mut().filter(|_| draft.text.len() > seen) {
                let more = draft.text[seen..].to_owned();
                seen += more.len();
                // The end of a stream is no less to be watched than its middle.
                if !matches!(flow, ControlFlow::Break(Stop::Failed(_))) && watching.more(&more).await.is_break() {
                    // The connection ends with the response: what it would still have said is not wanted.
                    let shown = tap.map(Tap::into_shown).unwrap_or_default();
                    return Ok((draft.into_cut(shown), ttft));
                }
            }
            match flow {
                ControlFlow::Continue(()) if !ended => {}
                ControlFlow::Continue(()) if draft.is_finished() => break,
                // A server that says `[DONE]` and no reason may have lost the rest: better asked again than half judged.
                ControlFlow::Break(Stop::Done) if !draft.is_finished() => return Err(self.cut_short()),
                ControlFlow::Continue(()) => return Err(self.cut_short()),
                ControlFlow::Break(Stop::Done) => {
                    // Nothing depends on what comes after the end, or on whether it comes.
                    let _ = timeout(TAIL_WAIT, response.chunk()).await;
                    break;
                }
                ControlFlow::Break(Stop::Failed(error)) => return Err(self.line.no_reply(error, passing)),
            }
        }
        Ok((draft.into_said(), ttft))
    }

    fn cut_short(&self) -> Cause {
        let text = "the stream ended before the model said that it had finished".to_owned();
        Cause::StreamBroken { endpoint: self.line.endpoint.clone(), text }
    }
}

/// Whether an answer is a stream; none if it does not say.
fn is_stream(headers: &HeaderMap) -> Option<bool> {
    const STREAMS: [&[u8]; 3] = [b"text/event-stream", b"application/x-ndjson", b"application/vnd.amazon.eventstream"];
    let kind = headers.get(CONTENT_TYPE)?.as_bytes();
    let is = |wanted: &[u8]| kind.get(..wanted.len()).is_some_and(|head| head.eq_ignore_ascii_case(wanted));
    if STREAMS.into_iter().any(is) {
        Some(true)
    } else if is(b"application/json") {
        Some(false)
    } else {
        None
    }
}
