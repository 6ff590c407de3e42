//! Names: crates after their folder, folders and modules after what is in them.

use super::Breach;
use super::facts::{Package, Source};

/// Names that say nothing of what is inside.
const SAY_NOTHING: [&str; 6] = ["util", "utils", "common", "helper", "helpers", "misc"];

/// Folders whose crates are called after the folder, with this prefix.
const PREFIXES: [(&str, &str); 4] = [
    ("host/", "arena-"),
    ("tests/", "arena-"),
    ("evaluators/hostile/", "arena-hostile-"),
    ("evaluators/", "arena-evaluator-"),
];

/// Crates whose names are commands.
const COMMANDS: [&str; 2] = ["arena", "xtask"];

/// A crate is called after its folder. One inside another crate's folder is that crate's own affair.
pub fn crates(packages: &[Package]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for package in packages {
        let Some(folder) = package.folder.as_deref() else { continue };
        let Some((prefix, rest)) = PREFIXES.iter().find_map(|(at, prefix)| Some((prefix, folder.strip_prefix(at)?)))
        else {
            continue;
        };
        if rest.contains('/') {
            continue;
        }
        let expected = format!("{prefix}{rest}");
        let command = COMMANDS.contains(&package.name.as_str()) && package.name == rest;
        if package.name != expected && !command {
            breaches.push(Breach::new(folder, format!("the crate is called {}, not {expected}", package.name)));
        }
    }
    breaches
}

/// No folder, file or module has a name that says nothing.
pub fn modules(sources: &[Source]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in sources {
        for part in source.path.split('/') {
            let stem = part.split('.').next().unwrap_or(part);
            if SAY_NOTHING.contains(&stem) {
                let message = format!("{part:?} says nothing of what is inside; name it after what it holds");
                breaches.push(Breach::new(&source.path, message));
            }
        }
        if source.path.ends_with(".rs") {
            for (index, name) in source.text.lines().enumerate().filter_map(|(i, line)| Some((i, module(line)?))) {
                if SAY_NOTHING.contains(&name) {
                    let message =
                        format!("module {name:?} says nothing of what is inside; name it after what it holds");
                    breaches.push(Breach::new(format!("{}:{}", source.path, index + 1), message));
                }
            }
        }
    }
    breaches
}

/// The name of the module that a line declares.
fn module(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let (visibility, rest) = line.split_once("mod ")?;
    let declares = visibility.is_empty() || visibility.starts_with("pub");
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    declares.then(|| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, folder: &str) -> Package {
        Package { name: name.to_owned(), folder: Some(folder.to_owned()), ..Package::default() }
    }

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_crate_called_otherwise_is_a_breach() {
        let fine = [
            package("arena-plan", "host/plan"),
            package("arena", "host/arena"),
            package("xtask", "host/xtask"),
            package("arena-bars", "tests/bars"),
            package("arena-evaluator-text", "evaluators/text"),
            package("arena-guest", "guest-sdk/rust"),
            package("arena-crd", "crd"),
            package("getrandom", "evaluators/json/getrandom"),
        ];
        assert_eq!(crates(&fine), []);
        for planted in [
            package("plan", "host/plan"),
            package("arena-planner", "host/plan"),
            package("arena", "host/plan"),
            package("bars", "tests/bars"),
            package("text", "evaluators/text"),
            package("arena-evaluator-spin", "evaluators/hostile/spin"),
        ] {
            assert_eq!(crates(std::slice::from_ref(&planted)).len(), 1, "{planted:?}");
        }
    }

    #[test]
    fn names_that_say_nothing_are_breaches() {
        let planted = [
            source("host/plan/src/util.rs", ""),
            source("host/common/src/lib.rs", ""),
            source("tests/helpers/mod.rs", ""),
            source("guest-sdk/python/misc.py", ""),
            source("host/plan/src/lib.rs", "    pub(crate) mod utils {"),
            source("host/plan/src/lib.rs", "mod common;"),
        ];
        for planted in planted {
            assert_eq!(modules(std::slice::from_ref(&planted)).len(), 1, "{planted:?}");
        }
        let fine = [
            source("docs/concepts/common-mistakes.md", ""),
            source("host/plan/src/lib.rs", "mod utilisation;\n// the mod common to all\nlet modern = 1;"),
        ];
        assert_eq!(modules(&fine), []);
    }
}
