//! An image as an archive in the layout of OCI, unpacked.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// An unpacked archive of one image of one layer.
pub struct Archive {
    folder: TempDir,
    manifest: Value,
    /// Name of the image.
    pub name: String,
    /// Digest of its manifest.
    pub digest: String,
}

impl Archive {
    /// Unpacks it.
    pub fn open(file: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        tar(&["--extract", "--file", &file.display().to_string()], folder.path());
        let index: Value = serde_json::from_slice(&fs::read(folder.path().join("index.json")).unwrap()).unwrap();
        let [entry] = index["manifests"].as_array().unwrap().as_slice() else { panic!("{index}") };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let name = text(&entry["annotations"]["org.opencontainers.image.ref.name"]);
        let digest = text(&entry["digest"]);
        let mut archive = Self { folder, manifest: Value::Null, name, digest };
        archive.manifest = archive.json(&archive.digest);
        archive
    }

    /// How the image is run and what it says of itself.
    pub fn configuration(&self) -> Value {
        self.json(self.manifest["config"]["digest"].as_str().unwrap())["config"].clone()
    }

    /// Everything in it but folders: path, and mode with owner as `-rwxr-xr-x 0/0`; folders only if they are not root's
    /// with mode 755.
    pub fn files(&self) -> BTreeMap<String, String> {
        let list = tar(&["--list", "--verbose", "--numeric-owner", "--gzip", "--file", &self.layer()], Path::new("/"));
        let lines = list.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            // Links have more words.
            assert_eq!(words.len(), 6, "{line}");
            (words[5].to_owned(), format!("{} {}", words[0], words[1]))
        });
        lines.filter(|(_, what)| what != "drwxr-xr-x 0/0").collect()
    }

    /// What a file holds.
    pub fn read(&self, file: &str) -> String {
        tar(&["--extract", "--to-stdout", "--gzip", "--file", &self.layer(), file], Path::new("/"))
    }

    fn layer(&self) -> String {
        let [layer] = self.manifest["layers"].as_array().unwrap().as_slice() else { panic!("{}", self.manifest) };
        self.blob(layer["digest"].as_str().unwrap())
    }

    fn json(&self, digest: &str) -> Value {
        serde_json::from_slice(&fs::read(self.blob(digest)).unwrap()).unwrap()
    }

    fn blob(&self, digest: &str) -> String {
        self.folder.path().join("blobs").join(digest.replace(':', "/")).display().to_string()
    }
}

fn tar(arguments: &[&str], folder: &Path) -> String {
    let output = Command::new("tar").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "tar {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
