//! What of two bundles leads conversations along different ways: all of it but checks and what judges.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::{Bundle, Prompt, Scenario};

/// Ends of names of files that are read as documents or run as components.
const READ: [&str; 4] = [".yaml", ".yml", ".json", ".wasm"];

impl Bundle {
    /// The parts in which conversations under `other` would not be those under this bundle; empty if it differs in nothing
    /// but checks, evals and components.
    pub fn changes_course(&self, other: &Self) -> Vec<String> {
        let mut changed = Vec::new();
        let prompts = |bundle: &Self| bundle.prompts.values().map(unjudged_prompt).collect::<Vec<_>>();
        let scenarios = |bundle: &Self| bundle.scenarios.iter().map(|it| unjudged(it)).collect::<Vec<_>>();
        let mut note = |what: &str, differs: bool| {
            if differs {
                changed.push(what.to_owned());
            }
        };
        note("its defaults", self.defaults != other.defaults || self.conduct != other.conduct);
        note("prompts", prompts(self) != prompts(other));
        note("scenarios", scenarios(self) != scenarios(other));
        note("providers", self.providers != other.providers || self.embedders != other.embedders);
        note("judges", self.judges != other.judges);
        note("personas", self.personas != other.personas || self.roles != other.roles);
        note("tools", self.tools != other.tools || self.mcp_servers != other.mcp_servers);
        note("the workflow", self.workflow != other.workflow || self.compositions != other.compositions);
        note("skills or memory", self.skills != other.skills || self.memory != other.memory);
        note("the template engine", self.template != other.template || self.engine != other.engine);
        changed.extend(self.changed_files(other).into_iter().map(|path| format!("the file {path}")));
        changed
    }

    /// Files that conversations may be made of: tables, media, and what mock providers answer.
    fn changed_files(&self, other: &Self) -> BTreeSet<String> {
        let mocks = self.called().filter_map(|spec| spec.additional_config["mock_config"].as_str());
        let tables = self.scenarios.iter().filter_map(|scenario| scenario.dataset.as_ref()?.path.as_deref());
        let named: BTreeSet<&str> = mocks.chain(tables).collect();
        let plain = |path: &str| named.contains(path) || !READ.iter().any(|end| path.ends_with(end));
        let differs = |file: &&crate::BundleFile| {
            plain(&file.path) && other.files.iter().any(|known| known.path == file.path && known.digest != file.digest)
        };
        self.files.iter().filter(differs).map(|file| file.path.clone()).collect()
    }
}

fn nowhere() -> Arc<str> {
    "".into()
}

/// Without what judges, and without the places at which it is written.
fn unjudged_prompt(prompt: &Prompt) -> Prompt {
    let mut prompt = Prompt { evals: Vec::new(), file: nowhere(), ..prompt.clone() };
    for validator in &mut prompt.validators {
        (validator.file, validator.line) = (nowhere(), 0);
    }
    prompt
}

fn unjudged(scenario: &Scenario) -> Scenario {
    let mut scenario = Scenario {
        description: String::new(),
        labels: Default::default(),
        conversation_assertions: Vec::new(),
        file: nowhere(),
        ..scenario.clone()
    };
    for turn in &mut scenario.turns {
        turn.assertions.clear();
    }
    if let Some(dataset) = &mut scenario.dataset {
        let dataset = Arc::make_mut(dataset);
        dataset.named.clear();
        (dataset.checks_expected, dataset.line) = (false, 0);
    }
    scenario
}
