//! The API server itself: what it refuses, what its controllers do.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use arena_harness::{ControlPlane, ControlPlaneOptions, Need, runs_here};

const CRD: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: cards.test.arena}
spec:
  group: test.arena
  scope: Namespaced
  names: {kind: Card, plural: cards, singular: card}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties: {low: {type: integer}, high: {type: integer}}
            x-kubernetes-validations:
            - {rule: "self.low <= self.high", message: "low must not be above high"}
"#;

fn card(low: u32, high: u32) -> String {
    format!("apiVersion: test.arena/v1\nkind: Card\nmetadata: {{name: card}}\nspec: {{low: {low}, high: {high}}}\n")
}

#[tokio::test]
async fn a_rule_of_a_definition_is_enforced() {
    if !runs_here("control plane: rule", &[Need::ControlPlane]).unwrap() {
        return;
    }
    let plane = ControlPlane::start().await.unwrap();
    let kubectl = plane.kubectl();
    kubectl.apply(CRD).await.unwrap();
    kubectl.run(&["wait", "--for=condition=Established", "crd/cards.test.arena", "--timeout=60s"]).await.unwrap();
    let refusal = kubectl.apply(&card(2, 1)).await.unwrap_err().to_string();
    assert!(refusal.contains("low must not be above high"), "{refusal}");
    kubectl.apply(&card(1, 2)).await.unwrap();
    assert_eq!(kubectl.run(&["get", "card", "card", "-o", "jsonpath={.spec.high}"]).await.unwrap(), "2");
}

#[tokio::test]
async fn a_right_that_was_not_given_is_refused() {
    if !runs_here("control plane: rights", &[Need::ControlPlane]).unwrap() {
        return;
    }
    let plane = ControlPlane::start().await.unwrap();
    let kubectl = plane.kubectl();
    kubectl.run(&["create", "serviceaccount", "worker"]).await.unwrap();
    kubectl.run(&["create", "role", "reader", "--verb=get", "--resource=configmaps"]).await.unwrap();
    kubectl.run(&["create", "rolebinding", "r", "--role=reader", "--serviceaccount=default:worker"]).await.unwrap();
    let token = kubectl.run(&["create", "token", "worker"]).await.unwrap();
    let as_worker = |what: &'static str| {
        let mut command = kubectl.command();
        // Without the administrator's kubeconfig, whose token would count too.
        command.env("KUBECONFIG", "/dev/null").args(["--server", plane.access().url()]);
        command.args(["--insecure-skip-tls-verify", "--token", token.trim(), "auth", "can-i", "get", what]);
        command
    };
    assert!(as_worker("configmaps").output().await.unwrap().status.success());
    assert!(!as_worker("secrets").output().await.unwrap().status.success());
}

#[tokio::test]
async fn controllers_make_pods_of_a_job_and_take_them_with_it() {
    if !runs_here("control plane: controllers", &[Need::Controllers]).unwrap() {
        return;
    }
    let plane = ControlPlane::start_with(ControlPlaneOptions { controllers: true }).await.unwrap();
    let kubectl = plane.kubectl();
    kubectl.run(&["create", "job", "work", "--image=none"]).await.unwrap();
    let (limit, pods) = (Duration::from_secs(60), ["get", "pods", "-o", "name"]);
    kubectl.until(&pods, limit, |pods| pods.starts_with("pod/work-")).await.unwrap();
    kubectl.run(&["delete", "job", "work"]).await.unwrap();
    kubectl.until(&pods, limit, str::is_empty).await.unwrap();
}
