//! What the rules look at: packages as cargo resolves them, files as git sees them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::layout::Layout;
use crate::process;

/// A larger file is no source text; it is not read.
const LARGEST: u64 = 4 << 20;

/// A package that is linked somewhere: ours, or a dependency at any depth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Package {
    /// Name of the crate.
    pub name: String,
    /// SemVer.
    pub version: String,
    /// For our own packages the folder below the checkout, with slashes.
    pub folder: Option<String>,
    /// What its manifest names.
    pub dependencies: Vec<Dependency>,
    /// SPDX expression.
    pub licence: Option<String>,
    /// Cargo's source id, such as `registry+https://...`; none for a path.
    pub source: Option<String>,
}

/// One line of a manifest's dependencies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dependency {
    /// Name of the crate, whatever it is renamed to.
    pub name: String,
    /// True if only tests and benchmarks see it.
    pub dev: bool,
    /// For a path dependency the folder below the checkout, or the absolute one if it lies outside.
    pub folder: Option<String>,
}

/// A text file of the checkout.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Below the checkout, with slashes.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<RawPackage>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

#[derive(Deserialize)]
struct RawPackage {
    id: String,
    name: String,
    version: String,
    manifest_path: PathBuf,
    license: Option<String>,
    source: Option<String>,
    dependencies: Vec<RawDependency>,
}

#[derive(Deserialize)]
struct RawDependency {
    name: String,
    kind: Option<String>,
    path: Option<PathBuf>,
}

/// Every package that a workspace's lock file brings in on the given targets.
pub fn packages(layout: &Layout, workspace: &Path, targets: &[impl AsRef<str>]) -> Result<Vec<Package>> {
    let mut command = if workspace == layout.root { layout.cargo() } else { layout.cargo_guest(workspace) };
    command.args(["metadata", "--format-version=1"]);
    command.args(targets.iter().flat_map(|target| ["--filter-platform", target.as_ref()]));
    let metadata: Metadata = serde_json::from_str(&process::capture(&mut command)?)
        .context("cargo metadata did not answer with the JSON we know")?;
    Ok(resolved(metadata, &layout.root))
}

fn resolved(metadata: Metadata, root: &Path) -> Vec<Package> {
    let nodes: BTreeSet<String> = metadata.resolve.nodes.into_iter().map(|node| node.id).collect();
    let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let package = |raw: RawPackage| Package {
        folder: raw.source.is_none().then(|| raw.manifest_path.parent().map(below)).flatten(),
        name: raw.name,
        version: raw.version,
        licence: raw.license,
        source: raw.source,
        dependencies: (raw.dependencies.into_iter())
            .map(|raw| Dependency {
                name: raw.name,
                dev: raw.kind.as_deref() == Some("dev"),
                folder: raw.path.as_deref().map(below),
            })
            .collect(),
    };
    metadata.packages.into_iter().filter(|raw| nodes.contains(&raw.id)).map(package).collect()
}

impl Source {
    /// The text files of a checkout: tracked, or new and not ignored.
    pub fn all(root: &Path) -> Result<Vec<Self>> {
        let mut git = Command::new("git");
        git.current_dir(root).args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
        let listing = process::capture(&mut git).context("the house rules read the files that git knows")?;
        let mut sources = Vec::new();
        for path in listing.trim_end().split('\0').filter(|path| !path.is_empty()) {
            let file = root.join(path);
            // Gone from the folder but still in the index, or a link to elsewhere.
            let Ok(about) = fs::symlink_metadata(&file) else { continue };
            if !about.is_file() || about.len() > LARGEST {
                continue;
            }
            let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            if let Ok(text) = String::from_utf8(bytes) {
                sources.push(Self { path: path.to_owned(), text });
            }
        }
        Ok(sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, words: &[&str]) {
        process::run(Command::new("git").current_dir(folder).args(words)).unwrap();
    }

    #[test]
    fn new_and_tracked_files_count_and_ignored_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "--quiet"]);
        for (name, content) in
            [(".gitignore", &b"out/\n"[..]), ("a.rs", b"tracked"), ("b.rs", b"gone"), ("c.bin", b"\xff")]
        {
            fs::write(folder.path().join(name), content).unwrap();
        }
        git(folder.path(), &["add", "."]);
        fs::create_dir(folder.path().join("out")).unwrap();
        fs::write(folder.path().join("out/x.rs"), "ignored").unwrap();
        fs::write(folder.path().join("new file.rs"), "new").unwrap();
        fs::remove_file(folder.path().join("b.rs")).unwrap();
        let mut paths: Vec<_> = Source::all(folder.path()).unwrap().into_iter().map(|source| source.path).collect();
        paths.sort();
        assert_eq!(paths, [".gitignore", "a.rs", "new file.rs"]);
    }

    #[test]
    fn only_what_is_resolved_counts() {
        let text = r#"{"resolve":{"nodes":[{"id":"a"},{"id":"b"}]},"packages":[
            {"id":"a","name":"arena-plan","version":"0.1.0","manifest_path":"/tree/host/plan/Cargo.toml","license":"Apache-2.0",
             "source":null,"dependencies":[{"name":"arena-model","kind":null,"path":"/tree/host/model"},
                                           {"name":"proptest","kind":"dev","path":null}]},
            {"id":"b","name":"serde","version":"1.0.0","manifest_path":"/registry/serde/Cargo.toml","license":"MIT",
             "source":"registry+x","dependencies":[]},
            {"id":"c","name":"windows","version":"1.0.0","manifest_path":"/registry/windows/Cargo.toml","license":"MIT",
             "source":"registry+x","dependencies":[]}]}"#;
        let packages = resolved(serde_json::from_str(text).unwrap(), Path::new("/tree"));
        assert_eq!(packages.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["arena-plan", "serde"]);
        assert_eq!(packages[0].folder.as_deref(), Some("host/plan"));
        assert_eq!(packages[1].folder, None);
        let [model, proptest] = packages[0].dependencies.as_slice() else { panic!("{packages:?}") };
        assert_eq!((model.folder.as_deref(), model.dev, proptest.dev), (Some("host/model"), false, true));
    }
}
