//! Specs that keep and break each rule, for the evaluator without a server and for the API server.

use serde_json::{Value, json};

/// Cases of one kind.
pub struct Table {
    /// The kind.
    pub kind: &'static str,
    /// A spec that is fine.
    pub base: Value,
    /// What to put over the base (null takes a key away), and a part of the message, empty if it is fine.
    pub cases: Vec<(Value, &'static str)>,
}

impl Table {
    /// The spec of a case.
    pub fn spec(&self, change: &Value) -> Value {
        let mut spec = self.base.clone();
        merge(&mut spec, change);
        spec
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

pub fn sources() -> Table {
    let base = json!({"type": "git", "git": {"url": "https://github.com/acme/prompts", "ref": {"branch": "main"}}});
    let cases = vec![
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
        (json!({"type": "oci", "git": null, "oci": {"url": "oci://ghcr.io/acme/p"}}), "write the artifact as oci://"),
    ];
    Table { kind: "ArenaSource", base, cases }
}

pub fn providers() -> Table {
    let base = json!({"type": "openai", "model": "gpt-4o-mini"});
    let cases = vec![
        (json!({}), ""),
        (json!({"model": null}), "set spec.model"),
        (json!({"type": "mock", "model": null}), ""),
        (json!({"type": "mock", "mock": {"file": "mock/a.yaml"}}), ""),
        (json!({"type": "mock", "baseURL": "https://a/v1"}), "type mock calls nobody"),
        (json!({"mock": {"file": "a.yaml"}}), "spec.mock is for type mock only"),
        (json!({"type": "azure"}), "set spec.baseURL to the resource's own address"),
        (
            json!({"type": "azure", "baseURL": "https://x.openai.azure.com", "platform": {"apiVersion": "2024-10-21"}}),
            "",
        ),
        (json!({"type": "bedrock"}), "set spec.platform.region"),
        (json!({"type": "bedrock", "platform": {"region": "eu-west-1"}}), ""),
        (json!({"type": "bedrock", "platform": {"region": "evil.example"}}), "a region has small letters"),
        (json!({"type": "vertex", "platform": {"region": "eu-west-1"}}), "set spec.platform.project"),
        (json!({"type": "vertex", "platform": {"region": "eu-west-1", "project": "p"}}), ""),
        (json!({"type": "anthropic", "platform": {"region": "eu-west-1"}}), "spec.platform is for the types"),
        (json!({"type": "gemini", "limits": {"requestsPerMinute": 600}, "retries": {"timeout": 1}}), ""),
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
    ];
    Table { kind: "Provider", base, cases }
}

pub fn configs() -> Table {
    let base = json!({"sourceRef": {"name": "my-prompts"}, "providerRef": {"name": "claude-provider"}});
    let cases = vec![
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
        (json!({"dataset": {"sourceRef": {"name": "t"}, "path": "../t.csv"}}), "path is a file of the source"),
        (json!({"dataset": {"sourceRef": {"name": "t"}, "path": "/t.csv"}}), "path is a file of the source"),
    ];
    Table { kind: "ArenaConfig", base, cases }
}

pub fn jobs() -> Table {
    let base = json!({"configRef": {"name": "evaluation-config"}});
    let cases = vec![
        (json!({}), ""),
        (json!({"trigger": {"onSourceChange": true}}), ""),
        (json!({"trigger": {"onSourceChange": false}}), "set onSourceChange: true"),
    ];
    Table { kind: "ArenaJob", base, cases }
}

/// Changes of a job: over the base of [`jobs`] before, and after.
pub fn job_updates() -> Vec<(Value, Value, &'static str)> {
    vec![
        (json!({}), json!({"suspend": true, "cancelled": true}), ""),
        (json!({}), json!({"configRef": {"name": "other"}}), "cannot change: create another job"),
        (json!({}), json!({"trigger": {"onSourceChange": true}}), "neither added nor removed"),
        (json!({"trigger": {"onSourceChange": true}}), json!({}), "neither added nor removed"),
        (json!({"cancelled": true}), json!({}), "a cancelled job cannot go on"),
    ]
}
