//! Gates decided once more, over the totals that the records give.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arena_gate::Gate;
use arena_model::{GateResult, Manifest, Summary};
use serde_json::Value;

use crate::compare::Baseline;
use crate::gates::{RunGate, judge_gates};
use crate::{Result, RunView};

/// Where a manifest's settings keep the gates of the command line.
const SETTING: &str = "gates";

/// The gates that a run has to have: those of its command line, which its manifest keeps, then those of its bundle. Without a
/// bundle those that its summary tells stand for the latter.
///
/// The error is a sentence on a gate that is none.
pub(super) fn due(
    manifest: &Manifest,
    bundled: Option<Vec<Gate>>,
    stored: &Summary,
) -> std::result::Result<Vec<Gate>, String> {
    let kept = manifest.origin.settings[SETTING].as_array().into_iter().flatten().filter_map(Value::as_str);
    let told = stored.gates.iter().chain(&stored.measured.gates).map(|gate| gate.gate.as_str());
    let read = |text: &str| Gate::parse(text).map_err(|error| error.to_string());
    let mut gates = kept.map(read).collect::<std::result::Result<Vec<_>, _>>()?;
    let others = match bundled {
        Some(bundled) => bundled,
        None => told.map(read).collect::<std::result::Result<Vec<_>, _>>()?,
    };
    let known: BTreeSet<String> = gates.iter().map(|gate| gate.text().to_owned()).collect();
    gates.extend(others.into_iter().filter(|gate| !known.contains(gate.text())));
    Ok(gates)
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
