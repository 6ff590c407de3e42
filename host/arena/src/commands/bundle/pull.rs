//! `arena bundle pull`.

use std::path::{Path, PathBuf};

use arena_source::oci::Artifact;
use arena_source::{Fetch as _, Source};

use super::remote::{Options, Remote};
use super::{parent, row, run_until_stopped, unwritable};
use crate::exit::{Exit, Failure};
use crate::terminal::line;
use crate::work::load_bundle;

/// Arguments of `arena bundle pull`.
#[derive(clap::Args)]
pub struct Arguments {
    /// What to get: oci://HOST/REPOSITORY:TAG, or @sha256:DIGEST in place of the tag.
    #[arg(value_name = "OCI")]
    url: String,
    /// Folder of the bundle; must not exist yet.
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    remote: Options,
}

/// Fetches the bundle. Its folder appears complete and checked, or not at all.
pub fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let target = &arguments.output;
    if std::fs::symlink_metadata(target).is_ok() {
        let text = format!("{} exists", target.display());
        return Err(Failure::input("FolderExists", text).hint("give another by -o"));
    }
    let folder = parent(target)?;
    let remote = arguments.remote.open(arguments.url)?;
    run_until_stopped(fetch(&remote, &folder, target))
}

async fn fetch(remote: &Remote, folder: &Path, target: &Path) -> Result<Exit, Failure> {
    let scratch = tempfile::Builder::new().prefix(".arena-pull-").tempdir_in(folder);
    let scratch = scratch.map_err(|error| unwritable(folder, &error))?;
    let fetcher = remote.fetcher(scratch.path());
    let Artifact { revision, config } = remote.inspect(&fetcher).await?;
    let source = Source::Oci(remote.source.clone());
    let fetched = fetcher.fetch(&source, &revision, &remote.auth, remote.timeout).await;
    let tree = fetched.map_err(|error| remote.failure(error))?;
    let wrong = "the artifact is no good bundle; push it again with `arena bundle push`";
    let bundle = load_bundle(&tree.path().join(&config.entry)).map_err(|failure| failure.hint(wrong))?;
    if bundle.digest != config.bundle_digest {
        let text = format!("the files have the digest {}, the artifact says {}", bundle.digest, config.bundle_digest);
        return Err(Failure::input("ArtifactInvalid", text).hint(wrong));
    }
    // It replaces nothing but an empty folder that somebody made meanwhile.
    std::fs::rename(tree.path(), target).map_err(|error| unwritable(target, &error))?;
    row("artifact", remote.pinned(&revision));
    row("bundle", &bundle.digest);
    row("files", tree.files);
    row("bytes", tree.bytes);
    row("entry", line(&target.join(&config.entry).display().to_string()));
    Ok(Exit::Passed)
}
