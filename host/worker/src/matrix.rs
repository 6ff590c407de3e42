//! The plan together with what its numbers stand for.

use std::sync::Arc;

use arena_bundle::Scenario;
use arena_evaluate::CaseInput;
use arena_model::CaseId;
use arena_plan::{CaseRef, Plan, PlanInput};

/// Turns places in the plan into cases.
pub struct Matrix {
    /// The plan.
    pub plan: Plan,
    scenarios: Vec<Arc<Scenario>>,
    providers: Vec<String>,
    regions: Vec<Option<String>>,
}

impl Matrix {
    /// `scenarios` are those of `input`, in its order.
    pub fn new(plan: Plan, input: PlanInput, scenarios: Vec<Arc<Scenario>>) -> Self {
        Self { plan, scenarios, providers: input.providers, regions: input.regions }
    }

    /// The case at `index` of the plan, none past its end.
    pub fn case(&self, index: u64, attempt: u32) -> Option<CaseInput> {
        let CaseRef { scenario, provider, region, trial, row, variant, .. } = self.plan.case(index)?;
        let scenario = self.scenarios.get(scenario as usize)?.clone();
        let id = CaseId {
            scenario: scenario.id.clone(),
            provider: self.providers.get(provider as usize)?.clone(),
            region: self.regions.get(region as usize)?.clone(),
            trial,
            row: row.map(|row| row.to_string()),
            variant: variant.map(|variant| variant.to_string()),
        };
        Some(CaseInput { index, scenario, id, attempt })
    }

    /// The scenarios, in plan order.
    pub fn scenarios(&self) -> &[Arc<Scenario>] {
        &self.scenarios
    }
}
