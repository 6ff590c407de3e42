//! Bar 04.4: every row of the checklist in `docs/compatibility.md` has a state, and every one that is not open has tests
//! that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::bar::Bar;
use crate::world::World;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    page: String,
    /// First and last row of each stretch.
    rows: Vec<(u32, u32)>,
}

/// Reads the page and looks for the tests in the sources.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let page = fs::read_to_string(world.root.join(&limits.page)).with_context(|| limits.page.clone())?;
    let rows: BTreeMap<u32, (&str, &str)> = page.lines().filter_map(row).collect();
    let mut tests = BTreeSet::new();
    for folder in ["host", "tests", "evaluators", "crd"] {
        collect(&world.root.join(folder), &mut tests)?;
    }
    let wanted: Vec<u32> = limits.rows.iter().flat_map(|(first, last)| *first..=*last).collect();
    let (mut told, mut shown, mut closed) = (0, 0, 0);
    for number in &wanted {
        let Some((state, names)) = rows.get(number) else {
            bar.note(&format!("row {number} is missing"));
            continue;
        };
        let known = *state == "done" || *state == "open" || state.starts_with("part: ");
        told += usize::from(known);
        if *state == "open" {
            continue;
        }
        closed += 1;
        let names: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
        let missing: Vec<&&str> = names.iter().filter(|name| !tests.contains(**name)).collect();
        if names.is_empty() || !missing.is_empty() {
            bar.note(&format!("row {number} has no test, or none called {missing:?}"));
        } else {
            shown += 1;
        }
    }
    let open = wanted.len().saturating_sub(closed);
    bar.all("rows with a state", told, wanted.len());
    bar.all(&format!("rows with tests, of those that are not open ({open} are)"), shown, closed);
    Ok(())
}

/// Number, state and tests of a line of the table.
fn row(line: &str) -> Option<(u32, (&str, &str))> {
    let mut cells = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim);
    let number = cells.next()?.parse().ok()?;
    let (_, state, tests) = (cells.next()?, cells.next()?, cells.next()?);
    Some((number, (state, tests)))
}

/// Names of functions marked as tests.
fn collect(folder: &Path, tests: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, tests)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            let mut marked = false;
            for line in text.lines().map(str::trim) {
                marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                if let Some((_, name)) = line.split_once("fn ").filter(|_| marked) {
                    tests.insert(name.split('(').next().unwrap_or_default().to_owned());
                    marked = false;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_other_lines_are_not() {
        assert_eq!(row("| 7 | what | part: x | `a`, `b` |"), Some((7, ("part: x", "`a`, `b`"))));
        assert_eq!(row("| 9 | what | open | |"), Some((9, ("open", ""))));
        assert_eq!(row("| Row | Feature | State | Tests |"), None);
        assert_eq!(row("|---|---|---|---|"), None);
    }
}
