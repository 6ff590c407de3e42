//! What all versions of the format ask of a pack beside its shape, and names that lead nowhere.

use std::collections::BTreeSet;

use regex::Regex;

use super::version::each_eval;
use crate::Problem;
use crate::fragment;
use crate::report::Report;
use crate::yaml::{Cursor, Data};

const SEMVER: &str = r"^v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$";
const PACK_ID: &str = "^[a-z][a-z0-9-]{0,99}$";
const PROMPT_ID: &str = "^[a-z][a-z0-9_-]*$";
const NAME: &str = "^[a-zA-Z_][a-zA-Z0-9_]*$";
const METRIC: &str = "^[a-zA-Z_:][a-zA-Z0-9_:]*$";
const LANGUAGE: &str = "^[a-z]{2}$";

/// Reports what breaks a rule; names that lead nowhere are warnings, as in an arena.
pub(super) fn check(pack: &Cursor<'_>, report: &mut Report) {
    matches(pack, "id", PACK_ID, report);
    matches(pack, "version", SEMVER, report);
    length(pack, "name", 1, 200, report);
    length(pack, "description", 0, 5000, report);
    if let Some(engine) = pack.get("template_engine")
        && let Some(syntax) = engine.get_text("syntax").filter(|it| it.node.as_text() != Some("{{variable}}"))
    {
        let problem = syntax.error_with_value("FeatureUnsupported", "tokens are read as `{{name}}` all the same");
        report.push(problem.warning());
    }
    let prompts = pack.get("prompts");
    if let Some(prompts) = prompts.as_ref().filter(|it| it.node.entries().is_empty()) {
        report.push(prompts.error("ValueOutOfRange", "a pack has at least one prompt"));
    }
    let tools = pack.get("tools");
    let known: BTreeSet<&str> = tools.iter().flat_map(Cursor::entries).map(|(name, _)| name).collect();
    for (key, prompt) in prompts.iter().flat_map(Cursor::entries) {
        check_prompt(key, &prompt, &known, report);
    }
    for (key, tool) in tools.iter().flat_map(Cursor::entries) {
        check_tool(key, &tool, report);
    }
    check_head(pack, report);
    each_eval(pack, |eval| check_eval(eval, report));
    let names: BTreeSet<&str> = prompts.iter().flat_map(Cursor::entries).map(|(name, _)| name).collect();
    check_agents(pack, &names, report);
    check_skills(pack, report);
    let fragments = pack.text_map("fragments");
    let mut check = fragment::Check::new(&fragments);
    if let Some(at) = pack.get("fragments") {
        check.fragments(&at, report);
    }
    for (_, prompt) in prompts.iter().flat_map(Cursor::entries) {
        check.texts(&fragment::templates(&prompt), &prompt, report);
    }
}

fn check_prompt(key: &str, prompt: &Cursor<'_>, tools: &BTreeSet<&str>, report: &mut Report) {
    matches(prompt, "id", PROMPT_ID, report);
    matches(prompt, "version", SEMVER, report);
    length(prompt, "name", 1, usize::MAX, report);
    length(prompt, "system_template", 1, usize::MAX, report);
    if let Some(id) = prompt.get_text("id").filter(|id| id.node.as_text() != Some(key)) {
        let message = format!("the prompt stands under `{key}`, which is what it is found by");
        report.push(id.error_with_value("PackNameDiffers", message).warning());
    }
    let list = prompt.get("tools");
    for tool in list.iter().flat_map(Cursor::items) {
        if tool.node.as_text().is_some_and(|name| !tools.contains(name)) {
            let problem = tool.error_with_value("ToolUnknown", "the pack has no tool of this name").warning();
            report.push(problem.hint("add it to `tools`, or to the tools of the arena"));
        }
    }
    let list = prompt.get("variables");
    for variable in list.iter().flat_map(Cursor::items) {
        matches(&variable, "name", NAME, report);
        if variable.boolean("required") == Some(true)
            && let Some(default) = variable.get("default").filter(|it| it.node.data != Data::Null)
        {
            let problem = default.error("DefaultUnused", "a required variable has no use for a default").warning();
            report.push(problem.hint("take it out, or write `required: false`"));
        }
    }
    let overrides = prompt.get("model_overrides");
    for holder in overrides.iter().flat_map(Cursor::entries).map(|(_, it)| it).chain([*prompt]) {
        let Some(parameters) = holder.get("parameters") else { continue };
        for (key, least, most) in [
            ("temperature", 0.0, 2.0),
            ("top_p", 0.0, 1.0),
            ("frequency_penalty", -2.0, 2.0),
            ("presence_penalty", -2.0, 2.0),
        ] {
            parameters.number_in(key, least, most, report);
        }
        for key in ["max_tokens", "top_k"] {
            parameters.whole::<u64>(key, 1, report);
        }
    }
    if let Some(policy) = prompt.get("tool_policy") {
        for key in ["max_rounds", "max_tool_calls_per_turn"] {
            policy.whole::<u64>(key, 1, report);
        }
    }
    if let Some(media) = prompt.get("media").filter(|media| media.boolean("enabled").is_none()) {
        report.push(media.error("MissingKey", "required key `enabled` is missing"));
    }
}

fn check_tool(key: &str, tool: &Cursor<'_>, report: &mut Report) {
    matches(tool, "name", NAME, report);
    length(tool, "description", 1, usize::MAX, report);
    if let Some(name) = tool.get_text("name").filter(|name| name.node.as_text() != Some(key)) {
        let message = format!("the tool stands under `{key}`, which is what it is found by");
        report.push(name.error_with_value("PackNameDiffers", message).warning());
    }
    let Some(parameters) = tool.get("parameters") else { return };
    if parameters.text("type").as_deref() != Some("object") {
        report.push(parameters.error("UnknownValue", "`type` of a tool's parameters is `object`"));
    }
    if !parameters.get("properties").is_some_and(|it| matches!(it.node.data, Data::Mapping(_))) {
        report.push(parameters.error("MissingKey", "`properties` of a tool's parameters is a mapping"));
    }
}

fn check_head(pack: &Cursor<'_>, report: &mut Report) {
    if let Some(compilation) = pack.get("compilation") {
        for key in ["compiled_with", "created_at", "schema"] {
            if compilation.get_text(key).is_none() {
                report.push(compilation.error("MissingKey", format!("required key `{key}` is missing or no text")));
            }
        }
    }
    let Some(metadata) = pack.get("metadata") else { return };
    matches(&metadata, "language", LANGUAGE, report);
    if let Some(cost) = metadata.get("cost_estimate") {
        for key in ["min_cost_usd", "max_cost_usd", "avg_cost_usd"] {
            cost.number_in(key, 0.0, f64::MAX, report);
        }
    }
}

fn check_eval(eval: &Cursor<'_>, report: &mut Report) {
    for key in ["id", "type"] {
        length(eval, key, 1, usize::MAX, report);
    }
    let Some(metric) = eval.get("metric") else { return };
    matches(&metric, "name", METRIC, report);
    for key in ["name", "type"] {
        if metric.get_text(key).is_none() {
            report.push(metric.error("MissingKey", format!("required key `{key}` is missing or no text")));
        }
    }
    const TYPES: [&str; 4] = ["gauge", "counter", "histogram", "boolean"];
    if let Some(kind) = metric.get_text("type").filter(|it| !TYPES.contains(&it.node.as_text().unwrap_or_default())) {
        report.push(
            kind.error_with_value("UnknownValue", "unknown type").hint(format!("known are {}", TYPES.join(", "))),
        );
    }
}

fn check_agents(pack: &Cursor<'_>, prompts: &BTreeSet<&str>, report: &mut Report) {
    let Some(agents) = pack.get("agents") else { return };
    let members = agents.get("members");
    let names: BTreeSet<&str> = members.iter().flat_map(Cursor::entries).map(|(name, _)| name).collect();
    let mut unknown = |cursor: Cursor<'_>, message: &str| {
        report.push(cursor.error("AgentUnknown", message).warning());
    };
    if let Some(entry) = agents.get_text("entry")
        && !names.contains(entry.node.as_text().unwrap_or_default())
    {
        unknown(entry, "`entry` is no member");
    }
    for (name, member) in members.iter().flat_map(Cursor::entries) {
        if !prompts.contains(name) && member.get("state").is_none() {
            unknown(member, "no prompt of the pack has the name of this member");
        }
    }
}

fn check_skills(pack: &Cursor<'_>, report: &mut Report) {
    let list = pack.get("skills");
    for skill in list.iter().flat_map(Cursor::items) {
        let has = |keys: &[&str]| keys.iter().all(|key| skill.get_text(key).is_some());
        if skill.node.as_text().is_none() && !has(&["path"]) && !has(&["name", "description", "instructions"]) {
            let message = "a skill is a path, or has `path`, or `name`, `description` and `instructions`";
            report.push(skill.error("WrongType", message));
        }
    }
}

/// The text under `key`, if there is one, fits the pattern.
fn matches(parent: &Cursor<'_>, key: &str, pattern: &str, report: &mut Report) {
    let Some(cursor) = parent.get_text(key) else { return };
    let fits = Regex::new(pattern).is_ok_and(|it| it.is_match(cursor.node.as_text().unwrap_or_default()));
    if !fits {
        let problem = cursor.error_with_value("ValueInvalid", format!("`{key}` has another form"));
        report.push(match pattern {
            SEMVER => problem.hint("write it as `1.2.3`"),
            other => Problem { hint: Some(format!("it matches {other}")), ..problem },
        });
    }
}

/// The text under `key`, if there is one, has so many characters.
fn length(parent: &Cursor<'_>, key: &str, least: usize, most: usize, report: &mut Report) {
    let Some(cursor) = parent.get_text(key) else { return };
    let chars = cursor.node.as_text().map_or(0, |text| text.chars().count());
    if chars < least {
        report.push(cursor.error("ValueOutOfRange", format!("`{key}` must not be empty")));
    } else if chars > most {
        report.push(
            cursor.error("ValueOutOfRange", format!("`{key}` has {chars} characters, at most {most} are allowed")),
        );
    }
}
