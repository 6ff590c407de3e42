//! A streamed answer, put together from its pieces.

use std::collections::{BTreeMap, BTreeSet};

use arena_model::{ToolCall, Usage};

use super::{Said, call_id, tool_call};
use crate::chat::GUARDED;

/// What has come so far.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) text: String,
    pub(crate) refusal: Option<String>,
    calls: BTreeMap<u32, PartialCall>,
    pub(crate) usage: Option<Usage>,
    /// Some count of tokens was unknown, and with it their sum.
    uncounted: bool,
    /// Numbers of the blocks that have begun, where the vendor numbers them.
    blocks: BTreeSet<u32>,
    /// Our word for why the model stopped; there once it said that it has finished.
    pub(crate) finish: Option<String>,
    /// Something of the answer itself has come, not only its wrapping.
    pub(crate) begun: bool,
    /// Place of the call that is the answer itself, in the shape that was asked for, and where it begins in the text.
    shaped: Option<(u32, usize)>,
}

#[derive(Debug, Default)]
struct PartialCall {
    id: String,
    name: String,
    arguments: String,
    signature: Option<String>,
}

impl Draft {
    pub(crate) fn add_text(&mut self, text: &str) {
        self.begun |= !text.is_empty();
        self.text.push_str(text);
    }

    pub(crate) fn add_refusal(&mut self, text: &str) {
        self.begun |= !text.is_empty();
        self.refusal.get_or_insert_default().push_str(text);
    }

    /// Takes the tokens so far, where a vendor tells them bit by bit.
    pub(crate) fn count(&mut self, usage: Option<Usage>) {
        self.uncounted |= usage.is_none();
        self.usage = usage.filter(|_| !self.uncounted);
    }

    /// Begins the block of this number; false if it has begun already.
    pub(crate) fn open(&mut self, block: u32) -> bool {
        self.blocks.insert(block)
    }

    /// Adds to the call at this place; an empty id leaves the one it has.
    pub(crate) fn add_call(&mut self, index: u32, id: &str, name: &str, arguments: &str) {
        self.begun = true;
        let call = self.calls.entry(index).or_default();
        if !id.is_empty() {
            id.clone_into(&mut call.id);
        }
        call.name.push_str(name);
        call.arguments.push_str(arguments);
    }

    /// Keeps what the vendor wants to be sent back with the call at this place.
    pub(crate) fn sign(&mut self, index: u32, signature: Option<String>) {
        self.calls.entry(index).or_default().signature = signature;
    }

    /// Sets the arguments of the call at this place, whatever came before.
    pub(crate) fn set_arguments(&mut self, index: u32, arguments: &str) {
        arguments.clone_into(&mut self.calls.entry(index).or_default().arguments);
    }

    /// The call at this place is the answer itself: what was said around it is not.
    pub(crate) fn shape(&mut self, index: u32) {
        self.shaped = Some((index, self.text.len()));
    }

    /// Whether the call at this place is the answer itself.
    pub(crate) fn is_shaped(&self, index: u32) -> bool {
        self.shaped.is_some_and(|(shaped, _)| shaped == index)
    }

    /// Whether any call is.
    pub(crate) fn has_shape(&self) -> bool {
        self.shaped.is_some()
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Whether the model said that it has finished.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// The reply of a stream that nobody wanted to see the end of: `text` and nothing else.
    pub(crate) fn into_cut(self, text: String) -> Said {
        Said { text, finish: Some(GUARDED.to_owned()), ..Said::default() }
    }

    /// The whole reply.
    pub(crate) fn into_said(self) -> Said {
        let calls = self.calls.into_values();
        let signed =
            |PartialCall { id, name, arguments, signature }| ToolCall { signature, ..tool_call(id, name, &arguments) };
        let calls = calls.map(signed).collect();
        let text = self.shaped.map_or(self.text.as_str(), |(_, start)| &self.text[start..]).to_owned();
        said(text, self.refusal, calls, self.usage, self.finish)
    }
}

/// Puts a reply together. A refusal takes the place of a missing text and is the reason why the model stopped.
pub(super) fn said(
    text: String,
    refusal: Option<String>,
    mut tool_calls: Vec<ToolCall>,
    usage: Option<Usage>,
    finish: Option<String>,
) -> Said {
    // Results find their calls by the id, so that each needs one.
    for (index, call) in tool_calls.iter_mut().enumerate().filter(|(_, call)| call.id.is_empty()) {
        call.id = call_id(index, &call.name);
    }
    match refusal {
        Some(refusal) if text.is_empty() && !refusal.is_empty() => {
            Said { text: refusal, tool_calls, usage, finish: Some("refusal".to_owned()) }
        }
        _ => Said { text, tool_calls, usage, finish },
    }
}
