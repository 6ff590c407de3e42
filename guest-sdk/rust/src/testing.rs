//! Native tests without a host: conversations made by hand, judges that answer from a list, vectors by hand.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::embed::EmbedError;
use crate::judge::{Answer, JudgeError, Question};
use crate::subject::role_name;
use crate::{Action, Author, CheckError, Evaluator, Event, Guardrail, Message, Part, Role, Subject, ToolCall, Verdict};

/// A conversation made by hand, message by message.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    turn: Option<u32>,
    messages: Vec<Message>,
    tool_calls: Vec<ToolCall>,
    events: Vec<Event>,
    facts: Vec<(String, Value)>,
}

impl Conversation {
    /// Without messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a system message.
    pub fn system(self, text: &str) -> Self {
        self.push(Role::System, Author::Script, text)
    }

    /// Adds a user message.
    pub fn user(self, text: &str) -> Self {
        self.push(Role::User, Author::Script, text)
    }

    /// Adds an assistant message.
    pub fn assistant(self, text: &str) -> Self {
        self.push(Role::Assistant, Author::Model, text)
    }

    /// Adds a tool message.
    pub fn tool(self, text: &str) -> Self {
        self.push(Role::Tool, Author::Tool, text)
    }

    /// Adds a media part to the newest message; `info` should be a JSON object.
    pub fn part(mut self, kind: &str, mime_type: Option<&str>, info: Value) -> Self {
        if let Some(message) = self.messages.last_mut() {
            let mime_type = mime_type.map(str::to_owned);
            message.parts.push(Part { kind: kind.to_owned(), text: None, mime_type, info: info.to_string() });
        }
        self
    }

    /// Adds a tool call to the newest message; `arguments` is a JSON object.
    pub fn tool_call(mut self, name: &str, arguments: &str, outcome: Result<&str, &str>) -> Self {
        let (outcome, failed) = match outcome {
            Ok(text) => (text, false),
            Err(text) => (text, true),
        };
        self.tool_calls.push(ToolCall {
            id: format!("call_{}", self.tool_calls.len()),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            turn: self.current_turn(),
            message: self.len().saturating_sub(1),
            outcome: Some(outcome.to_owned()),
            failed,
        });
        self
    }

    /// Adds a tool message that answers the newest tool call.
    pub fn tool_result(self, text: &str) -> Self {
        let id = self.tool_calls.last().map(|call| call.id.clone());
        let mut conversation = self.push(Role::Tool, Author::Tool, text);
        if let Some(message) = conversation.messages.last_mut() {
            message.tool_call_id = id;
        }
        conversation
    }

    /// Adds a media part to the newest message.
    pub fn media(mut self, kind: &str, mime_type: &str) -> Self {
        if let Some(message) = self.messages.last_mut() {
            message.parts.push(Part {
                kind: kind.to_owned(),
                text: None,
                mime_type: Some(mime_type.to_owned()),
                info: "{}".to_owned(),
            });
        }
        self
    }

    /// Adds an event; `detail` should be a JSON object.
    pub fn event(mut self, kind: &str, detail: Value) -> Self {
        self.events.push(Event { kind: kind.to_owned(), turn: self.current_turn(), detail: detail.to_string() });
        self
    }

    /// Sets a named fact.
    pub fn with_fact(mut self, name: &str, value: Value) -> Self {
        self.facts.push((name.to_owned(), value));
        self
    }

    /// Puts one scripted turn under judgement.
    pub fn at_turn(mut self, turn: u32) -> Self {
        self.turn = Some(turn);
        self
    }

    fn push(mut self, role: Role, by: Author, text: &str) -> Self {
        let asked = self.messages.iter().filter(|message| message.role == Role::User).count();
        let turn = if role == Role::User { asked } else { asked.saturating_sub(1) };
        self.messages.push(Message {
            role,
            by,
            turn: u32::try_from(turn).unwrap_or(u32::MAX),
            text: text.to_owned(),
            parts: Vec::new(),
            tool_call_id: None,
            usage: None,
            cost_usd_micro: None,
            finish: None,
        });
        self
    }

    fn current_turn(&self) -> u32 {
        self.messages.last().map_or(0, |message| message.turn)
    }

    pub(crate) fn turn(&self) -> Option<u32> {
        self.turn
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn message(&self, index: u32) -> Option<Message> {
        self.messages.get(index as usize).cloned()
    }

    pub(crate) fn text(&self, index: u32) -> Option<String> {
        self.message(index).map(|message| message.text)
    }

    pub(crate) fn last_reply(&self) -> Option<u32> {
        self.by_role("assistant").pop()
    }

    pub(crate) fn by_role(&self, role: &str) -> Vec<u32> {
        let has_role = |(_, message): &(u32, &Message)| role_name(message.role) == role;
        (0..self.len()).zip(&self.messages).filter(has_role).map(|(index, _)| index).collect()
    }

    pub(crate) fn tool_calls(&self) -> Vec<ToolCall> {
        self.tool_calls.clone()
    }

    pub(crate) fn events(&self, kind: &str) -> Vec<Event> {
        self.events.iter().filter(|event| kind.is_empty() || event.kind == kind).cloned().collect()
    }

    pub(crate) fn fact(&self, name: &str) -> Option<String> {
        self.facts.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.to_string())
    }
}

/// A conversation of one question and this reply.
pub fn reply(text: &str) -> Subject<'static> {
    Subject::test(Conversation::new().user("question").assistant(text))
}

/// Judges through the component's own dispatch, as the host does: `params` is checked and parsed like in a run.
pub fn evaluate<C: Evaluator>(check: &str, params: Value, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
    let judged = C::evaluate(check, &params.to_string(), subject);
    match &judged {
        Ok(Verdict { passed: Some(true), .. }) => saw(check, Golden::Pass),
        Ok(Verdict { passed: Some(false), .. }) => saw(check, Golden::Fail),
        Ok(Verdict { score, .. }) => saw(check, if *score == Some(1.0) { Golden::Pass } else { Golden::Fail }),
        Err(CheckError::BadParams(why)) => saw_refusal(check, why),
        Err(_) => saw(check, Golden::Error),
    }
    judged
}

/// Checks params through the component's own dispatch.
pub fn validate<C: Evaluator>(check: &str, params: Value) -> Result<(), String> {
    let valid = C::validate(check, &params.to_string());
    if let Err(why) = &valid {
        saw_refusal(check, why);
    }
    valid
}

/// What a check should be seen to do in its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Golden {
    Pass,
    Fail,
    Error,
    WrongType,
}

impl Golden {
    const ALL: [Self; 4] = [Self::Pass, Self::Fail, Self::Error, Self::WrongType];
}

thread_local! {
    static SEEN: RefCell<BTreeMap<String, BTreeSet<Golden>>> = const { RefCell::new(BTreeMap::new()) };
}

fn saw(check: &str, golden: Golden) {
    SEEN.with_borrow_mut(|seen| {
        seen.entry(check.to_owned()).or_default().insert(golden);
    });
}

fn saw_refusal(check: &str, why: &str) {
    saw(check, Golden::Error);
    // What reading a param says of a value of another type.
    if why.contains("expected ") {
        saw(check, Golden::WrongType);
    }
}

/// What the checks of `C` have not done on this thread so far, of what tests should show of each: pass, fail, end in an
/// error, and refuse a param of the wrong type. Empty when nothing is lacking.
pub fn lacking<C: Evaluator>() -> Vec<String> {
    let metadata: Value = serde_json::from_str(C::METADATA).unwrap_or_default();
    let mut lacking = Vec::new();
    for check in metadata["checks"].as_array().into_iter().flatten() {
        let names = check["aliases"].as_array().into_iter().flatten().chain([&check["name"]]);
        let names: BTreeSet<&str> = names.filter_map(Value::as_str).collect();
        let seen: BTreeSet<Golden> = SEEN.with_borrow(|seen| {
            seen.iter().filter(|(name, _)| names.contains(name.as_str())).flat_map(|(_, did)| did.clone()).collect()
        });
        let name = check["name"].as_str().unwrap_or_default();
        // Without params there is none of a wrong type.
        let has_params = check["params"]["properties"].as_object().is_some_and(|known| !known.is_empty());
        let wanted = Golden::ALL.iter().filter(|did| has_params || **did != Golden::WrongType);
        lacking.extend(wanted.filter(|did| !seen.contains(did)).map(|did| format!("{name}: {did:?}")));
    }
    lacking
}

/// Shows a guardrail a stream piece by piece. Gives what it did, and after how many pieces; none of them is the end.
pub fn watch<C: Guardrail>(check: &str, params: Value, pieces: &[&str]) -> Result<(Option<usize>, Action), CheckError> {
    let mut guard = C::start(check, &params.to_string(), "output")?;
    for (at, piece) in pieces.iter().enumerate() {
        match guard.push(piece)? {
            Action::Proceed => {}
            action => return Ok((Some(at + 1), action)),
        }
    }
    Ok((None, guard.finish()?))
}

thread_local! {
    static ANSWERS: RefCell<VecDeque<Result<String, JudgeError>>> = const { RefCell::new(VecDeque::new()) };
    static QUESTIONS: RefCell<Vec<Question>> = const { RefCell::new(Vec::new()) };
}

/// What the judge will answer to the next questions of this thread, in order. After the last it is an unknown judge.
pub fn judge_answers(answers: impl IntoIterator<Item = Result<String, JudgeError>>) {
    ANSWERS.set(answers.into_iter().collect());
    QUESTIONS.set(Vec::new());
}

/// What this thread asked the judge since [`judge_answers`].
pub fn judge_questions() -> Vec<Question> {
    QUESTIONS.with_borrow(Vec::clone)
}

pub(crate) fn next_answer(question: &Question) -> Result<Answer, JudgeError> {
    QUESTIONS.with_borrow_mut(|asked| asked.push(question.clone()));
    let answer = ANSWERS.with_borrow_mut(VecDeque::pop_front);
    let text = answer.unwrap_or_else(|| Err(JudgeError::Unknown("no answer left in the test".to_owned())))?;
    Ok(Answer { text, input_tokens: 0, output_tokens: 0 })
}

thread_local! {
    static VECTORS: RefCell<VecDeque<Result<Vec<Vec<f32>>, EmbedError>>> = const { RefCell::new(VecDeque::new()) };
    static TEXTS: RefCell<Vec<(Option<String>, Vec<String>)>> = const { RefCell::new(Vec::new()) };
}

/// What the next calls of [`embed`](crate::embed::embed()) on this thread get, in order. After the last there is nobody
/// to ask.
pub fn embed_answers(answers: impl IntoIterator<Item = Result<Vec<Vec<f32>>, EmbedError>>) {
    VECTORS.set(answers.into_iter().collect());
    TEXTS.set(Vec::new());
}

/// Whom this thread asked for vectors, and of which texts, since [`embed_answers`].
pub fn embed_questions() -> Vec<(Option<String>, Vec<String>)> {
    TEXTS.with_borrow(Vec::clone)
}

pub(crate) fn next_vectors(embedder: Option<&str>, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
    TEXTS.with_borrow_mut(|asked| asked.push((embedder.map(str::to_owned), texts)));
    let answer = VECTORS.with_borrow_mut(VecDeque::pop_front);
    answer.unwrap_or_else(|| Err(EmbedError::Unknown("no vectors left in the test".to_owned())))
}
