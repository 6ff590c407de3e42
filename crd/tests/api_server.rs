//! The definitions on a real API server: it takes them (the cost of the rules included), fills defaults in, and says of
//! each broken rule what its message says.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod table;

use std::path::{Path, PathBuf};

use arena_harness::{ControlPlane, Kubectl, Need, runs_here};
use serde_json::{Value, json};
use table::Table;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn object(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "omnia.altairalabs.ai/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// Objects in one text.
fn list(objects: Vec<Value>) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

/// Those cases of a table whose message is set, or is not, as objects with a name that says which case it is.
fn objects(table: &Table, broken: bool) -> Vec<(Value, &'static str)> {
    let cases = table.cases.iter().enumerate().filter(|(_, (_, message))| message.is_empty() != broken);
    cases
        .map(|(n, (change, message))| (object(table.kind, &format!("case-{n}"), table.spec(change)), *message))
        .collect()
}

async fn installed() -> (ControlPlane, Kubectl) {
    let plane = ControlPlane::start().await.unwrap();
    let kubectl = plane.kubectl().clone();
    let generated = root().join("crd/generated");
    kubectl.run(&["apply", "--server-side", "-f", generated.to_str().unwrap()]).await.unwrap();
    kubectl.run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).await.unwrap();
    (plane, kubectl)
}

#[tokio::test]
async fn samples_and_examples_apply_and_get_their_defaults() {
    if !runs_here("api server: samples", &[Need::ControlPlane]).unwrap() {
        return;
    }
    let (_plane, kubectl) = installed().await;
    for folder in ["crd/samples", "examples/cluster"] {
        kubectl.run(&["apply", "-f", root().join(folder).to_str().unwrap()]).await.unwrap();
    }
    for (object, path, expected) in [
        ("as/my-prompts", "{.spec.timeout} {.spec.suspend} {.status.observedGeneration}", "60s false -1"),
        ("ac/evaluation-config", "{.spec.workers} {.spec.timeout} {.spec.evaluation.concurrency}", "4 5m 8"),
        ("ac/comparison-config", "{.spec.providers[0].group} {.spec.evaluation.maxRetries}", "default 5"),
        ("aj/evaluation-run-001", "{.spec.type} {.spec.activeDeadlineSeconds}", "evaluation 86400"),
        ("prov/claude-provider", "{.spec.credential.secretRef.key}", "api-key"),
    ] {
        let output = format!("jsonpath={path}");
        assert_eq!(kubectl.run(&["get", object, "-o", &output]).await.unwrap(), expected, "{object}");
    }
    let all = kubectl.run(&["get", "arena", "-o", "name"]).await.unwrap();
    assert_eq!(all.lines().count(), 9, "{all}");
    let explained = kubectl.run(&["explain", "aj.spec.trigger"]).await.unwrap();
    assert!(explained.contains("Start a run for every revision of the source"), "{explained}");
}

#[tokio::test]
async fn what_the_program_does_not_know_is_refused() {
    if !runs_here("api server: unknown fields", &[Need::ControlPlane]).unwrap() {
        return;
    }
    let (_plane, kubectl) = installed().await;
    for (spec, message) in [
        (json!({"configRef": {"name": "c"}, "parallel": 4}), "unknown field \"spec.parallel\""),
        (json!({"configRef": {"name": "c"}, "type": "loadtest"}), "supported values: \"evaluation\""),
        (json!({"configRef": {"name": "c"}, "activeDeadlineSeconds": 0}), "should be greater than or equal to 1"),
        (json!({}), "spec.configRef: Required value"),
    ] {
        let refusal = kubectl.apply(&object("ArenaJob", "job", spec).to_string()).await.unwrap_err().to_string();
        assert!(refusal.contains(message), "{refusal}");
    }
}

/// Also that the tables break every rule there is.
#[tokio::test]
async fn each_rule_is_enforced_with_its_message() {
    if !runs_here("api server: rules", &[Need::ControlPlane]).unwrap() {
        return;
    }
    let (_plane, kubectl) = installed().await;
    let mut said = String::new();
    for table in [table::sources(), table::providers(), table::configs(), table::jobs()] {
        let fine = objects(&table, false).into_iter().map(|(object, _)| object).collect();
        kubectl.apply(&list(fine)).await.unwrap();
        let broken = objects(&table, true);
        let refusal = kubectl.apply(&list(broken.iter().map(|(object, _)| object.clone()).collect())).await;
        let refusal = refusal.unwrap_err().to_string();
        for (object, message) in &broken {
            let name = object["metadata"]["name"].as_str().unwrap();
            let start = format!("\"{name}\" is invalid");
            let own = refusal.lines().skip_while(|line| !line.contains(&start)).take(6).collect::<Vec<_>>().join("\n");
            assert!(own.contains(message), "{object} wants {message:?}, got {refusal}");
        }
        said.push_str(&refusal);
    }
    for (n, (old, new, message)) in table::job_updates().into_iter().enumerate() {
        let (jobs, name) = (table::jobs(), format!("update-{n}"));
        kubectl.apply(&object(jobs.kind, &name, jobs.spec(&old)).to_string()).await.unwrap();
        let result = kubectl.apply(&object(jobs.kind, &name, jobs.spec(&new)).to_string()).await;
        match result {
            Ok(_) => assert!(message.is_empty(), "{new} was taken"),
            Err(error) => {
                let text = error.to_string();
                assert!(!message.is_empty() && text.contains(message), "{text}");
                said.push_str(&text);
            }
        }
    }
    for definition in arena_crd::definitions().unwrap() {
        for message in messages(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]) {
            assert!(said.contains(&message), "no case breaks the rule {message:?}");
        }
    }
}

fn messages(schema: &Value) -> Vec<String> {
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    let mut messages: Vec<String> = rules.map(|rule| rule["message"].as_str().unwrap().to_owned()).collect();
    for property in schema["properties"].as_object().into_iter().flat_map(|all| all.values()) {
        messages.extend(messages_of(property));
    }
    messages
}

fn messages_of(schema: &Value) -> Vec<String> {
    let mut all = messages(schema);
    if schema["items"].is_object() {
        all.extend(messages(&schema["items"]));
    }
    all
}
