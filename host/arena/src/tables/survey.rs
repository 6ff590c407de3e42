//! A look at rows before a run: which are no cases, and what the others bring along.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arena_bundle::{Assertion, Bundle, Scenario, Turn};
use arena_model::{Content, Part};
use arena_worker::{Matrix, Refused};

use super::Remark;
use crate::exit::{Failure, OrFail};

/// Different checks of rows that are tried.
const CHECKS: usize = 1000;

/// What was seen.
#[derive(Default)]
pub struct Survey {
    /// By scenario with a table: its first row as a case, with the different checks that rows bring along.
    pub examples: BTreeMap<String, Scenario>,
    /// Rows that are no cases, one for each reason.
    pub remarks: Vec<Remark>,
}

/// Looks at the first `most` rows of every scenario.
pub fn survey(bundle: &Bundle, matrix: &Matrix, most: u64) -> Result<Survey, Failure> {
    let mut survey = Survey::default();
    let mut refused: BTreeMap<(String, &'static str), (u64, Refused)> = BTreeMap::new();
    let mut seen: BTreeSet<(String, String, bool)> = BTreeSet::new();
    let look = |scenario: &Arc<Scenario>, place: (&str, u64), row: Result<Scenario, Refused>| {
        let row = row.and_then(|row| match missing_media(bundle, scenario, place, &row) {
            Some(missing) => Err(missing),
            None => Ok(row),
        });
        let row = match row {
            Ok(row) => row,
            Err(why) => {
                let of_reason = refused.entry((scenario.id.clone(), why.reason));
                of_reason.and_modify(|(count, _)| *count += 1).or_insert((1, why));
                return;
            }
        };
        let own = own_checks(scenario, &row).to_vec();
        let example = survey.examples.entry(scenario.id.clone()).or_insert_with(|| without(row, own.len()));
        for check in own {
            let key = (check.kind.clone(), check.params.as_str().to_owned(), check.negate);
            if seen.len() < CHECKS
                && seen.insert(key)
                && let Some(turn) = example.turns.last_mut()
            {
                turn.assertions.push(check);
            }
        }
    };
    matrix.look(most, look).or_fail()?;
    for ((scenario, reason), (count, first)) in refused {
        let looked = matrix.rows(&scenario).unwrap_or_default().min(most);
        let text = match looked {
            1 => first.why,
            _ => format!("{count} of {looked} rows, the first: {}", first.why),
        };
        let (file, line) = (first.table.to_string(), first.line);
        survey.remarks.push(Remark { fatal: true, reason, file, line, text });
    }
    Ok(survey)
}

/// The checks that a row adds to the last turn.
fn own_checks<'r>(scenario: &Scenario, row: &'r Scenario) -> &'r [Assertion] {
    let of = |turn: Option<&'r Turn>| turn.map_or(&[][..], |turn| &turn.assertions);
    let before = scenario.turns.last().map_or(0, |turn| turn.assertions.len());
    of(row.turns.last()).get(before..).unwrap_or_default()
}

/// The row without its last checks: those are told apart first.
fn without(mut row: Scenario, checks: usize) -> Scenario {
    if let Some(turn) = row.turns.last_mut() {
        turn.assertions.truncate(turn.assertions.len().saturating_sub(checks));
    }
    row
}

/// A media file that the row names and the bundle has not.
fn missing_media(bundle: &Bundle, scenario: &Scenario, (table, line): (&str, u64), row: &Scenario) -> Option<Refused> {
    let path = |turn: &Turn| {
        let Content::Parts(parts) = &turn.content else { return Vec::new() };
        let of_part = |part: &Part| Some(part.media.as_ref()?.get("file_path")?.as_str()?.to_owned());
        parts.iter().filter_map(of_part).collect()
    };
    let named = |scenario: &Scenario| scenario.turns.iter().flat_map(path).collect::<Vec<String>>();
    let written = named(scenario);
    let missing = named(row).into_iter().filter(|path| !written.contains(path));
    let problem = missing.filter_map(|path| Some((bundle.file(&path).err()?, path))).next()?;
    let (problem, path) = problem;
    Some(Refused { reason: problem.reason, table: table.into(), line, why: format!("{path}: {}", problem.message) })
}
