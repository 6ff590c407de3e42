//! Bundles in the store: packed when they are found, unpacked when a run is frozen.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use arena_artifact::{ARCHIVE_BYTES, Name, Pin};
use arena_bundle::{Files, Limits, archive, load};
use arena_crd::{ArenaSource, Artifact, SourceContents};
use arena_model::{Digest, Hasher};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use kube::ResourceExt as _;
use tempfile::TempDir;

use crate::OperatorError;
use crate::context::Context;

/// A bundle that was stored.
pub(super) struct Stored {
    /// Of the bundle's files.
    pub(super) digest: Digest,
    /// Of the archive.
    pub(super) url: String,
    /// Bytes of all files.
    pub(super) size: u64,
}

/// Packs what is in `folder` and stores it, pinned for the source.
pub(super) async fn store(context: &Context, source: &ArenaSource, folder: PathBuf) -> Result<Stored, OperatorError> {
    let (scratch, contents) = (context.settings.scratch.clone(), source.spec.contents);
    let packed = blocking(move || match contents {
        SourceContents::Bundle => pack(&folder, &scratch),
        SourceContents::Dataset => pack_files(&folder, &scratch),
    })
    .await?;
    let (file, archive, digest, size) = packed;
    let (store, namespace) = (context.store()?, source.namespace().unwrap_or_default());
    let pin = Pin { artifacts: vec![archive.clone()] };
    store.put(&pin_name(source, &archive), serde_json::to_vec(&pin).unwrap_or_default()).await?;
    let name = Name::Artifact { namespace, digest: archive };
    store.put_file(&name, &file.path().join(ARCHIVE)).await?;
    Ok(Stored { digest, url: format!("{}/v1/{name}", context.settings.store_url.trim_end_matches('/')), size })
}

/// The archive within its folder.
const ARCHIVE: &str = "bundle.tar";

fn pack(folder: &Path, scratch: &Path) -> Result<(TempDir, Digest, Digest, u64), OperatorError> {
    let failed = |error: std::io::Error| OperatorError::scratch("pack a bundle")(error);
    let other = |text: String| failed(std::io::Error::other(text));
    // It was checked just now; the operator reads it again because only it packs.
    let bundle = load(folder, &Limits::default()).map_err(|problems| other(problems.to_string()))?;
    let size = bundle.files.iter().map(|file| file.size).sum();
    let (to, packed) =
        packed(scratch, |file| archive::pack(&bundle, |_| true, file).map_err(|error| error.to_string()))?;
    Ok((to, packed, bundle.digest, size))
}

fn pack_files(folder: &Path, scratch: &Path) -> Result<(TempDir, Digest, Digest, u64), OperatorError> {
    let failed = |error: std::io::Error| OperatorError::scratch("pack tables")(error);
    let files = Files::of(folder, &Limits::default()).map_err(|problem| failed(std::io::Error::other(problem)))?;
    let size = files.list.iter().map(|file| file.size).sum();
    let (to, packed) = packed(scratch, |file| archive::pack_files(&files, file).map_err(|error| error.to_string()))?;
    Ok((to, packed, files.digest, size))
}

/// An archive that `pack` writes, in a folder of its own, and its digest.
fn packed(
    scratch: &Path,
    pack: impl FnOnce(BufWriter<File>) -> Result<BufWriter<File>, String>,
) -> Result<(TempDir, Digest), OperatorError> {
    let failed = |error: std::io::Error| OperatorError::scratch("pack a bundle")(error);
    let to = TempDir::with_prefix_in("archive-", scratch).map_err(failed)?;
    let path = to.path().join(ARCHIVE);
    let file = BufWriter::new(File::create(&path).map_err(failed)?);
    let mut file = pack(file).map_err(|error| failed(std::io::Error::other(error)))?;
    file.flush().map_err(failed)?;
    let digest = digest(&path).map_err(failed)?;
    Ok((to, digest))
}

/// Digest of a file.
pub(super) fn digest(path: &Path) -> std::io::Result<Digest> {
    let (mut file, mut hasher, mut piece) = (File::open(path)?, Hasher::default(), vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&piece[..read]);
    }
}

/// Fetches an archive from the store and unpacks it; none if it is not there (any more).
pub(super) async fn unpacked(
    context: &Context,
    namespace: &str,
    digest: &Digest,
) -> Result<Option<TempDir>, OperatorError> {
    let failed = |error: std::io::Error| OperatorError::scratch("unpack a bundle")(error);
    let to = TempDir::with_prefix_in("freeze-", &context.settings.scratch).map_err(failed)?;
    let path = to.path().join(ARCHIVE);
    let name = Name::Artifact { namespace: namespace.to_owned(), digest: digest.clone() };
    if context.store()?.download(&name, &path, ARCHIVE_BYTES).await?.is_none() {
        return Ok(None);
    }
    blocking(move || {
        let folder = folder(&to);
        std::fs::create_dir(&folder).map_err(failed)?;
        let dir = Dir::open_ambient_dir(&folder, ambient_authority()).map_err(failed)?;
        let file = BufReader::new(File::open(&path).map_err(failed)?);
        archive::unpack(file, &dir, &Limits::default()).map_err(|error| failed(std::io::Error::other(error)))?;
        Ok(Some(to))
    })
    .await
}

/// The bundle in what [`unpacked`] gives.
pub(super) fn folder(unpacked: &TempDir) -> PathBuf {
    unpacked.path().join("bundle")
}

/// Digest of the archive of a source's artifact.
pub(super) fn of(artifact: &Artifact) -> Option<Digest> {
    let (_, hex) = artifact.url.rsplit_once('/')?;
    Digest::parse(&format!("sha256:{hex}"))
}

pub(super) async fn is_stored(
    context: &Context,
    source: &ArenaSource,
    artifact: &Artifact,
) -> Result<bool, OperatorError> {
    let Some(digest) = of(artifact) else { return Ok(false) };
    let name = Name::Artifact { namespace: source.namespace().unwrap_or_default(), digest };
    Ok(context.store()?.size(&name).await?.is_some())
}

/// Lets go of the archive that a source had before. Jobs that run it have pins of their own.
pub(super) async fn unpin_old(
    context: &Context,
    source: &ArenaSource,
    old: Option<&Artifact>,
    new: Option<&Artifact>,
) -> Result<(), OperatorError> {
    match (old.and_then(of), new.and_then(of)) {
        (Some(old), new) if new.as_ref() != Some(&old) => {
            context.store()?.delete(&pin_name(source, &old)).await?;
        }
        _ => {}
    }
    Ok(())
}

fn pin_name(source: &ArenaSource, archive: &Digest) -> Name {
    // Half of the digest is enough to tell a source's few archives apart, and fits into a label.
    let (uid, half) = (source.uid().unwrap_or_default(), archive.hex().get(..32).unwrap_or_default());
    Name::Pin { namespace: source.namespace().unwrap_or_default(), name: format!("source.{uid}.{half}") }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OperatorError> + Send + 'static,
) -> Result<T, OperatorError> {
    let died = |error| OperatorError::scratch("work on a bundle")(std::io::Error::other(error));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(died(error)))
}
