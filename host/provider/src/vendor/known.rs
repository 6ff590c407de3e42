//! A vendor's place, from what is known of it and what the settings say.

use reqwest::Url;

use super::{Format, KeyForm, Vendor};
use crate::error::Cause;
use crate::settings::ProviderSettings;

/// What is known of one vendor before its settings are.
pub(super) struct Known {
    pub(super) base: &'static str,
    pub(super) key: KeyForm,
    /// Domains whose hosts are the vendor's.
    pub(super) domains: &'static [&'static str],
    pub(super) usual: &'static [&'static str],
}

impl Known {
    /// The vendor at `base`, else where the settings say, else at its own place.
    pub(super) fn vendor(
        self,
        settings: &ProviderSettings,
        base: Option<String>,
        format: Format,
        plain: &str,
        streamed: Option<&str>,
    ) -> Result<Vendor, Cause> {
        let base = base.or_else(|| settings.base_url.clone());
        let base = match base.as_deref().unwrap_or(self.base) {
            "" => return Err(Cause::BaseUrlMissing { kind: settings.kind.clone() }),
            base => parse(base)?,
        };
        let host = base.host_str().unwrap_or_default();
        let endpoint = base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        // As it was written, before a version was added to it.
        doubled(&settings.base_url.as_deref().map_or_else(|| Ok(base.clone()), parse)?, plain)?;
        let own = base.scheme() == "https" && self.domains.iter().any(|domain| is_of(host, domain));
        Ok(Vendor {
            format,
            plain: joined(&base, plain),
            streamed: joined(&base, streamed.unwrap_or(plain)),
            endpoint,
            key: self.key,
            usual: if own { self.usual } else { &[] },
        })
    }
}

/// Whether a host is of a domain: the domain itself or below it; a `*` stands for the name of a region, and then nothing
/// below it counts.
fn is_of(host: &str, domain: &str) -> bool {
    match domain.split_once('*') {
        Some((head, tail)) => {
            let region = host.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
            region.is_some_and(|region| !region.is_empty() && !region.contains('.'))
        }
        None => host.strip_suffix(domain).is_some_and(|head| head.is_empty() || head.ends_with('.')),
    }
}

/// A base URL without user, password and fragment.
fn parse(base: &str) -> Result<Url, Cause> {
    // The text of a URL that cannot be read might hold a password: only its part before any `@` or `?` is fit to show.
    let wrong =
        || Cause::BaseUrlInvalid { text: if base.contains(['@', '?']) { "***".into() } else { base.to_owned() } };
    let mut url = Url::parse(base).map_err(|_| wrong())?;
    let clean = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    url.host_str().filter(|_| clean && !url.cannot_be_a_base()).ok_or_else(wrong)?;
    url.set_fragment(None);
    Ok(url)
}

/// Refuses a base that ends with what is put behind it, all of it or two pieces and more, and one that ends with the same
/// version twice: the server would only say that it does not know the place.
fn doubled(base: &Url, path: &str) -> Result<(), Cause> {
    let given: Vec<&str> = base.path().split('/').filter(|piece| !piece.is_empty()).collect();
    let added: Vec<&str> = path.split('/').collect();
    let overlap = (1..=added.len()).rev().find(|count| given.ends_with(&added[..*count]));
    let version =
        |piece: &str| piece.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let too_many = match (overlap, given.as_slice()) {
        (Some(count), _) if count > 1 || count == added.len() => count,
        (_, [.., first, second]) if first == second && version(second) => 1,
        _ => return Ok(()),
    };
    let place = |pieces: &[&str]| {
        let mut url = base.clone();
        // A query may hold a key.
        url.set_query(None);
        url.set_path(&pieces.join("/"));
        String::from(url)
    };
    Err(Cause::BaseUrlDoubled { text: place(&given), advice: place(&given[..given.len() - too_many]) })
}

/// `base` with `path`, which is encoded, behind it.
fn joined(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}
