//! A bare repository and what a test commits to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::{HarnessError, command};

/// Longest time of one call of git.
const LIMIT: Duration = Duration::from_secs(60);
/// Who commits and when, so that equal histories have equal hashes.
const COMMITTER: &str = "Arena Tests <tests@arena.invalid> 1767225600 +0000";

/// One change of a commit. Paths have slashes and are relative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A file has this content.
    Write(String, Vec<u8>),
    /// A file is a program with this content.
    Program(String, Vec<u8>),
    /// A symbolic link points there.
    Link(String, String),
    /// A submodule at this commit.
    Submodule(String, String),
    /// A file or folder goes.
    Delete(String),
    /// Everything goes; the changes after it are all there is.
    DeleteAll,
}

/// A repository of a git server. It lives as long as its server.
#[derive(Clone, Debug)]
pub struct Repository {
    folder: PathBuf,
    url: String,
}

impl Repository {
    /// A new bare repository in the folder, whose HEAD is `main`.
    pub(super) async fn create(folder: PathBuf, url: String) -> Result<Self, HarnessError> {
        let repository = Self { folder, url };
        let path = repository.folder.display().to_string();
        let mut init = git();
        init.args(["init", "--quiet", "--bare", "--initial-branch=main", &path]);
        command::output(&mut init, LIMIT).await?;
        // Pushes are allowed, as its tests are its only users; nothing is packed behind their back.
        for setting in [["http.receivepack", "true"], ["gc.auto", "0"], ["uploadpack.allowAnySHA1InWant", "true"]] {
            repository.run(&["config", setting[0], setting[1]]).await?;
        }
        Ok(repository)
    }

    /// What one clones.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bare repository.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Commits changes on top of a branch, which begins with this commit if it is new. Gives the commit's SHA-1.
    pub async fn commit(&self, branch: &str, message: &str, changes: &[Change]) -> Result<String, HarnessError> {
        let reference = format!("refs/heads/{branch}");
        let mut stream = format!("commit {reference}\ncommitter {COMMITTER}\n").into_bytes();
        data(&mut stream, message.as_bytes());
        if self.commit_of(branch).await.is_ok() {
            stream.extend(format!("from {reference}^0\n").into_bytes());
        }
        for change in changes {
            write(&mut stream, change);
        }
        let mut import = self.git();
        import.args(["fast-import", "--quiet", "--date-format=raw"]);
        command::output_of(&mut import, &stream, LIMIT).await?;
        self.commit_of(branch).await
    }

    /// Commits a folder as all there is.
    pub async fn commit_folder(&self, branch: &str, message: &str, folder: &Path) -> Result<String, HarnessError> {
        let mut changes = vec![Change::DeleteAll];
        collect(folder, "", &mut changes)
            .map_err(HarnessError::io(format!("cannot read the folder {}", folder.display())))?;
        self.commit(branch, message, &changes).await
    }

    /// The SHA-1 of the commit at a branch, tag or other revision.
    pub async fn commit_of(&self, revision: &str) -> Result<String, HarnessError> {
        let commit = format!("{revision}^{{commit}}");
        let out = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).await?;
        Ok(out.trim().to_owned())
    }

    /// Makes a branch the one that is cloned by default. It need not exist.
    pub async fn set_head(&self, branch: &str) -> Result<(), HarnessError> {
        self.run(&["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")]).await.map(drop)
    }

    /// Makes any reference, such as `refs/heads/main` or `refs/tags/v1`, point to a commit, forwards or not.
    pub async fn set_reference(&self, reference: &str, commit: &str) -> Result<(), HarnessError> {
        self.run(&["update-ref", reference, commit]).await.map(drop)
    }

    /// Removes a reference.
    pub async fn delete_reference(&self, reference: &str) -> Result<(), HarnessError> {
        self.run(&["update-ref", "-d", reference]).await.map(drop)
    }

    async fn run(&self, arguments: &[&str]) -> Result<String, HarnessError> {
        command::output(self.git().args(arguments), LIMIT).await
    }

    fn git(&self) -> Command {
        let mut command = git();
        command.arg("--git-dir").arg(&self.folder);
        command
    }
}

/// git without the user's own configuration.
pub(super) fn git() -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    command
}

/// A change in the language of `git fast-import`.
fn write(stream: &mut Vec<u8>, change: &Change) {
    let mut file = |mode: &str, path: &str, content: &[u8]| {
        stream.extend(format!("M {mode} inline {}\n", quoted(path)).into_bytes());
        data(stream, content);
    };
    match change {
        Change::Write(path, content) => file("100644", path, content),
        Change::Program(path, content) => file("100755", path, content),
        Change::Link(path, target) => file("120000", path, target.as_bytes()),
        Change::Submodule(path, commit) => {
            stream.extend(format!("M 160000 {commit} {}\n", quoted(path)).into_bytes());
        }
        Change::Delete(path) => stream.extend(format!("D {}\n", quoted(path)).into_bytes()),
        Change::DeleteAll => stream.extend(b"deleteall\n"),
    }
}

fn data(stream: &mut Vec<u8>, content: &[u8]) {
    stream.extend(format!("data {}\n", content.len()).into_bytes());
    stream.extend(content);
    stream.push(b'\n');
}

fn quoted(path: &str) -> String {
    let mut out = String::from("\"");
    for c in path.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out + "\""
}

fn collect(folder: &Path, prefix: &str, changes: &mut Vec<Change>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| std::io::Error::other("a name is not UTF-8"))?;
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), changes)?;
        } else {
            changes.push(Change::Write(path, std::fs::read(entry.path())?));
        }
    }
    Ok(())
}
