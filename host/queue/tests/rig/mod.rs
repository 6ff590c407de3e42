//! A Redis of the test's own: on a socket in a folder of its own, ended with it.

#![allow(dead_code, reason = "not every test file does everything to it")]

pub mod jobs;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arena_queue::RedisOptions;

pub struct Server {
    folder: tempfile::TempDir,
    settings: &'static [&'static str],
    child: Child,
}

/// What a server had on disk at some moment.
pub struct Copy(tempfile::TempDir);

impl Server {
    /// A server that keeps nothing on disk.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server that appends its steps to a file, up to two seconds after it answered.
    pub fn start_durable() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "everysec"])
    }

    /// A server that appends every step to a file before it answers.
    pub fn start_synced() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    pub fn start_with(settings: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let child = spawn(folder.path(), settings);
        Self { folder, settings, child }
    }

    /// Options with little patience, but enough for a restart.
    pub fn options(&self) -> RedisOptions {
        let mut options = RedisOptions::new(format!("redis+unix://{}", self.socket().display()));
        (options.attempts, options.backoff) = (10, Duration::from_millis(5));
        options
    }

    pub fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// A connection for what the queue itself never does.
    pub async fn raw(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.options().url).expect("a valid address");
        client.get_multiplexed_async_connection().await.expect("the server answers")
    }

    /// Ends it without a word and does something to its files.
    pub fn kill(&mut self, files: impl FnOnce(&Self)) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("the server ends");
        files(self);
    }

    /// Starts it again over the files that are there.
    pub fn restart(&mut self) {
        self.child = spawn(self.folder.path(), self.settings);
    }

    pub fn copy(&self) -> Copy {
        let copy = Copy(tempfile::tempdir().expect("a temporary folder"));
        copy_files(&self.data(), copy.0.path());
        copy
    }

    pub fn put_back(&self, copy: &Copy) {
        self.forget();
        std::fs::create_dir(self.data()).expect("the folder is gone");
        copy_files(copy.0.path(), &self.data());
    }

    pub fn forget(&self) {
        std::fs::remove_dir_all(self.data()).expect("the server has files");
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("appendonlydir")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn copy_files(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).expect("a folder").flatten() {
        std::fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}

fn spawn(folder: &Path, settings: &[&str]) -> Child {
    let socket = socket(folder);
    let _ = std::fs::remove_file(&socket);
    let mut child = Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--unixsocket"])
        .arg(&socket)
        .arg("--dir")
        .arg(folder)
        .args(settings)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server must be installed");
    // The socket is there a moment before the server listens; the client waits for it to load its files.
    let started = Instant::now();
    while UnixStream::connect(&socket).is_err() {
        assert!(started.elapsed() < Duration::from_secs(60), "redis-server does not listen");
        assert!(matches!(child.try_wait(), Ok(None)), "redis-server ended at once");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}
