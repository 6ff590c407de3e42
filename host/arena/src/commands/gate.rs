//! `arena gate`: gates over a run that was finished before.

use std::path::PathBuf;

use arena_model::Summary;
use arena_results::{RunView, judge_gates};

use crate::exit::{Exit, Failure, OrFail};
use crate::gates::Decided;
use crate::output::println;
use crate::terminal::line;
use crate::{files, gates, verdict};

/// Limit of a summary, bytes; it is written with 256 KiB at most.
const SUMMARY_BYTES: u64 = 4 << 20;

/// Arguments of `arena gate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the run. Without gates its own are decided once more.
    dir: PathBuf,
    #[command(flatten)]
    gates: gates::Flags,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let given = arguments.gates.read()?;
    let run = RunView::open(&arguments.dir).and_then(RunView::finished).or_fail()?;
    let path = run.path().join("summary.json");
    let summary: Summary = serde_json::from_slice(&files::read(&path, SUMMARY_BYTES)?).map_err(|error| {
        Failure::input("SummaryUnreadable", format!("{}: {error}", path.display())).hint("finish the run with --resume")
    })?;
    let mut decided = if given.is_empty() { Decided::of(run.manifest(), &summary)? } else { Decided::default() };
    let own = if given.is_empty() { gates::again(&run, &summary)? } else { given };
    decided.own = judge_gates(&run, &summary, &gates::ready(own)?).or_fail()?;
    if decided.all().next().is_none() {
        let text = format!("{}: the run has no gates of its own, and none is given", run.path().display());
        return Err(Failure::input("GateInvalid", text).hint("for example --gate 'pass_rate >= 0.95'"));
    }
    for gate in decided.all() {
        println!("gate {} {}: {}", gates::word(gate), line(&gate.gate), line(&gate.detail));
    }
    decided.refuse_undecided()?;
    Ok(verdict::exit(&summary.decisive(), &decided))
}
