//! Users that a model plays.

use arena_bundle::{Persona, Play};
use arena_model::{Author, Content, Message, Role};
use arena_provider::MockContext;

use super::Run;
use crate::case::Trouble;

/// What a persona ends its text with once it has nothing more to ask.
const COMPLETE: &str = "[CONVERSATION_COMPLETE]";

/// What a persona says.
pub(super) struct Said {
    pub text: String,
    /// It has nothing more to ask.
    pub complete: bool,
}

impl Run<'_> {
    /// The next text of the user that `role` plays.
    pub(super) async fn play(&mut self, role: &str, play: &Play, number: u32) -> Result<Said, Trouble> {
        let bundle = self.evaluator.parts.bundle.clone();
        let persona = bundle.personas.get(&play.persona).ok_or_else(|| {
            let known = bundle.personas.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            Trouble::new("PersonaUnknown", format!("there is no persona `{}`; there are {known}", play.persona))
        })?;
        let provider = self.evaluator.player(role)?;
        let system = self.persona_prompt(persona, play).await?;
        let mut messages = vec![Message::text(Role::System, Author::Script, system)];
        // The other way round: to the persona, the agent is the user.
        for message in self.conversation.messages.iter().filter(|message| message.tool_calls.is_empty()) {
            let role = match message.role {
                Role::User => Role::Assistant,
                Role::Assistant => Role::User,
                Role::System | Role::Tool => continue,
            };
            messages.push(Message::text(role, message.by, message.content.text()));
        }
        let scenario = self.case.scenario.clone();
        let context = MockContext {
            scenario: &scenario.id,
            turn: 1,
            persona: Some((&play.persona, number)),
            ..MockContext::default()
        };
        let reply = self.ask_as(&messages, context, provider.as_ref(), persona, play).await?;
        self.played += reply.usage.unwrap_or_default();
        self.played_cost = self.played_cost.zip(reply.cost_usd_micro).map(|(sum, one)| sum.saturating_add(one));
        let text = match &reply.content {
            Content::Text(text) => text.trim().to_owned(),
            parts => parts.text().trim().to_owned(),
        };
        let complete = text.contains(COMPLETE);
        let text = if complete { text.replace(COMPLETE, "").trim().to_owned() } else { text };
        if text.is_empty() && !complete {
            let why = format!("the persona `{}` says nothing", play.persona);
            return Err(Trouble::new("PersonaSilent", why));
        }
        Ok(Said { text, complete })
    }

    async fn persona_prompt(&mut self, persona: &Persona, play: &Play) -> Result<String, Trouble> {
        let mut values = persona.variables.clone();
        values.extend(self.case.scenario.variables.clone());
        let missing: Vec<_> = persona.required.iter().filter(|name| !values.contains_key(*name)).cloned().collect();
        if !missing.is_empty() {
            let text = format!("{}: persona `{}` needs a value for {}", persona.file, persona.id, missing.join(", "));
            return Err(Trouble::new("VariableMissing", text));
        }
        let what = format!("persona `{}`", persona.id);
        // As in the original runner, these win over values of the same names.
        values.extend(persona.style.clone());
        values.extend(self.case.id.region.clone().map(|region| ("region".to_owned(), region)));
        let lists = [
            ("persona_goals", "Goals", &persona.goals, "Interact naturally and helpfully"),
            ("persona_constraints", "Constraints", &persona.constraints, "Be respectful and constructive"),
        ];
        for (name, _, lines, otherwise) in lists {
            let joined = if lines.is_empty() { otherwise.to_owned() } else { lines.join(", ") };
            values.insert(name.to_owned(), joined);
        }
        let mut text = self.render_whole(&persona.system_template, &persona.fragments, values, &what).await?;
        // A template that has no place for them has them at its end.
        for (name, title, lines, _) in lists {
            if !lines.is_empty() && !persona.system_template.contains(name) {
                text.push_str(&format!("\n\n{title}:\n- {}", lines.join("\n- ")));
            }
        }
        if play.max_turns.is_some() {
            text.push_str(&format!("\n\nOnce you have nothing more to ask, end your message with {COMPLETE}"));
        }
        Ok(text)
    }
}
