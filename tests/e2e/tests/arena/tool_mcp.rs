//! Tools of MCP servers.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{RawRequest, RawServer};
use arena_model::{Outcome, Record, Role};
use serde_json::{Value, json};

/// A server with the tools `echo`, `fail` and `hidden` on two pages, whose answers `wrap` puts on the wire.
fn server(wrap: fn(&str) -> String) -> Result<RawServer> {
    Ok(RawServer::start(move |request| {
        if request.method == "DELETE" {
            return "HTTP/1.1 204 Gone\r\nConnection: close\r\n\r\n".to_owned();
        }
        let asked: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let tool = |name: &str| {
            json!({"name": name, "description": "d", "inputSchema": {"type": "object",
            "properties": {"text": {"type": "string"}}, "required": ["text"]}})
        };
        let result = match asked["method"].as_str().unwrap_or_default() {
            "initialize" => json!({"protocolVersion": "2025-03-26", "capabilities": {"tools": {}},
                "serverInfo": {"name": "test", "version": "1"}}),
            "tools/list" if asked["params"]["cursor"] == "next" => json!({"tools": [tool("fail"), tool("hidden")]}),
            "tools/list" => json!({"tools": [tool("echo")], "nextCursor": "next"}),
            "tools/call" if asked["params"]["name"] == "echo" => {
                json!({"content": [{"type": "text", "text": format!("echo of {}", asked["params"]["arguments"]["text"])}]})
            }
            "tools/call" => json!({"content": [{"type": "text", "text": "it broke"}], "isError": true}),
            _ => return "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned(),
        };
        wrap(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}).to_string())
    })?)
}

fn plain(body: &str) -> String {
    RawServer::answer(body).replacen("Content-Type", "Mcp-Session-Id: s-1\r\nContent-Type", 1)
}

fn events(body: &str) -> String {
    let notice = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}});
    RawServer::typed("text/event-stream", &format!("event: message\ndata: {notice}\n\ndata: {body}\n\n"))
}

/// A bundle whose model calls tools of the server `t` and then says `done`.
fn world(entry: Value, calls: &[(&str, Value)], checks: Value) -> Result<World> {
    let mut world = World::new()?;
    let calls: Vec<_> = calls.iter().map(|(name, arguments)| json!({"name": name, "arguments": arguments})).collect();
    let turns = json!({"1": {"tool_calls": calls}, "2": "done"});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": turns}}}))?;
    let mut whole = json!({"name": "t"});
    whole.as_object_mut().unwrap().extend(entry.as_object().cloned().unwrap_or_default());
    world.bundle.spec["mcp_servers"] = json!([whole]);
    world.bundle.checks("s", checks);
    Ok(world)
}

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.checks.iter().map(|check| check.outcome).collect()
}

fn results(record: &Record) -> Vec<String> {
    let tools = record.messages.iter().filter(|message| message.role == Role::Tool);
    tools.map(|message| message.content.text().into_owned()).collect()
}

fn methods(seen: &[RawRequest]) -> Vec<String> {
    let method = |request: &RawRequest| {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        body["method"].as_str().map_or_else(|| request.method.clone(), str::to_owned)
    };
    seen.iter().map(method).collect()
}

#[test]
fn tools_of_a_server_are_listed_and_called() -> Result<()> {
    for wrap in [plain, events] {
        let server = server(wrap)?;
        let entry = json!({"url": server.url("/mcp"), "headers": {"x-team": "a"}, "transport": "streamable_http"});
        let calls = [("mcp__t__echo", json!({"text": "hi"})), ("mcp__t__fail", json!({"text": "x"}))];
        let called = |tool: &str| json!({"type": "tools_called", "params": {"tools": [tool]}});
        let world = world(entry, &calls, json!([called("mcp__t__echo"), called("mcp__t__fail")]))?;
        let record = world.run(&["--allow-host", &server.address()])?.remove(0);
        assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed], "{:?}", results(&record));
        assert_eq!(results(&record)[0], "echo of \"hi\"");
        assert!(results(&record)[1].contains("it broke"));
        let seen = server.seen();
        let asked = ["initialize", "notifications/initialized", "tools/list", "tools/list", "tools/call", "tools/call"];
        assert_eq!(methods(&seen)[..6], asked);
        assert!(seen.iter().all(|request| request.header("x-team") == Some("a")));
        assert_eq!(seen[5].header("mcp-protocol-version"), Some("2025-03-26"));
        if seen[5].header("mcp-session-id").is_some() {
            assert_eq!((seen[5].header("mcp-session-id"), methods(&seen)[6].as_str()), (Some("s-1"), "DELETE"));
        }
    }
    Ok(())
}

#[test]
fn what_is_filtered_or_does_not_fit_is_not_called() -> Result<()> {
    let server = server(plain)?;
    let entry = json!({"url": server.url("/"), "tool_filter": {"blocklist": ["hidden"]}});
    let calls = [("mcp__t__hidden", json!({"text": "x"})), ("mcp__t__echo", json!({"text": 3}))];
    let world = world(entry, &calls, json!([]))?;
    let record = world.run(&["--allow-host", &server.address()])?.remove(0);
    let results = results(&record);
    assert!(results[0].contains("there is no tool") && results[1].contains("does not fit its schema"), "{results:?}");
    assert!(!methods(&server.seen()).contains(&"tools/call".to_owned()));
    Ok(())
}

#[test]
fn without_a_server_there_is_no_verdict() -> Result<()> {
    let server = server(plain)?;
    let nonsense = RawServer::start(|_| RawServer::answer("[1, 2]"))?;
    for (entry, allowed, error) in [
        (json!({"url": server.url("/")}), "example.com", "EgressDenied"),
        (json!({"url": nonsense.url("/")}), &*nonsense.address(), "McpFailed"),
        (json!({"command": "sh", "args": ["-c", "touch started"]}), "example.com", "FeatureUnsupported"),
        (json!({"url": server.url("/"), "transport": "sse"}), &*server.address(), "FeatureUnsupported"),
        (json!({"source": "docker", "scope": "run"}), "example.com", "FeatureUnsupported"),
    ] {
        let world = world(entry.clone(), &[], json!([{"type": "contains", "params": {"patterns": ["done"]}}]))?;
        let ran = world.arena(&["run", "bundle", "--out", "out", "--allow-host", allowed])?;
        let record = world.records("out")?.remove(0);
        assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some(error)), "{entry} {}", ran.all());
        assert!(!world.path("started").exists() && !world.path("bundle/started").exists());
    }
    assert_eq!(server.seen().len(), 0);
    Ok(())
}
