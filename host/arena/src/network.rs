//! How vendors are reached: proxy, trusted certificates, a certificate of one's own.

use std::path::{Path, PathBuf};

use arena_provider::{HttpClient, HttpSettings};

use crate::exit::Failure;
use crate::files::{KEY_BYTES, read};
use crate::{settings, verdict};

/// Flags on the way to vendors. Each has a variable for processes that nobody gives flags, such as workers in pods.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "How providers are reached")]
pub struct Network {
    /// Go through the proxies that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name; they see where calls go, and all of those
    /// over plain HTTP [also: ARENA_PROXY=env].
    #[arg(long)]
    proxy_from_env: bool,
    /// Trust the certificates in this PEM file, too [also: ARENA_CA_FILE].
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Show the certificate in this PEM file, which holds its key as well, or in tls.crt and tls.key of this folder, to
    /// servers that ask for one [also: ARENA_CLIENT_CERT].
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,
}

/// How a certificate in PEM begins, but for its dashes.
const CERTIFICATE: &str = "BEGIN CERTIFICATE-----";

/// How a key ends its first line.
const KEY: &str = "PRIVATE KEY-----";

/// A file that holds each of these kinds of PEM.
fn pem(path: &Path, kinds: &[&str]) -> Result<Vec<u8>, Failure> {
    let bytes = read(path, KEY_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    match kinds.iter().find(|kind| !text.contains(**kind)) {
        None => Ok(bytes),
        Some(kind) => {
            let kind = kind.trim_start_matches("BEGIN ").trim_end_matches('-').to_lowercase();
            let text = format!("{}: there is no {kind} in PEM in it", path.display());
            Err(Failure::input("CertificateInvalid", text).hint("a client certificate stands with its key in one file"))
        }
    }
}

/// A certificate and its key, from one file or from the two in a folder that Kubernetes makes of a TLS Secret.
fn client_cert(path: &Path) -> Result<Vec<u8>, Failure> {
    if !path.is_dir() {
        return pem(path, &[CERTIFICATE, KEY]);
    }
    let (certificate, key) = (pem(&path.join("tls.crt"), &[CERTIFICATE])?, pem(&path.join("tls.key"), &[KEY])?);
    Ok([certificate, key].join(&b'\n'))
}

impl Network {
    /// The flags once more, each after a space.
    pub fn flags(&self) -> String {
        let file = |flag: &str, file: &Option<PathBuf>| {
            file.as_ref().map_or_else(String::new, |file| format!(" --{flag} {}", verdict::shell_word(file)))
        };
        let proxy = if self.proxy_from_env { " --proxy-from-env" } else { "" };
        format!("{proxy}{}{}", file("ca-file", &self.ca_file), file("client-cert", &self.client_cert))
    }

    /// Reads the files.
    pub fn settings(&self) -> Result<HttpSettings, Failure> {
        let path = |flag: &Option<PathBuf>, name: &str| {
            flag.clone().or_else(|| settings::variable(name).filter(|path| !path.is_empty()).map(PathBuf::from))
        };
        let roots = path(&self.ca_file, "ARENA_CA_FILE").map(|path| pem(&path, &[CERTIFICATE])).transpose()?;
        let identity = path(&self.client_cert, "ARENA_CLIENT_CERT");
        let identity = identity.map(|path| client_cert(&path)).transpose()?;
        let settings = HttpSettings {
            proxy_from_env: self.proxy_from_env || settings::variable("ARENA_PROXY").as_deref() == Some("env"),
            extra_roots: roots,
            identity,
            ..HttpSettings::default()
        };
        if settings.extra_roots.is_some() || settings.identity.is_some() {
            // Before any case: each would end in this error.
            HttpClient::new(&settings).map_err(|error| {
                Failure::input("CertificateInvalid", error.to_string())
                    .hint("look at the files of --ca-file and --client-cert, or of their variables")
            })?;
        }
        Ok(settings)
    }
}
