//! The floor: the same calls as a run makes, from a bare HTTP loop in a process of its own, with nothing around them.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

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

/// Makes the calls; each must be answered with 200.
pub fn call(role: Role) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let (next, role) = (Arc::new(AtomicU64::new(0)), Arc::new(role));
        let connections: Vec<_> =
            (0..role.connections).map(|_| tokio::spawn(connection(role.clone(), next.clone()))).collect();
        for connection in connections {
            connection.await.context("a connection's task died")??;
        }
        Ok(())
    })
}

async fn connection(role: Arc<Role>, next: Arc<AtomicU64>) -> Result<()> {
    let stream = TcpStream::connect(&role.address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await?;
    // It ends with the sender; trouble on the wire reaches the sender too.
    tokio::spawn(connection);
    loop {
        let case = next.fetch_add(1, Ordering::Relaxed);
        if case >= role.cases {
            return Ok(());
        }
        let request = Request::post("/v1/chat/completions")
            .header(HOST, &role.address)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, "bare-loop")
            .body(Full::new(Bytes::from(questions::body(case)?)))?;
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        if status != 200 || answer.is_empty() {
            bail!("call {case}: status {status}, {} bytes", answer.len());
        }
    }
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
