//! Images made without a container engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::configuration::PAUSE;
use crate::{HarnessError, Scratch, command, program};

/// An image on every node that runs the programs of busybox: `command: [sh, -c, ...]`.
pub const BUSYBOX: &str = "localhost/arena/busybox:1";

/// Longest time of one step.
const LIMIT: Duration = Duration::from_secs(120);

/// Builds images with buildah in a store of its own, which goes with it.
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
        self.run(&["config", "--entrypoint", &entrypoint, "--user", content.user, &container]).await?;
        self.run(&["commit", "--quiet", "--rm", &container, name]).await.map(drop)
    }

    /// Writes an image as an archive that a node imports.
    pub async fn save(&self, name: &str, archive: &Path) -> Result<(), HarnessError> {
        self.run(&["push", "--quiet", name, &format!("docker-archive:{}:{name}", archive.display())]).await.map(drop)
    }

    /// Pushes an image to a registry of http as `ADDRESS:PORT/REPOSITORY:TAG`, and gives its digest, `sha256:...`.
    pub async fn push(&self, name: &str, reference: &str) -> Result<String, HarnessError> {
        let digest = self.scratch.path().join("digest");
        let (file, to) = (digest.display().to_string(), format!("docker://{reference}"));
        self.run(&["push", "--quiet", "--tls-verify=false", "--digestfile", &file, name, &to]).await?;
        let text = fs::read_to_string(&digest).map_err(HarnessError::io(format!("cannot read {file}")))?;
        Ok(text.trim().to_owned())
    }

    async fn run(&self, arguments: &[&str]) -> Result<String, HarnessError> {
        let mut command = Command::new(&self.buildah);
        // vfs needs no kernel's help; a plain user would need more than root does.
        command.args(["--storage-driver", "vfs", "--root"]).arg(self.scratch.path().join("root"));
        command.arg("--runroot").arg(self.scratch.path().join("run"));
        // Policies and registries of the machine do not count.
        command.env("HOME", self.scratch.path()).env_remove("REGISTRY_AUTH_FILE");
        command.args(arguments);
        Ok(command::output(&mut command, LIMIT).await?.trim().to_owned())
    }
}

/// Gives a node the images of an archive.
pub(super) async fn import(socket: &Path, archive: &Path) -> Result<(), HarnessError> {
    ctr(socket, &["import", &archive.display().to_string()]).await
}

/// Gives a node the image that holds a pod's namespaces, and the same for pods of tests.
pub(super) async fn import_busybox(socket: &Path, folder: &Path) -> Result<(), HarnessError> {
    let busybox = program::BUSYBOX.find()?;
    let links = folder.join("busybox");
    fs::create_dir_all(&links).map_err(HarnessError::io(format!("cannot create {}", links.display())))?;
    let names = command::output(Command::new(&busybox).arg("--list"), LIMIT).await?;
    for name in names.lines().filter(|name| *name != "busybox") {
        let link = links.join(name);
        std::os::unix::fs::symlink("busybox", &link).map_err(HarnessError::io(format!("cannot link {name}")))?;
    }
    let content = ImageContent {
        files: &[(&links, "/bin/"), (&busybox, "/bin/busybox")],
        entrypoint: &["/bin/busybox", "sleep", "2147483647"],
        user: "65532:65532",
    };
    let (builder, archive) = (ImageBuilder::new()?, folder.join("busybox.tar"));
    builder.build(BUSYBOX, content).await?;
    builder.save(BUSYBOX, &archive).await?;
    import(socket, &archive).await?;
    ctr(socket, &["tag", BUSYBOX, PAUSE]).await
}

async fn ctr(socket: &Path, arguments: &[&str]) -> Result<(), HarnessError> {
    let mut command = Command::new(program::CTR.find()?);
    command.arg("--address").arg(socket).args(["--namespace", "k8s.io", "images"]).args(arguments);
    command::output(&mut command, LIMIT).await.map(drop)
}
