//! The image of the program, made by the `test-world` program of `tests/harness`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::build::{self, Scope};
use crate::cluster;
use crate::layout::Layout;

/// Where the image goes.
#[derive(Args)]
pub struct Options {
    /// Where to leave it as an archive in the layout of OCI
    #[arg(long, value_name = "FILE", default_value = "target/arena-image.tar")]
    archive: PathBuf,
    /// Push it to a registry too, with the login that you have there
    #[arg(long, value_name = "HOST/REPOSITORY:TAG")]
    push: Option<String>,
    /// The registry speaks http and asks for no login, as that of `./x cluster up`
    #[arg(long, requires = "push")]
    plain_http: bool,
}

/// Builds the program and makes its image; prints name, digest and size.
pub fn run(layout: &Layout, options: &Options) -> Result<ExitCode> {
    build::build(layout, Scope::Binary)?;
    cluster::build(layout)?;
    let (program, archive) = (layout.binary(), layout.root.join(&options.archive));
    let mut arguments: Vec<&OsStr> = vec!["image".as_ref(), program.as_ref(), "--archive".as_ref(), archive.as_ref()];
    if let Some(reference) = &options.push {
        arguments.extend([OsStr::new("--push"), reference.as_ref()]);
    }
    if options.plain_http {
        arguments.push("--plain-http".as_ref());
    }
    Ok(ExitCode::from(cluster::world(layout, arguments)?))
}
