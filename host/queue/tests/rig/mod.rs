//! A Redis of the test's own: on a socket in a folder of its own, ended with it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arena_queue::RedisOptions;

pub struct Server {
    folder: tempfile::TempDir,
    child: Child,
}

impl Server {
    /// A server that keeps nothing on disk.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    #[allow(dead_code, reason = "not every test file kills it")]
    /// A server that appends every step to a file, which it writes out every second.
    pub fn start_durable() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "everysec"])
    }

    fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let child = spawn(&folder, settings);
        Self { folder, child }
    }

    /// Options with little patience, but enough for a restart.
    pub fn options(&self) -> RedisOptions {
        let mut options = RedisOptions::new(format!("redis+unix://{}", socket(&self.folder).display()));
        (options.attempts, options.backoff) = (10, Duration::from_millis(5));
        options
    }

    /// Folder of its files.
    #[allow(dead_code, reason = "not every test file looks into it")]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("appendonlydir")
    }

    /// Ends it without a word and does something to its files.
    #[allow(dead_code, reason = "not every test file kills it")]
    pub fn kill(&mut self, then: impl FnOnce(&Self)) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("the server ends");
        then(self);
    }

    /// Starts it again over the same files.
    #[allow(dead_code, reason = "not every test file kills it")]
    pub fn restart_durable(&mut self) {
        self.child = spawn(&self.folder, &["--appendonly", "yes", "--appendfsync", "everysec"]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn socket(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("redis.sock")
}

fn spawn(folder: &tempfile::TempDir, settings: &[&str]) -> Child {
    let socket = socket(folder);
    let _ = std::fs::remove_file(&socket);
    let mut child = Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--unixsocket"])
        .arg(&socket)
        .arg("--dir")
        .arg(folder.path())
        .args(settings)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server must be installed");
    // The socket is there once the server listens; the client waits for it to load its files.
    let started = Instant::now();
    while !socket.exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "redis-server does not listen");
        assert!(matches!(child.try_wait(), Ok(None)), "redis-server ended at once");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}
