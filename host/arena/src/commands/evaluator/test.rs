//! `arena evaluator test [DIR]`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arena_model::Fault;
use arena_sandbox::{Call, Component, Evaluation, GuestError, Sandbox};
use owo_colors::OwoColorize;

use super::cases::{self, Case, Expected, asked};
use super::{check, load, subject};
use crate::exit::{Exit, Failure};
use crate::output::println;
use crate::terminal::safe;

/// Largest difference at which two scores are equal.
const SCORE_TOLERANCE: f64 = 1e-9;

/// Arguments of `arena evaluator test`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the project, or its component.
    #[arg(default_value = ".")]
    project: PathBuf,
    /// File of cases [default: cases.yaml beside the component].
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
}

/// Runs all cases; exit code 1 if any says something else than expected.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let path = component_path(&arguments.project)?;
    let beside = path.parent().unwrap_or(Path::new(".")).join("cases.yaml");
    let cases = cases::read(arguments.cases.as_deref().unwrap_or(&beside))?;
    let (sandbox, component) = load(&path).await?;
    let mut failed = 0;
    for case in &cases {
        let (evaluation, said) = judge(&sandbox, &component, case).await?;
        let (fuel, micros) = (evaluation.fuel, evaluation.duration.as_micros());
        match mismatch(case, &said) {
            None => println!("{} {}  {fuel} fuel, {micros} us", "ok  ".green(), safe(&case.name)),
            Some(why) => {
                failed += 1;
                println!("{} {}: {}", "FAIL".red().bold(), safe(&case.name), safe(&why));
                for line in &evaluation.log {
                    println!("       {} {}", line.level.dimmed(), safe(&line.text));
                }
            }
        }
    }
    println!("{} passed, {failed} failed", cases.len() - failed);
    Ok(if failed == 0 { Exit::Passed } else { Exit::Failed })
}

/// What an evaluation came to.
struct Said {
    outcome: Expected,
    score: Option<f64>,
    reason: String,
}

async fn judge(sandbox: &Arc<Sandbox>, component: &Arc<Component>, case: &Case) -> Result<(Evaluation, Said), Failure> {
    let wrong = |text: String| Failure::input("CasesInvalid", format!("case `{}`: {text}", case.name));
    let conversation = match (&case.reply, &case.messages) {
        (Some(reply), _) => subject::of_reply(reply),
        (None, Some(messages)) => subject::of_messages(messages).map_err(wrong)?,
        (None, None) => return Err(wrong("no subject".to_owned())),
    };
    let call = Call {
        check: check(component, case.check.as_deref())?.name.clone(),
        params: case.params.as_ref().map_or_else(|| "{}".to_owned(), ToString::to_string),
        conversation: Arc::new(conversation),
        asked: asked(&case.judge),
        seed: 0,
    };
    let (pool, loaded) = (sandbox.clone(), component.clone());
    let both = sandbox.on_pool(async move {
        let validated = pool.validate(&loaded, &call.check, &call.params).await.result;
        (validated, pool.evaluate(&loaded, &call).await)
    });
    let (validated, evaluation) = both.await.map_err(|error| Failure::machinery(error.reason(), error.to_string()))?;
    let said = match (&validated, &evaluation.result) {
        (Ok(Err(why)), _) => Said { outcome: Expected::Error, score: None, reason: format!("BadParams: {why}") },
        (_, Ok(verdict)) => Said {
            outcome: match verdict.passed {
                Some(true) => Expected::Passed,
                Some(false) => Expected::Failed,
                None => Expected::Error,
            },
            score: verdict.score,
            reason: verdict.reason.clone(),
        },
        (_, Err(GuestError::NotApplicable(why))) => {
            Said { outcome: Expected::Skipped, score: None, reason: why.clone() }
        }
        (_, Err(error)) => {
            Said { outcome: Expected::Error, score: None, reason: format!("{}: {error}", error.reason()) }
        }
    };
    Ok((evaluation, said))
}

fn mismatch(case: &Case, said: &Said) -> Option<String> {
    if said.outcome != case.expect {
        return Some(format!("expected {:?}, got {:?}: {}", case.expect, said.outcome, said.reason).to_lowercase());
    }
    let wanted = case.score?;
    let close = said.score.is_some_and(|score| (score - wanted).abs() <= SCORE_TOLERANCE);
    (!close).then(|| format!("expected score {wanted}, got {:?}: {}", said.score, said.reason))
}

/// The component itself, or the only one in the project's folder.
fn component_path(project: &Path) -> Result<PathBuf, Failure> {
    if project.is_file() {
        return Ok(project.to_owned());
    }
    let entries = std::fs::read_dir(project)
        .map_err(|error| Failure::input("FileUnreadable", format!("{}: {error}", project.display())))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::input("ComponentMissing", format!("{} has no .wasm file", project.display()))
            .hint("build it first: `arena evaluator build`")),
        _ => Err(Failure::input("ComponentMissing", format!("{} has several .wasm files", project.display()))
            .hint("name one of them")),
    }
}
