//! Where the queue's Redis is, and how long it may take.

use std::fmt;
use std::time::Duration;

use redis::{ConnectionInfo, IntoConnectionInfo};

use crate::QueueError;

/// How to reach a Redis and how patient to be. `Debug` keeps the password to itself.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://host:port`, `rediss://host:port` for TLS, or `redis+unix:///path`.
    pub url: String,
    /// User; none is the one of the URL, or `default`.
    pub username: Option<String>,
    /// Password; none is the one of the URL, or no log-in at all.
    pub password: Option<String>,
    /// Longest wait for a connection, log-in included.
    pub connect_timeout: Duration,
    /// Longest wait for an answer; the connection is given up then.
    pub response_timeout: Duration,
    /// How often a call is tried over a server that cannot be reached, at least 1.
    pub attempts: u32,
    /// Wait before the second try; doubles with each further one, up to 32 times.
    pub backoff: Duration,
}

impl RedisOptions {
    /// A Redis without a user of its own, and patience of some seconds.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            username: None,
            password: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(10),
            attempts: 6,
            backoff: Duration::from_millis(100),
        }
    }

    pub(super) fn info(&self) -> Result<ConnectionInfo, QueueError> {
        let invalid = |error: redis::RedisError| QueueError::AddressInvalid { why: error.to_string() };
        let info = self.url.as_str().into_connection_info().map_err(invalid)?;
        let mut login = info.redis_settings().clone().set_skip_set_lib_name();
        if let Some(username) = &self.username {
            login = login.set_username(username);
        }
        if let Some(password) = &self.password {
            login = login.set_password(password);
        }
        Ok(info.set_redis_settings(login))
    }

    /// Wait before try `attempt`, which is 2 or more.
    pub(super) fn wait(&self, attempt: u32) -> Duration {
        self.backoff.saturating_mul(1 << attempt.saturating_sub(2).min(5))
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password too.
        f.debug_struct("RedisOptions").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_printed() {
        let mut options = RedisOptions::new("redis://:hidden@host");
        options.password = Some("hidden".into());
        assert!(!format!("{options:?}").contains("hidden"));
    }

    #[test]
    fn the_wait_doubles_to_its_limit() {
        let options = RedisOptions::new("redis://host");
        let waits: Vec<_> = [2, 3, 7, 8, u32::MAX].map(|attempt| options.wait(attempt).as_millis()).into();
        assert_eq!(waits, [100, 200, 3200, 3200, 3200]);
    }

    #[test]
    fn a_bad_url_is_refused() {
        assert!(matches!(RedisOptions::new("http://host").info(), Err(QueueError::AddressInvalid { .. })));
    }
}
