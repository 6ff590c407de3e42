//! What a run may spend: its flags, who has no price, and what a case is reckoned with before it is run.

use std::collections::BTreeMap;
use std::sync::Arc;

use arena_bundle::{Assertion, Bundle, ProviderSpec, Scenario};
use arena_evaluate::check_type;
use arena_model::{Lineage, Manifest};
use arena_provider::{Amount, Budget, Meter, Purse, USUAL_TOKENS, price};
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::session::{Session, provider_settings};

/// Key of a manifest's settings.
pub const BUDGET: &str = "budget";
/// Kinds of providers that call nobody.
const OFFLINE: [&str; 2] = ["mock", "replay"];
/// Bytes that a judge is asked beside the conversation.
const QUESTION_BYTES: usize = 4096;
/// Bytes of a token of an answer that comes back in later prompts.
const TOKEN_BYTES: usize = 4;

/// Flags on what may be spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Budget")]
#[serde(rename_all = "camelCase", default)]
pub struct Flags {
    /// US dollars that all calls together may cost; what does not fit is not run. With --resume it takes the place of what
    /// the run was started with.
    #[arg(long, value_name = "USD", value_parser = usd)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<f64>,
    /// Calls of models that may be made, users, judges, embeddings and attempts that failed included.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_calls: Option<u64>,
}

fn usd(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(usd) if usd.is_finite() && usd > 0.0 && usd < 1e9 => Ok(usd),
        _ => Err("give US dollars, such as 2.50".to_owned()),
    }
}

impl Flags {
    /// These, and where they say nothing those that a run was started with.
    pub fn or(self, manifest: &Manifest) -> Self {
        let was: Self = serde_json::from_value(manifest.origin.settings[BUDGET].clone()).unwrap_or_default();
        Self { max_cost: self.max_cost.or(was.max_cost), max_calls: self.max_calls.or(was.max_calls) }
    }

    /// Whether anything is limited.
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }

    /// A full purse; none if nothing is limited.
    pub fn purse(&self) -> Option<Arc<Purse>> {
        let cost_usd_micro = self.max_cost.map(|usd| (usd * 1e6).round() as u64);
        let budget = Budget { cost_usd_micro, calls: self.max_calls };
        self.is_set().then(|| Arc::new(Purse::new(budget, Amount::default())))
    }
}

/// What of a run's records was paid by another run.
pub fn paid_before(manifest: &Manifest) -> Amount {
    let from = manifest.origin.from.as_ref();
    let amount = |from: &Lineage| Amount { cost_usd_micro: from.cost_usd_micro, calls: from.calls };
    from.map(amount).unwrap_or_default()
}

/// What the calls of a provider can cost. `mocked` says that a mock answers in its place.
pub fn meter(spec: &ProviderSpec, bundle: &Bundle, mocked: bool) -> Meter {
    let offline = mocked || OFFLINE.contains(&spec.kind.as_str());
    Meter {
        id: spec.id.clone(),
        price: if offline { None } else { price(&provider_settings(spec)) },
        max_tokens: bundle.defaults.max_tokens.or(spec.defaults.max_tokens),
    }
}

/// Refuses a limit of cost where somebody who may be called has no price.
pub fn refuse_unpriced(session: &Session, flags: Flags, mocked: bool) -> Result<(), Failure> {
    let bundle = &session.bundle;
    let agents =
        session.matrix.plan.lanes().iter().filter(|lane| lane.len > 0).map(|lane| (lane.provider.as_str(), mocked));
    let others = bundle.judges.values().chain(bundle.roles.values()).map(|id| (id.as_str(), false));
    let embedders = bundle.embedders.iter().map(|spec| (spec.id.as_str(), false));
    let called: BTreeMap<&str, bool> = agents.chain(others).chain(embedders).collect();
    let unpriced = bundle.called().find(|spec| {
        let mocked = called.get(spec.id.as_str()).copied();
        mocked.is_some_and(|mocked| {
            !mocked && !OFFLINE.contains(&spec.kind.as_str()) && meter(spec, bundle, mocked).price.is_none()
        })
    });
    match unpriced.filter(|_| flags.max_cost.is_some()) {
        None => Ok(()),
        Some(spec) => {
            let text = format!("{}: --max-cost: nobody knows what `{}` costs", spec.file, spec.id);
            Err(Failure::input("PriceUnknown", text).hint("set `pricing` of the provider, or limit --max-calls"))
        }
    }
}

/// For each lane of the plan, the most that one of its cases is reckoned with: all turns, an answer each as long as it may
/// be, and every judge asked. Tools that are called over and over are not in it.
pub fn reserves(session: &Session, mocked: bool) -> Vec<Amount> {
    let bundle = &session.bundle;
    let of_lane = |provider: &str| {
        let spec = bundle.providers.iter().find(|spec| spec.id == provider);
        let Some(meter) = spec.map(|spec| meter(spec, bundle, mocked)) else { return Amount::default() };
        let most =
            session.matrix.scenarios().iter().map(|scenario| of_case(session, session.example(scenario), &meter));
        most.fold(Amount::default(), |most, one| Amount {
            cost_usd_micro: most.cost_usd_micro.max(one.cost_usd_micro),
            calls: most.calls.max(one.calls),
        })
    };
    session.matrix.plan.lanes().iter().map(|lane| of_lane(&lane.provider)).collect()
}

fn of_case(session: &Session, scenario: &Scenario, agent: &Meter) -> Amount {
    let bundle = &session.bundle;
    let prompt = bundle.prompts.get(&scenario.task_type).map_or(0, |prompt| prompt.system_template.len());
    let answer = agent.max_tokens.unwrap_or(USUAL_TOKENS) as usize * TOKEN_BYTES;
    let (mut said, mut all) = (prompt, Amount::default());
    let named = |id: Option<&String>| {
        let spec = id.and_then(|id| bundle.called().find(|spec| spec.id == *id));
        spec.map(|spec| meter(spec, bundle, false))
    };
    let judge = named(bundle.judges.values().next());
    let embedder = named(bundle.embedder().map(str::to_owned).as_ref());
    let checked = |assertions: &mut dyn Iterator<Item = &Assertion>, said: usize| {
        assertions.flat_map(Assertion::checks).fold(Amount::default(), |sum, check| {
            let grants = session.library.find(&check_type(check)).map(|entry| entry.grants);
            let asks = |wanted: bool, meter: &Option<Meter>| {
                let most = |meter: &Meter| meter.most(said.saturating_add(QUESTION_BYTES), None);
                if wanted { meter.as_ref().map(most).unwrap_or_default() } else { Amount::default() }
            };
            let (judges, embeds) = grants.map_or((false, false), |grants| (grants.judge, grants.embed));
            sum + asks(judges, &judge) + asks(embeds, &embedder)
        })
    };
    for turn in &scenario.turns {
        let exchanges = turn.play.as_ref().map_or(1, |play| play.max_turns.unwrap_or(play.turns).max(play.turns));
        let player = turn.play.as_ref().and_then(|_| named(bundle.roles.get(&turn.role)));
        for _ in 0..exchanges {
            all = all + player.as_ref().map(|player| player.most(said, None)).unwrap_or_default();
            said = said.saturating_add(if player.is_some() { answer } else { turn.content.text().len() });
            all = all + agent.most(said, None);
            said = said.saturating_add(answer);
            all = all + checked(&mut turn.assertions.iter(), said);
        }
    }
    all + checked(&mut scenario.conversation_assertions.iter().map(AsRef::as_ref), said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_dollars() {
        for wrong in ["", "0", "-1", "NaN", "inf", "2 USD", "1e12"] {
            assert!(usd(wrong).is_err(), "{wrong}");
        }
        assert_eq!(usd("2.50"), Ok(2.5));
        let purse = Flags { max_cost: Some(0.000_002), max_calls: None }.purse();
        assert!(purse.is_some_and(|purse| {
            let cost = |cost_usd_micro| Amount { cost_usd_micro, calls: 1 };
            purse.fits(cost(2)) && !purse.fits(cost(3))
        }));
    }
}
