//! Lists the guest SDK's files, which `arena evaluator new` writes into a new project.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Folder of the SDK and what of it an author needs.
const SDK: &str = "../../guest-sdk/rust";
const PARTS: [&str; 5] = ["Cargo.toml", "src", "wit", "macros/Cargo.toml", "macros/src"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(SDK);
    let mut files = Vec::new();
    for part in PARTS {
        println!("cargo::rerun-if-changed={SDK}/{part}");
        collect(&root.join(part), &mut files)?;
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        // The folder is put in by the compiler: a build cache may outlive the checkout that filled it. Writing to a
        // String cannot fail.
        let _ = writeln!(
            list,
            "    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?}))),",
            format!("/{SDK}/{name}")
        );
    }
    list.push(']');
    println!("cargo::rerun-if-env-changed=ARENA_COMPONENTS");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("sdk.rs"), list)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}
