//! Programs of the operating system that the test world runs, and the Debian packages they come in.

use std::path::{Path, PathBuf};

use crate::HarnessError;

/// A program of a Debian package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// The package that has it.
    pub package: &'static str,
    /// Absolute folder in which it lies if not in the path.
    folder: &'static str,
}

const fn program(name: &'static str, package: &'static str) -> Program {
    Program { name, package, folder: "/usr/sbin" }
}

/// The queue's server.
pub const REDIS: Program = program("redis-server", "redis-server");
/// The OCI registry.
pub const REGISTRY: Program = program("docker-registry", "docker-registry");
/// Git itself.
pub const GIT: Program = program("git", "git");
/// Runs containers.
pub const CONTAINERD: Program = program("containerd", "containerd");
/// containerd's command line.
pub const CTR: Program = program("ctr", "containerd");
/// Starts a container's processes.
const RUNC: Program = program("runc", "runc");
/// Joins pods to the node's network.
const HOST_LOCAL: Program =
    Program { name: "host-local", package: "containernetworking-plugins", folder: "/usr/lib/cni" };
/// Addresses of Services are its rules.
const IPTABLES: Program = program("iptables", "iptables");
/// Forgets connections to pods that are gone.
const CONNTRACK: Program = program("conntrack", "conntrack");
/// Network links and routes.
pub const IP: Program = program("ip", "iproute2");
/// Makes namespaces.
pub const UNSHARE: Program = program("unshare", "util-linux");
/// Enters them.
pub const NSENTER: Program = program("nsenter", "util-linux");
/// Makes images.
pub const BUILDAH: Program = program("buildah", "buildah");
/// What is in the images of tests; static, so that it needs nothing else there.
pub const BUSYBOX: Program = program("busybox", "busybox-static");
/// Has the roots that the images trust.
pub const CERTIFICATES: Program = program("update-ca-certificates", "ca-certificates");
/// Takes out of a program what only a debugger reads.
pub const STRIP: Program = program("strip", "binutils");
/// Ends a process with the thread that started it.
pub const SETPRIV: Program = program("setpriv", "util-linux");

/// Shows reports to tests.
pub const CHROMIUM: Program = program("chromium", "chromium");
/// Runs the programs that look at them.
pub const NODE: Program = program("node", "nodejs");
/// Brings what those are made of.
pub const NPM: Program = program("npm", "npm");

/// Counts instructions.
pub const VALGRIND: Program = program("valgrind", "valgrind");

/// All that servers and clusters are made of.
pub const ALL: &[Program] = &[
    REDIS,
    REGISTRY,
    GIT,
    SETPRIV,
    CONTAINERD,
    CTR,
    RUNC,
    HOST_LOCAL,
    IPTABLES,
    CONNTRACK,
    IP,
    UNSHARE,
    NSENTER,
    BUILDAH,
    BUSYBOX,
    CERTIFICATES,
    STRIP,
    VALGRIND,
];

/// Those that show pages.
pub const OF_BROWSERS: &[Program] = &[CHROMIUM, NODE, NPM];

/// Those that make the image that we ship.
pub const OF_IMAGES: &[Program] = &[BUILDAH, CERTIFICATES, STRIP];

impl Program {
    /// Where it lies.
    pub fn find(&self) -> Result<PathBuf, HarnessError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // A plain user's path has no sbin.
        let folders = std::env::split_paths(&path).chain([PathBuf::from(self.folder)]);
        let found = folders.map(|folder| folder.join(self.name)).find(|file| executable(file));
        found.ok_or(HarnessError::Missing { program: self.name, package: self.package })
    }
}

fn executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let error = program("no-such-program", "its-package").find().unwrap_err().to_string();
        assert!(error.contains("no-such-program") && error.contains("apt-get install its-package"), "{error}");
    }
}
