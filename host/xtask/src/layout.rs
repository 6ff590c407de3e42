//! Where things lie: the checkout, the target folder, what the build leaves in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// Workspaces of guests, in the order they are built. One that is not in the tree is passed over.
const GUEST_WORKSPACES: [&str; 3] = ["guest-sdk/rust", "evaluators", "examples/polite-evaluator"];

/// Paths of one checkout; all absolute.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The checkout.
    pub root: PathBuf,
    /// Where cargo builds: `target` of the checkout, or what CARGO_TARGET_DIR says.
    pub target: PathBuf,
    /// True with CI=true: lock files are taken as they are.
    pub ci: bool,
}

#[derive(Deserialize)]
struct Located {
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Layout {
    /// Asks cargo about the workspace that the current folder lies in.
    pub fn find() -> Result<Self> {
        let mut command = Command::new("cargo");
        command.args(["metadata", "--format-version=1", "--no-deps"]);
        let located: Located = serde_json::from_str(&process::capture(&mut command)?)
            .context("cargo metadata did not answer with the JSON we know")?;
        let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        Ok(Self { root: located.workspace_root, target: located.target_directory, ci })
    }

    /// The components that the binary embeds, and `hostile/` beside them.
    pub fn components(&self) -> PathBuf {
        self.target.join("components")
    }

    /// Where guests are built; apart from the host's, so that neither waits for the other's lock.
    pub fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// The binary as users and documents name it, whatever CARGO_TARGET_DIR says.
    pub fn binary(&self) -> PathBuf {
        self.root.join("target/release/arena")
    }

    /// The guest workspaces that are in the tree.
    pub fn guest_workspaces(&self) -> Vec<PathBuf> {
        GUEST_WORKSPACES.iter().map(|at| self.root.join(at)).filter(|at| at.join("Cargo.toml").is_file()).collect()
    }

    /// Cargo on the host's workspace, with what tests and the binary's build read from the environment.
    pub fn cargo(&self) -> Command {
        let mut command = self.cargo_in(&self.root, &self.target);
        command.env("ARENA_BIN", self.binary()).env("ARENA_COMPONENTS", self.components());
        command
    }

    /// Cargo on a workspace of guests. It runs in that folder, so that a `.cargo/config.toml` there counts.
    pub fn cargo_guest(&self, workspace: &Path) -> Command {
        self.cargo_in(workspace, &self.guests())
    }

    fn cargo_in(&self, workspace: &Path, target: &Path) -> Command {
        let mut command = Command::new("cargo");
        command.current_dir(workspace).env("CARGO_TARGET_DIR", target);
        if self.ci {
            command.arg("--locked");
        }
        command
    }

    /// A path as a person in the checkout would type it.
    pub fn show<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
