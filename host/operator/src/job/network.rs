//! How workers reach the providers' servers: what stands in their pods for it.

use k8s_openapi::api::core::v1::{ConfigMapVolumeSource, EnvVar, SecretVolumeSource, Volume, VolumeMount};

/// Where a worker finds certificates to trust.
const CA_DIR: &str = "/etc/arena/ca";
/// Where it finds the certificate that it shows.
const CLIENT_DIR: &str = "/etc/arena/client";

/// A way to providers that is not the straight one. What is named must be there in each namespace of jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodNetwork {
    /// URL of the proxy, without user and password.
    pub proxy: Option<String>,
    /// Hosts that are reached without it, separated by commas.
    pub no_proxy: Option<String>,
    /// ConfigMap whose key `ca.crt` has certificates to trust beside the system's.
    pub ca_config_map: Option<String>,
    /// Secret of the type kubernetes.io/tls with the certificate that servers are shown.
    pub client_cert_secret: Option<String>,
}

impl PodNetwork {
    pub(super) fn env(&self) -> impl Iterator<Item = EnvVar> {
        let proxy = self.proxy.as_deref();
        let no_proxy = self.no_proxy.as_deref().filter(|_| proxy.is_some());
        let told = [
            ("ARENA_PROXY", proxy.map(|_| "env".to_owned())),
            ("HTTP_PROXY", proxy.map(str::to_owned)),
            ("HTTPS_PROXY", proxy.map(str::to_owned)),
            ("NO_PROXY", no_proxy.map(str::to_owned)),
            ("ARENA_CA_FILE", self.ca_config_map.as_ref().map(|_| format!("{CA_DIR}/ca.crt"))),
            ("ARENA_CLIENT_CERT", self.client_cert_secret.as_ref().map(|_| CLIENT_DIR.to_owned())),
        ];
        let env =
            |(name, value): (&str, String)| EnvVar { name: name.to_owned(), value: Some(value), value_from: None };
        told.into_iter().filter_map(move |(name, value)| Some(env((name, value?))))
    }

    pub(super) fn mounts(&self) -> impl Iterator<Item = VolumeMount> {
        let mount = |name: &str, path: &str| VolumeMount {
            name: name.to_owned(),
            mount_path: path.to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        };
        let ca = self.ca_config_map.as_ref().map(|_| mount("ca", CA_DIR));
        let client = self.client_cert_secret.as_ref().map(|_| mount("client-cert", CLIENT_DIR));
        ca.into_iter().chain(client)
    }

    pub(super) fn volumes(&self) -> impl Iterator<Item = Volume> {
        let ca = self.ca_config_map.clone().map(|name| Volume {
            name: "ca".to_owned(),
            config_map: Some(ConfigMapVolumeSource { name, ..ConfigMapVolumeSource::default() }),
            ..Volume::default()
        });
        let client = self.client_cert_secret.clone().map(|name| Volume {
            name: "client-cert".to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(name),
                default_mode: Some(0o440),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        });
        ca.into_iter().chain(client)
    }
}
