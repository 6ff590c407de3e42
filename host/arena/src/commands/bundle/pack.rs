//! `arena bundle pack`.

use std::io::{BufWriter, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use arena_bundle::Bundle;
use arena_bundle::archive::pack;

use super::{outgoing, parent, row, unwritable};
use crate::exit::{Exit, Failure, OrFail};
use crate::terminal::line;

/// Arguments of `arena bundle pack`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the bundle, or its arena file.
    bundle: PathBuf,
    /// The archive, a plain tar.
    #[arg(long, short, value_name = "FILE.tar")]
    output: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
    /// Pack a bundle with keys in plain text.
    #[arg(long)]
    allow_inline_keys: bool,
}

/// Writes the archive, which appears complete or not at all.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let target = &arguments.output;
    let folder = parent(target)?;
    refuse_existing(target, arguments.force)?;
    let bundle = outgoing(&arguments.bundle, arguments.allow_inline_keys)?;
    refuse_within(&bundle, &folder, target)?;
    let failed = |error: std::io::Error| unwritable(target, &error);
    // Readable for whom the user's mask lets, as any file of theirs.
    let mut builder = tempfile::Builder::new();
    builder.prefix(".arena-pack-").permissions(std::fs::Permissions::from_mode(0o666));
    let file = builder.tempfile_in(&folder).map_err(failed)?;
    let written = pack(&bundle, |_| true, BufWriter::new(file.as_file())).or_fail()?;
    written.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
    let bytes = file.as_file().metadata().map_err(failed)?.len();
    let kept = if arguments.force { file.persist(target) } else { file.persist_noclobber(target) };
    kept.map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => exists(target),
        _ => failed(error.error),
    })?;
    row("bundle", &bundle.digest);
    row("files", bundle.files.len());
    row("bytes", bytes);
    row("archive", line(&target.display().to_string()));
    Ok(Exit::Passed)
}

fn refuse_existing(target: &Path, force: bool) -> Result<(), Failure> {
    match std::fs::symlink_metadata(target) {
        Ok(found) if !found.is_file() => {
            let text = format!("{} is no regular file, so it is not replaced", target.display());
            Err(Failure::input("NotAFile", text).hint("give another by -o"))
        }
        Ok(_) if !force => Err(exists(target)),
        _ => Ok(()),
    }
}

fn exists(target: &Path) -> Failure {
    Failure::input("FileExists", format!("{} exists", target.display())).hint("--force replaces it")
}

/// An archive among the bundle's files would be a part of the bundle from then on.
fn refuse_within(bundle: &Bundle, folder: &Path, target: &Path) -> Result<(), Failure> {
    let (Ok(root), Ok(folder)) = (bundle.root.canonicalize(), folder.canonicalize()) else { return Ok(()) };
    let Ok(within) = folder.strip_prefix(root) else { return Ok(()) };
    let mut parts = within.iter().chain(target.file_name());
    if parts.any(|part| part.as_encoded_bytes().starts_with(b".")) {
        return Ok(());
    }
    let text = format!("{} would be a part of the bundle that it holds", target.display());
    Err(Failure::input("ArchiveInBundle", text).hint("write it to another folder, or begin its name with a dot"))
}
