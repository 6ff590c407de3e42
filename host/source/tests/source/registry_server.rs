//! A registry of Debian on a free port.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use arena_source::{OciSource, Source};
use tempfile::TempDir;

/// `user` with the password `secret`.
const PASSWORDS: &str = "user:$2b$04$F5rVtItUE.4iN2BlMva0uurILsuTm/P1a7rIq02aIvpF4PFYTZYuq\n";

pub struct RegistryServer {
    process: Child,
    folder: TempDir,
    pub host: String,
}

impl RegistryServer {
    /// `locked` wants a password.
    pub fn start(locked: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (config, passwords) = (folder.path().join("config.yml"), folder.path().join("passwords"));
        std::fs::write(&passwords, PASSWORDS).unwrap();
        let root = folder.path().join("data");
        let auth = format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", passwords.display());
        let text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:0', secret: s}}\n{}",
            root.display(),
            if locked { &auth } else { "" }
        );
        std::fs::write(&config, text).unwrap();
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry of Debian is installed");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let listening = lines.find_map(|line| {
            let line = line.unwrap();
            line.split_once("listening on ").map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
        });
        // The registry must not wait for someone to read its log.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, folder, host: listening.unwrap() }
    }

    pub fn oci(&self, rest: &str) -> OciSource {
        OciSource { url: format!("oci://{}/{rest}", self.host), insecure: true }
    }

    pub fn source(&self, rest: &str) -> Source {
        Source::Oci(self.oci(rest))
    }

    /// The file of a blob.
    pub fn blob(&self, digest: &arena_model::Digest) -> PathBuf {
        let hex = digest.hex();
        self.folder.path().join(format!("data/docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]))
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
