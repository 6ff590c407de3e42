//! Checks that ask a judge.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::{Outcome, Record};
use serde_json::{Value, json};

/// A reply judged by a vendor that says `answer`.
fn judged(vendor: &FakeVendor, params: Value) -> Result<(World, Record)> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.openai("j", &vendor.url());
    world.bundle.spec["provider_specs"]["j"]["pricing"] = json!({"input_cost_per_1k": 1.0, "output_cost_per_1k": 1.0});
    world.bundle.spec["judge_specs"] = json!({"strict": {"provider": "j"}});
    world.bundle.checks("s", json!([{"type": "llm_judge", "params": params}]));
    world.bundle.spec["scenario_specs"]["s"]["providers"] = json!(["m"]);
    let record = world.run_one()?;
    Ok((world, record))
}

#[test]
fn the_call_is_recorded_and_paid_for() -> Result<()> {
    let answer = r#"{"passed": true, "score": 0.9, "reasoning": "good"}"#;
    let vendor = FakeVendor::start(Behaviour::text(answer))?;
    let (_, record) = judged(&vendor, json!({"criteria": "is it fine?", "judge": "strict", "min_score": 0.9}))?;
    let check = &record.checks[0];
    assert_eq!(
        (check.outcome, check.score, check.reason.as_deref()),
        (Outcome::Passed, Some(0.9), Some("score 0.9 reaches min_score 0.9: good"))
    );
    let [call] = check.calls.as_slice() else { panic!("{:?}", check.calls) };
    assert_eq!((call.to.as_str(), call.reply.as_str()), ("judge:strict", answer));
    assert!(call.request.as_str().starts_with("sha256:") && call.usage.input > 0);
    let reply = &record.messages[2];
    assert_eq!(record.usage.input, call.usage.input + reply.usage.unwrap().input);
    assert_eq!(record.cost_usd_micro, Some(call.cost_usd_micro.unwrap() + reply.cost_usd_micro.unwrap()));
    let request = vendor.last_request();
    assert_eq!(request["temperature"], 0.0);
    assert!(request["messages"].to_string().contains("is it fine?"), "{request}");
    assert_eq!(vendor.calls(), 1);
    Ok(())
}

#[test]
fn the_users_threshold_holds_for_judges() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text(r#"{"passed": true, "score": 0.9, "reasoning": "good"}"#))?;
    let (_, record) = judged(&vendor, json!({"criteria": "c", "min_score": 0.95}))?;
    assert_eq!(record.checks[0].outcome, Outcome::Failed);
    Ok(())
}

#[test]
fn a_judge_that_is_not_there_is_an_error() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default())?;
    let (_, record) = judged(&vendor, json!({"criteria": "c", "judge": "kind"}))?;
    let check = &record.checks[0];
    assert_eq!((check.outcome, vendor.calls()), (Outcome::Error, 0));
    assert!(check.reason.as_ref().unwrap().contains("kind"), "{check:?}");
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.checks("s", json!([{"type": "llm_judge", "params": {"criteria": "c"}}]));
    assert_eq!(world.run_one()?.outcome, Outcome::Error);
    Ok(())
}

#[test]
fn a_judge_that_fails_or_babbles_is_an_error() -> Result<()> {
    let failing = Failing::always(Failure::Status { status: 400, retry_after: None, body: None });
    for behaviour in [Behaviour::text("who knows"), Behaviour::default().failing([failing])] {
        let vendor = FakeVendor::start(behaviour)?;
        let (_, record) = judged(&vendor, json!({"criteria": "c"}))?;
        assert_eq!((record.outcome, record.checks[0].outcome), (Outcome::Error, Outcome::Error));
        assert_eq!(vendor.calls(), 1);
    }
    Ok(())
}

#[test]
fn mock_provider_leaves_judges_as_they_are() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text(r#"{"passed": true, "score": 1.0}"#))?;
    let (world, _) = judged(&vendor, json!({"criteria": "c"}))?;
    vendor.reset();
    world.arena(&["run", "bundle", "--out", "mocked", "--mock-provider"])?.code(0)?;
    assert_eq!(vendor.calls(), 1);
    Ok(())
}

#[test]
fn a_judge_whose_answer_was_cut_short_is_an_error() -> Result<()> {
    for finish in ["length", "content_filter"] {
        let content = json!({"passed": true, "score": 1}).to_string();
        let choice = json!({"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish});
        let body = json!({"id": "x", "object": "chat.completion", "model": "m", "choices": [choice]}).to_string();
        let answer = Failure::Status { status: 200, retry_after: None, body: Some(body) };
        let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(answer)]))?;
        let (_, record) = judged(&vendor, json!({"criteria": "c"}))?;
        assert_eq!(record.checks[0].error.as_deref(), Some("JudgeFailed"), "{finish}: {:?}", record.checks[0]);
    }
    Ok(())
}
