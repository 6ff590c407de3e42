//! `kind: Scenario`: scripted conversations and the checks on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::disturbance::{self, Consent, ToolFailure};
use crate::document::resolve;
use crate::eval::Named;
use crate::feature::{Without, unsupported};
use crate::perturbation::{Perturbations, filled};
use crate::report::Report;
use crate::row::names_column;
use crate::shape::{advice, similar};
use crate::tool_policy::ToolPolicy;
use crate::tree::BundleFile;
use crate::yaml::Cursor;
use crate::{Assertion, ContextPolicy, Dataset, Duplex, Memory, Problem, Prompt, ProviderSpec, Recording, Workflow};
use arena_model::{Content, Message, Part, Role};

/// One scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// `metadata.name`, or the key of an inline scenario.
    pub id: String,
    /// For people.
    pub description: String,
    /// `spec.labels`, then `metadata.labels` over them.
    pub labels: BTreeMap<String, String>,
    /// Names the prompt; there may be none of that name.
    pub task_type: String,
    /// In order; may be empty.
    pub turns: Vec<Turn>,
    /// Provider ids; empty for those of the group.
    pub providers: Vec<String>,
    /// None for the default group.
    pub provider_group: Option<String>,
    /// A provider must declare all of them, but for those that are named.
    pub required_capabilities: Vec<String>,
    /// Template variables; win over all others.
    pub variables: BTreeMap<String, String>,
    /// Repetitions, at least 1.
    pub trials: u32,
    /// What its turns leave open.
    pub perturbations: Perturbations,
    /// For all turns that do not say otherwise.
    pub streaming: Option<bool>,
    /// What its model is sent of a long conversation; none for all of it.
    pub context: Option<ContextPolicy>,
    /// Both sides speak at once.
    pub duplex: Option<Duplex>,
    /// What is remembered from the start.
    pub seed_memories: Vec<Memory>,
    /// How far tools may be called; none if it does not say.
    pub tool_policy: Option<Arc<ToolPolicy>>,
    /// The arena's global ones first.
    pub conversation_assertions: Vec<Arc<Assertion>>,
    /// The table whose rows are its cases; none if it is one test.
    pub dataset: Option<Arc<Dataset>>,
    /// What was said elsewhere: then nobody is called, and the turns are those of the recording.
    pub recording: Option<Result<Arc<Recording>, String>>,
    /// The document it stands in.
    pub file: Arc<str>,
}

/// One scripted turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// As written: only `user` can be run, anything else is an error of the case.
    pub role: String,
    /// Parts if there are any, else the text.
    pub content: Content,
    /// Overrides the scenario's.
    pub streaming: Option<bool>,
    /// Sampling temperature of the answers, in place of the arena's.
    pub assistant_temp: Option<f64>,
    /// Passed to providers in place of the arena's.
    pub seed: Option<u64>,
    /// The user that a model plays, where the role is one of self-play.
    pub play: Option<Play>,
    /// What the user says to tools, by their names.
    pub consents: BTreeMap<String, Consent>,
    /// Failures of tools that are injected.
    pub chaos: Vec<ToolFailure>,
    /// On each reply to this turn.
    pub assertions: Vec<Assertion>,
}

/// A turn that a persona speaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Play {
    /// The persona's id; there may be none of that name.
    pub persona: String,
    /// Exchanges, at least 1.
    pub turns: u32,
    /// Most exchanges, if the persona may end the conversation between the two.
    pub max_turns: Option<u32>,
    /// Sampling temperature, in place of the persona's.
    pub temperature: Option<f64>,
    /// Passed to the provider in place of the persona's.
    pub seed: Option<u64>,
}

/// What a scenario may refer to.
pub(crate) struct Known<'a> {
    pub(crate) files: &'a [BundleFile],
    pub(crate) prompts: &'a BTreeMap<String, Prompt>,
    pub(crate) providers: &'a BTreeMap<String, ProviderSpec>,
    pub(crate) embedders: &'a BTreeMap<String, ProviderSpec>,
    /// The provider of embeddings where none is named.
    pub(crate) embedder: Option<&'a str>,
    pub(crate) workflow: Option<&'a Workflow>,
    pub(crate) roles: &'a BTreeMap<String, String>,
    pub(crate) memory: bool,
    pub(crate) globals: &'a [Arc<Assertion>],
}

/// The role of a scripted turn.
const USER: &str = "user";
/// Most exchanges of one turn of self-play.
const MOST_PLAYED: i64 = 1000;
/// Keys that have an effect in the original runner and none here. Those that have none there either (`mode`, `context`,
/// `context_metadata`, `constraints`) are for people.
const SCENARIO_IGNORED: [&str; 1] = ["voice"];

impl Scenario {
    /// Reads `spec`. `labels` are those of the document's metadata.
    pub(crate) fn decode(
        id: String,
        mut labels: BTreeMap<String, String>,
        spec: &Cursor<'_>,
        known: &Known<'_>,
        report: &mut Report,
    ) -> Self {
        unsupported(spec, &SCENARIO_IGNORED, Without::Works, report);
        let policy = spec.get("context_policy");
        check_references(spec, known, report);
        for (key, value) in spec.text_map("labels") {
            labels.entry(key).or_insert(value);
        }
        let list = spec.get("turns");
        let turns: Vec<_> =
            list.iter().flat_map(Cursor::items).map(|turn| Turn::decode(&turn, known, report)).collect();
        if let Some(list) = list.as_ref().filter(|list| list.node.items().is_empty()) {
            report.push(list.error("TurnsEmpty", "the scenario has no turns: nothing is said or checked").warning());
        }
        let mut conversation_assertions = known.globals.to_vec();
        conversation_assertions
            .extend(Assertion::decode_all(spec, "conversation_assertions", report).into_iter().map(Arc::new));
        Self {
            id,
            description: spec.text("description").unwrap_or_default(),
            labels,
            task_type: spec.text("task_type").unwrap_or_default(),
            turns,
            providers: spec.texts("providers"),
            provider_group: spec.text("provider_group"),
            required_capabilities: spec.texts("required_capabilities"),
            variables: spec.text_map("variables"),
            trials: spec.whole("trials", 1, report).unwrap_or(1),
            perturbations: Perturbations::decode(list.iter().flat_map(Cursor::items), report),
            streaming: spec.boolean("streaming"),
            context: policy.and_then(|policy| ContextPolicy::decode(&policy, known, report)),
            duplex: spec.get("duplex").map(|duplex| Duplex::decode(&duplex, report)),
            seed_memories: Memory::seeds(spec, known.memory, report),
            tool_policy: spec.get("tool_policy").map(|_| Arc::new(ToolPolicy::decode(spec, report))),
            conversation_assertions,
            dataset: None,
            recording: None,
            file: spec.file.clone(),
        }
        .with_dataset(spec, known.files, report)
    }

    /// Variant `number` of it: its turns with the values in their places.
    pub fn varied(&self, number: u32) -> Self {
        let values = self.perturbations.values(number);
        let mut scenario = self.clone();
        for turn in &mut scenario.turns {
            match &mut turn.content {
                Content::Text(text) => *text = filled(text, &values),
                Content::Parts(parts) => {
                    for text in parts.iter_mut().filter_map(|part| part.text.as_mut()) {
                        *text = filled(text, &values);
                    }
                }
            }
        }
        scenario
    }

    /// An eval, once for each recording: the turns are those of the recording, each with the checks on every turn. Without
    /// a recording its case is an error.
    pub(crate) fn of_recordings(
        id: &str,
        labels: &BTreeMap<String, String>,
        spec: &Cursor<'_>,
        recordings: Vec<Named>,
        globals: &[Arc<Assertion>],
        report: &mut Report,
    ) -> Vec<Self> {
        let list = spec.get("turns");
        let each = list.iter().flat_map(Cursor::items).filter_map(|turn| {
            let all = turn.get("all_turns")?;
            Some(Assertion::decode_all(&all, "assertions", report))
        });
        let assertions: Vec<_> = each.flatten().collect();
        let mut conversation_assertions = globals.to_vec();
        conversation_assertions
            .extend(Assertion::decode_all(spec, "conversation_assertions", report).into_iter().map(Arc::new));
        let turn = |message: &Message| Turn {
            role: USER.to_owned(),
            content: message.content.clone(),
            streaming: None,
            assistant_temp: None,
            seed: None,
            play: None,
            consents: BTreeMap::new(),
            chaos: Vec::new(),
            assertions: assertions.clone(),
        };
        let said = |recording: &Recording| {
            recording.messages.iter().filter(|message| message.role == Role::User).map(turn).collect()
        };
        let scenario = |(name, recording): Named| Self {
            id: name.map_or_else(|| id.to_owned(), |name| format!("{id}/{name}")),
            description: spec.text("description").unwrap_or_default(),
            labels: labels.clone(),
            task_type: String::new(),
            turns: recording.as_ref().map(said).unwrap_or_default(),
            providers: Vec::new(),
            provider_group: None,
            required_capabilities: Vec::new(),
            variables: BTreeMap::new(),
            trials: 1,
            perturbations: Perturbations::default(),
            streaming: None,
            context: None,
            duplex: None,
            seed_memories: Vec::new(),
            tool_policy: None,
            conversation_assertions: conversation_assertions.clone(),
            dataset: None,
            recording: Some(recording.map(Arc::new)),
            file: spec.file.clone(),
        };
        recordings.into_iter().map(scenario).collect()
    }
}

/// Warns of names that nothing in the bundle bears: the cases in question end in an error, the others run.
fn check_references(spec: &Cursor<'_>, known: &Known<'_>, report: &mut Report) {
    // Without a name a workflow begins at its entry.
    let optional = |task: &str| task.is_empty() && known.workflow.is_some();
    if let Some(cursor) = spec.get("task_type")
        && let Some(task) = cursor.node.as_text().filter(|task| !known.prompts.contains_key(*task) && !optional(task))
    {
        let message = if task.is_empty() { "no prompt is selected" } else { "no prompt has this task_type" };
        let problem = cursor.error_with_value("PromptMissing", message).defect();
        let tasks = known.prompts.keys().map(String::as_str);
        report.push(problem.hint(advice(task, tasks, "add a prompt of this task_type to `prompt_configs`")));
    }
    let list = spec.get("providers");
    let mut named = BTreeSet::new();
    for cursor in list.iter().flat_map(Cursor::items) {
        let Some(id) = cursor.node.as_text() else { continue };
        if !known.providers.contains_key(id) {
            let problem = cursor.error_with_value("ProviderUnknown", "no provider of the arena has this id").defect();
            let ids = known.providers.keys().map(String::as_str);
            report.push(problem.hint(advice(id, ids, "the id is the provider's metadata.name")));
        }
        if !named.insert(id) {
            let counts = "the scenario runs with it once";
            report.push(cursor.again("DuplicateProvider", &format!("provider `{id}`"), counts));
        }
    }
    // Providers that are named take the place of a group, and are not asked what they are capable of.
    if !named.is_empty() {
        return;
    }
    let needed = spec.texts("required_capabilities");
    let able = |provider: &ProviderSpec| needed.iter().all(|capability| provider.capabilities.contains(capability));
    if let Some(cursor) = spec.get("required_capabilities").filter(|_| !known.providers.values().any(able)) {
        let message = "no provider of the arena lists all of these capabilities, so the scenario is left out";
        report.push(cursor.error("CapabilityMissing", message).warning().hint("add what is missing to a provider"));
    }
    if let Some(cursor) = spec.get("provider_group")
        && let Some(group) = cursor.node.as_text()
        && !known.providers.values().any(|provider| provider.group == group)
    {
        let message = "no provider of the arena is in this group, so the scenario runs with all of them";
        let problem = cursor.error_with_value("ProviderGroupEmpty", message).warning();
        let groups = known.providers.values().map(|provider| provider.group.as_str());
        report
            .push(Problem { hint: similar(group, groups).map(|meant| format!("did you mean `{meant}`?")), ..problem });
    }
}

impl Turn {
    fn decode(turn: &Cursor<'_>, known: &Known<'_>, report: &mut Report) -> Self {
        let parts = turn.get("parts");
        let parts: Vec<_> =
            parts.iter().flat_map(Cursor::items).filter_map(|part| decode_part(&part, known.files, report)).collect();
        let role = turn.text("role").unwrap_or_default();
        let text = turn.text("content").unwrap_or_default();
        let played = known.roles.contains_key(&role);
        if let Some(cursor) = turn.get_text("role").filter(|_| role != USER && !played) {
            let message = "neither `user` nor a role of self_play: the case will be an error";
            let roles = known.roles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let hint = if roles.is_empty() { "write `user`".to_owned() } else { format!("write `user`, or {roles}") };
            report.push(cursor.error_with_value("TurnRoleUnknown", message).defect().hint(hint));
        }
        let seed = turn.whole("seed", 0, report);
        if let Some(cursor) = turn.get("user_temp").filter(|_| !played) {
            let message = "nobody plays the user in this turn: it has no effect";
            report.push(cursor.error("FeatureUnsupported", message).warning());
        }
        let play = played.then(|| Play {
            persona: turn.text("persona").unwrap_or_default(),
            turns: turn
                .whole("turns", i128::from(i32::MIN), report)
                .unwrap_or(1_i64)
                .clamp(1, MOST_PLAYED)
                .cast_unsigned() as u32,
            max_turns: turn.whole("max_turns", 0, report).map(|most: u32| most.min(MOST_PLAYED as u32)),
            temperature: turn.number_in("user_temp", 0.0, f64::MAX, report),
            seed,
        });
        if role == USER && parts.is_empty() && text.is_empty() {
            report.push(turn.error("TurnEmpty", "the user says nothing in this turn").warning().hint("add `content`"));
        }
        Self {
            role,
            content: if parts.is_empty() { Content::Text(text) } else { Content::Parts(parts) },
            streaming: turn.boolean("streaming"),
            assistant_temp: turn.number_in("assistant_temp", 0.0, f64::MAX, report),
            seed,
            play,
            consents: disturbance::consents(turn, report),
            chaos: disturbance::chaos(turn, report),
            assertions: Assertion::decode_all(turn, "assertions", report),
        }
    }
}

fn decode_part(part: &Cursor<'_>, files: &[BundleFile], report: &mut Report) -> Option<Part> {
    let kind = part.text("type")?;
    let needed = if kind == "text" { "text" } else { "media" };
    let Some(payload) = part.get(needed) else {
        report.push(part.error("MissingKey", format!("a part of type {kind} needs the key `{needed}`")));
        return None;
    };
    // Which file a row names is seen when its case opens it.
    if let Some(path) = payload.get_text("file_path").filter(|path| !path.node.as_text().is_some_and(names_column)) {
        let found = resolve(&path, files);
        report.keep(found)?;
    }
    Some(Part { kind, text: part.text("text"), media: part.json("media") })
}
