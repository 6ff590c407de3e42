//! Gates decided once more, over the totals that the records give.

use std::path::Path;
use std::sync::Arc;

use arena_gate::Gate;
use arena_model::{GateResult, Manifest, Summary};
use serde_json::Value;

use crate::compare::Baseline;
use crate::gates::{RunGate, judge_gates};
use crate::{Result, RunView};

/// Where a manifest's settings keep the gates of the command line, each a text or an object whose `gate` is one.
const SETTING: &str = "gates";

/// The gates that a run has to have: `known`, or where nobody knows them those of its command line, which its manifest keeps,
/// and those that its summary tells.
///
/// The error is a sentence on a gate that is none.
pub(super) fn due(
    manifest: &Manifest,
    known: Option<Vec<Gate>>,
    stored: &Summary,
) -> std::result::Result<Vec<Gate>, String> {
    if let Some(known) = known {
        return Ok(known);
    }
    let text = |kept: &Value| kept.as_str().or_else(|| kept["gate"].as_str()).map(str::to_owned);
    let kept = manifest.origin.settings[SETTING].as_array().into_iter().flatten().filter_map(text);
    let mut texts: Vec<String> = kept.collect();
    for told in stored.gates.iter().chain(&stored.measured.gates) {
        if !texts.contains(&told.gate) {
            texts.push(told.gate.clone());
        }
    }
    texts.iter().map(|text| Gate::parse(text).map_err(|error| error.to_string())).collect()
}

/// Decides `gates` over the summary `made` and puts them in it. A comparison with a run that is not there is taken from
/// `stored`, and is told in `notes`.
pub(super) fn decide(
    run: &RunView,
    gates: Vec<Gate>,
    made: &mut Summary,
    stored: &Summary,
    same_engine: bool,
    notes: &mut Vec<String>,
) -> Result<()> {
    let gates: Vec<RunGate> = gates.into_iter().map(with_baseline).collect();
    let told = |text: &str| stored.gates.iter().chain(&stored.measured.gates).find(|known| known.gate == text);
    for (gate, mut decided) in gates.iter().zip(judge_gates(run, made, &gates)?) {
        let known = told(gate.gate.text());
        let open = known.is_some_and(|known| known.actual.is_none() && !known.passed);
        if let (Gate::Regression { regression, .. }, Some(known)) = (&gate.gate, known)
            && (open || gate.baseline.is_none() && known.actual.is_some())
        {
            let why = if open { "was not possible in the run" } else { "is not possible here" };
            notes.push(format!(
                "summary.json: the gate `{}` was not decided again: the comparison with {} {why}",
                gate.gate.text(),
                regression.baseline
            ));
            decided = known.clone();
        } else if let (false, Some(known)) = (same_engine, known) {
            // The value decides; another version may have used other words.
            decided = GateResult { detail: known.detail.clone(), ..decided };
        }
        let list = if gate.gate.is_timed() { &mut made.measured.gates } else { &mut made.gates };
        list.push(decided);
    }
    Ok(())
}

fn with_baseline(gate: Gate) -> RunGate {
    let baseline = match &gate {
        Gate::Comparison { .. } => None,
        Gate::Regression { regression, .. } => {
            let run = RunView::open(Path::new(&regression.baseline)).and_then(RunView::finished);
            run.and_then(|run| Baseline::read(&run)).ok().map(Arc::new)
        }
    };
    RunGate { gate, baseline }
}
