//! `arena operator`: acts on the fleet's objects in Kubernetes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arena_operator::{PodNetwork, PodSettings, Settings};
use arena_queue::RedisOptions;
use arena_source::{FetchChild, FetchLimits, Fetcher, Mirror};
use k8s_openapi::api::core::v1::ResourceRequirements;

use crate::exit::{Exit, Failure, OrFail};
use crate::fleet::{Engine, flags, read_key, read_line, without_login};
use crate::settings::FETCH_CHILD;
use crate::stop::stopped;

/// Fetches at once.
const FETCHES: usize = 4;

/// Arguments of `arena operator`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Namespaces whose objects are acted on, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true, value_parser = flags::namespace)]
    namespaces: Vec<String>,
    /// The store, as http://HOST:PORT; workers are told the same.
    #[arg(long, value_name = "URL", value_parser = flags::store_url)]
    store_url: String,
    /// File with the secret that tokens are signed with; the store has the same.
    #[arg(long, value_name = "FILE")]
    store_key_file: PathBuf,
    /// File with the URL of Redis, as redis://USER:PASSWORD@HOST:PORT, of a user who may manage ACL users.
    #[arg(long, value_name = "FILE")]
    redis_url_file: PathBuf,
    /// Redis as workers are told of it, without user and password [default: the same host].
    #[arg(long, value_name = "URL", value_parser = flags::redis_worker_url)]
    redis_worker_url: Option<String>,
    /// NAMESPACE/NAME of the Lease that says which of several operators acts; without it this one always does.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = flags::lease)]
    lease: Option<(String, String)>,
    /// Where /livez and /readyz are served, as HOST:PORT or :PORT; nowhere without it.
    #[arg(long, value_name = "ADDRESS", value_parser = flags::listen_on)]
    listen: Option<SocketAddr>,
    /// How long a job's credentials outlive its deadline.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = flags::token_grace)]
    token_grace: Duration,
    /// How long a worker may be silent before its cases are given to others.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = flags::queue_lease)]
    queue_lease: Duration,
    /// Image of worker pods.
    #[arg(long, value_name = "IMAGE", value_parser = flags::image)]
    worker_image: String,
    /// Always, IfNotPresent or Never.
    #[arg(long, value_name = "POLICY", default_value = "IfNotPresent", value_parser = ["Always", "IfNotPresent", "Never"])]
    worker_image_pull_policy: String,
    /// Secret with credentials of the image's registry; may be given more than once.
    #[arg(long, value_name = "NAME", value_parser = flags::object)]
    worker_image_pull_secret: Vec<String>,
    /// What each worker pod gets, as the JSON of a container's `resources`.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = flags::resources)]
    worker_resources: ResourceRequirements,
    /// Proxy through which workers reach providers, as http://HOST:PORT.
    #[arg(long, value_name = "URL", value_parser = flags::proxy)]
    worker_proxy: Option<String>,
    /// Hosts that workers reach without it, separated by commas.
    #[arg(long, value_name = "HOSTS", requires = "worker_proxy", value_parser = flags::hosts)]
    worker_no_proxy: Option<String>,
    /// ConfigMap in each namespace of jobs whose key ca.crt has certificates that workers trust as providers', too.
    #[arg(long, value_name = "NAME", value_parser = flags::object)]
    worker_ca_config_map: Option<String>,
    /// Secret in each namespace of jobs with the keys tls.crt and tls.key: the certificate that workers show providers.
    #[arg(long, value_name = "NAME", value_parser = flags::object)]
    worker_client_cert_secret: Option<String>,
    /// Sources whose URL starts with PREFIX are fetched from URL instead; may be given more than once.
    #[arg(long, value_name = "PREFIX=URL", value_parser = flags::mirror)]
    source_mirror: Vec<Mirror>,
}

/// Acts until it is told to stop, or another operator takes over.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let redis = read_line(&arguments.redis_url_file)?;
    let redis_worker_url = arguments.redis_worker_url.unwrap_or_else(|| without_login(&redis));
    let scratch = tempfile::TempDir::with_prefix("arena-operator-").map_err(|error| {
        Failure::machinery("ScratchFolder", format!("no folder for bundles: {error}")).hint("set TMPDIR")
    })?;
    let fetcher = Fetcher::new(arena_source::Settings {
        child: FetchChild { program: PathBuf::from("/proc/self/exe"), arguments: vec![FETCH_CHILD.to_owned()] },
        children: FETCHES,
        limits: FetchLimits::default(),
        mirrors: arguments.source_mirror,
        folder: scratch.path().to_owned(),
    });
    let settings = Settings {
        namespaces: arguments.namespaces,
        store_url: arguments.store_url,
        store_key: read_key(&arguments.store_key_file)?,
        redis: RedisOptions::new(redis),
        redis_worker_url,
        lease: arguments.lease,
        listen: arguments.listen,
        token_grace: arguments.token_grace,
        pod: PodSettings {
            image: arguments.worker_image,
            image_pull_policy: arguments.worker_image_pull_policy,
            image_pull_secrets: arguments.worker_image_pull_secret,
            resources: arguments.worker_resources,
            network: PodNetwork {
                proxy: arguments.worker_proxy,
                no_proxy: arguments.worker_no_proxy,
                ca_config_map: arguments.worker_ca_config_map,
                client_cert_secret: arguments.worker_client_cert_secret,
            },
        },
        scratch: scratch.path().to_owned(),
        queue_lease: arguments.queue_lease,
    };
    let client = kube::Client::try_default().await.map_err(|error| {
        Failure::input("KubernetesUnreachable", format!("no access to a Kubernetes: {error}"))
            .hint("run it in a pod with a service account, or set KUBECONFIG")
    })?;
    arena_operator::run(client, settings, Arc::new(fetcher), Arc::new(Engine), stopped()).await.or_fail()?;
    Ok(Exit::Passed)
}
