//! The floor: the same calls as a run makes, from a bare HTTP loop (reqwest and tokio, as anyone would write it) in a
//! process of its own, with nothing around them.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use crate::process::{self, Ended};
use crate::questions;
use crate::vendor::Vendor;

/// Longest time of one loop.
const PATIENCE: Duration = Duration::from_secs(120);

/// The other side: calls and leaves.
#[derive(clap::Args)]
pub struct Role {
    /// `HOST:PORT` of the vendor.
    #[arg(long)]
    address: String,
    /// Calls in all.
    #[arg(long)]
    cases: u64,
    /// Connections, each with one call at a time.
    #[arg(long)]
    connections: u64,
}

/// Makes the calls; each must be answered with 200 and a completion, which is read.
pub fn call(role: Role) -> Result<()> {
    // The client wants one, though these calls are plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        let (next, role) = (Arc::new(AtomicU64::new(0)), Arc::new(role));
        let connections: Vec<_> = (0..role.connections)
            .map(|_| tokio::spawn(connection(client.clone(), role.clone(), next.clone())))
            .collect();
        for connection in connections {
            connection.await.context("a connection's task died")??;
        }
        Ok(())
    })
}

async fn connection(client: reqwest::Client, role: Arc<Role>, next: Arc<AtomicU64>) -> Result<()> {
    let url = format!("http://{}/v1/chat/completions", role.address);
    loop {
        let case = next.fetch_add(1, Ordering::Relaxed);
        if case >= role.cases {
            return Ok(());
        }
        let request = client.post(&url).header(CONTENT_TYPE, "application/json").body(questions::body(case)?);
        let response = request.send().await?;
        let status = response.status();
        let answer: Completion = serde_json::from_slice(&response.bytes().await?)?;
        if status != 200 || answer.choices.is_empty() {
            bail!("call {case}: status {status}");
        }
    }
}

/// As much of an answer as anyone who asks must read.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<serde_json::Value>,
}

/// Runs the loop against `vendor`.
pub fn run(vendor: &Vendor, cases: u64, connections: u64) -> Result<Ended> {
    let mut command = Command::new(std::env::current_exe().context("this program's path")?);
    command.args(["loop", "--address", vendor.address()]);
    command.args(["--cases", &cases.to_string(), "--connections", &connections.to_string()]);
    let ended = process::run(&mut command, PATIENCE)?;
    if !ended.status.success() {
        bail!("{} ended with {}", process::show(&command), ended.status);
    }
    Ok(ended)
}
