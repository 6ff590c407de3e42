//! A real OCI registry of its own.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::authority::Certificate;
use crate::{HarnessError, Port, Process, Scratch, program};

/// Longest start.
const START: Duration = Duration::from_secs(60);
/// Starts on other ports when a port was taken in between.
const STARTS: u32 = 5;

/// How a registry is set up.
pub struct RegistryOptions {
    /// Where it listens.
    pub address: IpAddr,
    /// A certificate for https; http without.
    pub certificate: Option<Certificate>,
    /// Wants [`Registry::USER`] and [`Registry::PASSWORD`]; open to anyone without.
    pub locked: bool,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self { address: Ipv4Addr::LOCALHOST.into(), certificate: None, locked: false }
    }
}

/// [`Registry::USER`] with its password, hashed as the registry wants it.
const PASSWORDS: &str = "user:$2b$04$F5rVtItUE.4iN2BlMva0uurILsuTm/P1a7rIq02aIvpF4PFYTZYuq\n";

/// A running registry that may be pushed to and deleted from. Dropping it kills it and removes what it holds.
#[derive(Debug)]
pub struct Registry {
    process: Process,
    address: SocketAddr,
    scheme: &'static str,
    _port: Port,
    _scratch: Scratch,
}

impl Registry {
    /// User of a locked registry.
    pub const USER: &str = "user";
    /// Password of a locked registry.
    pub const PASSWORD: &str = "secret";

    /// A registry of http on a free port of 127.0.0.1.
    pub async fn start() -> Result<Self, HarnessError> {
        Self::start_with(RegistryOptions::default()).await
    }

    /// A registry as the options say.
    pub async fn start_with(options: RegistryOptions) -> Result<Self, HarnessError> {
        let mut tries = 1;
        loop {
            match Self::try_start(&options).await {
                Err(HarnessError::Ended { log, .. }) if tries < STARTS && log.contains("address already in use") => {
                    tries += 1;
                }
                end => return end,
            }
        }
    }

    async fn try_start(options: &RegistryOptions) -> Result<Self, HarnessError> {
        let (scratch, port) = (Scratch::new("registry")?, Port::reserve(options.address)?);
        let address = SocketAddr::new(options.address, port.number());
        let file = |name: &str| scratch.path().join(name);
        let write = |name: &str, text: &str| {
            fs::write(file(name), text).map_err(HarnessError::io(format!("cannot write {}", file(name).display())))
        };
        let mut text = configuration(scratch.path(), &address.to_string())?;
        if let Some(certificate) = &options.certificate {
            write("server.crt", &certificate.chain)?;
            write("server.key", &certificate.key)?;
            let [chain, key] = ["server.crt", "server.key"].map(file);
            text += &format!("  tls: {{certificate: {}, key: {}}}\n", chain.display(), key.display());
        }
        if options.locked {
            write("passwords", PASSWORDS)?;
            text += &format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", file("passwords").display());
        }
        write("registry.yml", &text)?;
        let mut command = Command::new(program::REGISTRY.find()?);
        command.arg("serve").arg(file("registry.yml"));
        let mut process = Process::start("registry", scratch.path(), &command)?;
        process.ready(START, async || TcpStream::connect(address).await.is_ok()).await?;
        let scheme = if options.certificate.is_some() { "https" } else { "http" };
        Ok(Self { process, address, scheme, _port: port, _scratch: scratch })
    }

    /// `ADDRESS:PORT`, as it stands in references: `ADDRESS:PORT/team/bundle:v1`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// `http://ADDRESS:PORT`, or with https.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Its log, with a line for each request.
    pub fn log(&self) -> PathBuf {
        self.process.log().to_owned()
    }
}

/// A registry that listens at the address and keeps what it holds below the folder.
pub(crate) fn configuration(folder: &Path, address: &str) -> Result<String, HarnessError> {
    Ok(format!(
        "version: 0.1\nlog: {{level: info, formatter: text}}\n\
         storage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n\
         http:\n  addr: \"{address}\"\n  secret: {}\n",
        folder.join("registry").display(),
        crate::secret()?,
    ))
}
