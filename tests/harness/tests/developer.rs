//! The command line: a developer's cluster comes up, keeps tests off the node, and goes without a trace.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

use arena_harness::{Cluster, Need, cache_folder, runs_here};

fn world(action: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_test-world")).arg(action).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{action}: {text}");
    text
}

#[tokio::test]
async fn up_and_down() {
    if !runs_here("developer's cluster", &[Need::Node, Need::Charts]).unwrap() {
        return;
    }
    let folder = cache_folder().unwrap().join("cluster");
    assert!(!folder.exists(), "a cluster of your own is up: ./x cluster down");
    let up = world("up");
    let kubeconfig = up.lines().find_map(|line| line.split_once("KUBECONFIG=")).unwrap().1;
    let kubectl = arena_harness::KUBECTL.find().unwrap();
    let nodes =
        Command::new(kubectl).args(["--kubeconfig", kubeconfig, "get", "nodes", "-o", "name"]).output().unwrap();
    assert_eq!(String::from_utf8(nodes.stdout).unwrap(), "node/node-1\n");
    assert!(world("up").contains(kubeconfig));
    let refusal = Cluster::up().await.unwrap_err().to_string();
    assert!(refusal.contains("./x cluster down"), "{refusal}");

    world("down");
    assert!(!std::path::Path::new(kubeconfig).exists() && !folder.exists());
    let links = Command::new("ip").args(["link", "show", "arena0"]).output().unwrap();
    assert!(!links.status.success());
    world("down");
}
