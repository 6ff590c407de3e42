//! What a command line leaves in of a bundle: scenarios, labels, providers and regions by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arena_bundle::{Bundle, PackEval, Scenario};
use arena_model::Selection;

use crate::names::{Pattern, Patterns, there_are};
use crate::{PlanError, PlanInput, input};

/// The bundle with the scenarios and providers that `selection` leaves, and the input of its plan. Providers that only
/// judge stay. What `selection` says of single cases is for [`crate::pick`].
///
/// # Errors
/// Those of [`input`], [`PlanError::GlobInvalid`], and [`PlanError::NothingSelected`] for a name that matches nothing or
/// names that leave nothing together.
pub fn filter(mut bundle: Bundle, selection: &Selection) -> Result<(Bundle, PlanInput), PlanError> {
    evals(&mut bundle, selection)?;
    let names: Vec<&str> = bundle.scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
    let scenarios = Patterns::new("scenario", &selection.scenarios, &names)?;
    let labels = labels(&bundle.scenarios, &selection.labels)?;
    let kept = |scenario: &Arc<Scenario>| {
        let labelled = labels.iter().all(|(key, values)| {
            scenario.labels.get(*key).is_some_and(|label| values.iter().any(|value| value.is_match(label)))
        });
        labelled && scenarios.is_match(&scenario.id)
    };
    bundle.scenarios.retain(kept);
    if bundle.scenarios.is_empty() && !names_nothing(selection) {
        let what = format!(
            "no scenario has all the labels {} among those that match {}",
            selection.labels.join(", "),
            if selection.scenarios.is_empty() { "any name".to_owned() } else { selection.scenarios.join(", ") }
        );
        return Err(PlanError::NothingSelected { what });
    }
    let mut plan = input(&bundle)?;
    if !selection.regions.is_empty() {
        plan.regions = selection.regions.iter().cloned().map(Some).collect();
    }
    if !selection.providers.is_empty() {
        providers(&mut bundle, &mut plan, &selection.providers)?;
    }
    Ok((bundle, plan))
}

/// Puts the wanted recordings in the place of scenarios, and takes evals out that are not wanted.
fn evals(bundle: &mut Bundle, selection: &Selection) -> Result<(), PlanError> {
    if !selection.evals.is_empty() {
        let names: Vec<&str> = bundle.recordings.iter().map(|recording| recording.id.as_str()).collect();
        let wanted = Patterns::new("eval", &selection.evals, &names)?;
        bundle.scenarios = bundle.recordings.iter().filter(|it| wanted.is_match(&it.id)).cloned().collect();
    }
    let Selection { skip_pack_evals, eval_types, eval_groups, .. } = selection;
    if !skip_pack_evals && eval_types.is_empty() && eval_groups.is_empty() {
        return Ok(());
    }
    let all = || bundle.evals.iter().chain(bundle.prompts.values().flat_map(|prompt| &prompt.evals));
    let types: Vec<&str> = all().map(|eval| eval.check.kind.as_str()).collect();
    let groups: Vec<&str> = all().flat_map(|eval| &eval.groups).map(String::as_str).collect();
    let types = Patterns::new("type of an eval", eval_types, &types)?;
    let groups = Patterns::new("group of evals", eval_groups, &groups)?;
    let kept = |eval: &Arc<PackEval>| {
        !skip_pack_evals && types.is_match(&eval.check.kind) && eval.groups.iter().any(|group| groups.is_match(group))
    };
    bundle.evals.retain(kept);
    bundle.prompts.values_mut().for_each(|prompt| prompt.evals.retain(kept));
    Ok(())
}

fn names_nothing(selection: &Selection) -> bool {
    selection.scenarios.is_empty() && selection.labels.is_empty()
}

/// The wanted values of each key.
fn labels<'a>(scenarios: &[Arc<Scenario>], wanted: &'a [String]) -> Result<BTreeMap<&'a str, Vec<Pattern>>, PlanError> {
    let mut labels: BTreeMap<&str, Vec<Pattern>> = BTreeMap::new();
    for text in wanted {
        let (key, value) = text.split_once('=').unwrap_or((text, "*"));
        let keys: BTreeSet<&str> =
            scenarios.iter().flat_map(|scenario| scenario.labels.keys()).map(String::as_str).collect();
        if !keys.contains(key) {
            let keys: Vec<&str> = keys.into_iter().collect();
            let what = format!("no scenario has the label `{key}`{}", there_are(key, &keys));
            return Err(PlanError::NothingSelected { what });
        }
        let values: BTreeSet<&str> =
            scenarios.iter().filter_map(|scenario| scenario.labels.get(key)).map(String::as_str).collect();
        let pattern = Pattern::new(value)?;
        if !values.iter().any(|known| pattern.is_match(known)) {
            let values: Vec<&str> = values.into_iter().collect();
            let what =
                format!("no scenario has the label `{key}` with the value `{value}`{}", there_are(value, &values));
            return Err(PlanError::NothingSelected { what });
        }
        labels.entry(key).or_default().push(pattern);
    }
    Ok(labels)
}

/// Takes the other providers out of the plan, then scenarios without one, then providers that neither run nor judge.
fn providers(bundle: &mut Bundle, plan: &mut PlanInput, wanted: &[String]) -> Result<(), PlanError> {
    let known: Vec<&str> = plan.providers.iter().map(String::as_str).collect();
    let patterns = Patterns::new("provider", wanted, &known)?;
    let all = &plan.providers;
    for scenario in &mut plan.scenarios {
        scenario.providers.retain(|lane| all.get(*lane as usize).is_some_and(|id| patterns.is_match(id)));
    }
    plan.scenarios.retain(|scenario| !scenario.providers.is_empty());
    if plan.scenarios.is_empty() {
        let what = format!("none of the scenarios runs with a provider that matches {}", wanted.join(", "));
        return Err(PlanError::NothingSelected { what });
    }
    let scenarios: BTreeSet<&str> = plan.scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
    bundle.scenarios.retain(|scenario| scenarios.contains(scenario.id.as_str()));
    let lanes = plan.scenarios.iter().flat_map(|scenario| &scenario.providers);
    let needed: BTreeSet<&str> = lanes
        .filter_map(|lane| plan.providers.get(*lane as usize))
        .chain(bundle.judges.values())
        .chain(bundle.roles.values())
        .map(String::as_str)
        .collect();
    bundle.providers.retain(|provider| needed.contains(provider.id.as_str()));
    Ok(())
}
