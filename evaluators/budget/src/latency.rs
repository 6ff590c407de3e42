//! Time.

use arena_guest::prelude::*;

/// Params of `latency_budget`.
#[derive(Deserialize, Params)]
#[params(validate = LatencyBudget::sensible)]
pub struct LatencyBudget {
    /// Most milliseconds the newest reply may take.
    max_ms: f64,
}

impl LatencyBudget {
    fn sensible(&self) -> Result<(), String> {
        if self.max_ms > 0.0 { Ok(()) } else { Err("parameter `max_ms`: must be above zero".to_owned()) }
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let Some(took) = subject.fact("latency_ms").and_then(|value| value.as_f64()) else {
            return Err(CheckError::Other("it is not known how long the reply took".to_owned()));
        };
        let score = if took > self.max_ms { self.max_ms / took } else { 1.0 };
        let reason = format!("{took:.1} ms, at most {:.1} ms wanted", self.max_ms);
        Ok(Verdict::score(score, reason).passed(took <= self.max_ms).metric("latency_ms", took))
    }
}
