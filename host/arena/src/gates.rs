//! Gates of a run: where they come from, what is known of them before the first call, and what they need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arena_crd::GateStatus;
use arena_gate::{Gate, Known};
use arena_model::{GateResult, Manifest, Summary};
use arena_results::compare::Baseline;
use arena_results::{RunGate, RunView};
use serde_json::Value;

use crate::exit::{Failure, OrFail};
use crate::files;
use crate::session::Session;
use crate::terminal::print_warning;

/// Where gates of the command line stand in a manifest's settings.
pub const SETTING: &str = "gates";
/// Most gates of a run.
const GATES: usize = 100;
/// Largest file of gates, bytes.
const FILE_BYTES: u64 = 64 << 10;

/// Flags that give gates.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Gates")]
pub struct Flags {
    /// What must hold for the run to pass, such as 'pass_rate >= 0.95' or 'p95 < 3s'. May be given more than once.
    #[arg(long, value_name = "EXPR")]
    gate: Vec<String>,
    /// File of gates, one a line; lines that begin with # are for people.
    #[arg(long, value_name = "FILE")]
    gates: Option<PathBuf>,
}

impl Flags {
    /// The gates that they give.
    ///
    /// Errors: `GateInvalid`, `GateMetricUnknown`, `GatesTooMany`, those of unreadable files.
    pub fn read(&self) -> Result<Vec<Gate>, Failure> {
        let mut gates = self.gate.iter().map(|text| Gate::parse(text).or_fail()).collect::<Result<Vec<_>, _>>()?;
        if let Some(path) = &self.gates {
            let bytes = files::read(path, FILE_BYTES)?;
            let text = String::from_utf8_lossy(&bytes);
            for (number, line) in text.lines().enumerate() {
                if line.trim().is_empty() || line.trim_start().starts_with('#') {
                    continue;
                }
                let gate = Gate::parse(line).or_fail();
                gates.push(gate.map_err(|failure| Failure {
                    text: format!("{} line {}: {}", path.display(), number + 1, failure.text),
                    ..failure
                })?);
            }
        }
        if gates.len() > GATES {
            let text = format!("there are {} gates, and at most {GATES} are decided", gates.len());
            return Err(Failure::input("GatesTooMany", text));
        }
        Ok(gates)
    }
}

/// The gates of a run: those of its command line, which its manifest keeps, and those of its bundle.
pub fn of(manifest: &Manifest, bundled: &[Gate]) -> Result<Vec<Gate>, Failure> {
    let kept = manifest.origin.settings[SETTING].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut gates: Vec<Gate> = kept.map(|text| Gate::parse(text).or_fail()).collect::<Result<_, _>>()?;
    gates.extend(
        bundled
            .iter()
            .filter(|gate| !gates.iter().any(|other| other.text() == gate.text()))
            .cloned()
            .collect::<Vec<_>>(),
    );
    Ok(gates)
}

/// Refuses gates that cannot be decided whatever the answers are.
///
/// Errors: `GateUnmatched`, `GateNoData`, those of baselines that are no runs.
pub fn check(session: &Session, gates: &[Gate]) -> Result<(), Failure> {
    if gates.is_empty() {
        return Ok(());
    }
    let known = known(session);
    for gate in gates {
        known.check(gate).or_fail()?;
        if let Gate::Regression { regression, .. } = gate {
            baseline(&regression.baseline)?;
        }
    }
    Ok(())
}

/// A finished run that a gate compares with.
fn baseline(folder: &str) -> Result<RunView, Failure> {
    RunView::open(Path::new(folder)).and_then(RunView::finished).or_fail()
}

/// As [`ready`] at the end of a run: results are worth more than a baseline that is gone, whose gate is undecided.
pub fn ready_or_undecided(gates: Vec<Gate>) -> Vec<RunGate> {
    let one = |gate: Gate| match ready(vec![gate.clone()]) {
        Ok(ready) => ready,
        Err(failure) => {
            print_warning(&format!("gate `{}`: {}", gate.text(), failure.text));
            vec![RunGate { gate, baseline: None }]
        }
    };
    gates.into_iter().flat_map(one).collect()
}

/// Gates with the runs that they compare with.
///
/// Errors: those of baselines that are no runs.
pub fn ready(gates: Vec<Gate>) -> Result<Vec<RunGate>, Failure> {
    let mut baselines: BTreeMap<String, Arc<Baseline>> = BTreeMap::new();
    let mut ready = Vec::new();
    for gate in gates {
        let with = match &gate {
            Gate::Comparison { .. } => None,
            Gate::Regression { regression, .. } => {
                let name = &regression.baseline;
                if !baselines.contains_key(name) {
                    let read = Baseline::read(&baseline(name)?).or_fail()?;
                    baselines.insert(name.clone(), Arc::new(read));
                }
                baselines.get(name).cloned()
            }
        };
        ready.push(RunGate { gate, baseline: with });
    }
    Ok(ready)
}

/// All gates of a finished run as they were decided, those of an ArenaConfig first.
pub fn decided(config: &[GateStatus], summary: &Summary) -> Vec<GateResult> {
    let of_config = |gate: &GateStatus| {
        let GateStatus { metric, operator, value, actual, passed } = gate;
        let detail = actual.map_or_else(|| "no data".to_owned(), |actual| actual.to_string());
        GateResult { gate: format!("{metric} {operator} {value}"), actual: *actual, passed: *passed, detail }
    };
    config.iter().map(of_config).chain(summary.gates.iter().chain(&summary.measured.gates).cloned()).collect()
}

/// The error of gates that could not be decided; none if all could.
pub fn refuse_undecided(gates: &[GateResult]) -> Result<(), Failure> {
    let open: Vec<&str> = gates.iter().filter(|gate| gate.actual.is_none()).map(|gate| gate.detail.as_str()).collect();
    if open.is_empty() {
        return Ok(());
    }
    let hint = "a gate without data neither holds nor breaks: change it, or what is run";
    Err(Failure::input("GateNoData", open.join("\n")).hint(hint))
}

/// What the cases of a session will be of.
fn known(session: &Session) -> Known {
    let input = session.matrix.input();
    let scenarios: BTreeSet<String> = input.scenarios.iter().map(|scenario| scenario.id.clone()).collect();
    let lanes = input.scenarios.iter().flat_map(|scenario| &scenario.providers);
    let providers = lanes.filter_map(|lane| input.providers.get(*lane as usize)).cloned().collect();
    let run = || session.bundle.scenarios.iter().filter(|scenario| scenarios.contains(&scenario.id));
    let labels = run().flat_map(|scenario| &scenario.labels).map(|(key, value)| format!("{key}={value}")).collect();
    let mut evaluators = session.matrix.row_checks();
    for scenario in run() {
        let of_turns = scenario.turns.iter().flat_map(|turn| &turn.assertions).map(|check| check.kind.clone());
        evaluators.extend(of_turns);
        evaluators.extend(scenario.conversation_assertions.iter().map(|check| check.kind.clone()));
    }
    let prompts = || session.bundle.prompts.values();
    evaluators.extend(prompts().flat_map(|prompt| &prompt.validators).map(|guardrail| guardrail.kind.clone()));
    let evals = session.bundle.evals.iter().chain(prompts().flat_map(|prompt| &prompt.evals));
    evaluators.extend(evals.map(|eval| format!("eval:{}", eval.id)));
    let trials = input.scenarios.iter().map(|scenario| scenario.trials).max().unwrap_or_default();
    Known { scenarios, providers, evaluators, labels, trials }
}
