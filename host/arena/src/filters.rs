//! The flags of `arena run` that say which cases are run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arena_model::{Outcome, Selection};
use arena_results::{RunView, records};

use crate::exit::{Failure, OrFail};
use crate::files;
use crate::verdict::cut;

/// Longest list of keys, bytes: that of the longest plan.
const CASES_BYTES: u64 = 512 << 20;
/// Characters of a key.
const KEY_CHARS: usize = 32;

/// Which cases are run. Names are lists with commas and may be globs; each must match something.
#[derive(clap::Args)]
#[command(next_help_heading = "Which cases")]
pub struct Filters {
    /// Only these scenarios.
    #[arg(long, value_name = "NAMES", conflicts_with = "resume")]
    scenario: Vec<String>,
    /// Judge these recordings (`kind: Eval`) in place of scenarios.
    #[arg(long, value_name = "NAMES", conflicts_with_all = ["resume", "scenario"])]
    eval: Vec<String>,
    /// Without the evals of the pack and of prompts.
    #[arg(long, conflicts_with = "resume")]
    skip_pack_evals: bool,
    /// Only evals of these check types.
    #[arg(long, value_name = "NAMES", conflicts_with_all = ["resume", "skip_pack_evals"])]
    eval_types: Vec<String>,
    /// Only evals of these groups (default, fast-running, long-running, external, and the bundle's own).
    #[arg(long, value_name = "NAMES", conflicts_with_all = ["resume", "skip_pack_evals"])]
    eval_groups: Vec<String>,
    /// Only these providers under test.
    #[arg(long, value_name = "NAMES", conflicts_with = "resume")]
    provider: Vec<String>,
    /// Only scenarios with this label; KEY alone for any value. Of one key any value will do, of several keys each must be
    /// there.
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "resume")]
    label: Vec<String>,
    /// Run everything in each of these regions; templates have the name as {{region}}.
    #[arg(long, value_name = "NAMES", conflicts_with = "resume")]
    region: Vec<String>,
    /// Only these repetitions, counted from 1.
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "resume")]
    trial: Vec<u32>,
    /// Only cases that failed in the run of this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    failed_from: Option<PathBuf>,
    /// Only cases that ended in error in the run of this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    errored_from: Option<PathBuf>,
    /// Only cases whose keys this file lists, one a line, as `arena results failures --ids` prints them; - for standard
    /// input.
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    cases: Option<PathBuf>,
    /// Only N cases, drawn by --seed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "resume")]
    sample: Option<u64>,
    /// Only the first N cases.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["resume", "sample"])]
    first: Option<u64>,
}

impl Filters {
    /// What is left in, but for [`Filters::cases`]. The order in which names are given does not count, but for regions.
    ///
    /// Errors: `NothingSelected` for a list without a name, which a variable that is not set makes.
    pub fn selection(&self) -> Result<Selection, Failure> {
        Ok(Selection {
            scenarios: sorted(names("--scenario", &self.scenario)?),
            labels: sorted(names("--label", &self.label)?),
            providers: sorted(names("--provider", &self.provider)?),
            evals: sorted(names("--eval", &self.eval)?),
            skip_pack_evals: self.skip_pack_evals,
            eval_types: sorted(names("--eval-types", &self.eval_types)?),
            eval_groups: sorted(names("--eval-groups", &self.eval_groups)?),
            regions: names("--region", &self.region)?,
            trials: sorted(self.trial.clone()),
            cases: None,
            sample: self.sample,
            first: self.first,
        })
    }

    /// The keys of the cases that alone may run, one a line; none if no earlier run was named.
    ///
    /// Errors: `NothingSelected` if there are none, and those of the folder.
    pub fn cases(&self) -> Result<Option<Vec<u8>>, Failure> {
        let mut keys = BTreeSet::new();
        let wanted = [(&self.failed_from, Outcome::Failed), (&self.errored_from, Outcome::Error)];
        for (dir, outcome) in &wanted {
            if let Some(dir) = dir {
                keys.extend(ended_with(dir, *outcome)?);
            }
        }
        if let Some(file) = &self.cases {
            keys.extend(listed(file)?);
        }
        let dirs = wanted.iter().filter_map(|(dir, _)| dir.as_ref()).chain(&self.cases);
        let dirs: Vec<String> = dirs.map(|dir| dir.display().to_string()).collect();
        match keys.is_empty() {
            _ if dirs.is_empty() => Ok(None),
            true => {
                let text = format!("there is no such case in {}", dirs.join(", "));
                Err(Failure::input("NothingSelected", text).hint("nothing is left to be run again"))
            }
            false => Ok(Some(keys.iter().flat_map(|key| [key.as_str(), "\n"]).collect::<String>().into_bytes())),
        }
    }
}

/// The keys in a file.
fn listed(file: &Path) -> Result<Vec<String>, Failure> {
    let bytes = if file == Path::new("-") { files::read_input(CASES_BYTES)? } else { files::read(file, CASES_BYTES)? };
    let text = String::from_utf8_lossy(&bytes);
    let mut keys = Vec::new();
    for (at, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
        if line.len() != KEY_CHARS || !line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let text = format!("{} line {}: {:?} is no key of a case", file.display(), at + 1, cut(line, KEY_CHARS));
            return Err(
                Failure::input("CaseKeyInvalid", text).hint("one key a line, as `arena results failures --ids` prints")
            );
        }
        keys.push(line.to_owned());
    }
    Ok(keys)
}

fn ended_with(dir: &Path, outcome: Outcome) -> Result<Vec<String>, Failure> {
    let run = RunView::open(dir).or_fail()?;
    let mut keys = Vec::new();
    for record in records(&run).or_fail()? {
        let record = record.or_fail()?;
        if record.outcome == outcome {
            keys.push(record.key.0);
        }
    }
    Ok(keys)
}

fn sorted<T: Ord>(given: Vec<T>) -> Vec<T> {
    given.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The parts of a flag's lists with commas; a comma in braces belongs to a glob.
fn names(flag: &str, given: &[String]) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for list in given {
        let (mut depth, mut name) = (0_usize, String::new());
        for c in list.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if c == ',' && depth == 0 {
                names.push(std::mem::take(&mut name));
            } else {
                name.push(c);
            }
        }
        names.push(name);
    }
    let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) {
        let text = format!("{flag} {:?} has an empty name", given.join(","));
        return Err(Failure::input("NothingSelected", text).hint("leave the flag out to run everything"));
    }
    Ok(names)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_commas_outside_of_braces() {
        assert_eq!(names("--x", &["a, b".to_owned(), "c{d,e}*,f".to_owned()]).unwrap(), ["a", "b", "c{d,e}*", "f"]);
        assert_eq!(names("--x", &[]).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn an_empty_name_is_not_everything() {
        for wrong in ["", "a,", " , "] {
            assert_eq!(names("--x", &[wrong.to_owned()]).unwrap_err().reason, "NothingSelected", "{wrong:?}");
        }
    }
}
