//! What a plan needs of a bundle.

use arena_bundle::Bundle;

use crate::select::{Candidate, Wanted, select_providers};
use crate::{DEFAULT_CAP, PlanError, PlanInput, PlanScenario};

/// The matrix of a bundle: every scenario with the providers it runs with.
///
/// # Errors
/// A scenario without a provider that fits, or that names one which does not exist.
pub fn input(bundle: &Bundle) -> Result<PlanInput, PlanError> {
    let candidates: Vec<Candidate> = bundle
        .providers
        .iter()
        .map(|spec| Candidate {
            id: spec.id.clone(),
            group: Some(spec.group.clone()),
            capabilities: spec.capabilities.clone(),
        })
        .collect();
    let mut scenarios = Vec::new();
    for scenario in &bundle.scenarios {
        let wanted = Wanted {
            scenario: &scenario.id,
            providers: &scenario.providers,
            group: scenario.provider_group.as_deref(),
            capabilities: &scenario.required_capabilities,
        };
        let providers = select_providers(&candidates, &wanted)
            .map_err(|error| PlanError::OfFile { file: scenario.file.to_string(), error: Box::new(error) })?;
        scenarios.push(PlanScenario {
            id: scenario.id.clone(),
            providers,
            trials: scenario.trials,
            rows: None,
            variants: None,
        });
    }
    let providers = candidates.into_iter().map(|candidate| candidate.id).collect();
    Ok(PlanInput { scenarios, providers, regions: vec![None], cap: DEFAULT_CAP })
}
