//! What a registry is shown, and which ones are trusted.

use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use arena_source::{Credential, DockerConfig, DockerConfigError};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::exit::Failure;
use crate::files::{self, KEY_BYTES, read_file};
use crate::settings;

/// Largest Docker config, or file of certificates, bytes.
const CONFIG_BYTES: u64 = 1 << 20;

/// All of `from`, which must be one line.
pub fn password(from: impl io::Read) -> Result<String, Failure> {
    let missing = |why: &str| {
        let text = format!("the password on standard input {why}");
        Failure::input("PasswordInvalid", text).hint("pipe it in: `... --password-stdin < FILE`")
    };
    let mut text = String::new();
    from.take(KEY_BYTES + 1).read_to_string(&mut text).map_err(|_| missing("cannot be read or is not UTF-8"))?;
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    match line.len() as u64 {
        0 => Err(missing("is empty")),
        1..=KEY_BYTES if !line.contains('\n') => Ok(line.to_owned()),
        _ => Err(missing("is more than one line")),
    }
}

/// Certificates in PEM, each of which can be trusted.
pub fn certificates(path: &Path) -> Result<String, Failure> {
    let wrong = |why: &str| Failure::input("CertificateInvalid", format!("{}: {why}", path.display()));
    let bytes = files::read(path, CONFIG_BYTES)?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| wrong(&format!("this is no PEM: {error}")))?;
        store.add(certificate).map_err(|error| wrong(&format!("a certificate in it is wrong: {error}")))?;
    }
    if store.is_empty() {
        return Err(wrong("it holds no certificate").hint("give the CA's certificate in PEM"));
    }
    String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))
}

/// What the user's Docker config says for the artifact.
pub fn docker(url: &str) -> Result<Option<Credential>, Failure> {
    let set = |name: &str| settings::variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = set("REGISTRY_AUTH_FILE");
    // Who logged in nowhere has none of the others.
    let may_lack = named.is_none();
    let usual = || set("DOCKER_CONFIG").or_else(|| set("HOME").map(|home| home.join(".docker")));
    let Some(path) = named.or_else(|| usual().map(|folder| folder.join("config.json"))) else { return Ok(None) };
    let wrong = |why: String| Failure::input("DockerConfigInvalid", format!("{}: {why}", path.display()));
    let json = match read_file(&path, CONFIG_BYTES) {
        Err(error) if may_lack && error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| wrong(error.to_string()))?,
    };
    let found = DockerConfig::parse(&json).and_then(|config| config.credential(url));
    found.map_err(|error| {
        let failure = match &error {
            DockerConfigError::Helper { .. } => {
                Failure::input("CredentialHelperUnsupported", format!("{}: it {error}", path.display()))
            }
            _ => wrong(format!("it {error}")),
        };
        failure.hint("give --username and --password-stdin, or name a config with plain entries by REGISTRY_AUTH_FILE")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line() {
        let most = "p".repeat(KEY_BYTES as usize);
        for (text, expected) in [("pass word", "pass word"), ("p\n", "p"), ("p\r\n", "p"), (&most, &most)] {
            assert_eq!(password(text.as_bytes()).unwrap(), expected);
        }
        for text in ["", "\n", "a\nb\n", "a\n\n", &format!("{most}p")] {
            assert_eq!(password(text.as_bytes()).unwrap_err().reason, "PasswordInvalid");
        }
    }

    #[test]
    fn only_certificates_are_trusted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for text in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nbm90IERFUg==\n-----END CERTIFICATE-----\n"] {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(certificates(file.path()).unwrap_err().reason, "CertificateInvalid", "{text}");
        }
    }
}
