//! The mock file: replies by scenario and number of the call, in PromptKit's format.

use std::collections::{BTreeMap, BTreeSet};

use arena_model::{Part, ScriptedCall, ScriptedResults};
use serde_json::{Map, Value, json};

use super::yaml;

/// Samples a second of an audio file that does not say, and its type.
const SAMPLE_RATE: u64 = 24_000;
const PCM: &str = "audio/pcm";
/// Most keys that are named for having no effect.
const PASSED_OVER: usize = 20;
/// Types of media by what their addresses end in, as PromptArena has them.
const TYPES: [(&str, &str); 15] = [
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".png", "image/png"),
    (".gif", "image/gif"),
    (".webp", "image/webp"),
    (".mp3", "audio/mpeg"),
    (".wav", "audio/wav"),
    (".ogg", "audio/ogg"),
    (".oga", "audio/ogg"),
    (".weba", "audio/webm"),
    (".mp4", "video/mp4"),
    (".webm", "video/webm"),
    (".ogv", "video/ogg"),
    (".pdf", "application/pdf"),
    ("", "application/octet-stream"),
];

/// A mock file as read. The empty one answers nothing.
#[derive(Debug, Default)]
pub(super) struct MockFile {
    default: Option<Entry>,
    scenarios: BTreeMap<String, Scenario>,
    /// Simulated users by persona.
    personas: BTreeMap<String, Scenario>,
    tools: BTreeMap<String, ScriptedResults>,
    /// Keys around the replies that nothing reads, as PromptArena passes over them.
    pub(super) passed_over: Vec<String>,
}

#[derive(Debug, Default)]
struct Scenario {
    default: Option<Entry>,
    turns: BTreeMap<u32, Entry>,
    /// Steps of compositions by id.
    steps: BTreeMap<String, Entry>,
    /// Results of tools by their names.
    tools: BTreeMap<String, ScriptedResults>,
}

/// One reply.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// Text of the reply, what tokens are counted of.
    pub(super) text: String,
    /// Name and arguments.
    pub(super) tool_calls: Vec<(String, Value)>,
    /// Content instead of the text, if there is any.
    pub(super) parts: Vec<Part>,
    /// What is heard of it where both sides speak.
    pub(super) audio: Option<Part>,
}

impl Entry {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl MockFile {
    /// Reads a file. The error says where and what; the caller knows the path.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let root = match yaml::parse(bytes)? {
            Value::Null => return Ok(Self::default()),
            root => root,
        };
        let root = any_mapping(&root, "the file")?;
        let mut passed_over =
            unknown(root, "the file", &["defaultResponse", "scenarios", "selfplay", "tool_responses"]);
        let mut file = Self { default: default(root, "")?, tools: tools(root, "tool_responses")?, ..Self::default() };
        for (key, into) in [("scenarios", &mut file.scenarios), ("selfplay", &mut file.personas)] {
            let Some(scenarios) = present(root, key) else { continue };
            for (name, scenario) in any_mapping(scenarios, key)? {
                into.insert(name.clone(), Scenario::parse(scenario, &format!("{key}.{name}"), &mut passed_over)?);
            }
        }
        passed_over.truncate(PASSED_OVER);
        file.passed_over = passed_over;
        Ok(file)
    }

    /// The reply to call number `number` of `scenario`: its own, else the scenario's default, else the file's.
    pub(super) fn entry(&self, scenario: Option<&str>, number: u32) -> Option<&Entry> {
        scenario
            .and_then(|name| self.scenarios.get(name))
            .and_then(|scenario| scenario.turns.get(&number).or(scenario.default.as_ref()))
            .or(self.default.as_ref())
    }

    /// What a simulated user says in its turn number `turn`.
    pub(super) fn played(&self, persona: &str, turn: u32) -> Option<&Entry> {
        let played = self.personas.get(persona)?;
        played.turns.get(&turn).or(played.default.as_ref())
    }

    /// What is written down for a call: for its scenario, else for all.
    pub(super) fn tool_result(&self, call: &ScriptedCall<'_>) -> Option<&Result<Value, String>> {
        let own = self.scenarios.get(call.scenario).map(|scenario| &scenario.tools);
        own.into_iter().chain([&self.tools]).find_map(|tools| tools.get(call.tool)?.answer(call))
    }

    pub(super) fn scripted_tools(&self) -> Vec<&str> {
        let all = self.scenarios.values().map(|scenario| &scenario.tools).chain([&self.tools]);
        let names: BTreeSet<&str> = all.flat_map(BTreeMap::keys).map(String::as_str).collect();
        names.into_iter().collect()
    }

    /// The output of a composition's step.
    pub(super) fn step(&self, scenario: &str, step: &str) -> Option<&Entry> {
        self.scenarios.get(scenario)?.steps.get(step)
    }
}

impl Scenario {
    fn parse(value: &Value, at: &str, passed_over: &mut Vec<String>) -> Result<Self, String> {
        if value.is_null() {
            return Ok(Self::default());
        }
        let map = any_mapping(value, at)?;
        passed_over.extend(unknown(map, at, &["defaultResponse", "turns", "steps", "tool_responses"]));
        let tools = tools(map, &format!("{at}.tool_responses"))?;
        let mut scenario = Self { default: default(map, at)?, tools, ..Self::default() };
        if let Some(turns) = present(map, "turns") {
            for (number, entry) in any_mapping(turns, &format!("{at}.turns"))? {
                let at = format!("{at}.turns.{number}");
                let number = number.parse::<u32>().ok().filter(|number| *number > 0);
                let number = number.ok_or_else(|| format!("{at}: the key must be a number from 1"))?;
                scenario.turns.insert(number, Entry::parse(entry, &at)?);
            }
        }
        if let Some(steps) = present(map, "steps") {
            for (id, entry) in any_mapping(steps, &format!("{at}.steps"))? {
                scenario.steps.insert(id.clone(), Entry::parse(entry, &format!("{at}.steps.{id}"))?);
            }
        }
        Ok(scenario)
    }
}

impl Entry {
    fn parse(value: &Value, at: &str) -> Result<Self, String> {
        let map = match value {
            Value::Object(map) => map,
            Value::Array(_) | Value::Null => return Err(format!("{at}: a reply must be a text or a mapping")),
            scalar => return Ok(Self::text(plain_text(scalar))),
        };
        let keys = [
            "type",
            "content",
            "text",
            "response",
            "tool_calls",
            "parts",
            "audio_file",
            "audio_sample_rate",
            "audio_mime_type",
        ];
        check_keys(map, at, &keys)?;
        let kind = match present(map, "type") {
            None => "text",
            Some(Value::String(kind)) if matches!(kind.as_str(), "text" | "tool_calls" | "multimodal") => kind,
            Some(other) => return Err(format!("{at}.type: {other} is none of text, tool_calls, multimodal")),
        };
        let text = ["content", "text", "response"].into_iter().find_map(|key| present(map, key));
        let text = text.map_or(Ok(String::new()), |text| match text {
            Value::Object(_) | Value::Array(_) => Err(format!("{at}: the reply's text must be a text")),
            scalar => Ok(plain_text(scalar)),
        })?;
        let tool_calls = list(map, "tool_calls", at)?.iter().enumerate().map(|(index, call)| {
            let at = format!("{at}.tool_calls[{index}]");
            let call = mapping(call, &at, &["name", "arguments"])?;
            // A call without a name stays one: no tool has it, so the call fails in the conversation.
            let name = present(call, "name").map(plain_text).unwrap_or_default();
            match present(call, "arguments") {
                None => Ok::<_, String>((name, json!({}))),
                // What is no mapping fits no tool: the call fails in the conversation.
                Some(arguments) => Ok((name, arguments.clone())),
            }
        });
        let tool_calls = tool_calls.collect::<Result<Vec<_>, _>>()?;
        let parts = list(map, "parts", at)?.iter().enumerate();
        let parts = parts.map(|(index, value)| part(value, &format!("{at}.parts[{index}]")));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        // A multimodal reply makes no calls, and only it has parts that count.
        let multimodal = kind == "multimodal";
        Ok(Self {
            text,
            tool_calls: if multimodal { vec![] } else { tool_calls },
            parts: if multimodal || kind == "text" { parts } else { vec![] },
            audio: audio(map, at)?,
        })
    }
}

/// What is heard of a reply: `audio_file`, 16 bit a sample and one channel.
fn audio(map: &Map<String, Value>, at: &str) -> Result<Option<Part>, String> {
    let Some(file) = present(map, "audio_file") else { return Ok(None) };
    let file = file.as_str().ok_or_else(|| format!("{at}.audio_file: must be the path of a file"))?;
    let rate = match present(map, "audio_sample_rate") {
        None => SAMPLE_RATE,
        Some(rate) => rate
            .as_u64()
            .filter(|rate| *rate > 0)
            .ok_or_else(|| format!("{at}.audio_sample_rate: must be a whole number above zero"))?,
    };
    let kind = present(map, "audio_mime_type").map_or_else(|| PCM.to_owned(), plain_text);
    let media = json!({"file_path": file, "mime_type": kind, "sample_rate": rate, "channels": 1});
    Ok(Some(Part { kind: "audio".to_owned(), text: None, media: Some(media) }))
}

/// `tool_responses`: lists of results by the names of tools.
fn tools(map: &Map<String, Value>, at: &str) -> Result<BTreeMap<String, ScriptedResults>, String> {
    let Some(tools) = present(map, "tool_responses") else { return Ok(BTreeMap::new()) };
    let tools = any_mapping(tools, at)?;
    let one = |name: &String| {
        let mut results = ScriptedResults::default();
        for (index, entry) in list(tools, name, at)?.iter().enumerate() {
            results.push(entry).map_err(|why| format!("{at}.{name}[{index}]: {why}"))?;
        }
        Ok((name.clone(), results))
    };
    tools.keys().map(one).collect()
}

/// A part of a reply: `{type, text}` or `{type, <type>_url: {url, detail}, metadata}`.
fn part(value: &Value, at: &str) -> Result<Part, String> {
    let keys = ["type", "text", "image_url", "audio_url", "video_url", "document_url", "metadata"];
    let map = mapping(value, at, &keys)?;
    let kind = present(map, "type").and_then(Value::as_str).ok_or_else(|| format!("{at}.type: is missing"))?;
    if kind == "text" {
        let text = present(map, "text").map(plain_text).ok_or_else(|| format!("{at}.text: is missing"))?;
        return Ok(Part { kind: kind.to_owned(), text: Some(text), media: None });
    }
    if !matches!(kind, "image" | "audio" | "video" | "document") {
        return Err(format!("{at}.type: {kind:?} is none of text, image, audio, video, document"));
    }
    let source = present(map, &format!("{kind}_url")).and_then(Value::as_object);
    let url = source.and_then(|source| source.get("url")).and_then(Value::as_str);
    let url = url.ok_or_else(|| format!("{at}.{kind}_url.url: is missing"))?;
    let mut media = match present(map, "metadata") {
        None => Map::new(),
        Some(Value::Object(metadata)) => metadata.clone(),
        Some(_) => return Err(format!("{at}.metadata: must be a mapping")),
    };
    media.insert("url".to_owned(), url.into());
    known_by_address(&mut media, url);
    if let Some(detail) = source.and_then(|source| source.get("detail")) {
        media.insert("detail".to_owned(), detail.clone());
    }
    Ok(Part { kind: kind.to_owned(), text: None, media: Some(media.into()) })
}

/// Adds what PromptArena's mock makes of a part: its type by what the address ends in, its duration by another name.
fn known_by_address(media: &mut Map<String, Value>, url: &str) {
    if !media.contains_key("mime_type") {
        let address = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        let kind = TYPES.iter().find(|(end, _)| address.ends_with(end));
        media.extend(kind.map(|(_, kind)| ("mime_type".to_owned(), json!(kind))));
    }
    if let Some(seconds) = media.get("duration_seconds").filter(|_| !media.contains_key("duration")) {
        media.insert("duration".to_owned(), seconds.clone());
    }
}

/// Keys that nothing reads, a sentence each.
fn unknown(map: &Map<String, Value>, at: &str, keys: &[&str]) -> Vec<String> {
    let others = map.keys().filter(|key| !keys.contains(&key.as_str()));
    others.map(|key| format!("{at}: the key `{key}` has no effect; known keys: {}", keys.join(", "))).collect()
}

/// The default reply of a mapping; an empty text is none.
fn default(map: &Map<String, Value>, at: &str) -> Result<Option<Entry>, String> {
    match present(map, "defaultResponse") {
        None => Ok(None),
        Some(Value::Object(_) | Value::Array(_)) => Err(format!("{at}.defaultResponse: must be a text")),
        Some(scalar) => Ok(Some(plain_text(scalar)).filter(|text| !text.is_empty()).map(Entry::text)),
    }
}

/// A scalar as the author wrote it: `1: 42` is the reply `42`.
fn plain_text(scalar: &Value) -> String {
    scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned)
}

fn present<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.get(key).filter(|value| !value.is_null())
}

fn list<'a>(map: &'a Map<String, Value>, key: &str, at: &str) -> Result<&'a [Value], String> {
    match present(map, key) {
        None => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(format!("{at}.{key}: must be a list")),
    }
}

fn any_mapping<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{at}: must be a mapping"))
}

fn mapping<'a>(value: &'a Value, at: &str, keys: &[&str]) -> Result<&'a Map<String, Value>, String> {
    let map = any_mapping(value, at)?;
    check_keys(map, at, keys)?;
    Ok(map)
}

fn check_keys(map: &Map<String, Value>, at: &str, keys: &[&str]) -> Result<(), String> {
    match map.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(format!("{at}: unknown key `{key}`; known keys: {}", keys.join(", "))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
defaultResponse: everywhere
scenarios:
  talk:
    defaultResponse: in talk
    turns:
      1: first
      2: {response: one, text: two, content: three}
      3:
        response: let me see
        tool_calls: [{name: find, arguments: {q: 1.5}}, {name: bare}, {arguments: {}}]
      4: {type: multimodal, parts: [{type: text, text: look}, {type: image, image_url: {url: "mock://a", detail: low}}]}
      5: 42
      6: ""
  mute:
    turns: {1: hello}
  steps_only: {steps: {a: b}}
"#;

    #[test]
    fn finds_replies_from_the_nearest_place() {
        let file = MockFile::parse(FILE.as_bytes()).unwrap();
        let text = |scenario, number| file.entry(scenario, number).map(|entry| entry.text.as_str());
        for (number, expected) in [(1, "first"), (2, "three"), (5, "42"), (6, ""), (7, "in talk")] {
            assert_eq!(text(Some("talk"), number), Some(expected), "{number}");
        }
        assert_eq!(text(Some("mute"), 2), Some("everywhere"));
        assert_eq!(text(Some("other"), 1), Some("everywhere"));
        assert_eq!(text(None, 1), Some("everywhere"));
        assert!(MockFile::parse(b"defaultResponse: ''").unwrap().entry(None, 1).is_none());
    }

    #[test]
    fn reads_calls_and_parts() {
        let file = MockFile::parse(FILE.as_bytes()).unwrap();
        let calls = &file.entry(Some("talk"), 3).unwrap().tool_calls;
        let expected = [("find", json!({"q": 1.5})), ("bare", json!({})), ("", json!({}))];
        assert_eq!(*calls, expected.map(|(name, arguments)| (name.to_owned(), arguments)));
        let parts = &file.entry(Some("talk"), 4).unwrap().parts;
        assert_eq!(parts[0].text.as_deref(), Some("look"));
        let media = json!({"url": "mock://a", "detail": "low", "mime_type": "application/octet-stream"});
        assert_eq!(parts[1].media, Some(media));
    }

    #[test]
    fn a_scenarios_results_of_tools_come_before_the_files() {
        let file = "tool_responses: {t: [{result: everywhere}]}\n\
                    scenarios: {a: {tool_responses: {t: [{turn: 2, result: in a}], u: []}}}";
        let file = MockFile::parse(file.as_bytes()).unwrap();
        let result = |scenario, tool, turn| {
            file.tool_result(&ScriptedCall { scenario, tool, arguments: &Value::Null, turn, call: 1 }).cloned()
        };
        assert_eq!(result("a", "t", 2), Some(Ok("in a".into())));
        assert_eq!(result("a", "t", 1), Some(Ok("everywhere".into())));
        assert_eq!(result("b", "t", 2), Some(Ok("everywhere".into())));
        assert_eq!(result("a", "u", 2), None);
        assert_eq!(file.scripted_tools(), ["t", "u"]);
    }

    #[test]
    fn a_text_that_ends_with_the_file_gains_no_line_break() {
        for (end, expected) in [("", "last line"), ("\n", "last line\n")] {
            let file = format!("scenarios:\n  a:\n    turns:\n      1: |\n        last line{end}");
            let file = MockFile::parse(file.as_bytes()).unwrap();
            assert_eq!(file.entry(Some("a"), 1).unwrap().text, expected);
        }
    }

    #[test]
    fn keys_around_the_replies_that_nothing_reads_are_told() {
        let file = MockFile::parse(b"default_response: x\nscenarios: {a: {turn: {}, turns: {1: y}}}").unwrap();
        assert_eq!(file.entry(Some("a"), 1).unwrap().text, "y");
        let [one, two] = &file.passed_over[..] else { panic!("{:?}", file.passed_over) };
        assert!(one.starts_with("the file: the key `default_response` has no effect; known keys: default"), "{one}");
        assert!(two.starts_with("scenarios.a: the key `turn` has no effect"), "{two}");
    }

    #[test]
    fn media_are_known_by_their_address() {
        let part = |url: &str, metadata: Value| {
            let part = json!({"type": "audio", "audio_url": {"url": url}, "metadata": metadata});
            super::part(&part, "at").unwrap().media.unwrap()
        };
        let media = part("mock://a/b.MP3?x=1", json!({"duration_seconds": 30}));
        assert_eq!((&media["mime_type"], &media["duration"]), (&json!("audio/mpeg"), &json!(30)));
        assert_eq!(part("mock://b", json!({}))["mime_type"], "application/octet-stream");
        assert_eq!(part("mock://b.wav", json!({"mime_type": "audio/x"}))["mime_type"], "audio/x");
    }

    #[test]
    fn says_where_a_file_is_wrong() {
        for (text, part) in [
            ("scenarios: {a: {turns: {0: x}}}", "scenarios.a.turns.0: the key must be a number from 1"),
            ("scenarios: {a: {turns: {1: [x]}}}", "scenarios.a.turns.1: a reply must be a text"),
            ("scenarios: {a: {turns: {1: {typ: x}}}}", "scenarios.a.turns.1: unknown key `typ`"),
            ("scenarios: {a: {turns: {1: {type: multimodal, parts: [{type: image}]}}}}", "parts[0].image_url.url"),
            ("tool_responses: {t: {result: 1}}", "tool_responses.t: must be a list"),
            (
                "scenarios: {a: {tool_responses: {t: [{reslt: 1}]}}}",
                "scenarios.a.tool_responses.t[0]: unknown key `reslt`",
            ),
            ("- x", "the file: must be a mapping"),
        ] {
            let error = MockFile::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
