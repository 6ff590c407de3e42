//! Reads a component without running it: validity, size, imports, exports and the metadata section.

use arena_model::{ComponentMetadata, METADATA_SECTION};
use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload, Validator, WasmFeatures};

use crate::{LoadError, wasi};

/// The package and version this host speaks.
const PACKAGE: &str = "arena:evaluator/";
const VERSION: &str = "@0.1.0";
/// Limits that protect the compiler, which wasmtime does not bound by itself.
const COMPONENT_BYTES: u64 = 64 << 20;
const FUNCTIONS: u64 = 100_000;
const MODULES: u64 = 64;
const METADATA_BYTES: u64 = 1 << 20;

/// What a component is for. A component that exports several worlds' interfaces serves the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Scores conversations.
    Evaluator,
    /// Watches a stream.
    Guardrail,
    /// Renders prompts.
    Template,
}

impl World {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Evaluator, "checks"), (Self::Guardrail, "stream-guard"), (Self::Template, "templating")];

    /// The word in metadata and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evaluator => "evaluator",
            Self::Guardrail => "guardrail",
            Self::Template => "template",
        }
    }
}

/// What was read.
pub(crate) struct Inspected {
    pub(crate) world: World,
    pub(crate) imports: Vec<String>,
    /// The section's bytes; none if the component has no such section (`describe` is asked then).
    pub(crate) metadata: Option<String>,
}

impl Inspected {
    pub(crate) fn wants_wasi(&self) -> bool {
        self.imports.iter().any(|import| wasi::offers(import))
    }

    /// Whether it imports this interface of the contract.
    pub(crate) fn wants(&self, interface: &str) -> bool {
        self.imports.iter().any(|import| *import == format!("{PACKAGE}{interface}{VERSION}"))
    }
}

/// Validates `bytes` and reads what a host must know before it compiles them.
pub(crate) fn inspect(name: &str, bytes: &[u8]) -> Result<Inspected, LoadError> {
    let named = || name.to_owned();
    let too_large = |what, found: u64, limit| LoadError::ComponentTooLarge { name: named(), what, found, limit };
    // The parser lists the bytes it wanted one a line.
    let invalid = |error: wasmparser::BinaryReaderError| LoadError::InvalidWasm {
        name: named(),
        detail: error.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
    };
    if bytes.len() as u64 > COMPONENT_BYTES {
        return Err(too_large("bytes", bytes.len() as u64, COMPONENT_BYTES));
    }

    let (mut imports, mut exports, mut metadata) = (Vec::new(), Vec::new(), None);
    let (mut depth, mut functions, mut modules) = (0_u32, 0_u64, 0_u64);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(LoadError::NotAComponent { name: named() });
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                depth += 1;
                modules += 1;
                if modules > MODULES {
                    return Err(too_large("modules", modules, MODULES));
                }
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::FunctionSection(section) => {
                functions += u64::from(section.count());
                if functions > FUNCTIONS {
                    return Err(too_large("functions", functions, FUNCTIONS));
                }
            }
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(invalid)?;
                    if export.kind == ComponentExternalKind::Instance {
                        exports.push(export.name.name.to_owned());
                    }
                }
            }
            // On the component's own level: what a nested component says of itself is not about this one.
            Payload::CustomSection(section) if depth == 0 && section.name() == METADATA_SECTION => {
                if metadata.is_some() {
                    let detail = format!("it has two sections `{METADATA_SECTION}`; build it again");
                    return Err(LoadError::MetadataInvalid { name: named(), detail });
                }
                let data = section.data();
                if data.len() as u64 > METADATA_BYTES {
                    return Err(too_large("bytes of metadata", data.len() as u64, METADATA_BYTES));
                }
                let text = std::str::from_utf8(data)
                    .map_err(|error| LoadError::MetadataInvalid { name: named(), detail: error.to_string() })?;
                metadata = Some(text.to_owned());
            }
            _ => {}
        }
    }
    Validator::new_with_features(WasmFeatures::default()).validate_all(bytes).map_err(invalid)?;

    let world =
        World::ALL.into_iter().find(|(_, interface)| exports.contains(&format!("{PACKAGE}{interface}{VERSION}")));
    let Some((world, _)) = world else {
        let found = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
        let detail =
            format!("it exports {found}; expected one of arena:evaluator/{{checks,stream-guard,templating}}{VERSION}");
        return Err(LoadError::ContractMismatch { name: named(), detail });
    };
    Ok(Inspected { world, imports, metadata })
}

/// The metadata section of bytes that may otherwise be broken: good enough to tell which checks a component that
/// cannot be loaded would have offered. None if there is no readable section.
pub fn read_metadata(bytes: &[u8]) -> Option<ComponentMetadata> {
    if bytes.len() as u64 > COMPONENT_BYTES {
        return None;
    }
    Parser::new(0).parse_all(bytes).map_while(Result::ok).find_map(|payload| match payload {
        Payload::CustomSection(section)
            if section.name() == METADATA_SECTION && section.data().len() as u64 <= METADATA_BYTES =>
        {
            serde_json::from_slice(section.data()).ok()
        }
        _ => None,
    })
}

/// Parses and checks a metadata document.
pub(crate) fn metadata(name: &str, world: World, text: &str) -> Result<ComponentMetadata, LoadError> {
    let wrong = |detail: String| LoadError::MetadataInvalid { name: name.to_owned(), detail };
    let metadata: ComponentMetadata = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if metadata.world != world.as_str() {
        return Err(wrong(format!("it says world `{}` but exports {}", metadata.world, world.as_str())));
    }
    if world != World::Template && metadata.checks.is_empty() {
        return Err(wrong("it offers no checks".to_owned()));
    }
    let mut names: Vec<&str> = metadata
        .checks
        .iter()
        .flat_map(|c| std::iter::once(c.name.as_str()).chain(c.aliases.iter().map(String::as_str)))
        .collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(wrong(format!("it offers `{}` twice", pair[0])));
    }
    if names.iter().any(|name| name.is_empty()) {
        return Err(wrong("it offers a check without a name".to_owned()));
    }
    Ok(metadata)
}
