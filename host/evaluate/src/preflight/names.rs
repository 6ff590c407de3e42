//! Names that nothing in the bundle bears. Where one switches something off, a typing error would do so without a word.

use std::collections::BTreeSet;

use arena_bundle::{Assertion, Prompt, Scenario, Step, StepKind};
use serde_json::Value;

use super::{Finding, Findings};
use crate::check::{check_type, params_of};
use crate::evaluator::Evaluator;
use crate::library::nearest;
use crate::prompt;

/// What tools of the engine's own begin with, and those of servers, which are only known once they are asked.
const OWN: [&str; 4] = ["workflow__", "memory__", "skill__", "mcp__"];
/// Checks that pass where nothing has the name, with the params that hold names.
const DENYING: [(&str, [&str; 2]); 3] = [
    ("tools_not_called", ["tool_names", "tools"]),
    ("tools_not_called_session", ["tool_names", "tools"]),
    ("agent_not_invoked", ["agents", "agent_names"]),
];

/// Checks that want tools called, by their params of the same names as above.
const WAITING: [&str; 2] = ["tools_called", "tools_called_session"];
/// Checks with names of states among their params.
const STATE_CHECKS: [&str; 5] =
    ["state_is", "workflow_state_is", "transitioned_to", "spoke_in_state", "workflow_tool_access"];

impl Evaluator {
    /// Names of tools, personas and values that are not there.
    pub fn check_names(&self) -> Vec<Finding> {
        let bundle = &self.parts.bundle;
        let mut findings = Findings::default();
        // A pack alone has neither tools nor conversations of its own.
        if bundle.scenarios.is_empty() {
            return findings.list;
        }
        for prompt in bundle.prompts.values() {
            let what = format!("`allowed_tools` of prompt `{}`", prompt.task_type);
            self.unknown_tools(
                &what,
                prompt.allowed_tools.iter(),
                &prompt.file,
                "the model is not told of it",
                &mut findings,
            );
            let what = format!("`tool_policy.blocklist` of prompt `{}`", prompt.task_type);
            self.unknown_tools(&what, prompt.tool_policy.blocklist.iter(), &prompt.file, BLOCKED, &mut findings);
        }
        for (name, composition) in &bundle.compositions {
            let Ok(composition) = composition else { continue };
            self.steps(name, &composition.steps, &mut findings);
        }
        for scenario in &bundle.scenarios {
            self.names_of(scenario, &mut findings);
        }
        findings.list
    }

    fn names_of(&self, scenario: &Scenario, findings: &mut Findings) {
        let bundle = &self.parts.bundle;
        let said = |what: &str| format!("{what} of scenario `{}`", scenario.id);
        let blocked = scenario.tool_policy.iter().flat_map(|policy| &policy.blocklist);
        self.unknown_tools(&said("`tool_policy.blocklist`"), blocked, &scenario.file, BLOCKED, findings);
        let disturbed = scenario.turns.iter().flat_map(|turn| &turn.chaos).map(|failure| &failure.tool);
        self.unknown_tools(&said("`chaos`"), disturbed, &scenario.file, "nothing is disturbed", findings);
        let asked = scenario.turns.iter().flat_map(|turn| turn.consents.keys());
        self.unknown_tools(
            &said("`consent_overrides`"),
            asked,
            &scenario.file,
            "the user consents to the rest",
            findings,
        );
        for play in scenario.turns.iter().filter_map(|turn| turn.play.as_ref()) {
            if !bundle.personas.contains_key(&play.persona) {
                let known = bundle.personas.keys().map(String::as_str);
                let text = format!("there is no persona `{}`; {}", play.persona, advice(&play.persona, known));
                findings.push(found(true, "PersonaUnknown", &scenario.file, format!("{}: {text}", said("a turn"))));
            }
        }
        let turns = scenario.turns.iter().flat_map(|turn| &turn.assertions);
        let all = turns.chain(scenario.conversation_assertions.iter().map(AsRef::as_ref));
        for check in all.flat_map(Assertion::checks) {
            self.states(check, findings);
            self.wanted(check, findings);
            if !check.negate {
                self.denied(check, findings);
            }
        }
        self.values(scenario, findings);
    }

    /// Perturbations that no turn has a place for, and values under a name that is close to one that is missing.
    fn values(&self, scenario: &Scenario, findings: &mut Findings) {
        let varied = scenario.perturbations.values(0);
        for key in varied.keys() {
            let place = format!("{{{key}}}");
            if !scenario.turns.iter().any(|turn| turn.content.text().contains(&place)) {
                let text = format!(
                    "scenario `{}`: no turn has a place `{place}` for the perturbation `{key}`: its variants are the same",
                    scenario.id
                );
                findings.push(found(false, "PerturbationUnused", &scenario.file, text));
            }
        }
        let prompts = prompt::reached(&self.parts.bundle, scenario);
        let declared: BTreeSet<&str> =
            prompts.iter().flat_map(|it| &it.variables).map(|variable| variable.name.as_str()).collect();
        let used = |name: &str| {
            let token = format!("{{{{{name}}}}}");
            let holds = |prompt: &&Prompt| {
                prompt.system_template.contains(&token) || prompt.fragments.values().any(|text| text.contains(&token))
            };
            prompts.iter().any(holds)
        };
        for name in scenario.variables.keys().filter(|name| !declared.contains(name.as_str()) && !used(name)) {
            let open = declared.iter().copied().filter(|known| !scenario.variables.contains_key(*known));
            if let Some(meant) = nearest(name, open) {
                let text = format!(
                    "scenario `{}`: no prompt of it has the variable `{name}`; did you mean `{meant}`?",
                    scenario.id
                );
                findings.push(found(false, "VariableUnused", &scenario.file, text));
            }
        }
    }

    fn steps(&self, composition: &str, steps: &[Step], findings: &mut Findings) {
        let bundle = &self.parts.bundle;
        for step in steps {
            let at = format!("composition `{composition}`, step `{}`", step.id);
            if let StepKind::Prompt { task } | StepKind::Agent { task, .. } = &step.kind
                && bundle.prompts.get(task).is_some_and(|prompt| !prompt.validators.is_empty())
            {
                let text = format!("{at}: the guardrails of prompt `{task}` do not act within a composition");
                findings.push(found(false, "GuardrailUnused", &bundle.entry, text));
            }
            if let StepKind::Agent { tools: Some(tools), .. } = &step.kind {
                let what = format!("`tools` of {at}");
                self.unknown_tools(&what, tools.iter(), &bundle.entry, "the model is not told of it", findings);
            }
            match &step.kind {
                StepKind::Prompt { task } | StepKind::Agent { task, .. } if !bundle.prompts.contains_key(task) => {
                    let known = advice(task, bundle.prompts.keys().map(String::as_str));
                    let text = format!("{at}: no prompt has the task_type `{task}`; {known}");
                    findings.push(found(true, "PromptMissing", &bundle.entry, text));
                }
                StepKind::Tool { tool } if !self.has_tool(tool) => {
                    let text = format!("{at}: there is no tool `{tool}`; {}", self.meant(tool));
                    findings.push(found(true, "ToolUnknown", &bundle.entry, text));
                }
                StepKind::Parallel { branches, .. } => self.steps(composition, branches, findings),
                _ => {}
            }
        }
    }

    /// Names that a check forbids and nothing bears.
    /// Tools that a check or its condition waits for and that are not there.
    fn wanted(&self, check: &Assertion, findings: &mut Findings) {
        let place = format!("{}:{}", check.file, check.line);
        let condition =
            check.when.as_deref().and_then(|when| when["tool_called"].as_str()).filter(|name| !name.is_empty());
        let what = format!("`when` of check `{}`", check.kind);
        let named: Vec<String> = condition.map(str::to_owned).into_iter().collect();
        self.unknown_tools(&what, named.iter(), &place, "it never applies", findings);
        let kind = check_type(check);
        if !WAITING.contains(&&*kind) {
            return;
        }
        let Some(values) = params_of(&kind, check) else { return };
        let lists = ["tool_names", "tools"].iter().filter_map(|name| values[*name].as_array());
        let names: Vec<String> = lists.flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        self.unknown_tools(&format!("check `{kind}`"), names.iter(), &place, "nothing can call it", findings);
    }

    /// States of a workflow that are not there: a check on one holds never, or always.
    fn states(&self, check: &Assertion, findings: &mut Findings) {
        let Some(workflow) = &self.parts.bundle.workflow else { return };
        let kind = check_type(check);
        let Some(kind) = STATE_CHECKS.iter().find(|known| **known == kind) else { return };
        let Some(values) = params_of(kind, check) else { return };
        let rules = values["rules"].as_array().into_iter().flatten().map(|rule| &rule["state"]);
        for state in std::iter::once(&values["state"]).chain(rules).filter_map(Value::as_str) {
            if !workflow.states.contains_key(state) {
                let known = advice(state, workflow.states.keys().map(String::as_str));
                let text = format!("check `{kind}`: the workflow has no state `{state}`; {known}");
                findings.push(found(false, "StateUnknown", &format!("{}:{}", check.file, check.line), text));
            }
        }
    }

    fn denied(&self, check: &Assertion, findings: &mut Findings) {
        let kind = check_type(check);
        let Some((kind, params)) = DENYING.iter().find(|(known, _)| *known == kind) else { return };
        let Some(values) = params_of(kind, check) else { return };
        let lists = params.iter().filter_map(|name| values[*name].as_array());
        let names: Vec<String> = lists.flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let place = format!("{}:{}", check.file, check.line);
        self.unknown_tools(&format!("check `{kind}`"), names.iter(), &place, "it passes whatever is called", findings);
    }

    fn unknown_tools<'n>(
        &self,
        what: &str,
        names: impl Iterator<Item = &'n String>,
        place: &str,
        effect: &str,
        findings: &mut Findings,
    ) {
        for name in names.filter(|name| !self.has_tool(name)) {
            let text = format!("{what}: there is no tool `{name}`, so {effect}; {}", self.meant(name));
            findings.push(found(false, "ToolUnknown", place, text));
        }
    }

    /// Whether something may bear the name.
    fn has_tool(&self, name: &str) -> bool {
        let bundle = &self.parts.bundle;
        bundle.tools.contains_key(name) || OWN.iter().any(|start| name.starts_with(start))
    }

    fn meant(&self, name: &str) -> String {
        advice(name, self.parts.bundle.tools.keys().map(String::as_str))
    }
}

/// What comes of a blocked tool that nobody has.
const BLOCKED: &str = "nothing is blocked";

fn advice<'k>(name: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => match known.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "the bundle has none".to_owned(),
            all => format!("the bundle has {all}"),
        },
    }
}

fn found(fatal: bool, reason: &'static str, place: &str, text: String) -> Finding {
    Finding { fatal, reason, place: place.to_owned(), text }
}
