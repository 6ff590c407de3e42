//! Whether all that a config names is there and usable.

use std::collections::BTreeMap;

use arena_crd::{
    ArenaConfig, ArenaConfigSpec, ArenaSource, Artifact, Condition, ConditionStatus, Provider, ProviderEntry,
    SourceContents, SourceStatus,
};
use arena_model::{Class, Fault};

use crate::Kind;

/// Something that is named and cannot be used yet. All of it passes when the other object is made or mended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// A job's config is not there.
    #[error("ArenaConfig {0:?} does not exist in this namespace; create it, or mend spec.configRef.name")]
    ConfigNotFound(String),
    /// A config's source is not there.
    #[error("ArenaSource {0:?} does not exist in this namespace; create it, or mend its name")]
    SourceNotFound(String),
    /// A source has no bundle yet.
    #[error("ArenaSource {name:?} has no bundle for its present spec: {message}")]
    SourceNotReady {
        /// Of the source.
        name: String,
        /// What the source says.
        message: String,
    },
    /// A source's bundle is invalid, and there is no older one.
    #[error("the bundle of ArenaSource {name:?} is not valid: {message}")]
    BundleInvalid {
        /// Of the source.
        name: String,
        /// What the source says.
        message: String,
    },
    /// The source is of tables.
    #[error("ArenaSource {0:?} holds tables (spec.contents: dataset), and spec.sourceRef needs a bundle")]
    SourceIsDataset(String),
    /// A provider is not there.
    #[error("Provider {object:?} (entry {entry:?}) does not exist in this namespace; create it, or mend its name")]
    ProviderNotFound {
        /// Id in the config.
        entry: String,
        /// Of the object.
        object: String,
    },
    /// A provider cannot be used.
    #[error("Provider {object:?} (entry {entry:?}) is not ready: {message}")]
    ProviderNotReady {
        /// Id in the config.
        entry: String,
        /// Of the object.
        object: String,
        /// What the provider says.
        message: String,
    },
}

impl Fault for ReferenceError {
    fn reason(&self) -> &'static str {
        match self {
            Self::ConfigNotFound(_) => "ConfigNotFound",
            Self::SourceNotFound(_) => "SourceNotFound",
            Self::SourceNotReady { .. } => "SourceNotReady",
            Self::BundleInvalid { .. } => "BundleInvalid",
            Self::SourceIsDataset(_) => "SourceIsDataset",
            Self::ProviderNotFound { .. } => "ProviderNotFound",
            Self::ProviderNotReady { .. } => "ProviderNotReady",
        }
    }

    fn class(&self) -> Class {
        Class::Input
    }
}

/// All that a config names.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The bundle.
    pub source: SourceStatus,
    /// The source of the config's table, if it names one.
    pub dataset: Option<SourceStatus>,
    /// Entry and object, in the order of the config.
    pub providers: Vec<(ProviderEntry, Provider)>,
}

/// Looks up all that a config names; `providers` are those of the namespace by name. The first thing amiss is the error.
///
/// # Errors
/// See [`ReferenceError`].
pub fn resolve(
    config: &ArenaConfigSpec,
    source: Option<&ArenaSource>,
    dataset: Option<&ArenaSource>,
    providers: &BTreeMap<String, Provider>,
) -> Result<Resolved, ReferenceError> {
    let name = &config.source_ref.name;
    if source.is_some_and(|source| source.spec.contents == SourceContents::Dataset) {
        return Err(ReferenceError::SourceIsDataset(name.clone()));
    }
    let source = of_source(name, source)?;
    let named = config.dataset.as_ref();
    let dataset = named.map(|named| of_source(&named.source_ref.name, dataset)).transpose()?;
    let mut found = Vec::new();
    for entry in config.provider_entries() {
        let object = entry.object().to_owned();
        let provider = providers
            .get(&object)
            .ok_or_else(|| ReferenceError::ProviderNotFound { entry: entry.name.clone(), object: object.clone() })?;
        let conditions = provider.status.as_ref().map_or(&[][..], |status| &status.conditions);
        match newest(conditions, Kind::Ready, provider.metadata.generation) {
            Some(ready) if ready.status == ConditionStatus::True => found.push((entry, provider.clone())),
            ready => {
                let message = ready.map_or("the operator has not looked at it yet", |ready| &ready.message).to_owned();
                return Err(ReferenceError::ProviderNotReady { entry: entry.name, object, message });
            }
        }
    }
    Ok(Resolved { source, dataset, providers: found })
}

/// What a source has for its present spec.
fn of_source(name: &str, source: Option<&ArenaSource>) -> Result<SourceStatus, ReferenceError> {
    let source = source.ok_or_else(|| ReferenceError::SourceNotFound(name.to_owned()))?;
    let artifact = source.status.as_ref().and_then(|status| status.artifact.as_ref());
    // A bundle that was found by an older spec may be of another place altogether.
    let current = |artifact: &&Artifact| Some(artifact.observed_generation) == source.metadata.generation;
    let artifact = artifact.filter(current).ok_or_else(|| without_bundle(name, source))?;
    Ok(SourceStatus { name: name.to_owned(), revision: artifact.revision.clone(), digest: artifact.digest.clone() })
}

fn without_bundle(name: &str, source: &ArenaSource) -> ReferenceError {
    let name = name.to_owned();
    let conditions = source.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let ready = newest(conditions, Kind::Ready, source.metadata.generation);
    let message = ready.map_or("its place is being looked at", |ready| &ready.message).to_owned();
    if ready.is_some_and(|ready| ready.reason == "BundleInvalid") {
        return ReferenceError::BundleInvalid { name, message };
    }
    ReferenceError::SourceNotReady { name, message }
}

/// A condition, if it speaks of the newest spec.
fn newest(conditions: &[Condition], kind: Kind, generation: Option<i64>) -> Option<&Condition> {
    Condition::find(conditions, kind.name()).filter(|condition| condition.observed_generation == generation)
}

/// Looks up a job's config.
///
/// # Errors
/// [`ReferenceError::ConfigNotFound`].
pub(crate) fn config<'a>(name: &str, config: Option<&'a ArenaConfig>) -> Result<&'a ArenaConfig, ReferenceError> {
    config.ok_or_else(|| ReferenceError::ConfigNotFound(name.to_owned()))
}
