//! The events of a streamed answer.

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde::Deserialize;
use serde_json::Value;

use super::reply::{self, WireUsage};
use crate::framing::Event;
use crate::wire::{Draft, NoReply, Stop, Taken, VendorFailure};

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(default, borrow)]
    choices: Vec<Choice<'a>>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: u32,
    #[serde(default, borrow)]
    delta: Delta<'a>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    #[serde(default)]
    index: u32,
    id: Option<String>,
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    arguments: Option<String>,
}

/// Takes one event. The first choice is the only one asked for; others are passed over.
pub(super) fn take(event: Event<'_>, draft: &mut Draft) -> Taken {
    if event.failed {
        let failure = VendorFailure::read(event.data);
        let text = || VendorFailure::of(String::from_utf8_lossy(event.data));
        return ControlFlow::Break(Stop::Failed(NoReply::Error(failure.unwrap_or_else(text))));
    }
    if event.data.trim_ascii() == b"[DONE]" {
        return ControlFlow::Break(Stop::Done);
    }
    match serde_json::from_slice::<Chunk<'_>>(event.data) {
        Ok(Chunk { error: Some(error), .. }) => ControlFlow::Break(Stop::Failed(NoReply::Error(reply::failure(error)))),
        Ok(chunk) if chunk.choices.iter().any(|it| it.finish_reason.as_deref() == Some(reply::FAILED)) => {
            let failure = VendorFailure::of("the model stopped with an error");
            ControlFlow::Break(Stop::Failed(NoReply::Error(failure)))
        }
        Ok(chunk) => {
            add(chunk, draft);
            ControlFlow::Continue(())
        }
        Err(error) => ControlFlow::Break(NoReply::unreadable(&error)),
    }
}

fn add(chunk: Chunk<'_>, draft: &mut Draft) {
    if let Some(usage) = chunk.usage {
        draft.usage = usage.usage();
    }
    for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
        if let Some(content) = choice.delta.content {
            draft.add_text(&content);
        }
        if let Some(refusal) = choice.delta.refusal {
            draft.add_refusal(&refusal);
        }
        for delta in choice.delta.tool_calls.into_iter().flatten() {
            let (name, arguments) = delta.function.map(|it| (it.name, it.arguments)).unwrap_or_default();
            let text = |text: Option<String>| text.unwrap_or_default();
            draft.add_call(delta.index, &text(delta.id), &text(name), &text(arguments));
        }
        if let Some(word) = choice.finish_reason.filter(|word| !word.is_empty()) {
            draft.finish = Some(reply::finish(word));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(data: &str, failed: bool) -> Event<'_> {
        Event { name: "", data: data.as_bytes(), failed }
    }

    fn assemble(events: &[&str]) -> (Draft, Taken) {
        let mut draft = Draft::default();
        for data in events {
            let flow = take(event(data, false), &mut draft);
            if flow.is_break() {
                return (draft, flow);
            }
        }
        (draft, ControlFlow::Continue(()))
    }

    #[test]
    fn joins_text_calls_and_usage() {
        let (assembly, flow) = assemble(&[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a \"b"}},{"index":1,"delta":{"content":"other"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"y","function":{"name":"g"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":"{\"k"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\":1}"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
            "[DONE]",
        ]);
        assert!(matches!(flow, ControlFlow::Break(Stop::Done)));
        assert!(assembly.begun && assembly.is_finished());
        let said = assembly.into_said();
        assert_eq!((said.text.as_str(), said.finish.as_deref()), ("a \"b", Some("tool-calls")));
        let calls: Vec<_> = said.tool_calls.into_iter().map(|call| (call.id, call.name, call.arguments)).collect();
        assert_eq!(calls, [("x".into(), "f".into(), json!({"k": 1})), ("y".into(), "g".into(), json!({}))]);
        assert!(said.usage.is_some());
    }

    #[test]
    fn stops_at_trouble() {
        let (_, flow) = assemble(&["{oops"]);
        assert!(matches!(flow, ControlFlow::Break(Stop::Failed(NoReply::Bad(_)))));
        let (_, flow) = assemble(&[r#"{"error":{"message":"boom"}}"#]);
        assert!(matches!(flow, ControlFlow::Break(Stop::Failed(NoReply::Error(_)))));
        let flow = take(event("overloaded", true), &mut Draft::default());
        assert!(matches!(flow, ControlFlow::Break(Stop::Failed(NoReply::Error(error))) if error.text == "overloaded"));
    }

    #[test]
    fn wrapping_is_no_begin() {
        let (assembly, _) = assemble(&[r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#]);
        assert!(!assembly.begun && !assembly.is_finished());
    }
}
