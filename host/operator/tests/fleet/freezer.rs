//! An engine without a sandbox: the plan is real, components are not looked at.

use std::collections::BTreeMap;
use std::path::Path;

use arena_bundle::{Limits, load};
use arena_model::{Fault as _, PlanPin, RunSpec, Work};
use arena_operator::{Freezer, FrozenWork, Lane, Reported};
use arena_plan::{Plan, PlanError, effective, input};
use async_trait::async_trait;

pub struct PlanOnly;

fn report(reason: &str, message: impl ToString) -> Reported {
    Reported { reason: reason.to_owned(), message: message.to_string() }
}

fn plan_error(error: PlanError) -> Reported {
    report(error.reason(), error)
}

#[async_trait]
impl Freezer for PlanOnly {
    async fn freeze(&self, folder: &Path, spec: &RunSpec, _: Option<&Path>) -> Result<FrozenWork, Reported> {
        let bundle = load(folder, &Limits::default()).map_err(|problems| report("BundleInvalid", problems))?;
        let bundle = effective(bundle, spec, &BTreeMap::new()).map_err(plan_error)?;
        let input = input(&bundle).map_err(plan_error)?;
        let plan = Plan::new(&input).map_err(plan_error)?;
        let lanes = plan.lanes().iter().map(|lane| Lane { provider: lane.provider.clone(), cases: lane.len });
        let work = Work {
            bundle: bundle.digest.clone(),
            entry: bundle.entry.clone(),
            evaluators: BTreeMap::new(),
            config: serde_json::to_value(spec).unwrap(),
            models: bundle.called().map(|provider| (provider.id.clone(), provider.model.clone())).collect(),
            plan: PlanPin { digest: plan.digest().clone(), cases: plan.len() },
            seed: 1,
            epoch: "2026-01-01T00:00:00Z".to_owned(),
        };
        Ok(FrozenWork { work, lanes: lanes.collect(), engine: "test".to_owned(), dataset: None })
    }

    async fn check(&self, folder: &Path) -> Result<(), Reported> {
        load(folder, &Limits::default()).map(drop).map_err(|problems| report("BundleInvalid", problems))
    }
}
