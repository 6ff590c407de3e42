//! `arena verify`: whether the folder of a finished run is what it was, and whether its totals follow from its rows.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use arena_bundle::Scenario;
use arena_evaluate::{Again, ReplayError, Which};
use arena_gate::Gate;
use arena_model::{CaseKey, CheckRecord, Fault as _, Manifest, Work};
use arena_results::{Known, RunView, Told, Verified, case_name, place, verify};
use arena_worker::{EarlierRun, Rescore, Rescored, WorkerError};
use owo_colors::OwoColorize;
use serde_json::Value;

use crate::exit::{Exit, Failure, OrFail};
use crate::frozen;
use crate::gates;
use crate::output::println;
use crate::session::Session;
use crate::settings;
use crate::terminal::{line, plural};
use crate::verdict::cut;
use crate::work::{Calls, ENGINE, Inputs, Prepared};

/// Findings that are printed.
const SHOWN: usize = 100;
/// Characters of a value that are printed.
const VALUE_CHARS: usize = 80;

/// Arguments of `arena verify`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of a finished run.
    dir: PathBuf,
    /// Judge every check again from what is stored and compare outcome, score, reason, evidence and fuel. Nobody is called:
    /// answers of judges are taken from the records.
    #[arg(long, visible_alias = "checks")]
    rerun: bool,
    /// Print nothing but what is wrong and what was not looked at.
    #[arg(long, short)]
    quiet: bool,
}

/// What the frozen bundle gives.
struct Bundled {
    prepared: Prepared,
    scenarios: BTreeMap<String, Told>,
    /// Whether its plan is that of the run.
    has_plan: bool,
    /// Those of its command line, too.
    gates: Vec<Gate>,
}

impl Bundled {
    fn read(run: &RunView) -> Result<Self, Failure> {
        let prepared = Prepared::of(&frozen::of_run(run)?)?;
        let told = |scenario: &Arc<Scenario>| Told {
            labels: scenario.labels.clone(),
            recorded: scenario.recording.is_some(),
            plays: scenario.turns.iter().any(|turn| turn.play.is_some()),
        };
        let scenarios =
            prepared.bundle.scenarios.iter().map(|scenario| (scenario.id.clone(), told(scenario))).collect();
        let has_plan = prepared.work.plan == run.manifest().work.plan;
        let gates = gates::of(run.manifest(), &prepared.bundle)?;
        Ok(Self { prepared, scenarios, has_plan, gates })
    }
}

impl Known for Bundled {
    fn scenario(&self, id: &str) -> Told {
        self.scenarios.get(id).cloned().unwrap_or_default()
    }

    fn key(&self, index: u64) -> Option<CaseKey> {
        self.prepared.matrix.key(index)
    }

    fn has_plan(&self) -> bool {
        self.has_plan
    }

    fn gates(&self) -> Vec<Gate> {
        self.gates.clone()
    }
}

/// Prints what was found.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let run = match RunView::open(&arguments.dir) {
        Err(error) if error.is_damage() => {
            let verified = Verified { found: vec![error.told()], ..Verified::default() };
            return Ok(tell(&arguments, &verified, None, None));
        }
        opened => opened.or_fail()?,
    };
    let bundled = OnceCell::new();
    let known = || {
        if !run.bundle().join(&run.manifest().work.entry).exists() {
            return Ok(None);
        }
        let read = Bundled::read(&run).map_err(|failure| format!("{}: {}", failure.reason, failure.text))?;
        Ok(Some(bundled.get_or_init(|| read) as &dyn Known))
    };
    let mut verified = verify(&run, known, ENGINE).or_fail()?;
    if let Some(Bundled { prepared, .. }) = bundled.get() {
        work(run.manifest(), &prepared.work, &brought(prepared, &run), &mut verified);
    }
    let mut again = None;
    if arguments.rerun && verified.found.is_empty() {
        again = Some(rejudge(&run, &mut verified).await?);
    }
    Ok(tell(&arguments, &verified, Some(&run), again))
}

/// Names of components whose bytes stand in the folder.
fn brought(prepared: &Prepared, run: &RunView) -> Vec<String> {
    let bundle = &prepared.bundle;
    let own = bundle.components.iter().chain(&bundle.template).map(|spec| spec.name.clone());
    let given = run.manifest().origin.settings["evaluators"].as_array().into_iter().flatten();
    own.chain(given.filter_map(|name| name.as_str().map(str::to_owned))).collect()
}

/// Holds the manifest's work against what the frozen files give.
fn work(manifest: &Manifest, found: &Work, brought: &[String], verified: &mut Verified) {
    let was = &manifest.work;
    let mut differs = |what: &str, was: &dyn ToString, now: &dyn ToString| {
        verified.find(format!("{what}: the manifest says {}, the files give {}", was.to_string(), now.to_string()));
    };
    if was.bundle != found.bundle {
        differs("bundle", &was.bundle, &found.bundle);
    }
    if was.config != found.config {
        differs("config", &was.config, &found.config);
    }
    if was.models != found.models {
        differs("models", &format!("{:?}", was.models), &format!("{:?}", found.models));
    }
    let same_engine = manifest.origin.engine == ENGINE;
    if was.plan != found.plan && same_engine {
        differs("plan", &was.plan.digest, &found.plan.digest);
    }
    let mut unknown = Vec::new();
    for (name, pin) in &was.evaluators {
        match found.evaluators.get(name) {
            Some(now) if now == pin => {}
            Some(now) if brought.contains(name) || same_engine => {
                differs(&format!("evaluator `{name}`"), &pin.digest, &now.digest);
            }
            _ => unknown.push(name.as_str()),
        }
    }
    if was.plan != found.plan && !same_engine {
        verified.notes.push(format!("plan: made by `{}`, this is `{ENGINE}`", manifest.origin.engine));
    }
    if !unknown.is_empty() {
        let names = unknown.join(", ");
        verified
            .notes
            .push(format!("evaluators {names}: not the ones of this version, so their bytes were not looked at"));
    }
}

/// How many checks were judged again, and how many cannot be.
struct Rejudging {
    judged: u64,
    /// Guardrails, which had a part in what was said, and checks that were never reached.
    taken: u64,
}

/// Judges all checks again from the stored transcripts, and notes each that says something else.
async fn rejudge(run: &RunView, verified: &mut Verified) -> Result<Rejudging, Failure> {
    if !run.bundle().join(&run.manifest().work.entry).exists() {
        let text = format!("{}: the bundle is not in the folder, so nothing can be judged again", run.path().display());
        return Err(Failure::input("BundleMissing", text).hint("verify the folder where the run was made"));
    }
    let session = Session::open(&Inputs { calls: Calls::None, ..frozen::of_run(run)? }, "verify").await?;
    let (bundle, matrix) = (session.bundle.clone(), session.matrix.clone());
    let rescore = Rescore {
        earlier: Arc::new(EarlierRun { bundle, matrix, evaluators: run.manifest().work.evaluators.clone() }),
        matrix: session.matrix.clone(),
        evaluator: session.evaluator.clone(),
        again: Again { which: Which::All, may_ask: false },
        concurrency: settings::CONCURRENCY as usize,
    };
    let mut rejudging = Rejudging { judged: 0, taken: 0 };
    let each = |one: Result<Rescored, ReplayError>| -> Result<(), WorkerError> {
        let one = match one {
            Ok(one) => one,
            Err(unclear) => {
                verified.find(format!("{}: {unclear}", unclear.reason()));
                return Ok(());
            }
        };
        let name = format!("case {} ({})", one.index, case_name(&one.stored));
        let (checks, stored) = (&one.rejudged.checks, &one.stored.checks);
        if checks.len() != stored.len() {
            verified.find(format!("{name}: {} checks are stored, {} are judged", stored.len(), checks.len()));
        }
        for (check, stored) in checks.iter().zip(stored) {
            if check.taken.is_some() {
                rejudging.taken += 1;
                continue;
            }
            rejudging.judged += 1;
            let place = format!("{name}, {} ({})", stored.kind, place(stored));
            let differs = differences(stored, &check.record);
            differs.iter().for_each(|differs| verified.find(format!("{place}: {differs}")));
        }
        if one.outcome() != one.stored.outcome {
            let (was, now) = (one.stored.outcome.as_str(), one.outcome().as_str());
            verified.find(format!("{name}: outcome {was}, judged again {now}"));
        }
        Ok(())
    };
    rescore.run(run, each).await.or_fail()?;
    Ok(rejudging)
}

/// What a check says otherwise, one line each.
fn differences(was: &CheckRecord, now: &CheckRecord) -> Vec<String> {
    let settled = |check: &CheckRecord| {
        let mut value = serde_json::to_value(check).unwrap_or_default();
        if let (true, Some(fields)) = (check.reused, value.as_object_mut()) {
            // What an instance that had served before uses depends on what it did before.
            fields.remove("fuel");
            fields.remove("memory_bytes");
        }
        value
    };
    let (was, now) = (settled(was), settled(now));
    let (Some(left), Some(right)) = (was.as_object(), now.as_object()) else { return Vec::new() };
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let text = |value: Option<&Value>| cut(&value.unwrap_or(&Value::Null).to_string(), VALUE_CHARS);
    let differs = keys.into_iter().filter(|key| left.get(*key) != right.get(*key));
    differs.map(|key| format!("{key} {}, judged again {}", text(left.get(key)), text(right.get(key)))).collect()
}

fn tell(arguments: &Arguments, verified: &Verified, run: Option<&RunView>, again: Option<Rejudging>) -> Exit {
    for found in verified.found.iter().take(SHOWN) {
        println!("{} {}", "damaged".red().bold(), line(found));
    }
    let all = verified.found.len() as u64 + verified.more;
    if all > SHOWN as u64 {
        println!("… and {} more", all - SHOWN as u64);
    }
    // What was not looked at is no smaller matter for who asked for few words.
    for note in &verified.notes {
        println!("  note {}", line(note));
    }
    if all > 0 {
        let found = plural(all, "finding");
        println!("{}: {}", "not sound".red().bold(), found);
        return Exit::Failed;
    }
    if !arguments.quiet {
        println!("  {} as checksums has them", plural(verified.files, "file"));
        println!("  {} in segments and strips", plural(verified.records, "record"));
        if let Some(summary) = &verified.summary {
            println!("  summary and reports follow from the records, Merkle root {}", summary.merkle_root);
        }
        if let Some(Rejudging { judged, taken }) = again {
            let judged = plural(judged, "check");
            println!(
                "  {judged} judged again with the same outcome, score, reason, evidence and fuel; {taken} not judged again"
            );
        }
        if let Some(run) = run {
            println!("  work {}", run.manifest().work_digest);
        }
        println!("{}", "sound".green().bold());
    }
    Exit::Passed
}
