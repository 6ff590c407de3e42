//! The bundle artifact, version 1.

use arena_model::Digest;
use serde::{Deserialize, Serialize};

use crate::error::Reason;
use crate::{Revision, SourceError};

/// `artifactType` of the manifest.
pub const ARTIFACT_TYPE: &str = "application/vnd.arena.bundle.v1";
/// Media type of the config.
pub const CONFIG_TYPE: &str = "application/vnd.arena.bundle.config.v1+json";
/// Media type of the layer with the files: a plain tar in the normal form.
pub const PACK_TYPE: &str = "application/vnd.arena.pack.v1.tar";
/// Media type of a component.
pub const WASM_TYPE: &str = "application/wasm";

/// Most layers.
const LAYERS: usize = 256;

/// An artifact without its layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Which state of it.
    pub revision: Revision,
    /// What it holds.
    pub config: BundleConfig,
}

/// The config: which layer is what, by digest, so that their order does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleConfig {
    /// Always 1.
    pub schema_version: u32,
    /// Name of the bundle.
    pub name: String,
    /// The arena file in it.
    pub entry: String,
    /// Digest of the bundle's normal form, as whoever pushed it saw it.
    pub bundle_digest: Digest,
    /// One with the role `pack`, any number of components.
    pub layers: Vec<ConfigLayer>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigLayer {
    /// See [`Role`].
    pub role: Role,
    /// Of the layer's bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Where a component stands in the bundle; none for the pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// All files that are no components.
    Pack,
    /// A Wasm component.
    Component,
}

impl Role {
    /// As it stands in the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Component => "component",
        }
    }

    /// Media type of a layer with this role.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pack => PACK_TYPE,
            Self::Component => WASM_TYPE,
        }
    }
}

impl BundleConfig {
    /// Reads and checks a config.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, SourceError> {
        let wrong = |why: String| Reason::ArtifactInvalid.because(format!("the bundle's config is wrong: {why}"));
        let config: Self = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if config.schema_version != 1 {
            return Err(wrong(format!("schemaVersion {} is newer than this program", config.schema_version)));
        }
        // It is a file at the top of the bundle, so nobody who joins it to a folder leaves that.
        if matches!(config.entry.as_str(), "" | "." | "..") || config.entry.contains(['/', '\0']) {
            return Err(wrong(format!("its entry {:?} is no file at the top of the bundle", config.entry)));
        }
        if config.layers.len() > LAYERS {
            return Err(wrong(format!("it has more than {LAYERS} layers")));
        }
        if config.layers.iter().filter(|layer| layer.role == Role::Pack).count() != 1 {
            return Err(wrong("it has not exactly one layer with the role `pack`".to_owned()));
        }
        for layer in &config.layers {
            if Digest::parse(layer.digest.as_str()).is_none() {
                return Err(wrong(format!("{} is no digest", layer.digest)));
            }
            if (layer.role == Role::Component) != layer.path.is_some() {
                return Err(wrong(format!("the layer {} must have a path if it is a component", layer.digest)));
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> BundleConfig {
        let layer = |role, path| ConfigLayer { role, digest: Digest::of(b"x"), size: 1, path };
        BundleConfig {
            schema_version: 1,
            name: "b".into(),
            entry: "config.arena.yaml".into(),
            bundle_digest: Digest::of(b"bundle"),
            layers: vec![layer(Role::Pack, None), layer(Role::Component, Some("a.wasm".into()))],
        }
    }

    fn parsed(change: impl Fn(&mut BundleConfig)) -> Result<BundleConfig, SourceError> {
        let mut config = config();
        change(&mut config);
        BundleConfig::parse(&serde_json::to_vec(&config).unwrap())
    }

    #[test]
    fn configs_are_checked() {
        assert_eq!(parsed(|_| {}).unwrap(), config());
        let many = |config: &mut BundleConfig, count| {
            let component = config.layers[1].clone();
            config.layers.resize(count, component);
        };
        assert!(parsed(|config| many(config, LAYERS)).is_ok());
        let wrong: [&dyn Fn(&mut BundleConfig); 9] = [
            &|config| config.schema_version = 2,
            &|config| config.entry.clear(),
            &|config| config.entry = "..".into(),
            &|config| config.entry = "/etc/passwd".into(),
            &|config| many(config, LAYERS + 1),
            &|config| config.layers.clear(),
            &|config| config.layers[1] = config.layers[0].clone(),
            &|config| config.layers[1].path = None,
            &|config| config.layers[0].path = Some("x".into()),
        ];
        for (number, change) in wrong.iter().enumerate() {
            assert_eq!(parsed(change).unwrap_err().reason, Reason::ArtifactInvalid, "{number}");
        }
        assert!(BundleConfig::parse(b"{}").is_err());
    }
}
