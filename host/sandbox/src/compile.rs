//! Compiles a component in a child process with limits of its own: a hostile component may keep the compiler busy
//! for minutes or eat the memory, which wasmtime does not count as a bug, and a child can be killed.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use wasmtime::Engine;

use crate::LoadError;
use crate::engine::base_config;

/// Address space of the child, bytes. Cranelift needs well under 2 GiB for a 64 MiB component.
const CHILD_MEMORY: u64 = 6 << 30;
/// CPU seconds of the child, over all its threads.
const CHILD_CPU: u64 = 120;
/// Signals by which a compiler ends itself: out of CPU time or memory, or crashed. Any other came from outside.
const OWN_SIGNALS: [Signal; 8] =
    [Signal::XCPU, Signal::ABORT, Signal::SEGV, Signal::BUS, Signal::ILL, Signal::FPE, Signal::TRAP, Signal::SYS];
/// Between the signal that says whose time is up and the one that could come from anywhere, CPU seconds.
const CPU_GRACE: u64 = 1;
/// Largest machine code that is taken back.
const CODE_BYTES: u64 = 512 << 20;
/// Longest error text that is taken back.
const ERROR_BYTES: u64 = 4096;

/// How to start this program again as a compiler: `program arguments...` must end up in [`compile_child_main`].
#[derive(Clone, Debug)]
pub struct CompileChild {
    /// Usually `/proc/self/exe`.
    pub program: PathBuf,
    /// Usually one hidden subcommand.
    pub arguments: Vec<String>,
    /// Longest wall time of one compilation; usually [`CompileChild::WALL`].
    pub wall: Duration,
}

impl CompileChild {
    /// Wall time that no machine needs whose compiler keeps to its CPU time.
    pub const WALL: Duration = Duration::from_secs(180);
}

/// Machine code for `bytes`, made in a child; in a second one if the first was killed from outside.
pub(crate) async fn compile(child: &CompileChild, name: &str, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    match attempt(child, name, bytes).await {
        Err(LoadError::CompilerKilled { detail, .. }) => {
            tracing::warn!(component = name, detail, "the compiler was killed; trying once more");
            attempt(child, name, bytes).await
        }
        done => done,
    }
}

async fn attempt(child: &CompileChild, name: &str, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let broken = |detail: String| LoadError::SandboxFailed { name: name.to_owned(), detail };
    let mut process = Command::new(&child.program)
        .args(&child.arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| broken(format!("starting {} failed: {error}", child.program.display())))?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (process.stdin.take(), process.stdout.take(), process.stderr.take())
    else {
        return Err(broken("the compiler child has no pipes".to_owned()));
    };
    let work = async {
        let write = async {
            // A child that dies early closes the pipe; its exit status says why.
            let _ = stdin.write_all(bytes).await;
            drop(stdin);
        };
        let (mut code, mut error) = (Vec::new(), Vec::new());
        let (mut stdout, mut stderr) = (stdout.take(CODE_BYTES), stderr.take(ERROR_BYTES));
        let (_, code_read, error_read) =
            tokio::join!(write, stdout.read_to_end(&mut code), stderr.read_to_end(&mut error));
        code_read?;
        error_read?;
        let status = process.wait().await?;
        Ok::<_, std::io::Error>((status, code, String::from_utf8_lossy(&error).trim().to_owned()))
    };
    let done = tokio::time::timeout(child.wall, work).await;
    let limit = |detail: String| LoadError::CompileLimit {
        name: name.to_owned(),
        limit: format!("{CHILD_CPU} s of CPU, {} s and {} GiB", child.wall.as_secs(), CHILD_MEMORY >> 30),
        detail,
    };
    match done {
        Err(_) => Err(limit("out of time".to_owned())),
        Ok(Err(error)) => Err(broken(error.to_string())),
        Ok(Ok((status, code, _))) if status.success() => Ok(code),
        Ok(Ok((status, _, detail))) if status.code() == Some(1) => {
            Err(LoadError::CompileFailed { name: name.to_owned(), detail })
        }
        Ok(Ok((status, _, _))) if is_killed(status) => {
            Err(LoadError::CompilerKilled { name: name.to_owned(), detail: status.to_string() })
        }
        Ok(Ok((status, _, _))) => Err(limit(format!("the compiler died: {status}"))),
    }
}

/// Whether somebody else ended the child, such as a system out of memory. That says nothing of the component.
fn is_killed(status: ExitStatus) -> bool {
    status.signal().is_some_and(|signal| OWN_SIGNALS.iter().all(|own| own.as_raw() != signal))
}

/// The whole life of the child: component on standard input, machine code on standard output.
/// Exit status 0 with code, 1 with an error on standard error, anything else is a limit or a crash.
pub fn compile_child_main() -> ExitCode {
    match compile_here() {
        Ok(()) => ExitCode::SUCCESS,
        Err(detail) => {
            let _ = std::io::stderr().write_all(detail.as_bytes());
            ExitCode::from(1)
        }
    }
}

fn compile_here() -> Result<(), String> {
    for (resource, most, grace) in
        [(Resource::As, CHILD_MEMORY, 0), (Resource::Cpu, CHILD_CPU, CPU_GRACE), (Resource::Core, 0, 0)]
    {
        // What was inherited may be less, and may not be raised.
        let hard = getrlimit(resource).maximum.map_or(most + grace, |inherited| inherited.min(most + grace));
        let limit = Rlimit { current: Some(hard - grace.min(hard)), maximum: Some(hard) };
        setrlimit(resource, limit).map_err(|error| format!("cannot limit the compiler: {error}"))?;
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let engine = Engine::new(&base_config()).map_err(|error| format!("{error:#}"))?;
    let code = engine.precompile_component(&bytes).map_err(|error| format!("{error:#}"))?;
    std::io::stdout().write_all(&code).map_err(|error| error.to_string())
}
