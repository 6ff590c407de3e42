//! The store on its own, for the tests: `store FOLDER` serves on a free port of 127.0.0.1, which it prints, with a key of
//! zeros.

use std::io::Write as _;

use arena_artifact::{Disk, Key, ServerSettings, serve};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("a folder is missing")?;
    let disk = Disk::open(folder.as_ref())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    serve(listener, disk, Key::new(&[0; 32])?, ServerSettings::default(), std::future::pending()).await;
    Ok(())
}
