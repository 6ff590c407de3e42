//! `arena verify`: whether the folder of a finished run is what it was, and whether its totals follow from its rows.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use arena_bundle::Bundle;
use arena_evaluate::{Again, Which};
use arena_model::{CheckRecord, Manifest, Work};
use arena_results::{RunView, Verified, case_name, place, verify};
use arena_worker::{EarlierRun, Rescore, Rescored, WorkerError};
use owo_colors::OwoColorize;
use serde_json::Value;

use crate::exit::{Exit, Failure, OrFail};
use crate::frozen;
use crate::output::println;
use crate::session::Session;
use crate::settings;
use crate::terminal::{line, plural};
use crate::verdict::cut;
use crate::work::{ENGINE, Inputs, Prepared};

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
    /// Print nothing but what is wrong.
    #[arg(long, short)]
    quiet: bool,
}

/// What the frozen bundle gives: read once, and only when the bytes are known to be right.
struct Bundled {
    prepared: Result<Prepared, Failure>,
    labels: BTreeMap<String, BTreeMap<String, String>>,
}

impl Bundled {
    fn read(run: &RunView) -> Self {
        let prepared = inputs(run).and_then(|inputs| Prepared::of(&inputs));
        let labels = prepared.as_ref().map(|prepared| labels(&prepared.bundle)).unwrap_or_default();
        Self { prepared, labels }
    }
}

/// What the run was made from, out of its folder alone.
pub fn inputs(run: &RunView) -> Result<Inputs, Failure> {
    let names = run.manifest().work.config["toolEnv"].as_array().into_iter().flatten();
    let tool_env = names.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    Ok(Inputs { tool_env, ..frozen::of_run(run)? })
}

fn labels(bundle: &Bundle) -> BTreeMap<String, BTreeMap<String, String>> {
    bundle.scenarios.iter().map(|scenario| (scenario.id.clone(), scenario.labels.clone())).collect()
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
    let has_bundle = run.bundle().join(&run.manifest().work.entry).exists();
    let labels = |scenario: &str| {
        let bundled: &Bundled = bundled.get_or_init(|| Bundled::read(&run));
        bundled.labels.get(scenario).cloned().unwrap_or_default()
    };
    let labels: &dyn Fn(&str) -> BTreeMap<String, String> = &labels;
    let mut verified = verify(&run, has_bundle.then_some(labels), ENGINE).or_fail()?;
    if verified.found.is_empty() && has_bundle {
        match &bundled.get_or_init(|| Bundled::read(&run)).prepared {
            Ok(prepared) => work(run.manifest(), &prepared.work, &brought(prepared, &run), &mut verified),
            Err(failure) => verified.found.push(format!("bundle: {}: {}", failure.reason, failure.text)),
        }
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
        verified.found.push(format!(
            "{what}: the manifest says {}, the files give {}",
            was.to_string(),
            now.to_string()
        ));
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
    // Tools are not called, so what they would send is not needed.
    let inputs = frozen::of_run(run)?;
    let session = Session::open(&inputs, "verify").await?;
    let (bundle, matrix) = (session.bundle.clone(), session.matrix.clone());
    let rescore = Rescore {
        earlier: Arc::new(EarlierRun { bundle, matrix, evaluators: run.manifest().work.evaluators.clone() }),
        matrix: session.matrix.clone(),
        evaluator: session.evaluator.clone(),
        again: Again { which: Which::All, may_ask: false },
        concurrency: settings::CONCURRENCY as usize,
    };
    let mut rejudging = Rejudging { judged: 0, taken: 0 };
    let each = |one: Rescored| -> Result<(), WorkerError> {
        let name = format!("case {} ({})", one.index, case_name(&one.stored));
        let (checks, stored) = (&one.rejudged.checks, &one.stored.checks);
        if checks.len() != stored.len() {
            verified.found.push(format!("{name}: {} checks are stored, {} are judged", stored.len(), checks.len()));
        }
        for (check, stored) in checks.iter().zip(stored) {
            if check.taken.is_some() {
                rejudging.taken += 1;
                continue;
            }
            rejudging.judged += 1;
            let place = format!("{name}, {} ({})", stored.kind, place(stored));
            let differs = differences(stored, &check.record);
            verified.found.extend(differs.iter().map(|differs| format!("{place}: {differs}")));
        }
        if one.outcome() != one.stored.outcome {
            let (was, now) = (one.stored.outcome.as_str(), one.outcome().as_str());
            verified.found.push(format!("{name}: outcome {was}, judged again {now}"));
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
    if verified.found.len() > SHOWN {
        println!("… and {} more", verified.found.len() - SHOWN);
    }
    if !verified.found.is_empty() {
        let found = plural(verified.found.len() as u64, "finding");
        println!("{}: {}", "not sound".red().bold(), found);
        return Exit::Failed;
    }
    if !arguments.quiet {
        for note in &verified.notes {
            println!("  note {}", line(note));
        }
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
