//! From a checked bundle to a registry. The same bundle gives the same artifact: no times in it.

use std::collections::{BTreeMap, BTreeSet};

use arena_bundle::Bundle;
use arena_bundle::archive::pack;
use arena_model::{Digest, canonical_json};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest, OciManifest};
use oci_client::{Reference, RegistryOperation};

use super::layout::{ARTIFACT_TYPE, BundleConfig, CONFIG_TYPE, ConfigLayer, Role};
use super::registry::Registry;
use crate::error::Reason;
use crate::{Auth, OciSource, Revision, SourceError};

/// The title that tools like oras save a layer under.
const TITLE: &str = "org.opencontainers.image.title";

/// Pushes the bundle under the tag that the URL names and gives the revision that others will see. The layers are in
/// memory, one at a time; call it for bundles that the user chose.
pub async fn push(bundle: &Bundle, source: &OciSource, auth: &Auth) -> Result<Revision, SourceError> {
    let registry = Registry::new(source, auth)?;
    let Some(tag) = registry.reference.tag().filter(|_| registry.reference.digest().is_none()) else {
        let message = format!("{} names a digest; push to a tag", crate::url::shown(&source.url));
        return Err(Reason::UrlInvalid.because(message));
    };
    registry
        .client
        .auth(&registry.reference, &registry.auth, RegistryOperation::Push)
        .await
        .map_err(|error| registry.error(error))?;
    let components: BTreeSet<&str> =
        bundle.components.iter().chain(&bundle.template).map(|component| component.component.as_str()).collect();
    let mut layers = Vec::new();
    let mut described = Vec::new();
    let tar = pack(bundle, |file| !components.contains(file.path.as_str()), Vec::new())?;
    let layer = blob(&registry, Role::Pack.media_type(), "pack.tar", tar).await?;
    layers.push(ConfigLayer {
        role: Role::Pack,
        digest: registry.digest(&layer.digest)?,
        size: size(&layer),
        path: None,
    });
    described.push(layer);
    for path in components {
        let bytes = bundle.read(path).map_err(arena_bundle::ArchiveError::from)?;
        let layer = blob(&registry, Role::Component.media_type(), path, bytes).await?;
        let path = Some(path.to_owned());
        let digest = registry.digest(&layer.digest)?;
        layers.push(ConfigLayer { role: Role::Component, digest, size: size(&layer), path });
        // Two components of equal bytes are one layer.
        if described.iter().all(|other: &OciDescriptor| other.digest != layer.digest) {
            described.push(layer);
        }
    }
    let config = BundleConfig {
        schema_version: 1,
        name: bundle.name.clone(),
        entry: bundle.entry.clone(),
        bundle_digest: bundle.digest.clone(),
        layers,
    };
    let json = |error: serde_json::Error| Reason::Failed.because(format!("the config cannot be written: {error}"));
    let mut config = blob(&registry, CONFIG_TYPE, "", canonical_json(&config).map_err(json)?.into_bytes()).await?;
    config.annotations = None;
    let manifest = OciImageManifest {
        media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
        artifact_type: Some(ARTIFACT_TYPE.to_owned()),
        config,
        layers: described,
        annotations: Some(BTreeMap::from([(TITLE.to_owned(), bundle.name.clone())])),
        ..OciImageManifest::default()
    };
    let bytes = canonical_json(&OciManifest::Image(manifest)).map_err(json)?.into_bytes();
    let (digest, kind) = (Digest::of(&bytes), OCI_IMAGE_MEDIA_TYPE.parse());
    let kind = kind.map_err(|_| Reason::Failed.because("the manifest's type is no header"))?;
    let reference: &Reference = &registry.reference;
    registry.client.push_manifest_raw(reference, bytes, kind).await.map_err(|error| registry.error(error))?;
    Ok(Revision::oci(Some(tag), digest.as_str()))
}

/// Pushes a blob unless it is there, and describes it.
async fn blob(registry: &Registry, kind: &str, title: &str, bytes: Vec<u8>) -> Result<OciDescriptor, SourceError> {
    let (digest, length) = (Digest::of(&bytes), bytes.len());
    let failed = |error| registry.error(error);
    if !registry.client.blob_exists(&registry.reference, digest.as_str()).await.map_err(failed)? {
        registry.client.push_blob(&registry.reference, bytes, digest.as_str()).await.map_err(failed)?;
    }
    Ok(OciDescriptor {
        media_type: kind.to_owned(),
        digest: digest.to_string(),
        size: i64::try_from(length).unwrap_or(i64::MAX),
        annotations: Some(BTreeMap::from([(TITLE.to_owned(), title.to_owned())])),
        ..OciDescriptor::default()
    })
}

fn size(layer: &OciDescriptor) -> u64 {
    u64::try_from(layer.size).unwrap_or_default()
}
