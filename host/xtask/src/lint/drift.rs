//! Copies of files, and files made from others, equal what they come from.

use super::Breach;
use super::facts::Source;

/// Original and copy. Guests carry the contract with them, so that authors need no checkout of the host.
pub const COPIES: &[(&str, &str)] = &[("wit/arena-evaluator.wit", "guest-sdk/rust/wit/arena-evaluator.wit")];

/// Each copy has the bytes of its original.
pub fn copies(sources: &[Source], pairs: &[(&str, &str)]) -> Vec<Breach> {
    let text = |path: &str| sources.iter().find(|source| source.path == path).map(|source| &source.text);
    let mut breaches = Vec::new();
    for (original, copy) in pairs {
        let message = match (text(original), text(copy)) {
            (None, _) => format!("its original {original} is not in the tree"),
            (Some(_), None) => format!("is not in the tree; cp {original} {copy}"),
            (Some(there), Some(here)) if there != here => format!("differs from {original}; cp {original} {copy}"),
            _ => continue,
        };
        breaches.push(Breach::new(*copy, message));
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_differs_or_is_missing_is_a_breach() {
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let pairs = [("wit/a.wit", "sdk/a.wit")];
        assert_eq!(copies(&[source("wit/a.wit", "x"), source("sdk/a.wit", "x")], &pairs), []);
        for tree in [
            vec![source("wit/a.wit", "x"), source("sdk/a.wit", "y")],
            vec![source("wit/a.wit", "x")],
            vec![source("sdk/a.wit", "x")],
        ] {
            assert_eq!(copies(&tree, &pairs).len(), 1, "{tree:?}");
        }
    }
}
