//! What is to be said of a bundle before it runs, once each: `validate` refuses over the errors, `run` only tells, since
//! the cases that are not concerned have verdicts all the same.

use arena_bundle::{Bundle, Problem, Severity};
use arena_model::Fault;

use crate::credentials;
use crate::session::Session;

/// Warnings of the bundle's documents that make every case concerned an error.
const FATAL: [&str; 2] = ["PromptMissing", "TurnRoleUnknown"];
/// The end of a problem's path where a mock file is named.
const MOCK_FILE: &str = "additional_config.mock_config";

/// Lines for people, each with its file.
#[derive(Default)]
pub struct Findings {
    /// What makes cases or checks `error` whatever the model answers.
    pub errors: Vec<String>,
    /// What has another effect than was meant, or none.
    pub warnings: Vec<String>,
}

impl Findings {
    /// Everything that can be known without a call. At most `checks` different checks are tried with their params.
    pub async fn of(session: &Session, checks: usize) -> Self {
        let mut findings = Self::default();
        let bundle = &session.bundle;
        for warning in bundle.warnings.iter().filter(|warning| !said_by_provider(warning, session)) {
            let fatal = FATAL.contains(&warning.reason);
            findings.push(fatal, if fatal { error(warning).to_string() } else { warning.to_string() });
        }
        findings.warnings.extend(credentials::inline_warnings(bundle));
        for entry in session.library.entries() {
            if let Some(Err(why)) = &entry.component {
                findings.push(true, format!("{}: error[{}] {why}", entry.origin, why.reason()));
            }
        }
        let checks = session.evaluator.check_params(checks).await;
        for finding in checks.iter().chain(&session.evaluator.check_templates().await) {
            findings.push(finding.fatal, finding.to_string());
        }
        for (id, provider) in &session.evaluator.parts().providers {
            let Err(why) = provider else { continue };
            // A missing key does not make the bundle wrong: it may be there where it runs.
            let fatal = why.reason() != "CredentialMissing";
            let severity = if fatal { "error" } else { "warning" };
            findings.push(fatal, format!("{}: {severity}[{}] {why}", place(bundle, id), why.reason()));
        }
        findings
    }

    fn push(&mut self, fatal: bool, line: String) {
        if fatal { self.errors.push(line) } else { self.warnings.push(line) }
    }
}

fn error(warning: &Problem) -> Problem {
    Problem { severity: Severity::Error, ..warning.clone() }
}

/// Whether it is about a mock file that is not there, and the provider that needs it says so as well.
fn said_by_provider(warning: &Problem, session: &Session) -> bool {
    let mut specs = session.bundle.providers.iter().filter(|spec| *spec.file == *warning.file);
    let providers = &session.evaluator.parts().providers;
    warning.path.ends_with(MOCK_FILE) && specs.any(|spec| matches!(providers.get(&spec.id), Some(Err(_))))
}

/// The file of a provider.
fn place<'a>(bundle: &'a Bundle, id: &'a str) -> &'a str {
    bundle.providers.iter().find(|spec| spec.id == id).map_or(id, |spec| &spec.file)
}
