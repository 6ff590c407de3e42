//! The place that an ArenaSource names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use arena_bundle::Limits;
use arena_crd::{ArenaSource, SourceType};
use arena_source::{
    Auth, ConfigMapContent, GitReference, GitSource, OciSource, Revision, Source, Tree, write_config_map,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use tempfile::TempDir;

use super::provider::{self, secret};
use super::source::{refused, trouble};
use crate::context::Context;
use crate::{Fetch, OperatorError};

/// Where to look, and with what.
pub(super) enum Place {
    Remote { source: Source, auth: Auth, timeout: Duration },
    ConfigMap(ConfigMapContent),
}

/// A bundle's files, until it is dropped.
pub(super) struct Found {
    pub(super) folder: Folder,
    pub(super) revision: Revision,
}

pub(super) enum Folder {
    Fetched(Tree),
    Written(TempDir),
}

impl Folder {
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Fetched(tree) => tree.path(),
            Self::Written(folder) => folder.path().to_owned(),
        }
    }
}

/// The place of a source; what it names in the cluster is read now.
pub(super) async fn of(context: &Context, source: &ArenaSource) -> Result<Place, Fetch> {
    let namespace = source.namespace().unwrap_or_default();
    let spec = &source.spec;
    let missing = |block: &str| Fetch::Failed {
        reason: "SourceUrlInvalid",
        message: format!("spec.{block} is missing; set it, or change spec.type"),
        stalled: true,
    };
    let (source, secret_ref, url) = match spec.type_ {
        SourceType::Git => {
            let git = spec.git.as_ref().ok_or_else(|| missing("git"))?;
            let reference = git.reference.clone().map_or_else(GitReference::default, |reference| GitReference {
                branch: reference.branch,
                tag: reference.tag,
                commit: reference.commit,
            });
            let source = Source::Git(GitSource { url: git.url.clone(), reference, path: git.path.clone() });
            (source, &git.secret_ref, &git.url)
        }
        SourceType::Oci => {
            let oci = spec.oci.as_ref().ok_or_else(|| missing("oci"))?;
            let source = Source::Oci(OciSource { url: oci.url.clone(), insecure: oci.insecure });
            (source, &oci.secret_ref, &oci.url)
        }
        SourceType::Configmap => {
            let named = spec.config_map.as_ref().ok_or_else(|| missing("configMap"))?;
            return config_map(context, &namespace, &named.name).await.map(Place::ConfigMap);
        }
    };
    let auth = match secret_ref {
        None => Auth::default(),
        Some(named) => auth(context, &namespace, &named.name, url).await?,
    };
    Ok(Place::Remote { source, auth, timeout: spec.timeout.get() })
}

async fn auth(context: &Context, namespace: &str, name: &str, url: &str) -> Result<Auth, Fetch> {
    let found = secret(context, namespace, name).await.map_err(|error| trouble(&error))?;
    let provider::Found::Secret(secret) = found else {
        let message = format!("Secret {name:?} does not exist in this namespace, or the operator may not get it");
        return Err(Fetch::Failed { reason: "SecretNotFound", message, stalled: false });
    };
    let data: BTreeMap<String, Vec<u8>> =
        secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
    Auth::from_secret(&data, url).map_err(|error| refused(&error))
}

async fn config_map(context: &Context, namespace: &str, name: &str) -> Result<ConfigMapContent, Fetch> {
    let found = context.api::<ConfigMap>(namespace).get_opt(name).await;
    let Some(found) = found.map_err(|error| trouble(&OperatorError::from(error)))? else {
        let message = format!("ConfigMap {name:?} does not exist in this namespace; create it");
        return Err(Fetch::Failed { reason: "ConfigMapNotFound", message, stalled: false });
    };
    let binary_data = found.binary_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0));
    Ok(ConfigMapContent {
        resource_version: found.metadata.resource_version.unwrap_or_default(),
        data: found.data.unwrap_or_default(),
        binary_data: binary_data.collect(),
    })
}

impl Place {
    /// What is there now.
    pub(super) async fn revision(&self, context: &Context) -> Result<Revision, Fetch> {
        match self {
            Self::ConfigMap(content) => Ok(content.revision()),
            Self::Remote { source, auth, timeout } => {
                context.fetch.probe(source, auth, *timeout).await.map_err(|error| refused(&error))
            }
        }
    }

    /// Its files.
    pub(super) async fn fetch(self, context: &Context, revision: Revision) -> Result<Found, Fetch> {
        let folder = match self {
            Self::Remote { source, auth, timeout } => {
                let tree = context.fetch.fetch(&source, &revision, &auth, timeout).await;
                Folder::Fetched(tree.map_err(|error| refused(&error))?)
            }
            Self::ConfigMap(content) => Folder::Written(write(context.settings.scratch.clone(), content).await?),
        };
        Ok(Found { folder, revision })
    }
}

async fn write(scratch: PathBuf, content: ConfigMapContent) -> Result<TempDir, Fetch> {
    let scratch_error = |error: std::io::Error| trouble(&OperatorError::scratch("make a folder")(error));
    let written = tokio::task::spawn_blocking(move || {
        let folder = TempDir::with_prefix_in("configmap-", scratch).map_err(scratch_error)?;
        write_config_map(&content, folder.path(), &Limits::default()).map_err(|error| refused(&error))?;
        Ok(folder)
    });
    written.await.unwrap_or_else(|error| Err(scratch_error(std::io::Error::other(error))))
}
