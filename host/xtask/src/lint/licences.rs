//! Licences, bans and sources of what is linked, by `deny.toml`: what cargo-deny checks, without installing it.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use super::facts::Package;
use super::{Breach, read};

/// The part of `deny.toml` that is checked here.
#[derive(Debug, Deserialize)]
pub struct Policy {
    /// Where the binary and the guests run.
    pub graph: Graph,
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
pub struct Graph {
    /// Target triples.
    pub targets: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
    allow_git: Vec<String>,
}

impl Policy {
    /// Reads the file; what it does not say is an error, not a permission.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&read(path)?).with_context(|| format!("{} is not as we know it", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let policy: Self = toml::from_str(text)?;
        for name in &policy.licenses.allow {
            Licensee::parse(name).with_context(|| format!("licenses.allow: {name:?} is no SPDX licence"))?;
        }
        Ok(policy)
    }
}

/// Each package is under a licence that the policy allows.
pub fn allowed(packages: &[Package], policy: &Policy) -> Vec<Breach> {
    let allow: Vec<_> = policy.licenses.allow.iter().filter_map(|name| Licensee::parse(name).ok()).collect();
    let mut breaches = Vec::new();
    for package in packages {
        let message = match package.licence.as_deref().map(|text| (text, Expression::parse_mode(text, ParseMode::LAX)))
        {
            None => "names no licence".to_owned(),
            Some((text, Err(_))) => format!("{text:?} is no SPDX expression"),
            Some((_, Ok(it))) if it.evaluate(|need| allow.iter().any(|one| one.satisfies(need))) => continue,
            Some((text, Ok(_))) => format!("{text} is not allowed by licenses.allow of deny.toml"),
        };
        breaches.push(Breach::new(place(package), message));
    }
    breaches
}

/// No package is banned; among them every rustls crypto provider but the one we install.
pub fn bans(packages: &[Package], policy: &Policy) -> Vec<Breach> {
    let ban = |package: &Package| policy.bans.deny.iter().find(|ban| ban.name == package.name);
    packages.iter().filter_map(|package| Some(Breach::new(place(package), &ban(package)?.reason))).collect()
}

/// Each package comes from this tree or from a source that the policy allows.
pub fn registries(packages: &[Package], policy: &Policy) -> Vec<Breach> {
    let known = |source: &str| {
        let registry = source.strip_prefix("registry+").or(source.strip_prefix("sparse+"));
        let git = source.strip_prefix("git+").and_then(|url| url.split(['?', '#']).next());
        registry.is_some_and(|url| policy.sources.allow_registry.iter().any(|allowed| allowed == url))
            || git.is_some_and(|url| policy.sources.allow_git.iter().any(|allowed| allowed == url))
    };
    let unknown = |package: &&Package| package.source.as_deref().is_some_and(|source| !known(source));
    (packages.iter().filter(unknown))
        .map(|package| {
            let source = package.source.as_deref().unwrap_or_default();
            Breach::new(place(package), format!("comes from {source}, which [sources] of deny.toml does not allow"))
        })
        .collect()
}

fn place(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

    /// The policy of this checkout.
    fn policy() -> Policy {
        Policy::parse(include_str!("../../../../deny.toml")).unwrap()
    }

    fn package(name: &str, licence: Option<&str>, source: &str) -> Package {
        let (licence, source) = (licence.map(str::to_owned), Some(source.to_owned()));
        Package { name: name.to_owned(), version: "1.0.0".to_owned(), licence, source, ..Package::default() }
    }

    #[test]
    fn licences_outside_the_list_are_breaches() {
        let check = |licence| allowed(&[package("x", licence, CRATES_IO)], &policy());
        for fine in
            ["MIT", "MIT/Apache-2.0", "Apache-2.0 WITH LLVM-exception", "GPL-3.0-only OR MIT", "MIT AND BSD-3-Clause"]
        {
            assert_eq!(check(Some(fine)), [], "{fine}");
        }
        for planted in
            [None, Some("GPL-3.0-only"), Some("MIT AND AGPL-3.0-only"), Some("Proprietary, ask us"), Some("")]
        {
            assert_eq!(check(planted).len(), 1, "{planted:?}");
        }
    }

    #[test]
    fn a_second_crypto_provider_is_a_breach() {
        let check = |name| bans(&[package(name, Some("MIT"), CRATES_IO)], &policy());
        assert_eq!(check("ring"), []);
        for planted in ["aws-lc-rs", "aws-lc-sys", "rustls-graviola"] {
            assert!(check(planted)[0].message.contains("crypto provider"), "{planted}");
        }
    }

    #[test]
    fn an_unknown_registry_or_repository_is_a_breach() {
        let check = |source| registries(&[package("x", Some("MIT"), source)], &policy());
        assert_eq!(check(CRATES_IO), []);
        for planted in ["registry+https://example.com/index", "git+https://example.com/x.git?branch=main#abc", "odd"] {
            assert_eq!(check(planted).len(), 1, "{planted}");
        }
    }

    #[test]
    fn a_policy_that_leaves_something_out_is_refused() {
        let text = include_str!("../../../../deny.toml");
        for (part, without) in [("allow = [", "allowed = ["), ("deny = [", "denied = ["), ("\"MIT\"", "\"Mitt\"")] {
            assert!(Policy::parse(&text.replacen(part, without, 1)).is_err(), "{without}");
        }
    }
}
