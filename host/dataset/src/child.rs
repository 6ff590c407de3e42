//! Reads a table in a child that can be killed: it is a stranger's, and the readers of some formats take what memory and
//! time it asks for. The child starts with an empty environment, has the table as its standard input and a folder to write
//! into, and ends after it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use serde::{Deserialize, Serialize};

use crate::{DatasetError, Limits, Options, build};

/// How to start this program again as a child: `program arguments... REQUEST` must end up in [`index_child_main`].
#[derive(Clone, Debug)]
pub struct IndexChild {
    /// Usually `/proc/self/exe`.
    pub program: PathBuf,
    /// Usually one hidden subcommand.
    pub arguments: Vec<String>,
}

/// What the child is asked.
#[derive(Serialize, Deserialize)]
struct Request {
    table: String,
    options: Options,
    limits: Limits,
    to: PathBuf,
}

/// A line of what it answers.
#[derive(Serialize, Deserialize)]
enum Answer {
    /// Bytes of the table that were read so far.
    Read(u64),
    Done,
    Failed(DatasetError),
}

impl IndexChild {
    /// As [`build`], in a child.
    ///
    /// # Errors
    /// Those of [`build`]; [`DatasetError::Unreadable`] if the child went over its limits.
    pub fn build(
        &self,
        table: &str,
        file: File,
        options: &Options,
        limits: &Limits,
        to: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), DatasetError> {
        let failed = || DatasetError::io(table, "the reader of tables cannot be started");
        let to = std::path::absolute(to).map_err(failed())?;
        let request = Request { table: table.to_owned(), options: options.clone(), limits: limits.clone(), to };
        let request = serde_json::to_string(&request).map_err(|error| DatasetError::broken(table, error))?;
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(request)
            .env_clear()
            .stdin(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed())?;
        let mut answer = None;
        for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
            match line.ok().and_then(|line| serde_json::from_str(&line).ok()) {
                Some(Answer::Read(bytes)) => progress(bytes),
                Some(Answer::Done) => answer = Some(Ok(())),
                Some(Answer::Failed(error)) => answer = Some(Err(error)),
                None => break,
            }
        }
        let status = child.wait().map_err(failed())?;
        let over = || {
            let (memory, cpu) = (limits.memory_bytes, limits.cpu_seconds);
            let why = format!("reading it ended with {status}; it may take {memory} bytes of memory and {cpu} s");
            DatasetError::Unreadable { table: table.to_owned(), why }
        };
        answer.filter(|_| status.success()).unwrap_or_else(|| Err(over()))
    }
}

/// The whole life of the child, given its last argument. Exit status 0 with an answer, good or bad; anything else is a
/// limit or a crash.
pub fn index_child_main(request: &str) -> ExitCode {
    let Ok(Request { table, options, limits, to }) = serde_json::from_str(request) else { return ExitCode::FAILURE };
    let answer = match serve(&table, &options, &limits, &to) {
        Ok(()) => Answer::Done,
        Err(error) => Answer::Failed(error),
    };
    if say(&answer) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn serve(table: &str, options: &Options, limits: &Limits, to: &Path) -> Result<(), DatasetError> {
    let failed = || DatasetError::io(table, "the reader of tables cannot begin");
    limit(limits).map_err(|error| failed()(error.into()))?;
    // Whoever waits may be killed while nothing is said.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| failed()(error.into()))?;
    let owned = rustix::io::fcntl_dupfd_cloexec(std::io::stdin(), 3).map_err(|error| failed()(error.into()))?;
    let progress = &mut |bytes| {
        if !say(&Answer::Read(bytes)) {
            // Nobody waits any more.
            std::process::exit(1);
        }
    };
    build(table, File::from(owned), options, limits, to, progress).map(drop)
}

fn say(answer: &Answer) -> bool {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, answer).is_ok() && out.write_all(b"\n").is_ok() && out.flush().is_ok()
}

/// Limits this process for good.
fn limit(limits: &Limits) -> rustix::io::Result<()> {
    // The rows, which hardly grow when they are packed.
    let file = limits.bytes.saturating_mul(2);
    for (resource, most) in [
        (Resource::As, limits.memory_bytes),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::Fsize, file),
        (Resource::Core, 0),
    ] {
        // What was inherited may be less, and may not be raised.
        let most = getrlimit(resource).maximum.map_or(most, |inherited| inherited.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}
