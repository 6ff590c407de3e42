//! What a model remembers by tools. Each case has a memory of its own, which begins with the scenario's seeds; results stand
//! in the order in which things were remembered.

use arena_bundle::Memory;
use arena_provider::ToolSpec;
use serde_json::{Value, json};

const RECALL: &str = "memory__recall";
const REMEMBER: &str = "memory__remember";
const LIST: &str = "memory__list";
const FORGET: &str = "memory__forget";

/// Most memories of a case, and bytes of all of them.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 4 << 20;
/// Results of a call that sets no limit.
const RECALLED: usize = 10;
const LISTED: usize = 50;

/// The memory of a conversation.
pub(super) struct Memories {
    on: bool,
    all: Vec<(u64, Memory)>,
    next: u64,
    bytes: usize,
}

impl Memories {
    /// With what is remembered from the start; without a memory there are no tools.
    pub fn new(on: bool, seeds: &[Memory]) -> Self {
        let mut memories = Self { on, all: Vec::new(), next: 1, bytes: 0 };
        for seed in seeds.iter().filter(|_| on) {
            memories.put(seed.clone());
        }
        memories
    }

    /// The tools, if there is a memory.
    pub fn tools(&self) -> Vec<ToolSpec> {
        if !self.on {
            return Vec::new();
        }
        let tool = |name: &str, description: &str, properties: Value, required: &[&str]| ToolSpec {
            name: name.to_owned(),
            description: description.to_owned(),
            parameters: json!({"type": "object", "properties": properties, "required": required}),
        };
        let types =
            json!({"type": "array", "items": {"type": "string"}, "description": "Only memories of these types."});
        let limit = json!({"type": "integer", "minimum": 0, "description": "Most results."});
        let confidence = json!({"type": "number", "description": "From 0 to 1."});
        vec![
            tool(
                RECALL,
                "Searches what was remembered for a text.",
                json!({"query": {"type": "string"}, "types": types, "limit": limit, "min_confidence": confidence}),
                &["query"],
            ),
            tool(
                REMEMBER,
                "Remembers a preference, a fact or a decision.",
                json!({"content": {"type": "string"}, "type": {"type": "string"}, "confidence": confidence,
                       "metadata": {"type": "object"}}),
                &["content"],
            ),
            tool(
                LIST,
                "Lists what was remembered.",
                json!({"types": types, "limit": limit, "offset": {"type": "integer", "minimum": 0}}),
                &[],
            ),
            tool(FORGET, "Forgets one memory by its id.", json!({"memory_id": {"type": "string"}}), &["memory_id"]),
        ]
    }

    /// A call of one of [`Memories::tools`] whose arguments fit its schema.
    pub fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value, String> {
        let text = |key: &str| arguments[key].as_str().unwrap_or_default();
        let number = |key: &str| arguments[key].as_u64().map_or(0, |number| usize::try_from(number).unwrap_or(MOST));
        let or = |limit: usize, usual: usize| if limit == 0 { usual } else { limit };
        match tool {
            RECALL => {
                let query = text("query").to_lowercase();
                let least = arguments["min_confidence"].as_f64().unwrap_or(0.0);
                let found = self
                    .of_types(&arguments["types"])
                    .filter(|(_, memory)| memory.confidence >= least && memory.content.to_lowercase().contains(&query));
                Ok(told(found.take(or(number("limit"), RECALLED))))
            }
            LIST => {
                let listed = self.of_types(&arguments["types"]).skip(number("offset"));
                Ok(told(listed.take(or(number("limit"), LISTED))))
            }
            FORGET => {
                // As with the original runner, what is not there is forgotten as well.
                let id = text("memory_id");
                self.all.retain(|(number, _)| name(*number) != id);
                self.bytes = self.all.iter().map(|(_, memory)| size(memory)).sum();
                Ok(json!({"status": "forgotten", "memory_id": id}))
            }
            _ => {
                let confidence = arguments["confidence"].as_f64().filter(|confidence| *confidence > 0.0);
                let memory = Memory {
                    content: text("content").to_owned(),
                    kind: Some(text("type")).filter(|kind| !kind.is_empty()).unwrap_or(Memory::KIND).to_owned(),
                    confidence: confidence.unwrap_or(Memory::CONFIDENCE),
                    metadata: arguments.get("metadata").cloned(),
                };
                if memory.content.is_empty() {
                    return Err("there is nothing in `content` to remember".to_owned());
                }
                if self.all.len() >= MOST || self.bytes + size(&memory) > MOST_BYTES {
                    return Err(format!("the memory is full: at most {MOST} memories of {MOST_BYTES} bytes together"));
                }
                let number = self.put(memory);
                Ok(json!({"status": "remembered", "id": name(number)}))
            }
        }
    }

    fn put(&mut self, memory: Memory) -> u64 {
        let number = self.next;
        self.next += 1;
        self.bytes += size(&memory);
        self.all.push((number, memory));
        number
    }

    fn of_types<'a>(&'a self, types: &'a Value) -> impl Iterator<Item = &'a (u64, Memory)> {
        let types: Vec<&str> = types.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        self.all.iter().filter(move |(_, memory)| types.is_empty() || types.contains(&memory.kind.as_str()))
    }
}

/// The id of a memory; they are counted, so that a repetition gives the same ones.
fn name(number: u64) -> String {
    format!("mem_{number}")
}

fn size(memory: &Memory) -> usize {
    let metadata = memory.metadata.as_ref().map_or(0, |metadata| metadata.to_string().len());
    memory.content.len() + memory.kind.len() + metadata
}

fn told<'a>(memories: impl Iterator<Item = &'a (u64, Memory)>) -> Value {
    let memories: Vec<Value> = memories
        .map(|(number, memory)| {
            let mut told = json!({"id": name(*number), "type": memory.kind, "content": memory.content,
                                  "confidence": memory.confidence});
            if let Some(metadata) = &memory.metadata {
                told["metadata"] = metadata.clone();
            }
            told
        })
        .collect();
    json!({"count": memories.len(), "memories": memories})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remember(memories: &mut Memories, arguments: Value) -> Result<Value, String> {
        memories.call(REMEMBER, &arguments)
    }

    fn ids(answer: &Value) -> Vec<&str> {
        answer["memories"].as_array().unwrap().iter().map(|memory| memory["id"].as_str().unwrap()).collect()
    }

    #[test]
    fn finds_by_words_types_and_confidence_in_order() {
        let seed = Memory { content: "Likes TEA".into(), kind: "taste".into(), confidence: 0.5, metadata: None };
        let mut memories = Memories::new(true, &[seed]);
        remember(&mut memories, json!({"content": "tea at five", "metadata": {"by": "x"}})).unwrap();
        remember(&mut memories, json!({"content": "coffee", "type": "taste", "confidence": 0})).unwrap();
        let recall = |memories: &mut Memories, arguments: Value| memories.call(RECALL, &arguments).unwrap();
        assert_eq!(ids(&recall(&mut memories, json!({"query": "tea"}))), ["mem_1", "mem_2"]);
        assert_eq!(ids(&recall(&mut memories, json!({"query": "", "types": ["taste"]}))), ["mem_1", "mem_3"]);
        assert_eq!(ids(&recall(&mut memories, json!({"query": "tea", "min_confidence": 0.6}))), ["mem_2"]);
        assert_eq!(ids(&recall(&mut memories, json!({"query": "", "limit": 1}))), ["mem_1"]);
        memories.call(FORGET, &json!({"memory_id": "mem_2"})).unwrap();
        let listed = memories.call(LIST, &json!({"offset": 1})).unwrap();
        assert_eq!((ids(&listed), &listed["count"]), (vec!["mem_3"], &json!(1)));
        assert_eq!(remember(&mut memories, json!({"content": "more"})).unwrap()["id"], "mem_4");
        assert!(remember(&mut memories, json!({"content": ""})).is_err());
    }

    #[test]
    fn a_full_memory_takes_no_more() {
        let mut memories = Memories::new(true, &[]);
        let kind = Memory::KIND.len();
        remember(&mut memories, json!({"content": "x".repeat(MOST_BYTES - kind)})).unwrap();
        assert!(remember(&mut memories, json!({"content": "x"})).unwrap_err().contains("full"));
        memories.call(FORGET, &json!({"memory_id": "mem_1"})).unwrap();
        for _ in 0..MOST {
            remember(&mut memories, json!({"content": "x"})).unwrap();
        }
        assert!(remember(&mut memories, json!({"content": "x"})).unwrap_err().contains("full"));
    }

    #[test]
    fn without_a_memory_there_are_no_tools() {
        assert!(Memories::new(false, &[]).tools().is_empty());
    }
}
