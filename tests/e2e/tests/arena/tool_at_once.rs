//! The calls of one answer wait for those who answer at the same time, and stay in their order.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use arena_e2e::World;
use arena_harness::RawServer;
use arena_model::{Outcome, Record, Role};
use serde_json::{Value, json};

/// Longest wait for another call; the test has failed by then.
const PATIENCE: Duration = Duration::from_secs(20);
/// As many calls as are made at once.
const AT_ONCE: usize = 8;

/// How many have come so far.
#[derive(Default)]
struct Meeting {
    come: Mutex<usize>,
    changed: Condvar,
}

impl Meeting {
    fn come(&self) -> usize {
        let mut come = self.come.lock().unwrap_or_else(PoisonError::into_inner);
        *come += 1;
        self.changed.notify_all();
        *come
    }

    /// Whether so many came in time.
    fn wait_for(&self, number: usize) -> bool {
        let come = self.come.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(come, PATIENCE, |come| *come < number);
        *waited.unwrap_or_else(PoisonError::into_inner).0 >= number
    }
}

/// A bundle whose model calls tools, one for each server, in one answer.
fn world(servers: &[RawServer], checks: Value) -> Result<World> {
    let mut world = World::new()?;
    let names: Vec<String> = (0..servers.len()).map(|number| format!("t{number}")).collect();
    let calls: Vec<Value> = names.iter().map(|name| json!({"name": name, "arguments": {}})).collect();
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": {"tool_calls": calls}, "2": "done"}}}}))?;
    for (name, server) in names.iter().zip(servers) {
        world.bundle.spec["tool_specs"][name] = json!({"description": "d", "input_schema": {"type": "object"},
            "output_schema": {}, "mode": "live",
            "http": {"url": server.url("/"), "method": "GET", "timeout_ms": 60_000}});
    }
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(names);
    world.bundle.checks("s", checks);
    Ok(world)
}

fn run(world: &World, servers: &[RawServer]) -> Result<Record> {
    let hosts: Vec<String> = servers.iter().map(RawServer::address).collect();
    let flags: Vec<&str> = hosts.iter().flat_map(|host| ["--allow-host", host]).collect();
    Ok(world.run(&flags)?.remove(0))
}

fn results(record: &Record) -> Vec<String> {
    let tools = record.messages.iter().filter(|message| message.role == Role::Tool);
    tools.map(|message| message.content.text().into_owned()).collect()
}

fn error(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: 4\r\nconnection: close\r\n\r\noops")
}

#[test]
fn calls_of_one_answer_are_made_at_once_and_no_more_than_so_many() -> Result<()> {
    let (meeting, answered) = (Arc::new(Meeting::default()), Arc::new(Meeting::default()));
    let server = |number: usize| {
        let (meeting, answered) = (meeting.clone(), answered.clone());
        RawServer::start(move |_| {
            if number == AT_ONCE {
                // Whoever is one too many comes when all others have been answered.
                let before = answered.come() - 1;
                return RawServer::answer(&format!("\"{before} before\""));
            }
            meeting.come();
            let all = meeting.wait_for(AT_ONCE);
            answered.come();
            RawServer::answer(&format!("\"{number} {}\"", if all { "together" } else { "alone" }))
        })
    };
    let servers = (0..=AT_ONCE).map(server).collect::<Result<Vec<_>, _>>()?;
    let record = run(&world(&servers, json!([]))?, &servers)?;
    let expected = (0..AT_ONCE).map(|number| format!("{number} together"));
    assert_eq!(results(&record), expected.chain([format!("{AT_ONCE} before")]).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_call_that_fails_takes_no_other_with_it() -> Result<()> {
    for failing in [0, 1] {
        let meeting = Arc::new(Meeting::default());
        let server = |number: usize| {
            let meeting = meeting.clone();
            RawServer::start(move |_| {
                // The first is answered last, and stays the first.
                let met = if number == 0 { meeting.wait_for(1) } else { meeting.come() == 1 };
                match (met, number == failing) {
                    (true, false) => RawServer::answer(&format!("\"{number}\"")),
                    _ => error("500 Internal Server Error"),
                }
            })
        };
        let servers = [server(0)?, server(1)?];
        let called = |tool: &str| json!({"type": "tools_called", "params": {"tools": [tool]}});
        let record = run(&world(&servers, json!([called("t0"), called("t1")]))?, &servers)?;
        let failed = r#"{"error":"the server answered 500: oops"}"#;
        let expected = if failing == 0 { [failed, "1"] } else { ["0", failed] };
        assert_eq!(results(&record), expected);
        let outcomes: Vec<Outcome> = record.checks.iter().map(|check| check.outcome).collect();
        let one = if failing == 0 { [Outcome::Failed, Outcome::Passed] } else { [Outcome::Passed, Outcome::Failed] };
        assert_eq!(outcomes, one);
    }
    Ok(())
}
