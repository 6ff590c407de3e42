//! Builds the guests and leaves their components where the binary and the tests look for them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use arena_model::{ComponentMetadata, Digest};
use serde::{Deserialize, Serialize};

use crate::layout::Layout;
use crate::process;

const TARGET: &str = "wasm32-unknown-unknown";
/// Evaluators of the examples: the project, the module cargo makes of it, and where its bundle wants the component.
const EXAMPLES: [(&str, &str, &str); 1] =
    [("examples/polite-evaluator", "polite_evaluator.wasm", "examples/quickstart/evaluators/polite-evaluator.wasm")];
/// What a component's file name leaves out of the crate's name.
const CRATE_PREFIX: &str = "arena-evaluator-";
const HOSTILE_PREFIX: &str = "arena-hostile-";
/// Below the components' folder: what the program embeds of the standard ones.
const EMBEDDED: &str = "embedded";
/// zstd level of an embedded component: made once for each change, and read at every start.
const LEVEL: i32 = 19;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    crate_types: Vec<String>,
}

/// One core module that the guests' build leaves, and the component made of it.
#[derive(Debug, PartialEq)]
struct Guest {
    /// The crate that has it.
    package: String,
    /// Below the build's release folder.
    module: PathBuf,
    /// Below the components' folder.
    component: PathBuf,
}

/// What the program knows of an embedded component without unpacking it.
#[derive(Serialize)]
struct Known {
    digest: Digest,
    bytes: usize,
    metadata: Option<ComponentMetadata>,
}

/// Builds every guest of `evaluators/` and writes the components whose content changed.
pub fn build(layout: &Layout) -> Result<()> {
    let workspace = layout.root.join("evaluators");
    if !workspace.join("Cargo.toml").is_file() {
        bail!("{} is not a workspace: the binary embeds the components built there", workspace.display());
    }
    let mut metadata = layout.cargo_guest(&workspace);
    metadata.args(["metadata", "--format-version=1", "--no-deps"]);
    let metadata: Metadata = serde_json::from_str(&process::capture(&mut metadata)?)?;
    let guests = guests(&metadata, &workspace)?;
    if guests.is_empty() {
        bail!("{} has no crate of type cdylib, so there is nothing to embed", workspace.display());
    }
    let remap = remap(&layout.root)?;
    let cargo = |workspace: &Path| {
        let mut cargo = layout.cargo_guest(workspace);
        cargo.args(["build", "--release", "--lib", "--target", TARGET, "--config", &remap]);
        cargo
    };
    for packages in together(&guests) {
        let mut cargo = cargo(&workspace);
        cargo.arg("--examples").args(packages.iter().flat_map(|package| ["--package", package]));
        process::run(&mut cargo)?;
    }
    let modules = layout.guests().join(TARGET).join("release");
    for guest in &guests {
        let (module, component) = (modules.join(&guest.module), layout.components().join(&guest.component));
        write(&module, &component)?;
        if is_ours(&guest.component) {
            embed(&module, &component)?;
        }
    }
    for (project, module, component) in EXAMPLES {
        process::run(&mut cargo(&layout.root.join(project)))?;
        write(&modules.join(module), &layout.root.join(component))?;
    }
    sweep(&layout.components(), &guests)
}

/// Panic messages hold source paths. Without the machine's folders equal sources give equal digests everywhere.
fn remap(root: &Path) -> Result<String> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from).or(home.map(|home| home.join(".cargo")));
    let cargo = cargo.context("neither CARGO_HOME nor HOME is set")?;
    let flag = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let flags = [flag(&cargo, "/cargo"), flag(root, "/arena")];
    Ok(format!("target.{TARGET}.rustflags={}", serde_json::to_string(&flags)?))
}

/// A crate's cdylib, or each of its cdylib examples: attacks that differ in a line share a crate.
fn guests(metadata: &Metadata, workspace: &Path) -> Result<Vec<Guest>> {
    let mut guests = Vec::new();
    for package in &metadata.packages {
        let hostile = package.manifest_path.starts_with(workspace.join("hostile"));
        let folder = if hostile { Path::new("hostile") } else { Path::new("") };
        for target in package.targets.iter().filter(|target| target.crate_types.iter().any(|kind| kind == "cdylib")) {
            let example = target.kind.iter().any(|kind| kind == "example");
            let file = format!("{}.wasm", target.name.replace('-', "_"));
            let module = if example { Path::new("examples").join(file) } else { PathBuf::from(file) };
            let name = if example { target.name.replace('_', "-") } else { component_name(&package.name) };
            let component = folder.join(format!("{name}.wasm"));
            if guests.iter().any(|other: &Guest| other.component == component) {
                bail!("two guests of {} would both be {}", workspace.display(), component.display());
            }
            guests.push(Guest { package: package.name.clone(), module, component });
        }
    }
    Ok(guests)
}

/// The crates of each call of cargo. What ships is built by itself: together, each would get the features that any of them
/// asks of a library, be half as large again for it, and be another component once a neighbour changes.
fn together(guests: &[Guest]) -> Vec<BTreeSet<&str>> {
    let (ours, hostile): (Vec<_>, Vec<_>) = guests.iter().partition(|guest| is_ours(&guest.component));
    let alone: BTreeSet<&str> = ours.iter().map(|guest| guest.package.as_str()).collect();
    let hostile: BTreeSet<&str> = hostile.iter().map(|guest| guest.package.as_str()).collect();
    alone.into_iter().map(|package| BTreeSet::from([package])).chain([hostile]).filter(|set| !set.is_empty()).collect()
}

/// Whether it is of no folder of attacks.
fn is_ours(component: &Path) -> bool {
    component.parent() == Some(Path::new(""))
}

fn component_name(package: &str) -> String {
    let name = package.strip_prefix(CRATE_PREFIX).or_else(|| package.strip_prefix(HOSTILE_PREFIX)).unwrap_or(package);
    name.to_owned()
}

/// Leaves an equal file alone: its time of change decides what cargo builds again.
fn write(module: &Path, component: &Path) -> Result<()> {
    let core = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let bytes =
        arena_componentize::componentize(&core).with_context(|| format!("no component from {}", module.display()))?;
    write_changed(component, &bytes)
}

/// Writes what the program embeds of `component`: its bytes, compressed, and what it is.
fn embed(module: &Path, component: &Path) -> Result<()> {
    let folder = component.with_file_name(EMBEDDED);
    let name = component.file_stem().context("a component has no name")?;
    let (packed, known) = (folder.join(name).with_extension("wasm.zst"), folder.join(name).with_extension("json"));
    let bytes = fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    let core = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let metadata = arena_componentize::metadata(&core)?.map(serde_json::from_slice).transpose();
    let metadata = metadata.with_context(|| format!("the metadata of {}", module.display()))?;
    let text = serde_json::to_vec(&Known { digest: Digest::of(&bytes), bytes: bytes.len(), metadata })?;
    // The digest stands in it, and it is written last.
    if packed.is_file() && fs::read(&known).is_ok_and(|old| old == text) {
        return Ok(());
    }
    write_changed(&packed, &zstd::bulk::compress(&bytes, LEVEL)?)?;
    write_changed(&known, &text)
}

fn write_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = path.parent().context("a file has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Removes components whose guest is gone, so that no test passes on a leftover.
fn sweep(components: &Path, guests: &[Guest]) -> Result<()> {
    let known = |path: &Path| guests.iter().any(|guest| components.join(&guest.component) == path);
    for folder in [components.to_owned(), components.join("hostile")] {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "wasm") && !known(&path) {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, at: &str, targets: &[(&str, &str)]) -> Package {
        let target = |&(name, kind): &(&str, &str)| Target {
            name: name.to_owned(),
            kind: vec![kind.to_owned()],
            crate_types: vec![if kind == "lib" { "lib" } else { "cdylib" }.to_owned()],
        };
        let manifest_path = Path::new("/tree/evaluators").join(at).join("Cargo.toml");
        Package { name: name.to_owned(), manifest_path, targets: targets.iter().map(target).collect() }
    }

    #[test]
    fn what_ships_is_built_by_itself() {
        let packages = vec![
            package("arena-evaluator-text", "text", &[("arena_evaluator_text", "cdylib")]),
            package("arena-evaluator-json", "json", &[("arena_evaluator_json", "cdylib")]),
            package("arena-hostile-a", "hostile/a", &[("arena_hostile_a", "cdylib")]),
            package("arena-hostile-b", "hostile/b", &[("arena_hostile_b", "cdylib")]),
            package("arena-evaluator-patterns", "patterns", &[("arena_evaluator_patterns", "lib")]),
        ];
        let guests = guests(&Metadata { packages }, Path::new("/tree/evaluators")).unwrap();
        let wanted =
            [vec!["arena-evaluator-json"], vec!["arena-evaluator-text"], vec!["arena-hostile-a", "arena-hostile-b"]];
        assert_eq!(together(&guests), wanted.map(BTreeSet::from_iter));
    }

    fn found(packages: Vec<Package>) -> Result<Vec<(String, String)>> {
        let guests = guests(&Metadata { packages }, Path::new("/tree/evaluators"))?;
        Ok(guests.iter().map(|g| (g.module.display().to_string(), g.component.display().to_string())).collect())
    }

    #[test]
    fn crates_and_examples_become_named_components() {
        let packages = vec![
            package("arena-evaluator-text", "text", &[("arena_evaluator_text", "cdylib")]),
            package("arena-evaluator-shapes", "shapes", &[("arena_evaluator_shapes", "lib")]),
            package("arena-hostile-spin", "hostile/spin", &[("arena_hostile_spin", "cdylib")]),
            package("arena-evaluator-hostile-limits", "hostile/limits", &[("fuel_over", "example")]),
        ];
        let expected = [
            ("arena_evaluator_text.wasm", "text.wasm"),
            ("arena_hostile_spin.wasm", "hostile/spin.wasm"),
            ("examples/fuel_over.wasm", "hostile/fuel-over.wasm"),
        ];
        assert_eq!(found(packages).unwrap(), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn two_guests_of_one_name_are_refused() {
        let packages = vec![
            package("arena-evaluator-text", "text", &[("a", "cdylib")]),
            package("text", "text2", &[("b", "cdylib")]),
        ];
        assert!(found(packages).unwrap_err().to_string().contains("text.wasm"));
    }

    #[test]
    fn leftovers_go_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("hostile")).unwrap();
        for name in ["text.wasm", "old.wasm", "notes.md", "hostile/old.wasm"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let guest = Guest { package: "text".into(), module: "a".into(), component: "text.wasm".into() };
        sweep(folder.path(), &[guest]).unwrap();
        let left = |name: &str| folder.path().join(name).exists();
        assert_eq!(["text.wasm", "old.wasm", "notes.md", "hostile/old.wasm"].map(left), [true, false, true, false]);
    }

    #[test]
    fn what_is_no_module_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join("broken.wasm");
        fs::write(&module, "nonsense").unwrap();
        let error = write(&module, &folder.path().join("out.wasm")).unwrap_err();
        assert!(error.to_string().contains("broken.wasm"), "{error}");
        assert!(!folder.path().join("out.wasm").exists());
    }
}
