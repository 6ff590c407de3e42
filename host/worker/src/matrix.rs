//! The plan together with what its numbers stand for.

use std::sync::Arc;

use arena_bundle::Scenario;
use arena_evaluate::CaseInput;
use arena_model::CaseId;
use arena_plan::{Plan, PlanInput};

/// Turns places in the plan into cases.
pub struct Matrix {
    /// The plan.
    pub plan: Plan,
    input: PlanInput,
    scenarios: Vec<Arc<Scenario>>,
}

impl Matrix {
    /// `scenarios` are those of `input`, in its order.
    pub fn new(plan: Plan, input: PlanInput, scenarios: Vec<Arc<Scenario>>) -> Self {
        Self { plan, input, scenarios }
    }

    /// The case at `index` of the plan, none past its end.
    pub fn case(&self, index: u64, attempt: u32) -> Option<CaseInput> {
        let case = self.plan.case(index)?;
        let scenario = self.scenarios.get(case.scenario as usize)?;
        let scenario = match case.variant {
            Some(number) => Arc::new(scenario.varied(number)),
            None => scenario.clone(),
        };
        Some(CaseInput { index, scenario, id: self.input.id(&case)?, attempt })
    }

    /// The names of the case at `index`, none past the end of the plan: what is wanted of a case that is not run.
    pub fn id(&self, index: u64) -> Option<CaseId> {
        self.input.id(&self.plan.case(index)?)
    }

    /// The scenarios, in plan order.
    pub fn scenarios(&self) -> &[Arc<Scenario>] {
        &self.scenarios
    }
}
