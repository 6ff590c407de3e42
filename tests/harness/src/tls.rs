//! The server's side of TLS.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::{Authority, Certificate, HarnessError};

/// What turns accepted connections into those of https.
pub(crate) fn acceptor(certificate: &Certificate) -> Result<TlsAcceptor, HarnessError> {
    acceptor_for(certificate, None)
}

/// The same for clients alone whose certificates `clients` has signed, if there is one.
pub(crate) fn acceptor_for(
    certificate: &Certificate,
    clients: Option<&Authority>,
) -> Result<TlsAcceptor, HarnessError> {
    let unusable = |error: String| HarnessError::Machine(format!("the server's certificate cannot be used: {error}"));
    let chain = CertificateDer::pem_slice_iter(certificate.chain.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| unusable(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).map_err(|error| unusable(error.to_string()))?;
    // The provider is named, so that nothing depends on what a test has installed.
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| unusable(error.to_string()))?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            let root = CertificateDer::from_pem_slice(authority.certificate().as_bytes());
            let root = root.map_err(|error| unusable(error.to_string()))?;
            roots.add(root).map_err(|error| unusable(error.to_string()))?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| unusable(error.to_string()))?)
        }
    };
    let config = builder.with_single_cert(chain, key).map_err(|error| unusable(error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
