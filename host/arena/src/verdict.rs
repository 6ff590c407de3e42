//! The end of a run on the terminal: counts, the first failures, where the reports are.

use std::collections::BTreeMap;
use std::path::Path;

use arena_model::{Counts, Outcome, Record, Summary, ThresholdTally};
use arena_results::{RunDir, case_name, records};
use owo_colors::OwoColorize;

use crate::exit::{Exit, Failure, OrFail};
use crate::gates::{self, Decided};
use crate::output::println;
use crate::terminal::{line, percent, plural};

/// Cases whose reason is printed.
const SHOWN: usize = 10;
/// Characters of a reason that are printed.
const REASON_CHARS: usize = 200;

/// Exit code of a finished run: gates alone decide it where there are any, but over a run in which all that has a verdict
/// is an error.
pub fn exit(counts: &Counts, gates: &Decided) -> Exit {
    match counts {
        Counts { failed: 0, error: 0, passed: 0, .. } => Exit::NoVerdict,
        // What was left out might turn it over, and a rate of the rest is not the rate.
        Counts { not_run: 1.., .. } => Exit::NoVerdict,
        // Gates on time and cost say nothing of a run that nobody answered.
        Counts { failed: 0, passed: 0, .. } => Exit::Failed,
        _ if gates.all().next().is_some() => match gates.all().all(|gate| gate.passed) {
            true => Exit::Passed,
            false => Exit::Failed,
        },
        Counts { failed: 0, error: 0, .. } => Exit::Passed,
        _ => Exit::Failed,
    }
}

/// What a finished run came to, as people and programs read it: `passed`, `failed` or `no verdict`. Gates of which some are
/// undecided and none is broken give none.
pub fn told(counts: &Counts, gates: &Decided) -> &'static str {
    match exit(counts, gates) {
        Exit::Passed => "passed",
        Exit::NoVerdict => "no verdict",
        _ if counts.passed + counts.failed > 0 && gates.is_undecided() => "no verdict",
        _ => "failed",
    }
}

/// Prints the summary; `quiet` leaves only the counts. `trials` has the scenarios that are run more than once.
pub fn print(
    run: &RunDir,
    summary: &Summary,
    gates: &Decided,
    trials: &BTreeMap<String, u32>,
    quiet: bool,
) -> Result<(), Failure> {
    let Counts { passed, failed, error, skipped, not_run, .. } = summary.cases;
    let headline = match told(&summary.decisive(), gates) {
        word @ "passed" => word.green().bold().to_string(),
        word @ "failed" => word.red().bold().to_string(),
        word => {
            let why = match (passed + failed + error, not_run) {
                (0, _) => "nothing was judged",
                (_, 1..) => "not every case was run",
                _ => "a gate is undecided",
            };
            format!("{} ({why})", word.yellow().bold())
        }
    };
    println!("{headline}: {}", summary.cases);
    for gate in gates.all() {
        println!("  gate {} {}: {}", gates::word(gate), line(&gate.gate), line(&gate.detail));
    }
    if quiet {
        return Ok(());
    }
    if failed + error > 0 {
        print_reasons(run, trials, &[Outcome::Failed, Outcome::Error], failed + error)?;
    } else if skipped > 0 {
        print_reasons(run, trials, &[Outcome::Skipped], skipped)?;
    }
    print_providers(summary);
    if summary.measured.cached > 0 {
        println!("  {} had kept answers and count in no latency", plural(summary.measured.cached, "case"));
    }
    print_trials(summary);
    print_evals(summary);
    print_checks(summary);
    let path = |name: &str| run.path().join(name).display().to_string();
    println!("report   {}", path("report.html"));
    println!("junit    {}", path("junit.xml"));
    println!("records  arena results export {}", shell_word(run.path()));
    Ok(())
}

fn print_reasons(run: &RunDir, trials: &BTreeMap<String, u32>, wanted: &[Outcome], all: u64) -> Result<(), Failure> {
    let mut shown = 0;
    for record in records(run).or_fail()? {
        let record = record.or_fail()?;
        if !wanted.contains(&record.outcome) {
            continue;
        }
        let trial = trials.get(&record.scenario);
        let trial = trial.map_or_else(String::new, |of| format!(" trial {} of {of}", record.trial.saturating_add(1)));
        let word = word(record.outcome);
        let place = place(&record.scenario, &record.provider, &record.region, &record.row, &record.variant);
        let reason = cut(record.reason.as_deref().unwrap_or_default(), REASON_CHARS);
        println!("  {word} {place}{trial}: {}", line(&reason));
        shown += 1;
        if shown == SHOWN {
            break;
        }
    }
    if all > shown as u64 {
        println!("  … and {} more, see the report", all - shown as u64);
    }
    Ok(())
}

/// The word of an outcome, in its colour.
pub fn word(outcome: Outcome) -> String {
    match outcome {
        Outcome::Passed => "passed".green().to_string(),
        Outcome::Failed => "failed".red().to_string(),
        Outcome::Error => "error".magenta().to_string(),
        Outcome::Skipped => "skipped".yellow().to_string(),
        Outcome::NotRun => "not run".yellow().to_string(),
    }
}

/// A case on one line.
pub fn ended(record: &Record) -> String {
    let reason = cut(record.reason.as_deref().unwrap_or_default(), REASON_CHARS);
    let mark = if reason.is_empty() { "" } else { ": " };
    let (word, name, reason) = (word(record.outcome), line(&case_name(record)), line(&reason));
    format!("{word} {name}{mark}{reason} ({:.0} ms)", record.measured.latency_ms)
}

/// What a case is called: scenario and provider, and what else tells it from others but for the trial.
pub fn place(
    scenario: &str,
    provider: &str,
    region: &Option<String>,
    row: &Option<String>,
    variant: &Option<String>,
) -> String {
    let named = [(" in ", region), (" row ", row), (" with ", variant)];
    let more = named.iter().filter_map(|(word, name)| Some(format!("{word}{}", line(name.as_deref()?))));
    format!("{} / {}{}", line(scenario), line(provider), more.collect::<String>())
}

/// A text of so many characters, with a mark if it had more.
pub fn cut(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// What evals found; they decide nothing and are otherwise seen only in the record.
fn print_evals(summary: &Summary) {
    let of_evals =
        || summary.evaluators.iter().filter_map(|(kind, tally)| Some((kind.strip_prefix("eval:")?, tally.counts)));
    let short: Vec<String> = of_evals()
        .filter(|(_, counts)| counts.failed + counts.error > 0)
        .map(|(id, Counts { failed, error, planned, .. })| {
            format!("{} {failed} failed, {error} error of {planned}", line(id))
        })
        .collect();
    let all = of_evals().count() as u64;
    if all > 0 {
        let found = if short.is_empty() {
            "none found anything".to_owned()
        } else {
            short[..short.len().min(SHOWN)].join("; ")
        };
        println!("  {}: {found}", plural(all, "eval"));
    }
}

fn print_providers(summary: &Summary) {
    let width = summary.providers.keys().map(|id| line(id).chars().count()).max().unwrap_or(0);
    for (id, tally) in &summary.providers {
        let rate =
            tally.counts.pass_rate().map_or_else(|| "   –".to_owned(), |rate| format!("{:>5}", percent(rate, 0)));
        let cost = tally
            .cost_usd_micro
            .map_or_else(|| "unknown cost".to_owned(), |micro| format!("{:.4} USD", micro as f64 / 1e6));
        let tokens = tally.usage.total();
        let rated = tally.statistics.as_ref().and_then(|statistics| statistics.pass_rate.as_ref());
        let range = rated.and_then(|rated| rated.interval.as_ref()).map_or_else(String::new, |interval| {
            let low = percent(interval.low, 0);
            format!(" ({} to {})", low.trim_end_matches(" %"), percent(interval.high, 0))
        });
        let cases = plural(tally.counts.planned, "case");
        println!("  {:width$}  {rate}{range} of {cases}, {tokens} tokens, {cost}", line(id));
    }
}

/// Checks that say little or take much, a line each.
fn print_checks(summary: &Summary) {
    let Some(checks) = &summary.checks else { return };
    if let Some(first) = checks.dead.first() {
        let place = first.scenario.as_deref().map_or_else(String::new, |scenario| format!(" of {}", line(scenario)));
        let more = checks.dead.len() as u64 - 1 + checks.dead_left_out;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        println!(
            "  never failed in {} or more: {}{place}{more}",
            plural(checks.dead_from, "verdict"),
            line(&first.kind)
        );
    }
    let share = |check: &arena_model::CostlyCheck| {
        let cost = check
            .cost_share
            .filter(|cost| *cost > 0.0)
            .map_or_else(String::new, |cost| format!(", {:.0} % of the cost", cost * 100.0));
        format!("{} ({:.0} % of the fuel{cost})", line(&check.kind), check.fuel_share * 100.0)
    };
    let costly: Vec<String> = checks.costly.iter().map(share).collect();
    if !costly.is_empty() {
        println!("  costly checks: {}", costly.join(", "));
    }
}

fn print_trials(summary: &Summary) {
    let Some(trials) = &summary.trials else { return };
    println!(
        "  trials: {} of {} flaky ({})",
        trials.flaky,
        plural(trials.tests, "repeated test"),
        percent(trials.flake_rate, 0)
    );
    let all = trials.listed.iter().flat_map(|test| test.thresholds.iter().map(move |check| (test, check)));
    for (test, check) in all.take(SHOWN) {
        let word = if check.met { "met".green().to_string() } else { "short".red().to_string() };
        let turn = check.turn.map_or_else(String::new, |turn| format!(" turn {turn}"));
        let place = place(&test.scenario, &test.provider, &test.region, &test.row, &test.variant);
        let (kind, ThresholdTally { passed, of, threshold, .. }) = (line(&check.kind), check);
        println!("  threshold {word} {place}{turn} {kind}: {passed} of {of} trials, least {threshold}");
    }
    if trials.thresholds > SHOWN as u64 {
        println!("  … and {} more thresholds, {} short in all", trials.thresholds - SHOWN as u64, trials.short);
    }
}

/// A path as one word for a POSIX shell.
pub fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use arena_model::GateResult;

    use super::*;

    /// Gates by whether they hold and what they looked at.
    fn gates(of: &[(bool, Option<f64>)]) -> Decided {
        let gate = |(passed, actual): &(bool, Option<f64>)| GateResult {
            gate: "p95 < 3s".to_owned(),
            actual: *actual,
            passed: *passed,
            detail: String::new(),
        };
        Decided { own: of.iter().map(gate).collect(), ..Decided::default() }
    }

    #[test]
    fn gates_hold_over_no_run_of_errors_alone() {
        let held = gates(&[(true, Some(1.0))]);
        let counts = |passed, error| Counts { planned: 3, passed, error, ..Counts::default() };
        assert_eq!(exit(&counts(0, 3), &held), Exit::Failed);
        assert_eq!(exit(&counts(1, 2), &held), Exit::Passed);
        assert_eq!(exit(&counts(1, 2), &Decided::default()), Exit::Failed);
        assert_eq!(exit(&counts(0, 0), &held), Exit::NoVerdict);
    }

    #[test]
    fn an_undecided_gate_is_no_failure_unless_another_is_broken() {
        let counts = Counts { planned: 3, passed: 3, ..Counts::default() };
        assert_eq!(told(&counts, &gates(&[(true, Some(1.0)), (false, None)])), "no verdict");
        assert_eq!(told(&counts, &gates(&[(false, Some(1.0)), (false, None)])), "failed");
        assert_eq!(told(&counts, &gates(&[(true, Some(1.0))])), "passed");
        let errors = Counts { planned: 3, error: 3, ..Counts::default() };
        assert_eq!(told(&errors, &gates(&[(false, None)])), "failed");
    }
}
