//! Whether a gate holds over a summary.

use arena_model::{Counts, Estimate, GateResult, Percentiles, SliceStatistics, Summary, Usage};

use crate::expression::{Comparison, Gate};
use crate::known::unmatched;
use crate::metric::{End, Metric, Selector, SliceKind, Unit};
use crate::{GateError, Operator};

/// A slice of a summary as gates look at it.
struct Slice<'a> {
    counts: Counts,
    usage: Usage,
    cost_usd_micro: Option<u64>,
    statistics: Option<&'a SliceStatistics>,
    latency: Option<&'a Percentiles>,
    first_token: Option<&'a Percentiles>,
}

/// Decides a gate over a finished run; none for a regression, which needs another run.
///
/// Errors: `GateUnmatched`, `GateNoData`.
pub fn judge(gate: &Gate, summary: &Summary) -> Option<Result<GateResult, GateError>> {
    let Gate::Comparison { text, comparison } = gate else { return None };
    Some(decide(text, comparison, summary))
}

fn decide(text: &str, comparison: &Comparison, summary: &Summary) -> Result<GateResult, GateError> {
    let Comparison { metric, selector, operator, value } = comparison;
    let slice = slice(text, selector.as_ref(), summary)?;
    let no_data = |detail: &str| GateError::NoData { gate: text.to_owned(), detail: detail.to_owned() };
    let actual = actual(*metric, &slice).map_err(no_data)?;
    let passed = operator.holds(actual, *value);
    let word = if passed { "holds" } else { "does not hold" };
    let place = selector.as_ref().map_or_else(String::new, |selector| format!(" of {selector}"));
    let detail = format!(
        "it is {}{place}, so {} {} {word}",
        shown(actual, metric.unit()),
        sign(*operator),
        shown(*value, metric.unit())
    );
    Ok(GateResult { gate: text.to_owned(), actual: Some(actual), passed, detail })
}

fn slice<'a>(text: &str, selector: Option<&Selector>, summary: &'a Summary) -> Result<Slice<'a>, GateError> {
    let measured = &summary.measured;
    let Some(selector) = selector else {
        return Ok(Slice {
            counts: summary.cases,
            usage: summary.usage,
            cost_usd_micro: summary.cost_usd_micro,
            statistics: summary.statistics.as_ref(),
            latency: Some(&measured.latency_ms),
            first_token: Some(&measured.ttft_ms),
        });
    };
    let name = &selector.name;
    let (tallies, list, timed) = match selector.kind {
        SliceKind::Scenario => (&summary.scenarios, "scenarios", measured.scenarios.get(name)),
        SliceKind::Evaluator => (&summary.evaluators, "evaluators", measured.evaluators.get(name)),
        SliceKind::Label => (&summary.labels, "labels", measured.labels.get(name)),
        SliceKind::Provider => (&summary.providers, "providers", None),
    };
    let Some(tally) = tallies.get(name) else {
        if let Some(out) = summary.left_out.get(list) {
            let detail = format!("the summary left out {out} of its {list}, and {selector} is not among the others");
            return Err(GateError::NoData { gate: text.to_owned(), detail });
        }
        return Err(unmatched(text, selector, tallies.keys().map(String::as_str)));
    };
    let (latency, first_token) = match selector.kind {
        SliceKind::Provider => (measured.latency_ms_by_provider.get(name), measured.ttft_ms_by_provider.get(name)),
        _ => (timed.map(|times| &times.latency_ms), timed.map(|times| &times.ttft_ms)),
    };
    Ok(Slice {
        counts: tally.counts,
        usage: tally.usage,
        cost_usd_micro: tally.cost_usd_micro,
        statistics: tally.statistics.as_deref(),
        latency,
        first_token,
    })
}

/// What the slice shows, or what it lacks.
fn actual(metric: Metric, slice: &Slice<'_>) -> Result<f64, &'static str> {
    let Counts { passed, failed, error, skipped, .. } = slice.counts;
    let judged = passed + failed + error;
    let of_judged = |value: f64| if judged > 0 { Ok(value) } else { Err("no case has a verdict") };
    let statistics = |missing| slice.statistics.ok_or(missing);
    let repeats = || statistics("no case has a verdict")?.repeats.as_ref().ok_or("no test ran more than once");
    let at_k = |k: u32| {
        let found = repeats()?.at_k.iter().find(|at| at.k == k);
        found.ok_or("no test has so many trials with a verdict, or the summary has no figure for that number of trials")
    };
    let time = |percentiles: Option<&Percentiles>, name: &str, missing| {
        percentiles.and_then(|percentiles| percentiles.get(name)).copied().ok_or(missing)
    };
    match metric {
        Metric::PassRate(End::Value) => slice.counts.pass_rate().ok_or("no case has a verdict"),
        Metric::PassRate(which) => end(statistics("no case has a verdict")?.pass_rate.as_ref(), which),
        Metric::MeanScore(which) => end(statistics("no case has a verdict")?.mean_score.as_ref(), which),
        Metric::FlakeRate(which) => end(Some(&repeats()?.flake_rate), which),
        Metric::ErrorRate => of_judged(error as f64 / judged.max(1) as f64),
        Metric::Failed => of_judged(failed as f64),
        Metric::Errors => of_judged(error as f64),
        Metric::Skipped => Ok(skipped as f64),
        Metric::Tokens => of_judged(slice.usage.total() as f64),
        Metric::InputTokens => of_judged(slice.usage.input as f64),
        Metric::OutputTokens => of_judged(slice.usage.output as f64),
        Metric::Cost => slice.cost_usd_micro.map(|micro| micro as f64 / 1e6).ok_or("a price is unknown"),
        Metric::PassAny(k) => at_k(k).map(|at| at.any),
        Metric::PassAll(k) => at_k(k).map(|at| at.all),
        Metric::Latency(name) => time(slice.latency, name, "nothing was timed; kept answers have no time"),
        Metric::FirstToken(name) => time(slice.first_token, name, "no answer was streamed"),
    }
}

fn end(estimate: Option<&Estimate>, which: End) -> Result<f64, &'static str> {
    let estimate = estimate.ok_or("no check gave a score")?;
    let interval = || estimate.interval.as_ref().ok_or("there are too few data for an interval");
    Ok(match which {
        End::Value => estimate.value,
        End::Low => interval()?.low,
        End::High => interval()?.high,
    })
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
    }
}

fn shown(value: f64, unit: Unit) -> String {
    let rounded = |value: f64, parts: f64| (value * parts).round() / parts;
    match unit {
        // 100 % is all and 0 % is none, also where nearly so is rounded.
        Unit::Share if value < 1.0 && rounded(value * 100.0, 1e4) >= 100.0 => "99.9999 %".to_owned(),
        Unit::Share if value > 0.0 && rounded(value * 100.0, 1e4) <= 0.0 => "0.0001 %".to_owned(),
        Unit::Share => format!("{} %", rounded(value * 100.0, 1e4)),
        Unit::Count => format!("{value}"),
        Unit::Time if value >= 1000.0 => format!("{} s", rounded(value / 1000.0, 1e3)),
        Unit::Time => format!("{} ms", rounded(value, 1e3)),
        Unit::Money => format!("{} USD", rounded(value, 1e6)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use arena_model::{AtK, Digest, Fault as _, Interval, IntervalMethod, Repeats, Tally};

    use super::*;

    fn estimate(value: f64) -> Estimate {
        let interval = Interval { low: value - 0.1, high: value + 0.1, method: IntervalMethod::Wilson, varies: vec![] };
        Estimate { value, of: 10, items: 10, interval: Some(interval) }
    }

    fn summary() -> Summary {
        let at_k = vec![AtK { k: 2, tests: 5, any: 0.9, all: 0.6 }];
        let repeats = Repeats { tests: 5, flaky: 1, flake_rate: estimate(0.2), at_k };
        let statistics =
            SliceStatistics { pass_rate: Some(estimate(0.8)), mean_score: Some(estimate(0.7)), repeats: Some(repeats) };
        let mut summary = Summary::empty(Digest::of(b"work"));
        summary.cases = Counts { planned: 11, passed: 8, failed: 1, error: 1, skipped: 1, not_run: 0 };
        summary.usage = Usage { input: 100, output: 50, ..Usage::default() };
        summary.cost_usd_micro = Some(1_500_000);
        summary.statistics = Some(statistics.clone());
        summary.measured.latency_ms = [("p95".to_owned(), 2500.0)].into();
        let tally = Tally { counts: summary.cases, statistics: Some(Box::new(statistics)), ..Tally::default() };
        summary.labels.insert("team=billing".to_owned(), tally.clone());
        summary.evaluators.insert("contains".to_owned(), tally);
        summary
    }

    fn judged(text: &str, summary: &Summary) -> Result<GateResult, GateError> {
        judge(&Gate::parse(text).unwrap(), summary).unwrap()
    }

    #[test]
    fn each_metric_is_read_at_its_edge() {
        let summary = summary();
        for (metric, value) in [
            ("pass_rate", "0.8"),
            ("pass_rate.low", "70%"),
            ("pass_rate.high", "0.9"),
            ("mean_score", "0.7"),
            ("mean_score(contains)", "0.7"),
            ("pass_rate{label:team=billing}", "80 %"),
            ("flake_rate", "0.2"),
            ("error_rate", "0.1"),
            ("failed", "1"),
            ("errors", "1"),
            ("skipped", "1"),
            ("tokens", "150"),
            ("input_tokens", "100"),
            ("output_tokens", "50"),
            ("cost", "1.5 USD"),
            ("pass@2", "0.9"),
            ("pass^2", "0.6"),
            ("p95", "2.5s"),
        ] {
            // Differences in the last bit of an interval's end are none of the gate's.
            let holds = |sign: &str| judged(&format!("{metric} {sign} {value}"), &summary).unwrap().passed;
            if !metric.contains('.') {
                assert!(holds(">=") && holds("<=") && !holds(">") && !holds("<"), "{metric}");
            }
        }
        let result = judged("p95 < 2s", &summary).unwrap();
        assert_eq!((result.passed, result.detail.as_str()), (false, "it is 2.5 s, so < 2 s does not hold"));
        let result = judged("pass_rate{label:team=billing} >= 0.5", &summary).unwrap();
        assert_eq!(result.detail, "it is 80 % of label `team=billing`, so >= 50 % holds");
    }

    #[test]
    fn without_data_there_is_no_verdict() {
        let mut empty = Summary::empty(Digest::of(b"work"));
        empty.cost_usd_micro = None;
        for metric in ["pass_rate", "mean_score", "flake_rate", "error_rate", "tokens", "cost", "pass@2"] {
            let error = judged(&format!("{metric} >= 0"), &empty).unwrap_err();
            assert_eq!(error.reason(), "GateNoData", "{metric}");
        }
        assert_eq!(judged("p95 < 3s", &empty).unwrap_err().reason(), "GateNoData");
        assert_eq!(judged("ttft_p95 < 3s", &summary()).unwrap_err().reason(), "GateNoData");
        assert_eq!(judged("pass@3 > 0", &summary()).unwrap_err().reason(), "GateNoData");
        let error = judged("pass_rate{label:team=sales} > 0", &summary()).unwrap_err();
        assert_eq!(error.reason(), "GateUnmatched");
        assert!(error.to_string().contains("it has team=billing"), "{error}");
        let mut cut = summary();
        cut.left_out.insert("labels".to_owned(), 3);
        assert_eq!(judged("pass_rate{label:team=sales} > 0", &cut).unwrap_err().reason(), "GateNoData");
    }
}
