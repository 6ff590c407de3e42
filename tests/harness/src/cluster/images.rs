//! Images that a node has without a registry.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::configuration::PAUSE;
use crate::{HarnessError, ImageBuilder, ImageContent, command, program};

/// An image on every node that runs the programs of busybox: `command: [sh, -c, ...]`.
pub const BUSYBOX: &str = "localhost/arena/busybox:1";

/// Longest time of one step.
const LIMIT: Duration = Duration::from_secs(120);

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
        labels: &[],
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
