//! A streamed answer, put together from its pieces.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::reply::{self, NoReply, Said, WireError, WireUsage};
use crate::chat::GUARDED;
use crate::sse::{NotSse, Sink};

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(default, borrow)]
    choices: Vec<Choice<'a>>,
    usage: Option<WireUsage>,
    error: Option<WireError>,
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

/// What has come so far. The first choice is the only one asked for; others are passed over.
#[derive(Default)]
pub(super) struct Assembly {
    text: String,
    refusal: Option<String>,
    calls: BTreeMap<u32, PartialCall>,
    usage: Option<WireUsage>,
    finish: Option<String>,
    /// Something of the answer itself has come, not only its wrapping.
    pub(super) begun: bool,
}

#[derive(Default)]
struct PartialCall {
    id: String,
    name: String,
    arguments: String,
}

/// Why the reading of a stream stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// `[DONE]` was read.
    Done,
    Failed(NoReply),
}

impl Assembly {
    fn add(&mut self, chunk: Chunk<'_>) {
        if chunk.usage.is_some() {
            self.usage = chunk.usage;
        }
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            if let Some(content) = choice.delta.content {
                self.begun |= !content.is_empty();
                self.text.push_str(&content);
            }
            if let Some(refusal) = choice.delta.refusal {
                self.begun |= !refusal.is_empty();
                self.refusal.get_or_insert_default().push_str(&refusal);
            }
            for delta in choice.delta.tool_calls.into_iter().flatten() {
                self.begun = true;
                let call = self.calls.entry(delta.index).or_default();
                if let Some(id) = delta.id.filter(|id| !id.is_empty()) {
                    call.id = id;
                }
                if let Some(function) = delta.function {
                    call.name.push_str(&function.name.unwrap_or_default());
                    call.arguments.push_str(&function.arguments.unwrap_or_default());
                }
            }
            if let Some(word) = choice.finish_reason {
                self.finish = Some(reply::finish(word));
            }
        }
    }

    /// Whether the model said that it has finished.
    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// The text so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The reply of a stream that nobody wanted to see the end of: `text` and nothing else.
    pub(super) fn into_cut(self, text: String) -> Said {
        reply::said(text, None, Vec::new(), None, Some(GUARDED.to_owned()))
    }

    /// The whole reply.
    pub(super) fn into_said(self) -> Said {
        let calls = self.calls.into_values();
        let calls = calls.map(|call| reply::tool_call(call.id, call.name, &call.arguments)).collect();
        reply::said(self.text, self.refusal, calls, self.usage, self.finish)
    }
}

impl Sink for Assembly {
    type Stop = Stop;

    fn event(&mut self, data: &[u8], is_error: bool) -> ControlFlow<Stop> {
        if is_error {
            let error = serde_json::from_slice::<reply::ErrorBody>(data).map(|body| body.error);
            let text = || WireError::Text(String::from_utf8_lossy(data).into_owned());
            return ControlFlow::Break(Stop::Failed(NoReply::Error(error.unwrap_or_else(|_| text()))));
        }
        if data.trim_ascii() == b"[DONE]" {
            return ControlFlow::Break(Stop::Done);
        }
        match serde_json::from_slice::<Chunk<'_>>(data) {
            Ok(Chunk { error: Some(error), .. }) => ControlFlow::Break(Stop::Failed(NoReply::Error(error))),
            Ok(chunk) => {
                self.add(chunk);
                ControlFlow::Continue(())
            }
            Err(error) => {
                let text = format!("a data line is no chunk of an answer: {error}");
                ControlFlow::Break(Stop::Failed(NoReply::Bad(text)))
            }
        }
    }

    fn not_sse(&mut self, NotSse(line): NotSse) -> Stop {
        Stop::Failed(NoReply::Bad(format!("the stream has a line that is no event's: {line:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn assemble(events: &[&str]) -> (Assembly, ControlFlow<Stop>) {
        let mut assembly = Assembly::default();
        for event in events {
            let flow = assembly.event(event.as_bytes(), false);
            if flow.is_break() {
                return (assembly, flow);
            }
        }
        (assembly, ControlFlow::Continue(()))
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
        let flow = Assembly::default().event(b"overloaded", true);
        assert!(
            matches!(flow, ControlFlow::Break(Stop::Failed(NoReply::Error(error))) if error.text() == "overloaded")
        );
    }

    #[test]
    fn wrapping_is_no_begin() {
        let (assembly, _) = assemble(&[r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#]);
        assert!(!assembly.begun && !assembly.is_finished());
    }
}
