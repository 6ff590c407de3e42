//! How a registry is spoken to, and what its errors mean here.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arena_model::{Class, Fault as _};
use arena_source::oci::Artifact;
use arena_source::{
    Auth, Credential, FetchChild, FetchLimits, Fetcher, OciSource, Reason, Revision, Settings, SourceError,
};

use super::login;
use crate::exit::{Exit, Failure};
use crate::settings::FETCH_CHILD;

/// What to do about credentials.
const LOG_IN: &str = "log in with `docker login`, or give --username and --password-stdin";

/// Options of every command that talks to a registry.
#[derive(clap::Args)]
pub struct Options {
    /// Speak plain HTTP to the registry.
    #[arg(long)]
    insecure: bool,
    /// Trust the certificates in FILE (PEM) besides the system's.
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,
    /// Log in as NAME, whatever the Docker config says.
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,
    /// Read the password for --username from standard input.
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// Give up after this long, as 90s or 10m.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

/// An artifact in a registry, and what it takes to get there.
pub struct Remote {
    /// The artifact.
    pub source: OciSource,
    /// What the registry gets to see.
    pub auth: Auth,
    /// Longest time of one exchange.
    pub timeout: Duration,
}

impl Options {
    /// Looks for credentials and certificates.
    pub fn open(self, url: String) -> Result<Remote, Failure> {
        let credential = match self.username.filter(|_| self.password_stdin) {
            Some(username) => Some(Credential::Basic { username, password: login::password(io::stdin())? }),
            None => login::docker(&url)?,
        };
        let ca = self.ca.as_deref().map(login::certificates).transpose()?;
        let source = OciSource { url, insecure: self.insecure };
        Ok(Remote { source, auth: Auth { credential, ca }, timeout: self.timeout })
    }
}

impl Remote {
    /// Asks and fetches in a child of this program; trees are made in `folder`.
    pub fn fetcher(&self, folder: &Path) -> Fetcher {
        let child = FetchChild { program: "/proc/self/exe".into(), arguments: vec![FETCH_CHILD.to_owned()] };
        let limits = FetchLimits::default();
        Fetcher::new(Settings { child, children: 1, limits, mirrors: Vec::new(), folder: folder.to_owned() })
    }

    /// What the artifact says of itself.
    pub async fn inspect(&self, fetcher: &Fetcher) -> Result<Artifact, Failure> {
        fetcher.inspect(&self.source, &self.auth, self.timeout).await.map_err(|error| self.failure(error))
    }

    /// The reference that always means what it means now.
    pub fn pinned(&self, revision: &Revision) -> String {
        let named = self.source.url.split('@').next().unwrap_or_default();
        format!("{named}@{}", revision.digest().unwrap_or_default())
    }

    /// What an error of the registry means for the user.
    pub fn failure(&self, error: SourceError) -> Failure {
        let exit = if error.class() == Class::Infra { Exit::Machinery } else { Exit::BadInput };
        let hint = match error.reason {
            Reason::AuthenticationFailed => Some(LOG_IN),
            Reason::RemoteUnreachable if !self.source.insecure => {
                Some("a registry of plain HTTP needs --insecure, one with certificates of its own --ca")
            }
            _ => None,
        };
        Failure { exit, reason: error.reason(), text: error.message, hint: hint.map(str::to_owned), listing: false }
    }

    /// The registry is too slow.
    pub fn too_long(&self) -> Failure {
        let text = format!("the registry took longer than {} s", self.timeout.as_secs_f64());
        Failure::input(Reason::Timeout.as_str(), text).hint("raise --timeout")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_reference_has_one_digest() {
        let remote = |url: &str| Remote {
            source: OciSource { url: url.into(), insecure: false },
            auth: Auth::default(),
            timeout: Duration::ZERO,
        };
        let digest = format!("sha256:{}", "a".repeat(64));
        for (url, expected) in [
            ("oci://h.e/b:v1".to_owned(), format!("oci://h.e/b:v1@{digest}")),
            (format!("oci://h.e/b@{digest}"), format!("oci://h.e/b@{digest}")),
        ] {
            assert_eq!(remote(&url).pinned(&Revision::parse(&digest)), expected);
        }
    }
}
