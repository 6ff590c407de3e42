//! The standard library of components, embedded in the program.

use std::sync::Arc;

use arena_evaluate::ComponentSource;
use arena_sandbox::Grants;

macro_rules! embedded {
    ($name:literal, $judge:literal) => {
        ($name, include_bytes!(concat!(env!("ARENA_COMPONENTS"), "/", $name, ".wasm")), $judge)
    };
}

/// Name, bytes, and whether it may ask judges.
const LIBRARY: [(&str, &[u8], bool); 14] = [
    embedded!("text", false),
    embedded!("stream", false),
    embedded!("json", false),
    embedded!("tools", false),
    embedded!("workflow", false),
    embedded!("budget", false),
    embedded!("media", false),
    embedded!("judge", true),
    embedded!("rag", true),
    embedded!("safety", true),
    embedded!("template", false),
    embedded!("jinja", false),
    embedded!("go-template", false),
    embedded!("jmespath", false),
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
