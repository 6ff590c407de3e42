//! Single questions to Redis, by its simplest protocol.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::stand::Stand;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The answer to a command of the administrator.
pub fn ask(stand: &Stand<'_>, command: &str) -> Result<String> {
    let url = stand.redis.url();
    let login = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).context("a URL without login")?.0;
    let (user, password) = login.split_once(':').context("a login without password")?;
    match ask_as(&stand.redis.address(), user, password, command)? {
        Answer::Given(text) => Ok(text),
        Answer::Refused(text) => bail!("Redis refuses {command}: {text}"),
    }
}

/// What Redis said.
#[derive(Debug)]
pub enum Answer {
    /// It did it.
    Given(String),
    /// It refused the login, the command or the key.
    Refused(String),
}

/// The answer to a command of a user.
pub fn ask_as(address: &str, user: &str, password: &str, command: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(address).context("Redis cannot be reached")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "AUTH {user} {password}\r\n{command}\r\nQUIT\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let refused = ["-WRONGPASS", "-NOPERM", "-NOAUTH", "-ERR"].iter().any(|word| answer.contains(word));
    Ok(if refused { Answer::Refused(answer) } else { Answer::Given(answer) })
}
