//! A component that was checked, compiled, linked against its grants, and can be instantiated in microseconds.

use std::sync::Arc;

use arena_model::{ComponentMetadata, Digest};
use wasmtime::component::{HasSelf, InstancePre, Linker};
use wasmtime::{Engine, component::Component as Code};

use crate::bindings::evaluator::EvaluatorPre;
use crate::bindings::guardrail::GuardrailPre;
use crate::bindings::template::TemplatePre;
use crate::bindings::{embed, judge, log, subject, types};
use crate::inspect::Inspected;
use crate::state::State;
use crate::{EmbedHost, JudgeHost, Limits, LoadError, World, wasi};

/// Capabilities a component is given beyond its subject and the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// May ask the run's judges.
    pub judge: bool,
    /// May have texts turned into vectors.
    pub embed: bool,
}

impl Grants {
    /// Every capability there is, by name.
    pub const NAMES: [&'static str; 2] = ["judge", "embed"];

    /// Reads a list of names; an unknown one is the error.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut grants = Self::default();
        for name in names {
            match name {
                "judge" => grants.judge = true,
                "embed" => grants.embed = true,
                other => {
                    let known = Self::NAMES.join(", ");
                    return Err(format!("there is no capability `{other}`; the capabilities are {known}"));
                }
            }
        }
        Ok(grants)
    }

    /// The names of those that are given.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |name| self.has(name))
    }

    fn has(self, name: &str) -> bool {
        match name {
            "judge" => self.judge,
            "embed" => self.embed,
            _ => false,
        }
    }
}

/// Who answers a guest, for each capability that it may have been granted.
#[derive(Clone, Default)]
pub struct Asked {
    /// Its questions to judges.
    pub judge: Option<Arc<dyn JudgeHost>>,
    /// Its calls for embeddings.
    pub embed: Option<Arc<dyn EmbedHost>>,
}

impl Asked {
    /// Those of them that were granted.
    pub(crate) fn within(&self, grants: Grants) -> Self {
        let Self { judge, embed } = self.clone();
        Self { judge: judge.filter(|_| grants.judge), embed: embed.filter(|_| grants.embed) }
    }
}

/// Ready to run. Shared by all evaluations; each gets an instance of its own.
#[derive(Debug)]
pub struct Component {
    pub(crate) name: String,
    pub(crate) digest: Digest,
    pub(crate) metadata: ComponentMetadata,
    pub(crate) world: World,
    pub(crate) limits: Limits,
    pub(crate) grants: Grants,
    pub(crate) linked: Linked,
    pub(crate) wants_wasi: bool,
    pub(crate) keeps_nothing: bool,
}

pub(crate) enum Linked {
    Evaluator(EvaluatorPre<State>),
    Guardrail(GuardrailPre<State>),
    Template(TemplatePre<State>),
}

impl Component {
    /// Says that it holds nothing from one call to the next, so that an instance may serve many. Of an engine for
    /// templates only, and only of the program's own: a stranger's word is not enough.
    #[must_use]
    pub fn keeps_nothing(self) -> Self {
        Self { keeps_nothing: true, ..self }
    }

    /// Name in the bundle or the standard library.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Digest of its bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What it says of itself.
    pub fn metadata(&self) -> &ComponentMetadata {
        &self.metadata
    }

    /// What it is for.
    pub fn world(&self) -> World {
        self.world
    }

    /// What one evaluation may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What it was given.
    pub fn grants(&self) -> Grants {
        self.grants
    }
}

/// Refuses imports that were not granted, naming the import and what to do.
pub(crate) fn check_imports(name: &str, inspected: &Inspected, grants: Grants) -> Result<(), LoadError> {
    for import in &inspected.imports {
        let capability = Grants::NAMES.into_iter().find(|name| *import == format!("arena:evaluator/{name}@0.1.0"));
        let free = ["types", "subject", "log"].iter().any(|known| *import == format!("arena:evaluator/{known}@0.1.0"));
        if free || wasi::offers(import) || capability.is_some_and(|name| grants.has(name)) {
            continue;
        }
        let hint = if let Some(name) = capability {
            format!("which was not granted; add `grants: [{name}]` to its entry")
        } else if import.starts_with("arena:evaluator/") {
            "which this version does not offer; it speaks arena:evaluator@0.1.0".to_owned()
        } else {
            "which no evaluator can have; it would reach outside the sandbox".to_owned()
        };
        return Err(LoadError::CapabilityDenied { name: name.to_owned(), import: import.clone(), hint });
    }
    Ok(())
}

/// Links `code` with exactly what it was granted.
pub(crate) fn link(
    name: &str,
    engine: &Engine,
    code: &Code,
    inspected: &Inspected,
    grants: Grants,
) -> Result<Linked, LoadError> {
    let mismatch =
        |error: wasmtime::Error| LoadError::ContractMismatch { name: name.to_owned(), detail: format!("{error:#}") };
    let mut linker = Linker::<State>::new(engine);
    let all = (|| {
        types::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
        subject::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
        log::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
        if grants.judge {
            judge::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
        }
        if grants.embed {
            embed::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
        }
        if inspected.wants_wasi() {
            wasi::add_to_linker(&mut linker)?;
        }
        Ok(())
    })();
    all.map_err(mismatch)?;
    let pre: InstancePre<State> = linker.instantiate_pre(code).map_err(mismatch)?;
    match inspected.world {
        World::Evaluator => EvaluatorPre::new(pre).map(Linked::Evaluator),
        World::Guardrail => GuardrailPre::new(pre).map(Linked::Guardrail),
        World::Template => TemplatePre::new(pre).map(Linked::Template),
    }
    .map_err(mismatch)
}
