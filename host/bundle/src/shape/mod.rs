//! What a document may look like: tables of keys, and the check of a tree against them.

mod arena;
mod composition;
mod eval;
mod persona;
mod prompt;
mod prompt_media;
pub(crate) mod provider;
mod scenario;
mod tool;
mod workflow;

pub(crate) use arena::ARENA;
pub(crate) use composition::{COMPOSITION, PREDICATE, step};
pub(crate) use eval::EVAL;
pub(crate) use persona::PERSONA;
pub(crate) use prompt::PROMPT;
pub(crate) use provider::PROVIDER;
pub(crate) use scenario::SCENARIO;
pub(crate) use tool::TOOL;
pub(crate) use workflow::{SKILL, WORKFLOW};

use crate::report::Report;
use crate::yaml::{Cursor, Data, whole};

/// The type a value must have.
pub(crate) enum Shape {
    /// Anything.
    Any,
    /// Text.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Bool,
    /// A number without a fraction.
    Integer,
    /// A number.
    Number,
    /// A mapping with any keys and values.
    Open,
    /// A mapping with any keys and values of one shape.
    Map(&'static Shape),
    /// A list with items of one shape.
    List(&'static Shape),
    /// A mapping with these keys and no others.
    Record(&'static [Field]),
}

/// One key of a record.
pub(crate) struct Field {
    name: &'static str,
    required: bool,
    shape: Shape,
}

/// A key that must be there.
pub(crate) const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, required: true, shape }
}

/// A key that may be there.
pub(crate) const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, required: false, shape }
}

pub(crate) const TEXTS: Shape = Shape::List(&Shape::Text);
pub(crate) const TEXT_MAP: Shape = Shape::Map(&Shape::Text);

const METADATA: Shape = Shape::Record(&[
    may("name", Shape::Text),
    may("namespace", Shape::Text),
    may("labels", TEXT_MAP),
    may("annotations", TEXT_MAP),
]);

/// The document around a spec.
macro_rules! document {
    ($spec:expr) => {
        Shape::Record(&[
            may("$schema", Shape::Text),
            must("apiVersion", Shape::Text),
            must("kind", Shape::Text),
            may("metadata", $crate::shape::METADATA),
            must("spec", $spec),
        ])
    };
}
use document;

/// Longest key for which a similar known key is sought.
const SIMILAR_CHARS: usize = 64;

/// Reports everything in which the value differs from the shape.
pub(crate) fn check(cursor: &Cursor<'_>, shape: &Shape, report: &mut Report) {
    let wanted = match (shape, &cursor.node.data) {
        (Shape::Any, _) | (Shape::Text, Data::Text(_)) | (Shape::Bool, Data::Bool(_)) => return,
        (Shape::Number, Data::Number(_)) | (Shape::Open, Data::Mapping(_)) => return,
        (Shape::Integer, Data::Number(number)) if whole(number).is_some() => return,
        (Shape::OneOf(values), Data::Text(text)) => return check_choice(cursor, text, values, report),
        (Shape::Map(inner), Data::Mapping(_)) => {
            return cursor.entries().for_each(|(_, value)| check(&value, inner, report));
        }
        (Shape::List(inner), Data::List(_)) => return cursor.items().for_each(|item| check(&item, inner, report)),
        (Shape::Record(fields), Data::Mapping(_)) => return check_record(cursor, fields, report),
        (Shape::Text | Shape::OneOf(_), _) => "text",
        (Shape::Bool, _) => "true or false",
        (Shape::Integer, _) => "a whole number",
        (Shape::Number, _) => "a number",
        (Shape::Open | Shape::Map(_) | Shape::Record(_), _) => "a mapping",
        (Shape::List(_), _) => "a list",
    };
    let problem = cursor.error_with_value("WrongType", format!("expected {wanted}, found {}", cursor.node.noun()));
    report.push(match (shape, &cursor.node.data) {
        (Shape::Text, Data::Number(_) | Data::Bool(_)) => problem.hint("put the value in quotes"),
        (Shape::Number | Shape::Integer, Data::Text(text)) if text.parse::<f64>().is_ok() => {
            problem.hint("remove the quotes")
        }
        (_, Data::Null) => problem.hint("give a value or remove the key"),
        _ => problem,
    });
}

fn check_choice(cursor: &Cursor<'_>, text: &str, values: &[&str], report: &mut Report) {
    if !values.contains(&text) {
        let hint = similar(text, values.iter().copied())
            .map_or_else(|| format!("known are {}", values.join(", ")), |value| format!("did you mean `{value}`?"));
        report.push(cursor.error_with_value("UnknownValue", "unknown value").hint(hint));
    }
}

fn check_record(cursor: &Cursor<'_>, fields: &[Field], report: &mut Report) {
    for entry in cursor.node.entries() {
        let value = cursor.value_of(entry);
        if let Some(field) = fields.iter().find(|field| field.name == entry.key) {
            check(&value, &field.shape, report);
            continue;
        }
        let names = || fields.iter().map(|field| field.name);
        let hint = similar(&entry.key, names()).map_or_else(
            || format!("known keys are {}", names().collect::<Vec<_>>().join(", ")),
            |name| format!("did you mean `{name}`?"),
        );
        // The value of a key we do not know may be a secret, so it is not repeated.
        let problem = value.error("UnknownKey", format!("unknown key `{}`", entry.key));
        report.push(problem.at(entry.line, entry.column).hint(hint));
    }
    for field in fields.iter().filter(|field| field.required && cursor.node.get(field.name).is_none()) {
        report.push(cursor.error("MissingKey", format!("required key `{}` is missing", field.name)));
    }
}

/// The known word that a misspelt one is closest to, if it is close.
pub(crate) fn similar<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().take(SIMILAR_CHARS + 1).count();
    if length > SIMILAR_CHARS {
        return None;
    }
    let closest = known.map(|name| (strsim::osa_distance(word, name), name)).min()?;
    (closest.0 <= (length / 3).clamp(1, 3)).then_some(closest.1)
}

/// The known word that was probably meant, else other advice.
pub(crate) fn advice<'a>(word: &str, known: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    let meant = Some(word).filter(|word| !word.is_empty()).and_then(|word| similar(word, known));
    meant.map_or_else(|| otherwise.to_owned(), |name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests;
