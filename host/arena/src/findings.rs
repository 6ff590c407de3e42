//! What is to be said of a bundle before it runs, once each: `validate` refuses over the errors, `run` only tells, since
//! the cases that are not concerned have verdicts all the same.

use std::fmt;

use arena_bundle::{Bundle, ContextStrategy, Problem, Problems, ProviderSpec, Severity};
use arena_evaluate::Evaluator;
use arena_model::{Compat, Fault};
use arena_provider::{KeyPlace, Remark, destination};

use crate::exit::Failure;
use crate::session::{Session, provider_settings};
use crate::{credentials, gates};

/// The end of a problem's path where a mock file is named.
const MOCK_FILE: &str = "additional_config.mock_config";

/// Something in a bundle, with its file. Prints as a line for people, by `{:#}` without a word on how bad it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// In a document.
    Problem(Problem),
    /// Of a check, a component, a provider.
    Other {
        /// Whether it makes cases or checks `error` whatever the model answers.
        fatal: bool,
        /// Stable name.
        reason: &'static str,
        /// File in the bundle, or where a component came from.
        file: String,
        /// Line, 0 if it is not known.
        line: u32,
        /// What is wrong, and what to do.
        text: String,
    },
}

impl Finding {
    fn other(fatal: bool, reason: &'static str, place: &str, text: impl ToString) -> Self {
        let known = place.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<u32>().ok()?)));
        let (file, line) = known.unwrap_or((place, 0));
        Self::Other { fatal, reason, file: file.to_owned(), line, text: text.to_string() }
    }

    /// Whether it makes cases or checks `error` whatever the model answers; else something has another effect than was
    /// meant, or none.
    pub fn is_error(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.severity != Severity::Warning,
            Self::Other { fatal, .. } => *fatal,
        }
    }

    /// The same as an error.
    pub fn into_error(self) -> Self {
        match self {
            Self::Problem(problem) => Self::Problem(Problem { severity: Severity::Error, ..problem }),
            Self::Other { reason, file, line, text, .. } => Self::Other { fatal: true, reason, file, line, text },
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => problem.fmt(f),
            Self::Other { fatal, reason, file, line, text } => {
                let severity = match (f.alternate(), fatal) {
                    (true, _) => "",
                    (false, true) => "error",
                    (false, false) => "warning",
                };
                let line = if *line > 0 { format!(":{line}") } else { String::new() };
                write!(f, "{file}{line}: {severity}[{reason}] {text}")
            }
        }
    }
}

/// All errors of documents that do not load.
pub fn of_problems(problems: Problems) -> Vec<Finding> {
    problems.0.into_iter().map(Finding::Problem).collect()
}

/// Everything that can be known without a call. At most `checks` different checks are tried with their params.
pub async fn of(session: &Session, checks: usize) -> Vec<Finding> {
    let bundle = &session.bundle;
    let mut findings = Vec::new();
    let told = bundle.warnings.iter().filter(|warning| !said_by_provider(warning, session));
    findings.extend(told.cloned().map(Finding::Problem));
    let inline = credentials::inline_warnings(bundle);
    findings.extend(inline.iter().map(|(file, text)| Finding::other(false, credentials::INLINE, file, text)));
    for remark in &session.remarks {
        let place = if remark.line > 0 { format!("{}:{}", remark.file, remark.line) } else { remark.file.clone() };
        findings.push(Finding::other(remark.fatal, remark.reason, &place, &remark.text));
    }
    if bundle.engine.is_some() && bundle.conduct.follows(Compat::ExpandedValues) {
        let text = "`--compat expanded-values` has no effect: the bundle has an engine of its own choice";
        findings.push(Finding::other(false, "CompatUnused", &bundle.entry, text));
    }
    for entry in session.library.entries() {
        if let Some(Err(why)) = &entry.component {
            findings.push(Finding::other(true, why.reason(), &entry.origin, why));
        }
    }
    findings.extend(of_checks(&session.evaluator, checks).await);
    for spec in bundle.called() {
        if let Some(text) = in_clear(spec) {
            findings.push(Finding::other(false, "KeyInClear", &spec.file, text));
        }
    }
    for (id, provider) in &session.evaluator.parts().providers {
        match provider {
            Ok(provider) => {
                let told = |remark: &Remark| Finding::other(false, remark.reason, place(bundle, id), &remark.text);
                findings.extend(provider.remarks().iter().map(told));
            }
            // A missing key does not make the bundle wrong: it may be there where it runs.
            Err(why) => {
                // Nor is one that no case calls.
                let called = session.matrix.plan.lanes().iter().any(|lane| lane.provider == *id && lane.len > 0);
                let fatal = called && why.reason() != "CredentialMissing";
                findings.push(Finding::other(fatal, why.reason(), place(bundle, id), why));
            }
        }
    }
    for (id, embedder) in &session.evaluator.parts().embedders {
        match embedder {
            Ok(embedder) => {
                let told = |remark: &Remark| Finding::other(false, remark.reason, place(bundle, id), &remark.text);
                findings.extend(embedder.remarks().iter().map(told));
            }
            Err(why) => {
                let fatal = why.reason() != "CredentialMissing" && is_named(bundle, id);
                findings.push(Finding::other(fatal, why.reason(), place(bundle, id), why));
            }
        }
    }
    findings
}

/// All of it: every check, and the bundle's gates, which a run that starts has checked by itself.
pub async fn all(session: &Session) -> Result<Vec<Finding>, Failure> {
    let mut findings = of(session, usize::MAX).await;
    let entry = &session.bundle.entry;
    let of_gates = gates::remarks(session)?;
    findings.extend(of_gates.iter().map(|(fatal, wrong)| Finding::other(*fatal, wrong.reason, entry, &wrong.text)));
    Ok(findings)
}

/// Whether the messages of some scenario are compared by this provider's vectors.
fn is_named(bundle: &Bundle, embedder: &str) -> bool {
    let policies = bundle.scenarios.iter().filter_map(|scenario| scenario.context.as_ref());
    policies.into_iter().any(|policy| match &policy.strategy {
        ContextStrategy::Relevance(relevance) => relevance.embedder.as_deref() == Ok(embedder),
        _ => false,
    })
}

/// What is wrong with where a provider's key would go, if it would go there for all on the way to read.
fn in_clear(spec: &ProviderSpec) -> Option<String> {
    let place = destination(&provider_settings(spec)).ok()??;
    let rest = place.url.strip_prefix("http://").filter(|_| place.key != KeyPlace::Nowhere)?;
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let here = matches!(name, "localhost" | "[::1]") || name.starts_with("127.");
    let text = format!("provider `{}`: its key goes to {host} over plain http, for all on the way to read", spec.id);
    (!here).then_some(text)
}

/// What checks and templates say of themselves. At most `checks` different checks are tried with their params.
pub async fn of_checks(evaluator: &Evaluator, checks: usize) -> Vec<Finding> {
    let mut found = evaluator.check_params(checks).await;
    found.extend(evaluator.check_templates().await);
    found.extend(evaluator.check_guardrails().await);
    found.extend(evaluator.check_tools().await);
    found.extend(evaluator.check_names());
    found.iter().map(|it| Finding::other(it.fatal, it.reason, &it.place, &it.text)).collect()
}

/// Whether it is about a mock file that is not there, and the provider that needs it says so as well.
fn said_by_provider(warning: &Problem, session: &Session) -> bool {
    let mut specs = session.bundle.providers.iter().filter(|spec| *spec.file == *warning.file);
    let providers = &session.evaluator.parts().providers;
    warning.path.ends_with(MOCK_FILE) && specs.any(|spec| matches!(providers.get(&spec.id), Some(Err(_))))
}

/// The file of a provider.
fn place<'a>(bundle: &'a Bundle, id: &'a str) -> &'a str {
    bundle.called().find(|spec| spec.id == id).map_or(id, |spec| &spec.file)
}
