//! Bar 02.5: a run that is killed again and again loses nothing and repeats little, and other work is never mixed in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use arena_model::Outcome;
use arena_results::RunView;
use fastrand::Rng;
use serde::Deserialize;

use crate::bar::Bar;
use crate::process::{self, Running, Transcript};
use crate::vendor::Vendor;
use crate::world::World;
use crate::{questions, records};

/// Longest wait for the moment of a kill.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at the vendor's count.
const LOOK: Duration = Duration::from_millis(1);
/// File of the bundle, what it says, what it is made to say: a question, the prompt, the config, the model.
const CHANGES: [(&str, &str, &str); 4] = [
    ("scenarios/00007.yaml", "days ago", "days agO"),
    ("prompt.yaml", "Never promise a refund", "Ever promise a refund"),
    ("config.arena.yaml", "temperature: 0.5", "temperature: 0.6"),
    ("provider.yaml", "fake-model", "fake-mode"),
];
/// Exit code for input that is refused.
const REFUSED: i32 = 2;
/// Sets the moments; else they are new each time.
const SEED: &str = "ARENA_BARS_SEED";

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    concurrency: u64,
    kills: usize,
    latency_ms: u64,
}

/// The bundle, its vendor and the folder of the run that is killed.
struct Scene<'a> {
    world: &'a World,
    limits: &'a Limits,
    vendor: Vendor,
    bundle: PathBuf,
    out: PathBuf,
}

/// Kills at random counts of calls, cuts the journal before every second resume, and compares with a run left alone.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let mut random = seed(bar)?;
    let scene = Scene {
        world,
        limits,
        vendor: Vendor::start(Duration::from_millis(limits.latency_ms))?,
        bundle: world.scratch("kill"),
        out: world.scratch("kill-out"),
    };
    questions::write(&scene.bundle, limits.cases, &scene.vendor.url())?;

    let whole = world.scratch("kill-whole");
    world.run_to(0, &scene.bundle, &whole, &["--concurrency", &limits.concurrency.to_string()])?;
    scene.vendor.reset()?;

    let mut moments: Vec<u64> = (0..limits.kills).map(|_| random.u64(1..limits.cases)).collect();
    moments.sort_unstable();
    let mut cuts = 0;
    for (number, moment) in moments.iter().enumerate() {
        scene.run_until(number > 0, *moment, random.u64(0..2000))?;
        if number % 2 == 1 {
            cuts += usize::from(cut_last_line(&scene.out, &mut random)?);
        }
        if number == limits.kills / 2 {
            scene.refusals(bar)?;
        }
    }
    scene.resume(Some(&scene.bundle), 0)?;
    bar.note(&format!("killed at calls {moments:?}; the journal's last line was cut {cuts} times"));
    scene.judge(bar, &whole, cuts as u64)
}

/// Random moments: new ones each time, unless they are set.
pub fn seed(bar: &Bar) -> Result<Rng> {
    let seed = match std::env::var(SEED) {
        Ok(text) => text.parse().with_context(|| format!("{SEED}={text} is no number"))?,
        Err(_) => fastrand::u64(..),
    };
    bar.note(&format!("{SEED}={seed} repeats these moments"));
    Ok(Rng::with_seed(seed))
}

impl Scene<'_> {
    /// Starts or resumes the run, and kills it so many microseconds after the vendor has seen so many calls.
    fn run_until(&self, resume: bool, calls: u64, micros: u64) -> Result<()> {
        let mut command = self.world.arena();
        command.arg("run").args(["--concurrency", &self.limits.concurrency.to_string(), "--quiet"]);
        match resume {
            true => command.arg("--resume").arg(&self.out),
            false => command.arg(&self.bundle).arg("--out").arg(&self.out),
        };
        let words = Transcript::new()?;
        let running = Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words.pipe()?))?;
        let since = Instant::now();
        while self.vendor.seen()?.calls < calls {
            if running.ended_within(LOOK)? || since.elapsed() > PATIENCE {
                bail!("the run ended, or stood still, before call {calls}: {}", words.read()?);
            }
        }
        std::thread::sleep(Duration::from_micros(micros));
        running.kill().map(drop)
    }

    /// Resumes to the end, or to a refusal for which it gives the words.
    fn resume(&self, bundle: Option<&Path>, code: i32) -> Result<String> {
        let words = Transcript::new()?;
        let mut command = self.world.arena();
        command.arg("run").args(bundle).arg("--resume").arg(&self.out);
        command.args(["--quiet", "--concurrency", &self.limits.concurrency.to_string()]);
        let ended = process::run(command.stdout(Stdio::null()).stderr(words.pipe()?), PATIENCE)?;
        let text = words.read()?;
        if ended.status.code() != Some(code) {
            bail!("{} ended with {}, not {code}: {text}", process::show(&command), ended.status);
        }
        Ok(text)
    }

    /// Changes a few letters, first in the run's folder, then in the bundle it is compared with. No change may cost a
    /// call, and each is undone.
    fn refusals(&self, bar: &mut Bar) -> Result<()> {
        let before = self.vendor.seen()?.calls;
        let mut refused = 0;
        for (file, from, to) in CHANGES {
            for (folder, bundle) in
                [(self.out.join("bundle"), None), (self.bundle.clone(), Some(self.bundle.as_path()))]
            {
                let path = folder.join(file);
                let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                if !text.contains(from) {
                    bail!("{} does not say {from:?}", path.display());
                }
                fs::write(&path, text.replacen(from, to, 1))?;
                match self.resume(bundle, REFUSED) {
                    Ok(words) if words.contains("WorkChanged") => refused += 1,
                    Ok(words) => bar.note(&format!("a changed {file} is refused for another reason: {words}")),
                    Err(error) => bar.note(&format!("a changed {file}: {error:#}")),
                }
                fs::write(&path, text)?;
            }
        }
        bar.all("changes in DIR/bundle or BUNDLE that are refused with exit 2", refused, 2 * CHANGES.len());
        let calls = self.vendor.seen()?.calls - before;
        bar.at_most("calls made by what was refused", calls as f64, 0.0, "", 2 * CHANGES.len());
        Ok(())
    }

    fn judge(&self, bar: &mut Bar, whole: &Path, cuts: u64) -> Result<()> {
        let Limits { cases, concurrency, kills, .. } = *self.limits;
        let records = records::read(self.world, &self.out)?;
        let once = (0..cases).zip(&records).filter(|(index, record)| record.index == *index);
        let once = once.filter(|(_, record)| record.outcome == Outcome::Passed).count();
        bar.all(
            "cases in the records once and in order",
            if records.len() as u64 == cases { once } else { 0 },
            cases as usize,
        );
        let differences = arena_results::equal(&RunView::open(whole)?, &RunView::open(&self.out)?)?;
        for difference in &differences {
            bar.note(difference);
        }
        bar.at_most("differences to a run never killed", differences.len() as f64, 0.0, "", cases);
        let turns = records.iter().flat_map(|record| &record.measured.turns);
        let retried: Vec<&String> = turns.flat_map(|turn| &turn.retried).collect();
        bar.note(&format!("calls tried again: {retried:?}"));
        let calls = self.vendor.seen()?.calls as f64;
        // A line that was cut here was a record, whose case is called once more.
        let most = cases + kills as u64 * concurrency + cuts;
        bar.at_most(&format!("calls for {cases} cases and {kills} kills"), calls, most as f64, "", kills);
        Ok(())
    }
}

/// Cuts the journal's last line at a random byte, nothing and all of it included. False if there is none yet.
fn cut_last_line(dir: &Path, random: &mut Rng) -> Result<bool> {
    let path = dir.join("journal.jsonl");
    let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    let Some((_, body)) = bytes.split_last() else { return Ok(false) };
    let start = body.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let length = random.usize(start..=body.len());
    fs::OpenOptions::new().write(true).open(&path)?.set_len(length as u64)?;
    Ok(true)
}
