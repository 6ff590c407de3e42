//! `kind: ArenaSource`.

use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Condition, GoDuration, NameRef, bounds};

/// Where a bundle comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "omnia.altairalabs.ai",
    version = "v1alpha1",
    kind = "ArenaSource",
    namespaced,
    status = "ArenaSourceStatus",
    shortname = "as",
    category = "arena",
    derive = "PartialEq",
    doc = "A place that a PromptKit bundle is fetched from: a Git repository, an OCI artifact or a ConfigMap. The operator \
           looks at it every spec.interval, keeps the newest bundle that is valid and serves it to jobs.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.artifact.revision"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    crates(kube_core = "::kube_core")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    crates(kube_core = "::kube_core"),
    validation = Rule::new("self.type != 'git' || (has(self.git) && !has(self.oci) && !has(self.configMap))")
        .message("type is git: set spec.git, and neither spec.oci nor spec.configMap"),
    validation = Rule::new("self.type != 'oci' || (has(self.oci) && !has(self.git) && !has(self.configMap))")
        .message("type is oci: set spec.oci, and neither spec.git nor spec.configMap"),
    validation = Rule::new("self.type != 'configmap' || (has(self.configMap) && !has(self.git) && !has(self.oci))")
        .message("type is configmap: set spec.configMap, and neither spec.git nor spec.oci")
)]
pub struct ArenaSourceSpec {
    /// Kind of place: git, oci or configmap. The block of that name must be set, and no other.
    #[serde(rename = "type")]
    pub type_: SourceType,
    /// What is there: bundle, or dataset for tables that ArenaConfigs name under spec.dataset. Files of a dataset are taken
    /// as they are.
    #[serde(default)]
    pub contents: SourceContents,
    /// Time between two looks at the place. An unchanged place costs one cheap query. From 5s to 24h.
    #[serde(default = "interval")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('5s') && duration(self) <= duration('24h')")
        .message("interval must be from 5s to 24h, such as 5m"))]
    pub interval: GoDuration,
    /// Longest time that one fetch may take. From 1s to 10m.
    #[serde(default = "timeout")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('10m')")
        .message("timeout must be from 1s to 10m, such as 60s"))]
    pub timeout: GoDuration,
    /// Stop looking at the place. The bundle fetched last stays available to jobs.
    #[serde(default)]
    pub suspend: bool,
    /// A Git repository. Set it when type is git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitSource>,
    /// An artifact in an OCI registry, as `arena bundle push` writes it. Set it when type is oci.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oci: Option<OciSource>,
    /// A ConfigMap of this namespace whose keys are the bundle's files. Set it when type is configmap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapSource>,
}

fn interval() -> GoDuration {
    GoDuration::parse("5m").unwrap_or_else(|| GoDuration::from_secs(300))
}

fn timeout() -> GoDuration {
    GoDuration::from_secs(60)
}

/// Kind of place a bundle comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum SourceType {
    Git,
    Oci,
    Configmap,
}

/// What a place holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum SourceContents {
    #[default]
    Bundle,
    Dataset,
}

/// A Git repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct GitSource {
    /// Address of the repository, https:// or http://. Credentials belong into secretRef.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(
        validation = Rule::new("self.matches('^https?://[^/]+/.+')")
            .message("write the repository as https://HOST/PATH; other forms, such as git@HOST:PATH, are not supported"),
        validation = Rule::new("!self.matches('^[a-z]+://[^/]*@')")
            .message("no user or password in the URL: put them into a Secret and name it in git.secretRef")
    )]
    pub url: String,
    /// What of the repository is meant. The default branch if it is left out.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<GitReference>,
    /// Folder of the bundle within the repository. The root if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("!self.startsWith('/') && !self.split('/').exists(part, part == '..')")
        .message("path is relative to the root of the repository and stays inside it: no leading / and no .."))]
    pub path: Option<String>,
    /// Secret of this namespace with credentials: the keys username and password, or bearerToken; besides, ca.crt with
    /// certificates to trust. Credentials are sent over https only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<NameRef>,
}

/// What of a repository is meant. The most exact counts: commit, then tag, then branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    crates(kube_core = "::kube_core"),
    validation = Rule::new("has(self.branch) || has(self.tag) || has(self.commit)")
        .message("set branch, tag or commit, or leave ref out for the default branch")
)]
pub struct GitReference {
    /// Name of a branch, such as main.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 250))]
    #[x_kube(validation = Rule::new("self.matches('^[^-/ ~^:?*\\\\[][^ ~^:?*\\\\[]*$') && !self.contains('..')")
        .message("write the branch as git prints it, such as main or release/1.2"))]
    pub branch: Option<String>,
    /// Name of a tag, such as v1.2.0. It counts before branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 250))]
    #[x_kube(validation = Rule::new("self.matches('^[^-/ ~^:?*\\\\[][^ ~^:?*\\\\[]*$') && !self.contains('..')")
        .message("write the tag as git prints it, such as v1.2.0"))]
    pub tag: Option<String>,
    /// Full id of a commit. It counts before tag and branch; a revision bears the branch's name, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9a-f]{40}$')")
        .message("write the commit in full: 40 lower-case hex digits"))]
    pub commit: Option<String>,
}

/// An artifact in an OCI registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct OciSource {
    /// Address of the artifact: oci://HOST/REPOSITORY:TAG, or @sha256:DIGEST in place of the tag.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^oci://[^/@ ]+/[^ @]+(:[^/@ ]+|@sha256:[0-9a-f]{64})$')")
        .message("write the artifact as oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@sha256:DIGEST"))]
    pub url: String,
    /// Secret of this namespace with credentials: of type kubernetes.io/dockerconfigjson, or with the keys username
    /// and password, or bearerToken; besides, ca.crt with certificates to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<NameRef>,
    /// Speak plain HTTP to the registry.
    #[serde(default)]
    pub insecure: bool,
}

/// A ConfigMap whose keys are the bundle's files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigMapSource {
    /// Name of the ConfigMap. In its keys `__` stands for the `/` of a path.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
}

/// What the operator last saw of the place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct ArenaSourceStatus {
    /// Generation of the spec that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready: the newest look found a valid bundle. Reconciling: a look is due or under way. Stalled: only a changed spec
    /// can help. FetchFailed: the newest look failed; a bundle found before stays in artifact.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The bundle that jobs get. It survives looks that fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// Value of the annotation reconcile.arena.altairalabs.ai/requestedAt that was acted on last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
}

/// A bundle in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Where it stood: BRANCH@sha1:COMMIT for Git, TAG@sha256:DIGEST for OCI, the resourceVersion of a ConfigMap.
    #[schemars(length(min = 1, max = 512))]
    pub revision: String,
    /// Digest of the bundle's files by path and bytes, the same wherever they came from.
    #[schemars(length(max = 80))]
    pub digest: String,
    /// Where workers get the packed bundle from. It needs a job's token.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// Bytes of all files together.
    pub size: i64,
    /// Newest generation of the spec that it was found for. Jobs wait while the spec is newer.
    pub observed_generation: i64,
    /// When this bundle was stored, RFC 3339. A look that finds nothing new does not change it.
    #[schemars(schema_with = "bounds::timestamp")]
    pub last_update_time: String,
}
