//! `--max-cost` and `--max-calls`: what does not fit is not run, and there is no verdict.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use arena_e2e::{Signal, World, until};
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::{Outcome, Summary};
use serde_json::json;

const CASES: u64 = 10;

/// Ten cases of one call each, at a dollar per thousand tokens.
fn world(vendor: &FakeVendor) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url());
    let pricing = json!({"input_cost_per_1k": 1.0, "output_cost_per_1k": 1.0});
    world.bundle.spec["provider_specs"]["m"]["pricing"] = pricing;
    world.bundle.spec["defaults"] = json!({"max_tokens": 20});
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(CASES);
    Ok(world)
}

fn summary(world: &World, out: &str) -> Result<Summary> {
    Ok(serde_json::from_slice(&fs::read(world.path(out).join("summary.json"))?)?)
}

#[test]
fn calls_end_at_their_number_and_a_resumed_run_goes_on_from_there() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let world = world(&vendor)?;
    let limited = ["run", "bundle", "--out", "out", "-j", "3", "--max-calls", "4", "--markdown-file", "out.md"];
    let sum = "10 cases = 4 passed + 0 failed + 0 error + 0 skipped + 6 not run";
    world.arena(&limited)?.code(4)?.says(sum)?;
    assert_eq!(vendor.calls(), 4);
    for report in ["out.md", "out/report.html", "out/junit.xml"] {
        let text = fs::read_to_string(world.path(report))?;
        assert!(text.contains(sum), "{report} does not say `{sum}`");
    }
    let cases = summary(&world, "out")?.cases;
    assert_eq!((cases.planned, cases.passed, cases.not_run), (10, 4, 6));
    let left_out = world.records("out")?.into_iter().filter(|record| record.outcome == Outcome::NotRun).count();
    assert_eq!(left_out, 6);
    // The same limit leaves nothing to do; without it being named nothing is begun.
    world.arena(&["run", "--resume", "out", "-q"])?.code(4)?.says("6 not run")?;
    world.arena(&["run", "--resume", "out", "-q", "--max-calls", "4"])?.code(4)?.says("6 not run")?;
    assert_eq!(vendor.calls(), 4);
    world.arena(&["run", "--resume", "out", "-q", "--max-calls", "7"])?.code(4)?.says("3 not run")?;
    assert_eq!(vendor.calls(), 7);
    world.arena(&["run", "--resume", "out", "-q", "--max-calls", "100"])?.code(0)?.says("10 passed")?;
    assert_eq!(vendor.calls(), CASES);
    Ok(())
}

#[test]
fn money_ends_before_it_is_spent_twice() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let mut world = world(&vendor)?;
    let whole = world.run(&[])?;
    let one = whole[0].cost_usd_micro.unwrap();
    vendor.reset();
    // Each call is reckoned with as if each of its 14 bytes were a token and its answer as long as it may be.
    let (most, reserve) = (60_000, (14 + 20) * 1000);
    let usd = format!("{:.6}", most as f64 / 1e6);
    let ran = world.arena(&["run", "bundle", "--out", "limited", "-q", "-j", "4", "--max-cost", &usd])?.code(4)?;
    let spent: u64 = world.records("limited")?.iter().filter_map(|record| record.cost_usd_micro).sum();
    assert!(spent > 0 && spent <= most, "{spent} of {most}: {}", ran.all());
    assert_eq!((spent / one, vendor.calls()), ((most - reserve) / one + 1, (most - reserve) / one + 1));
    // Too little for one case.
    world.arena(&["run", "bundle", "--out", "little", "-q", "--max-cost", "0.000001"])?.code(4)?.says("10 not run")?;
    // A price that nobody knows.
    world.bundle.openai("m", &vendor.url());
    let unknown = ["run", "bundle", "--out", "unknown", "--max-cost", "1"];
    world.arena(&unknown)?.code(2)?.says("error[PriceUnknown]")?;
    assert!(!world.path("unknown").exists());
    for wrong in [["--max-cost", "0"], ["--max-cost", "-1"], ["--max-cost", "much"], ["--max-calls", "0"]] {
        world.arena(&["run", "bundle", "--out", "x", wrong[0], wrong[1]])?.code(2)?;
    }
    Ok(())
}

#[test]
fn attempts_that_failed_are_calls() -> Result<()> {
    let failing = |status, body: Option<&str>| Failing {
        first: 1,
        of: 1,
        how: Failure::Status { status, retry_after: Some("0".to_owned()), body: body.map(str::to_owned) },
    };
    for status in [500, 429] {
        let vendor = FakeVendor::start(Behaviour::text("fine").failing([failing(status, None)]))?;
        let world = world(&vendor)?;
        let limited = ["run", "bundle", "--out", "out", "-q", "-j", "2", "--max-calls", "5"];
        world.arena(&limited)?.code(4)?.says("no verdict")?;
        assert_eq!(vendor.calls(), 5, "status {status}");
    }
    Ok(())
}

#[test]
fn judges_and_users_are_paid_from_the_same_purse() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text(r#"{"passed": true, "score": 1.0, "reasoning": "fine"}"#))?;
    let mut world = world(&vendor)?;
    world.bundle.openai("j", &vendor.url());
    world.bundle.spec["judge_specs"] = json!({"strict": {"provider": "j"}});
    let judged = json!({"type": "llm_judge", "params": {"criteria": "is it?", "judge": "strict", "min_score": 0.5}});
    world.bundle.checks("s", json!([judged]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(CASES);
    world.bundle.spec["scenario_specs"]["s"]["providers"] = json!(["m"]);
    // Two calls a case: the third case would need a sixth.
    world.arena(&["run", "bundle", "--out", "out", "-q", "-j", "1", "--max-calls", "5"])?.code(4)?.says("2 passed")?;
    assert_eq!(vendor.calls(), 4);
    let record = world.records("out")?.remove(0);
    assert_eq!(record.measured.calls, 2);
    Ok(())
}

#[test]
fn what_a_kill_cut_short_is_reckoned_as_paid() -> Result<()> {
    let behaviour = Behaviour { latency: Duration::from_millis(30), ..Behaviour::text("fine") };
    let vendor = FakeVendor::start(behaviour)?;
    let world = world(&vendor)?;
    let limited = ["run", "bundle", "--out", "out", "-q", "-j", "2", "--max-calls", "9"];
    let running = world.start(&limited)?;
    until("some calls", || vendor.calls() >= 3)?;
    running.signal(Signal::KILL)?;
    drop(running);
    world.arena(&["run", "--resume", "out", "-q"])?.code(4)?.says("no verdict")?;
    assert!(vendor.calls() <= 9, "{}", vendor.calls());
    let calls: u64 = world.records("out")?.iter().map(|record| record.measured.calls).sum();
    // At most two were on their way.
    assert!(calls >= 7 && calls <= vendor.calls(), "{calls} of {}", vendor.calls());
    Ok(())
}

#[test]
fn gates_give_no_verdict_on_a_part() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("bad"))?;
    let world = world(&vendor)?;
    // Failed as far as it went, and yet no verdict.
    world.arena(&["run", "bundle", "--out", "out", "-j", "1", "--max-calls", "2"])?.code(4)?.says("no verdict")?;
    assert_eq!(summary(&world, "out")?.cases.failed, 2);
    Ok(())
}
