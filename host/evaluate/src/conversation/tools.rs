//! What happens when the model calls a tool: the arguments are held against the schema, somebody answers, the answer is
//! held against its own. Whatever goes wrong is the call's result; the conversation goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arena_bundle::{ClientTool, MockTool, Tool, ToolMode};
use arena_model::{Author, Content, Conversation, Fault as _, Message, Role, ScriptedCall, ToolCall};
use arena_provider::ToolSpec;
use arena_sandbox::{Asked, Call};
use serde_json::{Value, json};

use super::Run;
use crate::case::CaseInput;
use crate::evaluator::{Evaluator, EvaluatorParts};
use crate::prompt;

/// Name of the engine that renders answers of mock tools.
pub const ANSWERS: &str = "go-template";

/// What a tool answers.
pub(super) type Answer = Result<Content, Failure>;

/// Why a call has no result.
pub(super) struct Failure {
    /// `validation` if arguments or result do not fit their schema; `policy`, `consent` or `chaos` if the call was not
    /// made over it; else `call`.
    pub kind: &'static str,
    pub why: String,
}

impl<T: Into<String>> From<T> for Failure {
    fn from(why: T) -> Self {
        Self { kind: "call", why: why.into() }
    }
}

/// The tools that a prompt lets the model know of. Others of the bundle answer all the same if they are called, as with
/// the original runner.
pub(super) fn told(tools: &BTreeMap<String, Arc<Tool>>, allowed: &[String]) -> Vec<ToolSpec> {
    let spec = |tool: &Arc<Tool>| ToolSpec {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.input_schema.clone(),
    };
    allowed.iter().filter_map(|name| tools.get(name)).map(spec).collect()
}

/// An answer of a tool of ours.
pub(super) fn of_json(value: Value) -> Content {
    Content::Text(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// The message with a call's result.
pub(super) fn message(call: &ToolCall, answer: Answer) -> Message {
    let (content, failed) = match answer {
        Ok(content) => (content, false),
        Err(failure) => (Content::Text(json!({"error": failure.why}).to_string()), true),
    };
    let finish = failed.then(|| FAILED.to_owned());
    Message { content, tool_call_id: Some(call.id.clone()), finish, ..Message::text(Role::Tool, Author::Tool, "") }
}

/// `finish` of a tool's message whose call failed.
pub(super) const FAILED: &str = "error";

/// Name of the component that holds values against schemas.
pub const SCHEMAS: &str = "json";

/// Whether a schema refers to schemas: such a one can be written to take for ever, and is judged in Wasm.
pub fn refers(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef") || refers(value)),
        Value::Array(items) => items.iter().any(refers),
        _ => false,
    }
}

/// Whether `value` fits a schema that the bundle or a server gives.
pub(super) async fn fits_given(
    evaluator: &Evaluator,
    schema: &Value,
    value: &Value,
    what: &str,
) -> Result<(), Failure> {
    if !refers(schema) {
        return fits(schema, value, what);
    }
    let component = evaluator.component(SCHEMAS).map_err(|trouble| trouble.text().to_owned())?.clone();
    let said = Message::text(Role::Assistant, Author::Tool, value.to_string());
    let call = Call {
        check: "json_schema".to_owned(),
        params: json!({"schema": schema}).to_string(),
        conversation: Arc::new(Conversation { messages: vec![said], turns: vec![0], ..Conversation::default() }),
        asked: Asked::default(),
        seed: evaluator.parts().seed,
    };
    let sandbox = evaluator.parts().sandbox.clone();
    let judged = sandbox.clone().on_pool(async move { sandbox.evaluate(&component, &call).await.result }).await;
    match judged.and_then(|judged| judged) {
        Ok(verdict) if verdict.passed == Some(true) => Ok(()),
        Ok(verdict) => {
            let why = format!("the {what} does not fit its schema: {}", verdict.reason);
            Err(Failure { kind: "validation", why })
        }
        Err(error) => Err(format!("the schema of the {what}: {}: {error}", error.reason()).into()),
    }
}

/// Whether `value` fits a schema that refers to no other.
pub(super) fn fits(schema: &Value, value: &Value, what: &str) -> Result<(), Failure> {
    if matches!(schema, Value::Null | Value::Bool(true)) {
        return Ok(());
    }
    let validator = jsonschema::validator_for(schema).map_err(|error| format!("the schema of the {what}: {error}"))?;
    validator
        .validate(value)
        .map_err(|error| Failure { kind: "validation", why: format!("the {what} does not fit its schema: {error}") })
}

/// What came of a call outside.
pub(super) struct Reached {
    pub answer: Answer,
    /// Bytes that a server has answered, if one has.
    pub received: Option<usize>,
}

impl Reached {
    pub fn of(answer: Answer) -> Self {
        Self { answer, received: None }
    }
}

/// What a call needs of its conversation, so that several can be under way.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub evaluator: &'a Evaluator,
    pub case: &'a CaseInput,
    pub deadline: Instant,
}

impl<'a> Run<'a> {
    pub(super) fn caller(&self) -> Caller<'a> {
        Caller { evaluator: self.evaluator, case: self.case, deadline: self.deadline }
    }
}

impl Caller<'_> {
    /// Calls a tool of the bundle, the call with this number among its own.
    pub(super) async fn reach(self, tool: &Tool, arguments: &Value, turn: u32, number: u32) -> Reached {
        let mut received = None;
        let answer = self.answer(tool, arguments, turn, number, &mut received).await;
        Reached { answer, received }
    }

    async fn answer(
        self,
        tool: &Tool,
        arguments: &Value,
        turn: u32,
        call: u32,
        received: &mut Option<usize>,
    ) -> Answer {
        fits_given(self.evaluator, &tool.input_schema, arguments, "call").await?;
        let asked = ScriptedCall { scenario: &self.case.scenario.id, tool: &tool.name, arguments, turn, call };
        if let Some(scripted) = self.scripted(tool, &asked) {
            let result = scripted?;
            fits_given(self.evaluator, &tool.output_schema, &result, "result").await?;
            return Ok(of_json(result));
        }
        match &tool.mode {
            ToolMode::Mock(mock) => mocked(self.evaluator, tool, mock, arguments).await,
            ToolMode::Client(client) => mocked(self.evaluator, tool, &client.mock, arguments).await,
            ToolMode::Http(http) => self.call_http(tool, http, arguments, received).await,
            ToolMode::Agent(agent) => {
                let answer = agent.answer(arguments["query"].as_str().unwrap_or_default())?;
                Ok(of_json(json!({"response": answer})))
            }
            ToolMode::Outside(mode) => Err(format!("a tool of mode `{mode}` is not called here").into()),
        }
    }

    /// What is written down for a call: in the mock file of the model, else with the tool.
    fn scripted(self, tool: &Tool, call: &ScriptedCall<'_>) -> Option<Result<Value, String>> {
        let provider = self.evaluator.parts().providers.get(&self.case.id.provider);
        let model = provider.and_then(|provider| provider.as_ref().ok()?.tool_result(call));
        let own = || match &tool.mode {
            ToolMode::Mock(mock) | ToolMode::Client(ClientTool { mock, .. }) => mock.responses.answer(call),
            ToolMode::Http(_) | ToolMode::Agent(_) | ToolMode::Outside(_) => None,
        };
        model.or_else(own).cloned()
    }
}

async fn mocked(evaluator: &Evaluator, tool: &Tool, mock: &MockTool, arguments: &Value) -> Answer {
    if !mock.parts.is_empty() {
        let all = Content::Parts(mock.parts.clone());
        let media = mock.parts.iter().any(|part| part.kind != "text");
        return Ok(if media { all } else { Content::Text(all.text().into_owned()) });
    }
    if let Some(template) = &mock.template {
        let text = rendered(evaluator, ANSWERS, template, arguments).await?;
        // Only what is JSON can be held against a schema; a text is taken as it is.
        if let Ok(value) = serde_json::from_str(&text) {
            let as_text = Value::String(text.clone());
            if let Err(why) = fits_given(evaluator, &tool.output_schema, &value, "result").await {
                fits_given(evaluator, &tool.output_schema, &as_text, "result").await.map_err(|_| why)?;
            }
        }
        return Ok(Content::Text(text));
    }
    let result = mock.result.clone().unwrap_or_default();
    fits_given(evaluator, &tool.output_schema, &result, "result").await?;
    Ok(of_json(result))
}

/// What the engine of this name makes of a text of the bundle. `values` is a JSON object.
pub(super) async fn rendered(
    evaluator: &Evaluator,
    engine: &str,
    source: &str,
    values: &Value,
) -> Result<String, String> {
    let engine = evaluator.engine(engine).map_err(|trouble| trouble.text().to_owned())?;
    let EvaluatorParts { sandbox, seed, .. } = evaluator.parts();
    let text = prompt::render(sandbox, engine, source, values, *seed).await;
    let text = text.map_err(|error| format!("{}: {error}", error.reason()))?;
    Ok(text.trim().to_owned())
}
