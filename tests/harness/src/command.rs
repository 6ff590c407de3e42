//! Commands that run to their end, within a limit.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::HarnessError;

/// Runs a command to its end with nothing to read and gives its standard output; anything but success is an error
/// that shows all output.
pub(crate) async fn output(command: &mut tokio::process::Command, limit: Duration) -> Result<String, HarnessError> {
    output_of(command, b"", limit).await
}

/// The same, with an input.
pub(crate) async fn output_of(
    command: &mut tokio::process::Command,
    input: &[u8],
    limit: Duration,
) -> Result<String, HarnessError> {
    let shown = show(command.as_std());
    let failed = || HarnessError::io(format!("cannot run `{shown}`"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed())?;
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read to the end says why in its output.
            let _ = stdin.write_all(input).await;
        }
    };
    let run = async { tokio::join!(feed, child.wait_with_output()).1 };
    let Ok(done) = tokio::time::timeout(limit, run).await else {
        let log = "it was killed".to_owned();
        return Err(HarnessError::NotReady { name: format!("`{shown}`"), seconds: limit.as_secs(), log });
    };
    let done = done.map_err(failed())?;
    let [out, err] = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if done.status.success() {
        return Ok(out);
    }
    Err(HarnessError::Command { command: shown, status: done.status.to_string(), output: out + &err })
}

/// The command as one would type it.
fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn input_goes_in_and_output_comes_back() {
        let mut command = tokio::process::Command::new("cat");
        assert_eq!(output_of(&mut command, b"text", LIMIT).await.unwrap(), "text");
    }

    #[tokio::test]
    async fn a_failure_shows_both_streams() {
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 3"]);
        let error = output(&mut command, LIMIT).await.unwrap_err().to_string();
        assert!(error.contains("one") && error.contains("two") && error.contains("exit status: 3"), "{error}");
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_killed() {
        let mut command = tokio::process::Command::new("sleep");
        let error = output(command.arg("600"), Duration::from_millis(20)).await.unwrap_err();
        assert!(matches!(error, HarnessError::NotReady { .. }), "{error}");
    }
}
