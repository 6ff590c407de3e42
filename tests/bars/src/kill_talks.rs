//! Bar 06.3: a run with judges and played users that is killed again and again, also while it is being finalized, has each
//! case once, repeats no more than what was on its way, and reads right at every moment.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use arena_model::{Outcome, Record, Summary};
use serde::Deserialize;

use crate::bar::Bar;
use crate::conformance::copy;
use crate::kill::seed;
use crate::process::{Running, Transcript};
use crate::vendor::Vendor;
use crate::world::World;
use crate::{records, talks};

/// Longest wait for the moment of a kill, and for a run to end.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks at the vendor's count, or at the journal.
const LOOK: Duration = Duration::from_millis(1);
/// Longest wait between the last record and a kill, microseconds: about as long as finalizing takes.
const FINALIZING: u64 = 60_000;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    concurrency: u64,
    kills: usize,
    /// Kills of copies of the run while they are finalized.
    finalizing: usize,
    latency_ms: u64,
}

struct Scene<'a> {
    world: &'a World,
    limits: &'a Limits,
    vendor: Vendor,
    bundle: PathBuf,
}

/// What was found at the reads.
#[derive(Default)]
struct Reads {
    right: usize,
    of: usize,
}

/// Kills at random counts of calls and reads after each; the rest is finalized under kills, in copies.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let mut random = seed(bar)?;
    let vendor = Vendor::start_saying(Duration::from_millis(limits.latency_ms), talks::SAYS)?;
    let scene = Scene { world, limits, vendor, bundle: world.scratch("talks") };
    talks::write(&scene.bundle, &talks::arena(limits.cases, &scene.vendor.url()))?;
    let (out, own) = (world.scratch("talks-out"), limits.cases * talks::CALLS);

    let mut moments: Vec<u64> = (0..limits.kills).map(|_| random.u64(1..own)).collect();
    moments.sort_unstable();
    let (mut reads, mut before) = (Reads::default(), BTreeSet::new());
    for (number, moment) in moments.iter().enumerate() {
        let running = scene.start(if number == 0 { None } else { Some(&out) }, &out)?;
        scene.wait(&running, || Ok(scene.vendor.seen()?.calls >= *moment))?;
        std::thread::sleep(Duration::from_micros(random.u64(0..2000)));
        // What has ended by itself is as dead.
        running.kill()?;
        reads.take(bar, world, &out, limits, &mut before)?;
    }
    bar.note(&format!("killed at calls {moments:?}"));

    let rest = world.scratch("talks-rest");
    copy(&out, &rest)?;
    scene.finish(&out)?;
    let calls = scene.vendor.seen()?.calls;
    reads.take(bar, world, &out, limits, &mut before)?;
    for number in 0..limits.finalizing {
        let dir = world.scratch(&format!("talks-final-{number}"));
        copy(&rest, &dir)?;
        let running = scene.start(Some(&dir), &dir)?;
        let mut lines = Lines::default();
        scene.wait(&running, || Ok(lines.count(&dir)? >= limits.cases))?;
        std::thread::sleep(Duration::from_micros(random.u64(0..FINALIZING)));
        running.kill()?;
        let mut all = BTreeSet::new();
        reads.take(bar, world, &dir, limits, &mut all)?;
        bar.all("cases in the records after a kill while finalizing", all.len(), limits.cases as usize);
        let called = scene.vendor.seen()?.calls;
        scene.finish(&dir)?;
        bar.at_most("calls after it", (scene.vendor.seen()?.calls - called) as f64, 0.0, "", limits.cases);
        reads.take(bar, world, &dir, limits, &mut all)?;
    }

    let records = records::read(world, &out)?;
    let once = (0..limits.cases).zip(&records).filter(|(index, record)| record.index == *index && is_whole(record));
    let once = if records.len() as u64 == limits.cases { once.count() } else { 0 };
    bar.all("cases in the records once, in order and whole", once, limits.cases as usize);
    let most = own + limits.kills as u64 * limits.concurrency * talks::CALLS;
    bar.at_most(
        &format!("calls for {own} of the cases' own and {} kills", limits.kills),
        calls as f64,
        most as f64,
        "",
        limits.kills,
    );
    bar.all("reads that are right", reads.right, reads.of);
    Ok(())
}

/// Passed, with every call that the case has.
fn is_whole(record: &Record) -> bool {
    let judged: usize = record.checks.iter().map(|check| check.calls.len()).sum();
    let said = record.messages.len();
    record.outcome == Outcome::Passed && record.measured.calls == talks::CALLS && judged == 3 && said == 7
}

impl Scene<'_> {
    fn start(&self, resume: Option<&Path>, out: &Path) -> Result<Running> {
        let mut command = self.world.arena();
        command.args(["run", "--quiet", "--concurrency", &self.limits.concurrency.to_string()]);
        match resume {
            Some(dir) => command.arg("--resume").arg(dir),
            None => command.arg(&self.bundle).arg("--out").arg(out),
        };
        Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
    }

    /// Until `come`, or the end of the run.
    fn wait(&self, running: &Running, mut come: impl FnMut() -> Result<bool>) -> Result<()> {
        let since = Instant::now();
        while !come()? {
            if running.ended_within(LOOK)? {
                return Ok(());
            }
            if since.elapsed() > PATIENCE {
                bail!("the run stood still");
            }
        }
        Ok(())
    }

    fn finish(&self, dir: &Path) -> Result<()> {
        let words = Transcript::new()?;
        let mut command = self.world.arena();
        command.args(["run", "--quiet", "--concurrency", &self.limits.concurrency.to_string(), "--resume"]).arg(dir);
        let ended = crate::process::run(command.stdout(words.pipe()?).stderr(words.pipe()?), PATIENCE)?;
        match ended.status.code() {
            Some(0) => Ok(()),
            _ => bail!("the rest ended with {}: {}", ended.status, words.read()?),
        }
    }
}

impl Reads {
    /// Reads the folder as it was left: what was there is there still, each case once and whole, and totals add up.
    fn take(
        &mut self,
        bar: &Bar,
        world: &World,
        dir: &Path,
        limits: &Limits,
        before: &mut BTreeSet<u64>,
    ) -> Result<()> {
        self.of += 1;
        let records = records::read(world, dir)?;
        let indices: BTreeSet<u64> = records.iter().map(|record| record.index).collect();
        let whole = records.iter().filter(|record| is_whole(record)).count();
        let path = dir.join("summary.json");
        let counts = match fs::read(&path) {
            Ok(bytes) => {
                Some(serde_json::from_slice::<Summary>(&bytes).with_context(|| path.display().to_string())?.cases)
            }
            Err(_) => None,
        };
        let adds_up = counts.is_none_or(|it| {
            it.planned == limits.cases && it.passed + it.failed + it.error + it.skipped + it.not_run == it.planned
        });
        let right = indices.len() == records.len() && whole == records.len() && indices.is_superset(before) && adds_up;
        if !right {
            bar.note(&format!("{} records of {} cases, {whole} whole, {counts:?}", records.len(), indices.len()));
        }
        self.right += usize::from(right);
        *before = indices;
        Ok(())
    }
}

/// Counts lines of a journal that grows.
#[derive(Default)]
struct Lines {
    position: u64,
    count: u64,
}

impl Lines {
    fn count(&mut self, dir: &Path) -> Result<u64> {
        // One that is gone was sealed.
        let Ok(mut file) = fs::File::open(dir.join("journal.jsonl")) else { return Ok(u64::MAX) };
        file.seek(SeekFrom::Start(self.position))?;
        let mut bytes = Vec::new();
        self.position += file.read_to_end(&mut bytes)? as u64;
        self.count += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(self.count)
    }
}
