//! Steps that answer in place of a prompt: what runs, what each is given, and what comes of it. Each kind of step and
//! each way of joining, asking and leaving out has a check that passes by it and one that fails by it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, FakeVendor, RawServer};
use arena_model::{Outcome, Record};
use serde_json::{Value, json};

const PASSED: Outcome = Outcome::Passed;
const FAILED: Outcome = Outcome::Failed;

/// A bundle whose only state is answered by a composition. The mock answers each step as `replies` says.
fn world(steps: Value, output: Option<&str>, replies: Value, checks: Value) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.mock("m", &json!({"scenarios": {"s": {"steps": replies}}}))?;
    world.bundle.spec["compositions"] = json!({"c": {"version": 1, "steps": steps}});
    if let Some(output) = output {
        world.bundle.spec["compositions"]["c"]["output"] = json!(output);
    }
    world.bundle.spec["workflow"] = json!({"version": 1, "entry": "only", "states": {
        "only": {"orchestration": "composition", "composition": "c", "terminal": true}}});
    world.bundle.checks("s", checks);
    world.bundle.spec["scenario_specs"]["s"]["task_type"] = json!("");
    Ok(world)
}

fn prompt(id: &str) -> Value {
    json!({"id": id, "kind": "prompt", "prompt_task": "p", "input": "${input}"})
}

/// A step whose answer is read as JSON.
fn structured(id: &str) -> Value {
    with(prompt(id), json!({"output_schema": "any.json"}))
}

fn with(mut step: Value, more: Value) -> Value {
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

fn branch(id: &str, predicate: Value, then: &str, otherwise: &str) -> Value {
    json!({"id": id, "kind": "branch", "predicate": predicate, "then": then, "else": otherwise})
}

fn parallel(id: &str, strategy: &str, branches: &[&str]) -> Value {
    let branches: Vec<_> = branches.iter().map(|id| prompt(id)).collect();
    json!({"id": id, "kind": "parallel", "branches": branches, "reduce": {"strategy": strategy, "into": "all"}})
}

fn is(output: &str) -> Value {
    json!({"type": "composition_output", "params": {"equals": output}})
}

fn put_out(step: &str, text: &str) -> Value {
    json!({"type": "composition_step_output", "params": {"step": step, "contains": text}})
}

fn taken(branch: &str, expected: &str) -> Value {
    json!({"type": "composition_branch_taken", "params": {"branch": branch, "expected": expected}})
}

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.checks.iter().map(|check| check.outcome).collect()
}

fn error_of(record: &Record) -> (Outcome, Option<&str>, &str) {
    (record.outcome, record.error.as_deref(), record.reason.as_deref().unwrap_or_default())
}

#[test]
fn a_step_is_left_out_with_all_that_it_depends_on() -> Result<()> {
    let is_a = json!({"path": "${k.output.v}", "op": "equals", "value": "a"});
    let after = |id: &str, of: Value, input: &str| with(prompt(id), json!({"depends_on": of, "input": input}));
    let steps = json!([
        structured("k"),
        branch("r", is_a, "x", "y"),
        prompt("x"),
        prompt("y"),
        after("after_x", json!(["x"]), "${x.output}"),
        // It is given what is not there: to run would be an error.
        after("after_y", json!(["y"]), "${y.output}"),
        after("after_that", json!(["after_y"]), "${after_y.output}"),
        after("end", json!(["x", "after_that"]), "${input}"),
    ]);
    let replies = json!({"k": r#"{"v":"a"}"#, "x": "X", "y": "Y", "after_x": "after X", "after_y": "after Y",
                         "after_that": "after that", "end": "END"});
    let checks = json!([
        is("END"),
        put_out("after_x", "after X"),
        put_out("after_y", "after Y"),
        put_out("after_that", "after that"),
    ]);
    let record = world(steps, Some("end"), replies, checks)?.run_one()?;
    assert_eq!(outcomes(&record), [PASSED, PASSED, FAILED, FAILED]);
    Ok(())
}

#[test]
fn the_last_step_with_an_output_answers_where_none_is_named() -> Result<()> {
    let replies = json!({"k": "K", "x": "X", "y": "Y"});
    let steps = json!([prompt("k"), prompt("x")]);
    let record = world(steps, None, replies.clone(), json!([is("X"), is("K")]))?.run_one()?;
    assert_eq!(outcomes(&record), [PASSED, FAILED]);
    assert_eq!(record.messages.last().unwrap().content.text(), "\"X\"");

    // Neither what was left out nor what only chooses has one.
    let never = json!({"path": "${k.output}", "op": "equals", "value": "never"});
    let steps = json!([prompt("k"), branch("r", never, "y", "x"), prompt("x"), prompt("y")]);
    let record = world(steps, None, replies, json!([is("X"), is("Y")]))?.run_one()?;
    assert_eq!(outcomes(&record), [PASSED, FAILED]);
    Ok(())
}

#[test]
fn each_strategy_joins_outputs_in_its_way() -> Result<()> {
    for (strategy, joined, other) in [
        ("append", r#"{"all":["one","two"]}"#, r#"{"all":["two","one"]}"#),
        ("replace", r#"{"all":"two"}"#, r#"{"all":"one"}"#),
        ("barrier", r#"{"all":{"a":"one","b":"two"}}"#, r#"{"all":["one","two"]}"#),
    ] {
        let steps = json!([parallel("p", strategy, &["a", "b"])]);
        let replies = json!({"a": "one", "b": "two"});
        let record = world(steps, Some("p"), replies, json!([is(joined), is(other)]))?.run_one()?;
        assert_eq!(outcomes(&record), [PASSED, FAILED], "{strategy}");
    }
    let steps = json!([parallel("p", "appendd", &["a", "b"])]);
    let world = world(steps, Some("p"), json!({}), json!([is("one")]))?;
    let record = world.run_one()?;
    let (outcome, error, why) = error_of(&record);
    assert_eq!((outcome, error), (Outcome::Error, Some("CompositionInvalid")));
    assert!(why.contains("`reduce.strategy` \"appendd\" is none of append, replace, barrier"), "{why}");
    world.arena(&["validate", "bundle"])?.code(2)?.says("error[CompositionInvalid]")?;
    Ok(())
}

#[test]
fn predicates_choose_as_with_the_original_runner() -> Result<()> {
    let compare =
        |path: &str, op: &str, value: Value| json!({"path": format!("${{k.output.{path}}}"), "op": op, "value": value});
    let exists = |path: &str, wanted: bool| json!({"path": format!("${{k.output.{path}}}"), "exists": wanted});
    let yes = || compare("v", "equals", json!("a"));
    let no = || compare("v", "equals", json!("b"));
    let asked = [
        (compare("n", "equals", json!(1)), true),
        (compare("n", "equals", json!(2)), false),
        (compare("none", "equals", Value::Null), true),
        (compare("v", "equals", Value::Null), false),
        (compare("none", "not_equals", json!("a")), true),
        (compare("v", "not_equals", json!("a")), false),
        (compare("n", "in", json!([1])), true),
        (compare("none", "in", json!([1])), false),
        (compare("none", "not_in", json!(["a"])), true),
        (compare("n", "not_in", json!([1])), false),
        (compare("n", "less_than", json!(2)), true),
        (compare("n", "less_than", json!(1)), false),
        (compare("n", "less_than_or_equals", json!(1)), true),
        (compare("n", "less_than_or_equals", json!(0)), false),
        (compare("n", "greater_than", json!(0.5)), true),
        (compare("n", "greater_than", json!(1)), false),
        (compare("n", "greater_than_or_equals", json!(1)), true),
        (compare("n", "greater_than_or_equals", json!(2)), false),
        (exists("v", true), true),
        (exists("none", true), false),
        (exists("none", false), true),
        (json!({"all_of": [yes(), yes()]}), true),
        (json!({"all_of": [yes(), no()]}), false),
        (json!({"any_of": [no(), yes()]}), true),
        (json!({"any_of": [no(), no()]}), false),
        (json!({"not": no()}), true),
        (json!({"not": yes()}), false),
    ];
    let (mut steps, mut checks) = (vec![structured("k"), prompt("x"), prompt("y")], Vec::new());
    for (at, (predicate, _)) in asked.iter().enumerate() {
        steps.push(branch(&format!("r{at}"), predicate.clone(), "x", "y"));
        checks.extend([taken(&format!("r{at}"), "x"), taken(&format!("r{at}"), "y")]);
    }
    let replies = json!({"k": r#"{"v":"a","n":1.0}"#, "x": "X", "y": "Y"});
    let record = world(json!(steps), Some("k"), replies.clone(), json!(checks))?.run_one()?;
    for ((predicate, holds), found) in asked.iter().zip(outcomes(&record).chunks(2)) {
        let wanted = if *holds { [PASSED, FAILED] } else { [FAILED, PASSED] };
        assert_eq!(found, wanted, "{predicate}");
    }

    for (predicate, why) in [
        (compare("v", "less_than", json!(5)), "there is a text, which is neither less nor greater than a number"),
        (compare("none", "greater_than", json!(5)), "there is nothing, which is neither"),
        (compare("v", "in", json!("a")), "`value` is a text, not a list"),
    ] {
        let steps = json!([structured("k"), branch("r", predicate.clone(), "x", "y"), prompt("x"), prompt("y")]);
        let record = world(steps, Some("k"), replies.clone(), json!([taken("r", "y")]))?.run_one()?;
        let (outcome, error, reason) = error_of(&record);
        assert_eq!((outcome, error), (Outcome::Error, Some("CompositionFailed")), "{predicate}");
        assert!(reason.contains("step `r`: the predicate on `${k.output.") && reason.contains(why), "{reason}");
    }
    Ok(())
}

#[test]
fn a_tool_step_calls_its_tool_with_earlier_outputs() -> Result<()> {
    let steps = json!([prompt("k"), {"id": "t", "kind": "tool", "tool": "find", "args": {"q": "${k.output}!"}}]);
    let made = |steps: Value| -> Result<World> {
        let checks = json!([put_out("t", "found gold!"), put_out("t", "found silver!")]);
        let mut world = world(steps, Some("t"), json!({"k": "gold"}), checks)?;
        let schema = json!({"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]});
        world.bundle.spec["tool_specs"] = json!({"find": {"description": "d", "input_schema": schema,
            "output_schema": {}, "mode": "mock", "mock_template": "found {{.q}}"}});
        Ok(world)
    };
    assert_eq!(outcomes(&made(steps)?.run_one()?), [PASSED, FAILED]);

    // A call that fails is no output.
    let steps = json!([prompt("k"), {"id": "t", "kind": "tool", "tool": "find", "args": {"z": 1}}]);
    let record = made(steps)?.run_one()?;
    let (outcome, error, why) = error_of(&record);
    assert_eq!((outcome, error), (Outcome::Error, Some("CompositionFailed")));
    assert!(why.contains("step `t`: the call does not fit its schema"), "{why}");
    Ok(())
}

#[test]
fn an_agent_step_is_told_of_the_tools_it_names() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    for (allowed, own, told) in [
        (json!([]), json!({"tools": ["a", "gone"]}), vec!["a"]),
        (json!(["a", "b"]), json!({"tools": ["b"]}), vec!["b"]),
        (json!(["b"]), json!({"tools": ["a", "b"]}), vec!["b"]),
        (json!(["a", "b"]), json!({"tools": []}), vec![]),
        (json!(["a", "b"]), json!({}), vec!["a", "b"]),
    ] {
        let agent = json!({"id": "g", "kind": "agent", "prompt_task": "p", "input": "${input}",
                           "termination": {"max_steps": 2}});
        let mut world =
            world(json!([with(agent, own.clone())]), Some("g"), json!({}), json!([is("fine"), is("told")]))?;
        world.bundle.openai("m", &vendor.url());
        let tool = json!({"description": "d", "input_schema": {"type": "object"}, "output_schema": {}, "mode": "mock",
                          "mock_result": "r"});
        world.bundle.spec["tool_specs"] = json!({"a": tool, "b": tool, "c": tool});
        world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = allowed.clone();
        assert_eq!(outcomes(&world.run_one()?), [PASSED, FAILED]);
        let request = vendor.last_request();
        let tools = request["tools"].as_array().into_iter().flatten();
        let names: Vec<_> = tools.filter_map(|tool| tool["function"]["name"].as_str()).collect();
        assert_eq!(names, told, "{allowed} {own}");
    }
    Ok(())
}

#[test]
fn an_agent_step_with_a_schema_puts_out_json() -> Result<()> {
    let agent = with(structured("g"), json!({"kind": "agent", "termination": {"max_steps": 2}}));
    let steps = json!([agent, with(prompt("x"), json!({"input": "${g.output.v}"}))]);
    let checks = json!([put_out("g", r#"{"v":"a"}"#), put_out("x", "Y")]);
    let record = world(steps, Some("x"), json!({"g": r#"{ "v": "a" }"#, "x": "X"}), checks)?.run_one()?;
    assert_eq!(outcomes(&record), [PASSED, FAILED]);
    Ok(())
}

#[test]
fn what_the_user_says_in_json_has_fields() -> Result<()> {
    let kind = json!({"path": "${input.kind}", "op": "equals", "value": "paper"});
    let steps = json!([branch("r", kind, "x", "y"), prompt("x"), prompt("y")]);
    let replies = json!({"x": "X", "y": "Y"});
    for (said, outcomes_are) in [
        (r#"{"kind": "paper"}"#, [PASSED, FAILED]),
        (r#"{"kind": "note"}"#, [FAILED, PASSED]),
        ("{kind: paper}", [FAILED, PASSED]),
    ] {
        let mut world = world(steps.clone(), None, replies.clone(), json!([taken("r", "x"), taken("r", "y")]))?;
        world.bundle.spec["scenario_specs"]["s"]["turns"][0]["content"] = json!(said);
        assert_eq!(outcomes(&world.run_one()?), outcomes_are, "{said}");
    }
    Ok(())
}

#[test]
fn a_parallel_step_of_which_a_branch_did_not_run_is_not_complete() -> Result<()> {
    let is_a = json!({"path": "${k.output}", "op": "equals", "value": "a"});
    let steps = json!([
        prompt("k"),
        branch("r", is_a, "other", "q1"),
        prompt("other"),
        parallel("p", "append", &["q1", "q2"]),
        parallel("whole", "append", &["q3", "q4"]),
    ]);
    let replies = json!({"k": "a", "other": "o", "q1": "1", "q2": "2", "q3": "3", "q4": "4"});
    let complete = |id: &str| json!({"type": "composition_parallel_complete", "params": {"parallel": id}});
    let checks = json!([complete("whole"), complete("p"), put_out("p", "[null,\"2\"]")]);
    let record = world(steps, Some("p"), replies, checks)?.run_one()?;
    assert_eq!(outcomes(&record), [PASSED, FAILED, PASSED]);
    Ok(())
}

/// How many branches ask at the same time.
const AT_ONCE: usize = 16;

/// A vendor that answers the first `AT_ONCE` requests once all of them are there, and says what it was told last. Gives
/// its address and the most requests that were open at the same time.
fn patient_vendor() -> Result<(String, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (barrier, most) = (Arc::new(Barrier::new(AT_ONCE)), Arc::new(AtomicUsize::new(0)));
    let (asked, open, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), most.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (barrier, asked, open, seen) = (barrier.clone(), asked.clone(), open.clone(), seen.clone());
            std::thread::spawn(move || {
                let Some(said) = said_last(&stream) else { return };
                seen.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                if asked.fetch_add(1, Ordering::SeqCst) < AT_ONCE {
                    barrier.wait();
                }
                open.fetch_sub(1, Ordering::SeqCst);
                let message = json!({"role": "assistant", "content": said});
                let body = json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                                  "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
                let _ = (&stream).write_all(RawServer::answer(&body.to_string()).as_bytes());
            });
        }
    });
    Ok((format!("http://{address}/v1"), most))
}

/// The text of the newest message of a request, if there is one.
fn said_last(stream: &TcpStream) -> Option<String> {
    let (mut reader, mut length, mut line) = (BufReader::new(stream), 0, String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some((_, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request: Value = serde_json::from_slice(&body).ok()?;
    request["messages"].as_array()?.last()?["content"].as_str().map(str::to_owned)
}

#[test]
fn branches_of_a_parallel_step_ask_at_the_same_time_and_end_in_their_order() -> Result<()> {
    let (url, most) = patient_vendor()?;
    let ids: Vec<String> = (0..AT_ONCE + 4).map(|at| format!("b{at}")).collect();
    let branches: Vec<_> = ids.iter().map(|id| with(prompt(id), json!({"input": format!("I am {id}")}))).collect();
    let steps = json!([{"id": "p", "kind": "parallel", "branches": branches,
                        "reduce": {"strategy": "append", "into": "all"}}]);
    let said: Vec<_> = ids.iter().map(|id| format!("I am {id}")).collect();
    let checks = json!([is(&json!({"all": said}).to_string()), is(&json!({"all": []}).to_string())]);
    let mut world = world(steps, Some("p"), json!({}), checks)?;
    world.bundle.openai("m", &url);
    // One after the other they would wait for ever.
    world.bundle.spec["defaults"]["run_timeout"] = json!("60s");
    let record = world.run(&["--concurrency", "64"])?.remove(0);
    assert_eq!(outcomes(&record), [PASSED, FAILED], "{:?}", record.reason);
    assert_eq!((record.usage.input, record.usage.output), (AT_ONCE as u64 + 4, AT_ONCE as u64 + 4));
    assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
    Ok(())
}
