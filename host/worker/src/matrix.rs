//! The plan together with what its numbers stand for.

use std::collections::BTreeSet;
use std::sync::Arc;

use arena_bundle::{RowValues, Scenario};
use arena_dataset::{DatasetError, Row, Selection, Table, Values};
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
    /// Table, line and what is wrong.
    pub text: String,
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
        let has_row = self.plan.case(index).is_some_and(|case| case.row.is_some());
        if !has_row {
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

    /// Of each scenario its first row that is a case; the scenario itself if it has no table, or no such row among its first.
    ///
    /// # Errors
    /// Those of reading a row.
    pub fn examples(&self) -> Result<Vec<Arc<Scenario>>, DatasetError> {
        let pairs = self.scenarios.iter().zip(&self.rows);
        pairs
            .map(|(scenario, rows)| rows.as_ref().map_or(Ok(scenario.clone()), |rows| rows.example(scenario)))
            .collect()
    }

    /// Types of the checks that rows bring along, each with its table.
    pub fn row_checks(&self) -> BTreeSet<(String, String)> {
        let of_table = |rows: &Rows| {
            let index = rows.table.index();
            index.checks.iter().map(|kind| (index.table.clone(), kind.clone())).collect::<Vec<_>>()
        };
        self.rows.iter().flatten().flat_map(of_table).collect()
    }

    fn row(&self, case: &CaseRef) -> Result<Option<Row>, DatasetError> {
        let rows = self.rows.get(case.scenario as usize).and_then(Option::as_ref);
        let number = rows.zip(case.row).and_then(|(rows, nth)| Some((rows, rows.selection.row(nth)?)));
        number.map(|(rows, number)| rows.table.row(number)).transpose()
    }

    fn named(&self, case: &CaseRef, row: Option<&Row>) -> Option<CaseId> {
        Some(CaseId { row: row.map(|row| row.id.clone()), ..self.input.id(case)? })
    }

    fn filled(&self, case: &CaseRef, scenario: Arc<Scenario>, row: Row) -> (Arc<Scenario>, Option<Refused>) {
        let rows = self.rows.get(case.scenario as usize).and_then(Option::as_ref);
        let table = rows.map_or("", |rows| rows.table.index().table.as_str());
        match of_row(&scenario, table, row) {
            Ok(filled) => (Arc::new(filled), None),
            Err(refused) => (scenario, Some(refused)),
        }
    }
}

/// Rows that are looked at for one that is a case.
const EXAMPLES: u64 = 100;

impl Rows {
    fn example(&self, scenario: &Arc<Scenario>) -> Result<Arc<Scenario>, DatasetError> {
        for nth in 0..self.selection.len().min(EXAMPLES) {
            let Some(number) = self.selection.row(nth) else { break };
            if let Ok(filled) = of_row(scenario, &self.table.index().table, self.table.row(number)?) {
                return Ok(Arc::new(filled));
            }
        }
        Ok(scenario.clone())
    }
}

fn of_row(scenario: &Scenario, table: &str, row: Row) -> Result<Scenario, Refused> {
    let line = row.line;
    let refused = |reason, why: &str| Refused { reason, text: format!("{table}:{line}: {why}") };
    let values = row.values.map_err(|why| refused("RowMalformed", &why))?;
    let row = OfTable { table: table.into(), line: u32::try_from(line).unwrap_or(u32::MAX), values };
    scenario.with_row(&row).map_err(|error| refused(error.reason(), &error.to_string()))
}

struct OfTable {
    table: Arc<str>,
    line: u32,
    values: Values,
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

    fn place(&self) -> (Arc<str>, u32) {
        (self.table.clone(), self.line)
    }
}
