//! A provider that answers from a file, without a network.

mod embedding;
mod file;
mod yaml;

use std::time::{Duration, Instant};

use arena_model::{Author, Content, Message, Part, Role, ScriptedCall, ToolCall, Usage};
use async_trait::async_trait;
use serde_json::Value;

use crate::chat::{ChatReply, ChatRequest, Provider, Remark};
use crate::connect::FileReader;
use crate::error::{Cause, ProviderError};
use crate::settings::ProviderSettings;
pub(crate) use embedding::MockEmbedder;
use file::{Entry, MockFile};

/// Price of a token, millionths of a US dollar.
const MICRO_USD_PER_TOKEN: u64 = 10;

/// Answers as a mock file says; without a file, or where it says nothing, by a sentence that names provider and model.
pub(crate) struct Mock {
    model: String,
    file: MockFile,
    generated: Entry,
    /// The scenario of the file whose replies are spoken, whatever the scenario.
    spoken: Option<String>,
    /// Spoken where no scenario is named for it.
    response: Option<Entry>,
    remarks: Vec<Remark>,
}

impl Mock {
    pub(crate) fn new(settings: &ProviderSettings, read_file: FileReader<'_>) -> Result<Self, Cause> {
        let file = match settings.additional_config.get("mock_config") {
            None | Some(Value::Null) => MockFile::default(),
            Some(Value::String(path)) => {
                let bytes =
                    read_file(path).map_err(|e| Cause::MockFileMissing { path: path.clone(), text: e.to_string() })?;
                MockFile::parse(&bytes).map_err(|text| Cause::MockFileInvalid { path: path.clone(), text })?
            }
            Some(other) => {
                let text = "additional_config.mock_config must be the path of a file".to_owned();
                return Err(Cause::MockFileInvalid { path: other.to_string(), text });
            }
        };
        let generated = Entry::text(format!("Mock response for provider {} model {}", settings.id, settings.model));
        let text =
            |key: &str| settings.additional_config.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let spoken = text("duplex_scenario").map(str::to_owned);
        let response = text("response_text").map(Entry::text);
        let told = file.passed_over.iter();
        let told = told.map(|text| Remark { reason: "MockKeyUnknown", text: format!("mock file: {text}") });
        Ok(Self { model: settings.model.clone(), remarks: told.collect(), file, generated, spoken, response })
    }
}

#[async_trait]
impl Provider for Mock {
    async fn chat(&self, request: ChatRequest<'_>) -> Result<ChatReply, ProviderError> {
        let start = Instant::now();
        let context = request.context;
        let scenario = (!context.judge).then_some(context.scenario);
        let number = entry_number(request.messages, context.turn);
        let played = context.persona.and_then(|(persona, turn)| self.file.played(persona, turn));
        let step = scenario.zip(context.step).and_then(|(scenario, step)| self.file.step(scenario, step));
        let scripted = match (&self.spoken, &self.response) {
            (Some(spoken), _) if context.duplex => self.file.entry(Some(spoken), number),
            (None, Some(response)) if context.duplex => Some(response),
            _ => self.file.entry(scenario, number),
        };
        let entry = played.or(step).or(scripted).unwrap_or(&self.generated);
        let mut message = say(entry, request.messages);
        if let Some(audio) = entry.audio.clone().filter(|_| context.duplex) {
            let text = Part { kind: "text".to_owned(), text: Some(entry.text.clone()), media: None };
            message.content = Content::Parts(vec![text, audio]);
        }
        if request.tools.is_empty() && !context.tools && !message.tool_calls.is_empty() {
            // Where there are no tools at all, none is called.
            message.tool_calls.clear();
            message.finish = Some("stop".to_owned());
        }
        let ttft = request.stream.then_some(Duration::ZERO);
        Ok(ChatReply { message, latency: start.elapsed(), ttft, attempts: 1, retried: Vec::new(), cached: false })
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn endpoint(&self) -> Option<&str> {
        None
    }

    fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    fn tool_result(&self, call: &ScriptedCall<'_>) -> Option<&Result<Value, String>> {
        self.file.tool_result(call)
    }

    fn scripted_tools(&self) -> Vec<&str> {
        self.file.scripted_tools()
    }

    fn speaks(&self) -> bool {
        true
    }
}

/// Which entry answers: entries count calls, as far as the conversation shows them. It is the number of user messages or
/// of replies so far, whichever is more, and one more once a tool has answered.
fn entry_number(messages: &[Message], turn: u32) -> u32 {
    let count = |role| messages.iter().filter(|message| message.role == role).count() as u32;
    let calls = turn.max(count(Role::User)).max(count(Role::Assistant)).max(1);
    calls + u32::from(messages.iter().any(|message| message.role == Role::Tool))
}

fn say(entry: &Entry, messages: &[Message]) -> Message {
    let input: u64 = messages
        .iter()
        .filter(|message| message.role != Role::System)
        .map(|message| message.content.text().len() as u64 / 4)
        .sum();
    // Where the estimate is nothing, a call still counts as 10 tokens in and 20 out.
    let input = if input == 0 { 10 } else { input };
    let output = entry.text.len() as u64 / 4;
    let output = if output == 0 { 20 } else { output };
    let tool_calls: Vec<_> = entry
        .tool_calls
        .iter()
        .enumerate()
        .map(|(index, (name, arguments))| ToolCall::new(format!("call_{index}_{name}"), name, arguments.clone()))
        .collect();
    let finish = if tool_calls.is_empty() { "stop" } else { "tool-calls" };
    let content =
        if entry.parts.is_empty() { Content::Text(entry.text.clone()) } else { Content::Parts(entry.parts.clone()) };
    Message {
        role: Role::Assistant,
        by: Author::Model,
        content,
        tool_calls,
        tool_call_id: None,
        usage: Some(Usage { input, output, ..Usage::default() }),
        cost_usd_micro: Some((input + output) * MICRO_USD_PER_TOKEN),
        finish: Some(finish.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(roles: &str) -> Vec<Message> {
        let role = |c| match c {
            's' => (Role::System, Author::Script),
            'u' => (Role::User, Author::Script),
            'a' => (Role::Assistant, Author::Model),
            _ => (Role::Tool, Author::Tool),
        };
        roles.chars().map(role).map(|(role, by)| Message::text(role, by, "12345678")).collect()
    }

    #[test]
    fn entries_count_calls() {
        for (roles, turn, number) in [
            ("u", 1, 1),
            ("", 0, 1),
            ("suau", 2, 2),
            ("uat", 1, 2),
            ("uatat", 1, 3),
            ("uatau", 2, 3),
            ("uauat", 2, 3),
            ("uatauatau", 3, 5),
            ("u", 7, 7),
        ] {
            assert_eq!(entry_number(&conversation(roles), turn), number, "{roles}");
        }
    }

    #[test]
    fn counts_tokens_and_cost() {
        let message = say(&Entry::text("x".repeat(41)), &conversation("suau"));
        assert_eq!(message.usage, Some(Usage { input: 6, output: 10, cached: 0, ..Usage::default() }));
        assert_eq!(message.cost_usd_micro, Some(160));
        let message = say(&Entry::text(""), &conversation("s"));
        assert_eq!(message.usage, Some(Usage { input: 10, output: 20, cached: 0, ..Usage::default() }));
    }
}
