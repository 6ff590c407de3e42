//! Bar 05.1: the fakes of vendors that our own tests believe in are believed by the vendors' own programs, and requests
//! are signed as Amazon's own program signs them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use arena_harness::{Behaviour, FakeVendor};
use serde::Deserialize;
use serde_json::json;

use super::{python, single};

use crate::bar::Bar;
use crate::kill::seed;
use crate::process::{self, Running};
use crate::world::World;

/// Longest time of an installation, or of all checks of one program.
const PATIENCE: Duration = Duration::from_secs(600);
/// Told to the fake, and expected of what the programs say.
const TOKENS: [&str; 6] = ["--cached-tokens", "5", "--cache-written-tokens", "3", "--reasoning-tokens", "7"];
/// What names of models have in them, and more.
const ODD: &[char] = &['a', 'Z', '7', '-', '.', '_', ':', '/', '@', '+', ' ', '%', '~', '(', '!', '*', 'ä', '漢'];

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Checks that the vendors' programs make, at least.
    checks: usize,
    signatures: usize,
}

/// Calls of all kinds from each vendor's program, and signatures of random requests.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let folder = world.root.join("tests/sdk");
    let python = python::with(&folder.join("requirements.txt"), &[])?;
    for pieces in ["1", "4"] {
        let mut command = Command::new(beside("fake-vendor")?);
        command.arg("--script").arg(folder.join("script.json")).args(["--pieces", pieces]).args(TOKENS);
        let mut vendor = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let stdout = vendor.child().and_then(|child| child.stdout.take()).context("the vendor's output")?;
        let mut url = String::new();
        BufReader::new(stdout).read_line(&mut url).context("the vendor's address")?;
        let base = url.trim().trim_end_matches("/v1").to_owned();
        let mut command = Command::new(&python);
        command.current_dir(&folder).arg("check_sdks.py").arg(base).args(TOKENS);
        let said = process::capture_to(&[0, 1], &mut command, PATIENCE)?;
        let count = |start: &str| said.lines().filter(|line| line.starts_with(start)).count();
        for line in said.lines().filter(|line| line.starts_with("FAILED")) {
            bar.note(line);
        }
        let (good, failed) = (count("ok "), count("FAILED "));
        bar.line(
            &format!("checks of the vendors' programs, streams in pieces of {pieces}"),
            &format!("{good} good, {failed} failed"),
            &format!("at least {} good, 0 failed", limits.checks),
            good + failed,
            failed == 0 && good >= limits.checks,
        );
    }
    signatures(world, limits, bar, &folder, &python)
}

/// Signatures of requests that the binary makes, for models with names of all kinds.
fn signatures(world: &World, limits: &Limits, bar: &mut Bar, folder: &Path, python: &Path) -> Result<()> {
    let mut random = seed(bar)?;
    let vendor = FakeVendor::start(Behaviour::default())?;
    let mut lines = String::new();
    for number in 0..limits.signatures {
        let odd = |random: &mut fastrand::Rng| *random.choice(ODD).unwrap_or(&'a');
        let model: String = (0..random.usize(1..40)).map(|_| odd(&mut random)).collect();
        let (bundle, out) =
            (world.scratch(&format!("signed-{number}")), world.scratch(&format!("signed-{number}-out")));
        single::write(
            &bundle,
            json!({"type": "bedrock", "model": model, "base_url": vendor.base(),
            "credential": {"credential_env": "AWS_KEYS"}, "additional_config": {"region": "eu-central-1"}}),
        )?;
        let mut command = world.arena();
        command.arg("run").arg(&bundle).arg("-q").arg("--out").arg(&out);
        command.env("AWS_KEYS", "aws_access_key_id=AKIAFAKE\naws_secret_access_key=fake-secret\n");
        process::capture_to(&[0, 1], &mut command, PATIENCE)?;
        let request = json!({"method": "POST", "url": format!("{}{}", vendor.base(), vendor.last_path()),
            "headers": vendor.last_headers(), "body": vendor.last_request().to_string()});
        lines.push_str(&format!("{request}\n"));
    }
    let file = world.scratch("signed.jsonl");
    fs::write(&file, lines)?;
    let mut command = Command::new(python);
    command.current_dir(folder).arg("verify_signatures.py").arg(&file);
    let said = process::capture_to(&[0, 1], &mut command, PATIENCE)?;
    said.lines().filter(|line| *line != "ok").for_each(|line| bar.note(line));
    let good = said.lines().filter(|line| *line == "ok").count();
    bar.all("requests signed as botocore signs them", good, limits.signatures);
    Ok(())
}

/// A program that is built with this one.
fn beside(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("this program's path")?;
    Ok(own.with_file_name(name))
}
