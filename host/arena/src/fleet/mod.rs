//! What the processes of a fleet share, and what the operator asks of the engine.

mod freezer;
mod ticket;

use std::net::SocketAddr;
use std::path::Path;

use arena_artifact::Key;
use tokio::net::TcpListener;

use crate::exit::{Failure, OrFail};
use crate::files::{self, KEY_BYTES};

pub use freezer::Engine;
pub use ticket::Assignment;

/// An address as flags have it: `HOST:PORT`, or `:PORT` for every address of the machine.
pub fn listen_on(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    whole.parse().map_err(|_| "write it as HOST:PORT with a numeric address, or as :PORT".to_owned())
}

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

/// The text of a small file, without white space around it.
pub fn read_line(path: &Path) -> Result<String, Failure> {
    let bytes = files::read(path, KEY_BYTES)?;
    let text = String::from_utf8(bytes.trim_ascii().to_vec());
    text.map_err(|_| Failure::input("FileUnreadable", format!("{}: it is not UTF-8", path.display())))
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
    fn a_port_alone_is_every_address() {
        assert_eq!(listen_on(":8080").unwrap().to_string(), "0.0.0.0:8080");
        assert_eq!(listen_on("127.0.0.1:0").unwrap().to_string(), "127.0.0.1:0");
        assert!(listen_on("8080").unwrap_err().contains(":PORT"));
    }

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
