//! Skills: instructions that the model takes up by a tool.

use std::collections::BTreeSet;
use std::sync::Arc;

use arena_bundle::{Bundle, Problem, Skill};
use arena_provider::ToolSpec;
use globset::Glob;
use serde_json::{Value, json};

pub(super) const ACTIVATE: &str = "skill__activate";
pub(super) const DEACTIVATE: &str = "skill__deactivate";
pub(super) const READ: &str = "skill__read_resource";

/// Largest file that a model reads, bytes.
const RESOURCE_BYTES: u64 = 256 << 10;

/// The skills of a conversation.
pub(super) struct Skills {
    all: Vec<Arc<Skill>>,
    active: BTreeSet<String>,
}

impl Skills {
    pub fn new(all: &[Arc<Skill>]) -> Self {
        Self { all: all.to_vec(), active: BTreeSet::new() }
    }

    /// Those a state lets in: all, none, or those whose folder the pattern matches. Preloaded ones are always in.
    fn within<'a>(&'a self, filter: Option<&'a str>) -> impl Iterator<Item = &'a Arc<Skill>> {
        let pattern = filter.filter(|filter| *filter != "none");
        let matcher =
            pattern.and_then(|text| Glob::new(text.trim_end_matches('/')).ok()).map(|glob| glob.compile_matcher());
        let parent = pattern.map(|text| format!("{}/", text.trim_end_matches(['/', '*'])));
        self.all.iter().filter(move |skill| match (&matcher, &parent) {
            _ if skill.preload || filter.is_none() => true,
            (Some(matcher), Some(parent)) => {
                matcher.is_match(&skill.folder) || skill.folder.starts_with(parent.as_str())
            }
            _ => false,
        })
    }

    /// The tools, if there is a skill to take up; their description lists what there is.
    pub fn tools(&self, filter: Option<&str>) -> Vec<ToolSpec> {
        let index: Vec<String> =
            self.within(filter).map(|skill| format!("- {}: {}", skill.name, skill.description)).collect();
        if index.is_empty() {
            return Vec::new();
        }
        let named = |name: &str, description: String| ToolSpec {
            name: name.to_owned(),
            description,
            parameters: json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}),
        };
        vec![
            named(ACTIVATE, format!("Takes up a skill and gives its instructions. Skills:\n{}", index.join("\n"))),
            named(DEACTIVATE, "Puts a skill away.".to_owned()),
            ToolSpec {
                name: READ.to_owned(),
                description: "Reads a file of a skill's folder.".to_owned(),
                parameters: json!({
                    "type": "object",
                    "properties": {
                        "skill_name": {"type": "string"},
                        "path": {"type": "string", "description": "Relative to the skill's folder."},
                    },
                    "required": ["skill_name", "path"],
                }),
            },
        ]
    }

    /// A call of one of the tools.
    pub fn call(&mut self, tool: &str, arguments: &Value, filter: Option<&str>) -> Result<Value, String> {
        let name = arguments["name"].as_str().unwrap_or_default();
        if tool == DEACTIVATE {
            return match self.active.remove(name) {
                true => Ok(json!({"skill": name, "status": "deactivated"})),
                false => Err(format!("the skill `{name}` is not active")),
            };
        }
        let found = self.within(filter).find(|skill| skill.name == name).cloned();
        let skill = found.ok_or_else(|| format!("there is no skill `{name}` here"))?;
        self.active.insert(skill.name.clone());
        Ok(Value::String(skill.body.clone()))
    }

    /// A call of [`READ`]: a text in the folder of a skill that the state lets in. The outer error is no fault of the call.
    pub fn read(
        &self,
        bundle: &Bundle,
        arguments: &Value,
        filter: Option<&str>,
    ) -> Result<Result<Value, String>, Box<Problem>> {
        let text = |key: &str| arguments[key].as_str().unwrap_or_default();
        let name = text("skill_name");
        let Some(skill) = self.within(filter).find(|skill| skill.name == name) else {
            return Ok(Err(format!("there is no skill `{name}` here")));
        };
        if skill.folder.is_empty() {
            return Ok(Err(format!("the skill `{name}` has no folder of its own")));
        }
        match bundle.text_within(&skill.folder, text("path"), RESOURCE_BYTES) {
            Ok(content) => Ok(Ok(json!({"content": content}))),
            Err(problem) if matches!(problem.reason, "FileChanged" | "FileUnreadable") => Err(problem.into()),
            Err(problem) => Ok(Err(format!("{}: {}", text("path"), problem.message))),
        }
    }

    /// Instructions that are in force from the first turn.
    pub fn preloaded(&self) -> String {
        let bodies = self.all.iter().filter(|skill| skill.preload).map(|skill| skill.body.as_str());
        bodies.collect::<Vec<_>>().join("\n\n")
    }
}
