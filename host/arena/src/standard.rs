//! The standard library of components, embedded in the program.

use std::sync::OnceLock;

use arena_evaluate::{ComponentBytes, ComponentSource};
use arena_model::{ComponentMetadata, Digest};
use arena_sandbox::Grants;
use serde::Deserialize;

/// One of them, as `./x build` leaves it.
struct Embedded {
    name: &'static str,
    /// Compressed by zstd.
    packed: &'static [u8],
    /// A [`Known`].
    known: &'static str,
    /// Whom it may ask.
    grants: Grants,
}

/// What needs no unpacking.
#[derive(Deserialize)]
struct Known {
    digest: Digest,
    bytes: usize,
    metadata: Option<ComponentMetadata>,
}

macro_rules! embedded {
    ($name:literal, $grants:expr) => {
        Embedded {
            name: $name,
            packed: include_bytes!(concat!(env!("ARENA_COMPONENTS"), "/embedded/", $name, ".wasm.zst")),
            known: include_str!(concat!(env!("ARENA_COMPONENTS"), "/embedded/", $name, ".json")),
            grants: $grants,
        }
    };
}

const NOBODY: Grants = Grants { judge: false, embed: false };
const JUDGES: Grants = Grants { judge: true, embed: false };
const EMBEDDERS: Grants = Grants { judge: false, embed: true };

const LIBRARY: [Embedded; 16] = [
    embedded!("text", EMBEDDERS),
    embedded!("stream", NOBODY),
    embedded!("json", NOBODY),
    embedded!("tools", NOBODY),
    embedded!("workflow", NOBODY),
    embedded!("budget", NOBODY),
    embedded!("media", NOBODY),
    embedded!("classifier", NOBODY),
    embedded!("judge", JUDGES),
    embedded!("rag", JUDGES),
    embedded!("safety", JUDGES),
    embedded!("template", NOBODY),
    embedded!("template-repeated", NOBODY),
    embedded!("jinja", NOBODY),
    embedded!("go-template", NOBODY),
    embedded!("jmespath", NOBODY),
];

/// All of it, in a fixed order.
pub fn library() -> Vec<ComponentSource> {
    static KNOWN: OnceLock<Vec<ComponentSource>> = OnceLock::new();
    KNOWN.get_or_init(|| LIBRARY.iter().map(source).collect()).clone()
}

#[expect(clippy::expect_used, reason = "the build wrote it, and a test reads each")]
fn source(embedded: &Embedded) -> ComponentSource {
    let known: Known = serde_json::from_str(embedded.known).expect("what a component is");
    ComponentSource {
        name: embedded.name.to_owned(),
        bytes: ComponentBytes::Packed { zstd: embedded.packed, size: known.bytes },
        digest: known.digest,
        metadata: known.metadata,
        grants: embedded.grants,
        limits: None,
        origin: "standard library".to_owned(),
        lazy: true,
    }
}

/// Grants of the standard component of this name; none for any other name.
pub fn grants(name: &str) -> Option<Grants> {
    LIBRARY.iter().find(|known| known.name == name).map(|known| known.grants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_component_is_what_its_bytes_say() {
        for known in library() {
            let bytes = known.bytes.read().unwrap();
            let read = ComponentSource::new(&known.name, bytes.to_vec(), known.grants, &known.origin);
            assert_eq!((&read.digest, &read.metadata), (&known.digest, &known.metadata), "{}", known.name);
            assert_eq!(read.limits(), known.limits(), "{}", known.name);
            assert!(known.metadata.is_some(), "{}", known.name);
        }
    }
}
