//! `arena verify`: whether the folder of a finished run is what it was, and whether its totals follow from its rows.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use arena_bundle::Bundle;
use arena_model::{Manifest, Work};
use arena_results::{RunView, Verified, verify};
use owo_colors::OwoColorize;

use crate::exit::{Exit, Failure, OrFail};
use crate::frozen;
use crate::output::println;
use crate::terminal::{line, plural};
use crate::work::{ENGINE, Inputs, Prepared};

/// Findings that are printed.
const SHOWN: usize = 100;

/// Arguments of `arena verify`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of a finished run.
    dir: PathBuf,
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
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let run = match RunView::open(&arguments.dir) {
        Err(error) if error.is_damage() => {
            let verified = Verified { found: vec![error.told()], ..Verified::default() };
            return Ok(tell(arguments, &verified, None));
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
    Ok(tell(arguments, &verified, Some(&run)))
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

fn tell(arguments: &Arguments, verified: &Verified, run: Option<&RunView>) -> Exit {
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
        if let Some(run) = run {
            println!("  work {}", run.manifest().work_digest);
        }
        println!("{}", "sound".green().bold());
    }
    Exit::Passed
}
