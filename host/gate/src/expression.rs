//! From text to a gate.
//!
//! ```text
//! gate       = metric [ ".low" | ".high" ] [ "(" TYPE ")" ] [ "{" kind ":" NAME "}" ] operator NUMBER [ unit ]
//!            | "regression" "vs" BASELINE [ "at" NUMBER "%" ]
//!              .low and .high are the ends of the interval of pass_rate, mean_score and flake_rate
//! kind       = "scenario" | "provider" | "evaluator" | "label"
//! operator   = "<" | "<=" | ">" | ">="
//! unit       = "%" | "ms" | "s" | "m" | "USD"
//! ```

use std::path::Path;

use arena_model::AT_K;

use crate::GateError;
use crate::metric::{Metric, Selector, SliceKind, Unit};

/// Longest gate, bytes.
const LONGEST: usize = 1024;

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// Whether it holds.
    pub fn holds(self, actual: f64, value: f64) -> bool {
        match self {
            Self::Less => actual < value,
            Self::LessOrEqual => actual <= value,
            Self::Greater => actual > value,
            Self::GreaterOrEqual => actual >= value,
        }
    }
}

/// A value that is compared with a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is looked at.
    pub metric: Metric,
    /// Where; none for the whole run.
    pub selector: Option<Selector>,
    /// How it is compared.
    pub operator: Operator,
    /// With what: a share, a count, milliseconds or US dollars.
    pub value: f64,
}

/// A run that must not be worse than another.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression {
    /// Folder of the other run: as it was written, or as [`Gate::seen_from`] made it.
    pub baseline: String,
    /// Confidence, 0 to 1.
    pub confidence: f64,
}

/// A gate.
#[derive(Clone, Debug, PartialEq)]
pub enum Gate {
    /// A value is compared with a number.
    Comparison {
        /// As it was written.
        text: String,
        /// What it says.
        comparison: Comparison,
    },
    /// The run is compared with another.
    Regression {
        /// As it was written.
        text: String,
        /// What it says.
        regression: Regression,
    },
}

impl Gate {
    /// Reads a gate.
    ///
    /// Errors: `GateInvalid`, `GateMetricUnknown`.
    pub fn parse(text: &str) -> Result<Self, GateError> {
        let gate = text.trim().to_owned();
        let invalid = |detail: &str| GateError::Invalid { gate: shown(&gate), detail: detail.to_owned() };
        if gate.is_empty() || gate.len() > LONGEST {
            return Err(invalid(&format!("a gate has from 1 to {LONGEST} bytes")));
        }
        if gate.chars().any(char::is_control) {
            return Err(invalid("it has line breaks or control characters in it"));
        }
        if let Some(rest) = gate.strip_prefix("regression ") {
            let regression = regression(rest.trim()).map_err(|detail| invalid(&detail))?;
            return Ok(Self::Regression { text: gate, regression });
        }
        let (metric, selector, rest) = left(&gate, &invalid)?;
        let (operator, rest) = operator(rest.trim_start()).ok_or_else(|| {
            invalid("after the metric there is no <, <=, > or >=; write for example `pass_rate >= 0.95`")
        })?;
        let value = value(rest.trim(), metric.unit()).map_err(|detail| invalid(&detail))?;
        Ok(Self::Comparison { comparison: Comparison { metric, selector, operator, value }, text: gate })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        match self {
            Self::Comparison { text, .. } | Self::Regression { text, .. } => text,
        }
    }

    /// The same with a relative baseline as seen from `folder`; its text stays.
    pub fn seen_from(self, folder: &Path) -> Self {
        match self {
            Self::Regression { text, regression } => {
                let baseline = folder.join(&regression.baseline).to_string_lossy().into_owned();
                Self::Regression { text, regression: Regression { baseline, ..regression } }
            }
            gate @ Self::Comparison { .. } => gate,
        }
    }

    /// Whether what it looks at depends on time.
    pub fn is_timed(&self) -> bool {
        matches!(self, Self::Comparison { comparison, .. } if comparison.metric.unit() == Unit::Time)
    }
}

fn shown(gate: &str) -> String {
    gate.chars().take(80).collect()
}

/// Metric and selector, and what stands behind them.
fn left<'a>(
    gate: &'a str,
    invalid: &impl Fn(&str) -> GateError,
) -> Result<(Metric, Option<Selector>, &'a str), GateError> {
    let end = gate.find(|c: char| c.is_whitespace() || "({<>=!".contains(c)).unwrap_or(gate.len());
    let (name, mut rest) = gate.split_at(end);
    let Some(metric) = Metric::of(name) else {
        let (gate, metric) = (shown(gate), name.to_owned());
        return Err(GateError::MetricUnknown { gate, known: Metric::advice(&metric), metric });
    };
    if let Metric::PassAny(k) | Metric::PassAll(k) = metric
        && !AT_K.contains(&k)
    {
        let told: Vec<String> = AT_K.iter().map(u32::to_string).collect();
        return Err(invalid(&format!("no run tells `{name}`: K is one of {}", told.join(", "))));
    }
    let mut selector = None;
    if let Some(open) = rest.strip_prefix('(') {
        let (kind, behind) = open.split_once(')').ok_or_else(|| invalid("( without )"))?;
        selector = Some(Selector { kind: SliceKind::Evaluator, name: kind.trim().to_owned() });
        rest = behind;
    }
    if let Some(open) = rest.trim_start().strip_prefix('{') {
        if selector.is_some() {
            return Err(invalid("it has both (TYPE) and {...}; a gate looks at one slice"));
        }
        let (inside, behind) = open.split_once('}').ok_or_else(|| invalid("{ without }"))?;
        let unknown = || {
            invalid(
                "in {...} stands a kind, a colon and a name, such as {label:team=billing}; kinds are scenario, provider, evaluator, label",
            )
        };
        let (kind, name) = inside.split_once(':').ok_or_else(unknown)?;
        let kind = SliceKind::ALL.into_iter().find(|known| known.as_str() == kind.trim()).ok_or_else(unknown)?;
        selector = Some(Selector { kind, name: name.trim().to_owned() });
        rest = behind;
    }
    if selector.as_ref().is_some_and(|selector| selector.name.is_empty()) {
        return Err(invalid("the name of the slice is empty"));
    }
    let of_cases = matches!(metric, Metric::PassAny(_) | Metric::PassAll(_) | Metric::FirstToken(_));
    if of_cases && selector.as_ref().is_some_and(|selector| selector.kind == SliceKind::Evaluator) {
        return Err(invalid("this metric is of cases, not of checks"));
    }
    Ok((metric, selector, rest))
}

fn operator(text: &str) -> Option<(Operator, &str)> {
    let all = [
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    all.into_iter().find_map(|(sign, operator)| Some((operator, text.strip_prefix(sign)?)))
}

/// A number in the unit of the metric.
fn value(text: &str, unit: Unit) -> Result<f64, String> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, suffix) = (&text[..end], text[end..].trim());
    let number: f64 = number.parse().map_err(|_| format!("`{text}` does not begin with a number"))?;
    let (value, most) = match (unit, suffix) {
        (Unit::Share, "") => (number, 1.0),
        (Unit::Share, "%") => (number / 100.0, 1.0),
        (Unit::Count, "") => (number, 1e15),
        (Unit::Time, "ms") => (number, 1e12),
        (Unit::Time, "s") => (number * 1e3, 1e12),
        (Unit::Time, "m") => (number * 6e4, 1e12),
        (Unit::Money, "" | "USD" | "$") => (number, 1e12),
        (Unit::Time, "") => return Err(format!("`{number}` is a time without a unit: write {number}s or {number}ms")),
        (Unit::Share, _) => return Err(format!("`{suffix}` does not fit a share: write it as 0.95 or 95%")),
        (Unit::Count, _) => return Err(format!("`{suffix}` does not fit a number of cases or tokens")),
        (Unit::Time, _) => return Err(format!("`{suffix}` is no unit of time: write ms, s or m")),
        (Unit::Money, _) => return Err(format!("`{suffix}` is no currency that is known: write USD")),
    };
    if value > most {
        return Err(format!("{text} is over the largest that it can be, {most}"));
    }
    Ok(value)
}

/// `vs BASELINE [at NUMBER %]`.
fn regression(text: &str) -> Result<Regression, String> {
    let rest = text.strip_prefix("vs ").ok_or("write it as `regression vs BASELINE at 95 %`")?.trim();
    let (baseline, confidence) = match rest.rsplit_once(" at ") {
        Some((baseline, percent)) => (baseline, percent.trim()),
        None => (rest, "95 %"),
    };
    let percent = confidence.strip_suffix('%').map(str::trim).and_then(|number| number.parse::<f64>().ok());
    let percent = percent.filter(|percent| (50.0..=99.999).contains(percent));
    let percent = percent.ok_or_else(|| format!("`{confidence}` is no confidence from 50 % to 99.999 %"))?;
    let baseline = baseline.trim().to_owned();
    if baseline.is_empty() {
        return Err("the baseline is missing: name the folder of a run".to_owned());
    }
    Ok(Regression { baseline, confidence: percent / 100.0 })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use arena_model::Fault as _;

    use super::*;
    use crate::metric::End;

    fn comparison(text: &str) -> Comparison {
        match Gate::parse(text) {
            Ok(Gate::Comparison { comparison, .. }) => comparison,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_the_documentation_shows() {
        let plain = comparison("pass_rate >= 0.95");
        assert_eq!(
            (plain.metric, plain.operator, plain.value),
            (Metric::PassRate(End::Value), Operator::GreaterOrEqual, 0.95)
        );
        assert_eq!(comparison("p95<3s").value, 3000.0);
        assert_eq!(comparison("ttft_p95 <= 250 ms").value, 250.0);
        assert_eq!(comparison("cost < 2 USD").value, 2.0);
        assert_eq!(comparison("error_rate <= 1%").value, 0.01);
        assert_eq!(comparison("pass^3 > 0.5").metric, Metric::PassAll(3));
        assert_eq!(comparison("pass@10 > 0.5").metric, Metric::PassAny(10));
        assert_eq!(comparison("pass_rate.low >= 90 %").metric, Metric::PassRate(End::Low));
        let of_check = comparison("mean_score(llm_judge) >= 0.8").selector.unwrap();
        assert_eq!((of_check.kind, of_check.name.as_str()), (SliceKind::Evaluator, "llm_judge"));
        let of_label = comparison("pass_rate{label:team=billing} >= 0.9").selector.unwrap();
        assert_eq!((of_label.kind, of_label.name.as_str()), (SliceKind::Label, "team=billing"));
        let Gate::Regression { regression, .. } = Gate::parse("regression vs out/main at 99 %").unwrap() else {
            panic!()
        };
        assert_eq!((regression.baseline.as_str(), regression.confidence), ("out/main", 0.99));
        let Gate::Regression { regression, .. } = Gate::parse("regression vs a folder").unwrap() else { panic!() };
        assert_eq!((regression.baseline.as_str(), regression.confidence), ("a folder", 0.95));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, reason, part) in [
            ("", "GateInvalid", "from 1 to"),
            ("pass_rate", "GateInvalid", "no <, <="),
            ("pass_rate == 1", "GateInvalid", "no <, <="),
            ("pass_rate >= high", "GateInvalid", "does not begin with a number"),
            ("pass_rate >= 95", "GateInvalid", "over the largest"),
            ("pass_rate >= 95 s", "GateInvalid", "0.95 or 95%"),
            ("p95 < 3", "GateInvalid", "write 3s or 3ms"),
            ("p95 < 3 h", "GateInvalid", "ms, s or m"),
            ("cost < 2 EUR", "GateInvalid", "USD"),
            ("failed < 2 %", "GateInvalid", "number of cases"),
            ("pas_rate >= 0.95", "GateMetricUnknown", "did you mean `pass_rate`"),
            ("pass_rate{team} >= 0.9", "GateInvalid", "{label:team=billing}"),
            ("pass_rate{team:x} >= 0.9", "GateInvalid", "kinds are"),
            ("pass_rate{label: } >= 0.9", "GateInvalid", "empty"),
            ("pass_rate{label:a=b >= 0.9", "GateInvalid", "{ without }"),
            ("mean_score(a){label:b=c} > 0", "GateInvalid", "one slice"),
            ("pass@3(contains) > 0", "GateInvalid", "not of checks"),
            ("pass@0 > 0", "GateInvalid", "K is one of 1, 2, 3"),
            ("pass^7 > 0", "GateInvalid", "no run tells `pass^7`"),
            ("regression vs ", "GateInvalid", "regression vs BASELINE"),
            ("regression vs x at 20 %", "GateInvalid", "confidence"),
            ("pass_rate >= 0.9\n", "", ""),
            ("pass_rate\u{1b} >= 0.9", "GateInvalid", "control characters"),
        ] {
            match Gate::parse(text) {
                Err(error) => {
                    assert_eq!(error.reason(), reason, "{text}");
                    assert!(error.to_string().contains(part), "{text}: {error}");
                }
                Ok(_) => assert_eq!(reason, "", "{text}"),
            }
        }
    }
}
