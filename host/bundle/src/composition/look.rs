//! What is wrong with compositions beside what cannot be read: keys that mean nothing, names that lead nowhere.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Composition, DEPTH, Predicate, Step, StepKind, Wrong};
use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::shape::{self, similar};
use crate::yaml::Cursor;

/// What stands for the user's words among the outputs of steps.
const INPUT: &str = "input";

/// What is seen on a way through the steps.
#[derive(Default)]
struct Seen<'s> {
    ids: BTreeSet<&'s str>,
    /// What is referred to, with where.
    named: Vec<(String, &'s str)>,
    /// What a step depends on and has not come before it, with where.
    early: Vec<(String, &'s str)>,
    wrong: Vec<Wrong>,
}

impl<'s> Seen<'s> {
    fn add(&mut self, id: &'s str) {
        let why = match id {
            "" => "a step has no `id`",
            INPUT => "this id stands for what the user said",
            _ if self.ids.contains(id) => "another step has this id",
            _ => "",
        };
        if !why.is_empty() {
            self.wrong.push((format!("step `{id}`"), why.to_owned()));
        }
        self.ids.insert(id);
    }
}

impl Composition {
    /// What in it cannot go well, with where.
    pub(super) fn look(&self) -> Vec<Wrong> {
        let mut seen = Seen { ids: BTreeSet::from([INPUT]), ..Seen::default() };
        seen.named.extend(self.output.iter().map(|output| ("output".to_owned(), output.as_str())));
        for step in &self.steps {
            step.look(&mut seen);
            seen.add(&step.id);
        }
        let Seen { ids, named, early, mut wrong } = seen;
        let unknown = |name: &str| match similar(name, ids.iter().copied()) {
            Some(meant) => format!("there is no step `{name}`; did you mean `{meant}`?"),
            None => {
                format!("there is no step `{name}`; there are {}", ids.iter().copied().collect::<Vec<_>>().join(", "))
            }
        };
        wrong.extend(early.into_iter().map(|(at, name)| match ids.contains(name) {
            true => (at, format!("it depends on `{name}`, which does not come before it")),
            false => (at, unknown(name)),
        }));
        let named = named.into_iter().filter(|(_, name)| !ids.contains(name));
        wrong.extend(named.map(|(at, name)| (at, unknown(name))));
        wrong
    }
}

impl Step {
    /// Adds the ids of steps within, and what is referred to. The own id is for the caller to add: of steps that run at
    /// once none comes before another.
    fn look<'s>(&'s self, seen: &mut Seen<'s>) {
        let at = || format!("step `{}`", self.id);
        let early = self.depends_on.iter().map(String::as_str).filter(|name| !seen.ids.contains(name));
        seen.early.extend(early.map(|name| (at(), name)));
        let mut inputs = Vec::new();
        texts(&self.input, &mut inputs);
        seen.named.extend(inputs.into_iter().flat_map(referred).map(|name| (at(), name)));
        match &self.kind {
            StepKind::Branch { predicate, then, otherwise } => {
                predicate.look(&at(), seen);
                let targets = [Some(then), otherwise.as_ref()].into_iter().flatten().map(String::as_str);
                seen.named.extend(targets.map(|name| (at(), name)));
            }
            StepKind::Parallel { branches, into, .. } => {
                if into.is_empty() {
                    seen.wrong.push((at(), "`reduce.into`, the name of the joint output, is missing".to_owned()));
                }
                branches.iter().for_each(|branch| branch.look(seen));
                branches.iter().for_each(|branch| seen.add(&branch.id));
            }
            StepKind::Prompt { .. } | StepKind::Agent { .. } | StepKind::Tool { .. } => {}
        }
    }
}

impl Predicate {
    /// Adds what it asks about, and values that nothing compares with.
    fn look<'s>(&'s self, at: &str, seen: &mut Seen<'s>) {
        let (path, wanted) = match self {
            Self::All(all) | Self::Any(all) => return all.iter().for_each(|one| one.look(at, seen)),
            Self::Not(inner) => return inner.look(at, seen),
            Self::Exists { path, .. } => (path, None),
            Self::Compare { path, op, value } => (path, op.wants(value)),
        };
        let inner = path.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(path);
        seen.named.push((at.to_owned(), head(inner)));
        seen.wrong.extend(wanted.map(|what| (at.to_owned(), format!("its predicate needs {what} as `value`"))));
    }
}

/// The names of steps in the `${step.output.field}` of a text.
fn referred(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(path, _)| head(path))
}

/// The step of a path.
fn head(path: &str) -> &str {
    path.trim().split('.').next().unwrap_or_default()
}

/// All texts of a value.
fn texts<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|item| texts(item, found)),
        _ => {}
    }
}

/// Reports keys that mean nothing here, or nothing yet, and values of another type.
pub(super) fn hold(it: &Cursor<'_>, report: &mut Report) {
    shape::check(it, &shape::COMPOSITION, report);
    unsupported(it, &["input_schema", "output_schema"], Without::Works, report);
    if let Some(list) = it.get("steps") {
        list.items().for_each(|step| hold_step(&step, 0, report));
    }
}

fn hold_step(step: &Cursor<'_>, depth: usize, report: &mut Report) {
    // An unknown kind is an error of its own.
    if let Some(shape) = shape::step(&step.text("kind").unwrap_or_default()) {
        shape::check(step, shape, report);
    }
    unsupported(step, &["modifiers"], Without::Works, report);
    if let Some(predicate) = step.get("predicate") {
        hold_predicate(&predicate, 0, report);
    }
    if let Some(list) = step.get("branches").filter(|_| depth < DEPTH) {
        list.items().for_each(|branch| hold_step(&branch, depth + 1, report));
    }
}

fn hold_predicate(it: &Cursor<'_>, depth: usize, report: &mut Report) {
    shape::check(it, &shape::PREDICATE, report);
    let lists = ["all_of", "any_of"].into_iter().filter_map(|key| it.get(key).filter(|_| depth < DEPTH));
    lists.for_each(|list| list.items().for_each(|one| hold_predicate(&one, depth + 1, report)));
    if let Some(inner) = it.get("not").filter(|_| depth < DEPTH) {
        hold_predicate(&inner, depth + 1, report);
    }
}
