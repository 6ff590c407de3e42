//! What a plan needs of a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arena_bundle::{Bundle, Scenario};

use crate::select::{Candidate, Wanted, select_providers};
use crate::{DEFAULT_CAP, PlanError, PlanInput, PlanScenario};

/// Stands for the provider where nobody is called.
const RECORDED: &str = "eval";

/// The matrix of a bundle: every scenario with the providers it runs with.
///
/// # Errors
/// There is nothing to run: no scenario has a provider that fits.
pub fn input(bundle: &Bundle) -> Result<PlanInput, PlanError> {
    // A bundle has either scenarios or recordings.
    let recorded = bundle.scenarios.iter().any(|scenario| scenario.recording.is_some());
    if recorded {
        let scenario = |scenario: &Arc<Scenario>| PlanScenario {
            id: scenario.id.clone(),
            providers: vec![0],
            trials: 1,
            rows: None,
            variants: None,
        };
        let scenarios = bundle.scenarios.iter().map(scenario).collect();
        return Ok(PlanInput { scenarios, providers: vec![RECORDED.into()], regions: vec![None], cap: DEFAULT_CAP });
    }
    let candidates: Vec<Candidate> = bundle
        .providers
        .iter()
        .map(|spec| Candidate {
            id: spec.id.clone(),
            group: Some(spec.group.clone()),
            capabilities: spec.capabilities.clone(),
        })
        .collect();
    let known = |id: &String| candidates.iter().any(|candidate| candidate.id == *id);
    // One that does not exist has cases all the same, which end in an error that says so.
    let absent = bundle.scenarios.iter().flat_map(|scenario| &scenario.providers).filter(|id| !known(id));
    let providers: BTreeSet<&String> = candidates.iter().map(|candidate| &candidate.id).chain(absent).collect();
    let lanes: BTreeMap<&String, u32> = providers.iter().copied().zip(0..).collect();
    let (mut scenarios, mut refused) = (Vec::new(), None);
    for scenario in &bundle.scenarios {
        let (named, absent): (Vec<String>, Vec<String>) = scenario.providers.iter().cloned().partition(known);
        let wanted = Wanted {
            scenario: &scenario.id,
            providers: &named,
            group: scenario.provider_group.as_deref(),
            capabilities: &scenario.required_capabilities,
        };
        let selected = match named.is_empty() && !absent.is_empty() {
            true => Ok(Vec::new()),
            false => select_providers(&candidates, &wanted),
        };
        let selected = match selected {
            Ok(selected) => selected,
            // Nobody can do it: the scenario is left out, as long as there are others.
            Err(error) => {
                let file = scenario.file.to_string();
                refused.get_or_insert(PlanError::OfFile { file, error: Box::new(error) });
                continue;
            }
        };
        let ids = selected.iter().map(|&index| &candidates[index as usize].id).chain(&absent);
        let lanes: BTreeSet<u32> = ids.map(|id| lanes[id]).collect();
        scenarios.push(PlanScenario {
            id: scenario.id.clone(),
            providers: lanes.into_iter().collect(),
            trials: scenario.trials,
            rows: None,
            variants: scenario
                .perturbations
                .count()
                .map(|count| (0..count).map(|number| scenario.perturbations.name(number)).collect()),
        });
    }
    match refused {
        Some(error) if scenarios.is_empty() => Err(error),
        _ => {
            let providers = providers.into_iter().cloned().collect();
            Ok(PlanInput { scenarios, providers, regions: vec![None], cap: DEFAULT_CAP })
        }
    }
}
