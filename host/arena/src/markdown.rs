//! The verdict in Markdown, for pages of CI systems.

use std::fmt::{self, Write as _};
use std::path::Path;

use arena_crd::GateStatus;
use arena_model::{Counts, Outcome, Summary, Tally};
use arena_results::{RunDir, records};

use crate::exit::{Exit, Failure, OrFail};
use crate::files;
use crate::terminal::{line, plural};
use crate::verdict;

/// Cases whose reason is told.
const SHOWN: u64 = 100;
/// Scenarios that are listed.
const SCENARIOS: usize = 200;
/// Characters of a reason.
const REASON_CHARS: usize = 300;

/// Writes it to `to`, whole or not at all.
///
/// Errors: `FileUnwritable`, those of the run's folder.
pub fn write(run: &RunDir, summary: &Summary, gates: &[GateStatus], to: &Path) -> Result<(), Failure> {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut text, summary, gates);
    let Counts { failed: fails, error, .. } = summary.cases;
    if fails + error > 0 {
        cases(&mut text, run, fails + error)?;
    }
    files::write(to, text.as_bytes())
}

fn head(text: &mut String, summary: &Summary, gates: &[GateStatus]) -> fmt::Result {
    let word = match verdict::exit(&summary.decisive(), gates) {
        Exit::Passed => "passed",
        Exit::NoVerdict => "no verdict",
        _ => "failed",
    };
    writeln!(text, "# Arena: {word}\n")?;
    writeln!(text, "{}\n", summary.cases)?;
    if let Some(trials) = summary.trials.as_ref().filter(|trials| trials.tolerated > 0) {
        let tolerated = plural(trials.tolerated, "failed case");
        writeln!(text, "{tolerated} count as passed: each `pass_threshold` in them is met\n")?;
    }
    for GateStatus { metric, operator, value, actual, passed } in gates {
        let actual = actual.map_or_else(|| "no data".to_owned(), |actual| actual.to_string());
        let word = if *passed { "holds" } else { "is broken" };
        writeln!(text, "- gate {metric} {} {value} {word}: {actual}", escaped(&operator.to_string()))?;
    }
    if !gates.is_empty() {
        writeln!(text)?;
    }
    for (what, tallies) in [("Provider", &summary.providers), ("Scenario", &summary.scenarios)] {
        writeln!(text, "| {what} | Passed | Failed | Error | Tokens | USD |\n|---|--:|--:|--:|--:|--:|")?;
        for (id, Tally { counts, usage, cost_usd_micro }) in tallies.iter().take(SCENARIOS) {
            let Counts { planned, passed, failed, error, .. } = counts;
            let cost = cost_usd_micro.map_or_else(|| "?".to_owned(), |micro| format!("{:.4}", micro as f64 / 1e6));
            let (id, tokens) = (escaped(id), usage.total());
            writeln!(text, "| {id} | {passed} of {planned} | {failed} | {error} | {tokens} | {cost} |")?;
        }
        if tallies.len() > SCENARIOS {
            writeln!(text, "\nand {} more", tallies.len() - SCENARIOS)?;
        }
        writeln!(text)?;
    }
    Ok(())
}

/// The first cases that did not pass.
fn cases(text: &mut String, run: &RunDir, all: u64) -> Result<(), Failure> {
    let mut shown = 0;
    text.push_str("| Case | Outcome | Reason |\n|---|---|---|\n");
    for record in records(run).or_fail()? {
        let record = record.or_fail()?;
        if !matches!(record.outcome, Outcome::Failed | Outcome::Error) {
            continue;
        }
        let place = verdict::place(&record.scenario, &record.provider, &record.region, &record.row, &record.variant);
        let reason = verdict::cut(record.reason.as_deref().unwrap_or_default(), REASON_CHARS);
        let (trial, outcome) = (record.trial.saturating_add(1), record.outcome.as_str());
        let row = format!("| {} trial {trial} | {outcome} | {} |", escaped(&place), escaped(&reason));
        text.push_str(&row);
        text.push('\n');
        shown += 1;
        if shown == SHOWN {
            break;
        }
    }
    if all > shown {
        text.push_str(&format!("\nand {} more, see the report\n", all - shown));
    }
    Ok(())
}

/// A stranger's text on one line in which nothing is Markdown or HTML.
fn escaped(text: &str) -> String {
    let mut plain = String::new();
    for c in line(text).chars() {
        match c {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            // Nobody is to be called by a name in a reply.
            '@' => plain.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '$' => {
                plain.push('\\');
                plain.push(c);
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_is_no_markup() {
        assert_eq!(escaped("a|b\n<img> *x* [l](u) @me `c`"), r"a\|b &lt;img&gt; \*x\* \[l\](u) &#64;me \`c\`");
    }
}
