//! The end of every run that is on this machine: the folder is finalized, gates are held against it.

use std::collections::BTreeMap;

use arena_bundle::Bundle;
use arena_model::{ConcurrencyHistory, Counts, Record, Summary};
use arena_provider::TrafficReport;
use arena_results::{ResultsError, RunDir, Settings, finalize, finalize_partial};
use arena_worker::Stop;
use tokio::sync::watch;

use crate::exit::{Exit, Failure, OrFail};
use crate::gates::{self, Decided};
use crate::session::Session;
use crate::stop::watch_signals;
use crate::terminal::print_warning;
use crate::verdict;

/// A finalized run.
pub struct Finished {
    /// What it came to.
    pub summary: Summary,
    /// Its gates.
    pub gates: Decided,
    /// Scenarios that are run more than once, and how often.
    trials: BTreeMap<String, u32>,
}

/// Finalizes `run`; none if it was stopped. `not_run` gives, in plan order, a record for each case without one.
pub fn finish(
    run: &RunDir,
    session: Session,
    not_run: impl Iterator<Item = Record>,
) -> Result<Option<Finished>, Failure> {
    let planned = session.matrix.plan.len();
    let labels = labels(&session.bundle);
    let repeated = session.bundle.scenarios.iter().filter(|scenario| scenario.trials > 1);
    let trials: BTreeMap<_, _> = repeated.map(|scenario| (scenario.id.clone(), scenario.trials)).collect();
    let frozen = session.bundle.files.iter().map(|file| (format!("bundle/{}", file.path), file.digest.clone()));
    let settings = Settings {
        known_digests: frozen.collect(),
        concurrency_by_provider: concurrency(&session),
        gates: gates::ready_or_undecided(gates::of(run.manifest(), &session.bundle)?)?,
        ..Settings::default()
    };
    // The reports need memory of their own; the session's goes first.
    drop(session);
    let labels = |id: &str| labels.get(id).cloned().unwrap_or_default();
    let stop = watch_signals(&[Stop::Now], print_warning);
    let summary = match finalize(run, planned, not_run, labels, settings, || *stop.borrow() != Stop::No) {
        Err(ResultsError::FinalizeStopped { .. }) => return Ok(None),
        ended => ended.or_fail()?,
    };
    let gates = Decided::of(run.manifest(), &summary)?;
    Ok(Some(Finished { summary, gates, trials }))
}

/// Writes how far a stopped run has come, unless it is to stop at once.
pub fn partial(run: &RunDir, session: &Session, stop: &watch::Receiver<Stop>) -> Result<(), Failure> {
    let labels = labels(&session.bundle);
    let missing = |index| {
        let why = "the run was stopped before this case began";
        arena_worker::not_run(&session.matrix, index, why).unwrap_or_else(|error| {
            print_warning(&format!("case {index} cannot be named: {error}"));
            None
        })
    };
    let settings = Settings {
        concurrency_by_provider: concurrency(session),
        gates: gates::ready_or_undecided(gates::of(run.manifest(), &session.bundle)?)?,
        ..Settings::default()
    };
    let labels = |id: &str| labels.get(id).cloned().unwrap_or_default();
    match finalize_partial(run, missing, labels, settings, || *stop.borrow() == Stop::Now) {
        Err(ResultsError::FinalizeStopped { .. }) => Ok(()),
        made => {
            let Counts { planned, not_run, .. } = made.or_fail()?.cases;
            let report = run.path().join("partial/report.html");
            print_warning(&format!(
                "{} of {planned} cases ran; partial report {}",
                planned - not_run,
                report.display()
            ));
            Ok(())
        }
    }
}

/// The labels of each scenario that has some.
fn labels(bundle: &Bundle) -> BTreeMap<String, BTreeMap<String, String>> {
    let labelled = bundle.scenarios.iter().filter(|scenario| !scenario.labels.is_empty());
    labelled.map(|scenario| (scenario.id.clone(), scenario.labels.clone())).collect()
}

impl Finished {
    /// Prints the verdict and gives the exit code.
    pub fn tell(&self, run: &RunDir, quiet: bool) -> Result<Exit, Failure> {
        verdict::print(run, &self.summary, &self.gates, &self.trials, quiet)?;
        let exit = verdict::exit(&self.summary.decisive(), &self.gates);
        if exit == Exit::Failed {
            self.gates.refuse_undecided()?;
        }
        Ok(exit)
    }
}

/// How many calls at once each provider was asked for, where that changed.
fn concurrency(session: &Session) -> BTreeMap<String, ConcurrencyHistory> {
    let changed = session.http.traffic_reports().into_iter().filter(|(_, report)| !report.changes.is_empty());
    let history = |report: TrafficReport| ConcurrencyHistory {
        most: report.most,
        lowest: report.lowest,
        push_backs: report.push_backs,
        changes: report.changes.iter().map(|change| (change.at.as_millis() as u64, change.limit)).collect(),
    };
    changed.map(|(id, report)| (id, history(report))).collect()
}
