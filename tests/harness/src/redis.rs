//! A real Redis of its own: process, port, socket, folder.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use crate::process::{self, Process};
use crate::{HarnessError, Port, Scratch, program};

/// Longest start, with the replay of an append-only file.
const START: Duration = Duration::from_secs(60);
/// Longest orderly end before it is killed.
const STOP: Duration = Duration::from_secs(10);
/// Starts on other ports when a port was taken in between.
const STARTS: u32 = 5;
/// The administrator's name.
const ADMIN: &str = "admin";

/// When the append-only file reaches the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppendOnly {
    /// There is none: an end loses everything.
    #[default]
    Off,
    /// Once a second.
    EverySecond,
    /// Before each answer.
    Always,
}

/// How a Redis is set up.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// What an end loses.
    pub append_only: AppendOnly,
    /// Where it listens.
    pub address: IpAddr,
    /// Users beside the administrator: name and rules, such as `on >secret ~arena:* +@all`. They survive restarts;
    /// those made later by `ACL SETUSER` do not.
    pub users: Vec<(String, String)>,
    /// True if the default user may do everything without a password.
    pub open: bool,
}

impl Default for RedisOptions {
    fn default() -> Self {
        let address = Ipv4Addr::LOCALHOST.into();
        Self { append_only: AppendOnly::default(), address, users: Vec::new(), open: false }
    }
}

/// A running Redis. Dropping it kills it and removes its folder.
#[derive(Debug)]
pub struct Redis {
    options: RedisOptions,
    password: String,
    port: Port,
    process: Option<Process>,
    // Removed last.
    scratch: Scratch,
}

/// The files of a Redis at one moment.
#[derive(Debug)]
pub struct RedisData(Scratch);

impl Redis {
    /// A Redis that keeps nothing on disk, on a free port of 127.0.0.1, ready to answer.
    pub async fn start() -> Result<Self, HarnessError> {
        Self::start_with(RedisOptions::default()).await
    }

    /// A Redis as the options say, ready to answer.
    pub async fn start_with(options: RedisOptions) -> Result<Self, HarnessError> {
        let mut tries = 1;
        loop {
            let (scratch, port) = (Scratch::new("redis")?, Port::reserve(options.address)?);
            let password = crate::secret()?;
            let mut redis = Self { options: options.clone(), password, port, process: None, scratch };
            match redis.run().await {
                Ok(()) => return Ok(redis),
                Err(HarnessError::Ended { log, .. }) if tries < STARTS && log.contains("Address already in use") => {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The administrator's URL, `redis://admin:PASSWORD@ADDRESS:PORT`.
    pub fn url(&self) -> String {
        self.url_of(ADMIN, &self.password)
    }

    /// The URL of another user.
    pub fn url_of(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@{}", self.address())
    }

    /// `ADDRESS:PORT`.
    pub fn address(&self) -> String {
        std::net::SocketAddr::new(self.options.address, self.port.number()).to_string()
    }

    /// The socket on which it listens too.
    pub fn socket(&self) -> PathBuf {
        self.scratch.path().join("redis.sock")
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        self.scratch.path().join("redis.log")
    }

    /// Its pid while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Ends it by SIGKILL, at any moment; what was not on disk is lost. It stays down until a restart.
    pub fn kill9(&mut self) {
        self.process = None;
    }

    /// Stops it in the middle of whatever it does, connections open: it answers nothing until it is thawed.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen one go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Starts it again on the same port with what is on disk. One that still runs is asked to end first.
    pub async fn restart(&mut self) -> Result<(), HarnessError> {
        if let Some(mut process) = self.process.take() {
            process.stop(STOP).await;
        }
        self.run().await
    }

    /// Ends it by SIGKILL, throws its files away and starts it again on the same port.
    pub async fn restart_without_data(&mut self) -> Result<(), HarnessError> {
        self.kill9();
        process::empty(&self.data())?;
        self.run().await
    }

    /// Its files as they are on disk now.
    pub fn copy_data(&self) -> Result<RedisData, HarnessError> {
        let copy = RedisData(Scratch::new("redis-data")?);
        copy_folder(&self.data(), copy.0.path())?;
        Ok(copy)
    }

    /// Ends it by SIGKILL and starts it again on the same port with the files of an earlier moment.
    pub async fn restart_with(&mut self, data: &RedisData) -> Result<(), HarnessError> {
        self.kill9();
        process::empty(&self.data())?;
        copy_folder(data.0.path(), &self.data())?;
        self.run().await
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    /// Starts the process and waits for its first answer.
    async fn run(&mut self) -> Result<(), HarnessError> {
        fs::create_dir_all(self.data()).map_err(HarnessError::io("cannot create the folder of Redis"))?;
        let configuration = self.scratch.path().join("redis.conf");
        fs::write(&configuration, self.configuration()).map_err(HarnessError::io("cannot write redis.conf"))?;
        let mut command = Command::new(program::REDIS.find()?);
        command.arg(&configuration);
        let mut process = Process::start("redis", self.scratch.path(), &command)?;
        let (socket, password) = (self.socket(), self.password.as_str());
        process.ready(START, async || ping(&socket, password).await.unwrap_or(false)).await?;
        self.process = Some(process);
        Ok(())
    }

    fn configuration(&self) -> String {
        let (append_only, sync) = match self.options.append_only {
            AppendOnly::Off => ("no", "everysec"),
            AppendOnly::EverySecond => ("yes", "everysec"),
            AppendOnly::Always => ("yes", "always"),
        };
        // Off it lets nobody in, but Redis reads the steps of its append-only file in its name, and drops those of more
        // than one command without a word where it has not the right.
        let default = if self.options.open { "on nopass ~* &* +@all" } else { "off ~* &* +@all" };
        let mut text = format!(
            "bind {}\nport {}\nunixsocket {}\nunixsocketperm 700\ndir {}\ndaemonize no\nprotected-mode no\nsave \"\"\n\
             appendonly {append_only}\nappendfsync {sync}\nmaxmemory-policy noeviction\n\
             user default {default}\nuser {ADMIN} on >{} ~* &* +@all\n",
            self.options.address,
            self.port.number(),
            self.socket().display(),
            self.data().display(),
            self.password,
        );
        for (name, rules) in &self.options.users {
            text += &format!("user {name} {rules}\n");
        }
        text
    }
}

/// True once it answers; while it reads its files it answers with an error.
async fn ping(socket: &Path, password: &str) -> std::io::Result<bool> {
    let mut stream = BufReader::new(UnixStream::connect(socket).await?);
    stream.write_all(format!("AUTH {ADMIN} {password}\r\nPING\r\n").as_bytes()).await?;
    let mut answers = [String::new(), String::new()];
    for answer in &mut answers {
        stream.read_line(answer).await?;
    }
    Ok(answers[0] == "+OK\r\n" && answers[1] == "+PONG\r\n")
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), HarnessError> {
    let failed = || HarnessError::io(format!("cannot copy {} to {}", from.display(), to.display()));
    fs::create_dir_all(to).map_err(failed())?;
    for entry in fs::read_dir(from).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(failed())?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if let Err(error) = fs::copy(entry.path(), &target)
            // Redis replaces files while it runs.
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(failed()(error));
        }
    }
    Ok(())
}
