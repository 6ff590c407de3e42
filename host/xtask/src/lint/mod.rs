//! Formats, lints and the house rules. A rule is a pure function from facts about the tree to its breaches.

mod dependencies;
mod drift;
mod facts;
mod licences;
mod names;
mod sources;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::steps::{Steps, Tally};
use crate::{components, process};

use facts::{Package, Source};

/// One place where a rule is broken.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// A file, a folder or a crate.
    pub place: String,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl Breach {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// All of it, with a summary.
pub fn run(layout: &Layout) -> ExitCode {
    let mut steps = Steps::default();
    self::steps(layout, &mut steps);
    steps.finish()
}

/// The same as steps of something longer. Clippy comes last: it needs the components that the binary embeds.
pub fn steps(layout: &Layout, steps: &mut Steps) {
    let guests = layout.guest_workspaces();
    steps.run("format", || {
        const FORMAT: [&str; 3] = ["fmt", "--all", "--check"];
        process::run(layout.cargo().args(FORMAT))?;
        for guest in &guests {
            process::run(layout.cargo_guest(guest).args(FORMAT))?;
        }
        Ok(Tally::one())
    });
    steps.run("house rules", || rules(layout));
    if !steps.run("guests", || components::build(layout).map(|()| Tally::one())) {
        return;
    }
    steps.run("clippy", || {
        const CLIPPY: [&str; 7] = ["clippy", "--release", "--workspace", "--all-targets", "--", "--deny", "warnings"];
        process::run(layout.cargo().args(CLIPPY))?;
        for guest in &guests {
            process::run(layout.cargo_guest(guest).args(CLIPPY))?;
        }
        Ok(Tally::one())
    });
}

/// Checks every rule against the tree as it is; each rule counts as one test.
fn rules(layout: &Layout) -> Result<Tally> {
    let policy = licences::Policy::read(&layout.root.join("deny.toml"))?;
    let sources = Source::all(&layout.root)?;
    // Guests run in Wasm and their tests natively; the host runs natively alone.
    let (_, native): (Vec<_>, Vec<_>) = policy.graph.targets.iter().partition(|target| target.starts_with("wasm"));
    let host = facts::packages(layout, &layout.root, &native)?;
    let mut guests = Vec::new();
    for workspace in layout.guest_workspaces() {
        guests.extend(facts::packages(layout, &workspace, &policy.graph.targets)?);
    }
    let all: Vec<Package> = host.iter().chain(&guests).cloned().collect();
    let outcomes = [
        ("dependency direction", dependencies::direction(&host)),
        ("caged dependencies", dependencies::cages(&all)),
        ("guests see nothing of the host", dependencies::guests(&guests)),
        ("crate names", names::crates(&all)),
        ("folder and module names", names::modules(&sources)),
        ("file size", sources::size(&sources, sources::SIZE_EXCEPTIONS)),
        ("opening paragraph", sources::opening(&sources)),
        ("no word of one machine", sources::machine(&sources)),
        ("copies", drift::copies(&sources, drift::COPIES)),
        ("licences", licences::allowed(&all, &policy)),
        ("banned crates", licences::bans(&all, &policy)),
        ("registries", licences::registries(&all, &policy)),
    ];
    let mut tally = Tally::default();
    for (rule, breaches) in outcomes {
        println!("{} {rule}", if breaches.is_empty() { "ok    " } else { "BROKEN" });
        for breach in &breaches {
            println!("       {breach}");
        }
        if breaches.is_empty() { tally.passed += 1 } else { tally.failed += 1 }
    }
    Ok(tally)
}

/// Reads a text file; the error names it.
fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
