//! Which providers a scenario runs with.

use crate::PlanError;

/// Group of a provider that names none, and of a scenario that names none.
const DEFAULT_GROUP: &str = "default";

/// Least similarity (0 to 1) for a name to be suggested.
const SIMILAR: f64 = 0.75;

/// A provider as selection sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Provider id.
    pub id: String,
    /// Its group; none is the group `default`.
    pub group: Option<String>,
    /// What it says it can do.
    pub capabilities: Vec<String>,
}

/// What a scenario asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Scenario id, for messages.
    pub scenario: &'a str,
    /// Provider ids it names; if there are any, groups take no part.
    pub providers: &'a [String],
    /// Group it names.
    pub group: Option<&'a str>,
    /// Capabilities that providers it does not name must have, all of them.
    pub capabilities: &'a [String],
}

/// Selects as PromptKit does: the providers a scenario names, whatever they are capable of; else those of its group (or
/// `default`), else all, of these the ones that list every capability it needs. Gives indexes into the candidates,
/// sorted by id, at least one. That a group has no member is for whoever reads the bundle to say.
///
/// # Errors
/// [`PlanError::ProviderUnknown`] for a named id that is no candidate, [`PlanError::NothingSelected`] if none is left.
pub fn select_providers(candidates: &[Candidate], wanted: &Wanted<'_>) -> Result<Vec<u32>, PlanError> {
    let mut chosen = choose(candidates, wanted)?;
    let before = chosen.len();
    if wanted.providers.is_empty() {
        let capable = |candidate: &Candidate| wanted.capabilities.iter().all(|c| candidate.capabilities.contains(c));
        chosen.retain(|&index| capable(&candidates[index]));
    }
    if chosen.is_empty() {
        let scenario = wanted.scenario;
        let what = match before {
            0 => format!("scenario `{scenario}`: there is no provider to run with; add one to `spec.providers`"),
            _ => {
                let needed = wanted.capabilities.join(", ");
                format!(
                    "scenario `{scenario}`: none of its {before} providers has all required capabilities ({needed}); \
                     add what is missing to the `capabilities` of one, or take it out of `required_capabilities`"
                )
            }
        };
        return Err(PlanError::NothingSelected { what });
    }
    chosen.sort_by(|&a, &b| candidates[a].id.cmp(&candidates[b].id));
    chosen.dedup();
    Ok(chosen.into_iter().map(|index| index as u32).collect())
}

fn choose(candidates: &[Candidate], wanted: &Wanted<'_>) -> Result<Vec<usize>, PlanError> {
    if !wanted.providers.is_empty() {
        let find = |id: &String| {
            candidates.iter().position(|candidate| candidate.id == *id).ok_or_else(|| PlanError::ProviderUnknown {
                scenario: wanted.scenario.to_owned(),
                provider: id.clone(),
                meant: closest(id, candidates.iter().map(|candidate| candidate.id.as_str())),
            })
        };
        return wanted.providers.iter().map(find).collect();
    }
    let group = wanted.group.unwrap_or(DEFAULT_GROUP);
    let of_group = |&index: &usize| candidates[index].group.as_deref().unwrap_or(DEFAULT_GROUP) == group;
    let chosen: Vec<usize> = (0..candidates.len()).filter(of_group).collect();
    Ok(if chosen.is_empty() { (0..candidates.len()).collect() } else { chosen })
}

/// The name most like `wanted`, if one is like it at all.
pub(crate) fn closest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    names
        .map(|name| (strsim::jaro_winkler(name, wanted), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        let make = |id: &str, group: Option<&str>, capabilities: &[&str]| Candidate {
            id: id.into(),
            group: group.map(Into::into),
            capabilities: capabilities.iter().map(|&c| c.into()).collect(),
        };
        vec![
            make("zeta", None, &["vision", "tools"]),
            make("alpha", Some("default"), &[]),
            make("judge", Some("judges"), &["tools"]),
        ]
    }

    fn select(providers: &[&str], group: Option<&str>, capabilities: &[&str]) -> Result<Vec<u32>, PlanError> {
        let own = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let (providers, capabilities) = (own(providers), own(capabilities));
        let wanted = Wanted { scenario: "s", providers: &providers, group, capabilities: &capabilities };
        select_providers(&candidates(), &wanted)
    }

    #[test]
    fn named_providers_win_over_groups_and_stand_sorted_once() {
        let selection = select(&["zeta", "judge", "zeta"], Some("default"), &[]).unwrap();
        assert_eq!(selection, [2, 0]);
    }

    #[test]
    fn a_group_selects_its_members_and_no_group_means_default() {
        assert_eq!(select(&[], Some("judges"), &[]).unwrap(), [2]);
        assert_eq!(select(&[], None, &[]).unwrap(), [1, 0]);
    }

    #[test]
    fn an_unknown_group_selects_all() {
        assert_eq!(select(&[], Some("nope"), &[]).unwrap(), [1, 2, 0]);
    }

    #[test]
    fn without_a_default_group_all_are_taken() {
        let candidates = vec![Candidate { id: "a".into(), group: Some("x".into()), capabilities: vec![] }];
        let wanted = Wanted { scenario: "s", providers: &[], group: None, capabilities: &[] };
        assert_eq!(select_providers(&candidates, &wanted).unwrap(), [0]);
    }

    #[test]
    fn capabilities_filter() {
        assert_eq!(select(&[], None, &["vision"]).unwrap(), [0]);
        assert_eq!(select(&[], Some("nope"), &["tools"]).unwrap(), [2, 0], "also where all are taken");
    }

    #[test]
    fn a_provider_that_is_named_runs_whatever_it_is_capable_of() {
        assert_eq!(select(&["alpha", "zeta"], None, &["vision"]).unwrap(), [1, 0]);
    }

    #[test]
    fn a_filter_that_matches_nothing_is_an_error() {
        let error = select(&[], None, &["audio", "tools"]).unwrap_err();
        assert!(matches!(error, PlanError::NothingSelected { .. }));
        assert!(error.to_string().contains("none of its 2 providers has all required capabilities (audio, tools)"));
        let wanted = Wanted { scenario: "s", providers: &[], group: None, capabilities: &[] };
        assert!(matches!(select_providers(&[], &wanted), Err(PlanError::NothingSelected { .. })));
    }

    #[test]
    fn an_unknown_name_suggests_the_closest() {
        let error = select(&["zetta"], None, &[]).unwrap_err();
        assert_eq!(error.to_string(), "scenario `s`: provider `zetta` does not exist; did you mean `zeta`?");
        let error = select(&["qqq"], None, &[]).unwrap_err();
        assert_eq!(error.to_string(), "scenario `s`: provider `qqq` does not exist");
    }
}
