//! Compiles a component in a child process with limits of its own: a hostile component may keep the compiler busy
//! for minutes or eat the memory, which wasmtime does not count as a bug, and a child can be killed.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use wasmtime::Engine;

use crate::LoadError;
use crate::engine::base_config;

/// Address space of the child, bytes. Cranelift needs well under 2 GiB for a 64 MiB component.
const CHILD_MEMORY: u64 = 6 << 30;
/// CPU seconds of the child, over all its threads.
const CHILD_CPU: u64 = 120;
/// Wall time of the child.
const CHILD_WALL: Duration = Duration::from_secs(180);
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
}

/// Machine code for `bytes`, made in a child.
pub(crate) async fn compile(child: &CompileChild, name: &str, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
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
    let done = tokio::time::timeout(CHILD_WALL, work).await;
    let limit = |detail: String| LoadError::CompileLimit {
        name: name.to_owned(),
        limit: format!("{CHILD_CPU} s of CPU, {} s and {} GiB", CHILD_WALL.as_secs(), CHILD_MEMORY >> 30),
        detail,
    };
    match done {
        Err(_) => Err(limit("out of time".to_owned())),
        Ok(Err(error)) => Err(broken(error.to_string())),
        Ok(Ok((status, code, _))) if status.success() => Ok(code),
        Ok(Ok((status, _, detail))) if status.code() == Some(1) => {
            Err(LoadError::CompileFailed { name: name.to_owned(), detail })
        }
        Ok(Ok((status, _, _))) => Err(limit(format!("the compiler died: {status}"))),
    }
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
    for (resource, most) in [(Resource::As, CHILD_MEMORY), (Resource::Cpu, CHILD_CPU), (Resource::Core, 0)] {
        // What was inherited may be less, and may not be raised.
        let most = getrlimit(resource).maximum.map_or(most, |inherited| inherited.min(most));
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| format!("cannot limit the compiler: {error}"))?;
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let engine = Engine::new(&base_config()).map_err(|error| format!("{error:#}"))?;
    let code = engine.precompile_component(&bytes).map_err(|error| format!("{error:#}"))?;
    std::io::stdout().write_all(&code).map_err(|error| error.to_string())
}
