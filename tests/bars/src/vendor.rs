//! The counting fake vendor in a process of its own, so that its CPU and memory are nobody else's.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arena_harness::{Behaviour, FakeVendor, Reply};
use serde::Deserialize;

use crate::process::Running;

/// Longest wait for an answer about the counts.
const PATIENCE: Duration = Duration::from_secs(10);

/// The other side: answers until standard input closes. Prints `HOST:PORT`.
#[derive(clap::Args)]
pub struct Role {
    /// Wait before each answer, ms.
    #[arg(long)]
    latency_ms: u64,
    /// Say this; else the last user message.
    #[arg(long)]
    text: Option<String>,
}

/// Answers until its owner goes away.
pub fn serve(role: Role) -> Result<()> {
    let vendor = FakeVendor::start(Behaviour {
        reply: role.text.map_or(Reply::Echo, Reply::Text),
        latency: Duration::from_millis(role.latency_ms),
        ..Behaviour::default()
    })?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", vendor.address())?;
    stdout.flush()?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// A vendor that echoes, in another process. Dropping it stops it.
pub struct Vendor {
    running: Running,
    address: String,
}

/// What it was asked.
#[derive(Debug, Deserialize)]
pub struct Seen {
    /// Calls in all.
    pub calls: u64,
}

impl Vendor {
    /// Starts it on a free port of loopback.
    pub fn start(latency: Duration) -> Result<Self> {
        Self::answering(latency, &[])
    }

    /// The same that says `text` to everything.
    pub fn start_saying(latency: Duration, text: &str) -> Result<Self> {
        Self::answering(latency, &["--text", text])
    }

    fn answering(latency: Duration, more: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("this program's path")?);
        command.args(["vendor", "--latency-ms", &latency.as_millis().to_string()]).args(more);
        let mut running = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let stdout = running.child().and_then(|child| child.stdout.take()).context("the vendor's output")?;
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address).context("the vendor's address")?;
        if address.trim().is_empty() {
            bail!("the vendor ended before it listened");
        }
        Ok(Self { running, address: address.trim().to_owned() })
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The base URL for a provider.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The counts since the start or the last reset.
    pub fn seen(&self) -> Result<Seen> {
        serde_json::from_str(&self.ask("GET", "/_count")?).context("the vendor's counts")
    }

    /// Sets the counts to zero.
    pub fn reset(&self) -> Result<()> {
        self.ask("POST", "/_reset").map(drop)
    }

    fn ask(&self, method: &str, path: &str) -> Result<String> {
        if self.running.ended_within(Duration::ZERO)? {
            bail!("the vendor has ended");
        }
        let mut stream = TcpStream::connect(&self.address).context("the vendor does not answer")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).context("the vendor's answer")?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
            _ => bail!("{method} {path}: {answer}"),
        }
    }
}
