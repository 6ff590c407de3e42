//! `arena evaluator`: from an empty folder to a component that a bundle can name.

mod build;
mod cases;
mod new;
mod run;
mod subject;
mod test;

use std::path::Path;
use std::sync::Arc;

use arena_model::CheckMetadata;
use arena_sandbox::{Component, Grants, Limits, Sandbox, World};
use clap::Subcommand;

use super::block_on;
use crate::exit::{Exit, Failure, OrFail};
use crate::files::{self, FILE_BYTES};
use crate::settings;

/// What to do with an evaluator.
#[derive(Subcommand)]
pub enum Command {
    /// Write a new evaluator project.
    New(new::Arguments),
    /// Compile a project to a component.
    Build(build::Arguments),
    /// Run a project's cases against its component, in the sandbox.
    Test(test::Arguments),
    /// Judge one reply or conversation.
    Run(run::Arguments),
}

/// Runs the command.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::New(arguments) => new::run(&arguments),
        Command::Build(arguments) => block_on(build::run(arguments)),
        Command::Test(arguments) => block_on(test::run(arguments)),
        Command::Run(arguments) => block_on(run::run(arguments)),
    }
}

/// Reads and loads a component with everything it may be granted; the author tries it on their own machine.
async fn load(path: &Path) -> Result<(Arc<Sandbox>, Arc<Component>), Failure> {
    let bytes =
        files::read(path, FILE_BYTES).map_err(|failure| failure.hint("build it with `arena evaluator build`"))?;
    let sandbox = settings::sandbox()?;
    let name = path.file_stem().map_or_else(|| "evaluator".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let limits = Limits::for_component(bytes.len());
    let component = sandbox.load(&name, &bytes, limits, Grants { judge: true, embed: true }).await.or_fail()?;
    Ok((sandbox, Arc::new(component)))
}

/// The check of that name, or the only one.
fn check<'a>(component: &'a Component, name: Option<&str>) -> Result<&'a CheckMetadata, Failure> {
    let checks = &component.metadata().checks;
    let known = || checks.iter().map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ");
    if component.world() != World::Evaluator {
        let text = format!("`{}` is a component of world `{}`", component.name(), component.world().as_str());
        return Err(Failure::input("ContractMismatch", text).hint("only evaluators judge"));
    }
    match (name, checks.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => {
            let text = format!("`{}` offers several checks: {}", component.name(), known());
            Err(Failure::input("CheckUnknown", text).hint("name one: `--check NAME`, or `check: NAME` in a case"))
        }
        (Some(name), _) => checks
            .iter()
            .find(|check| check.name == name || check.aliases.iter().any(|alias| alias == name))
            .ok_or_else(|| Failure::input("CheckUnknown", format!("no check `{name}`; there are {}", known()))),
    }
}
