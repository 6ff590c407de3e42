//! kubectl, bound to one API server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::{HarnessError, command, go_program};

/// Longest time of one call.
const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at an object.
const PAUSE: Duration = Duration::from_millis(200);

/// kubectl with the administrator's rights on one API server.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    cache: PathBuf,
}

impl Kubectl {
    /// Bound by a kubeconfig; what it learns of the API is kept in the folder.
    pub(crate) fn new(kubeconfig: PathBuf, folder: &Path) -> Result<Self, HarnessError> {
        Ok(Self { program: go_program::KUBECTL.find()?, kubeconfig, cache: folder.join("kubectl") })
    }

    /// Where the program lies.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The command without arguments, to add one's own.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // The default cache is keyed by address alone, and another server may have had this one's before.
        command.env("KUBECONFIG", &self.kubeconfig).env("KUBECACHEDIR", &self.cache);
        command
    }

    /// Runs it and gives its standard output; a refusal is an error with the server's text.
    pub async fn run(&self, arguments: &[&str]) -> Result<String, HarnessError> {
        command::output(self.command().args(arguments), LIMIT).await
    }

    /// Applies YAML.
    pub async fn apply(&self, yaml: &str) -> Result<String, HarnessError> {
        command::output_of(self.command().args(["apply", "-f", "-"]), yaml.as_bytes(), LIMIT).await
    }

    /// Repeats a call until its output satisfies the check, and gives that output. Refusals meanwhile are passed
    /// over; past the limit the last of them, or the last output, is in the error.
    pub async fn until(
        &self,
        arguments: &[&str],
        limit: Duration,
        check: impl Fn(&str) -> bool,
    ) -> Result<String, HarnessError> {
        let end = Instant::now() + limit;
        loop {
            let last = self.run(arguments).await;
            match last {
                Ok(output) if check(&output) => return Ok(output),
                last if Instant::now() >= end => {
                    let log = last.unwrap_or_else(|error| error.to_string());
                    let name = format!("kubectl {}", arguments.join(" "));
                    return Err(HarnessError::NotReady { name, seconds: limit.as_secs(), log });
                }
                _ => sleep(PAUSE).await,
            }
        }
    }
}
