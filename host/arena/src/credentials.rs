//! The keys of a bundle's providers: where a key file is looked for, and which keys stand in the bundle itself.

use std::io;
use std::path::Path;

use arena_bundle::{Bundle, HttpTool, ProviderSpec, ToolMode};
use arena_model::Digest;
use arena_provider::is_secret_header;

use crate::exit::Failure;
use crate::files::{KEY_BYTES, read_file, read_within};

/// Stable name of keys that stand in a bundle.
pub const INLINE: &str = "InlineKey";

/// The content of a `credential_file`. A relative path starts at `folder`, the bundle as the user has it, and may not
/// lead out of it; an absolute one may be anywhere. What is part of the bundle is refused: each run keeps a copy of it.
pub fn read_key(bundle: &Bundle, folder: &Path, path: &str) -> io::Result<Vec<u8>> {
    let bytes = match Path::new(path).is_absolute() {
        true => read_file(Path::new(path), KEY_BYTES)?,
        false => read_within(folder, path, KEY_BYTES)?,
    };
    let digest = Digest::of(&bytes);
    if !bytes.is_empty() && bundle.files.iter().any(|file| file.digest == digest) {
        let text = "it is part of the bundle, of which each run keeps a copy; begin its name with a dot, which leaves it \
                    out, or use credential_env";
        return Err(io::Error::other(text));
    }
    Ok(bytes)
}

/// File and text of a warning for each key that is written into the bundle in plain text.
pub fn inline_warnings(bundle: &Bundle) -> Vec<(String, String)> {
    let advice = |key: &str| match key {
        "credential.api_key" => "name a variable by credential_env instead",
        _ => "every run's folder will hold it",
    };
    let warning = |Inline { file, owner, key }: Inline<'_>| {
        (file.to_owned(), format!("{owner}: `{key}` is a key in plain text; {}", advice(&key)))
    };
    inline(bundle).map(warning).collect()
}

/// Refuses a bundle whose copies would hold a key.
pub fn refuse_inline(bundle: &Bundle) -> Result<(), Failure> {
    let found: Vec<String> =
        inline(bundle).map(|Inline { file, owner, key }| format!("{file}: {owner}: `{key}`")).collect();
    if found.is_empty() {
        return Ok(());
    }
    let text = format!("keys in plain text would be copied with the bundle: {}", found.join("; "));
    let hint = "use credential_env or credential_file; --allow-inline-keys goes on all the same";
    Err(Failure::input(INLINE, text).hint(hint))
}

/// Refuses a bundle that has a provider's key file among its files.
#[cfg(feature = "fleet")]
pub fn refuse_key_files(bundle: &Bundle) -> Result<(), Failure> {
    let held =
        |spec: &&ProviderSpec| spec.credential.credential_file.as_deref().is_some_and(|file| bundle.read(file).is_ok());
    let Some(spec) = bundle.called().find(held) else { return Ok(()) };
    let text = format!("{}: the key file of provider `{}` is part of the bundle", spec.file, spec.id);
    Err(Failure::input(INLINE, text).hint("begin its name with a dot, which leaves it out, or use credential_env"))
}

/// A key that stands in a bundle.
struct Inline<'b> {
    file: &'b str,
    owner: String,
    /// Its place.
    key: String,
}

/// All keys in plain text: of providers, then of tools.
fn inline(bundle: &Bundle) -> impl Iterator<Item = Inline<'_>> {
    let providers = bundle.called().flat_map(|spec| {
        let key = spec.credential.api_key.iter().filter(|key| !key.is_empty()).map(|_| "credential.api_key".to_owned());
        let endpoint = spec.platform.as_ref().and_then(|platform| platform["endpoint"].as_str());
        let url = [("base_url", spec.base_url.as_deref()), ("platform.endpoint", endpoint)].into_iter();
        let url = url.filter(|(_, url)| url.is_some_and(has_login)).map(|(key, _)| key.to_owned());
        let all = key.chain(secret_headers("headers", spec.headers.iter())).chain(url);
        all.map(move |key| Inline { file: &spec.file, owner: format!("provider `{}`", spec.id), key })
    });
    let tools = bundle.tools.values().flat_map(|tool| {
        let http: Option<&HttpTool> = if let ToolMode::Http(http) = &tool.mode { Some(http) } else { None };
        let fixed = http.into_iter().flat_map(|http| secret_headers("http.headers", http.headers.iter()));
        let request = http.and_then(|http| http.request.as_ref());
        let mapped = request
            .into_iter()
            .flat_map(|request| secret_headers("http.request.static_headers", request.static_headers.iter()));
        let filled = request.into_iter().flat_map(|request| {
            let headers = secret_headers("http.request.header_params", request.header_params.iter());
            headers.chain(secret_headers("http.request.static_query", request.static_query.iter()))
        });
        let url = http.filter(|http| has_login(&http.url)).map(|_| "http.url".to_owned());
        let owner = format!("tool `{}`", tool.name);
        fixed.chain(mapped).chain(filled).chain(url).map(move |key| Inline {
            file: &tool.file,
            owner: owner.clone(),
            key,
        })
    });
    let servers = bundle.mcp_servers.iter().flat_map(|server| {
        let url = has_login(&server.url).then(|| "url".to_owned());
        let keys = secret_headers("headers", server.headers.iter()).chain(url);
        keys.map(move |key| Inline { file: &server.file, owner: format!("MCP server `{}`", server.name), key })
    });
    providers.chain(tools).chain(servers)
}

/// Whether a URL holds a login, or a query with a key by its name.
fn has_login(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.split('/').next().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let key = |(name, value): (&str, &str)| is_secret_header(name) && !value.is_empty() && !value.starts_with("{{");
    authority.contains('@') || pairs.into_iter().any(key)
}

/// The places of headers whose names say that they hold a key.
fn secret_headers<'b>(
    place: &'static str,
    headers: impl Iterator<Item = (&'b String, &'b String)>,
) -> impl Iterator<Item = String> {
    let secret = |(name, value): &(&String, &String)| {
        // A template has its value from the model, which knows no key.
        is_secret_header(name) && !value.is_empty() && !value.contains("{{")
    };
    headers.filter(secret).map(move |(name, _)| format!("{place}.{name}"))
}
