//! The tables of a run: indexed once, and which of their rows are cases.

mod kept;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arena_bundle::{Bundle, Dataset, Scenario, row_columns};
use arena_dataset::{Index, Limits, Options, Sample, Selection, Table, Wanted};
use arena_model::Digest;
use arena_worker::Rows;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::exit::{Failure, OrFail};
use kept::{Kept, of_bundle, of_file};
pub use kept::{folder, prune, room};
pub use survey::{Survey, survey};

/// The table that a run gives to scenarios whose `dataset` has no path.
#[derive(Clone)]
pub enum Given {
    /// A file of the user's.
    File(PathBuf),
    /// A folder with rows and index: what a run froze.
    Frozen(PathBuf),
    /// One that was indexed elsewhere, and what was selected of it, by scenario, where that takes a look at all rows.
    Table(Arc<Table>, Arc<BTreeMap<String, Selection>>),
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) | Self::Frozen(path) => path.fmt(f),
            Self::Table(table, _) => table.index().table.fmt(f),
        }
    }
}

/// The tables of a bundle's scenarios.
#[derive(Default)]
pub struct Tables {
    /// By scenario.
    pub rows: BTreeMap<String, Rows>,
    /// Pin of the given table, if a scenario has it.
    pub given: Option<Digest>,
    /// Where rows and index of the given table lie, if they are kept here.
    pub given_folder: Option<PathBuf>,
    /// What was selected of the given table, by scenario and in Base64, where that took a look at all rows.
    pub given_selections: BTreeMap<String, String>,
}

/// Something that people should know of before a run.
pub struct Remark {
    /// Whether cases will be errors because of it.
    pub fatal: bool,
    /// Stable name.
    pub reason: &'static str,
    /// The table or other file.
    pub file: String,
    /// Line in it, 0 if it is about all.
    pub line: u64,
    /// What is wrong.
    pub text: String,
}

impl Tables {
    /// Opens, and where needed indexes, the tables of `bundle`. `seed` is the run's.
    pub fn open(bundle: &Bundle, given: Option<&Given>, seed: u64) -> Result<Self, Failure> {
        let mut tables = Self::default();
        let mut known: BTreeMap<(Option<String>, Option<String>), Kept> = BTreeMap::new();
        for scenario in &bundle.scenarios {
            let Some(dataset) = &scenario.dataset else { continue };
            // Which scenario it is about, and where its dataset stands.
            let at = |failure: Failure| Failure {
                text: format!("{}:{}: scenario `{}`: {}", scenario.file, dataset.line, scenario.id, failure.text),
                ..failure
            };
            let key = (dataset.path.clone(), dataset.id.clone());
            let kept = match known.get(&key) {
                Some(kept) => kept.clone(),
                None => {
                    let kept = open(bundle, dataset, given).map_err(at)?;
                    known.insert(key, kept.clone());
                    kept
                }
            };
            if dataset.path.is_none() {
                let pin = kept.table.index().pin().or_fail()?;
                if tables.given.replace(pin.clone()).is_some_and(|other| other != pin) {
                    let text = "it names another `id` column of the one given table than a scenario before";
                    return Err(at(Failure::input("DatasetAmbiguous", text).hint("name the same `id` in each")));
                }
                tables.given_folder.clone_from(&kept.folder);
            }
            check_columns(bundle, scenario, dataset, kept.table.index()).map_err(at)?;
            let wanted = wanted(dataset, seed);
            let selection = match given {
                Some(Given::Table(_, known)) if dataset.path.is_none() => known.get(&scenario.id).cloned(),
                _ => None,
            };
            let selection = selection.map_or_else(|| kept.select(&wanted).map_err(at), Ok)?;
            // Of all rows there is nothing to be said.
            let bytes = selection.to_bytes();
            if dataset.path.is_none() && wanted.reads_table() && !bytes.is_empty() {
                tables.given_selections.insert(scenario.id.clone(), STANDARD.encode(bytes));
            }
            let (table, selection) = (kept.table, Arc::new(selection));
            tables.rows.insert(scenario.id.clone(), Rows { table, selection });
        }
        if let (Some(given), None) = (given, &tables.given) {
            let text = format!("{given:?}: no scenario takes the table");
            let hint = "give a scenario `dataset: {}` without a path";
            return Err(Failure::input("DatasetUnused", text).hint(hint));
        }
        Ok(tables)
    }
}

fn open(bundle: &Bundle, dataset: &Dataset, given: Option<&Given>) -> Result<Kept, Failure> {
    let options = Options { id: dataset.id.clone() };
    match (&dataset.path, given) {
        (Some(path), _) => of_bundle(bundle, path, &options),
        (None, Some(Given::File(path))) => of_file(path, &options),
        (None, Some(Given::Frozen(folder))) => {
            let table = Table::open(folder).or_fail()?;
            table.verify().or_fail()?;
            Ok(Kept { table: Arc::new(table), folder: None })
        }
        (None, Some(Given::Table(table, _))) => Ok(Kept { table: table.clone(), folder: None }),
        (None, None) => {
            let text = "its dataset names no table";
            let hint = "add `path`, or run with `--dataset FILE`, also where an ArenaConfig names one";
            Err(Failure::input("DatasetMissing", text).hint(hint))
        }
    }
}

fn wanted(dataset: &Dataset, seed: u64) -> Wanted {
    Wanted {
        columns: dataset.columns.clone(),
        sample: dataset.sample.as_ref().map(|sample| Sample {
            rows: sample.rows,
            seed: sample.seed.unwrap_or(seed),
            stratify: sample.stratify.clone(),
        }),
        first: dataset.first,
    }
}

/// Columns that the scenario and its prompts name.
fn named(bundle: &Bundle, scenario: &Scenario, dataset: &Dataset) -> BTreeSet<String> {
    let mut named = dataset.named.clone();
    let prompts = bundle.prompts.values();
    for prompt in prompts.filter(|prompt| bundle.workflow.is_some() || prompt.task_type == scenario.task_type) {
        named.extend(row_columns(&prompt.system_template));
    }
    named
}

fn check_columns(bundle: &Bundle, scenario: &Scenario, dataset: &Dataset, index: &Index) -> Result<(), Failure> {
    for column in &named(bundle, scenario, dataset) {
        index.check_column(column).or_fail()?;
    }
    Ok(())
}

/// Selections of `table` as [`Tables::given_selections`] has them; none if they are no such.
#[cfg(feature = "fleet")]
pub fn selections(table: &Table, json: &[u8]) -> Option<BTreeMap<String, Selection>> {
    let all: BTreeMap<String, String> = serde_json::from_slice(json).ok()?;
    let read = |(scenario, text): (String, String)| {
        Some((scenario, Selection::of_bytes(&STANDARD.decode(text).ok()?, table)?))
    };
    all.into_iter().map(read).collect()
}

/// Limits of all tables.
fn limits() -> Limits {
    Limits::default()
}

/// Copies rows and index into `to`, which is made.
pub fn freeze(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for file in [arena_dataset::ROWS, arena_dataset::INDEX] {
        // No link: whoever changes a run's folder would change what other runs find.
        std::fs::copy(from.join(file), to.join(file))?;
    }
    Ok(())
}
