//! `arena validate BUNDLE`: everything that can be known before the first call.

use std::path::PathBuf;

use arena_bundle::ProviderSpec;
use arena_model::Fault;
use owo_colors::OwoColorize;

use crate::exit::{Exit, Failure};
use crate::output::println;
use crate::session::{Inputs, Session};
use crate::terminal::{line, safe};

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
        if let Some(Err(error)) = &entry.component {
            errors.push(format!("{}: error[{}] {error}", entry.origin, error.reason()));
        }
    }
    for problem in session.evaluator.check_params(usize::MAX).await {
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
                Some(host) => {
                    let spec = session.bundle.providers.iter().find(|spec| spec.id == *id);
                    let key = spec.map_or_else(String::new, |spec| key(spec, host));
                    println!(
                        "provider {}: {} at {}{}",
                        line(id).bold(),
                        line(provider.model()),
                        line(host),
                        line(&key)
                    );
                }
                None => println!("provider {}: {}, called nowhere", line(id).bold(), line(provider.model())),
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
        println!("{} of {} cannot run as it is", errors.len(), line(&session.bundle.name));
        return Ok(Exit::BadInput);
    }
    let scenarios = session.matrix.scenarios().len();
    println!("{} {scenarios} scenarios, {} cases", "valid:".green().bold(), session.matrix.plan.len());
    Ok(Exit::Passed)
}

/// Which key a provider sends to its host, in the order in which it is looked for, and which headers.
fn key(spec: &ProviderSpec, host: &str) -> String {
    let credential = &spec.credential;
    let vendors_own = host == "openai.com" || host.ends_with(".openai.com");
    let key = match (&credential.api_key, &credential.credential_file, &credential.credential_env) {
        (Some(_), ..) => ", with the key in the bundle".to_owned(),
        (None, Some(file), _) => format!(", with the key in {file}"),
        (None, None, Some(name)) => format!(", with the key in ${name}"),
        (None, None, None) if vendors_own => ", with the key in $OPENAI_API_KEY".to_owned(),
        (None, None, None) => ", without a key".to_owned(),
    };
    let headers: Vec<&str> = spec.headers.keys().map(String::as_str).collect();
    if headers.is_empty() { key } else { format!("{key}, with the headers {}", headers.join(", ")) }
}
