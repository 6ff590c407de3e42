//! Checks that ask for a guardrail by its name: one that nothing bears would tell of a guardrail that never was.

use std::collections::BTreeSet;

use arena_bundle::{Assertion, Bundle, Scenario};

use crate::check::{WRAPPER, check_type};
use crate::library::nearest;
use crate::prompt;

/// The check that asks whether a guardrail acted.
const TRIGGERED: &str = "guardrail_triggered";
/// Names of its parameter with the guardrail's type.
const NAMES: [&str; 3] = ["validator_type", "validator", "guardrail"];

/// Why the assertion cannot be judged: no prompt that the scenario may come to has the validator it names.
pub(crate) fn unknown_validator(bundle: &Bundle, scenario: &Scenario, assertion: &Assertion) -> Option<String> {
    let wrapped = assertion.kind == WRAPPER && assertion.params.as_str().contains(TRIGGERED);
    if assertion.kind != TRIGGERED && !(wrapped && check_type(assertion) == TRIGGERED) {
        return None;
    }
    let params = assertion.params.to_value();
    let params = if wrapped { params["eval_params"].clone() } else { params };
    let named = NAMES.iter().find_map(|name| params[*name].as_str()).filter(|name| !name.is_empty())?;
    let prompts = prompt::reached(bundle, scenario);
    let known: BTreeSet<&str> =
        prompts.iter().flat_map(|prompt| &prompt.validators).map(|validator| validator.kind.as_str()).collect();
    if known.contains(named) {
        return None;
    }
    let advice = match nearest(named, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "there is none at all".to_owned(),
        None => format!("there are {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    Some(format!("no prompt of the scenario has the validator `{named}`, so it can neither act nor pass; {advice}"))
}
