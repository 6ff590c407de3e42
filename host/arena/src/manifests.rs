//! The YAML of a cluster on a laptop: one ArenaConfig and the Providers it names, as `kubectl apply` takes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arena_crd::{
    ArenaConfig, ArenaConfigSpec, GROUP, GateSpec, GoDuration, Provider, ProviderEntry, VERSION, definition, refusal,
    run_spec,
};
use arena_model::{Endpoint, RunSpec};
use kube_core::CustomResourceExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exit::Failure;
use crate::files::{self, FILE_BYTES};

/// Kinds that say where a bundle comes from or when it runs, which a laptop is told by its command line.
const PASSED_OVER: [&str; 2] = ["ArenaSource", "ArenaJob"];

/// Seconds.
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// What the files say.
#[derive(Debug)]
pub struct Manifests {
    /// What the config changes about its bundle.
    pub run: RunSpec,
    /// Where each bound provider is called; its key comes from a variable.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// What must hold for the run to pass.
    pub gates: Vec<GateSpec>,
    /// Cases at once.
    pub concurrency: u32,
}

/// Reads the objects of all files.
///
/// Errors: `ManifestInvalid`, `ConfigNotFound`, `ConfigTwice`, `ProviderNotFound`, and those of unreadable files.
pub fn read(files: &[PathBuf]) -> Result<Manifests, Failure> {
    let mut wrong = Vec::new();
    let found = objects(files, &mut wrong);
    match wrong.into_iter().next() {
        Some((_, failure)) => Err(failure),
        None => bound(&found),
    }
}

/// The same with everything that is wrong, and the file it stands in. What the objects make together is only looked at
/// when each of them is right.
pub fn check(files: &[PathBuf]) -> Result<Manifests, Vec<(PathBuf, Failure)>> {
    let mut wrong = Vec::new();
    let found = objects(files, &mut wrong);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let first = files.first().cloned().unwrap_or_default();
    bound(&found).map_err(|failure| vec![(first, failure)])
}

/// What stands in files.
#[derive(Default)]
struct Objects {
    configs: Vec<ArenaConfig>,
    providers: BTreeMap<String, Provider>,
}

fn objects(files: &[PathBuf], wrong: &mut Vec<(PathBuf, Failure)>) -> Objects {
    let mut objects = Objects::default();
    for file in files {
        let documents = documents(file).unwrap_or_else(|failure| {
            wrong.push((file.clone(), failure));
            Vec::new()
        });
        for document in documents {
            if let Err(failure) = objects.add(file, &document) {
                wrong.push((file.clone(), failure));
            }
        }
    }
    objects
}

impl Objects {
    fn add(&mut self, file: &Path, document: &Value) -> Result<(), Failure> {
        let kind = document["kind"].as_str().unwrap_or_default();
        let api = document["apiVersion"].as_str().unwrap_or_default();
        if api != format!("{GROUP}/{VERSION}") {
            let text = format!("apiVersion {api:?}: only {GROUP}/{VERSION} is read here");
            return Err(invalid(file, kind, &text));
        }
        match kind {
            "ArenaConfig" => {
                let config: ArenaConfig = object(file, kind, document)?;
                durations(file, kind, &[("spec.timeout", Some(&config.spec.timeout), 1, DAY)])?;
                self.configs.push(config);
            }
            "Provider" => {
                let provider: Provider = object(file, kind, document)?;
                let defaults = provider.spec.defaults.clone().unwrap_or_default();
                let times = [
                    ("spec.defaults.requestTimeout", defaults.request_timeout.as_ref(), 1, HOUR),
                    ("spec.defaults.streamIdleTimeout", defaults.stream_idle_timeout.as_ref(), 1, HOUR / 6),
                ];
                durations(file, kind, &times)?;
                let name = provider.metadata.name.clone().unwrap_or_default();
                if self.providers.insert(name.clone(), provider).is_some() {
                    return Err(invalid(file, kind, &format!("Provider {name:?} stands in these files twice")));
                }
            }
            other if PASSED_OVER.contains(&other) => {}
            other => {
                return Err(invalid(file, other, "it is none of ArenaConfig, Provider, ArenaSource, ArenaJob"));
            }
        }
        Ok(())
    }
}

/// The run that one ArenaConfig and its Providers make.
fn bound(Objects { configs, providers }: &Objects) -> Result<Manifests, Failure> {
    let config = match configs.as_slice() {
        [config] if config.spec.provider_ref.is_some() && config.spec.providers.is_some() => {
            let text = "the ArenaConfig has both providerRef and providers";
            return Err(Failure::input("ManifestInvalid", text).hint("keep providers alone"));
        }
        [] => return Err(Failure::input("ConfigNotFound", "no ArenaConfig stands in the files of -f").hint(NEEDED)),
        [config] => &config.spec,
        _ => return Err(Failure::input("ConfigTwice", "more than one ArenaConfig stands in the files").hint(NEEDED)),
    };
    bind(config, providers)
}

const NEEDED: &str = "give exactly one, and every Provider that it names: -f config.yaml -f provider.yaml";

fn bind(config: &ArenaConfigSpec, providers: &BTreeMap<String, Provider>) -> Result<Manifests, Failure> {
    let mut bound = Vec::new();
    for entry in config.provider_entries() {
        let Some(provider) = providers.get(entry.object()) else {
            let text =
                format!("the ArenaConfig names the Provider {:?}, which stands in none of the files", entry.object());
            return Err(Failure::input("ProviderNotFound", text).hint(NEEDED));
        };
        if bound.iter().any(|(other, _): &(ProviderEntry, Provider)| other.name == entry.name) {
            let text = format!("the ArenaConfig has two providers of the name {:?}", entry.name);
            return Err(Failure::input("ManifestInvalid", text).hint("give each entry a name of its own"));
        }
        // The address stands in the run's manifest and reports.
        if provider.spec.base_url.as_deref().is_some_and(|url| url.contains(['@', '?', '#'])) {
            let text = format!("baseURL of the Provider {:?} has a login, a query or a fragment", entry.object());
            return Err(Failure::input("ManifestInvalid", text).hint("keys belong into credential"));
        }
        bound.push((entry, provider.clone()));
    }
    let (run, mut endpoints) = run_spec(config, &bound);
    let mut variables = BTreeMap::new();
    for (entry, _) in &bound {
        if let Some(endpoint) = endpoints.get_mut(&entry.name)
            && endpoint.credential_file.take().is_some()
        {
            let variable = key_variable(entry.object());
            let first = variables.entry(variable.clone()).or_insert_with(|| entry.object());
            if *first != entry.object() {
                let text =
                    format!("the Providers {first:?} and {:?} would both have their key in {variable}", entry.object());
                return Err(Failure::input("ManifestInvalid", text).hint("rename one; each key goes to one host"));
            }
            endpoint.credential_env = Some(variable);
        }
    }
    Ok(Manifests { run, endpoints, gates: config.gates.clone(), concurrency: config.evaluation.concurrency })
}

/// The variable with the key of a Provider: `claude-provider` has its in `ARENA_KEY_CLAUDE_PROVIDER`.
fn key_variable(provider: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("ARENA_KEY_{}", provider.chars().map(letter).collect::<String>())
}

fn invalid(file: &Path, kind: &str, text: &str) -> Failure {
    let hint = "write it as for kubectl apply; `kubectl explain` and docs/reference name every field";
    Failure::input("ManifestInvalid", format!("{}: {kind}: {text}", file.display())).hint(hint)
}

fn documents(file: &Path) -> Result<Vec<Value>, Failure> {
    let bytes = files::read(file, FILE_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|_| invalid(file, "file", "it is not UTF-8"))?;
    // Without the lines around the place: a Secret may stand in the same file.
    let options = serde_saphyr::options! { with_snippet: false };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(&text, options)
        .map_err(|error| invalid(file, "YAML", &error.to_string()))?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// The object of a document, if the schema of its kind allows all of it.
fn object<T: DeserializeOwned + CustomResourceExt>(file: &Path, kind: &str, document: &Value) -> Result<T, Failure> {
    let definition = definition(&T::crd()).map_err(|error| invalid(file, kind, &error.to_string()))?;
    if let Some(why) = refusal(&definition, document) {
        return Err(invalid(file, kind, &why));
    }
    serde_json::from_value(document.clone()).map_err(|error| invalid(file, kind, &error.to_string()))
}

/// What the API server's rules say of durations: each with its shortest and its longest.
fn durations(file: &Path, kind: &str, all: &[(&str, Option<&GoDuration>, u64, u64)]) -> Result<(), Failure> {
    for (field, duration, least, most) in all {
        let range = Duration::from_secs(*least)..=Duration::from_secs(*most);
        if let Some(duration) = duration.filter(|duration| !range.contains(&duration.get())) {
            return Err(invalid(file, kind, &format!("{field} is {duration}; it must be from {least}s to {most}s")));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: omnia.altairalabs.ai/v1alpha1\n";
    const PROVIDER: &str = "kind: Provider\nmetadata: {name: claude-provider}\nspec: {type: openai, model: m, baseURL: \
                            http://h/v1, credential: {secretRef: {name: s}}}\n";
    const CONFIG: &str = "kind: ArenaConfig\nmetadata: {name: c}\nspec: {sourceRef: {name: s}, providerRef: {name: \
                          claude-provider}, timeout: 5m}\n";

    fn of(documents: &[&str]) -> Result<Manifests, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.yaml");
        let text: Vec<String> = documents.iter().map(|document| format!("{HEAD}{document}")).collect();
        std::fs::write(&path, text.join("---\n")).unwrap();
        read(&[path])
    }

    #[test]
    fn a_config_and_its_provider_are_one_run() {
        let manifests = of(&[PROVIDER, CONFIG, "kind: ArenaJob\nspec: {}\n"]).unwrap();
        assert_eq!(manifests.run.providers[0].id, "claude-provider");
        assert_eq!(manifests.run.case_timeout_ms, Some(300_000));
        let endpoint = &manifests.endpoints["claude-provider"];
        assert_eq!(endpoint.credential_env.as_deref(), Some("ARENA_KEY_CLAUDE_PROVIDER"));
        assert_eq!(endpoint.credential_file, None);
    }

    #[test]
    fn a_check_lists_all_that_is_wrong_with_the_objects() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a.yaml"), format!("{HEAD}kind: Secret\n---\n{HEAD}{CONFIG}")).unwrap();
        std::fs::write(path("b.yaml"), format!("{HEAD}{}", PROVIDER.replace("model", "modle"))).unwrap();
        let wrong = check(&[path("a.yaml"), path("b.yaml"), path("none.yaml")]).unwrap_err();
        let told: Vec<_> = wrong.iter().map(|(file, failure)| (file.clone(), failure.reason)).collect();
        let invalid = |name: &str| (path(name), "ManifestInvalid");
        assert_eq!(told[..2], [invalid("a.yaml"), invalid("b.yaml")]);
        assert_eq!((told.len(), &told[2].0), (3, &path("none.yaml")));
    }

    #[test]
    fn an_error_quotes_no_secret_beside_it() {
        let failure = of(&["kind: Secret\nstringData:\n  key: sk-secret\n  other: [\n"]).unwrap_err();
        assert_eq!(failure.reason, "ManifestInvalid");
        assert!(failure.text.contains("all.yaml") && !failure.text.contains("sk-secret"), "{}", failure.text);
    }

    #[test]
    fn what_is_wrong_has_a_name() {
        let unknown = CONFIG.replace("timeout", "timeuot");
        let both = "providers: [{name: claude-provider}, {name: claude.provider}]";
        let two = CONFIG.replace("providerRef: {name: claude-provider}", both);
        for (documents, reason, text) in [
            (vec![PROVIDER], "ConfigNotFound", "no ArenaConfig"),
            (vec![CONFIG], "ProviderNotFound", "claude-provider"),
            (vec![PROVIDER, CONFIG, CONFIG], "ConfigTwice", "more than one"),
            (vec![PROVIDER, PROVIDER, CONFIG], "ManifestInvalid", "twice"),
            (vec![PROVIDER, &unknown], "ManifestInvalid", "unknown field spec.timeuot"),
            (vec!["kind: Secret\n"], "ManifestInvalid", "none of"),
            (vec!["kind: ArenaConfig\nspec: 3\n"], "ManifestInvalid", "all.yaml"),
            (vec![PROVIDER, &CONFIG.replace("5m", "0s")], "ManifestInvalid", "from 1s to 86400s"),
            (vec![PROVIDER, &CONFIG.replace("5m", "99999999999999999999h")], "ManifestInvalid", "is no duration"),
            (vec![PROVIDER, &CONFIG.replace("5m", "1h-5m")], "ManifestInvalid", "is no duration"),
            (vec![&PROVIDER.replace("//h", "//u:secret@h"), CONFIG], "ManifestInvalid", "has a login"),
            (vec![PROVIDER, &two.replace("claude.provider", "claude-provider")], "ManifestInvalid", "two providers"),
            (vec![PROVIDER, &CONFIG.replace("timeout: 5m", "trials: 1001")], "ManifestInvalid", "1001 is over 1000"),
            (
                vec![PROVIDER, &PROVIDER.replace("claude-p", "claude.p"), &two],
                "ManifestInvalid",
                "ARENA_KEY_CLAUDE_PROVIDER",
            ),
        ] {
            let failure = of(&documents).unwrap_err();
            assert_eq!(failure.reason, reason);
            assert!(failure.text.contains(text), "{}", failure.text);
        }
    }
}
