//! Limits of a provider that the workers of all jobs share: when the next request may go, and who is under way, in two keys
//! below `arena:permits:{<name>}:`. Requests of a minute are evenly spaced (the generic cell rate algorithm).

use std::time::Duration;

use redis::{Script, Value};

use super::link::{Again, Links, Request};
use super::{RedisOptions, Result};
use crate::{JobId, QueueError};

/// Requests of one minute are a little further apart than they need to be: their journeys to the vendor differ in length,
/// and it counts arrivals.
const MINUTE_MICROS: f64 = 60_500_000.0;
/// The longest that anything is reckoned with: a vendor may claim any number of tokens.
const DAY_MICROS: f64 = 86_400_000_000.0;

/// What a provider is asked for at most. None is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PermitLimits {
    /// Requests at once.
    pub concurrency: Option<u32>,
    /// Requests in any minute.
    pub requests_per_minute: Option<u32>,
    /// Requests that may come at once, out of those of a minute; 1 if it is none.
    pub burst: Option<u32>,
    /// Tokens in any minute.
    pub tokens_per_minute: Option<u32>,
}

/// The answer to a request that wants a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// It may go after this wait.
    At(Duration),
    /// As many as may are under way; ask again after this.
    Busy(Duration),
    /// Its turn comes later than it can wait. Nothing was taken.
    Never,
}

/// The limits of one provider, over one connection at a time.
pub struct RedisPermits {
    links: Links,
    limits: PermitLimits,
    keys: [String; 2],
    ask: Script,
    end: Script,
}

impl RedisPermits {
    /// Limits kept under `name`, by all who use the name. The first call connects.
    ///
    /// # Errors
    /// [`QueueError::AddressInvalid`] for a URL that is none, and as [`JobId::new`] for a name that is no such id.
    pub fn new(options: RedisOptions, name: &str, limits: PermitLimits) -> Result<Self> {
        let prefix = prefix(&JobId::new(name)?);
        let script = |text: &str| Script::new(&[include_str!("lua/clock.lua"), text].concat());
        Ok(Self {
            links: Links::new(options)?,
            limits,
            keys: [format!("{prefix}times"), format!("{prefix}holders")],
            ask: script(include_str!("lua/permit_ask.lua")),
            end: script(include_str!("lua/permit_end.lua")),
        })
    }

    /// A place for one request of about `tokens`, which can wait for `within`. Among those at once it has its place under
    /// the name `holder` for at most `hold`.
    ///
    /// # Errors
    /// As the calls of [`crate::RedisQueue`].
    pub async fn ask(&self, tokens: u64, within: Duration, hold: Duration, holder: &str) -> Result<Permit> {
        let gap = self.limits.requests_per_minute.map_or(0.0, |most| MINUTE_MICROS / f64::from(most.max(1)));
        let burst = self.limits.burst.unwrap_or(1).clamp(1, self.limits.requests_per_minute.unwrap_or(1).max(1));
        let whole = |micros: f64| format!("{:.0}", micros.min(DAY_MICROS).ceil());
        let micros = |span: Duration| whole(span.as_micros() as f64);
        let arguments = vec![
            whole(gap),
            whole(gap * f64::from(burst - 1)),
            self.limits.tokens_per_minute.map_or_else(|| "-1".to_owned(), |_| whole(self.span(tokens))),
            self.limits.concurrency.unwrap_or(0).to_string(),
            micros(within),
            micros(hold),
            holder.to_owned(),
        ];
        // A place that was given in an answer that was lost is given back by time.
        let (kind, micros) = self.call(Again::No, &self.ask, arguments).await?;
        let wait = Duration::from_micros(micros);
        match kind {
            0 => Ok(Permit::At(wait)),
            1 => Ok(Permit::Busy(wait)),
            _ => Ok(Permit::Never),
        }
    }

    /// The request of `holder` is over. It was thought to take `asked` tokens and took `used`.
    ///
    /// # Errors
    /// As the calls of [`crate::RedisQueue`]. The place is free again in any case, at the latest when its time is up.
    pub async fn end(&self, holder: &str, asked: u64, used: u64) -> Result<()> {
        let more = match self.limits.tokens_per_minute {
            Some(_) => self.span(used) - self.span(asked),
            None => 0.0,
        };
        self.call(Again::No, &self.end, vec![holder.to_owned(), format!("{more:.0}")]).await.map(|_| ())
    }

    /// The time that so many tokens take up, in microseconds.
    fn span(&self, tokens: u64) -> f64 {
        let most = f64::from(self.limits.tokens_per_minute.unwrap_or(1).max(1));
        (tokens as f64 * MINUTE_MICROS / most).min(DAY_MICROS)
    }

    async fn call(&self, again: Again, script: &Script, arguments: Vec<String>) -> Result<(i64, u64)> {
        let request = Request::Keyed { script, keys: &self.keys, arguments: &arguments };
        match self.links.send(again, &request).await? {
            Value::Array(parts) => match parts[..] {
                [Value::Int(kind), Value::Int(micros)] => Ok((kind, u64::try_from(micros).unwrap_or(0))),
                _ => Err(odd(&parts)),
            },
            other => Err(odd(&[other])),
        }
    }
}

fn odd(answer: &[Value]) -> QueueError {
    QueueError::ServerFailed { why: format!("a script for permits answered {answer:?}") }
}

/// Prefix of the keys under a name; the braces keep them in one slot of a cluster.
pub(super) fn prefix(name: &JobId) -> String {
    format!("arena:permits:{{{name}}}:")
}
