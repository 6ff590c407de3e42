//! A whole Kubernetes on this machine: control plane, node, registry, names, in namespaces of their own.

mod configuration;
mod images;
mod lock;
mod network;
mod volume;
mod world;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};

use crate::control_plane::{self, Access, Credentials};
use crate::{HarnessError, Kubectl, Process, Scratch, go_program, program};
use configuration::{Files, REGISTRY};
pub use images::BUSYBOX;
use lock::NodeLock;
use network::{HOST, Link, NODE};
use world::World;

/// Longest start of one part.
const START: Duration = Duration::from_secs(120);
/// Name of the only node.
pub(crate) const NODE_NAME: &str = "node-1";
/// Ports inside; nobody else is there.
const ETCD: u16 = 2379;
const ETCD_PEER: u16 = 2380;
const API: u16 = 6443;

/// A running cluster of one node. Dropping it ends every process of it and removes every trace.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: the world takes all processes with it.
    _link: Link,
    world: World,
    _processes: Vec<Process>,
    access: Access,
    socket: PathBuf,
    scratch: Scratch,
    _lock: NodeLock,
}

impl Cluster {
    /// A cluster whose node is ready. Needs root; waits while another test has the machine's node.
    pub async fn up() -> Result<Self, HarnessError> {
        Self::up_for(&format!("a test (pid {})", std::process::id())).await
    }

    /// A developer's own cluster: tests that need the node refuse to start while it is there.
    pub async fn up_for_developer() -> Result<Self, HarnessError> {
        Self::up_for(lock::DEVELOPER).await
    }

    async fn up_for(owner: &str) -> Result<Self, HarnessError> {
        let lock = NodeLock::take(owner).await?;
        let scratch = Scratch::new("node")?;
        let folder = scratch.path();
        let world = World::start(folder).await?;
        let link = network::link(&world).await?;
        let credentials = Credentials::new(folder, &[&NODE.to_string(), "localhost"])?;
        let access = credentials.access(&format!("https://{NODE}:{API}"))?;
        let files = Files::write(folder, access.kubeconfig())?;
        let (kubeconfig, socket) = (access.kubeconfig(), files.socket.clone());
        let start = |name: &str, command: Command| Process::start(name, folder, &world.enter(&command));

        let etcd = start("etcd", control_plane::etcd(folder, ETCD, ETCD_PEER)?)?;
        let mut command = control_plane::api_server(&credentials, ETCD)?;
        command.args(["--bind-address=0.0.0.0", &format!("--secure-port={API}")]);
        // The node's name is known inside its pods only.
        command.arg(format!("--advertise-address={NODE}")).arg("--kubelet-preferred-address-types=InternalIP");
        let mut api_server = start("kube-apiserver", command)?;
        let command = with_file(program::CONTAINERD.find()?, "--config=", &files.containerd);
        let mut containerd = start("containerd", command)?;
        containerd.ready(START, async || UnixStream::connect(&socket).await.is_ok()).await?;
        images::import_busybox(&socket, folder).await?;
        control_plane::wait_for_api(&mut api_server, &access, (NODE, API)).await?;

        let controllers = control_plane::controller_manager(&credentials, kubeconfig)?;
        let mut processes = vec![
            start("kube-controller-manager", controllers)?,
            start("kube-scheduler", scheduler(kubeconfig)?)?,
            start("kube-proxy", with_file(go_program::KUBE_PROXY.find()?, "--config=", &files.proxy))?,
            start("coredns", with_file(go_program::COREDNS.find()?, "-conf=", &files.names))?,
        ];
        let mut kubelet = start("kubelet", kubelet(&files, folder, kubeconfig)?)?;
        let mut command = Command::new(program::REGISTRY.find()?);
        command.arg("serve").arg(&files.registry);
        let mut registry = start("registry", command)?;
        registry.ready(START, async || TcpStream::connect((NODE, REGISTRY)).await.is_ok()).await?;
        kubelet.ready(START, async || node_is_ready(access.kubectl()).await).await?;
        for process in &mut processes {
            // One of these that ended at once would show as a pod that hangs.
            process.ready(START, async || true).await?;
        }
        processes.extend([etcd, api_server, containerd, kubelet, registry]);
        Ok(Self { _link: link, world, _processes: processes, access, socket, scratch, _lock: lock })
    }

    /// How to reach it as its administrator.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// kubectl as its administrator.
    pub fn kubectl(&self) -> &Kubectl {
        self.access.kubectl()
    }

    /// The node's address; Services and pods are reachable from this machine at their own.
    pub fn address(&self) -> IpAddr {
        NODE
    }

    /// This machine's address as the pods see it: where a test's own servers listen for them.
    pub fn host_address(&self) -> IpAddr {
        HOST
    }

    /// `ADDRESS:PORT` of a registry of http, from which the node pulls and to which this machine pushes.
    pub fn registry(&self) -> String {
        format!("{NODE}:{REGISTRY}")
    }

    /// Gives the node the images of an archive, for pods with `imagePullPolicy: Never` or `IfNotPresent`.
    pub async fn import(&self, archive: &Path) -> Result<(), HarnessError> {
        images::import(&self.socket, archive).await
    }

    /// A PersistentVolume of this name for whoever claims one first, at most 100 GiB, without a storage class; as the
    /// cluster has no provisioner, each claim of a test needs one. Its data go with the cluster.
    pub async fn volume(&self, name: &str) -> Result<(), HarnessError> {
        volume::create(self.kubectl(), self.scratch.path(), name).await
    }

    /// The folder with the logs of its parts.
    pub fn logs(&self) -> &Path {
        self.scratch.path()
    }

    /// Runs a command in the node's namespaces, such as `ip route`, and gives its output.
    pub async fn run(&self, words: &[&str]) -> Result<String, HarnessError> {
        self.world.run(words).await
    }
}

/// Puts back what a cluster left whose owner was killed. Does nothing while a cluster runs.
pub async fn remove_leftovers() -> Result<(), HarnessError> {
    NodeLock::take("the removal of leftovers").await.map(drop)
}

async fn node_is_ready(kubectl: &Kubectl) -> bool {
    const STATUS: &str = "jsonpath={.status.conditions[?(@.type=='Ready')].status}";
    let status = kubectl.run(&["get", "node", NODE_NAME, "-o", STATUS]).await;
    // A pod is refused until its namespace has a service account.
    status.is_ok_and(|status| status == "True") && kubectl.run(&["get", "serviceaccount", "default"]).await.is_ok()
}

fn scheduler(kubeconfig: &Path) -> Result<Command, HarnessError> {
    let mut command = with_file(go_program::KUBE_SCHEDULER.find()?, "--kubeconfig=", kubeconfig);
    command.args(["--leader-elect=false", "--secure-port=0", "--profiling=false"]);
    Ok(command)
}

fn kubelet(files: &Files, folder: &Path, kubeconfig: &Path) -> Result<Command, HarnessError> {
    let mut command = with_file(go_program::KUBELET.find()?, "--config=", &files.kubelet);
    command.arg(format!("--kubeconfig={}", kubeconfig.display()));
    command.arg(format!("--root-dir={}", folder.join("kubelet").display()));
    command.args([format!("--node-ip={NODE}"), format!("--hostname-override={NODE_NAME}")]);
    Ok(command)
}

fn with_file(program: PathBuf, flag: &str, file: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(format!("{flag}{}", file.display()));
    command
}
