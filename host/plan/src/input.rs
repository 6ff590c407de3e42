//! What a plan is made from.

use std::collections::BTreeSet;

use arena_model::{CaseId, Digest, Hasher};

use crate::{CaseRef, PlanError};

/// Largest number of cases a plan may have unless a setting says otherwise.
pub const DEFAULT_CAP: u64 = 10_000_000;

/// All that a plan depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanInput {
    /// In plan order (the caller sorts by id). Ids are unique.
    pub scenarios: Vec<PlanScenario>,
    /// Provider ids, sorted and unique; the position is the lane.
    pub providers: Vec<String>,
    /// Regions every scenario runs in, unique and at least one; none is the default region.
    pub regions: Vec<Option<String>>,
    /// Largest number of cases allowed, see [`DEFAULT_CAP`].
    pub cap: u64,
}

/// One scenario with the sizes of its dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanScenario {
    /// Scenario id.
    pub id: String,
    /// Indexes into [`PlanInput::providers`] in the order the cases stand, unique and at least one.
    pub providers: Vec<u32>,
    /// Repetitions, at least one.
    pub trials: u32,
    /// Rows of its dataset, at least one; none if the scenario has no dataset.
    pub rows: Option<u64>,
    /// Names of its perturbation variants, unique and at least one; none if the scenario has no perturbation.
    pub variants: Option<Vec<String>>,
}

impl PlanInput {
    /// The names of a case; none if it is of another plan.
    pub fn id(&self, case: &CaseRef) -> Option<CaseId> {
        let scenario = self.scenarios.get(case.scenario as usize)?;
        let variant = |number: u32| scenario.variants.as_ref()?.get(number as usize).cloned();
        Some(CaseId {
            scenario: scenario.id.clone(),
            provider: self.providers.get(case.provider as usize)?.clone(),
            region: self.regions.get(case.region as usize)?.clone(),
            trial: case.trial,
            row: case.row.map(|row| row.to_string()),
            variant: case.variant.and_then(variant),
        })
    }

    /// Refuses input that gives no cases, two with one key, or more than the cap.
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        if self.scenarios.is_empty() {
            return Err(PlanError::NothingSelected {
                what: "there is no scenario to run; add one to `spec.scenarios`".into(),
            });
        }
        nonzero("plan", "regions", self.regions.len() as u64)?;
        unique("plan", "scenario", self.scenarios.iter().map(|scenario| scenario.id.as_str()))?;
        unique("plan", "provider", self.providers.iter().map(String::as_str))?;
        unique("plan", "region", self.regions.iter().map(|region| region.as_deref().unwrap_or("(default)")))?;
        let mut cases: u128 = 0;
        for scenario in &self.scenarios {
            let of = format!("scenario `{}`", scenario.id);
            let dimensions = [
                ("regions", self.regions.len() as u64),
                ("providers", scenario.providers.len() as u64),
                ("trials", scenario.trials.into()),
                ("rows", scenario.rows.unwrap_or(1)),
                ("variants", scenario.variants.as_ref().map_or(1, |names| names.len() as u64)),
            ];
            let mut product: u128 = 1;
            for (dimension, size) in dimensions {
                nonzero(&of, dimension, size)?;
                product = product.saturating_mul(size.into());
            }
            cases = cases.saturating_add(product);
            let mut names = Vec::with_capacity(scenario.providers.len());
            for &index in &scenario.providers {
                names.push(self.providers.get(index as usize).map(String::as_str).ok_or_else(|| {
                    let (scenario, providers) = (scenario.id.clone(), self.providers.len());
                    PlanError::ProviderIndexInvalid { scenario, index, providers }
                })?);
            }
            unique(&of, "provider", names.into_iter())?;
            unique(&of, "variant", scenario.variants.iter().flatten().map(String::as_str))?;
        }
        match cases.checked_sub(self.cap.into()) {
            None | Some(0) => Ok(()),
            Some(over) => Err(PlanError::PlanTooLarge { cases, cap: self.cap, over }),
        }
    }

    /// Digest of the cases by name.
    pub(crate) fn digest(&self) -> Digest {
        let mut hasher = Hasher::default();
        let number = |hasher: &mut Hasher, value: Option<u64>| {
            match value {
                Some(value) => hasher.field(&value.to_be_bytes()),
                None => hasher.field(b""),
            };
        };
        hasher.field(b"arena plan 1");
        number(&mut hasher, Some(self.regions.len() as u64));
        for region in &self.regions {
            match region {
                Some(name) => hasher.field(b"1").field(name.as_bytes()),
                None => hasher.field(b"0"),
            };
        }
        for scenario in &self.scenarios {
            hasher.field(scenario.id.as_bytes());
            number(&mut hasher, Some(scenario.providers.len() as u64));
            for &provider in &scenario.providers {
                hasher.field(self.providers[provider as usize].as_bytes());
            }
            number(&mut hasher, Some(scenario.trials.into()));
            number(&mut hasher, scenario.rows);
            number(&mut hasher, scenario.variants.as_ref().map(|names| names.len() as u64));
            for name in scenario.variants.iter().flatten() {
                hasher.field(name.as_bytes());
            }
        }
        hasher.finish()
    }
}

fn nonzero(of: &str, dimension: &'static str, size: u64) -> Result<(), PlanError> {
    if size == 0 {
        return Err(PlanError::DimensionEmpty { of: of.to_owned(), dimension });
    }
    Ok(())
}

fn unique<'a>(of: &str, what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), PlanError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(PlanError::Duplicate { of: of.to_owned(), what, value: name.to_owned() });
        }
    }
    Ok(())
}
