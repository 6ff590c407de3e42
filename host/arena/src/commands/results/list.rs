//! `arena results list`: the runs in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use arena_model::{Counts, Summary};
use arena_results::{RunView, State, read_partial, read_summary};
use clap::ValueEnum;
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::exit::{Exit, Failure, OrFail};
use crate::gates::Decided;
use crate::output::println;
use crate::terminal::{line, percent};
use crate::{terminal, verdict};

/// Runs that are looked at in one folder at most.
const MOST: usize = 100_000;

/// Arguments of `arena results list`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folders of runs, or runs [default: out].
    dirs: Vec<PathBuf>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A table.
    Text,
    /// A JSON array.
    Json,
}

/// One run, as the JSON has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    dir: PathBuf,
    created: String,
    /// finished, unfinished or broken.
    state: &'static str,
    /// passed, failed or `no verdict`; none if it is not finished.
    verdict: Option<&'static str>,
    /// None if nothing was counted yet.
    cases: Option<Counts>,
    planned: u64,
    pass_rate: Option<f64>,
    cost_usd_micro: Option<u64>,
    source: String,
    work_digest: String,
    /// What is wrong with one that is broken: the reason, then a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Prints them, the newest last.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let usual = [PathBuf::from("out")];
    let dirs = if arguments.dirs.is_empty() { &usual[..] } else { &arguments.dirs };
    let mut listed = Vec::new();
    let mut broken = None;
    for dir in dirs {
        for path in runs(dir)? {
            // One folder that cannot be read must not hide the others.
            listed.push(RunView::watch(&path).or_fail().and_then(look).unwrap_or_else(|failure| {
                let told = Listed::broken(path, &failure);
                broken.get_or_insert(failure.exit);
                told
            }));
        }
    }
    listed.sort_by(|a, b| (&a.created, &a.dir).cmp(&(&b.created, &b.dir)));
    match arguments.format {
        Form::Json => {
            let text = serde_json::to_string_pretty(&listed)
                .map_err(|error| Failure::machinery("OutputFailed", format!("the list cannot be written: {error}")))?;
            println!("{}", terminal::json(&text));
        }
        Form::Text if listed.is_empty() => println!("no runs"),
        Form::Text => table(&listed),
    }
    Ok(broken.unwrap_or(Exit::Passed))
}

/// The folder of the run that `dir` is, or those in it.
fn runs(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    if dir.join("manifest.json").exists() {
        return Ok(vec![dir.to_owned()]);
    }
    let unreadable = |error: std::io::Error| Failure::input("FileUnreadable", format!("{}: {error}", dir.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)?.take(MOST) {
        let path = entry.map_err(unreadable)?.path();
        // One that is being made has a name that starts with a dot.
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.join("manifest.json").exists() {
            found.push(path);
        }
    }
    Ok(found)
}

fn look(run: RunView) -> Result<Listed, Failure> {
    let finished = run.state().or_fail()? == State::Sealed;
    let summary: Option<Summary> =
        if finished { Some(read_summary(&run).or_fail()?.0) } else { read_partial(&run).or_fail()? };
    let verdict = match (&summary, finished) {
        (Some(summary), true) => Some(verdict::told(&summary.decisive(), &Decided::of(run.manifest(), summary)?)),
        _ => None,
    };
    let manifest = run.manifest();
    Ok(Listed {
        dir: run.path().to_owned(),
        created: manifest.origin.created.clone(),
        state: if finished { "finished" } else { "unfinished" },
        verdict,
        cases: summary.as_ref().map(|summary| summary.cases),
        planned: manifest.work.plan.cases,
        pass_rate: summary.as_ref().and_then(|summary| summary.pass_rate),
        cost_usd_micro: summary.as_ref().and_then(|summary| summary.cost_usd_micro),
        source: manifest.origin.source.clone(),
        work_digest: manifest.work_digest.to_string(),
        error: None,
    })
}

impl Listed {
    /// A folder that cannot be read.
    fn broken(dir: PathBuf, failure: &Failure) -> Self {
        Self {
            dir: std::path::absolute(&dir).unwrap_or(dir),
            created: String::new(),
            state: "broken",
            verdict: None,
            cases: None,
            planned: 0,
            pass_rate: None,
            cost_usd_micro: None,
            source: String::new(),
            work_digest: String::new(),
            error: Some(format!("{}: {}", failure.reason, failure.text)),
        }
    }
}

fn table(listed: &[Listed]) {
    let name = |run: &Listed| line(&run.dir.file_name().unwrap_or_default().to_string_lossy());
    let width = listed.iter().map(|run| name(run).chars().count()).max().unwrap_or_default();
    for run in listed {
        let word = format!("{:10}", run.verdict.unwrap_or(run.state));
        let word = match run.verdict {
            Some("passed") => word.green().to_string(),
            Some("failed") => word.red().to_string(),
            None if run.error.is_some() => word.red().to_string(),
            _ => word.yellow().to_string(),
        };
        if let Some(error) = &run.error {
            println!("{:width$}  {:16}  {word} {}", name(run), "", line(error));
            continue;
        }
        let counts = run.cases.map_or_else(
            || format!("{} planned", run.planned),
            |Counts { planned, passed, failed, error, .. }| {
                format!("{passed} of {planned} passed, {failed} failed, {error} error")
            },
        );
        let rate = run.pass_rate.map_or_else(|| "     –".to_owned(), |rate| format!("{:>6}", percent(rate, 0)));
        let cost = run.cost_usd_micro.map_or_else(|| "–".to_owned(), |micro| format!("{:.4} USD", micro as f64 / 1e6));
        let created = run.created.get(..16).unwrap_or(&run.created).replace('T', " ");
        println!("{:width$}  {}  {word} {rate}  {counts}, {cost}", name(run), line(&created));
    }
}
