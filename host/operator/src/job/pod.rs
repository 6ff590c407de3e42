//! The Kubernetes Job of the workers, and the Secret that they read.

use std::collections::BTreeMap;
use std::time::Duration;

use arena_crd::ArenaJob;
use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EmptyDirVolumeSource, EnvVar, LocalObjectReference, PodSecurityContext, PodSpec,
    PodTemplateSpec, ResourceRequirements, SeccompProfile, Secret, SecretVolumeSource, SecurityContext, Volume,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube_core::{Resource, ResourceExt};

use super::network::PodNetwork;
use crate::worker_name;

/// Where a worker finds its ticket and keys.
const TICKET_DIR: &str = "/etc/arena/job";
/// Scratch of a worker: bundle and compiled components.
const TMP_DIR: &str = "/tmp";
/// Most that its scratch may hold, unless the resources say less.
const TMP_SIZE: &str = "2Gi";
/// User and group of all our containers.
const USER: i64 = 65_532;
/// Exit code of a worker for which trying again is no use.
const EXIT_USELESS: i32 = 2;
/// Time that a worker has to store what is finished.
const DRAIN_SECONDS: i64 = 60;

/// What the operator was told of worker pods.
#[derive(Clone, Debug, PartialEq)]
pub struct PodSettings {
    /// Image of the program.
    pub image: String,
    /// Always, IfNotPresent or Never.
    pub image_pull_policy: String,
    /// Names of Secrets with credentials of the image's registry.
    pub image_pull_secrets: Vec<String>,
    /// Of each pod.
    pub resources: ResourceRequirements,
    /// How providers are reached.
    pub network: PodNetwork,
}

/// Labels by which a run's pods are found; network policies select by the first.
fn labels(job: &ArenaJob) -> BTreeMap<String, String> {
    let uid = job.metadata.uid.clone().unwrap_or_default();
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    BTreeMap::from([
        label("app.kubernetes.io/name", "arena-worker"),
        label("app.kubernetes.io/component", "worker"),
        label("app.kubernetes.io/part-of", "arena-fleet"),
        label("omnia.altairalabs.ai/job", &uid),
    ])
}

fn metadata(job: &ArenaJob) -> ObjectMeta {
    ObjectMeta {
        name: Some(worker_name(&job.name_any())),
        namespace: job.metadata.namespace.clone(),
        labels: Some(labels(job)),
        owner_references: Some(job.controller_owner_ref(&()).into_iter().collect()),
        ..ObjectMeta::default()
    }
}

/// The Secret of a run: `ticket.json`, and the key of each provider that has one as `provider-<id>`.
pub fn secret(job: &ArenaJob, ticket: Vec<u8>, keys: BTreeMap<String, Vec<u8>>) -> Secret {
    let mut data: BTreeMap<String, ByteString> =
        keys.into_iter().map(|(id, key)| (format!("provider-{id}"), ByteString(key))).collect();
    data.insert("ticket.json".to_owned(), ByteString(ticket));
    Secret {
        metadata: metadata(job),
        data: Some(data),
        immutable: Some(true),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}

/// The Kubernetes Job of a run. Its pods end with success only when the queue says finished; how many of them died says
/// nothing about the run.
pub fn worker_job(job: &ArenaJob, workers: u32, grace: Duration, settings: &PodSettings) -> Job {
    // The operator ends a run at its deadline; this is for the case that there is no operator.
    let deadline = u64::from(job.spec.active_deadline_seconds).saturating_add(grace.as_secs());
    Job {
        metadata: metadata(job),
        spec: Some(JobSpec {
            parallelism: Some(i32::try_from(workers).unwrap_or(i32::MAX)),
            suspend: Some(job.spec.suspend),
            active_deadline_seconds: i64::try_from(deadline).ok(),
            backoff_limit: Some(i32::MAX),
            pod_failure_policy: Some(PodFailurePolicy { rules: failure_rules() }),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels(job)), ..ObjectMeta::default() }),
                spec: Some(pod(job, settings)),
            },
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn failure_rules() -> Vec<PodFailurePolicyRule> {
    let disrupted =
        PodFailurePolicyOnPodConditionsPattern { status: "True".to_owned(), type_: "DisruptionTarget".to_owned() };
    let useless = PodFailurePolicyOnExitCodesRequirement {
        container_name: Some("worker".to_owned()),
        operator: "In".to_owned(),
        values: vec![EXIT_USELESS],
    };
    vec![
        PodFailurePolicyRule {
            action: "Ignore".to_owned(),
            on_pod_conditions: Some(vec![disrupted]),
            ..PodFailurePolicyRule::default()
        },
        PodFailurePolicyRule {
            action: "FailJob".to_owned(),
            on_exit_codes: Some(useless),
            ..PodFailurePolicyRule::default()
        },
    ]
}

fn pod(job: &ArenaJob, settings: &PodSettings) -> PodSpec {
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    let env =
        |name: &str, value: &str| EnvVar { name: name.to_owned(), value: Some(value.to_owned()), value_from: None };
    let scratch = settings.resources.limits.as_ref().and_then(|limits| limits.get("ephemeral-storage")).cloned();
    let own = [env("TMPDIR", TMP_DIR), env("ARENA_CACHE", &format!("{TMP_DIR}/cache"))];
    let mounts = [mount("job", TICKET_DIR, true), mount("tmp", TMP_DIR, false)];
    let container = Container {
        name: "worker".to_owned(),
        image: Some(settings.image.clone()),
        image_pull_policy: Some(settings.image_pull_policy.clone()),
        command: Some(vec!["arena".to_owned()]),
        args: Some(vec!["worker".to_owned(), format!("--job-dir={TICKET_DIR}")]),
        env: Some(own.into_iter().chain(settings.network.env()).collect()),
        resources: Some(settings.resources.clone()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(mounts.into_iter().chain(settings.network.mounts()).collect()),
        ..Container::default()
    };
    let volumes = [
        Volume {
            name: "job".to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(worker_name(&job.name_any())),
                default_mode: Some(0o440),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        },
        Volume {
            name: "tmp".to_owned(),
            empty_dir: Some(EmptyDirVolumeSource {
                size_limit: Some(scratch.unwrap_or_else(|| Quantity(TMP_SIZE.to_owned()))),
                medium: None,
            }),
            ..Volume::default()
        },
    ];
    let pull = settings.image_pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() });
    let pull: Vec<_> = pull.collect();
    PodSpec {
        containers: vec![container],
        restart_policy: Some("Never".to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(DRAIN_SECONDS),
        image_pull_secrets: (!pull.is_empty()).then_some(pull),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
            ..PodSecurityContext::default()
        }),
        volumes: Some(volumes.into_iter().chain(settings.network.volumes()).collect()),
        ..PodSpec::default()
    }
}
