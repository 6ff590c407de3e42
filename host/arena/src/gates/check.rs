//! What is known of gates before the first call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arena_bundle::Scenario;
use arena_gate::{Gate, GateError, Known, Regression};
use arena_results::compare::{Baseline, fewest_items};
use arena_worker::Matrix;

use super::kept::of_bundle;
use super::{UNDECIDED, Wanted, baseline};
use crate::exit::{Failure, OrFail};
use crate::session::Session;

/// Refuses gates, of the command line and of the bundle, that cannot be decided whatever the answers are.
///
/// Errors: `GateUnmatched`, `GateNoData`, those of baselines that are no runs.
pub fn check(session: &Session, given: &Wanted) -> Result<(), Failure> {
    if given.none {
        return Ok(());
    }
    let gates = [&given.gates[..], &of_bundle(&session.bundle, None)?].concat();
    if gates.is_empty() {
        return Ok(());
    }
    let known = known(session);
    let unhinted = |failure: Failure| Failure { hint: failure.hint.or(Some(UNDECIDED.to_owned())), ..failure };
    gates.iter().try_for_each(|gate| check_one(session, &known, gate)).map_err(unhinted)
}

/// What [`check`] would say of the bundle's gates, each with whether a run fails by it wherever it starts: a baseline need
/// not be here to look at the bundle.
pub fn remarks(session: &Session) -> Result<Vec<(bool, Failure)>, Failure> {
    if session.bundle.gates.is_empty() {
        return Ok(Vec::new());
    }
    let (known, gates) = (known(session), of_bundle(&session.bundle, None)?);
    let wrong = |gate: &Gate| {
        let fatal = matches!(gate, Gate::Comparison { .. });
        check_one(session, &known, gate).err().map(|failure| (fatal, failure))
    };
    Ok(gates.iter().filter_map(wrong).collect())
}

fn check_one(session: &Session, known: &Known, gate: &Gate) -> Result<(), Failure> {
    known.check(gate).or_fail()?;
    match gate {
        Gate::Regression { text, regression } => refuse_unpaired(session, text, regression),
        Gate::Comparison { .. } => Ok(()),
    }
}

/// Refuses a comparison with a run of which too few cases are planned.
fn refuse_unpaired(session: &Session, text: &str, regression: &Regression) -> Result<(), Failure> {
    let name = &regression.baseline;
    let baseline = Baseline::read(&baseline(name)?).or_fail()?;
    let fewest = fewest_items(regression.confidence, 1);
    let (mut items, mut pairs) = (BTreeSet::new(), 0_u64);
    for index in 0..session.matrix.plan.len() {
        let Some(id) = session.matrix.id(index).or_fail()? else { continue };
        if baseline.judged(&id.key()) {
            pairs += 1;
            items.insert((id.scenario, id.row));
            if items.len() as u64 >= fewest {
                return Ok(());
            }
        }
    }
    // Of a single item its repeats are compared.
    let (found, what) = match items.len() {
        1 => (pairs, "cases, all of one test item,"),
        many => (many as u64, "test items"),
    };
    let detail = match found {
        found if found >= fewest => return Ok(()),
        0 => format!(
            "none of the planned cases has a verdict in {name}; cases pair up by scenario, provider, region, row, variant \
             and trial"
        ),
        found => format!(
            "{found} {what} of the plan have a verdict in {name}, and below {fewest} it could not break if all of them \
             got worse"
        ),
    };
    Err(GateError::NoData { gate: text.to_owned(), detail }).or_fail()
}

/// What the cases of a session will be of.
fn known(session: &Session) -> Known {
    let input = session.matrix.input();
    let of_id: BTreeMap<&str, &Arc<Scenario>> =
        session.bundle.scenarios.iter().map(|scenario| (scenario.id.as_str(), scenario)).collect();
    let mut known = Known::default();
    let add = |names: &mut BTreeMap<String, u32>, name: String, trials: u32| {
        let most = names.entry(name).or_default();
        *most = trials.max(*most);
    };
    for ((scenario, provider), trials) in slices(&session.matrix) {
        known.trials = trials.max(known.trials);
        let Some(planned) = input.scenarios.get(scenario as usize) else { continue };
        if let Some(provider) = input.providers.get(provider as usize) {
            add(&mut known.providers, provider.clone(), trials);
        }
        for (key, value) in of_id.get(planned.id.as_str()).iter().flat_map(|scenario| &scenario.labels) {
            add(&mut known.labels, format!("{key}={value}"), trials);
        }
        add(&mut known.scenarios, planned.id.clone(), trials);
    }
    let mut types = session.matrix.row_checks();
    for scenario in known.scenarios.keys().filter_map(|id| of_id.get(id.as_str())) {
        let of_turns = scenario.turns.iter().flat_map(|turn| &turn.assertions);
        types.extend(of_turns.map(|check| check.kind.clone()));
        types.extend(scenario.conversation_assertions.iter().map(|check| check.kind.clone()));
    }
    let prompts = || session.bundle.prompts.values();
    types.extend(prompts().flat_map(|prompt| &prompt.validators).map(|guardrail| guardrail.kind.clone()));
    let evals = session.bundle.evals.iter().chain(prompts().flat_map(|prompt| &prompt.evals));
    types.extend(evals.map(|eval| format!("eval:{}", eval.id)));
    known.evaluators = types.into_iter().map(|kind| (kind, known.trials)).collect();
    known
}

/// Scenario and provider of all planned cases, with the most trials of a test of them.
fn slices(matrix: &Matrix) -> BTreeMap<(u32, u32), u32> {
    let mut slices = BTreeMap::new();
    if matrix.plan.is_whole() {
        for (at, scenario) in (0..).zip(&matrix.input().scenarios) {
            slices.extend(scenario.providers.iter().map(|lane| ((at, *lane), scenario.trials)));
        }
        return slices;
    }
    // The trials of a test stand next to each other.
    let (mut last, mut trials) = (None, 0);
    for case in (0..matrix.plan.len()).filter_map(|index| matrix.plan.case(index)) {
        let test = Some((case.scenario, case.provider, case.region, case.row, case.variant));
        trials = if test == last { trials + 1 } else { 1 };
        last = test;
        let most = slices.entry((case.scenario, case.provider)).or_default();
        *most = trials.max(*most);
    }
    slices
}
