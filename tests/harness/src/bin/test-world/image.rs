//! The image that we ship, as an archive and in a registry.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use arena_harness::{ImageBuilder, PROGRAM_IMAGE, set_up_images};
use clap::Args;

use crate::say;

/// What it is made of and where it goes.
#[derive(Args)]
pub struct Options {
    /// The built program
    program: PathBuf,
    /// Where the archive is left
    #[arg(long)]
    archive: PathBuf,
    /// Push it to a registry too, as HOST/REPOSITORY:TAG
    #[arg(long)]
    push: Option<String>,
    /// The registry speaks http and asks for no login
    #[arg(long, requires = "push")]
    plain_http: bool,
}

/// Makes it and says its name, digest and size.
pub async fn make(options: &Options) -> Result<()> {
    let Options { program, archive, push, plain_http } = options;
    set_up_images(&mut say)?;
    let builder = ImageBuilder::new()?;
    builder.build_program(program).await?;
    // It appears whole.
    let partial = archive.with_extension("partial");
    let digest = builder.save(PROGRAM_IMAGE, &partial).await?;
    fs::rename(&partial, archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let bytes = fs::metadata(archive)?.len();
    say(&format!("image: {PROGRAM_IMAGE}"));
    say(&format!("digest: {digest}"));
    say(&format!("archive: {} ({:.1} MB, layout of OCI)", archive.display(), bytes as f64 / 1e6));
    if let Some(reference) = push {
        let pushed = match plain_http {
            true => builder.push(PROGRAM_IMAGE, reference).await?,
            false => builder.publish(PROGRAM_IMAGE, reference).await?,
        };
        say(&format!("pushed: {reference}@{pushed}"));
    }
    Ok(())
}
