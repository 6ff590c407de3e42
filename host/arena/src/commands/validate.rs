//! `arena validate BUNDLE`: everything that can be known before the first call.

use std::path::PathBuf;

use anstream::println;
use arena_model::Fault;
use owo_colors::OwoColorize;

use crate::exit::{Exit, Failure};
use crate::session::{Inputs, Session};
use crate::terminal::safe;

/// Arguments of `arena validate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the bundle, or its arena file.
    bundle: PathBuf,
}

/// Prints all problems and which key goes where.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let inputs = Inputs { bundle: arguments.bundle, ..Inputs::default() };
    let session = Session::open(&inputs, "validate").await?;
    let mut errors = Vec::new();
    for warning in &session.warnings {
        println!("{}", safe(warning));
    }
    for entry in session.library.entries() {
        if let Err(error) = &entry.component {
            errors.push(format!("{}: error[{}] {error}", entry.origin, error.reason()));
        }
    }
    for problem in session.evaluator.check_params().await {
        let (file, line, reason, kind) = (&problem.file, problem.line, problem.reason, &problem.kind);
        errors.push(format!("{file}:{line}: error[{reason}] check `{kind}`: {}", problem.text));
    }
    for problem in session.evaluator.check_templates().await {
        let (file, scenario, text) = (&problem.file, &problem.scenario, &problem.text);
        if problem.reason == "VariableUnresolved" {
            println!("{}", safe(&format!("{file}: warning[{}] scenario `{scenario}`: {text}", problem.reason)));
        } else {
            errors.push(format!("{file}: error[{}] scenario `{scenario}`: {text}", problem.reason));
        }
    }
    for (id, provider) in &session.evaluator.parts().providers {
        match provider {
            Ok(provider) => match provider.endpoint() {
                Some(host) => println!("provider {}: {} at {}", id.bold(), provider.model(), host),
                None => println!("provider {}: {}, called nowhere", id.bold(), provider.model()),
            },
            // A missing key does not make the bundle wrong: it may be there where it runs.
            Err(error) if error.reason() == "CredentialMissing" => {
                println!("{}", safe(&format!("provider {id}: warning[CredentialMissing] {error}")));
            }
            Err(error) => errors.push(format!("error[{}] {error}", error.reason())),
        }
    }
    for error in &errors {
        println!("{}", safe(error).red());
    }
    if !errors.is_empty() {
        println!("{} of {} cannot run as it is", errors.len(), session.bundle.name);
        return Ok(Exit::BadInput);
    }
    let scenarios = session.matrix.scenarios().len();
    println!("{} {scenarios} scenarios, {} cases", "valid:".green().bold(), session.matrix.plan.len());
    Ok(Exit::Passed)
}
