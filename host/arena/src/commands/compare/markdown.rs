//! A comparison for a pull request.

use std::fmt::{self, Write as _};

use arena_results::compare::Comparison;

use super::text::{conversation, p_value};
use super::{percent, points, remarks};
use crate::markdown::escaped;
use crate::terminal::plural;

/// Rows of the table.
const METRICS: usize = 100;

/// The page.
pub(super) fn of(comparison: &Comparison) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, comparison);
    text
}

fn write(text: &mut String, comparison: &Comparison) -> fmt::Result {
    writeln!(text, "# Arena compare: {}\n", comparison.verdict.as_str())?;
    writeln!(text, "{}; {}\n", escaped(&comparison.because), plural(comparison.pairing.pairs, "pair"))?;
    let confidence = (comparison.question.confidence * 1e4).round() / 100.0;
    writeln!(
        text,
        "| Metric | Verdict | Before | After | Points ({confidence} %) | Items | Up | Down | p | Corrected |"
    )?;
    writeln!(text, "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    for metric in comparison.metrics.iter().take(METRICS) {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} ({} to {}) | {} | {} | {} | {} | {} |",
            escaped(&metric.metric),
            metric.verdict.as_str(),
            percent(metric.baseline),
            percent(metric.candidate),
            points(metric.difference),
            points(metric.low),
            points(metric.high),
            metric.items,
            metric.better,
            metric.worse,
            p_value(metric.p),
            p_value(metric.p_adjusted),
        )?;
    }
    writeln!(text)?;
    for remark in remarks(comparison) {
        writeln!(text, "- {}", escaped(&remark))?;
    }
    if !comparison.differs.is_empty() {
        writeln!(text, "- what differs: {}", escaped(&comparison.differs.join("; ")))?;
    }
    let (same, changed) = (comparison.flips, comparison.flips_of_changed_inputs);
    writeln!(text, "- flips: {} worse, {} better", same.worse, same.better)?;
    if changed.worse + changed.better > 0 {
        writeln!(text, "- flips of changed inputs: {} worse, {} better", changed.worse, changed.better)?;
    }
    for flip in &comparison.listed {
        let word = if flip.better { "better" } else { "worse" };
        let mark = if flip.changed_input { " (its inputs changed)" } else { "" };
        writeln!(text, "\n<details><summary>{word}: {}{mark}</summary>\n", escaped(&flip.case))?;
        for (side, record) in [("Baseline", &flip.baseline), ("Candidate", &flip.candidate)] {
            let reason = record.reason.as_deref().map(|reason| format!(": {}", escaped(reason))).unwrap_or_default();
            writeln!(text, "{side} {}{reason}\n", record.outcome.as_str())?;
            for said in conversation(record) {
                writeln!(text, "- {}", escaped(&said))?;
            }
            writeln!(text)?;
        }
        writeln!(text, "</details>")?;
    }
    Ok(())
}
