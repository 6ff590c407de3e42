//! Sets up what the test world runs: Debian packages where they are missing, programs from Go modules.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::program::{self, Program};
use crate::{HarnessError, go_program};

/// Installs and builds what is missing, and says what it does, line by line.
pub fn set_up(on_progress: &mut dyn FnMut(&str)) -> Result<(), HarnessError> {
    set_up_programs(program::ALL, on_progress)?;
    go_program::build_all(on_progress)?;
    set_up_programs(program::OF_BROWSERS, on_progress)
}

/// The same for what makes images alone.
pub fn set_up_images(on_progress: &mut dyn FnMut(&str)) -> Result<(), HarnessError> {
    set_up_programs(program::OF_IMAGES, on_progress)
}

fn set_up_programs(programs: &[Program], on_progress: &mut dyn FnMut(&str)) -> Result<(), HarnessError> {
    let missing: BTreeSet<&str> =
        programs.iter().filter(|program| program.find().is_err()).map(|program| program.package).collect();
    if !missing.is_empty() {
        install(&missing, on_progress)?;
    }
    programs.iter().try_for_each(|program| program.find().map(drop))
}

/// Installs packages by apt-get. Nothing is removed for them: Docker's own containerd stays.
fn install(packages: &BTreeSet<&str>, on_progress: &mut dyn FnMut(&str)) -> Result<(), HarnessError> {
    let names = packages.iter().copied().collect::<Vec<_>>().join(" ");
    let by_hand = |why: &str| HarnessError::Machine(format!("{why}: apt-get install {names}"));
    if !Path::new("/usr/bin/apt-get").is_file() {
        return Err(by_hand("packages are missing, and there is no apt-get to install them"));
    }
    if !rustix::process::getuid().is_root() {
        return Err(by_hand("packages are missing; as root"));
    }
    on_progress(&format!("installing {names}"));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["--yes", "--quiet=2", "-o", "Dpkg::Use-Pty=0"]).args(arguments);
        let status = command.env("DEBIAN_FRONTEND", "noninteractive").status();
        status.map(|status| status.success()).map_err(HarnessError::io("cannot start apt-get"))
    };
    let packages: Vec<&str> = packages.iter().copied().collect();
    let install = [&["install", "--no-install-recommends", "--no-remove"], packages.as_slice()].concat();
    // The lists of packages may be old or absent.
    if apt(&install)? || (apt(&["update"])? && apt(&install)?) {
        return Ok(());
    }
    Err(by_hand("apt-get could not install what is missing"))
}
