//! What all cases of a run share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arena_bundle::Bundle;
use arena_egress::Egress;
use arena_model::Compat;
use arena_provider::{Embedder, Provider, ProviderError};
use arena_sandbox::{Asked, Component, Sandbox, World};

use crate::case::Trouble;
use crate::check::Bench;
use crate::embedders::{Embedders, Embedding};
use crate::judge::Judges;
use crate::library::{Library, Resolved};

/// The standard template engine, and the one that looks through values, too.
const TEMPLATE: &str = "template";
const TEMPLATE_REPEATED: &str = "template-repeated";

/// Name of a bundle's template engine: its own, the standard one that it chooses, else the usual one.
pub fn template_of(bundle: &Bundle) -> &str {
    let usual = if bundle.conduct.follows(Compat::ExpandedValues) { TEMPLATE_REPEATED } else { TEMPLATE };
    let own = bundle.template.as_ref().map(|template| template.name.as_str());
    own.or(bundle.engine.as_deref()).unwrap_or(usual)
}

/// Gives the time of day as RFC 3339, UTC.
pub type CaseClock = Arc<dyn Fn() -> String + Send + Sync>;

/// Environment variables that tools may send, by name. Debug prints the names.
#[derive(Clone, Default)]
pub struct ToolKeys(BTreeMap<String, String>);

impl ToolKeys {
    /// Names and values.
    pub fn new(keys: BTreeMap<String, String>) -> Self {
        Self(keys)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl fmt::Debug for ToolKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Everything an [`Evaluator`] is made of.
#[derive(Clone)]
pub struct EvaluatorParts {
    /// The checked bundle.
    pub bundle: Arc<Bundle>,
    /// Runs guests.
    pub sandbox: Arc<Sandbox>,
    /// Components.
    pub library: Arc<Library>,
    /// Providers by id, or why one cannot be called.
    pub providers: BTreeMap<String, Result<Arc<dyn Provider>, ProviderError>>,
    /// Those that play users, by the role of the turn, or why one cannot be called.
    pub players: BTreeMap<String, Result<Arc<dyn Provider>, ProviderError>>,
    /// Those that make embeddings by id, or why one cannot be called.
    pub embedders: Embedding,
    /// Judges by name, or why one cannot be asked.
    pub judges: BTreeMap<String, Result<Arc<dyn Provider>, String>>,
    /// The way out for tools; who may be called is in it.
    pub egress: Egress,
    /// What tools may send as headers.
    pub tool_keys: ToolKeys,
    /// Of the run's work.
    pub seed: u64,
    /// Longest time of a case for which the bundle sets none.
    pub case_timeout: Duration,
    /// Random id of this process, for `measured`.
    pub worker: String,
    /// The time of day.
    pub clock: CaseClock,
}

/// Runs cases. Shared by all of a worker's tasks.
pub struct Evaluator {
    pub(crate) parts: EvaluatorParts,
    pub(crate) bench: Bench,
    pub(crate) judges: Arc<Judges>,
    pub(crate) embedders: Arc<Embedders>,
}

impl Evaluator {
    /// Puts the parts together; calls nothing. Judges and embedders are asked on the runtime this is called on.
    pub fn new(parts: EvaluatorParts) -> Self {
        let judges = Arc::new(Judges::new(parts.judges.clone()));
        let usual = parts.bundle.embedder().map(str::to_owned);
        let embedders = Arc::new(Embedders::new(parts.embedders.clone(), usual));
        let bench = Bench {
            sandbox: parts.sandbox.clone(),
            library: parts.library.clone(),
            asked: Asked { judge: Some(judges.clone()), embed: Some(embedders.clone()) },
            seed: parts.seed,
        };
        Self { parts, bench, judges, embedders }
    }

    /// Those who answer guests.
    pub(crate) fn asked(&self) -> Asked {
        self.bench.asked.clone()
    }

    /// What it is made of.
    pub fn parts(&self) -> &EvaluatorParts {
        &self.parts
    }

    pub(crate) fn provider(&self, id: &str) -> Result<Arc<dyn Provider>, Trouble> {
        match self.parts.providers.get(id) {
            Some(Ok(provider)) => Ok(provider.clone()),
            Some(Err(error)) => {
                let spec = self.parts.bundle.providers.iter().find(|spec| spec.id == id);
                let file = spec.map_or(id, |spec| &spec.file);
                Err(Trouble::from(error.clone()).of_file(file))
            }
            None => Err(Trouble::new("ProviderUnknown", format!("provider `{id}` is not connected"))),
        }
    }

    /// The provider of embeddings with this id.
    pub(crate) fn embedder(&self, id: &str) -> Result<Arc<dyn Embedder>, Trouble> {
        match self.parts.embedders.get(id) {
            Some(Ok(embedder)) => Ok(embedder.clone()),
            Some(Err(error)) => {
                let spec = self.parts.bundle.embedders.iter().find(|spec| spec.id == id);
                Err(Trouble::from(error.clone()).of_file(spec.map_or(id, |spec| &spec.file)))
            }
            None => Err(Trouble::new("ProviderUnknown", format!("provider `{id}` is not connected"))),
        }
    }

    /// The provider that plays a role.
    pub(crate) fn player(&self, role: &str) -> Result<Arc<dyn Provider>, Trouble> {
        match self.parts.players.get(role) {
            Some(Ok(provider)) => Ok(provider.clone()),
            Some(Err(error)) => Err(Trouble::from(error.clone()).of_file(&format!("self_play role `{role}`"))),
            None => Err(Trouble::new("ProviderUnknown", format!("nobody plays the role `{role}`"))),
        }
    }

    /// The template engine.
    pub(crate) fn template(&self) -> Result<&Arc<Component>, Trouble> {
        self.engine(template_of(&self.parts.bundle))
    }

    /// The component of this name that judges.
    pub(crate) fn component(&self, name: &str) -> Result<&Arc<Component>, Trouble> {
        match self.parts.library.named(name).map(Resolved::ready) {
            Some(Ok(component)) => Ok(component),
            Some(Err((reason, text))) => Err(Trouble::new(reason, text)),
            None => Err(Trouble::new("SandboxFailed", format!("there is no component `{name}`"))),
        }
    }

    /// The template engine of this name.
    pub(crate) fn engine(&self, name: &str) -> Result<&Arc<Component>, Trouble> {
        match self.parts.library.named(name).map(Resolved::ready) {
            Some(Ok(component)) if component.world() == World::Template => Ok(component),
            Some(Ok(component)) => {
                let text =
                    format!("`{name}` is a component of world `{}`, not a template engine", component.world().as_str());
                Err(Trouble::new("ContractMismatch", text))
            }
            Some(Err((reason, text))) => Err(Trouble::new(reason, text)),
            None => Err(Trouble::new("TemplateUnknown", format!("there is no template engine `{name}`"))),
        }
    }
}
