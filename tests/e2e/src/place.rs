//! Where the build left the program and its components, and the cache that all tests share.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Folder of compiled components, beside the test binaries: compiling the standard library takes seconds.
const CACHE: &str = "e2e-cache";

/// The checkout.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

/// The program: what `ARENA_BIN` names, else `target/release/arena`.
pub fn program() -> Result<PathBuf> {
    let path = std::env::var_os("ARENA_BIN").map_or_else(|| root().join("target/release/arena"), PathBuf::from);
    built(path)
}

/// A component of the standard library: what `ARENA_COMPONENTS` holds, else `target/components`.
pub fn component(name: &str) -> Result<PathBuf> {
    let folder = std::env::var_os("ARENA_COMPONENTS").map_or_else(|| root().join("target/components"), PathBuf::from);
    built(folder.join(name).with_extension("wasm"))
}

/// A guest that misbehaves.
pub fn hostile(name: &str) -> Result<PathBuf> {
    component(&format!("hostile/{name}"))
}

/// A file of `examples/`.
pub fn example(path: &str) -> Result<PathBuf> {
    built(root().join("examples").join(path))
}

fn built(path: PathBuf) -> Result<PathBuf> {
    if !path.exists() {
        bail!("{} is not there: run `./x build`, or see ARENA_BIN and ARENA_COMPONENTS", path.display());
    }
    Ok(path)
}

/// The cache of compiled components.
pub(crate) fn cache() -> Result<PathBuf> {
    let binary = std::env::current_exe().context("this process has no path")?;
    let target = binary.ancestors().nth(3).context("this test does not run from a target folder")?;
    Ok(target.join(CACHE))
}
