//! Which component judges a check type. The standard library, what the bundle brings, and what the user replaces
//! for one run all end up here; a component that cannot be loaded fails its own checks and nothing else.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use arena_model::{CheckMetadata, Class, ComponentMetadata, Digest, EvaluatorPin, Fault};
use arena_sandbox::{Component, Grants, Limits, LoadError, Sandbox, World, read_metadata};

/// The engine of the program that holds nothing from one text to the next; the others hold what their libraries hold.
const KEEPS_NOTHING: &str = "template";

/// A component to load.
#[derive(Clone, Debug)]
pub struct ComponentSource {
    /// Unique name: of the standard library, or of the entry in the bundle.
    pub name: String,
    /// The component.
    pub bytes: ComponentBytes,
    /// Digest of its bytes, unpacked.
    pub digest: Digest,
    /// What it says of itself, as far as that can be read without running it.
    pub metadata: Option<ComponentMetadata>,
    /// Given to it.
    pub grants: Grants,
    /// None for the defaults of its kind.
    pub limits: Option<Limits>,
    /// Where it comes from, for messages.
    pub origin: String,
    /// Load it only if the run has a check for it, or wants it as template engine: compiling costs seconds.
    pub lazy: bool,
}

/// A component's bytes.
#[derive(Clone, Debug)]
pub enum ComponentBytes {
    /// As they are.
    Plain(Arc<[u8]>),
    /// A part of the program.
    Packed {
        /// Compressed by zstd.
        zstd: &'static [u8],
        /// Length of what was compressed, bytes.
        size: usize,
    },
}

impl ComponentBytes {
    /// The bytes, unpacked.
    pub fn read(&self) -> io::Result<Cow<'_, [u8]>> {
        match self {
            Self::Plain(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Packed { zstd, size } => zstd::bulk::decompress(zstd, *size).map(Cow::Owned),
        }
    }

    /// Their length, unpacked.
    fn size(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Packed { size, .. } => *size,
        }
    }
}

impl ComponentSource {
    /// One of somebody's own, loaded in any case and with the limits of its kind.
    pub fn new(name: &str, bytes: Vec<u8>, grants: Grants, origin: &str) -> Self {
        Self {
            name: name.to_owned(),
            digest: Digest::of(&bytes),
            metadata: read_metadata(&bytes),
            bytes: ComponentBytes::Plain(bytes.into()),
            grants,
            limits: None,
            origin: origin.to_owned(),
            lazy: false,
        }
    }

    /// What one evaluation may use.
    pub fn limits(&self) -> Limits {
        self.limits.unwrap_or_else(|| Limits::for_component(self.bytes.size()))
    }

    async fn load(&self, sandbox: &Arc<Sandbox>) -> Result<Component, LoadError> {
        let broken = |error: io::Error| LoadError::SandboxFailed { name: self.name.clone(), detail: error.to_string() };
        let bytes = self.bytes.read().map_err(broken)?;
        let component = sandbox.load(&self.name, &bytes, self.limits(), self.grants).await?;
        let is_ours = matches!(self.bytes, ComponentBytes::Packed { .. });
        Ok(if is_ours && self.name == KEEPS_NOTHING { component.keeps_nothing() } else { component })
    }
}

/// What a manifest says of `sources`, by name; of two with one name the later counts. Loads nothing.
pub fn pins(sources: &[ComponentSource]) -> BTreeMap<String, EvaluatorPin> {
    let own = |source: &ComponentSource| pin(&source.digest, source.grants, source.limits());
    sources.iter().map(|source| (source.name.clone(), own(source))).collect()
}

fn pin(digest: &Digest, grants: Grants, limits: Limits) -> EvaluatorPin {
    EvaluatorPin {
        digest: digest.clone(),
        grants: grants.names().map(str::to_owned).collect(),
        limits: serde_json::to_value(limits).unwrap_or_default(),
    }
}

/// A component under its name, or why it cannot be used.
#[derive(Clone)]
pub struct Resolved {
    /// Its name.
    pub name: String,
    /// Digest of its bytes.
    pub digest: Digest,
    /// Given to it.
    pub grants: Grants,
    /// What one evaluation may use.
    pub limits: Limits,
    /// Where it comes from.
    pub origin: String,
    /// Of the standard library, which is loaded where it is needed.
    pub lazy: bool,
    /// What it offers, as far as that could be read.
    pub metadata: Option<ComponentMetadata>,
    /// Ready to run, or why not; none if the run does not need it.
    pub component: Option<Result<Arc<Component>, LoadError>>,
}

/// All components of a run.
pub struct Library {
    entries: Vec<Resolved>,
    /// Check type, aliases included, to entry.
    types: BTreeMap<String, usize>,
    /// The same of those that watch streams.
    guards: BTreeMap<String, usize>,
}

/// Two components cannot share a check type.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LibraryError {
    /// Two offer the same type.
    #[error(
        "check type `{kind}` is offered by `{first}` ({first_origin}) and by `{second}` ({second_origin}); rename one, or \
         give the second the first's name to replace it"
    )]
    TypeTaken {
        /// The type.
        kind: String,
        /// Who had it.
        first: String,
        /// Where from.
        first_origin: String,
        /// Who wants it, too.
        second: String,
        /// Where from.
        second_origin: String,
    },
}

impl Fault for LibraryError {
    fn reason(&self) -> &'static str {
        "CheckTypeTaken"
    }

    fn class(&self) -> Class {
        Class::Input
    }
}

/// What stands before a check type where it is asked for by a run that watches streams.
pub const WATCHED: &str = "stream:";

/// Most letters by which a word may differ from the one that was meant.
const SIMILAR: usize = 3;
/// Longest word that is looked for, bytes.
const WORD: usize = 200;

impl Resolved {
    /// What a manifest says of it.
    pub fn pin(&self) -> EvaluatorPin {
        pin(&self.digest, self.grants, self.limits)
    }

    /// What it says of the check type `kind`, or of the one that has this alias.
    pub fn check(&self, kind: &str) -> Option<&CheckMetadata> {
        let checks = self.metadata.iter().flat_map(|metadata| &metadata.checks);
        checks.into_iter().find(|check| check.name == kind || check.aliases.iter().any(|alias| alias == kind))
    }

    /// The component, or the stable name and the sentence why it cannot be used.
    pub fn ready(&self) -> Result<&Arc<Component>, (&'static str, String)> {
        match &self.component {
            Some(Ok(component)) => Ok(component),
            Some(Err(error)) => Err((error.reason(), error.to_string())),
            None => Err(("SandboxFailed", format!("component `{}` was not loaded for this run", self.name))),
        }
    }
}

impl Library {
    /// Loads `sources`; of two with one name the later replaces the earlier. `needed` tells whether the run asks for a
    /// check type (with [`WATCHED`] before it for one that watches streams), or for a template engine by its name.
    pub async fn load(
        sandbox: &Arc<Sandbox>,
        sources: Vec<ComponentSource>,
        needed: impl Fn(&str) -> bool,
    ) -> Result<Self, LibraryError> {
        let mut latest: BTreeMap<String, (usize, ComponentSource)> = BTreeMap::new();
        for (at, source) in sources.into_iter().enumerate() {
            latest.insert(source.name.clone(), (at, source));
        }
        let mut sources: Vec<_> = latest.into_values().collect();
        sources.sort_by_key(|(at, _)| *at);
        let mut library = Self { entries: Vec::new(), types: BTreeMap::new(), guards: BTreeMap::new() };
        for (_, source) in sources {
            let limits = source.limits();
            let mut metadata = source.metadata.clone();
            let watches = metadata.as_ref().is_some_and(|metadata| metadata.world == World::Guardrail.as_str());
            let mut kinds = metadata.iter().flat_map(|metadata| &metadata.checks).flat_map(names);
            let wanted = |kind: String| needed(&if watches { format!("{WATCHED}{kind}") } else { kind });
            let component = if source.lazy && !needed(&source.name) && !kinds.any(wanted) {
                None
            } else {
                Some(source.load(sandbox).await)
            };
            if let Some(Ok(component)) = &component {
                metadata = Some(component.metadata().clone());
            }
            library.add(Resolved {
                digest: source.digest,
                name: source.name,
                grants: source.grants,
                limits,
                origin: source.origin,
                lazy: source.lazy,
                metadata,
                component: component.map(|loaded| loaded.map(Arc::new)),
            })?;
        }
        Ok(library)
    }

    fn add(&mut self, entry: Resolved) -> Result<(), LibraryError> {
        let at = self.entries.len();
        let mut kinds: Vec<String> =
            entry.metadata.iter().flat_map(|metadata| &metadata.checks).flat_map(names).collect();
        if matches!(entry.component, Some(Err(_))) && kinds.is_empty() {
            // Nothing can be read of it; a check of its name is what the user must have meant.
            kinds.push(entry.name.clone());
        }
        let guard = entry.metadata.as_ref().is_some_and(|metadata| metadata.world == World::Guardrail.as_str());
        // One may judge a reply and another watch it come in under the same name.
        let taken_by = if guard { &mut self.guards } else { &mut self.types };
        for kind in kinds {
            if let Some(&taken) = taken_by.get(&kind) {
                let first = &self.entries[taken];
                return Err(LibraryError::TypeTaken {
                    kind,
                    first: first.name.clone(),
                    first_origin: first.origin.clone(),
                    second: entry.name,
                    second_origin: entry.origin,
                });
            }
            taken_by.insert(kind, at);
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The component for a check type.
    pub fn find(&self, kind: &str) -> Option<&Resolved> {
        self.types.get(kind).map(|&at| &self.entries[at])
    }

    /// The component that watches streams for a check type. That of the standard library says what its own check says, and
    /// nothing of another check of that name.
    pub fn find_guard(&self, kind: &str) -> Option<&Resolved> {
        let guard = self.guards.get(kind).map(|&at| &self.entries[at])?;
        (!guard.lazy || self.find(kind).is_none_or(|check| check.lazy)).then_some(guard)
    }

    /// The component of this name.
    pub fn named(&self, name: &str) -> Option<&Resolved> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// All components.
    pub fn entries(&self) -> &[Resolved] {
        &self.entries
    }

    /// All check types, sorted.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    /// Why no component judges `kind`, with the nearest known name.
    pub fn unknown(&self, kind: &str) -> String {
        match nearest(kind, self.types()) {
            Some(known) => format!("no evaluator offers the check `{kind}`; did you mean `{known}`?"),
            None => format!("no evaluator offers the check `{kind}`; bring one under `evaluators` in the arena file"),
        }
    }
}

/// The known word that a misspelt one is closest to, if it is close.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > WORD {
        return None;
    }
    let (distance, closest) = known.map(|known| (strsim::damerau_levenshtein(known, word), known)).min()?;
    (distance <= SIMILAR && distance < word.len()).then_some(closest)
}

fn names(check: &CheckMetadata) -> Vec<String> {
    std::iter::once(&check.name).chain(&check.aliases).cloned().collect()
}
