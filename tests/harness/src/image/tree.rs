//! The folders of an image in the making.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::LIMIT;
use crate::{HarnessError, Scratch, command};

/// Where Debian's packages say under which licences they are.
const LICENCES: &str = "usr/share/doc";

/// What will be `/` of an image. Modes are as given and owners are root, whatever they are on this machine.
#[derive(Debug)]
pub(super) struct Tree(Scratch);

impl Tree {
    /// Nothing.
    pub(super) fn new() -> Result<Self, HarnessError> {
        Ok(Self(Scratch::new("tree")?))
    }

    /// Its folder.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// An empty folder.
    pub(super) fn folder(&self, place: &str, mode: u32) -> Result<(), HarnessError> {
        let mut path = self.path().to_owned();
        for part in place.split('/').filter(|part| !part.is_empty()) {
            path.push(part);
            if !path.is_dir() {
                fs::create_dir(&path).map_err(HarnessError::io(format!("cannot create {}", path.display())))?;
                set_mode(&path, 0o755)?;
            }
        }
        set_mode(&path, mode)
    }

    /// A file that all may read.
    pub(super) fn file(&self, place: &str, content: &[u8]) -> Result<(), HarnessError> {
        let path = self.place(place)?;
        fs::write(&path, content).map_err(HarnessError::io(format!("cannot write {}", path.display())))?;
        set_mode(&path, 0o644)
    }

    /// A program with the shared libraries that it needs, each where the loader of this machine has found it, and their
    /// licences.
    pub(super) async fn program(&self, place: &str, program: &Path) -> Result<(), HarnessError> {
        self.copy(program, place, 0o755)?;
        let mut packages = BTreeSet::new();
        for library in libraries(program).await? {
            self.copy(&library, &library.display().to_string(), 0o755)?;
            packages.extend(packages_of(&library).await?);
        }
        packages.iter().try_for_each(|package| self.licence(package))
    }

    /// The licences of a Debian package.
    pub(super) fn licence(&self, package: &str) -> Result<(), HarnessError> {
        let place = format!("/{LICENCES}/{package}/copyright");
        self.copy(Path::new(&place), &place, 0o644)
    }

    fn copy(&self, from: &Path, place: &str, mode: u32) -> Result<(), HarnessError> {
        let path = self.place(place)?;
        fs::copy(from, &path).map_err(HarnessError::io(format!("cannot copy {}", from.display())))?;
        set_mode(&path, mode)
    }

    /// The path of a file to be, in a folder that is there.
    fn place(&self, place: &str) -> Result<PathBuf, HarnessError> {
        if let Some((folder, _)) = place.rsplit_once('/') {
            self.folder(folder, 0o755)?;
        }
        Ok(self.path().join(place.trim_start_matches('/')))
    }
}

/// What the loader finds for a program, itself among it; nothing for a static one.
async fn libraries(program: &Path) -> Result<Vec<PathBuf>, HarnessError> {
    let text = command::output(Command::new("ldd").arg(program), LIMIT).await?;
    if let Some(line) = text.lines().find(|line| line.ends_with("not found")) {
        return Err(HarnessError::Machine(format!("{} does not run here: {}", program.display(), line.trim())));
    }
    let paths = text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(paths.map(PathBuf::from).collect())
}

/// The Debian packages that have a library.
async fn packages_of(library: &Path) -> Result<BTreeSet<String>, HarnessError> {
    let names: Vec<_> = library.iter().rev().take(2).map(|name| name.to_string_lossy()).collect();
    // The package may have it below /usr, to which /lib leads.
    let pattern = format!("*/{}", names.iter().rev().map(AsRef::as_ref).collect::<Vec<_>>().join("/"));
    let text = command::output(Command::new("dpkg-query").args(["--search", &pattern]), LIMIT).await?;
    let owners = text.lines().filter_map(|line| Some(line.split_once(": /")?.0)).flat_map(|owners| owners.split(", "));
    Ok(owners.map(|owner| owner.split(':').next().unwrap_or(owner).to_owned()).collect())
}

fn set_mode(path: &Path, mode: u32) -> Result<(), HarnessError> {
    let set = fs::set_permissions(path, Permissions::from_mode(mode));
    set.map_err(HarnessError::io(format!("cannot set the mode of {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_comes_with_its_libraries_and_their_licences() {
        let (tree, own) = (Tree::new().unwrap(), std::env::current_exe().unwrap());
        tree.program("/bin/own", &own).await.unwrap();
        let libraries = libraries(&own).await.unwrap();
        assert!(libraries.iter().any(|library| library.display().to_string().contains("/ld-linux")), "{libraries:?}");
        for file in libraries
            .iter()
            .map(|library| library.strip_prefix("/").unwrap())
            .chain([Path::new("bin/own"), Path::new("usr/share/doc/libc6/copyright")])
        {
            assert!(tree.path().join(file).is_file(), "{}", file.display());
        }
    }

    #[test]
    fn modes_are_as_given() {
        let tree = Tree::new().unwrap();
        tree.folder("/tmp", 0o1777).unwrap();
        tree.file("/etc/a/b", b"x").unwrap();
        let mode = |place: &str| fs::metadata(tree.path().join(place)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(["tmp", "etc", "etc/a", "etc/a/b"].map(mode), [0o1777, 0o755, 0o755, 0o644]);
    }
}
