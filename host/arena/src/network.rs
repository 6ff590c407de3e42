//! How vendors are reached: proxy, trusted certificates, a certificate of one's own.

use std::path::{Path, PathBuf};

use arena_provider::HttpSettings;

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
    /// Show the certificate in this PEM file, which holds its key as well, to servers that ask for one [also:
    /// ARENA_CLIENT_CERT].
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,
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
        let content = |path: Option<PathBuf>| path.map(|path: PathBuf| read(Path::new(&path), KEY_BYTES)).transpose();
        Ok(HttpSettings {
            proxy_from_env: self.proxy_from_env || settings::variable("ARENA_PROXY").as_deref() == Some("env"),
            extra_roots: content(path(&self.ca_file, "ARENA_CA_FILE"))?,
            identity: content(path(&self.client_cert, "ARENA_CLIENT_CERT"))?,
            ..HttpSettings::default()
        })
    }
}
