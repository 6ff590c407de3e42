//! Declared variables of a prompt: their types, rules and defaults.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::shape::similar;
use crate::yaml::{Cursor, Data, Node};

/// Largest compiled pattern, in bytes.
const PATTERN_BYTES: usize = 1 << 20;
/// Longest piece of a value that a message repeats, in characters.
const SHOWN_CHARS: usize = 60;

/// A declared variable of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// As in `{{name}}`.
    pub name: String,
    /// Whether rendering without a value is an error.
    pub required: bool,
    /// The default as text: numbers and booleans as written in JSON, lists and mappings as JSON.
    pub default: Option<String>,
    /// What its values are; none for any text.
    kind: Option<Kind>,
    rules: Rules,
}

/// What a value must be when read as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Integer,
    Boolean,
    Object,
    Array,
}

const TEXT: &str = "string";
const KINDS: [(&str, Kind); 5] = [
    ("number", Kind::Number),
    ("integer", Kind::Integer),
    ("boolean", Kind::Boolean),
    ("object", Kind::Object),
    ("array", Kind::Array),
];

/// `validation`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rules {
    pattern: Option<Pattern>,
    min_length: Option<u64>,
    max_length: Option<u64>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    /// `enum`, as texts; none if not given.
    allowed: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Variable {
    /// Reads one entry; none without a name or `required`, which the shape has reported. A default against its own
    /// rules is a warning: a scenario may have another value.
    pub(crate) fn decode(it: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        unsupported(it, &["binding"], Without::Works, report);
        let variable = Self {
            name: it.text("name")?,
            required: it.boolean("required")?,
            default: it.get("default").and_then(|value| text_of(value.node)),
            kind: Kind::decode(it, report),
            rules: it.get("validation").map(|rules| Rules::decode(&rules, report)).unwrap_or_default(),
        };
        if let (Some(cursor), Some(default)) = (it.get("default"), &variable.default) {
            variable.warn(&cursor, default, report);
        }
        Some(variable)
    }

    /// Warns at `cursor` if `value` is against the rules.
    pub(crate) fn warn(&self, cursor: &Cursor<'_>, value: &str, report: &mut Report) {
        if let Err(why) = self.check(value) {
            report.push(cursor.error("VariableInvalid", why).warning());
        }
    }

    /// Whether `value` is of the type and keeps the rules; else a sentence with the variable, the value and the rule. An
    /// empty value stands for none, which is the business of `required`.
    pub fn check(&self, value: &str) -> Result<(), String> {
        if value.is_empty() {
            return Ok(());
        }
        self.kind.map_or(Ok(()), |kind| kind.check(value)).and_then(|()| self.rules.check(self.kind, value)).map_err(
            |why| {
                let mut shown: String = value.chars().take(SHOWN_CHARS).collect();
                if shown.len() < value.len() {
                    shown.push('…');
                }
                format!("variable `{}` is {shown:?}: {why}", self.name)
            },
        )
    }
}

impl Kind {
    fn decode(it: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let cursor = it.get_text("type")?;
        let word = cursor.node.as_text().unwrap_or_default();
        let known = KINDS.iter().find(|(name, _)| *name == word);
        if known.is_none() && word != TEXT && !word.is_empty() {
            let names = || std::iter::once(TEXT).chain(KINDS.iter().map(|(name, _)| *name));
            let problem =
                cursor.error_with_value("UnknownValue", "unknown type of a variable, whose values may be any text");
            report.push(problem.warning().hint(similar(word, names()).map_or_else(
                || format!("known are {}", names().collect::<Vec<_>>().join(", ")),
                |meant| format!("did you mean `{meant}`?"),
            )));
        }
        known.map(|(_, kind)| *kind)
    }

    fn check(self, value: &str) -> Result<(), String> {
        let parsed: Option<Value> = serde_json::from_str(value.trim()).ok();
        let (fits, noun) = match self {
            Self::Number => (parsed.is_some_and(|it| it.is_number()), "number"),
            Self::Integer => {
                let whole = |it: Value| it.as_f64().is_some_and(|number| number.fract() == 0.0);
                (parsed.is_some_and(whole), "whole number")
            }
            Self::Boolean => (parsed.is_some_and(|it| it.is_boolean()), "`true` or `false`"),
            Self::Object => (parsed.is_some_and(|it| it.is_object()), "JSON object"),
            Self::Array => (parsed.is_some_and(|it| it.is_array()), "JSON array"),
        };
        if fits { Ok(()) } else { Err(format!("`type` wants a {noun}")) }
    }
}

impl Rules {
    fn decode(it: &Cursor<'_>, report: &mut Report) -> Self {
        let mut rules = Self::default();
        for (key, value) in it.entries() {
            // The pack's names, and those of the original documentation.
            let wanted = match (key, &value.node.data) {
                (_, Data::Null) => continue,
                ("pattern", Data::Text(text)) => {
                    match RegexBuilder::new(text).size_limit(PATTERN_BYTES).build() {
                        Ok(pattern) => rules.pattern = Some(Pattern(pattern)),
                        Err(error) => {
                            let message = format!("`pattern` is no regular expression: {error}");
                            report.push(value.error_with_value("VariableRuleInvalid", message));
                        }
                    }
                    continue;
                }
                ("min_length" | "minLength", Data::Number(_)) => {
                    rules.min_length = it.whole(key, 0, report);
                    continue;
                }
                ("max_length" | "maxLength", Data::Number(_)) => {
                    rules.max_length = it.whole(key, 0, report);
                    continue;
                }
                ("minimum" | "min", Data::Number(number)) => {
                    rules.minimum = number.as_f64();
                    continue;
                }
                ("maximum" | "max", Data::Number(number)) => {
                    rules.maximum = number.as_f64();
                    continue;
                }
                ("enum", Data::List(items)) => {
                    rules.allowed = Some(items.iter().filter_map(text_of).collect());
                    continue;
                }
                ("pattern", _) => "text",
                ("enum", _) => "a list",
                ("min_length" | "minLength" | "max_length" | "maxLength", _) => "a whole number",
                ("minimum" | "min" | "maximum" | "max", _) => "a number",
                (other, _) => {
                    const KNOWN: [&str; 6] = ["pattern", "min_length", "max_length", "minimum", "maximum", "enum"];
                    let problem =
                        value.error("UnknownKey", format!("`{other}` is no rule, and has no effect")).warning();
                    report.push(problem.hint(similar(other, KNOWN.into_iter()).map_or_else(
                        || format!("rules are {}", KNOWN.join(", ")),
                        |meant| format!("did you mean `{meant}`?"),
                    )));
                    continue;
                }
            };
            let message = format!("expected {wanted}, found {}", value.node.noun());
            report.push(value.error_with_value("VariableRuleInvalid", message));
        }
        if let Some(why) = rules.impossible() {
            report.push(it.error("VariableRuleInvalid", why).hint("no value can keep these rules"));
        }
        rules
    }

    fn impossible(&self) -> Option<String> {
        match (self.min_length, self.max_length, self.minimum, self.maximum, &self.allowed) {
            (Some(min), Some(max), ..) if min > max => Some(format!("`min_length` is {min} and `max_length` is {max}")),
            (_, _, Some(min), Some(max), _) if min > max => Some(format!("`minimum` is {min} and `maximum` is {max}")),
            (.., Some(allowed)) if allowed.is_empty() => Some("`enum` is empty".to_owned()),
            _ => None,
        }
    }

    fn check(&self, kind: Option<Kind>, value: &str) -> Result<(), String> {
        if let Some(allowed) = &self.allowed
            && !allowed.iter().any(|one| one == value)
        {
            let mut list: String = allowed.join(", ").chars().take(4 * SHOWN_CHARS).collect();
            if list.is_empty() {
                list.push_str("nothing");
            }
            return Err(format!("`enum` allows {list}"));
        }
        let items = if kind == Some(Kind::Array) { serde_json::from_str::<Vec<Value>>(value).ok() } else { None };
        let length = items.map_or_else(|| value.chars().count(), |items| items.len()) as u64;
        if let Some(min) = self.min_length.filter(|min| length < *min) {
            return Err(format!("its length is {length}, below `min_length` {min}"));
        }
        if let Some(max) = self.max_length.filter(|max| length > *max) {
            return Err(format!("its length is {length}, above `max_length` {max}"));
        }
        if self.minimum.is_some() || self.maximum.is_some() {
            let number = value.trim().parse::<f64>().ok().filter(|number| number.is_finite());
            let number = number.ok_or("it is no number, and has a `minimum` or `maximum`")?;
            if let Some(min) = self.minimum.filter(|min| number < *min) {
                return Err(format!("it is below `minimum` {min}"));
            }
            if let Some(max) = self.maximum.filter(|max| number > *max) {
                return Err(format!("it is above `maximum` {max}"));
            }
        }
        match &self.pattern {
            Some(Pattern(pattern)) if !pattern.is_match(value) => {
                let shown: String = pattern.as_str().chars().take(4 * SHOWN_CHARS).collect();
                Err(format!("it does not match `pattern` {shown}"))
            }
            _ => Ok(()),
        }
    }
}

/// A value as the text that takes its token's place.
pub(crate) fn text_of(node: &Node) -> Option<String> {
    match &node.data {
        Data::Null => None,
        Data::Text(text) => Some(text.clone()),
        _ => Some(node.to_json().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::yaml::{self, YamlLimits};

    fn decoded(text: &str) -> (Option<Variable>, Vec<String>) {
        let node = yaml::parse("p.yaml", text.as_bytes(), &YamlLimits::default()).unwrap();
        let file = Arc::from("p.yaml");
        let mut report = Report::new(100);
        let variable = Variable::decode(&Cursor::root(&file, &node), &mut report);
        let found = match report.finish() {
            Ok(warnings) => warnings,
            Err(problems) => problems.0,
        };
        (variable, found.iter().map(ToString::to_string).collect())
    }

    fn refusal(rules: &str, value: &str) -> String {
        let (variable, found) = decoded(&format!("{{name: v, required: false, {rules}}}"));
        assert_eq!(found, Vec::<String>::new(), "{rules}");
        variable.unwrap().check(value).err().unwrap_or_default()
    }

    #[test]
    fn each_rule_holds_to_its_limit() {
        for (rules, good, bad, part) in [
            ("type: number", "-1.5e3", "x", "`type` wants a number"),
            ("type: integer", "3", "3.5", "`type` wants a whole number"),
            ("type: boolean", "true", "yes", "`type` wants a `true` or `false`"),
            ("type: object", "{\"a\": 1}", "[]", "`type` wants a JSON object"),
            ("type: array", "[1]", "{}", "`type` wants a JSON array"),
            ("validation: {pattern: '^[a-z]+$'}", "abc", "a1", "does not match `pattern` ^[a-z]+$"),
            ("validation: {min_length: 2}", "éé", "é", "its length is 1, below `min_length` 2"),
            ("validation: {maxLength: 2}", "éé", "ééé", "its length is 3, above `max_length` 2"),
            ("type: array, validation: {max_length: 2}", "[1, 2]", "[1, 2, 3]", "above `max_length` 2"),
            ("type: number, validation: {minimum: 1}", "1", "0.9", "below `minimum` 1"),
            ("validation: {max: 3}", "3.0", "3.1", "above `maximum` 3"),
            ("validation: {max: 3}", "3", "three", "is no number"),
            ("validation: {enum: [a, 2, true]}", "2", "b", "`enum` allows a, 2, true"),
        ] {
            assert_eq!(refusal(rules, good), "", "{rules}");
            assert_eq!(refusal(rules, ""), "", "{rules}");
            let why = refusal(rules, bad);
            assert!(why.starts_with("variable `v` is \"") && why.contains(part), "{rules}: {why}");
        }
    }

    #[test]
    fn rules_that_nothing_can_keep_are_refused() {
        for (rules, part) in [
            ("{pattern: '('}", "error[VariableRuleInvalid] validation.pattern: `pattern` is no regular expression"),
            ("{pattern: 'a{1000}{1000}{1000}'}", "error[VariableRuleInvalid]"),
            ("{pattern: 5}", "validation.pattern: expected text, found a number"),
            ("{min_length: 3, max_length: 2}", "`min_length` is 3 and `max_length` is 2"),
            ("{min: 3, max: 2}", "`minimum` is 3 and `maximum` is 2"),
            ("{enum: []}", "`enum` is empty"),
            ("{min_length: -1}", "must be at least 0"),
            ("{enum: a}", "expected a list, found text"),
            (
                "{max_lenght: 3}",
                "warning[UnknownKey] validation.max_lenght: `max_lenght` is no rule, and has no effect; did you mean `max_length`?",
            ),
        ] {
            let (_, found) = decoded(&format!("{{name: v, required: false, validation: {rules}}}"));
            assert!(found.len() == 1 && found[0].contains(part), "{rules}: {found:?}");
        }
    }

    #[test]
    fn defaults_and_types_are_looked_at() {
        let (_, found) = decoded("{name: v, required: false, type: number, default: ten}");
        assert_eq!(
            found,
            ["p.yaml:1:51: warning[VariableInvalid] default: variable `v` is \"ten\": `type` wants a number"]
        );
        let (variable, found) = decoded("{name: v, required: false, type: strnig, default: [1]}");
        assert!(
            found[0].contains("warning[UnknownValue] type") && found[0].contains("did you mean `string`?"),
            "{found:?}"
        );
        assert_eq!(variable.unwrap().default.as_deref(), Some("[1]"));
    }
}
