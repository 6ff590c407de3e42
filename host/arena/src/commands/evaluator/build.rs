//! `arena evaluator build [DIR]`: cargo makes a core module, we make it a component and try to load it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use arena_componentize::componentize;
use owo_colors::OwoColorize;
use serde_json::Value;

use super::load;
use crate::exit::{Exit, Failure, OrFail};
use crate::output::println;

const TARGET: &str = "wasm32-unknown-unknown";

/// Arguments of `arena evaluator build`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the project.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where the component goes [default: DIR/NAME.wasm].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Builds, loads once, and prints what the component offers.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let manifest = arguments.dir.join("Cargo.toml");
    if !manifest.is_file() {
        let text = format!("{} is not a Rust project: it has no Cargo.toml", arguments.dir.display());
        return Err(Failure::input("ProjectMissing", text).hint("make one with `arena evaluator new NAME`"));
    }
    let (name, module) = cargo_build(&manifest)?;
    let core = std::fs::read(&module)
        .map_err(|error| Failure::machinery("FileUnreadable", format!("{}: {error}", module.display())))?;
    let component = componentize(&core).map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        Failure::input("ComponentInvalid", format!("{error}{cause}")).hint("is a function marked with #[evaluator]?")
    })?;
    let output = arguments.output.unwrap_or_else(|| arguments.dir.join(format!("{name}.wasm")));
    write(&output, &component)?;
    let (sandbox, loaded) = load(&output).await?;
    sandbox.check_description(&loaded).await.or_fail()?;
    println!(
        "{} {} ({} KiB, {})",
        "built".green().bold(),
        output.display(),
        component.len().div_ceil(1024),
        loaded.digest()
    );
    for check in &loaded.metadata().checks {
        println!("  check {}: {}", check.name.bold(), check.description);
    }
    Ok(Exit::Passed)
}

/// Runs cargo; gives the package's name and the path of its core module.
fn cargo_build(manifest: &Path) -> Result<(String, PathBuf), Failure> {
    let output = Command::new("cargo")
        .args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(manifest)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| {
            Failure::input("CargoMissing", format!("cargo cannot be started: {error}"))
                .hint("install Rust: https://rustup.rs")
        })?;
    if !output.status.success() {
        return Err(Failure::input("BuildFailed", "cargo could not build the evaluator, see above")
            .hint(format!("if the target is missing: rustup target add {TARGET}")));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let wanted = std::fs::canonicalize(manifest).unwrap_or_else(|_| manifest.to_owned());
    let module = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let ours = message["reason"] == "compiler-artifact"
            && message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == wanted);
        let files = message["filenames"].as_array().filter(|_| ours)?;
        let module = files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm"))?;
        Some((package_name(message["package_id"].as_str()?, module), PathBuf::from(module)))
    });
    module.ok_or_else(|| {
        Failure::input("BuildFailed", "the project gives no WebAssembly module")
            .hint("Cargo.toml needs `[lib] crate-type = [\"cdylib\", \"rlib\"]`")
    })
}

/// `path+file:///x/polite#0.1.0` and `...#polite@0.1.0` name the package; otherwise the file does.
fn package_name(id: &str, module: &str) -> String {
    let fragment = id.rsplit_once('#').map_or("", |(_, fragment)| fragment);
    if let Some((name, _)) = fragment.split_once('@') {
        return name.to_owned();
    }
    let folder = id.rsplit_once('#').and_then(|(path, _)| path.rsplit_once('/')).map(|(_, folder)| folder.to_owned());
    folder.unwrap_or_else(|| {
        Path::new(module).file_stem().map_or_else(|| "evaluator".to_owned(), |stem| stem.to_string_lossy().into_owned())
    })
}

/// Writes the file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::machinery("FileUnwritable", format!("{}: {error}", path.display()));
    let temporary = path.with_extension("wasm.tmp");
    std::fs::write(&temporary, bytes).map_err(failed)?;
    std::fs::rename(&temporary, path).map_err(failed)
}
