//! The standard library of components, embedded in the program.

use std::sync::Arc;

use arena_evaluate::ComponentSource;
use arena_sandbox::Grants;

/// Name, bytes, and whether it may ask judges.
const LIBRARY: [(&str, &[u8], bool); 4] = [
    ("text", include_bytes!(concat!(env!("ARENA_COMPONENTS"), "/text.wasm")), false),
    ("json", include_bytes!(concat!(env!("ARENA_COMPONENTS"), "/json.wasm")), false),
    ("judge", include_bytes!(concat!(env!("ARENA_COMPONENTS"), "/judge.wasm")), true),
    ("template", include_bytes!(concat!(env!("ARENA_COMPONENTS"), "/template.wasm")), false),
];

/// All of it, in a fixed order.
pub fn library() -> Vec<ComponentSource> {
    let source = |(name, bytes, judge): (&str, &[u8], bool)| ComponentSource {
        name: name.to_owned(),
        bytes: Arc::from(bytes),
        grants: Grants { judge },
        limits: None,
        origin: "standard library".to_owned(),
        lazy: true,
    };
    LIBRARY.into_iter().map(source).collect()
}

/// Grants of the standard component of this name; none for any other name.
pub fn grants(name: &str) -> Option<Grants> {
    LIBRARY.iter().find(|(known, ..)| *known == name).map(|(_, _, judge)| Grants { judge: *judge })
}
