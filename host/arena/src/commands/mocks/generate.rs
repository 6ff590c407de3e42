//! `arena mocks generate DIR`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arena_model::{Author, Content, Message, Outcome, Part, Record, Role};
use arena_results::{RunView, records};
use serde_json::{Map, Value, json};

use super::text;
use crate::exit::{Exit, Failure, OrFail};
use crate::files::{self, FILE_BYTES};
use crate::output;
use crate::terminal::{line, plural, print_warning};
use crate::verdict::{place, shell_word};
use crate::work::load_bundle;

/// Keys of a mock file.
const KEYS: [&str; 3] = ["defaultResponse", "scenarios", "selfplay"];
/// Longest part of a scenario's name that stands in the name of a file.
const NAME_CHARS: usize = 100;

/// Arguments of `arena mocks generate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the run.
    dir: PathBuf,
    /// The mock file; without it the text is printed. With --per-scenario a folder.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// One file for each scenario.
    #[arg(long, requires = "out")]
    per_scenario: bool,
    /// Keep what stands in the file already, but for turns that the run has.
    #[arg(long, requires = "out")]
    merge: bool,
    /// Only replies of this provider: a mock file has one reply for a turn, whoever is asked.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Only replies of this repetition, counted from 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trial: Option<u32>,
    /// Only replies of cases in this region.
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Only replies of this variant of perturbations, as the report names it.
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
}

/// Replies by scenario and number of the call, each with the case it is from.
type Replies = BTreeMap<String, BTreeMap<u32, (Value, String)>>;

/// Writes the file or files.
///
/// Errors: `MockAmbiguous`, `NothingSelected`, `MockFileInvalid`, `FileUnwritable`, those of the run's folder.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    if let Some(out) = &arguments.out {
        let (wanted, otherwise) =
            if arguments.per_scenario { ("folder", out.is_file()) } else { ("file", out.is_dir()) };
        if otherwise {
            let text = format!("{}: --out names a {wanted} here, and this is something else", out.display());
            return Err(Failure::input("OutputUnusable", text).hint("choose another --out"));
        }
    }
    let replies = replies(arguments)?;
    let scenarios = replies.into_iter().map(|(scenario, turns)| {
        let turns: Map<String, Value> =
            turns.into_iter().map(|(number, (reply, _))| (number.to_string(), reply)).collect();
        (scenario, json!({"turns": turns}))
    });
    let scenarios: Map<String, Value> = scenarios.collect();
    let Some(out) = &arguments.out else {
        output::text(&text::of(&file(scenarios)));
        return Ok(Exit::Passed);
    };
    if arguments.per_scenario {
        let mut names: BTreeMap<String, &String> = BTreeMap::new();
        for name in scenarios.keys() {
            if let Some(first) = names.insert(file_name(name), name) {
                let text = format!("{} and {} would be one file", line(first), line(name));
                return Err(Failure::input("MockAmbiguous", text).hint("leave out --per-scenario"));
            }
        }
        for (name, scenario) in scenarios {
            let path = out.join(format!("{}.yaml", file_name(&name)));
            write(&path, Map::from_iter([(name, scenario)]), arguments.merge)?;
        }
    } else {
        write(out, scenarios, arguments.merge)?;
        let word = shell_word(out);
        output::println!("next: arena run BUNDLE --mock-provider --mock-config {word}");
    }
    Ok(Exit::Passed)
}

fn file(scenarios: Map<String, Value>) -> Map<String, Value> {
    Map::from_iter([("scenarios".to_owned(), Value::Object(scenarios))])
}

/// The name of a stranger's scenario as one plain component of a path.
fn file_name(scenario: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
    scenario.chars().take(NAME_CHARS).map(plain).collect()
}

fn write(path: &Path, scenarios: Map<String, Value>, merge: bool) -> Result<(), Failure> {
    let count = scenarios.len() as u64;
    let whole = if merge && path.exists() { merged(path, scenarios)? } else { file(scenarios) };
    files::write(path, text::of(&whole).as_bytes())?;
    output::println!("wrote {}: replies of {}", path.display(), plural(count, "scenario"));
    Ok(())
}

/// The file at `path` with these turns over its own.
fn merged(path: &Path, scenarios: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let invalid = |why: &str| Failure::input("MockFileInvalid", format!("{}: {why}", path.display()));
    let text = String::from_utf8(files::read(path, FILE_BYTES)?).map_err(|_| invalid("it is not UTF-8"))?;
    let whole: Value = serde_saphyr::from_str(&text).map_err(|error| invalid(&error.to_string()))?;
    let mut whole = match whole {
        Value::Object(whole) if whole.keys().all(|key| KEYS.contains(&key.as_str())) => whole,
        Value::Null => Map::new(),
        _ => return Err(invalid("it is no mapping of defaultResponse, scenarios, selfplay")),
    };
    let mapping = |value: &mut Value| {
        if value.is_null() {
            *value = json!({});
        }
    };
    let all = whole.entry("scenarios").or_insert_with(|| json!({}));
    mapping(all);
    let all = all.as_object_mut().ok_or_else(|| invalid("scenarios is no mapping"))?;
    for (name, scenario) in scenarios {
        let kept = all.entry(name.clone()).or_insert_with(|| json!({}));
        mapping(kept);
        let kept = kept.as_object_mut().ok_or_else(|| invalid(&format!("scenarios.{name} is no mapping")))?;
        let turns = kept.entry("turns").or_insert_with(|| json!({}));
        mapping(turns);
        let turns = turns.as_object_mut().ok_or_else(|| invalid(&format!("scenarios.{name}.turns is no mapping")))?;
        turns.extend(scenario["turns"].as_object().cloned().unwrap_or_default());
    }
    Ok(whole)
}

fn replies(arguments: &Arguments) -> Result<Replies, Failure> {
    let run = RunView::open(&arguments.dir).or_fail()?;
    let mut replies = Replies::new();
    let (mut cut, mut guarded) = (0_u64, 0_u64);
    for record in records(&run).or_fail()? {
        let record = record.or_fail()?;
        let of_provider = arguments.provider.as_ref().is_none_or(|provider| *provider == record.provider);
        let of_trial = arguments.trial.is_none_or(|trial| trial == record.trial.saturating_add(1));
        let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let of_place = is(&arguments.region, &record.region) && is(&arguments.variant, &record.variant);
        if !of_provider || !of_trial || !of_place {
            continue;
        }
        // What ended an errored case may have been a reply that never came.
        cut += u64::from(record.outcome == Outcome::Error);
        guarded += add(&record, &mut replies)?;
    }
    if replies.is_empty() {
        let text = format!("{}: no case of that kind has a reply that is its model's own", arguments.dir.display());
        return Err(Failure::input("NothingSelected", text).hint("look at `arena results export`"));
    }
    if cut > 0 {
        print_warning(&format!("{} ended in error; replies that never came are in no mock file", plural(cut, "case")));
    }
    if guarded > 0 {
        let replies = if guarded == 1 { "1 reply was".to_owned() } else { format!("{guarded} replies were") };
        let text =
            format!("{replies} changed by guardrails; what the model had said is not kept, so the file lacks it");
        print_warning(&text);
    }
    let entry = run.bundle().join(&run.manifest().work.entry);
    if load_bundle(&entry).is_ok_and(|bundle| !bundle.compositions.is_empty()) {
        print_warning("the bundle has compositions; answers of their steps are not kept: write them under `steps`");
    }
    Ok(replies)
}

/// Adds the replies of one case, numbered as the mock counts its calls. Gives how many were not the model's own.
fn add(record: &Record, replies: &mut Replies) -> Result<u64, Failure> {
    let Record { scenario, provider, region, row, variant, .. } = record;
    let case = format!("{} trial {}", place(scenario, provider, region, row, variant), record.trial.saturating_add(1));
    let mut guarded = 0;
    let (mut users, mut answers, mut tools) = (0_u32, 0_u32, 0_u32);
    for message in &record.messages {
        match message.role {
            Role::User => users += 1,
            Role::Tool => tools = 1,
            Role::Assistant => {
                let number = users.max(answers).max(1) + tools;
                answers += 1;
                if message.by != Author::Model {
                    guarded += 1;
                    continue;
                }
                let reply = reply(message);
                let turns = replies.entry(record.scenario.clone()).or_default();
                let (known, first) = turns.entry(number).or_insert_with(|| (reply.clone(), case.clone()));
                if *known != reply {
                    let text =
                        format!("call {number} was answered in another way in {} than in {}", line(&case), line(first));
                    return Err(Failure::input("MockAmbiguous", text).hint(
                        "a mock file has one reply for each call of a scenario; choose by --provider, --trial, --region and \
                         --variant",
                    ));
                }
            }
            Role::System => {}
        }
    }
    Ok(guarded)
}

/// A reply as a mock file has it.
fn reply(message: &Message) -> Value {
    let content = message.content.text();
    match &message.content {
        Content::Parts(parts) if message.tool_calls.is_empty() => {
            let heard =
                parts.iter().find_map(|part| part.media.as_ref().filter(|media| media["file_path"].is_string()));
            if let Some(media) = heard {
                return spoken(&content, media);
            }
            json!({"type": "multimodal", "content": content, "parts": parts.iter().map(part).collect::<Vec<_>>()})
        }
        _ if message.tool_calls.is_empty() => content.into(),
        _ => {
            let calls = message.tool_calls.iter().map(|call| json!({"name": call.name, "arguments": call.arguments}));
            json!({"type": "tool_calls", "content": content, "tool_calls": calls.collect::<Vec<_>>()})
        }
    }
}

/// A reply that was heard.
fn spoken(text: &str, media: &Value) -> Value {
    let mut reply = json!({"response": text, "audio_file": media["file_path"]});
    for (key, known) in [("audio_sample_rate", "sample_rate"), ("audio_mime_type", "mime_type")] {
        if !media[known].is_null() {
            reply[key] = media[known].clone();
        }
    }
    reply
}

fn part(part: &Part) -> Value {
    let Some(media) = &part.media else { return json!({"type": part.kind, "text": part.text}) };
    let mut metadata = media.as_object().cloned().unwrap_or_default();
    let mut source = Map::new();
    for key in ["url", "detail"] {
        source.extend(metadata.remove(key).map(|value| (key.to_owned(), value)));
    }
    let mut whole = Map::from_iter([("type".to_owned(), part.kind.clone().into())]);
    whole.insert(format!("{}_url", part.kind), source.into());
    if !metadata.is_empty() {
        whole.insert("metadata".to_owned(), metadata.into());
    }
    whole.into()
}
