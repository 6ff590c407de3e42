//! The chart: what Helm and kube-score find, what its pods may do, what its values refuse.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{Command, Output};

use arena_harness::{HELM, KUBE_SCORE, Need, runs_here};
use serde_json::Value;

fn helm(arguments: &[&str]) -> Output {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/arena-fleet");
    let mut command = Command::new(HELM.find().unwrap());
    let (verb, rest) = arguments.split_first().unwrap();
    match *verb {
        "lint" => command.args(["lint", "--strict"]),
        _ => command.args([verb, "fleet"]),
    };
    command.arg(chart).args(["--kube-version", "1.34.0", "--namespace", "arena"]).args(rest).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn render(arguments: &[&str]) -> (String, Vec<Value>) {
    let output = helm(&[&["template"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output));
    let yaml = String::from_utf8(output.stdout).unwrap();
    let objects = serde_saphyr::from_multiple::<Value>(&yaml).unwrap().into_iter().filter(|o| !o.is_null()).collect();
    (yaml, objects)
}

/// Values that take other ways through the templates.
const VARIANTS: [&[&str]; 4] = [
    &[],
    &["--set", "watchNamespaces={team-a,team-b},operator.replicas=2,rbac.secretNames={keys}"],
    &["--set", "redis.enabled=false,redis.existingSecret=mine,store.existingSecret=key"],
    &["--set", "crds.install=false,rbac.aggregate=false,networkPolicy.enabled=false,image.tag=edge"],
];

#[test]
fn helm_lint_is_content() {
    if !runs_here("chart: lint", &[Need::Charts]).unwrap() {
        return;
    }
    for values in VARIANTS {
        let output = helm(&[&["lint"], values].concat());
        assert!(output.status.success(), "{}", text(&output));
    }
}

#[test]
fn kube_score_finds_nothing_critical() {
    if !runs_here("chart: kube-score", &[Need::Charts]).unwrap() {
        return;
    }
    let file = std::env::temp_dir().join(format!("arena-chart-{}.yaml", std::process::id()));
    std::fs::write(&file, render(&[]).0).unwrap();
    let mut command = Command::new(KUBE_SCORE.find().unwrap());
    let output = command.args(["score", "--output-format", "ci"]).arg(&file).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(!text(&output).contains("[CRITICAL]"), "{}", text(&output));
    assert!(text(&output).contains("[OK]"), "{}", text(&output));
}

#[test]
fn pods_are_restricted() {
    if !runs_here("chart: pods", &[Need::Charts]).unwrap() {
        return;
    }
    for values in VARIANTS {
        let (_, objects) = render(values);
        let pods: Vec<&Value> = objects.iter().filter_map(|object| object.pointer("/spec/template/spec")).collect();
        assert!(pods.len() >= 2, "{values:?}");
        for pod in pods {
            let security = &pod["securityContext"];
            assert_eq!((&security["runAsNonRoot"], &security["runAsUser"]), (&true.into(), &65532.into()), "{pod}");
            assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault");
            let operator = pod["serviceAccountName"].is_string();
            assert!(operator || pod["automountServiceAccountToken"] == false, "a token for who needs none: {pod}");
            for container in pod["containers"].as_array().unwrap() {
                let security = &container["securityContext"];
                assert_eq!(security["allowPrivilegeEscalation"], false);
                assert_eq!(security["readOnlyRootFilesystem"], true);
                assert_eq!(security["capabilities"]["drop"][0], "ALL");
                for limit in ["cpu", "memory", "ephemeral-storage"] {
                    assert!(!container["resources"]["limits"][limit].is_null(), "{limit}");
                }
                assert!(container["readinessProbe"].is_object());
            }
        }
    }
}

#[test]
fn rights_are_few() {
    if !runs_here("chart: rights", &[Need::Charts]).unwrap() {
        return;
    }
    for values in VARIANTS {
        let (_, objects) = render(values);
        assert!(!objects.iter().any(|object| object["kind"] == "ClusterRoleBinding"), "{values:?}");
        for role in objects.iter().filter(|object| object["rules"].is_array()) {
            for rule in role["rules"].as_array().unwrap() {
                let all = |key: &str| rule[key].as_array().cloned().unwrap_or_default();
                let everything = [all("apiGroups"), all("resources"), all("verbs")].concat();
                assert!(!everything.iter().any(|word| word == "*"), "{rule}");
                if all("resources").iter().any(|resource| resource == "secrets") {
                    assert_eq!(role["kind"], "Role", "{rule}");
                    assert!(!all("verbs").iter().any(|verb| verb == "list" || verb == "watch"), "{rule}");
                }
            }
        }
    }
    let (_, objects) = render(VARIANTS[1]);
    let namespaces: Vec<_> =
        objects.iter().filter(|o| o["kind"] == "Role").map(|o| &o["metadata"]["namespace"]).collect();
    assert!(namespaces.iter().any(|name| **name == "team-a") && namespaces.iter().any(|name| **name == "team-b"));
}

#[test]
fn the_operator_is_told_what_the_values_say() {
    if !runs_here("chart: operator's flags", &[Need::Charts]).unwrap() {
        return;
    }
    let flags = |values: &[&str]| -> Vec<String> {
        let (_, objects) = render(values);
        let operator = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
        let flags = operator.pointer("/spec/template/spec/containers/0/args").unwrap().as_array().unwrap();
        flags.iter().map(|flag| flag.as_str().unwrap().to_owned()).collect()
    };
    let default = flags(&[]);
    assert!(default.iter().any(|flag| flag == "--queue-lease=30s"), "{default:?}");
    assert!(!default.iter().any(|flag| flag.starts_with("--redis-worker-url")), "{default:?}");
    let set = flags(&["--set", "operator.queueLease=2m,redis.workerUrl=rediss://redis.example:6380/1"]);
    for flag in ["--queue-lease=2m", "--redis-worker-url=rediss://redis.example:6380/1"] {
        assert!(set.iter().any(|given| given == flag), "{flag}: {set:?}");
    }
    assert!(!default.iter().any(|flag| ["proxy", "-ca-", "-cert-"].iter().any(|it| flag.contains(it))), "{default:?}");
    let way =
        "worker.proxy=http://proxy.internal:3128,worker.noProxy=.svc,worker.caConfigMap=ca,worker.clientCertSecret=own";
    let set = flags(&["--set", way]);
    for flag in [
        "--worker-proxy=http://proxy.internal:3128",
        "--worker-no-proxy=.svc",
        "--worker-ca-config-map=ca",
        "--worker-client-cert-secret=own",
    ] {
        assert!(set.iter().any(|given| given == flag), "{flag}: {set:?}");
    }
}

#[test]
fn bad_values_are_refused() {
    if !runs_here("chart: values", &[Need::Charts]).unwrap() {
        return;
    }
    for (value, message) in [
        ("redis.enabled=false", "set redis.existingSecret"),
        ("watchNamespace=team-a", "additional properties 'watchNamespace' not allowed"),
        ("operator.replicas=0", "minimum"),
        ("operator.tokenGrace=1d", "does not match pattern"),
        ("operator.queueLease=1d", "does not match pattern"),
        ("redis.workerUrl=redis://me:secret@redis:6379", "does not match pattern"),
        ("worker.proxy=http://me:secret@proxy:3128", "does not match pattern"),
        ("image.digest=sha256:1", "does not match pattern"),
        ("watchNamespaces={Team}", "does not match pattern"),
    ] {
        let output = helm(&["template", "--set", value]);
        assert!(!output.status.success() && text(&output).contains(message), "{value}: {}", text(&output));
    }
}
