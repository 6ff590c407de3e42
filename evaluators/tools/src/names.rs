//! Lists of names against what happened: all of them, none of them, in this order.

use arena_guest::prelude::*;

use crate::{SHOWN, listed};

/// An error unless `names` holds at least one name and no empty one.
pub fn some(parameter: &str, names: &[String]) -> Result<(), String> {
    match names.iter().position(String::is_empty) {
        Some(at) => Err(format!("parameter `{parameter}`: name {at} is empty")),
        None if names.is_empty() => Err(format!("parameter `{parameter}`: give at least one name")),
        None => Ok(()),
    }
}

/// An error if `name` is given and empty.
pub fn not_empty(parameter: &str, name: Option<&String>) -> Result<(), String> {
    match name {
        Some(name) if name.is_empty() => Err(format!("parameter `{parameter}`: is empty")),
        _ => Ok(()),
    }
}

/// Whether each of `names` happened at least `min` times, which gives the score, and none more than `max` times,
/// which would spoil it.
pub fn required(what: &str, names: &[String], happened: &[&str], min: u32, max: Option<u32>) -> Verdict {
    let (mut few, mut many) = (Vec::new(), Vec::new());
    for name in names {
        let count = happened.iter().filter(|other| *other == name).count();
        if count < min as usize {
            few.push(format!("{name} ({count} of {min})"));
        }
        if max.is_some_and(|max| count > max as usize) {
            many.push(format!("{name} ({count})"));
        }
    }
    let found = names.len() - few.len();
    let mut reason = format!("{found} of {} {what}", names.len());
    if !few.is_empty() {
        reason.push_str(&format!("; not often enough: {}", listed(&few)));
    }
    if let (Some(max), false) = (max, many.is_empty()) {
        reason.push_str(&format!("; more than {max} times: {}", listed(&many)));
    }
    let score = if many.is_empty() { found as f64 / names.len() as f64 } else { 0.0 };
    Verdict::score(score, reason).passed(few.is_empty() && many.is_empty())
}

/// Whether none of `names` happened.
pub fn forbidden(what: &str, names: &[String], happened: &[&str]) -> Verdict {
    let hits: Vec<_> = names.iter().filter(|name| happened.contains(&name.as_str())).collect();
    match hits.is_empty() {
        true => Verdict::pass(format!("none of {} forbidden {what}", names.len())),
        false => Verdict::fail(format!("forbidden, yet {what}: {}", listed(&hits))),
    }
}

/// How many of `sequence`, from its start, happened in this order, whatever happened in between.
pub fn matched(sequence: &[String], happened: &[&str]) -> usize {
    happened.iter().fold(0, |at, name| at + usize::from(sequence.get(at).is_some_and(|next| next == name)))
}

/// Whether all of `sequence` happened in this order; the score is the share that did.
pub fn in_order(sequence: &[String], happened: &[&str]) -> Verdict {
    let steps = matched(sequence, happened);
    match sequence.get(steps) {
        None => Verdict::pass(format!("all {steps} happened in this order")),
        Some(missing) => {
            let reason = format!("{steps} of {} in this order, missing {}", sequence.len(), excerpt(missing, SHOWN));
            Verdict::score(steps as f64 / sequence.len() as f64, reason).passed(false)
        }
    }
}
