//! A certificate authority of one test, which nobody else trusts.

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::HarnessError;

/// Signs certificates of servers.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate with its key, both PEM.
pub struct Certificate {
    /// The certificate.
    pub chain: String,
    /// Its private key, PKCS #8.
    pub key: String,
}

impl Authority {
    /// A new authority with a key of its own.
    pub fn new(name: &str) -> Result<Self, HarnessError> {
        let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = distinguished(name);
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// Its certificate, PEM: what a client is told to trust.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for a server of these names and addresses.
    pub fn issue(&self, names: &[&str]) -> Result<Certificate, HarnessError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(failed)?;
        params.distinguished_name = distinguished("server");
        let key = KeyPair::generate().map_err(failed)?;
        let chain = params.signed_by(&key, &self.issuer).map_err(failed)?.pem();
        Ok(Certificate { chain, key: key.serialize_pem() })
    }
}

fn distinguished(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn failed(error: rcgen::Error) -> HarnessError {
    HarnessError::Machine(format!("cannot make a certificate: {error}"))
}
