//! `spec.a2a_agents`: agents that a model calls. Each skill of an agent's card is a tool; who answers is a script.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde_json::json;

use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::yaml::Cursor;
use crate::{Problem, Tool, ToolMode};

/// Keys that only agents elsewhere have.
const REMOTE: [&str; 5] = ["auth", "headers", "headers_from_env", "timeout_ms", "skill_filter"];
/// Most bytes that a pattern may take once it is compiled.
const PATTERN_BYTES: usize = 1 << 20;

/// What a scripted agent answers to one skill.
#[derive(Clone, Debug, PartialEq)]
pub struct MockAgent {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    /// In lower case; empty for any question.
    contains: String,
    pattern: Option<Pattern>,
    /// The text, or why the agent fails.
    answer: Result<String, String>,
}

#[derive(Clone, Debug)]
struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl MockAgent {
    /// The answer of the first rule that fits the question; the error is what the agent fails with.
    pub fn answer(&self, query: &str) -> Result<&str, &str> {
        let lower = query.to_lowercase();
        let fits = |rule: &&Rule| {
            lower.contains(&rule.contains) && rule.pattern.as_ref().is_none_or(|pattern| pattern.0.is_match(query))
        };
        match self.rules.iter().find(fits) {
            Some(rule) => rule.answer.as_deref().map_err(String::as_str),
            None => Err("the agent has no response that fits the question"),
        }
    }
}

/// The tools of all agents of the arena; what is no agent, and what is elsewhere, is reported.
pub(crate) fn tools(spec: &Cursor<'_>, report: &mut Report) -> Vec<Tool> {
    let list = spec.get("a2a_agents");
    let mut tools = Vec::new();
    for agent in list.iter().flat_map(Cursor::items) {
        if let Some(url) = agent.get("url") {
            let message = "agents elsewhere are not called: each call of their tools fails";
            report.push(url.error("FeatureUnsupported", message).warning().hint("give `card` and `responses` instead"));
            continue;
        }
        unsupported(&agent, &REMOTE, Without::Works, report);
        let Some(card) = agent.get("card") else {
            let problem = agent.error("MissingKey", "an agent needs `card` or `url`");
            report.push(problem);
            continue;
        };
        let name = sanitized(&card.text("name").unwrap_or_default());
        let skills = card.get("skills");
        let known: Vec<String> = skills.iter().flat_map(Cursor::items).filter_map(|skill| skill.text("id")).collect();
        let rules = agent.get("responses");
        for rule in rules.iter().flat_map(Cursor::items) {
            let Some(skill) = rule.get_text("skill") else { continue };
            if skill.node.as_text().is_some_and(|id| !id.is_empty() && !known.iter().any(|known| known == id)) {
                let problem = skill.error_with_value("UnknownValue", "the card has no skill of this id").warning();
                report.push(problem.hint(format!("known are {}", known.join(", "))));
            }
        }
        for skill in skills.iter().flat_map(Cursor::items) {
            let Some(id) = skill.text("id") else { continue };
            let told = skill.text("description").filter(|text| !text.is_empty()).or_else(|| skill.text("name"));
            let of_skill = rules.iter().flat_map(Cursor::items).filter(|rule| {
                let wanted = rule.text("skill").unwrap_or_default();
                wanted.is_empty() || wanted == id
            });
            let rules = of_skill.filter_map(|rule| Rule::decode(&rule, report)).collect();
            tools.push(Tool {
                name: format!("a2a__{name}__{}", sanitized(&id)),
                description: told.unwrap_or_default(),
                input_schema: json!({
                    "type": "object",
                    "properties": {"query": {"type": "string"}},
                    "required": ["query"],
                }),
                output_schema: json!({"type": "object", "properties": {"response": {"type": "string"}}}),
                mode: ToolMode::Agent(Arc::new(MockAgent { rules })),
                file: agent.file.clone(),
            });
        }
    }
    tools
}

impl Rule {
    /// None for a rule that says nothing, as with the original runner, and for one whose pattern is none.
    fn decode(rule: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let matched = rule.get("match");
        let text = |key: &str| matched.as_ref().and_then(|matched| matched.text(key)).filter(|text| !text.is_empty());
        let answer = match rule.text("error").filter(|error| !error.is_empty()) {
            Some(error) => Err(error),
            None => {
                let response = rule.get("response")?;
                let parts = response.get("parts");
                let texts: Vec<_> = parts.iter().flat_map(Cursor::items).filter_map(|part| part.text("text")).collect();
                Ok(texts.join("\n"))
            }
        };
        let pattern = match text("regex") {
            Some(pattern) => Some(report.keep(compiled(matched.as_ref().unwrap_or(rule), &pattern))?),
            None => None,
        };
        Some(Self { contains: text("contains").unwrap_or_default().to_lowercase(), pattern, answer })
    }
}

fn compiled(at: &Cursor<'_>, pattern: &str) -> Result<Pattern, Problem> {
    let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
    built.map(Pattern).map_err(|error| {
        // The engine draws where the pattern is wrong on lines of its own.
        let why = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
        at.error("PatternInvalid", format!("`regex` is no pattern: {why}")).value(pattern)
    })
}

/// A name as a part of a tool's: lower-case letters and digits, everything between them one underscore.
fn sanitized(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit()));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_original_runner() {
        for (name, expected) in [("Research Agent", "research_agent"), ("--A1..b!", "a1_b"), ("näh", "n_h"), ("", "")]
        {
            assert_eq!(sanitized(name), expected);
        }
    }

    #[test]
    fn the_first_rule_that_fits_answers() {
        let pattern = |text: &str| Some(Pattern(Regex::new(text).unwrap()));
        let rule = |contains: &str, pattern, answer| Rule { contains: contains.to_owned(), pattern, answer };
        let agent = MockAgent {
            rules: vec![
                rule("tea", pattern("^Green"), Ok("both".to_owned())),
                rule("tea", None, Ok("tea".to_owned())),
                rule("", pattern("bad"), Err("it broke".to_owned())),
            ],
        };
        assert_eq!(agent.answer("Green TEA"), Ok("both"));
        assert_eq!(agent.answer("green tea"), Ok("tea"));
        assert_eq!(agent.answer("too bad"), Err("it broke"));
        assert!(agent.answer("coffee").unwrap_err().contains("no response"));
    }
}
