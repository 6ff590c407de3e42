//! A pack by itself: which versions of the format accept it, and what is wrong with it.

use std::path::Path;
use std::sync::Arc;

use arena_bundle::{Bundle, Limits, PackVersions, load_pack};
use owo_colors::OwoColorize;

use crate::exit::{Exit, Failure};
use crate::findings::{self, Finding};
use crate::output::println;
use crate::session;
use crate::terminal::{line, plural, safe};

/// All findings of a pack, also of one that cannot be used; with it, what it is.
pub async fn find(path: &Path) -> Result<(Vec<Finding>, Option<(Arc<Bundle>, PackVersions)>), Failure> {
    let (bundle, versions) = match load_pack(path, &Limits::default()) {
        Ok((bundle, versions)) => (Arc::new(bundle), versions),
        Err(problems) => return Ok((findings::of_problems(problems), None)),
    };
    let evaluator = session::alone(bundle.clone()).await?;
    let mut found: Vec<Finding> = bundle.warnings.iter().cloned().map(Finding::Problem).collect();
    found.extend(findings::of_checks(&evaluator, usize::MAX).await);
    Ok((found, Some((bundle, versions))))
}

/// Prints them for people.
pub async fn run(path: &Path, strict: impl Fn(Finding) -> Finding) -> Result<Exit, Failure> {
    let (found, pack) = find(path).await?;
    let found = found.into_iter().map(strict);
    let (errors, warnings): (Vec<Finding>, Vec<Finding>) = found.partition(Finding::is_error);
    for warning in &warnings {
        println!("{}", safe(&warning.to_string()));
    }
    for error in &errors {
        println!("{}", safe(&error.to_string()).red());
    }
    if let Some((_, versions)) = &pack {
        let accepted: Vec<&str> = versions.accepted.iter().map(|version| version.as_str()).collect();
        let declared = versions.declared.map_or_else(String::new, |version| format!("; it names {version}"));
        println!("accepted by version {}{declared}", accepted.join(", "));
    }
    match pack {
        Some((bundle, _)) if errors.is_empty() => {
            let (prompts, tools) = (bundle.prompts.len() as u64, bundle.tools.len() as u64);
            let name = line(&bundle.name);
            println!(
                "{} pack {name}, {}, {}",
                "valid:".green().bold(),
                plural(prompts, "prompt"),
                plural(tools, "tool")
            );
            Ok(Exit::Passed)
        }
        _ => {
            println!(
                "{}: {} cannot be used as it is",
                plural(errors.len() as u64, "error"),
                line(&path.to_string_lossy())
            );
            Ok(Exit::BadInput)
        }
    }
}
