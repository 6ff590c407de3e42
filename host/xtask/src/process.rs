//! Runs other programs: each has a time limit, and a failure says which command it was.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Longest time one command may take. A cold build of everything takes a third of it on two cores.
const LIMIT: Duration = Duration::from_secs(40 * 60);

/// Runs a command with our own input and output; an exit code other than 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let status = wait(command, LIMIT, |_| {})?;
    if !status.success() {
        bail!("{} ended with {status}", show(command));
    }
    Ok(())
}

/// Runs a command, hands over each line of its standard output, and gives its exit status.
pub fn lines(command: &mut Command, on_line: impl FnMut(&str)) -> Result<ExitStatus> {
    command.stdout(Stdio::piped());
    wait(command, LIMIT, on_line)
}

/// Runs a command with our own input and output and gives its exit status.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    wait(command, LIMIT, |_| {})
}

/// Standard output of a command that must succeed.
pub fn capture(command: &mut Command) -> Result<String> {
    let mut output = String::new();
    let status = lines(command, |line| {
        output.push_str(line);
        output.push('\n');
    })?;
    if !status.success() {
        bail!("{} ended with {status}", show(command));
    }
    Ok(output)
}

/// The command as one would type it.
fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn wait(command: &mut Command, limit: Duration, mut on_line: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child = command.spawn().with_context(|| format!("cannot start {}", show(command)))?;
    let root = Pid::from_child(&child);
    let (done, finished) = sync_channel::<()>(0);
    let watch = thread::spawn(move || {
        let late = finished.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        if late {
            kill_tree(root);
        }
        late
    });
    let status = read(&mut child, &mut on_line).and_then(|()| Ok(child.wait()?));
    drop(done);
    let late = watch.join().map_err(|_| anyhow!("the watch over {} ended badly", show(command)))?;
    if late {
        bail!("{} took longer than {} s and was stopped", show(command), limit.as_secs());
    }
    status.with_context(|| format!("cannot read from {}", show(command)))
}

fn read(child: &mut Child, on_line: &mut impl FnMut(&str)) -> Result<()> {
    let Some(output) = child.stdout.take() else { return Ok(()) };
    for line in BufReader::new(output).split(b'\n') {
        on_line(&String::from_utf8_lossy(&line?));
    }
    Ok(())
}

/// Stops a process and what it started: cargo's test binaries would outlive cargo otherwise.
fn kill_tree(root: Pid) {
    let tasks = fs::read_dir(format!("/proc/{}/task", root.as_raw_nonzero()));
    let lists = tasks.into_iter().flatten().flatten().map(|task| fs::read_to_string(task.path().join("children")));
    let children: String = lists.flatten().collect();
    // The parent first, so that it starts nothing new; those that have ended meanwhile answer with an error.
    let _ = kill_process(root, Signal::KILL);
    for child in children.split_whitespace().filter_map(|word| Pid::from_raw(word.parse().ok()?)) {
        kill_tree(child);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        command
    }

    #[test]
    fn lines_and_exit_code_come_back() {
        let mut seen = Vec::new();
        let status = lines(&mut shell("echo one; echo two; exit 3"), |line| seen.push(line.to_owned())).unwrap();
        assert_eq!((seen, status.code()), (vec!["one".to_owned(), "two".to_owned()], Some(3)));
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = capture(&mut shell("exit 3")).unwrap_err().to_string();
        assert!(error.contains("sh -c exit 3"), "{error}");
        let error = run(&mut Command::new("no-such-program")).unwrap_err().to_string();
        assert!(error.contains("no-such-program"), "{error}");
    }

    #[test]
    fn a_command_past_its_limit_is_stopped_with_what_it_started() {
        // The grandchild holds the pipe: reading ends only because it is stopped too.
        let mut command = shell("(sleep 600; true) & wait");
        let error = wait(&mut command, Duration::from_millis(100), |_| {}).unwrap_err().to_string();
        assert!(error.contains("took longer"), "{error}");
    }
}
