//! What takes the places of a template's tokens: fragments, and values, which are held against the rules of the prompts
//! before anybody is called.

use std::collections::BTreeMap;

use arena_bundle::{Defaults, FragmentError, Parameters, Prompt, expand};

use super::Run;
use crate::case::Trouble;
use crate::prompt;

impl Run<'_> {
    /// Of every prompt that the case may come to, as far as its values are known.
    pub(super) fn check_values(&self) -> Result<(), Trouble> {
        let scenario = &self.case.scenario;
        for prompt in prompt::reached(&self.evaluator.parts.bundle, scenario) {
            self.check_rules(prompt, &prompt::variables(prompt, scenario, self.case.id.region.as_deref()))?;
        }
        Ok(())
    }

    /// Of one prompt.
    pub(super) fn check_rules(&self, prompt: &Prompt, values: &BTreeMap<String, String>) -> Result<(), Trouble> {
        match prompt::invalid(prompt, values) {
            Some(why) => Err(Trouble::new("VariableInvalid", format!("prompt `{}`: {why}", prompt.task_type))),
            None => Ok(()),
        }
    }

    /// The name of the model under test, as its provider has it.
    pub(super) fn model(&self) -> &str {
        let mut specs = self.evaluator.parts.bundle.providers.iter();
        specs.find(|spec| spec.id == self.case.id.provider).map_or("", |spec| spec.model.as_str())
    }

    /// What the model is asked with under the prompt of `task`: the arena's defaults, then what the prompt says to this
    /// model, then what it says to all.
    pub(super) fn parameters(&self, task: &str) -> Parameters {
        let Defaults { temperature, max_tokens, .. } = self.evaluator.parts.bundle.defaults;
        let prompt = self.prompt_of(task).map(|prompt| prompt.parameters_for(self.model())).unwrap_or_default();
        Parameters { temperature, max_tokens, top_p: None }.or(prompt)
    }

    /// A template with fragments and values in place.
    pub(super) async fn render_whole(
        &self,
        template: &str,
        fragments: &BTreeMap<String, String>,
        mut values: BTreeMap<String, String>,
        what: &str,
    ) -> Result<String, Trouble> {
        let trouble = |error: FragmentError| Trouble::new(error.reason(), format!("{what}: {error}"));
        let source = expand(template, fragments, |name| values.contains_key(name)).map_err(trouble)?;
        // Other engines than ours have more ways to name a fragment than its plain token.
        let others: Vec<_> =
            fragments.iter().filter(|(name, _)| !values.contains_key(*name) && source.contains(*name)).collect();
        for (name, text) in others {
            let text = expand(text, fragments, |name| values.contains_key(name)).map_err(trouble)?;
            let text = self.render_text(&text, &values, &format!("fragment `{name}`")).await?;
            values.insert(name.clone(), text);
        }
        self.render_text(&source, &values, what).await
    }
}
