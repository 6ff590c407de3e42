//! A real API server with its store, for one test: Kubernetes without nodes.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::{HarnessError, Kubectl, Port, Process, Scratch, go_program};

/// Longest start of one part; seconds on a machine that does nothing else.
const START: Duration = Duration::from_secs(120);
/// Starts on other ports when a port was taken in between.
const STARTS: u32 = 5;
/// Where everything listens.
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Range of the addresses of Services.
pub(crate) const SERVICES: &str = "10.96.0.0/16";
/// The API server's own Service.
const SERVICE_OF_API: &str = "10.96.0.1";

/// How a control plane is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct ControlPlaneOptions {
    /// True if kube-controller-manager runs too: Jobs make pods (which stay pending), dependents go with their
    /// owners, namespaces have a service account and can be deleted.
    pub controllers: bool,
}

/// etcd and kube-apiserver on free ports of 127.0.0.1, with RBAC. Dropping it kills them and removes their folder.
#[derive(Debug)]
pub struct ControlPlane {
    // Dropped in this order.
    _controllers: Option<Process>,
    api_server: Process,
    _etcd: Process,
    access: Access,
    _ports: Vec<Port>,
    _scratch: Scratch,
}

/// How to reach an API server as its administrator.
#[derive(Clone, Debug)]
pub struct Access {
    url: String,
    authority: String,
    token: String,
    kubeconfig: PathBuf,
    kubectl: Kubectl,
}

/// What the API server and what speaks to it need of each other: certificates, keys, tokens.
pub(crate) struct Credentials {
    folder: PathBuf,
    authority: String,
    token: String,
}

impl ControlPlane {
    /// etcd and the API server, ready.
    pub async fn start() -> Result<Self, HarnessError> {
        Self::start_with(ControlPlaneOptions::default()).await
    }

    /// A control plane as the options say, ready.
    pub async fn start_with(options: ControlPlaneOptions) -> Result<Self, HarnessError> {
        let mut tries = 1;
        loop {
            match Self::try_start(options).await {
                Err(HarnessError::Ended { log, .. }) if tries < STARTS && log.contains("address already in use") => {
                    tries += 1;
                }
                end => return end,
            }
        }
    }

    async fn try_start(options: ControlPlaneOptions) -> Result<Self, HarnessError> {
        let scratch = Scratch::new("kube")?;
        let folder = scratch.path();
        let ports = (0..3).map(|_| Port::reserve(LOCALHOST)).collect::<Result<Vec<_>, _>>()?;
        let [client, peer, secure] = [&ports[0], &ports[1], &ports[2]].map(Port::number);

        let etcd = Process::start("etcd", folder, &etcd(folder, client, peer)?)?;
        let credentials = Credentials::new(folder, &["127.0.0.1", "localhost"])?;
        let mut command = api_server(&credentials, client)?;
        command.args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none"]);
        command.arg(format!("--secure-port={secure}"));
        if !options.controllers {
            // Nobody makes the service accounts that it would ask for.
            command.arg("--disable-admission-plugins=ServiceAccount");
        }
        let mut api_server = Process::start("kube-apiserver", folder, &command)?;
        let access = credentials.access(&format!("https://127.0.0.1:{secure}"))?;
        wait_for_api(&mut api_server, &access, (LOCALHOST, secure)).await?;

        let mut controllers = None;
        if options.controllers {
            let command = controller_manager(&credentials, access.kubeconfig())?;
            let mut process = Process::start("kube-controller-manager", folder, &command)?;
            process
                .ready(START, async || access.kubectl().run(&["get", "serviceaccount", "default"]).await.is_ok())
                .await?;
            controllers = Some(process);
        }
        Ok(Self { _controllers: controllers, api_server, _etcd: etcd, access, _ports: ports, _scratch: scratch })
    }

    /// How to reach it as its administrator.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// kubectl as its administrator.
    pub fn kubectl(&self) -> &Kubectl {
        &self.access.kubectl
    }

    /// The API server's log.
    pub fn log(&self) -> &Path {
        self.api_server.log()
    }
}

impl Access {
    /// `https://ADDRESS:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate to trust, PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The administrator's bearer token, in the group system:masters.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }
}

impl Credentials {
    /// New ones in the folder, for an API server of these names.
    pub(crate) fn new(folder: &Path, names: &[&str]) -> Result<Self, HarnessError> {
        let authority = Authority::new("arena test world")?;
        let own = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", SERVICE_OF_API];
        let server = authority.issue(&[names, &own].concat())?;
        // Any certificate's key signs tokens as well as another.
        let accounts = authority.issue(&[])?;
        let token = crate::secret()?;
        let files = [
            ("ca.crt", authority.certificate()),
            ("server.crt", &server.chain),
            ("server.key", &server.key),
            ("accounts.crt", &accounts.chain),
            ("accounts.key", &accounts.key),
            ("tokens.csv", &format!("{token},admin,admin,\"system:masters\"\n")),
        ];
        for (name, text) in files {
            let path = folder.join(name);
            fs::write(&path, text).map_err(HarnessError::io(format!("cannot write {}", path.display())))?;
        }
        Ok(Self { folder: folder.to_owned(), authority: authority.certificate().to_owned(), token })
    }

    /// Writes the administrator's kubeconfig for a server at the URL.
    pub(crate) fn access(&self, url: &str) -> Result<Access, HarnessError> {
        let kubeconfig = self.folder.join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: arena\n\
             clusters:\n- name: arena\n  cluster: {{server: \"{url}\", certificate-authority: {}}}\n\
             users:\n- name: admin\n  user: {{token: {}}}\n\
             contexts:\n- name: arena\n  context: {{cluster: arena, user: admin}}\n",
            self.path("ca.crt"),
            self.token,
        );
        fs::write(&kubeconfig, text).map_err(HarnessError::io(format!("cannot write {}", kubeconfig.display())))?;
        let kubectl = Kubectl::new(kubeconfig.clone(), &self.folder)?;
        let (authority, token) = (self.authority.clone(), self.token.clone());
        Ok(Access { url: url.to_owned(), authority, token, kubeconfig, kubectl })
    }

    /// A file of theirs, as an argument.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

/// A store that forgets: its data need not outlive a power cut.
pub(crate) fn etcd(folder: &Path, client: u16, peer: u16) -> Result<Command, HarnessError> {
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    let mut command = Command::new(go_program::ETCD.find()?);
    command.args(["--unsafe-no-fsync", "--log-level=warn", "--name=arena"]);
    command.arg(format!("--data-dir={}", folder.join("etcd").display()));
    command.args([format!("--listen-client-urls={client}"), format!("--advertise-client-urls={client}")]);
    command.args([format!("--listen-peer-urls={peer}"), format!("--initial-advertise-peer-urls={peer}")]);
    command.arg(format!("--initial-cluster=arena={peer}"));
    Ok(command)
}

/// The API server without its addresses.
pub(crate) fn api_server(credentials: &Credentials, etcd: u16) -> Result<Command, HarnessError> {
    let mut command = Command::new(go_program::KUBE_APISERVER.find()?);
    command.arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"));
    command.args(["--authorization-mode=Node,RBAC", "--allow-privileged=true", "--profiling=false"]);
    command.arg(format!("--service-cluster-ip-range={SERVICES}"));
    command.arg("--service-account-issuer=https://kubernetes.default.svc");
    for (flag, file) in [
        ("tls-cert-file", "server.crt"),
        ("tls-private-key-file", "server.key"),
        ("service-account-key-file", "accounts.crt"),
        ("service-account-signing-key-file", "accounts.key"),
        ("token-auth-file", "tokens.csv"),
    ] {
        command.arg(format!("--{flag}={}", credentials.path(file)));
    }
    Ok(command)
}

/// The controllers of a cluster of one machine.
pub(crate) fn controller_manager(credentials: &Credentials, kubeconfig: &Path) -> Result<Command, HarnessError> {
    let mut command = Command::new(go_program::KUBE_CONTROLLER_MANAGER.find()?);
    command.args(["--leader-elect=false", "--allocate-node-cidrs=false", "--use-service-account-credentials=true"]);
    // It serves nothing: its readiness shows in the API.
    command.args(["--secure-port=0", "--profiling=false"]);
    command.arg(format!("--kubeconfig={}", kubeconfig.display()));
    command.arg(format!("--root-ca-file={}", credentials.path("ca.crt")));
    command.arg(format!("--service-account-private-key-file={}", credentials.path("accounts.key")));
    Ok(command)
}

/// Waits until the API server is ready and has made its namespaces.
pub(crate) async fn wait_for_api(
    process: &mut Process,
    access: &Access,
    address: (IpAddr, u16),
) -> Result<(), HarnessError> {
    let ready = async || {
        TcpStream::connect(address).await.is_ok()
            && access.kubectl().run(&["get", "--raw", "/readyz"]).await.is_ok()
            && access.kubectl().run(&["get", "namespace", "default", "kube-system"]).await.is_ok()
    };
    process.ready(START, ready).await
}
