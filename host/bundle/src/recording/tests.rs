use arena_model::{Content, Role, Usage};
use serde_json::{Value, json};

use super::*;

fn parsed(file: &str, text: &str) -> Result<Recording, Problem> {
    Recording::parse(file, text.as_bytes(), &YamlLimits::default(), &mut Vec::new())
}

/// What becomes of these messages between a question and an answer.
fn read(messages: &[Value]) -> Recording {
    let ends = [json!({"role": "user", "content": "a"}), json!({"role": "assistant", "content": "b"})];
    let all: Vec<&Value> = ends.iter().chain(messages).collect();
    let mut recording = parsed("r.json", &json!({"messages": all}).to_string()).unwrap_or_else(|why| panic!("{why}"));
    recording.messages.drain(..2);
    recording.latency_ms.drain(..2);
    recording
}

fn one(message: Value) -> Message {
    read(&[message]).messages.remove(0)
}

fn refused(message: Value) -> String {
    let all = json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, message]});
    parsed("r.json", &all.to_string()).unwrap_err().message
}

fn text(content: &str) -> Content {
    Content::Text(content.to_owned())
}

#[test]
fn a_tool_that_failed_has_failed() {
    let tool = |result: Value| one(json!({"role": "tool", "content": "", "tool_result": result}));
    let failed = tool(json!({"id": "c", "name": "t", "error": "timeout"}));
    assert_eq!((failed.finish.as_deref(), failed.tool_call_id.as_deref()), (Some("error"), Some("c")));
    assert_eq!(failed.content, text(r#"{"error":"timeout"}"#), "as of a call that failed here");
    let told = tool(json!({"error": {"code": 7}, "content": "it broke"}));
    assert_eq!((told.finish.as_deref(), told.content), (Some("error"), text("it broke")));
    for fine in [json!({"error": ""}), json!({"error": null}), json!({"error": false}), json!({})] {
        assert_eq!(tool(fine.clone()).finish, None, "{fine}");
    }
    let elsewhere = one(json!({"role": "assistant", "content": "x", "tool_result": {"error": "e"}}));
    assert_eq!(elsewhere.finish, None, "only a tool's message has a result");
}

#[test]
fn the_parts_of_a_result_are_its_text() {
    let parts = json!([{"type": "text", "text": "Eiffel"}, {"type": "text", "text": "Tower"}]);
    let tool = |result: Value| one(json!({"role": "tool", "tool_result": result})).content;
    assert_eq!(tool(json!({"parts": parts})), text("Eiffel\nTower"));
    assert_eq!(tool(json!({"parts": parts, "content": "said"})), text("said\nEiffel\nTower"));
    let image = json!([{"type": "image", "media": {"mime_type": "image/png"}}]);
    assert!(matches!(tool(json!({"parts": image})), Content::Parts(parts) if parts[0].kind == "image"));
}

#[test]
fn parts_stand_where_the_content_is_empty_and_media_stay_media() {
    let user = |content: Value, parts: Value| one(json!({"role": "user", "content": content, "parts": parts})).content;
    let said = json!([{"type": "text", "text": "in parts"}]);
    assert_eq!(user(json!(""), said.clone()), text("in parts"));
    assert_eq!(user(json!("in full, in parts"), said.clone()), text("in full, in parts"));
    assert_eq!(user(json!("in full"), said), text("in full\nin parts"));
    let media = json!({"mime_type": "image/png", "data": "eA=="});
    let image = json!({"type": "image", "media": media});
    let both = |first: &str| {
        Content::Parts(vec![
            Part { kind: "text".into(), text: Some(first.into()), media: None },
            Part { kind: "image".into(), text: None, media: Some(media.clone()) },
        ])
    };
    assert_eq!(user(json!("look"), json!([{"type": "text", "text": "look"}, image])), both("look"));
    assert_eq!(user(json!("look"), json!([image])), both("look"), "no text is lost");
    assert_eq!(user(json!(["look", image]), Value::Null), both("look"));
    let other = json!({"type": "image_url", "image_url": {"url": "u"}});
    let Content::Parts(parts) = user(json!([other]), Value::Null) else { panic!() };
    assert_eq!((parts[0].kind.as_str(), parts[0].media.as_ref()), ("image_url", Some(&other)));
    assert!(refused(json!({"role": "user", "content": 7})).contains("neither a text nor a list of parts but 7"));
}

#[test]
fn tokens_cost_and_time_are_read() {
    let info = json!({"input_tokens": 12, "output_tokens": 3, "cached_tokens": 4, "total_cost_usd": 0.0012345});
    let recording = read(&[
        json!({"role": "assistant", "content": "x", "cost_info": info, "latency_ms": 250}),
        json!({"role": "assistant", "content": "x", "usage": {"input_tokens": 5}, "cost_info": {"total_cost": 1e12}}),
        json!({"role": "assistant", "content": "x"}),
    ]);
    let read: Vec<_> = recording.messages.iter().map(|it| (it.usage, it.cost_usd_micro)).collect();
    let usage = |input, output, cached| Some(Usage { input, output, cached, ..Usage::default() });
    assert_eq!(read, [(usage(12, 3, 4), Some(1235)), (usage(5, 0, 0), Some(9_007_199_254_740_991)), (None, None)]);
    assert_eq!(recording.latency_ms, [Some(250), None, None]);
    let wrong = refused(json!({"role": "assistant", "content": "x", "usage": {"input_tokens": -1}}));
    assert_eq!(wrong, "message 2: its `input_tokens` is no number of at least 0 but -1");
}

#[test]
fn sessions_have_a_document_a_line() {
    let data = |role: &str, text: &str| json!({"type": "message.created", "data": {"Role": role, "Content": text}});
    let exported = [
        json!({"type": "metadata", "metadata": {"version": "1.0"}}),
        json!({"type": "event", "event": data("user", "a")}),
        json!({"type": "event", "event": {"type": "tool.call.started", "data": {}}}),
        json!({"type": "event", "event": data("assistant", "b")}),
    ];
    let stored = [json!({"seq": 1, "event": data("user", "a")}), json!({"seq": 2, "event": data("assistant", "b")})];
    let plain = [json!({"type": "message", "message": {"role": "user", "content": "a"}}), data("assistant", "b")];
    for lines in [&exported[..], &stored[..], &plain[..]] {
        let text = lines.iter().map(|line| format!("{line}\n\r\n")).collect::<String>();
        let recording = parsed("s.jsonl", &text).unwrap_or_else(|why| panic!("{why}"));
        let said: Vec<_> = recording.messages.iter().map(|it| (it.role, it.content.text().into_owned())).collect();
        assert_eq!(said, [(Role::User, "a".to_owned()), (Role::Assistant, "b".to_owned())], "{text}");
    }
    let broken = parsed("s.jsonl", "{\"type\": \"event\"}\n\n{\"a\": [1,\n").unwrap_err();
    assert_eq!((broken.reason, broken.line), ("YamlSyntax", 3));
    let none = parsed("s.jsonl", "{\"type\": \"metadata\"}\n").unwrap_err();
    assert!(none.to_string().contains("there is no conversation"), "{none}");
}

#[test]
fn sessions_as_the_runtime_writes_them_are_read() {
    let event = |data: Value| json!({"type": "message.created", "data": data});
    let events = json!({"events": [
        event(json!({"Role": "user", "Content": "", "Parts": [{"type": "text", "text": "where?"}], "ToolCalls": null})),
        event(json!({"Role": "assistant", "Content": "", "ToolCalls": [{"id": "c", "name": "t", "args": "{\"q\":1}"}]})),
        event(json!({"Role": "tool", "ToolResult": {"id": "c", "name": "t", "error": "gone", "parts": []}})),
        event(json!({"Role": "robot", "Content": "beep"})),
    ]});
    let mut left_out = Vec::new();
    let bytes = events.to_string();
    let recording = Recording::parse("s.json", bytes.as_bytes(), &YamlLimits::default(), &mut left_out).unwrap();
    assert_eq!(recording.messages[0].content, text("where?"));
    let call = &recording.messages[1].tool_calls[0];
    assert_eq!((call.id.as_str(), call.name.as_str(), &call.arguments), ("c", "t", &json!({"q": 1})));
    let answer = &recording.messages[2];
    assert_eq!((answer.tool_call_id.as_deref(), answer.finish.as_deref()), (Some("c"), Some("error")));
    assert!(left_out[0].starts_with("message 3 is left out: its role \"robot\""), "{left_out:?}");
}

#[test]
fn what_would_be_judged_as_unsaid_is_an_error() {
    let read = |reply: &str| {
        let text =
            format!(r#"{{"messages": [{{"role": "user", "content": "hi"}}, {{"role": "assistant", {reply}}}]}}"#);
        Recording::parse("r.json", text.as_bytes(), &YamlLimits::default(), &mut Vec::new())
    };
    for reply in [
        r#""content": [{"type": "text", "value": "FORBIDDEN"}]"#,
        r#""content": "x", "tool_calls": {"name": "danger"}"#,
        r#""content": "x", "tool_calls": [{"id": "c"}]"#,
    ] {
        assert_eq!(read(reply).unwrap_err().reason, "RecordingInvalid", "{reply}");
    }
    let both = read(r#""content": "fine", "parts": [{"type": "text", "text": "FORBIDDEN"}]"#).unwrap();
    assert_eq!(both.messages[1].content.text(), "fine\nFORBIDDEN");
    let old = read(r#""content": "x", "function_call": {"name": "f", "arguments": "{}"}"#).unwrap();
    assert_eq!(old.messages[1].tool_calls[0].name, "f");
}
