//! Each CEL rule, kept and broken, in the evaluator that `kube-core` brings. What an API server says to the same
//! objects is another test's matter; this one needs none.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use arena_crd::{ArenaConfigSpec, ArenaJobSpec, ArenaSourceSpec, ProviderSpec};
use kube_core::cel::validate_cel_schema;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What the rules of `T` say to a spec with its defaults filled in.
fn judge<T: JsonSchema + Serialize + DeserializeOwned>(spec: &Value, old: Option<&Value>) -> Result<(), String> {
    let filled = |spec: &Value| serde_json::to_value(serde_json::from_value::<T>(spec.clone()).unwrap()).unwrap();
    let old = old.map(filled);
    validate_cel_schema::<T>(&filled(spec), old.as_ref()).map_err(|errors| errors.to_string())
}

/// Each case: what to put over the base (null takes a key away) and a part of the message, empty if it is fine.
fn table<T: JsonSchema + Serialize + DeserializeOwned>(base: Value, cases: &[(Value, &str)]) {
    for (change, message) in cases {
        let mut spec = base.clone();
        merge(&mut spec, change);
        match (judge::<T>(&spec, None), message.is_empty()) {
            (Ok(()), true) => {}
            (Err(text), false) if text.contains(message) => {}
            (result, _) => panic!("{change}: wanted {message:?}, got {result:?}"),
        }
    }
}

fn merge(into: &mut Value, change: &Value) {
    let (Some(into), Some(change)) = (into.as_object_mut(), change.as_object()) else { return };
    for (key, value) in change {
        match value {
            Value::Null => drop(into.remove(key)),
            Value::Object(_) if into.get(key).is_some_and(Value::is_object) => {
                merge(into.get_mut(key).unwrap(), value);
            }
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

#[test]
fn sources() {
    let base = json!({"type": "git", "git": {"url": "https://github.com/acme/prompts", "ref": {"branch": "main"}}});
    table::<ArenaSourceSpec>(
        base,
        &[
            (json!({}), ""),
            (json!({"interval": "5s", "timeout": "10m"}), ""),
            (json!({"git": null}), "type is git"),
            (json!({"oci": {"url": "oci://r/a:1"}}), "type is git"),
            (json!({"type": "oci"}), "type is oci"),
            (json!({"type": "oci", "git": null, "oci": {"url": "oci://r/a:1"}}), ""),
            (json!({"type": "configmap"}), "type is configmap"),
            (json!({"type": "configmap", "git": null, "configMap": {"name": "m"}}), ""),
            (json!({"interval": "4s"}), "interval must be from 5s to 24h"),
            (json!({"interval": "25h"}), "interval must be from 5s to 24h"),
            (json!({"timeout": "999ms"}), "timeout must be from 1s to 10m"),
            (json!({"git": {"url": "git@github.com:acme/prompts"}}), "write the repository as https://HOST/PATH"),
            (json!({"git": {"url": "https://me:secret@github.com/acme/prompts"}}), "no user or password in the URL"),
            (json!({"git": {"path": "a/../../b"}}), "no leading / and no .."),
            (json!({"git": {"path": "/etc"}}), "no leading / and no .."),
            (json!({"git": {"path": "a/..b"}}), ""),
            (json!({"git": {"ref": {"branch": "release/1.2"}}}), ""),
            (json!({"git": {"ref": {"branch": null}}}), "set branch, tag or commit"),
            (json!({"git": {"ref": {"branch": null, "tag": "v1.2.0"}}}), ""),
            (json!({"git": {"ref": {"tag": "v 1"}}}), "write the tag as git prints it"),
            (json!({"git": {"ref": {"commit": "0123456789abcdef0123456789abcdef01234567"}}}), ""),
            (json!({"git": {"ref": {"commit": "0123456"}}}), "write the commit in full"),
            (json!({"git": {"ref": {"branch": "--upload-pack=x"}}}), "write the branch as git prints it"),
            (json!({"git": {"ref": {"branch": "a b"}}}), "write the branch as git prints it"),
            (json!({"git": {"ref": {"branch": "a..b"}}}), "write the branch as git prints it"),
            (json!({"type": "oci", "git": null, "oci": {"url": "ghcr.io/acme/p:v1"}}), "write the artifact as oci://"),
            (
                json!({"type": "oci", "git": null, "oci": {"url": "oci://ghcr.io/acme/p"}}),
                "write the artifact as oci://",
            ),
        ],
    );
}

#[test]
fn providers() {
    table::<ProviderSpec>(
        json!({"type": "openai", "model": "gpt-4o-mini"}),
        &[
            (json!({}), ""),
            (json!({"model": null}), "set spec.model"),
            (json!({"type": "mock", "model": null}), ""),
            (json!({"type": "mock", "mock": {"file": "mock/a.yaml"}}), ""),
            (json!({"type": "mock", "baseURL": "https://a/v1"}), "type mock calls nobody"),
            (json!({"mock": {"file": "a.yaml"}}), "spec.mock is for type mock only"),
            (json!({"type": "mock", "mock": {"file": "../a.yaml"}}), "no leading / and no .."),
            (json!({"baseURL": "http://vllm.models.svc:8000/v1"}), ""),
            (json!({"baseURL": "ftp://a/v1"}), "write baseURL as https://HOST/PATH"),
            (json!({"baseURL": "https://key@host/v1"}), "write baseURL as https://HOST/PATH"),
            (json!({"baseURL": "https://host/v1?key=1"}), "write baseURL as https://HOST/PATH"),
            (json!({"headers": {"X-Team": "a"}}), ""),
            (json!({"headers": {"X Team": "a"}}), "letters, digits and dashes"),
            (json!({"headers": {"Authorization": "Bearer a"}}), "keys do not belong into headers"),
            (json!({"defaults": {"requestTimeout": "2h"}}), "requestTimeout must be"),
            (json!({"defaults": {"streamIdleTimeout": "11m"}}), "streamIdleTimeout must be"),
        ],
    );
}

#[test]
fn configs() {
    table::<ArenaConfigSpec>(
        json!({"sourceRef": {"name": "my-prompts"}, "providerRef": {"name": "claude-provider"}}),
        &[
            (json!({"workers": 4, "timeout": "5m"}), ""),
            (json!({"providers": [{"name": "a"}]}), "not both"),
            (json!({"providerRef": null, "providers": [{"name": "a"}]}), ""),
            (json!({"providerRef": null}), ""),
            (json!({"timeout": "25h"}), "timeout must be from 1s to 24h"),
            (json!({"scenarios": {}}), "set include or exclude"),
            (json!({"scenarios": {"exclude": ["slow-*"]}}), ""),
            (json!({"evaluators": [{"name": "p", "component": "evaluators/p.wasm"}]}), ""),
            (json!({"evaluators": [{"name": "p", "component": "p.js"}]}), "component is a .wasm file"),
            (json!({"evaluators": [{"name": "p", "component": "../p.wasm"}]}), "component is a .wasm file"),
            (json!({"template": {"component": "/p.wasm"}}), "component is a .wasm file"),
        ],
    );
}

#[test]
fn jobs() {
    let base = json!({"configRef": {"name": "evaluation-config"}});
    table::<ArenaJobSpec>(
        base.clone(),
        &[
            (json!({}), ""),
            (json!({"trigger": {"onSourceChange": true}}), ""),
            (json!({"trigger": {"onSourceChange": false}}), "set onSourceChange: true"),
        ],
    );
    for (old, new, message) in [
        (json!({}), json!({"suspend": true, "cancelled": true}), ""),
        (json!({}), json!({"configRef": {"name": "other"}}), "cannot change: create another job"),
        (json!({}), json!({"trigger": {"onSourceChange": true}}), "neither added nor removed"),
        (json!({"trigger": {"onSourceChange": true}}), json!({}), "neither added nor removed"),
        (json!({"cancelled": true}), json!({}), "a cancelled job cannot go on"),
    ] {
        let over = |change: &Value| {
            let mut spec = base.clone();
            merge(&mut spec, change);
            spec
        };
        let result = judge::<ArenaJobSpec>(&over(&new), Some(&over(&old)));
        let fine = message.is_empty() && result.is_ok();
        assert!(
            fine || !message.is_empty() && result.as_ref().is_err_and(|text| text.contains(message)),
            "{old} to {new}: {result:?}"
        );
    }
}
