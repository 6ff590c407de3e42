//! Gates: what must hold for a run to pass.

use std::fmt;

use arena_model::{Counts, GateResult, Summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::GateStatus;

/// One thing that must hold, such as passRate >= 0.95. A gate that cannot be decided fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateSpec {
    /// What is looked at: passRate (0 to 1, of the cases with a verdict), failed and error (numbers of cases), costUSD
    /// (US dollars), latencyP50, latencyP95 and latencyP99 (milliseconds of a case).
    pub metric: GateMetric,
    /// How it is compared with value.
    pub operator: GateOperator,
    /// What it is compared with.
    #[schemars(range(min = 0.0, max = 1e12))]
    pub value: f64,
}

/// What a gate looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub enum GateMetric {
    #[serde(rename = "passRate")]
    PassRate,
    #[serde(rename = "failed")]
    Failed,
    #[serde(rename = "error")]
    Error,
    #[serde(rename = "costUSD")]
    CostUsd,
    #[serde(rename = "latencyP50")]
    LatencyP50,
    #[serde(rename = "latencyP95")]
    LatencyP95,
    #[serde(rename = "latencyP99")]
    LatencyP99,
}

/// How a gate compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub enum GateOperator {
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    LessOrEqual,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    GreaterOrEqual,
}

impl fmt::Display for GateMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PassRate => "passRate",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::CostUsd => "costUSD",
            Self::LatencyP50 => "latencyP50",
            Self::LatencyP95 => "latencyP95",
            Self::LatencyP99 => "latencyP99",
        })
    }
}

impl fmt::Display for GateOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        })
    }
}

impl GateSpec {
    /// Decides this gate over a finished run. Without data (no case has a verdict, an unknown price) it fails.
    pub fn judge(&self, summary: &Summary) -> GateStatus {
        let actual = self.metric.of(summary);
        let holds = |actual: f64| match self.operator {
            GateOperator::Less => actual < self.value,
            GateOperator::LessOrEqual => actual <= self.value,
            GateOperator::Greater => actual > self.value,
            GateOperator::GreaterOrEqual => actual >= self.value,
        };
        GateStatus {
            metric: self.metric,
            operator: self.operator,
            value: self.value,
            actual,
            passed: actual.is_some_and(holds),
        }
    }
}

impl GateMetric {
    fn of(self, summary: &Summary) -> Option<f64> {
        let latency = |name: &str| summary.measured.latency_ms.get(name).copied();
        match self {
            Self::PassRate => summary.pass_rate,
            Self::Failed => Some(summary.cases.failed as f64),
            Self::Error => Some(summary.cases.error as f64),
            Self::CostUsd => summary.cost_usd_micro.map(|micro| micro as f64 / 1e6),
            Self::LatencyP50 => latency("p50"),
            Self::LatencyP95 => latency("p95"),
            Self::LatencyP99 => latency("p99"),
        }
    }
}

/// Whether a finished run is good, with reason and message: by its config's gates and those of its bundle, or without any by
/// its cases. Never one that was cut short or has no verdict at all.
pub fn verdict(cases: &Counts, gates: &[GateStatus], bundled: &[GateResult]) -> (bool, &'static str, String) {
    if cases.not_run > 0 {
        return (false, "CasesNotRun", format!("{} cases were not run", cases.not_run));
    }
    if cases.passed + cases.failed + cases.error == 0 {
        return (false, "NothingJudged", "no case has a verdict".to_owned());
    }
    if cases.passed + cases.failed == 0 {
        // Gates on time or cost say nothing of a run that nobody answered.
        return (false, "CasesErrored", format!("all {} cases with a verdict ended in an error", cases.error));
    }
    let all = gates.len() + bundled.len();
    if all > 0 {
        let of_bundle = bundled.iter().filter(|gate| !gate.passed);
        let told = |gate: &GateResult| match gate.is_undecided() {
            true => format!("{} is undecided: {}", gate.gate, gate.detail),
            false => format!("{} does not hold: {}", gate.gate, gate.detail),
        };
        let of_bundle = of_bundle.map(told);
        let broken: Vec<String> = gates.iter().filter(|gate| !gate.passed).map(show).chain(of_bundle).collect();
        if broken.is_empty() {
            return (true, "GatesHeld", format!("all {all} gates hold"));
        }
        return (false, "GateFailed", broken.join("; "));
    }
    match (cases.failed, cases.error) {
        (0, 0) => (true, "AllPassed", format!("all {} cases with a verdict passed", cases.passed)),
        (0, error) => (false, "CasesErrored", format!("{error} cases ended in an error")),
        (failed, 0) => (false, "CasesFailed", format!("{failed} cases failed")),
        (failed, error) => (false, "CasesFailed", format!("{failed} cases failed, {error} ended in an error")),
    }
}

fn show(gate: &GateStatus) -> String {
    let actual = gate.actual.map_or_else(|| "there are no data".to_owned(), |actual| format!("it is {actual}"));
    format!("{} {} {} does not hold: {actual}", gate.metric, gate.operator, gate.value)
}

#[cfg(test)]
mod tests {
    use arena_model::{Counts, Digest, MeasuredSummary};

    use super::*;

    fn summary() -> Summary {
        Summary {
            cases: Counts { planned: 10, passed: 9, failed: 1, ..Counts::default() },
            pass_rate: Some(0.9),
            cost_usd_micro: Some(2_000_000),
            measured: MeasuredSummary { latency_ms: [("p95".to_owned(), 1500.0)].into(), ..Default::default() },
            ..Summary::empty(Digest::of(b"work"))
        }
    }

    fn passes(metric: &str, operator: &str, value: f64, summary: &Summary) -> bool {
        let gate = serde_json::json!({"metric": metric, "operator": operator, "value": value});
        serde_json::from_value::<GateSpec>(gate).unwrap().judge(summary).passed
    }

    #[test]
    fn each_operator_at_its_edge() {
        let summary = summary();
        for (operator, at, below, above) in
            [("<", false, false, true), ("<=", true, false, true), (">", false, true, false), (">=", true, true, false)]
        {
            for (value, expected) in [(0.9, at), (0.8, below), (1.0, above)] {
                assert_eq!(passes("passRate", operator, value, &summary), expected, "0.9 {operator} {value}");
            }
        }
    }

    #[test]
    fn names_are_those_of_the_api() {
        use GateMetric::{CostUsd, Error, Failed, LatencyP50, LatencyP95, LatencyP99, PassRate};
        for metric in [PassRate, Failed, Error, CostUsd, LatencyP50, LatencyP95, LatencyP99] {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.to_string());
        }
        use GateOperator::{Greater, GreaterOrEqual, Less, LessOrEqual};
        for operator in [Less, LessOrEqual, Greater, GreaterOrEqual] {
            assert_eq!(serde_json::to_value(operator).unwrap(), operator.to_string());
        }
    }

    #[test]
    fn each_metric_is_read() {
        let summary = summary();
        for (metric, value) in [("failed", 1.0), ("error", 0.0), ("costUSD", 2.0), ("latencyP95", 1500.0)] {
            assert!(passes(metric, "<=", value, &summary) && passes(metric, ">=", value, &summary), "{metric}");
        }
    }

    #[test]
    fn gates_of_the_bundle_count_too() {
        let cases = Counts { planned: 2, passed: 1, failed: 1, ..Counts::default() };
        let gate =
            |passed| GateResult { gate: "p95 < 3s".into(), actual: Some(5e3), passed, detail: "it is 5 s".into() };
        assert_eq!(verdict(&cases, &[], &[gate(true)]).1, "GatesHeld");
        let (passed, reason, message) = verdict(&cases, &[], &[gate(true), gate(false)]);
        assert_eq!((passed, reason, message.as_str()), (false, "GateFailed", "p95 < 3s does not hold: it is 5 s"));
        let open = GateResult { actual: None, detail: "there are no data".into(), ..gate(false) };
        let (passed, reason, message) = verdict(&cases, &[], &[open]);
        assert_eq!(
            (passed, reason, message.as_str()),
            (false, "GateFailed", "p95 < 3s is undecided: there are no data")
        );
        assert_eq!(verdict(&cases, &[], &[]).1, "CasesFailed");
    }

    #[test]
    fn errors_alone_pass_no_gate() {
        let cases = Counts { planned: 3, error: 2, skipped: 1, ..Counts::default() };
        let held = GateResult { gate: "p95 < 3s".into(), actual: Some(1.0), passed: true, detail: String::new() };
        let (passed, reason, message) = verdict(&cases, &[], &[held]);
        let told = "all 2 cases with a verdict ended in an error";
        assert_eq!((passed, reason, message.as_str()), (false, "CasesErrored", told));
        assert_eq!(verdict(&Counts { skipped: 3, planned: 3, ..Counts::default() }, &[], &[]).1, "NothingJudged");
    }

    #[test]
    fn without_data_a_gate_fails() {
        let summary = Summary { pass_rate: None, cost_usd_micro: None, ..summary() };
        for metric in ["passRate", "costUSD", "latencyP50"] {
            assert!(!passes(metric, ">=", 0.0, &summary) && !passes(metric, "<=", 1e12, &summary), "{metric}");
        }
    }
}
