//! A bundle in a ConfigMap: each key is a file. Keys cannot hold slashes, so `__` stands for one.

use std::collections::BTreeMap;
use std::path::Path;

use arena_bundle::archive::TreeWriter;
use arena_bundle::{BundleFile, Limits};
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::error::Reason;
use crate::{Revision, SourceError};

/// What whoever can read the cluster has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigMapContent {
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// Texts.
    pub data: BTreeMap<String, String>,
    /// Bytes.
    pub binary_data: BTreeMap<String, Vec<u8>>,
}

impl ConfigMapContent {
    /// The revision.
    pub fn revision(&self) -> Revision {
        Revision::config_map(&self.resource_version)
    }
}

/// Writes the files into the empty folder `to` and lists them, sorted by path. On an error the caller removes it.
pub fn write_config_map(
    content: &ConfigMapContent,
    to: &Path,
    limits: &Limits,
) -> Result<Vec<BundleFile>, SourceError> {
    let dir = Dir::open_ambient_dir(to, ambient_authority())
        .map_err(|error| Reason::Failed.because(format!("{} cannot be opened: {error}", to.display())))?;
    let mut tree = TreeWriter::new(&dir, limits);
    let texts = content.data.iter().map(|(key, text)| (key, text.as_bytes()));
    let bytes = content.binary_data.iter().map(|(key, bytes)| (key, bytes.as_slice()));
    for (key, mut bytes) in texts.chain(bytes) {
        let path = key.replace("__", "/");
        if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            let message = format!("the key {key:?} stands for the path {path:?}, which is none: rename it");
            return Err(Reason::KeyInvalid.because(message));
        }
        tree.file(&path, &mut bytes)?;
    }
    Ok(tree.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(keys: &[(&str, &str)], limits: &Limits) -> Result<Vec<String>, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let data = keys.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        let binary_data = BTreeMap::from([("bin".to_owned(), vec![0, 255])]);
        let content = ConfigMapContent { resource_version: "7".into(), data, binary_data };
        assert_eq!(content.revision().as_str(), "7");
        let files = write_config_map(&content, folder.path(), limits)?;
        for (key, text) in keys.iter().filter(|(key, _)| !key.starts_with('.')) {
            assert_eq!(std::fs::read_to_string(folder.path().join(key.replace("__", "/"))).unwrap(), *text);
        }
        Ok(files.into_iter().map(|file| file.path).collect())
    }

    #[test]
    fn keys_are_paths() {
        let files =
            write(&[("config.arena.yaml", "a"), ("prompts__p.yaml", "b"), (".hidden", "c")], &Limits::default());
        assert_eq!(files.unwrap(), ["bin", "config.arena.yaml", "prompts/p.yaml"]);
    }

    #[test]
    fn keys_that_lead_out_are_refused() {
        for key in ["..__x", "a__..__..__x", "__x", "a__", "a____b", ".", ".__x"] {
            assert_eq!(write(&[(key, "")], &Limits::default()).unwrap_err().reason, Reason::KeyInvalid, "{key}");
        }
        let error = write(&[("A", ""), ("a", "")], &Limits::default()).unwrap_err();
        assert_eq!(error.reason, Reason::TreeCollision);
        let error = write(&[("a", ""), ("b", "")], &Limits { files: 2, ..Limits::default() }).unwrap_err();
        assert_eq!(error.reason, Reason::TreeFiles);
    }
}
