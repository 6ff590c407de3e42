//! Builds the binary around the components it embeds.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::{components, process};

/// What is built with the binary. Cargo gives a dependency the features that all packages of one build ask for, so
/// going from one scope to the other compiles much of the tree again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The binary without what only a fleet needs: the quickest way to a demo.
    Laptop,
    /// The binary alone.
    Binary,
    /// All programs: what tests and bars need.
    Workspace,
}

/// Guests, components, then the binary, left as `target/release/arena` of the checkout.
pub fn build(layout: &Layout, scope: Scope) -> Result<()> {
    components::build(layout)?;
    binary(layout, scope)?;
    println!("built {}", layout.show(&layout.binary()));
    Ok(())
}

/// The binary from the components that are there.
pub fn binary(layout: &Layout, scope: Scope) -> Result<()> {
    let what: &[&str] = match scope {
        Scope::Laptop => &["--package", "arena", "--no-default-features"],
        Scope::Binary => &["--package", "arena"],
        // With the tests, so that what only they depend on asks for its features now and not in a second build.
        Scope::Workspace => &["--workspace", "--bins", "--tests"],
    };
    process::run(layout.cargo().args(["build", "--release"]).args(what))?;
    let built = layout.target.join("release/arena");
    if built != layout.binary() {
        install(&built, &layout.binary())?;
    }
    Ok(())
}

/// Copies by rename: a binary that is running elsewhere is never written to.
fn install(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("the binary has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let temporary = tempfile::NamedTempFile::new_in(folder)?;
    fs::copy(from, temporary.path()).with_context(|| format!("cannot copy {}", from.display()))?;
    temporary.persist(to).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_binary_is_replaced_and_stays_executable() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("built"), folder.path().join("target/release/arena"));
        for content in ["one", "two"] {
            fs::write(&from, content).unwrap();
            fs::set_permissions(&from, fs::Permissions::from_mode(0o755)).unwrap();
            install(&from, &to).unwrap();
            assert_eq!(fs::read_to_string(&to).unwrap(), content);
            assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o755);
        }
    }
}
