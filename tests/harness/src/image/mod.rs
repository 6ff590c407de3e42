//! Images made without a container engine.

mod redis;
mod shipped;
mod tree;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::{HarnessError, Scratch, command, program};
pub use redis::build_redis_image;
pub use shipped::PROGRAM_IMAGE;

/// Longest time of one step.
const LIMIT: Duration = Duration::from_secs(120);
/// Where the images' programs are found by name.
const PATH: &str = "PATH=/usr/local/bin:/usr/bin:/bin";
/// Whom the programs run as.
const USER: &str = "65532:65532";

/// Builds images with buildah in a store of its own, which goes with it. The same content makes the same image.
#[derive(Debug)]
pub struct ImageBuilder {
    buildah: PathBuf,
    scratch: Scratch,
}

/// What goes into an image built from nothing.
#[derive(Clone, Copy, Debug)]
pub struct ImageContent<'a> {
    /// Files and folders, each with its absolute place in the image.
    pub files: &'a [(&'a Path, &'a str)],
    /// The command that a container runs.
    pub entrypoint: &'a [&'a str],
    /// `uid:gid` it runs as.
    pub user: &'a str,
    /// What it says of itself, name and value.
    pub labels: &'a [(&'a str, &'a str)],
}

/// An image in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedImage {
    /// `ADDRESS:PORT/REPOSITORY`.
    pub repository: String,
    /// `sha256:...`.
    pub digest: String,
}

impl fmt::Display for PushedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.digest)
    }
}

impl ImageBuilder {
    /// An empty store.
    pub fn new() -> Result<Self, HarnessError> {
        Ok(Self { buildah: program::BUILDAH.find()?, scratch: Scratch::new("images")? })
    }

    /// Builds an image of this name from nothing but the content.
    pub async fn build(&self, name: &str, content: ImageContent<'_>) -> Result<(), HarnessError> {
        let container = self.run(&["from", "scratch"]).await?;
        for (file, place) in content.files {
            let file = file.display().to_string();
            self.run(&["copy", "--quiet", &container, &file, place]).await?;
        }
        let entrypoint = serde_json::to_string(content.entrypoint)
            .map_err(|error| HarnessError::Machine(format!("the entrypoint is no JSON: {error}")))?;
        let mut configure = vec!["config", "--entrypoint", &entrypoint, "--user", content.user, "--env", PATH];
        let labels: Vec<String> = content.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        configure.extend(labels.iter().flat_map(|label| ["--label", label]));
        configure.push(&container);
        self.run(&configure).await?;
        // All times are the same one, and the builder's version is nobody's matter.
        let commit = ["commit", "--quiet", "--rm", "--timestamp", "0", "--identity-label=false", &container, name];
        self.run(&commit).await.map(drop)
    }

    /// Writes an image as an archive in the layout of OCI, which nodes import and engines load, and gives its digest,
    /// `sha256:...`.
    pub async fn save(&self, name: &str, archive: &Path) -> Result<String, HarnessError> {
        let mut command = self.buildah();
        self.copy(command.arg("push"), name, &format!("oci-archive:{}:{name}", archive.display())).await
    }

    /// Pushes an image to a registry of http as `ADDRESS:PORT/REPOSITORY:TAG`, and gives its digest, `sha256:...`.
    pub async fn push(&self, name: &str, reference: &str) -> Result<String, HarnessError> {
        let mut command = self.buildah();
        self.copy(command.args(["push", "--tls-verify=false"]), name, &format!("docker://{reference}")).await
    }

    /// Pushes an image to a registry of https, with the credentials that the user's logins have left.
    pub async fn publish(&self, name: &str, reference: &str) -> Result<String, HarnessError> {
        let mut command = self.buildah();
        for variable in ["HOME", "REGISTRY_AUTH_FILE"] {
            if let Some(value) = std::env::var_os(variable) {
                command.env(variable, value);
            }
        }
        self.copy(command.arg("push"), name, &format!("docker://{reference}")).await
    }

    /// Copies an image as a push that has begun says, and gives its digest.
    async fn copy(&self, push: &mut Command, name: &str, to: &str) -> Result<String, HarnessError> {
        let digest = self.scratch.path().join("digest");
        push.args(["--quiet", "--digestfile"]).arg(&digest).args([name, to]);
        command::output(push, LIMIT).await?;
        let text = fs::read_to_string(&digest);
        Ok(text.map_err(HarnessError::io(format!("cannot read {}", digest.display())))?.trim().to_owned())
    }

    async fn run(&self, arguments: &[&str]) -> Result<String, HarnessError> {
        Ok(command::output(self.buildah().args(arguments), LIMIT).await?.trim().to_owned())
    }

    fn buildah(&self) -> Command {
        let mut command = Command::new(&self.buildah);
        // vfs needs no kernel's help; a plain user would need more than root does.
        command.args(["--storage-driver", "vfs", "--root"]).arg(self.scratch.path().join("root"));
        command.arg("--runroot").arg(self.scratch.path().join("run"));
        // Policies and registries of the machine do not count.
        command.env("HOME", self.scratch.path()).env_remove("REGISTRY_AUTH_FILE");
        command
    }
}
