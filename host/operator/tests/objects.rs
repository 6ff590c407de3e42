//! The Kubernetes Job and the Secret of a run, as they are created.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use arena_operator::{PodNetwork, PodSettings, secret, worker_job};
use serde_json::json;
use world::{GRACE, World};

fn settings() -> PodSettings {
    let resources = json!({"requests": {"cpu": "250m", "memory": "256Mi", "ephemeral-storage": "64Mi"},
        "limits": {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "3Gi"}});
    PodSettings {
        image: "ghcr.io/altairalabs/arena-fleet:0.1.0".to_owned(),
        image_pull_policy: "IfNotPresent".to_owned(),
        image_pull_secrets: vec!["registry".to_owned()],
        resources: serde_json::from_value(resources).unwrap(),
        network: PodNetwork::default(),
    }
}

#[test]
fn worker_job_as_it_is_created() {
    insta::assert_json_snapshot!(worker_job(&World::new().job, 4, GRACE, &settings()));
}

/// The rules of Pod Security "restricted", besides what the snapshot shows.
#[test]
fn worker_pods_are_restricted_and_have_no_token() {
    let job = worker_job(&World::new().job, 1, GRACE, &settings());
    let pod = job.spec.unwrap().template.spec.unwrap();
    assert_eq!(pod.automount_service_account_token, Some(false));
    assert!(pod.service_account_name.is_none() && pod.host_network.is_none() && pod.host_pid.is_none());
    let security = pod.security_context.unwrap();
    assert_eq!(
        (security.run_as_non_root, security.seccomp_profile.unwrap().type_.as_str()),
        (Some(true), "RuntimeDefault")
    );
    for container in &pod.containers {
        let security = container.security_context.as_ref().unwrap();
        assert_eq!(
            (security.allow_privilege_escalation, security.read_only_root_filesystem),
            (Some(false), Some(true))
        );
        assert_eq!(security.capabilities.as_ref().unwrap().drop.as_deref(), Some(&["ALL".to_owned()][..]));
        assert!(container.resources.as_ref().unwrap().limits.as_ref().unwrap().contains_key("memory"));
        let secrets = container.env.iter().flatten().any(|env| env.value_from.is_some());
        assert!(!secrets && container.env_from.is_none(), "no key in the environment");
    }
}

#[test]
fn workers_are_told_the_way_to_providers() {
    let network = PodNetwork {
        proxy: Some("http://proxy.internal:3128".to_owned()),
        no_proxy: Some(".svc,10.0.0.0/8".to_owned()),
        ca_config_map: Some("company-ca".to_owned()),
        client_cert_secret: Some("company-client".to_owned()),
    };
    let job = worker_job(&World::new().job, 1, GRACE, &PodSettings { network, ..settings() });
    let pod = job.spec.unwrap().template.spec.unwrap();
    let told: Vec<_> = pod.containers[0].env.iter().flatten().map(|it| (it.name.clone(), it.value.clone())).collect();
    insta::assert_json_snapshot!((told, &pod.containers[0].volume_mounts, pod.volumes));
    let alone = PodNetwork { no_proxy: Some(".svc".to_owned()), ..PodNetwork::default() };
    let job = worker_job(&World::new().job, 1, GRACE, &PodSettings { network: alone, ..settings() });
    let plain = worker_job(&World::new().job, 1, GRACE, &settings());
    assert_eq!(job, plain, "without a proxy nobody asks who needs none");
}

#[test]
fn the_secret_holds_ticket_and_keys() {
    let secret = secret(&World::new().job, b"{}".to_vec(), [("claude-provider".to_owned(), b"key".to_vec())].into());
    insta::assert_json_snapshot!(secret);
}
