//! `arena gate`: gates over a run that was finished before.

use std::path::PathBuf;

use arena_model::Summary;
use arena_results::{RunView, judge_gates};
use owo_colors::OwoColorize;

use crate::exit::{Exit, Failure, OrFail};
use crate::output::println;
use crate::terminal::line;
use crate::{files, gates};

/// Limit of a summary, bytes; it is written with 256 KiB at most.
const SUMMARY_BYTES: u64 = 4 << 20;

/// Arguments of `arena gate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the run.
    dir: PathBuf,
    #[command(flatten)]
    gates: gates::Flags,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let wanted = arguments.gates.read()?;
    if wanted.is_empty() {
        return Err(Failure::input("GateInvalid", "no gate is given").hint("for example --gate 'pass_rate >= 0.95'"));
    }
    let run = RunView::open(&arguments.dir).and_then(RunView::finished).or_fail()?;
    let path = run.path().join("summary.json");
    let summary: Summary = serde_json::from_slice(&files::read(&path, SUMMARY_BYTES)?).map_err(|error| {
        Failure::input("SummaryUnreadable", format!("{}: {error}", path.display())).hint("finish the run with --resume")
    })?;
    let decided = judge_gates(&run, &summary, &gates::ready(wanted)?).or_fail()?;
    for gate in &decided {
        let word = if gate.passed { "holds".green().to_string() } else { "broken".red().to_string() };
        println!("gate {word} {}: {}", line(&gate.gate), line(&gate.detail));
    }
    gates::refuse_undecided(&decided)?;
    Ok(match decided.iter().all(|gate| gate.passed) {
        _ if summary.cases.not_run > 0 => Exit::NoVerdict,
        true => Exit::Passed,
        false => Exit::Failed,
    })
}
