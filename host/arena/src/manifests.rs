//! The YAML of a cluster on a laptop: one ArenaConfig and the Providers it names, as `kubectl apply` takes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arena_crd::{ArenaConfig, ArenaConfigSpec, GROUP, GateSpec, Provider, VERSION, run_spec};
use arena_model::{Endpoint, RunSpec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exit::Failure;
use crate::files::{self, FILE_BYTES};

/// Kinds that say where a bundle comes from or when it runs, which a laptop is told by its command line.
const PASSED_OVER: [&str; 2] = ["ArenaSource", "ArenaJob"];

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
    let (mut configs, mut providers) = (Vec::new(), BTreeMap::new());
    for file in files {
        for document in documents(file)? {
            let kind = document["kind"].as_str().unwrap_or_default();
            let api = document["apiVersion"].as_str().unwrap_or_default();
            if api != format!("{GROUP}/{VERSION}") {
                let text = format!("apiVersion {api:?}: only {GROUP}/{VERSION} is read here");
                return Err(invalid(file, kind, &text));
            }
            match kind {
                "ArenaConfig" => configs.push(object::<ArenaConfig>(file, kind, &document)?),
                "Provider" => {
                    let provider: Provider = object(file, kind, &document)?;
                    let name = provider.metadata.name.clone().unwrap_or_default();
                    if providers.insert(name.clone(), provider).is_some() {
                        return Err(invalid(file, kind, &format!("Provider {name:?} stands in these files twice")));
                    }
                }
                other if PASSED_OVER.contains(&other) => {}
                other => {
                    return Err(invalid(file, other, "it is none of ArenaConfig, Provider, ArenaSource, ArenaJob"));
                }
            }
        }
    }
    let config = match configs.as_slice() {
        [config] if config.spec.provider_ref.is_some() && config.spec.providers.is_some() => {
            let text = "the ArenaConfig has both providerRef and providers";
            return Err(Failure::input("ManifestInvalid", text).hint("keep providers alone"));
        }
        [] => return Err(Failure::input("ConfigNotFound", "no ArenaConfig stands in the files of -f").hint(NEEDED)),
        [config] => &config.spec,
        _ => return Err(Failure::input("ConfigTwice", "more than one ArenaConfig stands in the files").hint(NEEDED)),
    };
    bind(config, &providers)
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
        bound.push((entry, provider.clone()));
    }
    let (run, mut endpoints) = run_spec(config, &bound);
    for (entry, _) in &bound {
        if let Some(endpoint) = endpoints.get_mut(&entry.name)
            && endpoint.credential_file.take().is_some()
        {
            endpoint.credential_env = Some(key_variable(entry.object()));
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
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).map_err(|error| invalid(file, "YAML", &error.to_string()))?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// The object of a document, without a field that its kind does not have.
fn object<T: DeserializeOwned + Serialize>(file: &Path, kind: &str, document: &Value) -> Result<T, Failure> {
    let object: T =
        serde_json::from_value(document.clone()).map_err(|error| invalid(file, kind, &error.to_string()))?;
    let known = serde_json::to_value(&object).map_err(|error| invalid(file, kind, &error.to_string()))?;
    match unknown(&document["spec"], &known["spec"], "spec") {
        Some(path) => Err(invalid(file, kind, &format!("unknown field {path}"))),
        None => Ok(object),
    }
}

/// The first field that was written and not read. An empty one is as good as none.
fn unknown(written: &Value, read: &Value, path: &str) -> Option<String> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match (written, read) {
        (written, Value::Null) if !is_empty(written) => Some(path.to_owned()),
        (Value::Object(fields), read) => {
            fields.iter().find_map(|(name, value)| unknown(value, &read[name], &format!("{path}.{name}")))
        }
        (Value::Array(items), read) => {
            items.iter().enumerate().find_map(|(at, item)| unknown(item, &read[at], &format!("{path}[{at}]")))
        }
        _ => None,
    }
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
    fn what_is_wrong_has_a_name() {
        let unknown = CONFIG.replace("timeout", "timeuot");
        for (documents, reason, text) in [
            (vec![PROVIDER], "ConfigNotFound", "no ArenaConfig"),
            (vec![CONFIG], "ProviderNotFound", "claude-provider"),
            (vec![PROVIDER, CONFIG, CONFIG], "ConfigTwice", "more than one"),
            (vec![PROVIDER, PROVIDER, CONFIG], "ManifestInvalid", "twice"),
            (vec![PROVIDER, &unknown], "ManifestInvalid", "unknown field spec.timeuot"),
            (vec!["kind: Secret\n"], "ManifestInvalid", "none of"),
            (vec!["kind: ArenaConfig\nspec: 3\n"], "ManifestInvalid", "all.yaml"),
        ] {
            let failure = of(&documents).unwrap_err();
            assert_eq!(failure.reason, reason);
            assert!(failure.text.contains(text), "{}", failure.text);
        }
    }
}
