//! Who may depend on whom: the one table.

use super::Breach;
use super::facts::{Dependency, Package};

/// What a crate may name among our own crates.
enum May {
    /// These and no other.
    Only(&'static [&'static str]),
    /// Any.
    All,
}

/// Our crates and what each may depend on. A crate of `host/` without a row is a breach, so that adding one means
/// deciding where it stands. Dev-dependencies are free: tests may look at neighbours.
const DIRECTION: &[(&str, May)] = &[
    ("arena-model", May::Only(&[])),
    ("arena-bundle", May::Only(&["arena-model", "arena-gate"])),
    ("arena-dataset", May::Only(&["arena-model"])),
    ("arena-source", May::Only(&["arena-model", "arena-bundle"])),
    ("arena-artifact", May::Only(&["arena-model", "arena-bundle"])),
    ("arena-plan", May::Only(&["arena-model", "arena-bundle"])),
    ("arena-queue", May::Only(&["arena-model"])),
    ("arena-provider", May::Only(&["arena-model"])),
    ("arena-egress", May::Only(&["arena-model"])),
    ("arena-sandbox", May::Only(&["arena-model"])),
    ("arena-evaluate", May::Only(&["arena-model", "arena-bundle", "arena-provider", "arena-sandbox", "arena-egress"])),
    ("arena-statistics", May::Only(&[])),
    ("arena-gate", May::Only(&["arena-model"])),
    ("arena-results", May::Only(&["arena-model", "arena-statistics", "arena-gate"])),
    (
        "arena-worker",
        May::Only(&[
            "arena-model",
            "arena-queue",
            "arena-artifact",
            "arena-plan",
            "arena-bundle",
            "arena-dataset",
            "arena-evaluate",
            "arena-results",
            "arena-gate",
        ]),
    ),
    ("arena-crd", May::Only(&["arena-model"])),
    (
        "arena-operator",
        May::Only(&[
            "arena-model",
            "arena-bundle",
            "arena-crd",
            "arena-source",
            "arena-artifact",
            "arena-plan",
            "arena-queue",
        ]),
    ),
    ("arena-componentize", May::Only(&[])),
    ("xtask", May::Only(&["arena-componentize", "arena-model"])),
    ("arena", May::All),
];

/// Crates of others that only some of ours may name, by exact name or by prefix with a star.
const CAGES: &[(&str, &[&str])] = &[
    ("wasmtime*", &["arena-sandbox"]),
    ("redis", &["arena-queue"]),
    ("git2", &["arena-source"]),
    ("oci-client", &["arena-source", "arena"]),
    ("reqwest", &["arena-provider", "arena-artifact", "arena-source", "arena-egress"]),
    ("kube-core", &["arena-crd", "arena-operator", "arena"]),
    ("kube-derive", &["arena-crd"]),
    ("kube*", &["arena-operator", "arena"]),
    ("k8s-openapi", &["arena-crd", "arena-operator", "arena"]),
];

/// The cage that holds for the crates of `tests/` too: there is one way to run a component.
const STRICT_CAGE: &str = "wasmtime*";

/// Folder of the crates that test the others from outside; they may name any of ours.
const TESTS: &str = "tests/";

/// Each of the host's crates depends only on those of ours that the table allows it.
pub fn direction(host: &[Package]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (package, folder) in ours(host).filter(|(_, folder)| !folder.starts_with(TESTS)) {
        let Some((_, may)) = DIRECTION.iter().find(|(name, _)| *name == package.name) else {
            let message = "has no row in the table of xtask's lint/dependencies.rs: say what it may depend on";
            breaches.push(Breach::new(format!("{} ({folder})", package.name), message));
            continue;
        };
        let May::Only(allowed) = may else { continue };
        let forbidden = |dependency: &&Dependency| {
            dependency.folder.is_some() && !dependency.dev && !allowed.contains(&dependency.name.as_str())
        };
        for dependency in package.dependencies.iter().filter(forbidden) {
            let allowed = if allowed.is_empty() { "none of our crates".to_owned() } else { allowed.join(", ") };
            let message = format!("depends on {}; it may depend on {allowed}", dependency.name);
            breaches.push(Breach::new(package.name.clone(), message));
        }
    }
    breaches
}

/// Caged crates are named only by their keepers, in tests too.
pub fn cages(packages: &[Package]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (package, folder) in ours(packages) {
        for dependency in &package.dependencies {
            // The first cage that fits counts, so an exact name before its prefix is an exception to it.
            let Some((caged, keepers)) = CAGES.iter().find(|(caged, _)| fits(caged, &dependency.name)) else {
                continue;
            };
            let free = folder.starts_with(TESTS) && *caged != STRICT_CAGE;
            if !free && !keepers.contains(&package.name.as_str()) {
                let message = format!("names {}; only {} may", dependency.name, keepers.join(", "));
                breaches.push(Breach::new(package.name.clone(), message));
            }
        }
    }
    breaches
}

/// Guests and their SDK reach nothing outside the folders that authors get.
pub fn guests(guests: &[Package]) -> Vec<Breach> {
    const OWN: [&str; 2] = ["guest-sdk/rust", "evaluators"];
    let outside =
        |folder: &&String| !OWN.iter().any(|own| folder.as_str() == *own || folder.starts_with(&format!("{own}/")));
    let mut breaches = Vec::new();
    for (package, _) in ours(guests) {
        for folder in package.dependencies.iter().filter_map(|dependency| dependency.folder.as_ref()).filter(outside) {
            let message = format!("depends on {folder}; guests see the contract in wit/ and nothing of the host");
            breaches.push(Breach::new(package.name.clone(), message));
        }
    }
    breaches
}

fn ours(packages: &[Package]) -> impl Iterator<Item = (&Package, &str)> {
    packages.iter().filter_map(|package| Some((package, package.folder.as_deref()?)))
}

fn fits(caged: &str, name: &str) -> bool {
    caged.strip_suffix('*').map_or(caged == name, |prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, folder: &str, dependencies: Vec<Dependency>) -> Package {
        Package { name: name.to_owned(), folder: Some(folder.to_owned()), dependencies, ..Package::default() }
    }

    fn own(name: &str) -> Dependency {
        let folder = Some(format!("host/{}", name.trim_start_matches("arena-")));
        Dependency { name: name.to_owned(), dev: false, folder }
    }

    fn foreign(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), ..Dependency::default() }
    }

    /// Checks that every (crate, dependency) breaks the rule once, and that the message names the dependency.
    fn broken(rule: fn(&[Package]) -> Vec<Breach>, planted: &[(&str, Dependency)]) {
        for (name, dependency) in planted {
            let folder = format!("host/{}", name.trim_start_matches("arena-"));
            let breaches = rule(&[package(name, &folder, vec![dependency.clone()])]);
            assert_eq!(breaches.len(), 1, "{name} -> {}: {breaches:?}", dependency.name);
            assert!(breaches[0].message.contains(&dependency.name), "{breaches:?}");
        }
    }

    #[test]
    fn every_row_refuses_what_it_does_not_list() {
        for (name, may) in DIRECTION {
            match may {
                May::Only(_) => broken(direction, &[(name, own("arena"))]),
                May::All => assert!(direction(&[package(name, "host/arena", vec![own("arena-worker")])]).is_empty()),
            }
        }
    }

    #[test]
    fn the_design_s_own_examples_are_breaches() {
        broken(
            direction,
            &[
                ("arena-model", own("arena-bundle")),
                ("arena-plan", own("arena-queue")),
                ("arena-sandbox", own("arena-provider")),
                ("arena-results", own("arena-artifact")),
                ("arena-worker", own("arena-crd")),
                ("arena-operator", own("arena-sandbox")),
                ("arena-operator", own("arena-results")),
                ("arena-operator", own("arena-provider")),
            ],
        );
    }

    #[test]
    fn a_crate_without_a_row_is_a_breach() {
        assert_eq!(direction(&[package("arena-novel", "host/novel", vec![])]).len(), 1);
    }

    #[test]
    fn what_is_listed_dev_or_in_tests_is_fine() {
        let dev = Dependency { dev: true, ..own("arena-queue") };
        let fine = [
            package("arena-plan", "host/plan", vec![own("arena-model"), own("arena-bundle"), dev, foreign("serde")]),
            package("arena-harness", "tests/harness", vec![own("arena-sandbox"), own("arena-worker")]),
        ];
        assert_eq!(direction(&fine), []);
    }

    #[test]
    fn every_cage_holds() {
        for (caged, _) in CAGES {
            broken(cages, &[("arena-model", foreign(caged.trim_end_matches('*')))]);
        }
        broken(
            cages,
            &[
                ("arena-evaluate", foreign("wasmtime-wasi")),
                ("arena-worker", foreign("kube")),
                ("arena-crd", foreign("kube")),
                ("arena-queue", Dependency { dev: true, ..foreign("reqwest") }),
            ],
        );
    }

    #[test]
    fn keepers_and_tests_may() {
        let fine = [
            package("arena-sandbox", "host/sandbox", vec![foreign("wasmtime"), foreign("wasmtime-wasi")]),
            package("arena-crd", "crd", vec![foreign("kube-core")]),
            package("arena-harness", "tests/harness", vec![foreign("reqwest"), foreign("kube")]),
        ];
        assert_eq!(cages(&fine), []);
        assert_eq!(cages(&[package("arena-harness", "tests/harness", vec![foreign("wasmtime")])]).len(), 1);
    }

    #[test]
    fn a_guest_that_reaches_out_is_a_breach() {
        let at = |folder: &str| Dependency { folder: Some(folder.to_owned()), ..foreign("near") };
        let text = |folder| package("arena-evaluator-text", "evaluators/text", vec![at(folder)]);
        assert_eq!(guests(&[text("guest-sdk/rust/macros"), text("guest-sdk/rust"), text("evaluators/shapes")]), []);
        for folder in ["host/model", "guest-sdk/componentize", "evaluators-old", "/elsewhere"] {
            assert_eq!(guests(&[text(folder)]).len(), 1, "{folder}");
        }
    }
}
