//! Names become addresses here and nowhere else, so that what was checked is what is connected to.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::allow::AllowList;
use crate::error::EgressError;

/// Most addresses of a name that are looked at.
const ADDRESSES: usize = 32;

/// Finds the addresses of a name.
pub type Lookup =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>> + Send + Sync>;

/// The system's way.
pub(crate) fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.take(ADDRESSES).map(|address| address.ip()).collect())
        })
    })
}

/// Gives the addresses of names if the list lets them be there.
pub(crate) struct Guarded {
    pub(crate) allow: Arc<AllowList>,
    pub(crate) lookup: Lookup,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow, found) = (self.allow.clone(), (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let addresses = checked(&allow, name.as_str(), found.await?)?;
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// All or none: a name that is both outside and inside is meant to deceive.
fn checked(allow: &AllowList, host: &str, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, EgressError> {
    match addresses.iter().find(|address| !allow.may_be_at(host, **address)) {
        Some(address) => Err(EgressError::AddressDenied { host: host.to_owned(), address: *address }),
        None => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_inside_is_one_too_many() {
        let allow = AllowList::parse(["api.example"]).unwrap();
        let at = |all: &[&str]| {
            let all = all.iter().map(|address| address.parse().unwrap()).collect();
            checked(&allow, "api.example", all).is_ok()
        };
        assert!(at(&["8.8.8.8", "2606:4700::1111"]));
        assert!(!at(&["8.8.8.8", "::ffff:10.0.0.1"]));
        assert!(!at(&["169.254.169.254"]));
    }
}
