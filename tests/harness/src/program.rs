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
/// Ends a process with the thread that started it.
pub const SETPRIV: Program = program("setpriv", "util-linux");

/// All of them.
pub const ALL: &[Program] = &[REDIS, REGISTRY, GIT, SETPRIV];

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
