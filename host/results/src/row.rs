//! A stored record as finalizing reads it: once, borrowed from its line, and no further than is needed.

use std::borrow::Cow;

use arena_model::{Outcome, Scope, Usage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Text that is copied only where the line has escapes in it.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// One line. What is passed on as it stands (messages above all) is not looked into.
#[derive(Deserialize)]
pub(crate) struct Row<'a> {
    pub index: u64,
    #[serde(borrow)]
    pub key: Text<'a>,
    #[serde(borrow)]
    pub input: Text<'a>,
    #[serde(borrow)]
    pub scenario: Text<'a>,
    #[serde(borrow)]
    pub provider: Text<'a>,
    #[serde(borrow)]
    pub region: Option<Text<'a>>,
    pub trial: u32,
    #[serde(borrow)]
    pub row: Option<Text<'a>>,
    #[serde(borrow)]
    pub variant: Option<Text<'a>>,
    pub outcome: Outcome,
    #[serde(borrow)]
    pub reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub error: Option<Text<'a>>,
    #[serde(borrow, rename = "messages")]
    pub raw_messages: &'a RawValue,
    #[serde(borrow, rename = "checks")]
    pub raw_checks: &'a RawValue,
    pub usage: Usage,
    pub cost_usd_micro: Option<u64>,
    #[serde(borrow, rename = "measured")]
    pub raw_measured: &'a RawValue,
    /// From `raw_checks`.
    #[serde(skip)]
    pub checks: Vec<Check<'a>>,
    /// From `raw_measured`.
    #[serde(skip)]
    pub measured: Times<'a>,
    /// The whole line.
    #[serde(skip)]
    pub line: &'a str,
}

/// One of its checks.
#[derive(Deserialize)]
pub(crate) struct Check<'a> {
    pub scope: Scope,
    pub turn: Option<u32>,
    pub index: u32,
    #[serde(borrow, default)]
    pub id: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
    pub outcome: Outcome,
    pub score: Option<f64>,
    #[serde(borrow)]
    pub reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub error: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub message: Option<Text<'a>>,
    #[serde(default)]
    pub pass_threshold: Option<f64>,
    #[serde(default)]
    pub fuel: u64,
    #[serde(default)]
    pub memory_bytes: u64,
    #[serde(default)]
    pub reused: bool,
    #[serde(borrow, default)]
    pub calls: Vec<Call<'a>>,
}

/// A question to a judge, or another call of a guest.
#[derive(Deserialize)]
pub(crate) struct Call<'a> {
    #[serde(borrow)]
    pub to: Text<'a>,
    pub usage: Usage,
    pub cost_usd_micro: Option<u64>,
}

/// What is counted of `measured`.
#[derive(Default, Deserialize)]
pub(crate) struct Times<'a> {
    #[serde(borrow)]
    pub started: Cow<'a, str>,
    pub latency_ms: f64,
    #[serde(default)]
    pub ttft_ms: Option<f64>,
    #[serde(default)]
    pub checks_us: Vec<u64>,
    #[serde(default)]
    pub cached: bool,
}

impl<'a> Row<'a> {
    /// Reads a line.
    pub(crate) fn read(line: &'a [u8]) -> Result<Self, String> {
        let line = std::str::from_utf8(line).map_err(|error| error.to_string())?;
        let parsed = |line: &'a str| -> serde_json::Result<Self> {
            let row: Self = serde_json::from_str(line)?;
            let checks = serde_json::from_str(row.raw_checks.get())?;
            let measured = serde_json::from_str(row.raw_measured.get())?;
            Ok(Self { checks, measured, line, ..row })
        };
        parsed(line).map_err(|error| error.to_string())
    }

    /// Its ids.
    pub(crate) fn ids(&self) -> Ids<'_> {
        Ids {
            scenario: &self.scenario,
            provider: &self.provider,
            region: self.region.as_deref(),
            row: self.row.as_deref(),
            variant: self.variant.as_deref(),
            trial: self.trial,
        }
    }
}

/// The stable name of a case, as `junit.xml` has it: the same in every run of the same ids.
pub fn case_name(record: &arena_model::Record) -> String {
    let arena_model::Record { scenario, provider, region, row, variant, trial, .. } = record;
    let (region, row, variant) = (region.as_deref(), row.as_deref(), variant.as_deref());
    Ids { scenario, provider, region, row, variant, trial: *trial }.name()
}

/// What names a case.
pub(crate) struct Ids<'a> {
    pub scenario: &'a str,
    pub provider: &'a str,
    pub region: Option<&'a str>,
    pub row: Option<&'a str>,
    pub variant: Option<&'a str>,
    pub trial: u32,
}

impl Ids<'_> {
    /// The stable name of a case, the same in every run of the same ids: `scenario/provider`, then whatever of region,
    /// row, variant and trial it has. Trials count from 1, and the first has no
    /// number.
    pub(crate) fn name(&self) -> String {
        let mut name = [self.scenario, "/", self.provider].concat();
        for (kind, value) in [("region", self.region), ("row", self.row), ("variant", self.variant)] {
            if let Some(value) = value {
                name.push_str(&format!("/{kind} {value}"));
            }
        }
        if self.trial > 0 {
            name.push_str(&format!("/trial {}", u64::from(self.trial) + 1));
        }
        name
    }
}
