//! `arena store`: the one process that keeps artifacts and results.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use arena_artifact::{Disk, ServerSettings, serve};

use crate::exit::{Exit, Failure, OrFail};
use crate::fleet::{flags, listener, read_key};
use crate::output::println;
use crate::stop::stopped;

/// Arguments of `arena store`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of all objects; made if it is not there. No other process may use it.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Address to serve on, as HOST:PORT; `:8080` is every address of this machine, port 0 one that is free.
    #[arg(long, value_name = "ADDRESS", default_value = ":8080", value_parser = flags::listen_on)]
    listen: SocketAddr,
    /// File with the secret that tokens are signed with, 32 bytes or more; the operator has the same.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// How often objects that nobody needs any more are looked for.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = flags::sweep_every)]
    sweep_every: Duration,
}

/// Serves until it is told to stop.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let key = read_key(&arguments.key_file)?;
    let disk = Disk::open(&arguments.dir).or_fail()?;
    let (listener, address) = listener(arguments.listen).await?;
    let settings = ServerSettings { sweep_every: Some(arguments.sweep_every), ..ServerSettings::default() };
    println!("store on {address}");
    serve(listener, disk, key, settings, stopped()).await;
    Ok(Exit::Passed)
}
