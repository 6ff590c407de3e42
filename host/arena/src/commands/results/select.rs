//! The flags that say which of a run's cases are meant.

use arena_model::{Outcome, Record};
use clap::ValueEnum;
use globset::{Glob, GlobMatcher};

use crate::exit::Failure;
use crate::terminal::line;

/// Which cases. Names are lists with commas and may be globs.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Which cases")]
pub struct Select {
    /// Only cases that ended so.
    #[arg(long, value_name = "OUTCOMES", value_enum, value_delimiter = ',')]
    outcome: Vec<Word>,
    /// Only these scenarios.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    scenario: Vec<String>,
    /// Only these providers.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    provider: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Word {
    Passed,
    Failed,
    Error,
    Skipped,
    NotRun,
}

impl Word {
    fn outcome(self) -> Outcome {
        match self {
            Self::Passed => Outcome::Passed,
            Self::Failed => Outcome::Failed,
            Self::Error => Outcome::Error,
            Self::Skipped => Outcome::Skipped,
            Self::NotRun => Outcome::NotRun,
        }
    }
}

/// One name or glob, and whether a case had it.
struct Name {
    flag: &'static str,
    text: String,
    glob: GlobMatcher,
    found: bool,
}

/// The same, ready to be asked.
pub struct Chosen {
    outcomes: Vec<Outcome>,
    scenarios: Vec<Name>,
    providers: Vec<Name>,
}

impl Select {
    /// Whether nothing is left out.
    pub fn is_all(&self) -> bool {
        self.outcome.is_empty() && self.scenario.is_empty() && self.provider.is_empty()
    }

    /// Refuses outcomes of cases that did pass, or of which nobody knows whether.
    ///
    /// Errors: `FilterUnusable`.
    pub fn refuse_good(&self) -> Result<(), Failure> {
        let bad = |outcome| matches!(outcome, Outcome::Failed | Outcome::Error);
        match self.outcome.iter().map(|word| word.outcome()).find(|outcome| !bad(*outcome)) {
            None => Ok(()),
            Some(good) => {
                let text =
                    format!("failures are cases that failed or ended in an error, and none is {}", good.as_str());
                Err(Failure::input("FilterUnusable", text)
                    .hint(format!("`arena results export DIR --outcome {}` prints those", good.as_str())))
            }
        }
    }

    /// Errors: `GlobInvalid`.
    pub fn chosen(&self) -> Result<Chosen, Failure> {
        Ok(Chosen {
            outcomes: self.outcome.iter().map(|word| word.outcome()).collect(),
            scenarios: names("--scenario", &self.scenario)?,
            providers: names("--provider", &self.provider)?,
        })
    }
}

fn names(flag: &'static str, given: &[String]) -> Result<Vec<Name>, Failure> {
    let name = |text: &String| {
        let glob = Glob::new(text).map_err(|error| {
            Failure::input("GlobInvalid", format!("{flag} {text:?}: {}", error.kind()))
                .hint("write it as a name, or with *, ? and [...]")
        })?;
        Ok(Name { flag, text: text.clone(), glob: glob.compile_matcher(), found: false })
    };
    given.iter().map(name).collect()
}

/// Whether one of them matches; no names match everything. Notes those that do.
fn any(names: &mut [Name], value: &str) -> bool {
    let mut wanted = names.is_empty();
    for name in names {
        if name.text == value || name.glob.is_match(value) {
            (name.found, wanted) = (true, true);
        }
    }
    wanted
}

impl Chosen {
    /// Every case.
    pub fn all() -> Self {
        Self { outcomes: Vec::new(), scenarios: Vec::new(), providers: Vec::new() }
    }

    /// Whether the case is meant.
    pub fn wants(&mut self, record: &Record) -> bool {
        let scenario = any(&mut self.scenarios, &record.scenario);
        let provider = any(&mut self.providers, &record.provider);
        scenario && provider && (self.outcomes.is_empty() || self.outcomes.contains(&record.outcome))
    }

    /// Errors: `NothingSelected` for a name that no case had, once all were asked about. That none ended in a wanted way is
    /// an answer.
    pub fn all_found(&self) -> Result<(), Failure> {
        match self.scenarios.iter().chain(&self.providers).find(|name| !name.found) {
            None => Ok(()),
            Some(Name { flag, text, .. }) => {
                let text = format!("{flag} {}: no case of the run has it", line(text));
                Err(Failure::input("NothingSelected", text)
                    .hint("`arena results export DIR --format csv` lists the names"))
            }
        }
    }
}
