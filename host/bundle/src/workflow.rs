//! `spec.workflow`: a state machine that the model drives by calling a tool.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::Prompt;
use crate::report::Report;
use crate::shape;
use crate::yaml::Cursor;

/// The state machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workflow {
    /// Where a conversation starts, unless its scenario is about another state.
    pub entry: String,
    /// By name.
    pub states: BTreeMap<String, State>,
    /// `engine.budget`.
    pub budget: Budget,
}

/// One state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The prompt in force, by task type.
    pub prompt_task: String,
    /// For the model.
    pub description: String,
    /// From event to state.
    pub on_event: BTreeMap<String, String>,
    /// No event leads on.
    pub terminal: bool,
    /// How often it may be entered.
    pub max_visits: Option<u32>,
    /// Where a visit too many leads.
    pub on_max_visits: Option<String>,
    /// By name.
    pub artifacts: BTreeMap<String, Artifact>,
    /// A pattern of skills' paths, or `none`; none for all skills.
    pub skills: Option<String>,
    /// The composition that answers instead of a prompt.
    pub composition: Option<String>,
    /// Whoever runs the workflow moves it on, not the model.
    pub external: bool,
}

/// A text that a state's model writes and later states read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// For the model.
    pub description: String,
    /// Whether a later value joins the earlier ones.
    pub append: bool,
}

/// What a conversation may use up; none for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Visits of all states, the first included.
    pub visits: Option<u32>,
    /// Tool calls of the whole conversation.
    pub tool_calls: Option<u32>,
    /// From the first turn on.
    pub wall_time: Option<Duration>,
}

impl Workflow {
    /// Reads `spec.workflow`. Names that lead nowhere are warnings: the cases that come there end in an error.
    pub(crate) fn decode(
        workflow: &Cursor<'_>,
        prompts: &BTreeMap<String, Prompt>,
        compositions: &BTreeSet<String>,
        report: &mut Report,
    ) -> Self {
        report.lenient(|report| shape::check(workflow, &shape::WORKFLOW, report));
        let list = workflow.get("states");
        let names: BTreeSet<&str> = list.iter().flat_map(Cursor::entries).map(|(name, _)| name).collect();
        let mut states = BTreeMap::new();
        for (name, state) in list.iter().flat_map(Cursor::entries) {
            check_state(&state, &names, prompts, compositions, report);
            states.insert(name.to_owned(), State::decode(&state, report));
        }
        if let Some(entry) = workflow.get_text("entry")
            && !names.contains(entry.node.as_text().unwrap_or_default())
        {
            report.push(entry.error_with_value("StateUnknown", "the workflow has no such state").defect());
        }
        let engine = workflow.get("engine");
        let budget = engine.as_ref().and_then(|engine| engine.get("budget"));
        Self {
            entry: workflow.text("entry").unwrap_or_default(),
            states,
            budget: budget.map(|budget| Budget::decode(&budget, report)).unwrap_or_default(),
        }
    }
}

impl State {
    fn decode(state: &Cursor<'_>, report: &mut Report) -> Self {
        let list = state.get("artifacts");
        let artifacts = list.iter().flat_map(Cursor::entries).map(|(name, artifact)| {
            let append = artifact.text("mode").as_deref() == Some("append");
            (name.to_owned(), Artifact { description: artifact.text("description").unwrap_or_default(), append })
        });
        Self {
            prompt_task: state.text("prompt_task").unwrap_or_default(),
            description: state.text("description").unwrap_or_default(),
            on_event: state.text_map("on_event"),
            terminal: state.boolean("terminal").unwrap_or(false),
            // None and less mean no limit.
            max_visits: state
                .whole("max_visits", i128::from(i64::MIN), report)
                .and_then(|visits: i64| u32::try_from(visits).ok())
                .filter(|visits| *visits > 0),
            on_max_visits: state.text("on_max_visits"),
            artifacts: artifacts.collect(),
            skills: state.text("skills"),
            composition: state.text("composition"),
            external: state.text("orchestration").as_deref() == Some("external"),
        }
    }
}

impl Budget {
    fn decode(budget: &Cursor<'_>, report: &mut Report) -> Self {
        let mut limit = |key| budget.whole(key, 0, report).filter(|limit: &u32| *limit > 0);
        Self {
            visits: limit("max_total_visits"),
            tool_calls: limit("max_tool_calls"),
            wall_time: limit("max_wall_time_sec").map(|seconds| Duration::from_secs(seconds.into())),
        }
    }
}

fn check_state(
    state: &Cursor<'_>,
    names: &BTreeSet<&str>,
    prompts: &BTreeMap<String, Prompt>,
    compositions: &BTreeSet<String>,
    report: &mut Report,
) {
    let mut unknown = |cursor: &Cursor<'_>, reason, message: &str, known: bool| {
        if !known {
            report.push(cursor.error_with_value(reason, message).defect());
        }
    };
    let text = |cursor: &Cursor<'_>| cursor.node.as_text().unwrap_or_default().to_owned();
    let events = state.get("on_event");
    let targets = events.iter().flat_map(Cursor::entries).map(|(_, target)| target);
    for target in targets {
        unknown(&target, "StateUnknown", "the workflow has no such state", names.contains(text(&target).as_str()));
    }
    if let Some(target) = state.get("on_max_visits") {
        unknown(&target, "StateUnknown", "the workflow has no such state", names.contains(text(&target).as_str()));
    }
    if let Some(task) = state.get("prompt_task") {
        unknown(&task, "PromptMissing", "no prompt has this task_type", prompts.contains_key(&text(&task)));
    }
    if let Some(name) = state.get("composition") {
        unknown(&name, "CompositionUnknown", "there is no such composition", compositions.contains(&text(&name)));
    }
}
