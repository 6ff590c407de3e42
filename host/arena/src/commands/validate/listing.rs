//! Findings for programs: a list in JSON, or SARIF 2.1.0.

use std::collections::BTreeSet;
use std::path::Path;

use arena_bundle::Problem;
use serde_json::{Value, json};

use super::Destination;
use crate::exit::{Exit, Failure};
use crate::findings::{self, Finding};
use crate::session::Session;
use crate::work::Inputs;

/// Reason of the notes on where providers are called.
const CALLED: &str = "ProviderCalled";
/// Where this program is described.
const HOME: &str = "https://github.com/AltairaLabs/arena-fleet";

/// All findings of a bundle, also of one that does not load, and what was made ready of one that does. What is not the
/// bundle's fault is an error of the command.
pub async fn find(inputs: &Inputs) -> Result<(Vec<Finding>, Option<Session>), Failure> {
    let bundle = inputs.bundle.as_path();
    if arena_bundle::is_pack(bundle) {
        return Ok((super::pack::find(bundle).await?.0, None));
    }
    if let Err(problems) = arena_bundle::load(bundle, &arena_bundle::Limits::default()) {
        return Ok((findings::of_problems(problems), None));
    }
    match Session::open(inputs, "validate").await {
        Ok(session) => Ok((findings::all(&session).await?, Some(session))),
        Err(failure) if failure.exit == Exit::BadInput => {
            let Failure { reason, text, .. } = failure;
            // What is not in any document is in how they go together: that is the arena file's to say.
            let loaded = arena_bundle::load(bundle, &arena_bundle::Limits::default());
            let file = loaded.as_ref().map(|bundle| bundle.entry.to_string()).unwrap_or_default();
            let told = loaded.map(|bundle| bundle.warnings).unwrap_or_default();
            let mut found: Vec<Finding> = told.into_iter().map(Finding::Problem).collect();
            found.push(Finding::Other { fatal: true, reason, file, line: 0, text });
            Ok((found, None))
        }
        Err(failure) => Err(failure),
    }
}

/// What all findings have.
struct Parts<'a> {
    reason: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
    path: &'a str,
    value: Option<&'a str>,
    message: String,
    hint: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(finding: &'a Finding) -> Self {
        match finding {
            Finding::Problem(Problem { reason, file, line, column, path, value, message, hint, .. }) => {
                let told = value.as_ref().map(|value| format!(" (value {value})")).unwrap_or_default();
                let (message, hint) = (format!("{message}{told}"), hint.as_deref());
                Self { reason, file, line: *line, column: *column, path, value: value.as_deref(), message, hint }
            }
            Finding::Other { reason, file, line, text, .. } => {
                Self { reason, file, line: *line, column: 0, path: "", value: None, message: text.clone(), hint: None }
            }
        }
    }
}

fn severity(finding: &Finding) -> &'static str {
    if finding.is_error() { "error" } else { "warning" }
}

/// All findings, and a note for each provider. What is not known is null.
pub fn json(found: &[Finding], called: &[Destination]) -> Value {
    let note = |called: &Destination| {
        json!({
            "reason": CALLED,
            "severity": "note",
            "file": called.file,
            "line": null,
            "column": null,
            "path": "",
            "value": called.provider,
            "message": said(called),
            "hint": null,
        })
    };
    found.iter().map(of_finding).chain(called.iter().map(note)).collect()
}

fn said(called: &Destination) -> String {
    format!("provider {}: {}", called.provider, called.called)
}

fn of_finding(finding: &Finding) -> Value {
    let Parts { reason, file, line, column, path, value, message, hint } = Parts::of(finding);
    let known = |number: u32| (number > 0).then_some(number);
    json!({
        "reason": reason,
        "severity": severity(finding),
        "file": file,
        "line": known(line),
        "column": known(column),
        "path": path,
        "value": value,
        "message": message,
        "hint": hint,
    })
}

/// All findings and notes as one SARIF log. Files are named as seen from where the command runs.
pub fn sarif(found: &[Finding], called: &[Destination], bundle: &Path) -> Value {
    let folder = if bundle.is_file() { bundle.parent().unwrap_or(Path::new("")) } else { bundle };
    let notes = called.iter().map(|_| CALLED);
    let rules: BTreeSet<&str> = found.iter().map(|finding| Parts::of(finding).reason).chain(notes).collect();
    let rules: Vec<&str> = rules.into_iter().collect();
    let index = |reason: &str| rules.iter().position(|rule| *rule == reason);
    let note = |called: &Destination| {
        json!({
            "ruleId": CALLED,
            "ruleIndex": index(CALLED),
            "level": "note",
            "message": {"text": said(called)},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(&folder.join(&called.file))}}}],
        })
    };
    let result = |finding: &Finding| {
        let Parts { reason, file, line, column, path, message, hint, .. } = Parts::of(finding);
        let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        let mut place = json!({"artifactLocation": {"uri": uri(&folder.join(file))}});
        if line > 0 {
            place["region"] = json!({"startLine": line});
            if column > 0 {
                place["region"]["startColumn"] = column.into();
            }
        }
        json!({
            "ruleId": reason,
            "ruleIndex": index(reason),
            "level": severity(finding),
            "message": {"text": format!("{path}{message}{hint}")},
            "locations": [{"physicalLocation": place}],
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "arena",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": HOME,
                "rules": rules.iter().map(|rule| json!({"id": rule})).collect::<Vec<Value>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": found.iter().map(result).chain(called.iter().map(note)).collect::<Vec<Value>>(),
        }],
    })
}

/// A path as a URI reference: relative where the path is.
fn uri(path: &Path) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-~".contains(&b);
    let text = path.to_string_lossy();
    let text = text.strip_prefix("./").unwrap_or(&text);
    let escaped: String =
        text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect();
    if escaped.starts_with('/') { format!("file://{escaped}") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri(Path::new("./my bundle/a#b.yaml")), "my%20bundle/a%23b.yaml");
        assert_eq!(uri(Path::new("/tmp/ä.yaml")), "file:///tmp/%C3%A4.yaml");
    }
}
