//! The tables of a run: indexed once, and which of their rows are cases.

mod kept;

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
    /// Of the given table's rows, if a scenario has it.
    pub given: Option<Digest>,
    /// Where rows and index of the given table lie, if they are kept here.
    pub given_folder: Option<PathBuf>,
    /// What was selected of the given table, by scenario and in Base64, where that took a look at all rows.
    pub given_selections: BTreeMap<String, String>,
    /// What is to be told of tables.
    pub remarks: Vec<Remark>,
}

/// Something in a table that people should know of before a run.
pub struct Remark {
    /// Whether cases will be errors because of it.
    pub fatal: bool,
    /// Stable name.
    pub reason: &'static str,
    /// The table.
    pub table: String,
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
            let key = (dataset.path.clone(), dataset.id.clone());
            let kept = match known.get(&key) {
                Some(kept) => kept.clone(),
                None => {
                    let kept = open(bundle, scenario, dataset, given)?;
                    tables.remarks.extend(malformed(kept.table.index()));
                    known.insert(key, kept.clone());
                    kept
                }
            };
            if dataset.path.is_none() {
                let content = kept.table.index().content.clone();
                if tables.given.replace(content.clone()).is_some_and(|other| other != content) {
                    let text =
                        format!("{}: scenarios name different `id` columns of the one given table", scenario.file);
                    return Err(Failure::input("DatasetAmbiguous", text).hint("name the same `id` in each"));
                }
                tables.given_folder.clone_from(&kept.folder);
            }
            check_columns(bundle, scenario, dataset, kept.table.index())?;
            tables.remarks.extend(gaps(bundle, scenario, dataset, kept.table.index()));
            let wanted = wanted(dataset, seed);
            let selection = match given {
                Some(Given::Table(_, known)) if dataset.path.is_none() => known.get(&scenario.id).cloned(),
                _ => None,
            };
            let selection = selection.map_or_else(|| kept.select(&wanted), Ok)?;
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

fn open(bundle: &Bundle, scenario: &Scenario, dataset: &Dataset, given: Option<&Given>) -> Result<Kept, Failure> {
    let options = Options { id: dataset.id.clone() };
    let place = format!("{}:{}", scenario.file, dataset.line);
    match (&dataset.path, given) {
        (Some(path), _) => of_bundle(bundle, path, &options),
        (None, Some(Given::File(path))) => of_file(path, &options),
        (None, Some(Given::Frozen(folder))) => {
            let table = Table::open(folder).or_fail()?;
            table.verify().or_fail()?;
            Ok(Kept { table: Arc::new(table), folder: Some(folder.clone()) })
        }
        (None, Some(Given::Table(table, _))) => Ok(Kept { table: table.clone(), folder: None }),
        (None, None) => {
            let text = format!("{place}: scenario `{}`: its dataset names no table", scenario.id);
            let hint =
                "add `path`, or run with `--dataset FILE`; in a cluster, name it under `dataset` of the ArenaConfig";
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
        index.check_column(column).or_fail().map_err(|failure| Failure {
            text: format!("{}: scenario `{}`: {}", scenario.file, scenario.id, failure.text),
            ..failure
        })?;
    }
    Ok(())
}

/// Columns that some rows lack.
fn gaps(bundle: &Bundle, scenario: &Scenario, dataset: &Dataset, index: &Index) -> Vec<Remark> {
    let good = index.rows.saturating_sub(index.malformed);
    let short = named(bundle, scenario, dataset).into_iter().filter_map(|column| {
        let lacking = good.saturating_sub(index.columns.get(&column)?.rows);
        let text = format!(
            "{lacking} of {} rows lack the column `{column}`, which scenario `{}` names",
            index.rows, scenario.id
        );
        (lacking > 0).then(|| Remark {
            fatal: true,
            reason: "RowColumnMissing",
            table: index.table.clone(),
            line: 0,
            text,
        })
    });
    short.collect()
}

fn malformed(index: &Index) -> Option<Remark> {
    let first = index.examples.first()?;
    let text = match index.malformed {
        1 => format!("1 of {} rows is malformed: {}", index.rows, first.why),
        count => format!("{count} of {} rows are malformed, the first: {}", index.rows, first.why),
    };
    let (table, line) = (index.table.clone(), first.line);
    Some(Remark { fatal: true, reason: "RowMalformed", table, line, text })
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

/// Links or copies rows and index into `to`, which is made.
pub fn freeze(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for file in [arena_dataset::ROWS, arena_dataset::INDEX] {
        // What is kept is never changed, so a link is as good as a copy.
        if std::fs::hard_link(from.join(file), to.join(file)).is_err() {
            std::fs::copy(from.join(file), to.join(file))?;
        }
    }
    Ok(())
}
