//! Pages to look at: made-up runs, the pictures of the documentation, and what a page costs.
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use arena_browser::{FinishedRun, Scripts, showcase, volume};
use arena_results::Settings;
use clap::Parser;

#[derive(Parser)]
enum Arguments {
    /// Write a run with everything in it
    Showcase {
        /// Folder of the run
        dir: PathBuf,
        #[arg(long, default_value_t = 3)]
        trials: u32,
    },
    /// Write a run of many cases
    Volume {
        /// Folder of the run
        dir: PathBuf,
        #[arg(long, default_value_t = 10_000)]
        cases: u64,
        #[arg(long, default_value_t = 1000)]
        answer_bytes: usize,
    },
    /// Take the pictures of docs/images
    Screenshots {
        /// Where they go
        #[arg(long, default_value = "docs/images")]
        to: PathBuf,
    },
    /// Measure what the page adds to finalizing a run
    Cost {
        #[arg(long, default_value_t = 10_000)]
        cases: u64,
        #[arg(long, default_value_t = 1000)]
        answer_bytes: usize,
    },
}

fn main() -> Result<()> {
    match Arguments::parse() {
        Arguments::Showcase { dir, trials } => say(&showcase(&dir, trials)?),
        Arguments::Volume { dir, cases, answer_bytes } => say(&volume(&dir, cases, answer_bytes, Settings::default())?),
        Arguments::Screenshots { to } => screenshots(&to),
        Arguments::Cost { cases, answer_bytes } => cost(cases, answer_bytes),
    }
}

fn say(run: &FinishedRun) -> Result<()> {
    println!("{} ({} bytes)", run.page().display(), std::fs::metadata(run.page())?.len());
    Ok(())
}

fn screenshots(to: &Path) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let run = showcase(&scratch.path().join("run"), 5)?;
    std::fs::create_dir_all(to)?;
    let to = std::path::absolute(to)?;
    let variables = [("ARENA_SHOWCASE", run.page()), ("ARENA_IMAGES", to)];
    let variables = variables.each_ref().map(|(name, path)| (*name, path.as_path()));
    match Scripts::ready()?.run(&["screenshots.mjs"], &variables)? {
        (0, said) => {
            print!("{said}");
            Ok(())
        }
        (code, said) => bail!("screenshots.mjs ended with {code}: {said}"),
    }
}

/// Largest memory of this process so far, MB.
fn peak() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1000.0)
}

fn cost(cases: u64, answer_bytes: usize) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let each = |run: &FinishedRun| run.finalizing.as_secs_f64() * 1e6 / cases as f64;
    let none = Settings { report_bytes: 0, ..Settings::default() };
    let without = volume(&scratch.path().join("without"), cases, answer_bytes, none)?;
    let before = peak()?;
    let with = volume(&scratch.path().join("with"), cases, answer_bytes, Settings::default())?;
    println!("{cases} cases: finalizing {:.1} us a case, {:.1} without a page", each(&with), each(&without));
    println!("peak {:.0} MB, {before:.0} MB without", peak()?);
    say(&with)
}
