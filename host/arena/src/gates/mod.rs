//! Gates of a run: where they come from, what is known of them before the first call, and what they need.

mod check;
mod kept;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arena_crd::{GateSpec, GateStatus};
use arena_gate::Gate;
use arena_model::{GateResult, Manifest, Summary};
use arena_results::compare::Baseline;
use arena_results::{RunGate, RunView};
use owo_colors::OwoColorize;

use crate::exit::{Failure, OrFail};
use crate::files;
use crate::frozen::Aside;
use crate::terminal::print_warning;
use kept::whole;

pub use check::{check, remarks};
pub use kept::{again, keep, keep_folder, of};

/// Most gates of a run.
const GATES: usize = 100;
/// Largest file of gates, bytes.
const FILE_BYTES: u64 = 64 << 10;

/// What to do about one that cannot be decided.
const UNDECIDED: &str = "a gate without data neither holds nor breaks: change it, or what is run; to look at some cases, run with --no-gates";

/// What is said of gates where a run is started.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Gates besides those of the bundle.
    pub gates: Vec<Gate>,
    /// There are none, whatever the bundle says.
    pub none: bool,
}

/// Flags that give gates.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Gates")]
pub struct Flags {
    /// What must hold for the run to pass, such as 'pass_rate >= 0.95' or 'p95 < 3s'. May be given more than once.
    #[arg(long, value_name = "EXPR")]
    gate: Vec<String>,
    /// File of gates, one a line; lines that begin with # are for people. Baselines are as seen from its folder.
    #[arg(long, value_name = "FILE")]
    gates: Option<PathBuf>,
}

impl Flags {
    /// The gates that they give.
    ///
    /// Errors: `GateInvalid`, `GateMetricUnknown`, `GatesTooMany`, those of unreadable files.
    pub fn read(&self) -> Result<Vec<Gate>, Failure> {
        let here = whole(Path::new("."))?;
        let one = |text: &String| Ok(Gate::parse(text).or_fail()?.seen_from(&here));
        let mut gates = self.gate.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        if let Some(shown) = &self.gates {
            let before = gates.len();
            let bytes = files::read(shown, FILE_BYTES)?;
            let text = String::from_utf8_lossy(&bytes);
            // Some editors begin a file with a mark that is no text.
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let file = whole(shown)?;
            let folder = file.parent().unwrap_or(&here);
            for (number, line) in text.lines().enumerate() {
                if line.trim().is_empty() || line.trim_start().starts_with('#') {
                    continue;
                }
                let gate = Gate::parse(line).or_fail();
                let gate = gate.map_err(|failure| Failure {
                    text: format!("{} line {}: {}", shown.display(), number + 1, failure.text),
                    ..failure
                })?;
                gates.push(gate.seen_from(folder));
            }
            if gates.len() == before {
                return Err(Failure::input("GateInvalid", format!("{}: there is no gate in it", shown.display())));
            }
        }
        if gates.len() > GATES {
            let text = format!("there are {} gates, and at most {GATES} are decided", gates.len());
            return Err(Failure::input("GatesTooMany", text));
        }
        Ok(gates)
    }
}

/// A finished run that a gate compares with.
fn baseline(folder: &str) -> Result<RunView, Failure> {
    RunView::open(Path::new(folder)).and_then(RunView::finished).or_fail()
}

/// As [`ready`] at the end of a run: results are worth more than a baseline that is gone, whose gate is undecided.
pub fn ready_or_undecided(gates: Vec<Gate>) -> Result<Vec<RunGate>, Failure> {
    with_baselines(gates, |gate, failure| {
        print_warning(&format!("gate `{}`: {}", gate.text(), failure.text));
        Ok(())
    })
}

/// Gates with the runs that they compare with.
///
/// Errors: those of baselines that are no runs.
pub fn ready(gates: Vec<Gate>) -> Result<Vec<RunGate>, Failure> {
    with_baselines(gates, |_, failure| Err(failure))
}

/// Each baseline is read once; `absent` says what becomes of a gate whose own cannot be had.
fn with_baselines(
    gates: Vec<Gate>,
    absent: impl Fn(&Gate, Failure) -> Result<(), Failure>,
) -> Result<Vec<RunGate>, Failure> {
    let mut read: BTreeMap<String, Arc<Baseline>> = BTreeMap::new();
    let mut ready = Vec::new();
    for gate in gates {
        let mut with = None;
        if let Gate::Regression { regression, .. } = &gate {
            let name = &regression.baseline;
            with = read.get(name).cloned();
            if with.is_none() {
                match baseline(name).and_then(|run| Baseline::read(&run).or_fail()) {
                    Ok(found) => with = Some(read.entry(name.clone()).or_insert(Arc::new(found)).clone()),
                    Err(failure) => absent(&gate, failure)?,
                }
            }
        }
        ready.push(RunGate { gate, baseline: with });
    }
    Ok(ready)
}

/// All gates of a finished run as they were decided.
#[derive(Default)]
pub struct Decided {
    /// Those of an ArenaConfig, which fail without data, as in a cluster.
    pub of_config: Vec<GateResult>,
    /// Those as text, which are undecided without data.
    pub own: Vec<GateResult>,
}

impl Decided {
    /// Those of the run that `manifest` is of.
    ///
    /// Errors: those of a manifest that is none of this version.
    pub fn of(manifest: &Manifest, summary: &Summary) -> Result<Self, Failure> {
        let of_config = |gate: &GateSpec| {
            let GateStatus { metric, operator, value, actual, passed } = gate.judge(summary);
            let without = || "there are no data, and a gate of an ArenaConfig fails without".to_owned();
            let detail = actual.map_or_else(without, |actual| actual.to_string());
            GateResult { gate: format!("{metric} {operator} {value}"), actual, passed, detail }
        };
        let of_config = Aside::of(manifest)?.gates.iter().map(of_config).collect();
        Ok(Self { of_config, own: summary.gates.iter().chain(&summary.measured.gates).cloned().collect() })
    }

    /// All of them, those of an ArenaConfig first.
    pub fn all(&self) -> impl Iterator<Item = &GateResult> {
        self.of_config.iter().chain(&self.own)
    }

    /// Whether what does not hold is without data, so that nothing is said of the run.
    pub fn is_undecided(&self) -> bool {
        let open = self.own.iter().any(GateResult::is_undecided);
        open && self.of_config.iter().all(|gate| gate.passed) && self.own.iter().all(|gate| gate.word() != "broken")
    }

    /// The error of gates that could not be decided; none if all could.
    pub fn refuse_undecided(&self) -> Result<(), Failure> {
        let told = |gate: &GateResult| format!("gate `{}`: {}", gate.gate, gate.detail);
        let open: Vec<String> = self.own.iter().filter(|gate| gate.is_undecided()).map(told).collect();
        if open.is_empty() {
            return Ok(());
        }
        Err(Failure::input("GateNoData", open.join("\n")).hint(UNDECIDED))
    }
}

/// The word of a gate, in its colour.
pub fn word(gate: &GateResult) -> String {
    match gate.word() {
        holds if gate.passed => holds.green().to_string(),
        undecided if gate.is_undecided() => undecided.yellow().to_string(),
        broken => broken.red().to_string(),
    }
}
