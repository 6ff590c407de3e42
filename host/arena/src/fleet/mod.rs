//! What the processes of a fleet share, and what the operator asks of the engine.

pub mod flags;
mod freezer;
mod permits;
mod table;
mod ticket;

use std::net::SocketAddr;
use std::path::Path;

use arena_artifact::Key;
use tokio::net::TcpListener;

use crate::exit::{Failure, OrFail};
use crate::files::{self, KEY_BYTES};

pub use freezer::Engine;
pub use ticket::Assignment;

/// A listener, and where it really is.
pub async fn listener(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error: std::io::Error| {
        Failure::machinery("ListenFailed", format!("cannot listen on {address}: {error}"))
            .hint("choose another --listen")
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// The secret that store and operator share. White space around it does not count.
pub fn read_key(path: &Path) -> Result<Key, Failure> {
    let bytes = files::read(path, KEY_BYTES)?;
    Key::new(bytes.trim_ascii())
        .or_fail()
        .map_err(|failure| Failure { text: format!("{}: {}", path.display(), failure.text), ..failure })
}

/// The text of a small file, without white space around it; there must be some.
pub fn read_line(path: &Path) -> Result<String, Failure> {
    let bytes = files::read(path, KEY_BYTES)?;
    let unreadable = |why: &str| Failure::input("FileUnreadable", format!("{}: {why}", path.display()));
    match String::from_utf8(bytes.trim_ascii().to_vec()) {
        Err(_) => Err(unreadable("it is not UTF-8")),
        Ok(text) if text.is_empty() => Err(unreadable("it is empty")),
        Ok(text) => Ok(text),
    }
}

/// The URL of a Redis without user and password.
pub fn without_login(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) =
                rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            let path = path.map(|path| format!("/{path}")).unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn workers_learn_no_login() {
        for (url, expected) in [
            ("redis://admin:p%40ss@redis.ns.svc:6379/0", "redis://redis.ns.svc:6379/0"),
            ("rediss://:pass@h:1", "rediss://h:1"),
            ("redis://h:1/2", "redis://h:1/2"),
        ] {
            assert_eq!(without_login(url), expected);
        }
    }

    #[test]
    fn a_short_key_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, format!("{}\n", "k".repeat(31))).unwrap();
        let failure = read_key(&path).unwrap_err();
        assert_eq!(failure.reason, "StoreKeyWeak");
        assert!(failure.text.contains("key: "), "{}", failure.text);
        std::fs::write(&path, format!("{}\n", "k".repeat(32))).unwrap();
        read_key(&path).unwrap();
    }
}
