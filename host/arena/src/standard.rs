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
    /// May ask judges.
    judge: bool,
}

/// What needs no unpacking.
#[derive(Deserialize)]
struct Known {
    digest: Digest,
    bytes: usize,
    metadata: Option<ComponentMetadata>,
}

macro_rules! embedded {
    ($name:literal, $judge:literal) => {
        Embedded {
            name: $name,
            packed: include_bytes!(concat!(env!("ARENA_COMPONENTS"), "/embedded/", $name, ".wasm.zst")),
            known: include_str!(concat!(env!("ARENA_COMPONENTS"), "/embedded/", $name, ".json")),
            judge: $judge,
        }
    };
}

const LIBRARY: [Embedded; 16] = [
    embedded!("text", false),
    embedded!("stream", false),
    embedded!("json", false),
    embedded!("tools", false),
    embedded!("workflow", false),
    embedded!("budget", false),
    embedded!("media", false),
    embedded!("classifier", false),
    embedded!("judge", true),
    embedded!("rag", true),
    embedded!("safety", true),
    embedded!("template", false),
    embedded!("template-repeated", false),
    embedded!("jinja", false),
    embedded!("go-template", false),
    embedded!("jmespath", false),
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
        grants: Grants { judge: embedded.judge },
        limits: None,
        origin: "standard library".to_owned(),
        lazy: true,
    }
}

/// Grants of the standard component of this name; none for any other name.
pub fn grants(name: &str) -> Option<Grants> {
    LIBRARY.iter().find(|known| known.name == name).map(|known| Grants { judge: known.judge })
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
