//! Configured checks: what is asked of a check, and how single ones join in groups.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::report::Report;
use crate::yaml::Cursor;

/// One configured check, or a group of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// `type`, as written.
    pub kind: String,
    /// Empty if not given; of a group with its checks in it, as written.
    pub params: Params,
    /// Shown beside the check's own words.
    pub message: Option<String>,
    /// JSON object: the condition under which it applies.
    pub when: Option<Box<Value>>,
    /// Share of trials that must pass, 0 to 1.
    pub pass_threshold: Option<f64>,
    /// Whether it passes where the check fails, and fails where it passes.
    pub negate: bool,
    /// How the checks of a group decide; none for a single check. Apart, as bundles have many checks and few groups.
    pub group: Option<Box<Group>>,
    /// The document it stands in.
    pub file: Arc<str>,
    /// Of the assertion in it.
    pub line: u32,
}

/// Checks that are judged together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Which of them must pass.
    pub need: Need,
    /// At least one; none is a group.
    pub checks: Vec<Assertion>,
    /// What each counts for in the group's score, above 0.
    pub weights: Vec<f64>,
}

/// Which checks of a group must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// All that apply.
    All,
    /// One at least.
    Any,
}

impl Need {
    /// Of a type that is a group.
    pub(crate) fn of(kind: &str) -> Option<Self> {
        GROUPS.iter().find(|(name, _)| *name == kind).map(|(_, need)| *need)
    }
}

/// The types that are groups.
const GROUPS: [(&str, Need); 2] = [("all_of", Need::All), ("any_of", Need::Any)];

/// A JSON object as text in normal form: what checks are given. As a tree it would take ten times the memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Params(Box<str>);

impl Params {
    pub(crate) fn new(object: &Value) -> Self {
        Self(object.to_string().into())
    }

    /// The text: sorted keys, no white space.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The object.
    pub fn to_value(&self) -> Value {
        // The text was written from a value, so it always parses.
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Assertion {
    /// The single checks: itself, or those of the group.
    pub fn checks(&self) -> &[Self] {
        self.group.as_ref().map_or(std::slice::from_ref(self), |group| &group.checks)
    }

    /// Whether both ask the same of a conversation, wherever they are written.
    pub fn says_as(&self, other: &Self) -> bool {
        let groups = match (&self.group, &other.group) {
            (None, None) => true,
            (Some(one), Some(two)) => {
                one.need == two.need
                    && one.weights == two.weights
                    && one.checks.len() == two.checks.len()
                    && one.checks.iter().zip(&two.checks).all(|(one, two)| one.says_as(two))
            }
            _ => false,
        };
        groups
            && self.kind == other.kind
            && self.params == other.params
            && self.message == other.message
            && self.when == other.when
            && self.pass_threshold == other.pass_threshold
            && self.negate == other.negate
    }

    /// The assertions under `key`, in order; those without a type were reported.
    pub(crate) fn decode_all(parent: &Cursor<'_>, key: &str, report: &mut Report) -> Vec<Self> {
        let list = parent.get(key);
        list.iter().flat_map(Cursor::items).filter_map(|item| Self::decode(&item, report)).collect()
    }

    pub(crate) fn decode(assertion: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let kind = assertion.text("type")?;
        let mut params = assertion.json("params").unwrap_or_else(|| Value::Object(Map::new()));
        let checks = Self::decode_all(assertion, "checks", report);
        let need = Need::of(&kind);
        match need {
            Some(_) if checks.is_empty() => {
                let problem = assertion.error("GroupInvalid", format!("a group `{kind}` needs `checks`"));
                report.push(problem.hint("list at least one check under `checks`"));
            }
            Some(_) => {
                if let Some(inner) = checks.iter().find(|check| check.group.is_some()) {
                    let problem = assertion.error("GroupInvalid", format!("a group `{}` within a group", inner.kind));
                    report.push(problem.hint("list its checks here, or write two assertions"));
                }
                if let Value::Object(fields) = &mut params {
                    fields.insert("checks".to_owned(), assertion.json("checks").unwrap_or_default());
                }
            }
            None => {
                if let Some(list) = assertion.get("checks") {
                    let problem = list.error("GroupInvalid", format!("`{kind}` is a single check and has no `checks`"));
                    report.push(problem.hint("groups are of type `all_of` or `any_of`"));
                }
            }
        }
        let list = assertion.get("checks").filter(|_| need.is_some());
        let weights: Vec<f64> = list.iter().flat_map(Cursor::items).map(|check| weight(&check, report)).collect();
        Some(Self {
            kind,
            params: Params::new(&params),
            message: assertion.text("message"),
            when: assertion.json("when").map(Box::new),
            pass_threshold: assertion.number_in("pass_threshold", 0.0, 1.0, report),
            negate: assertion.boolean("negate") == Some(true),
            group: need.map(|need| Box::new(Group { need, checks, weights })),
            file: assertion.file.clone(),
            line: assertion.node.line,
        })
    }
}

/// What a check counts for in its group.
fn weight(check: &Cursor<'_>, report: &mut Report) -> f64 {
    let weight = check.number_in("weight", 0.0, 1e6, report).unwrap_or(1.0);
    if let Some(at) = check.get("weight").filter(|_| weight == 0.0) {
        let problem = at.error("ValueOutOfRange", "a check that counts for nothing decides nothing");
        report.push(problem.hint("leave it out"));
    }
    weight
}
