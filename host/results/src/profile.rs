//! What checks are worth and what they take: which never say no, and which take most of the fuel or the money.

use std::collections::BTreeMap;

use arena_model::{CheckProfile, Checks, CostlyCheck, DeadCheck, Outcome, Scope};

use crate::row::Check;
use crate::slice::Slices;

/// Passes from which on a check that did nothing else is called dead: it then fails in less than 6 % of cases, with 95 %
/// confidence.
const DEAD_FROM: u64 = 50;
/// Dead checks that are listed.
const DEAD_LISTED: usize = 20;
/// Places of checks that are watched, beside their types.
const PLACES: usize = 4096;
/// Share of fuel or cost from which on a type is called costly.
const COSTLY_FROM: f64 = 0.25;
/// How many times its even part a type's fuel is, if it is called costly by that.
const MORE_THAN_EVEN: f64 = 1.5;
/// Costly types that are listed.
const COSTLY_LISTED: usize = 5;

/// Where a check is declared: number of the type, number of the scenario, and its place there.
type Place = (usize, usize, Scope, Option<u32>, u32);

/// Passes, and everything else that is a verdict.
#[derive(Clone, Copy, Default)]
struct Seen {
    passed: u64,
    other: u64,
}

impl Seen {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed | Outcome::Error => self.other += 1,
            Outcome::Skipped | Outcome::NotRun => {}
        }
    }

    fn is_dead(self) -> bool {
        self.other == 0 && self.passed >= DEAD_FROM
    }
}

/// All checks so far.
#[derive(Default)]
pub(crate) struct Profiles {
    /// By number of the type.
    types: Vec<(CheckProfile, Seen)>,
    places: BTreeMap<Place, Seen>,
}

impl Profiles {
    /// Adds a check of the type and the scenario of these numbers.
    pub(crate) fn add(&mut self, kind: usize, scenario: usize, check: &Check<'_>) {
        if self.types.len() <= kind {
            self.types.resize_with(kind + 1, Default::default);
        }
        let Some((profile, seen)) = self.types.get_mut(kind) else { return };
        profile.calls += check.calls.len() as u64;
        if !check.reused {
            profile.fresh += u64::from(check.fuel > 0);
            profile.fuel = profile.fuel.saturating_add(check.fuel);
            profile.memory_bytes_max = profile.memory_bytes_max.max(check.memory_bytes);
        }
        // A guardrail that never had to act is as it should be.
        if check.scope == Scope::Guardrail {
            return;
        }
        seen.add(check.outcome);
        let place = (kind, scenario, check.scope, check.turn, check.index);
        if let Some(seen) = self.places.get_mut(&place) {
            seen.add(check.outcome);
        } else if self.places.len() < PLACES {
            self.places.entry(place).or_default().add(check.outcome);
        }
    }

    /// What is to be said of them; `cost` is that of all cases. None if there are no checks.
    pub(crate) fn finish(&self, evaluators: &Slices, scenarios: &Slices, cost: Option<u64>) -> Option<Checks> {
        if self.types.is_empty() {
            return None;
        }
        let (kinds, scenarios) = (evaluators.names(), scenarios.names());
        let name = |names: &[&str], number: usize| names.get(number).copied().unwrap_or_default().to_owned();
        let mut dead = Vec::new();
        for (kind, (_, seen)) in self.types.iter().enumerate().filter(|(_, (_, seen))| seen.is_dead()) {
            let judged = seen.passed;
            let (kind, scenario, scope) = (name(&kinds, kind), None, None);
            dead.push(DeadCheck { scenario, scope, turn: None, index: None, kind, judged });
        }
        let single = self.places.iter().filter(|(place, seen)| seen.is_dead() && !self.types[place.0].1.is_dead());
        for (&(kind, scenario, scope, turn, index), seen) in single {
            let (kind, scenario) = (name(&kinds, kind), Some(name(&scenarios, scenario)));
            dead.push(DeadCheck { scenario, scope: Some(scope), turn, index: Some(index), kind, judged: seen.passed });
        }
        let dead_left_out = dead.len().saturating_sub(DEAD_LISTED) as u64;
        dead.truncate(DEAD_LISTED);
        let profiles = self.types.iter().enumerate().map(|(kind, (profile, _))| (name(&kinds, kind), profile.clone()));
        let profiles = profiles.collect();
        let costly = costly(&profiles, evaluators, cost);
        Some(Checks { profiles, dead_from: DEAD_FROM, dead, dead_left_out, costly })
    }
}

/// Types that take a large share, where there are others to compare with.
fn costly(profiles: &BTreeMap<String, CheckProfile>, evaluators: &Slices, cost: Option<u64>) -> Vec<CostlyCheck> {
    let share = |part: u64, whole: u64| if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
    let fuel = profiles.values().fold(0u64, |sum, profile| sum.saturating_add(profile.fuel));
    let shares = evaluators.iter().filter_map(|(kind, slice)| {
        let fuel_share = share(profiles.get(kind)?.fuel, fuel);
        let cost_share = slice.tally().cost_usd_micro.zip(cost).map(|(part, whole)| share(part, whole));
        Some(CostlyCheck { kind: kind.clone(), fuel_share, cost_share })
    });
    // Of two types each has about a half, which says nothing.
    let telling = MORE_THAN_EVEN / profiles.len().max(1) as f64;
    let by_fuel = |check: &CostlyCheck| if check.fuel_share >= telling { check.fuel_share } else { 0.0 };
    let most = |check: &CostlyCheck| by_fuel(check).max(check.cost_share.unwrap_or_default());
    let mut costly: Vec<_> = shares.filter(|check| most(check) >= COSTLY_FROM).collect();
    costly.sort_by(|a, b| most(b).total_cmp(&most(a)).then_with(|| a.kind.cmp(&b.kind)));
    costly.truncate(COSTLY_LISTED);
    costly
}
