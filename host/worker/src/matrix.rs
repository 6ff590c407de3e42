//! The plan together with what its numbers stand for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arena_bundle::{RowValues, Scenario};
use arena_dataset::{DatasetError, Index, Row, Selection, Table, Values};
use arena_evaluate::CaseInput;
use arena_model::{CaseId, CaseKey, Fault as _};
use arena_plan::{CaseRef, Plan, PlanInput};
use serde_json::Value;

use crate::WorkerError;

/// Rows of one scenario.
#[derive(Clone)]
pub struct Rows {
    /// Their table.
    pub table: Arc<Table>,
    /// Which of its rows are cases.
    pub selection: Arc<Selection>,
}

/// A case that can be run, or a row that is none.
pub struct Planned {
    /// The case; of a refused one its names alone count.
    pub case: CaseInput,
    /// Why it is an error before anything is said.
    pub refused: Option<Refused>,
}

/// Why a row is no case.
pub struct Refused {
    /// Stable name.
    pub reason: &'static str,
    /// The table.
    pub table: Arc<str>,
    /// Line in it.
    pub line: u64,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.table, self.line, self.why)
    }
}

/// Turns places in the plan into cases.
pub struct Matrix {
    /// The plan.
    pub plan: Plan,
    input: PlanInput,
    scenarios: Vec<Arc<Scenario>>,
    /// One for each scenario.
    rows: Vec<Option<Rows>>,
}

impl Matrix {
    /// `scenarios` and `rows` are those of `input`, in its order.
    pub fn new(plan: Plan, input: PlanInput, scenarios: Vec<Arc<Scenario>>, rows: Vec<Option<Rows>>) -> Self {
        Self { plan, input, scenarios, rows }
    }

    /// The case at `index` of the plan, none past its end. Reads the row, if it has one.
    ///
    /// # Errors
    /// Those of reading a row. What is wrong with the row itself is none: that is the case's.
    pub fn case(&self, index: u64, attempt: u32) -> Result<Option<Planned>, DatasetError> {
        let Some(case) = self.plan.case(index) else { return Ok(None) };
        let (Some(scenario), row) = (self.scenarios.get(case.scenario as usize), self.row(&case)?) else {
            return Ok(None);
        };
        let Some(id) = self.named(&case, row.as_ref()) else { return Ok(None) };
        let scenario = match case.variant {
            Some(number) => Arc::new(scenario.varied(number)),
            None => scenario.clone(),
        };
        let (scenario, refused) = match row {
            None => (scenario, None),
            Some(row) => self.filled(&case, scenario, row),
        };
        Ok(Some(Planned { case: CaseInput { index, scenario, id, attempt }, refused }))
    }

    /// As [`Matrix::case`], on a thread that may wait where the case has a row to be read.
    ///
    /// # Errors
    /// Those of [`Matrix::case`].
    pub async fn read(self: &Arc<Self>, index: u64, attempt: u32) -> Result<Option<Planned>, WorkerError> {
        // Another thread costs more than a row that is in memory.
        if self.plan.case(index).is_none_or(|case| self.is_at_hand(&case)) {
            return Ok(self.case(index, attempt)?);
        }
        let matrix = self.clone();
        Ok(tokio::task::spawn_blocking(move || matrix.case(index, attempt)).await??)
    }

    /// The names of the case at `index`, none past the end of the plan: what is wanted of a case that is not run.
    ///
    /// # Errors
    /// Those of reading its row.
    pub fn id(&self, index: u64) -> Result<Option<CaseId>, DatasetError> {
        let Some(case) = self.plan.case(index) else { return Ok(None) };
        let row = self.row(&case)?;
        Ok(self.named(&case, row.as_ref()))
    }

    /// The key of the case at `index`; none past the end of the plan, or if its row cannot be read, which is logged.
    pub fn key(&self, index: u64) -> Option<CaseKey> {
        let id = self.id(index).unwrap_or_else(|error| {
            tracing::error!(reason = error.reason(), "{error}");
            None
        });
        Some(id?.key())
    }

    /// What the plan was made from.
    pub fn input(&self) -> &PlanInput {
        &self.input
    }

    /// The scenarios, in plan order, as they stand in the bundle.
    pub fn scenarios(&self) -> &[Arc<Scenario>] {
        &self.scenarios
    }

    /// Shows each of the first `most` rows of every scenario as the case that it would be, or why it is none, with table and
    /// line.
    ///
    /// # Errors
    /// Those of reading a row.
    pub fn look(
        &self,
        most: u64,
        mut each: impl FnMut(&Arc<Scenario>, (&str, u64), Result<Scenario, Refused>),
    ) -> Result<(), DatasetError> {
        for (scenario, rows) in self.scenarios.iter().zip(&self.rows) {
            let Some(Rows { table, selection }) = rows else { continue };
            let numbers = (0..selection.len().min(most)).filter_map(|nth| selection.row(nth));
            for number in numbers {
                let (index, row) = (table.index(), table.row(number)?);
                each(scenario, (&index.table, row.line), of_row(scenario, index, row));
            }
        }
        Ok(())
    }

    /// How many rows a scenario has; none if it has no table.
    pub fn rows(&self, scenario: &str) -> Option<u64> {
        let at = self.scenarios.iter().position(|known| known.id == scenario)?;
        Some(self.rows.get(at)?.as_ref()?.selection.len())
    }

    /// Types of the checks that rows bring along.
    pub fn row_checks(&self) -> BTreeSet<String> {
        self.rows.iter().flatten().flat_map(|rows| rows.table.index().checks.iter().cloned()).collect()
    }

    fn row(&self, case: &CaseRef) -> Result<Option<Row>, DatasetError> {
        let rows = self.rows.get(case.scenario as usize).and_then(Option::as_ref);
        let number = rows.zip(case.row).and_then(|(rows, nth)| Some((rows, rows.selection.row(nth)?)));
        number.map(|(rows, number)| rows.table.row(number)).transpose()
    }

    fn is_at_hand(&self, case: &CaseRef) -> bool {
        let rows = self.rows.get(case.scenario as usize).and_then(Option::as_ref);
        let number = rows.zip(case.row).and_then(|(rows, nth)| Some((rows, rows.selection.row(nth)?)));
        number.is_none_or(|(rows, number)| rows.table.is_at_hand(number))
    }

    fn named(&self, case: &CaseRef, row: Option<&Row>) -> Option<CaseId> {
        Some(CaseId { row: row.map(|row| row.id.clone()), ..self.input.id(case)? })
    }

    fn filled(&self, case: &CaseRef, scenario: Arc<Scenario>, row: Row) -> (Arc<Scenario>, Option<Refused>) {
        let rows = self.rows.get(case.scenario as usize).and_then(Option::as_ref);
        match rows.map(|rows| of_row(&scenario, rows.table.index(), row)) {
            None => (scenario, None),
            Some(Ok(filled)) => (Arc::new(filled), None),
            Some(Err(refused)) => (scenario, Some(refused)),
        }
    }
}

fn of_row(scenario: &Scenario, index: &Index, row: Row) -> Result<Scenario, Refused> {
    let (table, line): (Arc<str>, u64) = (index.table.as_str().into(), row.line);
    let refused = |reason, why: String| Refused { reason, table: table.clone(), line, why };
    let values = row.values.map_err(|why| refused("RowMalformed", why))?;
    let expects = index.columns.contains_key(EXPECTED);
    let row = OfTable { table: table.clone(), line: u32::try_from(line).unwrap_or(u32::MAX), values, expects };
    scenario.with_row(&row).map_err(|error| refused(error.reason(), error.to_string()))
}

/// Column of what is expected.
const EXPECTED: &str = "expected";

struct OfTable {
    table: Arc<str>,
    line: u32,
    values: Values,
    expects: bool,
}

impl RowValues for OfTable {
    fn text(&self, column: &str) -> Option<String> {
        self.values.text(column)
    }

    fn value(&self, column: &str) -> Option<Value> {
        self.values.value(column)
    }

    fn list(&self, column: &str) -> Option<Value> {
        self.values.list(column)
    }

    fn names(&self) -> Vec<String> {
        self.values.names().map(str::to_owned).collect()
    }

    fn expects(&self) -> bool {
        self.expects
    }

    fn place(&self) -> (Arc<str>, u32) {
        (self.table.clone(), self.line)
    }
}
