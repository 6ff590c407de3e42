//! The node's configuration files.

use std::fs;
use std::path::{Path, PathBuf};

use super::network::{NODE, PODS};
use crate::HarnessError;

/// The image that holds a pod's namespaces.
pub(super) const PAUSE: &str = "localhost/arena/pause:1";
/// Port of the registry on the node.
pub(super) const REGISTRY: u16 = 5000;
/// Name of the control group of all pods, below the root of each hierarchy.
pub(super) const CGROUP: &str = "arena-node";

/// Files of one node, all in its folder.
pub(super) struct Files {
    /// containerd's configuration.
    pub containerd: PathBuf,
    /// containerd's socket.
    pub socket: PathBuf,
    /// The kubelet's configuration.
    pub kubelet: PathBuf,
    /// kube-proxy's configuration.
    pub proxy: PathBuf,
    /// CoreDNS's configuration.
    pub names: PathBuf,
    /// The registry's configuration.
    pub registry: PathBuf,
}

impl Files {
    /// Writes them.
    pub(super) fn write(folder: &Path, kubeconfig: &Path) -> Result<Self, HarnessError> {
        let at = |name: &str| folder.join(name);
        let socket = at("containerd.sock");
        let [root, state, cni, certificates] = ["containerd", "containerd-state", "cni", "registries"].map(at);
        let hosts = certificates.join(format!("{NODE}:{REGISTRY}"));
        for made in [&cni, &hosts] {
            fs::create_dir_all(made).map_err(HarnessError::io(format!("cannot create {}", made.display())))?;
        }
        let write = |path: PathBuf, text: String| {
            fs::write(&path, text).map_err(HarnessError::io(format!("cannot write {}", path.display()))).map(|()| path)
        };
        write(
            hosts.join("hosts.toml"),
            format!(
                "server = \"http://{NODE}:{REGISTRY}\"\n[host.\"http://{NODE}:{REGISTRY}\"]\n\
                 capabilities = [\"pull\", \"resolve\"]\n"
            ),
        )?;
        write(
            cni.join("arena.conflist"),
            format!(
                r#"{{"cniVersion": "1.0.0", "name": "arena-node", "plugins": [
  {{"type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {{"type": "host-local", "ranges": [[{{"subnet": "{PODS}"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "portmap", "capabilities": {{"portMappings": true}}}}]}}
"#
            ),
        )?;
        // Without restrict_oom_score_adj no pod starts where negative scores are forbidden.
        let containerd = format!(
            r#"version = 2
root = "{root}"
state = "{state}"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{cni}"
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "{certificates}"
"#,
            root = root.display(),
            state = state.display(),
            socket = socket.display(),
            cni = cni.display(),
            certificates = certificates.display(),
        );
        // Anyone who reaches the node may read logs: the API server needs no client certificate then.
        let kubelet = format!(
            r#"apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication: {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}
authorization: {{mode: AlwaysAllow}}
cgroupDriver: cgroupfs
cgroupRoot: /{CGROUP}
failCgroupV1: false
failSwapOn: false
clusterDNS: ["{NODE}"]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://{socket}
evictionHard: {{memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%}}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
volumePluginDir: {plugins}
"#,
            socket = socket.display(),
            plugins = at("volume-plugins").display(),
        );
        // The limits of the machine's connection table are not the node's to set.
        let proxy = format!(
            "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: iptables\n\
             hostnameOverride: {node}\nclientConnection: {{kubeconfig: {kubeconfig}}}\nclusterCIDR: {PODS}\n\
             conntrack: {{maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}}\n",
            node = super::NODE_NAME,
            kubeconfig = kubeconfig.display(),
        );
        let names = format!(
            ".:53 {{\n  bind {NODE}\n  errors\n  kubernetes cluster.local in-addr.arpa {{\n    kubeconfig {} arena\n  }}\n  cache 5\n}}\n",
            kubeconfig.display()
        );
        let registry = crate::registry::configuration(folder, &format!("0.0.0.0:{REGISTRY}"))?;
        Ok(Self {
            containerd: write(at("containerd.toml"), containerd)?,
            socket,
            kubelet: write(at("kubelet.yaml"), kubelet)?,
            proxy: write(at("kube-proxy.yaml"), proxy)?,
            names: write(at("Corefile"), names)?,
            registry: write(at("registry.yml"), registry)?,
        })
    }
}
