//! Each check through the component's own dispatch: pass, fail, error, wrong type of parameter.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use arena_evaluator_budget::Component;
use arena_guest::serde_json::{Value, from_str, json};
use arena_guest::testing::{Conversation, evaluate, validate};
use arena_guest::{CheckError, Evaluator as _, Subject, Verdict};

fn judge(check: &str, params: Value, facts: &[(&str, Value)]) -> Result<Verdict, CheckError> {
    let conversation = Conversation::new().user("hi").assistant("hello");
    let with = |conversation: Conversation, (name, value): &(&str, Value)| conversation.with_fact(name, value.clone());
    evaluate::<Component>(check, params, &Subject::test(facts.iter().fold(conversation, with)))
}

fn facts(usd_micro: Value) -> [(&'static str, Value); 2] {
    let cost = json!({"usd_micro": usd_micro, "input_tokens": 300, "output_tokens": 200});
    [("latency_ms", json!(250.0)), ("cost", cost)]
}

#[test]
fn golden() {
    for (check, params, score, passed) in [
        ("latency_budget", json!({"max_ms": 250}), 1.0, true),
        ("latency_budget", json!({"max_ms": 1000.5}), 1.0, true),
        ("latency_budget", json!({"max_ms": 200}), 0.8, false),
        ("cost_budget", json!({"max_cost_usd": 0.02}), 0.75, true),
        ("cost_budget", json!({"max_cost_usd": 0.005}), 0.0, true),
        ("cost_budget", json!({"max_cost_usd": 0.004}), 0.0, false),
        ("cost_budget", json!({"max_cost_usd": 0}), 0.0, false),
        ("cost_budget", json!({"max_input_tokens": 300, "max_output_tokens": 200, "max_total_tokens": 500}), 1.0, true),
        ("cost_budget", json!({"max_input_tokens": 299}), 0.0, false),
        ("cost_budget", json!({"max_output_tokens": 199}), 0.0, false),
        ("cost_budget", json!({"max_total_tokens": 499}), 0.0, false),
        ("cost_budget", json!({"max_cost_usd": 1, "max_total_tokens": 0}), 0.0, false),
    ] {
        let verdict = judge(check, params.clone(), &facts(json!(5000))).unwrap();
        assert!((verdict.score.unwrap() - score).abs() < 1e-9, "{check} {params}: {verdict:?}");
        assert_eq!(verdict.passed, Some(passed), "{check} {params}: {}", verdict.reason);
    }
    let verdict = judge("cost_budget", json!({"max_cost_usd": 0}), &facts(json!(0))).unwrap();
    assert_eq!((verdict.score, verdict.passed), (Some(1.0), Some(true)));
    let verdict = judge("latency_budget", json!({"max_ms": 1}), &[("latency_ms", json!(0))]).unwrap();
    assert_eq!((verdict.score, verdict.passed), (Some(1.0), Some(true)));
}

#[test]
fn reasons_and_metrics() {
    let params = json!({"max_cost_usd": 0.001, "max_total_tokens": 100});
    let verdict = judge("cost_budget", params, &facts(json!(5000))).unwrap();
    let want = "300 input and 200 output tokens, 0.005000 USD; at most 100 tokens wanted, at most 0.001 USD wanted";
    assert_eq!(verdict.reason, want);
    let metrics: Vec<_> = verdict.metrics.iter().map(|metric| (metric.name.as_str(), metric.value)).collect();
    assert_eq!(metrics, [("tokens", 500.0), ("usd", 0.005)]);
    let verdict = judge("latency_budget", json!({"max_ms": 200}), &facts(json!(null))).unwrap();
    assert_eq!((verdict.reason.as_str(), verdict.metrics[0].value), ("250.0 ms, at most 200.0 ms wanted", 250.0));
}

#[test]
fn what_is_not_known_is_no_pass() {
    for (check, params, facts) in [
        ("latency_budget", json!({"max_ms": 1000}), vec![]),
        ("latency_budget", json!({"max_ms": 1000}), vec![("latency_ms", json!(null))]),
        ("cost_budget", json!({"max_total_tokens": 1000}), vec![]),
        ("cost_budget", json!({"max_total_tokens": 1000}), vec![("cost", json!({"usd_micro": 1}))]),
        ("cost_budget", json!({"max_cost_usd": 1000}), facts(json!(null)).to_vec()),
        ("cost_budget", json!({"max_cost_usd": 1000, "max_total_tokens": 1}), facts(json!(null)).to_vec()),
    ] {
        let error = judge(check, params.clone(), &facts).unwrap_err();
        assert!(matches!(error, CheckError::Other(_)), "{check} {params}: {error:?}");
    }
    let verdict = judge("cost_budget", json!({"max_total_tokens": 500}), &facts(json!(null))).unwrap();
    assert_eq!(verdict.passed, Some(true), "tokens are known without a price");
    assert_eq!(verdict.reason, "300 input and 200 output tokens, unknown cost");
}

#[test]
fn params_that_do_not_suit_are_errors_before_and_during() {
    for (check, params, want) in [
        ("latency_budget", json!({}), "missing parameter `max_ms`"),
        ("latency_budget", json!({"max_ms": "100"}), "parameter `max_ms`: expected a number"),
        ("latency_budget", json!({"max_ms": 0}), "must be above zero"),
        ("cost_budget", json!({}), "give `max_cost_usd`"),
        ("cost_budget", json!({"max_cost_usd": -0.1}), "must not be negative"),
        ("cost_budget", json!({"max_cost_usd": "1"}), "expected a number"),
        ("cost_budget", json!({"max_total_tokens": 1.5}), "expected a whole number"),
    ] {
        let error = validate::<Component>(check, params.clone()).unwrap_err();
        assert!(error.contains(want), "{check} {params}: {error}");
        let error = judge(check, params, &facts(json!(1))).unwrap_err();
        assert!(matches!(error, CheckError::BadParams(_)));
    }
}

#[test]
fn metadata_names_both_checks() {
    let metadata: Value = from_str(Component::METADATA).unwrap();
    let names: Vec<_> = metadata["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert_eq!(json!(names), json!(["latency_budget", "cost_budget"]));
}

#[test]
fn every_check_is_seen_to_pass_fail_err_and_refuse() {
    golden();
    reasons_and_metrics();
    what_is_not_known_is_no_pass();
    params_that_do_not_suit_are_errors_before_and_during();
    assert_eq!(arena_guest::testing::lacking::<Component>(), Vec::<String>::new());
}
