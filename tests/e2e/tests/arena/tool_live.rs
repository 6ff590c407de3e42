//! Tools that a server answers.

use anyhow::Result;
use arena_e2e::{Signal, World, until};
use arena_harness::{Behaviour, Failing, Failure, FakeVendor, RawServer};
use arena_model::{Outcome, Record, Role};
use serde_json::{Value, json};

/// A bundle whose model calls the tool `find` once with `arguments` and then says `done`.
fn world(http: Value, arguments: Value, checks: Value) -> Result<World> {
    let mut world = World::new()?;
    let call = json!({"tool_calls": [{"name": "find", "arguments": arguments}]});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": call, "2": "done"}}}}))?;
    world.bundle.spec["tool_specs"]["find"] = json!({"description": "d", "input_schema": {"type": "object"},
        "output_schema": {}, "mode": "live", "http": http});
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["find"]);
    world.bundle.checks("s", checks);
    Ok(world)
}

fn http(url: &str, method: &str, more: Value) -> Value {
    let mut http = json!({"url": url, "method": method, "timeout_ms": 20_000});
    http.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    http
}

fn result_has(text: &str) -> Value {
    json!({"type": "tool_result_includes", "params": {"tool": "find", "patterns": [text]}})
}

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.checks.iter().map(|check| check.outcome).collect()
}

fn result(record: &Record) -> String {
    let tools: Vec<_> = record.messages.iter().filter(|message| message.role == Role::Tool).collect();
    tools.last().map(|message| message.content.text().into_owned()).unwrap_or_default()
}

#[test]
fn a_server_answers_where_a_flag_allows_it_and_nowhere_else() -> Result<()> {
    let server = RawServer::start(|_| RawServer::answer("{\"weather\": \"sunny\"}"))?;
    let checks = json!([result_has("sunny"), result_has("EgressDenied")]);
    let world = world(http(&server.url("/now"), "GET", json!({})), json!({"city": "Oslo", "days": 2}), checks)?;
    let record = world.run(&["--allow-host", &server.address()])?.remove(0);
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed]);
    assert_eq!(server.seen()[0].path, "/now?city=Oslo&days=2");
    let ran = world.arena(&["run", "bundle", "--out", "closed", "--allow-host", "example.com"])?.code(1)?;
    ran.says("[EgressDenied] tool `find`: each call of it fails: `127.0.0.1:")?;
    let record = world.records("closed")?.remove(0);
    assert!(result(&record).contains("EgressDenied: `127.0.0.1:"), "{}", result(&record));
    assert_eq!(server.seen().len(), 1);
    Ok(())
}

#[test]
fn arguments_go_where_the_mapping_says() -> Result<()> {
    let server = RawServer::start(|_| RawServer::answer("{\"data\": {\"items\": [{\"id\": 7}, {\"id\": 8}]}}"))?;
    let more = json!({
        "headers": {"x-fixed": "f"},
        "request": {
            "query_params": ["page"], "header_params": {"x-user": "u-{{.user}}"}, "exclude": ["secret"],
            "static_query": {"v": "2"}, "static_body": {"source": "arena"},
            "body_mapping": "{text: note, from: source}",
        },
        "response": {"body_mapping": "data.items[*].id"},
    });
    let arguments = json!({"user": "ann", "order": "o1", "page": 3, "secret": "s", "note": "hi"});
    let url = format!("{}/{{{{.order}}}}", server.url("/orders"));
    let checks = json!([result_has("[7,8]"), result_has("items")]);
    let world = world(http(&url, "post", more), arguments, checks)?;
    let record = world.run(&["--allow-host", &server.address()])?.remove(0);
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed], "{}", result(&record));
    let seen = server.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/orders/o1?page=3&v=2"));
    assert_eq!((seen.header("x-user"), seen.header("x-fixed")), (Some("u-ann"), Some("f")));
    assert_eq!(serde_json::from_str::<Value>(&seen.body)?, json!({"text": "hi", "from": "arena"}));
    Ok(())
}

#[test]
fn a_key_is_sent_only_if_it_is_named_and_never_kept() -> Result<()> {
    let key = "k-0123456789";
    let server = RawServer::start(move |_| RawServer::answer(&format!("{{\"said\": \"you sent {key}\"}}")))?;
    let from_env = json!({"headers_from_env": ["Authorization=TOOL_KEY"]});
    let checks = json!([result_has("you sent ***"), result_has("EgressDenied")]);
    let mut world = world(http(&server.url("/"), "GET", from_env), json!({}), checks)?;
    world.set("TOOL_KEY", key);
    let host = server.address();
    let record = world.run(&["--allow-host", &host, "--tool-env", "TOOL_KEY"])?.remove(0);
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed]);
    assert_eq!(server.seen()[0].header("authorization"), Some(key));
    assert!(!serde_json::to_string(&record)?.contains(key));
    world.arena(&["run", "bundle", "--out", "closed", "--allow-host", &host])?.code(1)?.says("variable TOOL_KEY")?;
    assert_eq!(outcomes(&world.records("closed")?[0]), [Outcome::Failed, Outcome::Passed]);
    assert_eq!(server.seen().len(), 1);
    world.arena(&["run", "bundle", "--tool-env", "ABSENT"])?.code(2)?.says("[VariableNotSet]")?;
    Ok(())
}

#[test]
fn what_a_server_says_is_held_against_the_schema_and_errors_are_failed_calls() -> Result<()> {
    let server = RawServer::start(|seen| match seen.path.as_str() {
        "/text" => RawServer::typed("text/plain", "plain words"),
        "/wrong" => RawServer::answer("{\"n\": \"many\"}"),
        "/image" => RawServer::typed("image/png", "PNG"),
        "/hidden" => RawServer::answer("{\"token\": \"t\", \"n\": 1}"),
        _ => "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy".to_owned(),
    })?;
    let schema = json!({"type": "object", "properties": {"n": {"type": "number"}}});
    for (path, more, expected) in [
        ("/text", json!({}), "plain words"),
        ("/wrong", json!({}), "does not fit its schema"),
        ("/busy", json!({}), "the server answered 503: busy"),
        ("/hidden", json!({"redact": ["token"]}), "\"token\":\"***\""),
    ] {
        let mut world = world(http(&server.url(path), "GET", more), json!({}), json!([]))?;
        world.bundle.spec["tool_specs"]["find"]["output_schema"] = schema.clone();
        let record = world.run(&["--allow-host", &server.address()])?.remove(0);
        assert!(result(&record).contains(expected), "{path}: {}", result(&record));
    }
    let image = http(&server.url("/image"), "GET", json!({"multimodal": {"enabled": true}}));
    let record = world(image, json!({}), json!([]))?.run(&["--allow-host", &server.address()])?.remove(0);
    let message = record.messages.iter().find(|message| message.role == Role::Tool).unwrap();
    let content = serde_json::to_value(&message.content)?;
    assert!(content[0]["text"].as_str().unwrap().contains("\"content_type\":\"image/png\""), "{content}");
    assert_eq!(content[1], json!({"type": "image", "media": {"mime_type": "image/png", "data": "UE5H"}}));
    Ok(())
}

#[test]
fn a_run_is_resumed_with_the_same_hosts() -> Result<()> {
    let server = RawServer::start(|_| RawServer::answer("{}"))?;
    let world = world(http(&server.url("/"), "GET", json!({})), json!({}), json!([]))?;
    world.run(&["--allow-host", &server.address()])?;
    // A finished run makes its reports without a call.
    world.arena(&["run", "--resume", "out", "--quiet"])?.code(0)?;
    assert_eq!(world.manifest("out")?.work.config["run"]["egress"], json!([server.address()]));
    // One that was stopped calls on, so the hosts must be named again.
    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(Failure::Hang)]))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({}));
    let allowed = ["--allow-host", "a.example"];
    let mut running = world.start(&["run", "bundle", "--out", "half", "-q", allowed[0], allowed[1]])?;
    until("a call", || vendor.calls() >= 1)?;
    running.signal(Signal::INT)?;
    running.wait_for("once more to stop at once")?;
    running.signal(Signal::INT)?;
    running.end()?.code(130)?.says("/half --allow-host a.example`")?;
    vendor.behave(Behaviour::text("fine"));
    for flags in [&[][..], &["--allow-host", "b.example"]] {
        let resume = [&["run", "--resume", "half", "-q"], flags].concat();
        world.arena(&resume)?.code(2)?.says("[EgressChanged]")?.says("--allow-host a.example")?;
    }
    world.arena(&["run", "--resume", "half", "-q", allowed[0], allowed[1]])?.code(0)?;
    Ok(())
}

#[test]
fn what_is_wrong_with_a_tool_or_a_flag_is_told_before_the_run() -> Result<()> {
    let mut world = world(http("https://api.example.com/", "GET", json!({})), json!({}), json!([]))?;
    for host in ["https://x", "169.254.169.254:80", "a b"] {
        world.arena(&["run", "bundle", "--allow-host", host])?.code(2)?;
    }
    world.bundle.spec["tool_specs"]["find"]["http"]["headers"] = json!({"X-Api-Key": "k"});
    world.arena(&["run", "bundle", "--out", "key"])?.code(2)?.says("[InlineKey]")?.says("http.headers.X-Api-Key")?;
    world.bundle.spec["tool_specs"]["find"]["http"]["headers"] = json!({});
    world.bundle.spec["tool_specs"]["find"]["http"]["response"] = json!({"body_mapping": "a..b"});
    world.arena(&["validate", "bundle"])?.says("is not JMESPath")?;
    world.bundle.spec["tool_specs"]["find"]["http"]["method"] = json!("FETCH");
    world.arena(&["run", "bundle"])?.code(2)?.says("[UnknownValue]")?;
    world.bundle.spec["tool_specs"]["find"].as_object_mut().unwrap().remove("http");
    world.arena(&["run", "bundle"])?.code(2)?.says("needs the key `http`")?;
    Ok(())
}

#[test]
fn a_tool_that_would_start_a_process_is_refused() -> Result<()> {
    let mut world = world(json!(null), json!({}), json!([result_has("a tool of mode `exec` is not called here")]))?;
    world.bundle.spec["tool_specs"]["find"] = json!({"description": "d", "input_schema": {}, "output_schema": {},
        "mode": "exec", "exec": {"command": "/bin/sh", "args": ["-c", "touch started"]}});
    let ran = world.arena(&["run", "bundle", "--out", "out"])?.code(0)?;
    ran.says("[ToolModeUnsupported]")?;
    assert_eq!(outcomes(&world.records("out")?[0]), [Outcome::Passed]);
    assert!(!world.path("started").exists() && !world.path("bundle/started").exists());
    // Hooks would be programs as well, and change what is said.
    world.bundle.spec["runtime"] = json!({"hooks": {"h": {"command": "touch", "args": ["started"]}}});
    world.arena(&["run", "bundle", "--out", "hooks"])?.code(1)?.says("[FeatureUnsupported]")?;
    assert_eq!(world.records("hooks")?[0].error.as_deref(), Some("FeatureUnsupported"));
    assert!(!world.path("started").exists() && !world.path("bundle/started").exists());
    world.bundle.spec["runtime"] = json!({"hooks": {}, "logging": {"level": "debug"}});
    world.arena(&["run", "bundle", "--out", "other"])?.code(0)?.says("`runtime` is not supported yet")?;
    Ok(())
}
