//! What a test needs of its machine: it skips itself without, but not in CI.

use std::fs::OpenOptions;
use std::io::Write as _;

use crate::{HarnessError, go_program, program};

/// Names the file to which a test that skips itself appends `SKIPPED <test>: <reason>`.
const SKIP_LOG: &str = "ARENA_SKIP_LOG";

/// A part of the test world that a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Redis.
    Redis,
    /// An OCI registry.
    Registry,
    /// Git.
    Git,
    /// etcd, the API server, kubectl.
    ControlPlane,
    /// The same and the controllers.
    Controllers,
    /// The whole cluster: root, and all that it runs.
    Node,
    /// What makes images, and root.
    Images,
    /// Chromium, and what drives it.
    Browser,
    /// Helm, kubeconform and kube-score.
    Charts,
}

impl Need {
    fn met(self) -> Result<(), HarnessError> {
        match self {
            Self::Redis => program::REDIS.find().and(program::SETPRIV.find()).map(drop),
            Self::Registry => program::REGISTRY.find().and(program::SETPRIV.find()).map(drop),
            Self::Git => program::GIT.find().map(drop),
            Self::ControlPlane => {
                program::SETPRIV.find()?;
                let parts = [&go_program::ETCD, &go_program::KUBE_APISERVER, &go_program::KUBECTL];
                parts.into_iter().try_for_each(|program| program.find().map(drop))
            }
            Self::Controllers => {
                Self::ControlPlane.met()?;
                go_program::KUBE_CONTROLLER_MANAGER.find().map(drop)
            }
            Self::Images => {
                root("images are made")?;
                program::OF_IMAGES.iter().try_for_each(|program| program.find().map(drop))
            }
            Self::Node => {
                root("a node runs")?;
                program::ALL.iter().try_for_each(|program| program.find().map(drop))?;
                let parts =
                    [&go_program::KUBE_SCHEDULER, &go_program::KUBELET, &go_program::KUBE_PROXY, &go_program::COREDNS];
                Self::Controllers.met()?;
                parts.into_iter().try_for_each(|program| program.find().map(drop))
            }
            Self::Browser => program::OF_BROWSERS.iter().try_for_each(|program| program.find().map(drop)),
            Self::Charts => {
                let parts = [&go_program::HELM, &go_program::KUBECONFORM, &go_program::KUBE_SCORE];
                parts.into_iter().try_for_each(|program| program.find().map(drop))
            }
        }
    }
}

fn root(what: &str) -> Result<(), HarnessError> {
    if rustix::process::getuid().is_root() {
        return Ok(());
    }
    Err(HarnessError::Machine(format!("{what} as root only")))
}

/// True if all needs are met. If not, the skip is printed and noted for the summary of `./x test`, and the test ends
/// as passed; with CI=true it is an error instead, which the test fails on.
pub fn runs_here(test: &str, needs: &[Need]) -> Result<bool, HarnessError> {
    let Err(lacks) = needs.iter().try_for_each(|need| need.met()) else { return Ok(true) };
    if std::env::var_os("CI").is_some_and(|value| value == "true") {
        return Err(lacks);
    }
    note(test, &lacks.to_string())?;
    Ok(false)
}

fn note(test: &str, reason: &str) -> Result<(), HarnessError> {
    let line = format!("SKIPPED {test}: {reason}\n");
    let to = |what: &str| HarnessError::io(format!("cannot write to {what}"));
    std::io::stderr().write_all(line.as_bytes()).map_err(to("standard error"))?;
    if let Some(path) = std::env::var_os(SKIP_LOG) {
        let mut log = OpenOptions::new().append(true).create(true).open(path).map_err(to(SKIP_LOG))?;
        // One write, so that lines of tests that run at once do not mix.
        log.write_all(line.as_bytes()).map_err(to(SKIP_LOG))?;
    }
    Ok(())
}
