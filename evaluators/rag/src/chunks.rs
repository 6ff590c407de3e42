//! The retrieved texts: from the params, or from a fact about the case.

use arena_guest::prelude::*;
use arena_guest::serde_json::Value;

/// Where a name in `context_field` is looked up, in this order.
const FACTS: [&str; 3] = ["row", "variables", "metadata"];

/// Longest name that an error shows, in characters.
const SHOWN: usize = 60;

/// The three ways to say what was retrieved; the first that is not empty counts.
pub struct Source<'a> {
    pub contexts: &'a [String],
    pub context: Option<&'a str>,
    pub field: Option<&'a str>,
}

impl Source<'_> {
    /// What can be seen without a case.
    pub fn check(&self) -> Result<(), String> {
        if let Some(at) = self.contexts.iter().position(|chunk| chunk.trim().is_empty()) {
            return Err(format!("parameter `contexts`: entry {at} is empty"));
        }
        if self.contexts.is_empty() && self.text().is_none() && self.name().is_none() {
            return Err(
                "give what was retrieved: `contexts` (a list of texts), `context` (one text) or `context_field` \
                 (its name among the row, the variables or the metadata of the case)"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// The chunks, at least one.
    pub fn chunks(&self, subject: &Subject<'_>) -> Result<Vec<String>, CheckError> {
        if !self.contexts.is_empty() {
            return Ok(self.contexts.to_vec());
        }
        if let Some(text) = self.text() {
            return Ok(vec![text.to_owned()]);
        }
        let name = self.name().unwrap_or_default();
        let error = |why: &str| CheckError::BadParams(format!("`context_field` {}: {why}", excerpt(name, SHOWN)));
        let value = FACTS.iter().find_map(|fact| subject.fact(fact)?.get_mut(name).map(Value::take));
        let chunks = match value {
            None => return Err(error("neither row, variables nor metadata of the case have it")),
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => {
                let text = |item| match item {
                    Value::String(text) => Ok(text),
                    _ => Err(error("its value is a list of which not all entries are texts")),
                };
                items.into_iter().map(text).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(error("its value is neither a text nor a list of texts")),
        };
        if chunks.is_empty() || chunks.iter().any(|chunk| chunk.trim().is_empty()) {
            return Err(error("its value is empty, or has an empty entry"));
        }
        Ok(chunks)
    }

    fn text(&self) -> Option<&str> {
        self.context.filter(|text| !text.trim().is_empty())
    }

    fn name(&self) -> Option<&str> {
        self.field.filter(|name| !name.is_empty())
    }
}

/// The chunks as pieces of material, each on its own so that none can pass for two.
pub fn headed(chunks: Vec<String>, heading: &str) -> Vec<(String, String)> {
    let all = chunks.len();
    (1..).zip(chunks).map(|(number, chunk)| (format!("{heading} {number} OF {all}"), chunk)).collect()
}
