//! A scenario with the values of one row of its table in the places of its tokens `{{row.COLUMN}}`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use arena_model::{Content, Part};
use serde_json::{Map, Value};

use crate::assertion::Params;
use crate::report::Report;
use crate::tree::BundleFile;
use crate::yaml::Cursor;
use crate::{Assertion, Dataset, Need, Scenario};

/// What a token begins with, between its braces.
const ROW: &str = "row.";
/// Column of what is expected.
const EXPECTED: &str = "expected";
/// Most bytes that one row puts into its scenario.
const FILLED_BYTES: usize = 16 << 20;
/// The type that wraps another.
const WRAPPER: &str = "assertion";
/// What a check of a row may say.
const CHECK_KEYS: [&str; 4] = ["type", "params", "message", "negate"];

/// The values of a row.
pub trait RowValues {
    /// The value of a column as a text; none if the row has no such column.
    fn text(&self, column: &str) -> Option<String>;
    /// The value of a column.
    fn value(&self, column: &str) -> Option<Value>;
    /// The value of a column, a text that is a JSON list being that list.
    fn list(&self, column: &str) -> Option<Value>;
    /// The names of all columns.
    fn names(&self) -> Vec<String>;
    /// Whether rows of its table have a column `expected`.
    fn expects(&self) -> bool;
    /// The table and the row's line in it.
    fn place(&self) -> (Arc<str>, u32);
}

/// Why a row is no case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The scenario names a column that the row lacks.
    #[error("the row has no `{column}`, which the scenario names")]
    ColumnMissing {
        /// The column.
        column: String,
    },
    /// Its checks are none.
    #[error("`expected` holds checks, and number {number} is none: {why}")]
    ExpectedInvalid {
        /// From 1.
        number: usize,
        /// Why.
        why: String,
    },
    /// Nobody would look at what it expects.
    #[error(
        "nothing looks at `expected`: name it in a check as {{{{row.expected}}}}, make it a list of checks (JSON that \
         parses), or give the column another name"
    )]
    ExpectedUnused,
    /// Nothing is expected of it, where other rows of its table expect something.
    #[error("nothing is expected of the row, so it cannot fail: give it an `expected`, or the scenario a check")]
    Unchecked,
    /// Its values are too long together.
    #[error("its values have more than {FILLED_BYTES} bytes in their places")]
    TooLarge,
}

impl RowError {
    /// Stable name.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ColumnMissing { .. } => "RowColumnMissing",
            Self::ExpectedInvalid { .. } => "RowExpectedInvalid",
            Self::ExpectedUnused => "RowExpectedUnused",
            Self::Unchecked => "RowUnchecked",
            Self::TooLarge => "RowTooLarge",
        }
    }
}

impl Scenario {
    /// Reads `dataset`, and warns of columns that are named without one.
    pub(crate) fn with_dataset(mut self, spec: &Cursor<'_>, files: &[BundleFile], report: &mut Report) -> Self {
        let named = Named::default();
        // Whatever is asked for is there, so this cannot fail.
        let _ = self.filled(&named);
        let named = named.0.into_inner();
        match spec.get("dataset") {
            Some(dataset) => {
                let turns = self.turns.iter().flat_map(|turn| &turn.assertions);
                let mut checks = turns.chain(self.conversation_assertions.iter().map(AsRef::as_ref));
                let checks_expected = checks.any(|check| row_columns(check.params.as_str()).contains(EXPECTED));
                let dataset = Dataset { named, checks_expected, ..Dataset::decode(&dataset, files, report) };
                self.dataset = Some(Arc::new(dataset));
            }
            None => {
                if let Some(column) = named.first() {
                    let message = format!("`{{{{row.{column}}}}}` stays as it is: the scenario has no `dataset`");
                    report.push(spec.error("DatasetMissing", message).warning().hint("add `dataset`"));
                }
            }
        }
        self
    }

    /// The case of one row: values in the places of tokens, its own checks on the reply to the last turn, and each column as
    /// the variable `row.COLUMN` of prompts. What a value says is not looked into.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn with_row(&self, row: &dyn RowValues) -> Result<Self, RowError> {
        let mut scenario = self.filled(row)?;
        let checks = match row.list(EXPECTED) {
            Some(Value::Array(list)) if list.iter().any(|check| check.get("type").is_some()) => list,
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(list)) if list.is_empty() => Vec::new(),
            Some(Value::String(text)) if text.is_empty() => Vec::new(),
            Some(_) if self.dataset.as_ref().is_some_and(|dataset| dataset.checks_expected) => Vec::new(),
            Some(_) => return Err(RowError::ExpectedUnused),
        };
        let invalid = |at: usize| move |why: String| RowError::ExpectedInvalid { number: at + 1, why };
        let checks =
            checks.into_iter().enumerate().map(|(at, check)| own_check(check, row.place()).map_err(invalid(at)));
        let checks: Vec<Assertion> = checks.collect::<Result<_, _>>()?;
        match scenario.turns.last_mut() {
            Some(turn) => turn.assertions.extend(checks),
            None => scenario.conversation_assertions.extend(checks.into_iter().map(Arc::new)),
        }
        let none = scenario.conversation_assertions.is_empty();
        if none && row.expects() && scenario.turns.iter().all(|turn| turn.assertions.is_empty()) {
            return Err(RowError::Unchecked);
        }
        let variables = row.names().into_iter().filter_map(|name| Some((format!("{ROW}{name}"), row.text(&name)?)));
        scenario.variables.extend(variables);
        Ok(scenario)
    }

    fn filled(&self, row: &dyn RowValues) -> Result<Self, RowError> {
        let (mut scenario, mut filler) = (self.clone(), Filler { row, left: FILLED_BYTES });
        for turn in &mut scenario.turns {
            match &mut turn.content {
                Content::Text(text) => filler.text(text)?,
                Content::Parts(parts) => parts.iter_mut().try_for_each(|part| filler.part(part))?,
            }
            turn.assertions.iter_mut().try_for_each(|check| filler.check(check))?;
        }
        for check in scenario.conversation_assertions.iter_mut().filter(|check| mentions(check)) {
            filler.check(Arc::make_mut(check))?;
        }
        scenario.variables.values_mut().try_for_each(|value| filler.text(value))?;
        scenario.seed_memories.iter_mut().try_for_each(|memory| filler.text(&mut memory.content))?;
        Ok(scenario)
    }
}

/// Whether a check has tokens: most have none, and are shared.
fn mentions(check: &Assertion) -> bool {
    names_column(check.params.as_str()) || check.message.as_deref().is_some_and(names_column)
}

/// The columns that a text names in tokens.
pub fn row_columns(text: &str) -> BTreeSet<String> {
    let (mut found, mut rest) = (BTreeSet::new(), text);
    while let Some((_, end, column)) = next_token(rest) {
        found.insert(column.to_owned());
        rest = &rest[end..];
    }
    found
}

/// Whether a text has a token in it.
pub(crate) fn names_column(text: &str) -> bool {
    next_token(text).is_some()
}

/// The first token of a text: where it starts and ends, and its column.
fn next_token(text: &str) -> Option<(usize, usize, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find("{{").map(|at| from + at) {
        let inside = &text[open + 2..];
        // A name has no brace in it: the next one ends the search, or many of them would make it endless.
        let end = inside.find(['{', '}']).unwrap_or(inside.len());
        let name = inside[..end].trim();
        if inside[end..].starts_with("}}")
            && let Some(column) = name.strip_prefix(ROW).filter(|column| !column.is_empty())
        {
            return Some((open, open + 2 + end + 2, column));
        }
        // Of three braces the last two may be the token's.
        from = open + 1;
    }
    None
}

struct Filler<'a> {
    row: &'a dyn RowValues,
    left: usize,
}

impl Filler<'_> {
    fn take(&mut self, bytes: usize) -> Result<(), RowError> {
        self.left = self.left.checked_sub(bytes).ok_or(RowError::TooLarge)?;
        Ok(())
    }

    fn text(&mut self, text: &mut String) -> Result<(), RowError> {
        let (mut whole, mut rest) = (String::new(), text.as_str());
        while let Some((start, end, column)) = next_token(rest) {
            let missing = || RowError::ColumnMissing { column: column.to_owned() };
            let value = self.row.text(column).ok_or_else(missing)?;
            self.take(value.len())?;
            whole.push_str(&rest[..start]);
            whole.push_str(&value);
            rest = &rest[end..];
        }
        if rest.len() < text.len() {
            whole.push_str(rest);
            *text = whole;
        }
        Ok(())
    }

    fn part(&mut self, part: &mut Part) -> Result<(), RowError> {
        part.text.iter_mut().try_for_each(|text| self.text(text))?;
        part.media.iter_mut().try_for_each(|media| self.json(media))
    }

    fn check(&mut self, check: &mut Assertion) -> Result<(), RowError> {
        if names_column(check.params.as_str()) {
            let mut params = check.params.to_value();
            self.json(&mut params)?;
            check.params = Params::new(&params);
        }
        check.message.iter_mut().try_for_each(|message| self.text(message))?;
        let members = check.group.iter_mut().flat_map(|group| &mut group.checks);
        members.into_iter().try_for_each(|member| self.check(member))
    }

    /// A text that is one token becomes the value itself, be it a number or a list.
    fn json(&mut self, value: &mut Value) -> Result<(), RowError> {
        match value {
            Value::String(text) => match next_token(text) {
                Some((0, end, column)) if end == text.len() => {
                    let missing = || RowError::ColumnMissing { column: column.to_owned() };
                    self.take(self.row.text(column).ok_or_else(missing)?.len())?;
                    *value = self.row.value(column).ok_or_else(missing)?;
                    Ok(())
                }
                _ => self.text(text),
            },
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.json(item)),
            Value::Object(fields) => fields.values_mut().try_for_each(|field| self.json(field)),
            _ => Ok(()),
        }
    }
}

/// A check that a row brings along.
fn own_check(check: Value, (file, line): (Arc<str>, u32)) -> Result<Assertion, String> {
    let Value::Object(mut check) = check else { return Err("it is no mapping".to_owned()) };
    if let Some(key) = check.keys().find(|key| !CHECK_KEYS.contains(&key.as_str())) {
        return Err(format!("there is no key `{key}`; there are {}", CHECK_KEYS.join(", ")));
    }
    let mut text = |key: &str| match check.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{key}` is no text")),
    };
    let (kind, message) = (text("type")?.ok_or("it has no `type`")?, text("message")?);
    if Need::of(&kind).is_some() || kind == WRAPPER {
        return Err(format!("`{kind}` is about other checks; a row lists its checks one by one"));
    }
    let params = check.remove("params").unwrap_or_else(|| Value::Object(Map::new()));
    let negate = check.remove("negate").unwrap_or(Value::Bool(false));
    let (true, Value::Bool(negate)) = (params.is_object(), negate) else {
        return Err("`params` is a mapping, and `negate` is true or false".to_owned());
    };
    let params = Params::new(&params);
    Ok(Assertion { kind, params, message, when: None, pass_threshold: None, negate, group: None, file, line })
}

/// Has every column, and remembers which were asked for.
#[derive(Default)]
struct Named(RefCell<BTreeSet<String>>);

impl RowValues for Named {
    fn text(&self, column: &str) -> Option<String> {
        self.0.borrow_mut().insert(column.to_owned());
        Some(String::new())
    }

    fn value(&self, column: &str) -> Option<Value> {
        self.text(column).map(Value::String)
    }

    fn list(&self, _: &str) -> Option<Value> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn expects(&self) -> bool {
        false
    }

    fn place(&self) -> (Arc<str>, u32) {
        ("".into(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(Value);

    impl RowValues for Row {
        fn text(&self, column: &str) -> Option<String> {
            self.value(column).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        }
        fn value(&self, column: &str) -> Option<Value> {
            self.0.get(column).cloned()
        }
        fn list(&self, column: &str) -> Option<Value> {
            self.value(column)
        }
        fn names(&self) -> Vec<String> {
            Vec::new()
        }
        fn expects(&self) -> bool {
            false
        }
        fn place(&self) -> (Arc<str>, u32) {
            ("t".into(), 1)
        }
    }

    fn text(text: &str) -> Result<String, RowError> {
        let row = Row(serde_json::json!({"q": "{{row.n}}", "n": 3, "two words": "w"}));
        let mut text = text.to_owned();
        Filler { row: &row, left: 20 }.text(&mut text).map(|()| text)
    }

    #[test]
    fn tokens_give_way_to_values_once() {
        assert_eq!(text("a {{row.q}} b {{ row.n }}!").unwrap(), "a {{row.n}} b 3!");
        assert_eq!(text("{{{row.n}}} {{row.two words}}").unwrap(), "{3} w");
        assert_eq!(text("{{rows}} {{row.}} {{row.n} {{other}} {{").unwrap(), "{{rows}} {{row.}} {{row.n} {{other}} {{");
        assert_eq!(text("{{row.x}}").unwrap_err(), RowError::ColumnMissing { column: "x".to_owned() });
        assert_eq!(text("{{row.q}}{{row.q}}{{row.q}}").unwrap_err(), RowError::TooLarge);
    }

    #[test]
    fn a_param_that_is_one_token_keeps_the_type_of_its_value() {
        let row = Row(serde_json::json!({"n": 3, "list": ["a"]}));
        let mut params = serde_json::json!({"a": "{{row.n}}", "b": ["n {{row.n}}"], "c": {"d": "{{row.list}}"}});
        Filler { row: &row, left: 100 }.json(&mut params).unwrap();
        assert_eq!(params, serde_json::json!({"a": 3, "b": ["n 3"], "c": {"d": ["a"]}}));
    }
}
