//! `arena compare`: whether a run is better or worse than another, and how sure that is.

mod markdown;
mod text;

use std::path::PathBuf;

use arena_results::RunView;
use arena_results::compare::{Comparison, Correction, Question, Verdict, compare};
use clap::ValueEnum;

use crate::exit::{Exit, Failure, OrFail};
use crate::{output, terminal};

/// What rates are of.
const MEANS: &str =
    "rates and scores are means over test items (scenario and row), so that one with more cases weighs no more";
/// What is to be said where all pairs are of one item.
const ONE_ITEM: &str =
    "all pairs are of one test item: each pair is looked at by itself, and nothing is said of other items";

/// Most flips that are listed of each kind.
const FLIPS_MAX: i64 = 1000;

/// Arguments of `arena compare`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the run that was there before.
    baseline: PathBuf,
    /// Folder of the run that is judged.
    candidate: PathBuf,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Confidence of intervals and verdicts, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0, value_parser = confidence)]
    confidence: f64,
    /// Differences up to this count as none, as a share: 0.05 is 5 points of a pass rate.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    margin: f64,
    /// Chance with which the smallest detectable difference would be found, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 80.0, value_parser = confidence)]
    power: f64,
    /// How p-values are corrected for the number of metrics.
    #[arg(long, value_enum, default_value_t = Method::Holm)]
    correction: Method,
    /// Flips that are listed of each kind, with both conversations.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=FLIPS_MAX))]
    flips: u32,
    /// End with 4 if the data are not enough for a verdict.
    #[arg(long)]
    require_verdict: bool,
    /// Compare although the checks are not the same.
    #[arg(long)]
    allow_different_checks: bool,
}

/// Forms of the output.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    // For people.
    Text,
    // Everything, the records of listed flips included.
    Json,
    // For a pull request.
    Markdown,
}

/// Corrections for many metrics.
#[derive(Clone, Copy, ValueEnum)]
enum Method {
    // Bounds the chance of any false alarm.
    Holm,
    // Bounds the share of false alarms among alarms (Benjamini and Hochberg).
    Bh,
}

fn confidence(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if (50.0..=99.999).contains(&number) { Ok(number) } else { Err("it must be from 50 to 99.999".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if number > 0.0 && number < 1.0 { Ok(number) } else { Err("it must be above 0 and below 1".to_owned()) }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let question = Question {
        confidence: arguments.confidence / 100.0,
        margin: arguments.margin,
        power: arguments.power / 100.0,
        correction: match arguments.correction {
            Method::Holm => Correction::Holm,
            Method::Bh => Correction::BenjaminiHochberg,
        },
        flips: arguments.flips as usize,
        allow_different_checks: arguments.allow_different_checks,
    };
    let [baseline, candidate] =
        [&arguments.baseline, &arguments.candidate].map(|dir| RunView::open(dir).and_then(RunView::finished).or_fail());
    let comparison = compare(&baseline?, &candidate?, &question).or_fail().map_err(|failure| match failure.reason {
        "ChecksDiffer" => failure.hint("--allow-different-checks compares them all the same"),
        _ => failure,
    })?;
    match arguments.format {
        Format::Text => text::print(&comparison),
        Format::Markdown => output::text(&markdown::of(&comparison)),
        Format::Json => output::text(&json(&comparison)?),
    }
    Ok(match comparison.verdict {
        Verdict::Worse => Exit::Failed,
        Verdict::NotEnoughData if arguments.require_verdict => Exit::NoVerdict,
        _ => Exit::Passed,
    })
}

fn json(comparison: &Comparison) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(comparison)
        .map_err(|error| Failure::machinery("OutputFailed", format!("the comparison cannot be written: {error}")))?;
    Ok(terminal::json(&json).into_owned() + "\n")
}

/// A share in percent, as people read it.
fn percent(share: f64) -> String {
    terminal::percent(share, 1)
}

/// A difference in points, with its sign.
fn points(share: f64) -> String {
    format!("{:+.1}", share * 100.0)
}

/// What is to be said of pairs beside the metrics, a sentence each.
fn remarks(comparison: &Comparison) -> Vec<String> {
    let pairing = &comparison.pairing;
    let mut remarks = Vec::new();
    let (before, after) = pairing.errors;
    for (count, text) in [
        (before + after, format!("errors count as not passed: {before} in the baseline, {after} in the candidate")),
        (pairing.changed_inputs, format!("{} pairs have changed inputs (prompt or turns)", pairing.changed_inputs)),
        (
            pairing.without_verdict,
            format!("{} cases were skipped or not run in one of the runs and are left out", pairing.without_verdict),
        ),
        (pairing.only_baseline, format!("{} cases are only in the baseline and are left out", pairing.only_baseline)),
        (
            pairing.only_candidate,
            format!("{} cases are only in the candidate and are left out", pairing.only_candidate),
        ),
        (pairing.different_checks, format!("{} pairs have different checks", pairing.different_checks)),
    ] {
        if count > 0 {
            remarks.push(text);
        }
    }
    // Where each item has one case, the mean over them is the rate that is seen elsewhere.
    if comparison.metrics.iter().any(|metric| metric.pairs > metric.items) {
        remarks.push(MEANS.to_owned());
    }
    if comparison.metrics.iter().any(|metric| metric.one_item) {
        remarks.push(ONE_ITEM.to_owned());
    }
    if !comparison.left_out.is_empty() {
        let shown = comparison.left_out[..comparison.left_out.len().min(10)].join(", ");
        let more = comparison.left_out.len().saturating_sub(10);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        remarks.push(format!("the same as the pass rate, pair by pair: {shown}{more}"));
    }
    remarks
}
