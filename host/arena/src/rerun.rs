//! Some cases of a finished run once more; the records of all others are taken over.

use std::collections::BTreeSet;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use arena_model::{CaseKey, Lineage, Outcome, Taken};
use arena_results::{RunDir, RunView, merkle_root, stored_lines};
use clap::ValueEnum;
use serde::Deserialize;

use crate::budget::BUDGET;
use crate::commands::beside;
use crate::exit::{Failure, OrFail};
use crate::frozen::{self, Means};
use crate::manifests::Manifests;
use crate::session::Session;
use crate::{settings, work};

/// Fewest characters by which a case is named.
const KEY_CHARS: usize = 8;

/// Which cases are run once more.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Run again")]
pub struct Flags {
    /// Run cases of the finished run in this folder once more, into a new folder; what is not run again is taken over. Bundle
    /// and work must be the same.
    #[arg(long, value_name = "DIR", conflicts_with_all = [
        "resume", "dry_run", "strict", "mock_provider", "mock_config", "evaluator", "dataset", "seed", "allow_inline_keys",
        "scenario", "eval", "skip_pack_evals", "eval_types", "eval_groups", "provider", "label", "region", "trial",
        "failed_from", "errored_from", "cases", "sample", "first", "on_failed_turn", "compat",
    ])]
    pub rerun: Option<PathBuf>,
    /// Those that ended so, as a list with commas [default: failed,error, or none with --case].
    #[arg(long, value_name = "OUTCOMES", value_enum, value_delimiter = ',', requires = "rerun")]
    only: Vec<Ended>,
    /// This case, by its key or the first 8 or more characters of it. May be given more than once.
    #[arg(long, value_name = "KEY", requires = "rerun")]
    case: Vec<String>,
}

/// How a case ended. One that was not run is run in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ended {
    Failed,
    Error,
    Skipped,
    Passed,
}

impl Ended {
    fn outcome(self) -> Outcome {
        match self {
            Self::Failed => Outcome::Failed,
            Self::Error => Outcome::Error,
            Self::Skipped => Outcome::Skipped,
            Self::Passed => Outcome::Passed,
        }
    }
}

/// What is read of a record.
#[derive(Deserialize)]
struct Head {
    key: CaseKey,
    outcome: Outcome,
    cost_usd_micro: Option<u64>,
    measured: Calls,
}

#[derive(Deserialize)]
struct Calls {
    #[serde(default)]
    calls: u64,
}

impl Flags {
    fn outcomes(&self) -> Vec<Outcome> {
        let usual: &[Ended] = if self.case.is_empty() { &[Ended::Failed, Ended::Error] } else { &[] };
        let asked = if self.only.is_empty() { usual } else { &self.only };
        asked.iter().map(|ended| ended.outcome()).collect()
    }
}

/// The new folder, in which the records that are taken over stand, and all that is needed for the others.
pub async fn start(
    flags: &Flags,
    dir: &Path,
    out: Option<&Path>,
    (bundle, config): (Option<&Path>, Option<&Manifests>),
    means: Means<'_>,
    worker: &str,
) -> Result<(RunDir, Session), Failure> {
    let run = RunView::open(dir).or_fail()?;
    frozen::refuse_unfinished(&run)?;
    frozen::refuse_scored(&run, "judge again by `arena rescore` or `arena score`")?;
    let budget = means.budget;
    let (session, inputs) = frozen::ready(&run, true, bundle, config, means, worker).await?;
    let out = out.map_or_else(|| frozen::usual_out(&session.bundle.name, worker), Path::to_owned);
    let mut journal = beside(&out)?;
    let mut from = Lineage {
        how: Taken::Rerun,
        source: dir.display().to_string(),
        work_digest: Some(run.manifest().work_digest.clone()),
        merkle_root: Some(merkle_root(&run).or_fail()?),
        file: None,
        cases: 0,
        cost_usd_micro: 0,
        calls: 0,
    };
    take_over(flags, &run, &mut journal, &mut from)?;
    let mut origin = run.manifest().origin.clone();
    (origin.engine, origin.created) = (work::ENGINE.to_owned(), settings::now());
    if let Some(settings) = origin.settings.as_object_mut() {
        settings.remove(BUDGET);
    }
    if budget.is_set() {
        origin.settings[BUDGET] = serde_json::to_value(budget).unwrap_or_default();
    }
    origin.from = Some(from);
    let manifest = work::manifest(&session.work, origin)?;
    let folder = frozen::start_from(&session, &inputs, &manifest, &out, journal.path())?;
    Ok((folder, session))
}

/// Writes the records that stay, counted in `from`.
///
/// Errors: `NothingSelected` if all of them stay, `CaseUnknown` for a key that is none of the run's.
fn take_over(
    flags: &Flags,
    run: &RunView,
    journal: &mut tempfile::NamedTempFile,
    from: &mut Lineage,
) -> Result<(), Failure> {
    let path = journal.path().to_owned();
    let failed = |error: std::io::Error| Failure::machinery("ResultsIo", format!("{}: {error}", path.display()));
    let outcomes = flags.outcomes();
    if let Some(short) = flags.case.iter().find(|key| key.len() < KEY_CHARS) {
        let text = format!("--case {short:?}: at least {KEY_CHARS} characters of a key are wanted");
        return Err(Failure::input("CaseUnknown", text).hint("`arena results export` prints the keys"));
    }
    let mut unknown: BTreeSet<&str> = flags.case.iter().map(String::as_str).collect();
    let mut out = BufWriter::with_capacity(1 << 20, journal.as_file_mut());
    let mut selected = 0_u64;
    for line in stored_lines(run).or_fail()? {
        let (index, line) = line.or_fail()?;
        let head: Head = serde_json::from_slice(&line).map_err(|error| {
            Failure::machinery("SegmentCorrupt", format!("the record of case {index} cannot be read: {error}"))
        })?;
        let named = flags.case.iter().filter(|key| head.key.0.starts_with(key.as_str()));
        let named = named.map(|key| unknown.remove(key.as_str())).count() > 0;
        if named || head.outcome == Outcome::NotRun || outcomes.contains(&head.outcome) {
            selected += 1;
            continue;
        }
        from.cases += 1;
        from.cost_usd_micro = from.cost_usd_micro.saturating_add(head.cost_usd_micro.unwrap_or_default());
        from.calls = from.calls.saturating_add(head.measured.calls);
        out.write_all(&line).and_then(|()| out.write_all(b"\n")).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    if let Some(key) = unknown.first() {
        let text = format!("--case {key}: no case of {} has this key", run.path().display());
        return Err(Failure::input("CaseUnknown", text).hint("`arena results export` prints the keys"));
    }
    if selected == 0 {
        let text = format!("there is no such case in {}", run.path().display());
        return Err(Failure::input("NothingSelected", text).hint("nothing is left to be run again"));
    }
    Ok(())
}
