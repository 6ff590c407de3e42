//! One connection at a time, and the run id of the server at its other end.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, Script, ServerErrorKind, Value};
use tokio::sync::Mutex;

use super::RedisOptions;
use super::script::{Arguments, Scripts};
use crate::{JobId, QueueError};

/// Oldest server whose commands the scripts know.
const MIN_MAJOR: u32 = 7;

/// A connection that never reconnects, so that what was read once on it stays true.
struct Link {
    connection: MultiplexedConnection,
    run: String,
}

/// Makes a new connection when one is lost, and tries a call again where that does no harm.
pub(super) struct Links {
    options: RedisOptions,
    client: Client,
    link: Mutex<Option<Arc<Link>>>,
}

/// Whether a call may be sent again when its answer was lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Twice is as good as once.
    Yes,
    /// The second one would do something else.
    No,
}

/// What goes over a connection.
pub(super) enum Request<'a> {
    Command(&'a Cmd),
    Script {
        scripts: &'a Scripts,
        script: &'a Script,
        job: &'a JobId,
        arguments: &'a Arguments,
    },
    /// A script that belongs to no job.
    Keyed {
        script: &'a Script,
        keys: &'a [String],
        arguments: &'a [String],
    },
}

impl Request<'_> {
    async fn send(&self, link: &Link) -> Result<Value, RedisError> {
        let mut connection = link.connection.clone();
        match *self {
            Self::Command(command) => command.query_async(&mut connection).await,
            Self::Script { scripts, script, job, arguments } => {
                scripts.call(script, job, &link.run, arguments).invoke_async(&mut connection).await
            }
            Self::Keyed { script, keys, arguments } => {
                let mut call = script.prepare_invoke();
                keys.iter().for_each(|key| {
                    call.key(key);
                });
                call.arg(arguments).invoke_async(&mut connection).await
            }
        }
    }
}

impl Links {
    pub fn new(options: RedisOptions) -> Result<Self, QueueError> {
        let info = options.info()?;
        let client = Client::open(info).map_err(|error| QueueError::AddressInvalid { why: error.to_string() })?;
        Ok(Self { options, client, link: Mutex::new(None) })
    }

    /// Sends a request until it is answered, or there is no use or no harmless way in sending it again.
    pub async fn send(&self, again: Again, request: &Request<'_>) -> Result<Value, QueueError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let (error, sent) = match self.link().await {
                Err(Connect::Unfit(error)) => return Err(error),
                Err(Connect::Failed(error)) => (error, false),
                Ok(link) => match request.send(&link).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => {
                        if broken(&error) {
                            self.drop_link(&link).await;
                        }
                        (error, true)
                    }
                },
            };
            // A server that answers an error has done nothing.
            let lost = sent && broken(&error);
            if !passing(&error) || tried >= self.options.attempts || (lost && again == Again::No) {
                return Err(fault(&error, tried));
            }
            tokio::time::sleep(self.options.wait(tried + 1)).await;
        }
    }

    async fn link(&self) -> Result<Arc<Link>, Connect> {
        let mut held = self.link.lock().await;
        if let Some(link) = held.as_ref() {
            return Ok(link.clone());
        }
        let link = Arc::new(self.connect().await?);
        *held = Some(link.clone());
        Ok(link)
    }

    async fn drop_link(&self, broken: &Arc<Link>) {
        let mut held = self.link.lock().await;
        // Another call may have made a new one since.
        if held.as_ref().is_some_and(|link| Arc::ptr_eq(link, broken)) {
            *held = None;
        }
    }

    async fn connect(&self) -> Result<Link, Connect> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.options.connect_timeout))
            .set_response_timeout(Some(self.options.response_timeout));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let info: String = redis::cmd("INFO").query_async(&mut connection).await?;
        let run = fit(&info).map_err(|why| Connect::Unfit(QueueError::ServerUnfit { why }))?;
        Ok(Link { connection, run })
    }
}

enum Connect {
    Failed(RedisError),
    Unfit(QueueError),
}

impl From<RedisError> for Connect {
    fn from(error: RedisError) -> Self {
        Self::Failed(error)
    }
}

/// The run id out of the answer to INFO, if the server is one that keeps what it is given.
fn fit(info: &str) -> Result<String, String> {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let version = field("redis_version").unwrap_or("unknown");
    if version.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_none_or(|major| major < MIN_MAJOR) {
        return Err(format!("its version is {version}; use {MIN_MAJOR} or newer"));
    }
    if let Some(policy) = field("maxmemory_policy").filter(|policy| policy.starts_with("allkeys")) {
        return Err(format!("its maxmemory-policy {policy} forgets keys at will; set noeviction"));
    }
    field("run_id").map(str::to_owned).ok_or_else(|| "its INFO has no run_id".into())
}

/// The connection is of no more use.
fn broken(error: &RedisError) -> bool {
    error.is_unrecoverable_error()
        || error.is_io_error()
        || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

/// May be over soon: no connection, a server that loads its data, or one that is not the master (any more).
fn passing(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, MasterDown, TryAgain};
    let waits = [BusyLoading, MasterDown, TryAgain].map(ErrorKind::Server).contains(&error.kind());
    (broken(error) || waits || error.code() == Some("BUSY")) && error.kind() != ErrorKind::AuthenticationFailed
}

fn fault(error: &RedisError, attempts: u32) -> QueueError {
    let why = error.to_string();
    let refused = error.kind() == ErrorKind::AuthenticationFailed
        || error.code().is_some_and(|code| ["NOAUTH", "NOPERM", "WRONGPASS"].contains(&code))
        // What a command inside a script is refused with has no code of its own.
        || why.contains("The user executing the script can't");
    if refused {
        QueueError::Refused { why }
    } else if passing(error) {
        QueueError::Unreachable { attempts, why }
    } else {
        QueueError::ServerFailed { why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_forgets_or_is_too_old_is_unfit() {
        let info = |version: &str, policy: &str| {
            format!("# Server\r\nredis_version:{version}\r\nrun_id:abc\r\nmaxmemory_policy:{policy}\r\n")
        };
        assert_eq!(fit(&info("7.0.15", "noeviction")), Ok("abc".into()));
        assert_eq!(fit(&info("7.2.4", "volatile-lru")), Ok("abc".into()), "our keys never expire");
        assert!(fit(&info("6.2.1", "noeviction")).unwrap_err().contains("6.2.1"));
        assert!(fit(&info("7.0.15", "allkeys-lru")).unwrap_err().contains("allkeys-lru"));
        assert!(fit("").is_err());
    }
}
