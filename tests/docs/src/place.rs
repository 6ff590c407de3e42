//! Where the tests find the program and the examples, and the folder a page's commands run in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// What the quick start needs and `./x build` makes.
const BUILT: &str = "examples/quickstart/evaluators/polite-evaluator.wasm";

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

/// The program: what `ARENA_BIN` names, else `target/release/arena`.
pub fn arena() -> Result<PathBuf> {
    let path = std::env::var_os("ARENA_BIN").map_or_else(|| root().join("target/release/arena"), PathBuf::from);
    if !path.is_file() {
        bail!("{} is not there: run `./x build`, or name the program by ARENA_BIN", path.display());
    }
    Ok(path)
}

/// A folder with `work/`, `home/` and `bin/arena`.
pub fn work_folder() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for name in ["work", "home", "bin"] {
        fs::create_dir(folder.path().join(name))?;
    }
    symlink(arena()?, folder.path().join("bin/arena"))?;
    Ok(folder)
}

/// Copies `examples/` into `to`, without what builds leave there.
pub fn copy_examples(to: &Path) -> Result<()> {
    if !root().join(BUILT).is_file() {
        bail!("{BUILT} is not there: run `./x build`");
    }
    copy(&root().join("examples"), &to.join("examples"))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if !entry.file_type()?.is_dir() {
            fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
        } else if entry.file_name() != "target" {
            copy(&source, &target)?;
        }
    }
    Ok(())
}

/// The environment of a reader without keys: `arena` in the path, a home of its own, one cache for all tests.
pub fn environment(folder: &Path, cache: &Path) -> BTreeMap<OsString, OsString> {
    let mut variables: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    for name in ["OPENAI_API_KEY", "ARENA_LOG", "COLUMNS", "CARGO_TARGET_DIR"] {
        variables.remove(&OsString::from(name));
    }
    let home = PathBuf::from(variables.get(&OsString::from("HOME")).cloned().unwrap_or_default());
    // Cargo and rustup lie in the real home, which pages are not to touch.
    for (name, at) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        variables.entry(name.into()).or_insert_with(|| home.join(at).into());
    }
    let mut path = OsString::from(folder.join("bin"));
    path.push(":");
    path.push(variables.get(&OsString::from("PATH")).cloned().unwrap_or_default());
    for (name, value) in [
        ("PATH", path),
        ("HOME", folder.join("home").into()),
        ("ARENA_CACHE", cache.into()),
        ("NO_COLOR", "1".into()),
        ("LC_ALL", "C.UTF-8".into()),
    ] {
        variables.insert(name.into(), value);
    }
    variables
}

/// Notes that `test` does not run here, for the summary of `./x test`.
pub fn skip(test: &str, reason: &str) -> Result<()> {
    let Some(path) = std::env::var_os("ARENA_SKIP_LOG") else { return Ok(()) };
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    // One write, so that lines of tests that run at once do not mix.
    file.write_all(format!("SKIPPED {test}: {reason}\n").as_bytes())?;
    Ok(())
}
