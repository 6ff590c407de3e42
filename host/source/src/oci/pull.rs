//! From a registry to a tree. A tag is turned into a digest once; everything after that is asked for by digest and checked
//! against it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;

use arena_bundle::archive::{TreeWriter, unpack_into};
use arena_model::{Digest, Hasher};
use futures::StreamExt as _;
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};

use super::layout::{ARTIFACT_TYPE, Artifact, BundleConfig, CONFIG_TYPE};
use super::registry::Registry;
use crate::error::Reason;
use crate::{Auth, FetchLimits, OciSource, Revision, SourceError};

/// Largest config, bytes.
const CONFIG_BYTES: u64 = 1 << 20;

/// The revision that the tag stands for now: one HEAD request.
pub(crate) async fn probe(source: &OciSource, auth: &Auth) -> Result<Revision, SourceError> {
    let registry = Registry::new(source, auth)?;
    let tag = registry.reference.tag();
    if let Some(digest) = registry.reference.digest() {
        return Ok(Revision::oci(tag, registry.digest(digest)?.as_str()));
    }
    let found = registry.client.fetch_manifest_digest(&registry.reference, &registry.auth).await;
    let digest = found.map_err(|error| registry.error(error))?;
    Ok(Revision::oci(tag, registry.digest(&digest)?.as_str()))
}

/// What the artifact that the URL names now says of itself.
pub(crate) async fn inspect(source: &OciSource, auth: &Auth) -> Result<Artifact, SourceError> {
    let revision = probe(source, auth).await?;
    let registry = Registry::new(source, auth)?;
    let config = config(&registry, &revision).await?;
    Ok(Artifact { revision, config })
}

/// Writes the files of the revision; `scratch` is an empty folder for layers.
pub(crate) async fn fetch(
    source: &OciSource,
    revision: &Revision,
    auth: &Auth,
    limits: &FetchLimits,
    scratch: &Path,
    to: &mut TreeWriter<'_>,
) -> Result<(), SourceError> {
    let registry = Registry::new(source, auth)?;
    for layer in &config(&registry, revision).await?.layers {
        let mut file = tempfile::tempfile_in(scratch).map_err(|error| disk(&error))?;
        blob(&registry, &layer.digest, limits.download_bytes, |piece| file.write_all(piece)).await?;
        file.rewind().map_err(|error| disk(&error))?;
        write(layer.path.as_deref(), file, to)?;
    }
    Ok(())
}

fn write(path: Option<&str>, mut layer: File, to: &mut TreeWriter<'_>) -> Result<(), SourceError> {
    match path {
        None => unpack_into(to, layer)?,
        Some(path) => {
            if !to.file(path, &mut layer)? {
                let message = format!("the component {path:?} is hidden, so it is no part of a bundle; rename it");
                return Err(Reason::ArtifactInvalid.because(message));
            }
        }
    }
    Ok(())
}

/// The config of an artifact, checked against its manifest.
async fn config(registry: &Registry, revision: &Revision) -> Result<BundleConfig, SourceError> {
    let digest = revision
        .digest()
        .ok_or_else(|| Reason::RefInvalid.because(format!("{revision} is no revision of an artifact")))?;
    let reference = registry.pinned(digest);
    let pulled = registry.client.pull_manifest_raw(&reference, &registry.auth, &[OCI_IMAGE_MEDIA_TYPE]).await;
    let (bytes, _) = pulled.map_err(|error| registry.error(error))?;
    if Digest::of(&bytes).as_str() != digest {
        return Err(registry.invalid("its manifest has another digest"));
    }
    let manifest: OciImageManifest = serde_json::from_slice(&bytes)
        .map_err(|error| registry.invalid(&format!("its manifest cannot be read: {error}")))?;
    // Some registries drop the artifact's type; the config's cannot be lost.
    let kinds = manifest.artifact_type.iter().chain([&manifest.config.media_type]);
    if let Some(other) = kinds.into_iter().find(|kind| !matches!(kind.as_str(), ARTIFACT_TYPE | CONFIG_TYPE)) {
        return Err(registry.unknown(other));
    }
    let mut config = Vec::new();
    let of_config = registry.digest(&manifest.config.digest)?;
    blob(registry, &of_config, CONFIG_BYTES, |piece| config.write_all(piece)).await?;
    let config = BundleConfig::parse(&config)?;
    let layers: HashMap<&str, &OciDescriptor> =
        manifest.layers.iter().map(|layer| (layer.digest.as_str(), layer)).collect();
    for layer in &config.layers {
        let described = layers.get(layer.digest.as_str());
        let described = described.ok_or_else(|| registry.invalid(&format!("its layer {} is missing", layer.digest)))?;
        let kind = layer.role.media_type();
        if described.media_type != kind || u64::try_from(described.size) != Ok(layer.size) {
            let why = format!("its layer {} is not {kind} of {} bytes", layer.digest, layer.size);
            return Err(registry.invalid(&why));
        }
    }
    Ok(config)
}

/// Gets a blob of at most `limit` bytes, hands it to `write` in pieces and checks its digest.
async fn blob(
    registry: &Registry,
    digest: &Digest,
    limit: u64,
    mut write: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<(), SourceError> {
    // By digest alone: what a manifest says about other places is not followed.
    let pulled = registry.client.pull_blob_stream(&registry.reference, digest.as_str()).await;
    let mut stream = pulled.map_err(|error| registry.error(error))?.stream;
    let (mut size, mut hasher) = (0, Hasher::default());
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| registry.error(error.into()))?;
        size += piece.len() as u64;
        if size > limit {
            let message = format!("the layer {digest} has more than {limit} bytes; make the bundle smaller");
            return Err(Reason::ArtifactTooLarge.because(message));
        }
        hasher.update(&piece);
        write(&piece).map_err(|error| disk(&error))?;
    }
    let actual = hasher.finish();
    if actual != *digest {
        return Err(registry.invalid(&format!("the layer {digest} came with digest {actual}")));
    }
    Ok(())
}

fn disk(error: &std::io::Error) -> SourceError {
    Reason::Failed.because(format!("a layer cannot be kept: {error}; look at the disk"))
}
