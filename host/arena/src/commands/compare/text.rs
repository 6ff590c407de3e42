//! A comparison for people at a terminal.

use arena_model::{Record, Role};
use arena_results::compare::{Comparison, Flip, MetricComparison, Verdict};
use owo_colors::OwoColorize;

use super::{percent, points, remarks};
use crate::output::println;
use crate::terminal::{line, plural};
use crate::verdict::cut;

/// Metrics that are printed.
const METRICS: usize = 20;
/// Messages of a conversation that are printed, the last ones.
const MESSAGES: usize = 6;
/// Characters of a message.
const CHARS: usize = 300;

/// Prints it.
pub(super) fn print(comparison: &Comparison) {
    let word = comparison.verdict.as_str();
    let word = match comparison.verdict {
        Verdict::Better => word.green().bold().to_string(),
        Verdict::Worse => word.red().bold().to_string(),
        Verdict::Same => word.bold().to_string(),
        Verdict::NotEnoughData => word.yellow().bold().to_string(),
    };
    println!("{word}: {}", line(&comparison.because));
    println!(
        "  {} of cases; p-values corrected by {}",
        plural(comparison.pairing.pairs, "pair"),
        comparison.question.correction.as_str()
    );
    comparison.metrics.iter().take(METRICS).for_each(print_metric);
    if comparison.metrics.len() > METRICS {
        println!("  … and {} more metrics, see --format json", comparison.metrics.len() - METRICS);
    }
    for remark in remarks(comparison) {
        println!("  {}", line(&remark));
    }
    if !comparison.differs.is_empty() {
        println!("  what differs: {}", line(&comparison.differs.join("; ")));
    }
    let (same, changed) = (comparison.flips, comparison.flips_of_changed_inputs);
    println!("  flips: {} worse, {} better", same.worse, same.better);
    if changed.worse + changed.better > 0 {
        println!("  flips of changed inputs: {} worse, {} better", changed.worse, changed.better);
    }
    comparison.listed.iter().for_each(print_flip);
    let all = same.worse + same.better + changed.worse + changed.better;
    let more = all - comparison.listed.len() as u64;
    if more > 0 {
        println!("  … and {more} more flips, see --flips");
    }
}

fn print_metric(metric: &MetricComparison) {
    let MetricComparison { baseline, candidate, difference, low, high, items, better, worse, .. } = metric;
    println!(
        "  {:<16} {}: {} -> {}, {} points ({} to {}) over {}, {better} up, {worse} down",
        metric.verdict.as_str(),
        line(&metric.metric),
        percent(*baseline),
        percent(*candidate),
        points(*difference),
        points(*low),
        points(*high),
        plural(*items, "item"),
    );
    let effect = match (metric.cohen_h, metric.cohen_d, metric.odds_ratio) {
        (Some(h), _, Some(odds)) => format!("Cohen's h {h:+.2}, odds ratio {odds:.2}"),
        (Some(h), _, None) => format!("Cohen's h {h:+.2}"),
        (None, Some(d), _) => format!("Cohen's d {d:+.2}"),
        (None, None, _) => "no spread".to_owned(),
    };
    let detectable = match metric.minimum_detectable {
        Some(least) => format!("smallest detectable {:.1} points", least * 100.0),
        None => format!("no difference could be found with {}", plural(*items, "item")),
    };
    println!(
        "  {:<16} p = {}, corrected {} ({}); {effect}; {detectable}",
        "",
        p_value(metric.p),
        p_value(metric.p_adjusted),
        metric.test.as_str(),
    );
}

/// A p-value with as many digits as it needs.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.0001 { format!("{p:.1e}") } else { format!("{p:.4}") }
}

fn print_flip(flip: &Flip) {
    let word = if flip.better { "better".green().to_string() } else { "worse".red().to_string() };
    let mark = if flip.changed_input { " (its inputs changed)" } else { "" };
    println!("{word} {}{mark}", line(&flip.case));
    for (side, record) in [("baseline", &flip.baseline), ("candidate", &flip.candidate)] {
        let reason =
            record.reason.as_deref().map(|reason| format!(": {}", cut(&line(reason), CHARS))).unwrap_or_default();
        println!("  {side} {}{reason}", record.outcome.as_str());
        for said in conversation(record) {
            println!("    {said}");
        }
    }
}

/// The last messages that people look at, a line each.
pub(super) fn conversation(record: &Record) -> Vec<String> {
    let spoken: Vec<_> = record.messages.iter().filter(|message| message.role != Role::System).collect();
    let start = spoken.len().saturating_sub(MESSAGES);
    spoken[start..]
        .iter()
        .map(|message| {
            let who = match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::Tool => "tool",
            };
            let calls: Vec<String> =
                message.tool_calls.iter().map(|call| format!(" [calls {}]", line(&call.name))).collect();
            format!("{who}: {}{}", cut(&line(&message.content.text()), CHARS), calls.concat())
        })
        .collect()
}
