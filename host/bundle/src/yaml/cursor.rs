//! A node together with the way to it, for problems that say where they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Data, Entry, Node};
use crate::report::Report;
use crate::{Problem, duration};

/// A place in a document. The typed getters give none for a value of another type: that one was already reported
/// when the document was held against its shape.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    /// The value here.
    pub(crate) node: &'a Node,
    /// The document's path in the bundle.
    pub(crate) file: &'a Arc<str>,
    parent: Option<&'a Cursor<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

/// Keys below which secrets may stand.
const SECRET: [&str; 11] = [
    "credential",
    "headers",
    "static_headers",
    "header_params",
    "headers_from_env",
    "static_query",
    "api_key",
    "token",
    "password",
    "auth",
    "env",
];

impl<'a> Cursor<'a> {
    pub(crate) fn root(file: &'a Arc<str>, node: &'a Node) -> Self {
        Self { node, file, parent: None, step: Step::Root }
    }

    /// The value of `key`, if this is a mapping that has it.
    pub(crate) fn get<'c>(&'c self, key: &str) -> Option<Cursor<'c>> {
        let entry = self.node.entries().iter().find(|entry| entry.key == key)?;
        Some(self.value_of(entry))
    }

    pub(crate) fn value_of<'c>(&'c self, entry: &'c Entry) -> Cursor<'c> {
        Cursor { node: &entry.value, file: self.file, parent: Some(self), step: Step::Key(&entry.key) }
    }

    /// The items, if this is a list.
    pub(crate) fn items<'c>(&'c self) -> impl Iterator<Item = Cursor<'c>> {
        self.node.items().iter().enumerate().map(move |(index, node)| Cursor {
            node,
            file: self.file,
            parent: Some(self),
            step: Step::Index(index),
        })
    }

    /// The values with their keys, if this is a mapping.
    pub(crate) fn entries<'c>(&'c self) -> impl Iterator<Item = (&'c str, Cursor<'c>)> {
        self.node.entries().iter().map(move |entry| (entry.key.as_str(), self.value_of(entry)))
    }

    /// `spec.turns[1].role`; empty for the document itself.
    pub(crate) fn path(&self) -> String {
        let mut path = self.parent.map(Cursor::path).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => path.extend([".", key]),
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
        path
    }

    /// Whether this may be a secret, which no message may repeat.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.step, Step::Key(key) if SECRET.contains(&key)) || self.parent.is_some_and(Cursor::is_secret)
    }

    /// An error at this place.
    pub(crate) fn error(&self, reason: &'static str, message: impl Into<String>) -> Problem {
        let mut problem = Problem::of_file(self.file, reason, message).at(self.node.line, self.node.column);
        problem.path = self.path();
        problem
    }

    /// An error at this place that repeats the value.
    pub(crate) fn error_with_value(&self, reason: &'static str, message: impl Into<String>) -> Problem {
        let problem = self.error(reason, message);
        match &self.node.data {
            _ if self.is_secret() => problem,
            Data::Null | Data::List(_) | Data::Mapping(_) => problem,
            Data::Text(text) => problem.value(format_args!("{text:?}")),
            Data::Bool(value) => problem.value(value),
            Data::Number(value) => problem.value(value),
        }
    }

    /// A defect at this place: `what` stands in its list again. `counts` says which of them does.
    pub(crate) fn again(&self, reason: &'static str, what: &str, counts: &str) -> Problem {
        let problem = self.error(reason, format!("{what} stands twice in this list: {counts}"));
        problem.defect().hint("remove one of them")
    }

    /// The value of `key`, if it is text.
    pub(crate) fn get_text<'c>(&'c self, key: &str) -> Option<Cursor<'c>> {
        self.get(key).filter(|cursor| cursor.node.as_text().is_some())
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.node.get(key)?.as_text().map(str::to_owned)
    }

    /// What the text stands for; a text that is not known is reported.
    pub(crate) fn one_of<T: Copy>(&self, known: &[(&str, T)], report: &mut Report) -> Option<T> {
        let text = self.node.as_text()?;
        let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let problem = self.error_with_value("UnknownValue", "unknown value");
            report.push(problem.hint(format!("known are {}", names.join(", "))));
        }
        found
    }

    pub(crate) fn boolean(&self, key: &str) -> Option<bool> {
        if let Data::Bool(value) = self.node.get(key)?.data { Some(value) } else { None }
    }

    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        if let Data::Number(value) = &self.node.get(key)?.data { value.as_f64() } else { None }
    }

    /// A whole number of at least `least` that fits `T`.
    pub(crate) fn whole<T: TryFrom<i128>>(&self, key: &str, least: i128, report: &mut Report) -> Option<T> {
        let cursor = self.get(key)?;
        let Data::Number(number) = &cursor.node.data else { return None };
        let value = whole(number)?;
        let fitting = if value < least { None } else { T::try_from(value).ok() };
        if fitting.is_none() {
            let message = if value < least { format!("must be at least {least}") } else { "is too large".to_owned() };
            report.push(cursor.error_with_value("ValueOutOfRange", message));
        }
        fitting
    }

    /// A number from `least` to `most`.
    pub(crate) fn number_in(&self, key: &str, least: f64, most: f64, report: &mut Report) -> Option<f64> {
        let value = self.number(key)?;
        if (least..=most).contains(&value) {
            return Some(value);
        }
        let range = if most == f64::MAX { format!("at least {least}") } else { format!("from {least} to {most}") };
        if let Some(cursor) = self.get(key) {
            report.push(cursor.error_with_value("ValueOutOfRange", format!("must be {range}")));
        }
        None
    }

    /// A duration above zero.
    pub(crate) fn duration(&self, key: &str, report: &mut Report) -> Option<Duration> {
        let cursor = self.get(key)?;
        let duration = duration::parse(cursor.node.as_text()?).filter(|duration| !duration.is_zero());
        if duration.is_none() {
            let problem = cursor.error_with_value("DurationInvalid", "this is no duration above zero");
            report.push(problem.hint("write it like `250ms`, `30s` or `1m30s`"));
        }
        duration
    }

    /// The texts of a list; empty if there is none.
    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        let items = self.node.get(key).map_or(&[][..], Node::items);
        items.iter().filter_map(Node::as_text).map(str::to_owned).collect()
    }

    /// A mapping of texts; empty if there is none.
    pub(crate) fn text_map(&self, key: &str) -> BTreeMap<String, String> {
        let entries = self.node.get(key).map_or(&[][..], Node::entries);
        entries.iter().filter_map(|entry| Some((entry.key.clone(), entry.value.as_text()?.to_owned()))).collect()
    }

    pub(crate) fn json(&self, key: &str) -> Option<Value> {
        self.node.get(key).map(Node::to_json)
    }
}

/// The value of a number without a fraction; JSON Schema counts `2.0` as an integer too.
pub(crate) fn whole(number: &serde_json::Number) -> Option<i128> {
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    whole.or_else(|| {
        // Beyond 2^63 a float with no fraction is a matter of precision, not of intent.
        let value = number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 9.2e18)?;
        Some(value as i128)
    })
}
