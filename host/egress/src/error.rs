//! Why nothing was sent, or nothing came back.

use arena_model::{Class, Fault};

/// What went wrong with a request. Texts name hosts and limits, never headers or bodies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// Nobody has allowed this host and port.
    #[error("`{host}:{port}` may not be called: nobody has allowed it")]
    HostDenied {
        /// Name or address.
        host: String,
        /// Of the URL, or its scheme's own.
        port: u16,
    },
    /// The host is allowed but is where nobody may be sent.
    #[error("`{host}` may not be called: its address {address} is not a public one")]
    AddressDenied {
        /// Name.
        host: String,
        /// The first that is not allowed.
        address: std::net::IpAddr,
    },
    /// A redirect from https to http.
    #[error("`{host}` may not be called: the redirect leaves TLS")]
    DowngradeDenied {
        /// Name or address.
        host: String,
    },
    /// Not a URL of a web server, or one with a login.
    #[error("the URL is none that can be called: {why}")]
    UrlInvalid {
        /// What is wrong with it.
        why: String,
    },
    /// A header that HTTP does not allow or that belongs to the connection.
    #[error("the header `{name}` cannot be sent")]
    HeaderInvalid {
        /// As given.
        name: String,
    },
    /// Too many redirects, or one that leads nowhere.
    #[error("`{host}` redirects {why}")]
    RedirectRefused {
        /// Of the last answer.
        host: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Request or answer is over the limit.
    #[error("the {what} is over {limit} bytes")]
    TooLarge {
        /// `request` or `answer`.
        what: &'static str,
        /// Bytes.
        limit: usize,
    },
    /// No answer in time.
    #[error("`{host}` did not answer in time")]
    Timeout {
        /// Name or address.
        host: String,
    },
    /// No connection, or a broken one.
    #[error("`{host}` cannot be reached: {text}")]
    Unreachable {
        /// Name or address.
        host: String,
        /// From the system.
        text: String,
    },
    /// The client cannot be built.
    #[error("the HTTP client cannot be built: {text}")]
    ClientFailed {
        /// From the library.
        text: String,
    },
}

impl Fault for EgressError {
    fn reason(&self) -> &'static str {
        match self {
            Self::HostDenied { .. } | Self::AddressDenied { .. } | Self::DowngradeDenied { .. } => "EgressDenied",
            Self::UrlInvalid { .. } => "EgressUrlInvalid",
            Self::HeaderInvalid { .. } => "EgressHeaderInvalid",
            Self::RedirectRefused { .. } => "EgressRedirectRefused",
            Self::TooLarge { .. } => "EgressTooLarge",
            Self::Timeout { .. } => "EgressTimeout",
            Self::Unreachable { .. } => "EgressUnreachable",
            Self::ClientFailed { .. } => "HttpClientFailed",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Timeout { .. } | Self::Unreachable { .. } => Class::Retryable,
            Self::ClientFailed { .. } => Class::Infra,
            _ => Class::Input,
        }
    }
}
