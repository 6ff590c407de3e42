//! `arena bundle push`.

use std::path::PathBuf;

use arena_source::oci;

use super::remote::Options;
use super::{outgoing, row, run_until_stopped};
use crate::exit::{Exit, Failure};

/// Arguments of `arena bundle push`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the bundle, or its arena file.
    bundle: PathBuf,
    /// Where it goes: oci://HOST/REPOSITORY:TAG.
    #[arg(value_name = "OCI")]
    url: String,
    /// Push a bundle with keys in plain text.
    #[arg(long)]
    allow_inline_keys: bool,
    #[command(flatten)]
    remote: Options,
}

/// Pushes the bundle and prints what to ask for to get exactly this one.
pub fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let bundle = outgoing(&arguments.bundle, arguments.allow_inline_keys)?;
    let remote = arguments.remote.open(arguments.url)?;
    run_until_stopped(async {
        let pushed = tokio::time::timeout(remote.timeout, oci::push(&bundle, &remote.source, &remote.auth)).await;
        let revision = pushed.map_err(|_| remote.too_long())?.map_err(|error| remote.failure(error))?;
        row("artifact", remote.pinned(&revision));
        row("bundle", &bundle.digest);
        Ok(Exit::Passed)
    })
}
