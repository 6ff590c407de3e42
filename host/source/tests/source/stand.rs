//! A fetcher with the child of the examples, and bundles to send around.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arena_bundle::{Bundle, Limits, load};
use arena_source::{
    Auth, Fetch as _, FetchChild, FetchLimits, Fetcher, GitReference, GitSource, Mirror, Revision, Settings, Source,
    SourceError, Tree,
};
use tempfile::TempDir;

pub const LONG: Duration = Duration::from_secs(60);

pub struct Stand {
    pub fetcher: Fetcher,
    pub folder: TempDir,
}

pub fn child_path() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples/fetch_child");
    assert!(path.exists(), "{} is missing; cargo test -p arena-source --examples builds it", path.display());
    path
}

impl Stand {
    pub fn new() -> Self {
        Self::with(FetchLimits::default(), Vec::new())
    }

    pub fn with(limits: FetchLimits, mirrors: Vec<Mirror>) -> Self {
        let child = FetchChild { program: child_path(), arguments: Vec::new() };
        Self::by(child, limits, mirrors)
    }

    pub fn by(child: FetchChild, limits: FetchLimits, mirrors: Vec<Mirror>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { child, children: 4, limits, mirrors, folder: folder.path().to_owned() };
        Self { fetcher: Fetcher::new(settings), folder }
    }

    pub async fn probe(&self, source: &Source) -> Result<Revision, SourceError> {
        self.fetcher.probe(source, &Auth::default(), LONG).await
    }

    /// Asks for the revision and fetches it.
    pub async fn fetch(&self, source: &Source) -> Result<Tree, SourceError> {
        let revision = self.probe(source).await?;
        self.fetcher.fetch(source, &revision, &Auth::default(), LONG).await
    }

    /// Nothing of a fetch is left.
    pub fn is_clean(&self) -> bool {
        std::fs::read_dir(self.folder.path()).unwrap().count() == 0
    }
}

pub fn git(url: &str, reference: GitReference) -> Source {
    Source::Git(GitSource { url: url.to_owned(), reference, path: None })
}

pub fn branch(url: &str, branch: &str) -> Source {
    git(url, GitReference { branch: Some(branch.to_owned()), ..GitReference::default() })
}

/// Relative paths of all files, sorted.
pub fn files(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, all: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => walk(&entry.path(), &format!("{path}/"), all),
                false => all.push(path),
            }
        }
    }
    let mut all = Vec::new();
    walk(folder, "", &mut all);
    all.sort();
    all
}

/// The files of a small bundle with a component.
pub const BUNDLE: [(&str, &str); 4] = [
    (
        "config.arena.yaml",
        "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: Arena\nmetadata: {name: small}\n\
         spec: {providers: [], defaults: {}, evaluators: [{name: e, component: evaluators/e.wasm}]}\n",
    ),
    ("evaluators/e.wasm", "not really a component, but nobody runs it here"),
    ("prompts/p.yaml", "hello\n"),
    ("unused.wasm", "another"),
];

pub fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

pub fn bundle() -> (TempDir, Bundle) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &BUNDLE);
    let bundle = loaded(folder.path());
    (folder, bundle)
}

pub fn loaded(folder: &Path) -> Bundle {
    load(folder, &Limits::default()).unwrap_or_else(|problems| panic!("{problems}"))
}
