//! `dataset` of a scenario: the table whose rows are its cases, and which of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::Problem;
use crate::document::resolve;
use crate::report::Report;
use crate::tree::BundleFile;
use crate::yaml::{Cursor, Data};

/// Column that `split` looks at, unless `split_column` names another.
const SPLIT_COLUMN: &str = "split";
/// Token in a path that stands for the split.
const SPLIT: &str = "{split}";

/// The table of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dataset {
    /// Path of the table in the bundle; none if the run says where it is.
    pub path: Option<String>,
    /// Column with the ids of rows; none for a digest of each.
    pub id: Option<String>,
    /// By column: the texts of which its value must be one.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Rows that are drawn.
    pub sample: Option<DatasetSample>,
    /// So many rows from the start.
    pub first: Option<u64>,
    /// Columns that the scenario names.
    pub named: BTreeSet<String>,
    /// Whether a check looks at the column `expected`.
    pub checks_expected: bool,
    /// Where it stands in its document.
    pub line: u32,
}

/// Rows that are drawn by a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetSample {
    /// How many, at least 1.
    pub rows: u64,
    /// None for the run's.
    pub seed: Option<u64>,
    /// Column whose values keep their shares.
    pub stratify: Option<String>,
}

impl Dataset {
    /// Reads the key `dataset` of a scenario.
    pub(crate) fn decode(dataset: &Cursor<'_>, files: &[BundleFile], report: &mut Report) -> Self {
        let split = dataset.text("split");
        let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let wheres = dataset.get("where");
        for (column, value) in wheres.iter().flat_map(Cursor::entries) {
            columns.insert(column.to_owned(), texts(&value, report));
        }
        let in_path = dataset.text("path").is_some_and(|path| path.contains(SPLIT));
        match &split {
            Some(split) if !in_path => {
                let column = dataset.text("split_column").unwrap_or_else(|| SPLIT_COLUMN.to_owned());
                columns.insert(column, vec![split.clone()]);
            }
            None if in_path => {
                let message = "the path has the token {split}, and there is no `split`";
                report.push(dataset.error("DatasetSplitMissing", message).hint("add `split`, or name the file"));
            }
            _ => {}
        }
        Self {
            path: path(dataset, split.as_deref().unwrap_or_default(), files, report),
            id: dataset.text("id"),
            columns,
            sample: dataset.get("sample").and_then(|sample| {
                Some(DatasetSample {
                    rows: sample.whole("rows", 1, report)?,
                    seed: sample.whole("seed", 0, report),
                    stratify: sample.text("stratify"),
                })
            }),
            first: dataset.whole("first", 1, report),
            named: BTreeSet::new(),
            checks_expected: false,
            line: dataset.node.line,
        }
    }
}

/// The normal path of the table; that it is not there was reported.
fn path(dataset: &Cursor<'_>, split: &str, files: &[BundleFile], report: &mut Report) -> Option<String> {
    let written = dataset.get_text("path")?;
    let path = written.node.as_text()?.replace(SPLIT, split);
    let found = if path == *written.node.as_text()? {
        resolve(&written, files)
    } else {
        crate::tree::find(files, &path)
            .map_err(|cause| Problem {
                hint: cause.hint,
                ..written.error(cause.reason, format!("{path}: {}", cause.message))
            })
            .and_then(|file| file.left_out.as_ref().map_or(Ok(file), |why| Err(Problem::clone(why))))
    };
    let too_large = |problem: Problem| {
        match problem.reason {
        "FileTooLarge" => written.error(problem.reason, format!("{path}: {}", problem.message)).hint(
            "a table of any size is given beside the bundle: leave `path` out, and run with `--dataset FILE`, or name an \
             ArenaSource under `dataset` of the ArenaConfig",
        ),
        _ => problem,
    }
    };
    report.keep(found.map_err(too_large)).map(|file| file.path.clone())
}

/// A value, or a list of them, as texts.
fn texts(value: &Cursor<'_>, report: &mut Report) -> Vec<String> {
    let one = |value: &Cursor<'_>, report: &mut Report| match &value.node.data {
        Data::Text(text) => Some(text.clone()),
        Data::Mapping(_) | Data::List(_) => {
            let message = "expected a text, a number or true or false, or a list of them";
            report.push(value.error("WrongType", message));
            None
        }
        Data::Null => Some(String::new()),
        _ => Some(value.node.to_json().to_string()),
    };
    match &value.node.data {
        Data::List(_) => value.items().filter_map(|item| one(&item, report)).collect(),
        _ => one(value, report).into_iter().collect(),
    }
}
