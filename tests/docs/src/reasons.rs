//! Stable names in the sources of host and API: text literals that look like `RunLocked`, outside of tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Literals of that form that name something else: kinds of documents, a type in its debug form, words of Kubernetes, Amazon
/// and PromptKit.
const OTHER: [&str; 19] = [
    "AccessKeyId",
    "ArenaConfig",
    "ArenaJob",
    "ArenaSource",
    "DisruptionTarget",
    "FailJob",
    "HttpClient",
    "IfNotPresent",
    "PromptConfig",
    "RedisOptions",
    "ResponseCache",
    "RunGate",
    "RuntimeConfig",
    "RuntimeDefault",
    "SecretAccessKey",
    "SessionToken",
    "SharedPermits",
    "ToolCalls",
    "ToolResult",
];
/// Folders of `host/` whose texts no user of the program sees.
const INNER: [&str; 2] = ["host/xtask", "host/queue/src/contract"];

/// Where the API says how runs end.
const VERDICTS: &str = "crd/src/gate.rs";

/// Each name with one file that it stands in.
pub fn reasons(root: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    walk(root, "host", &mut found)?;
    // All else there are types and texts for users.
    file(root, VERDICTS, &mut found)?;
    Ok(found)
}

fn walk(root: &Path, folder: &str, found: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(root.join(folder)).with_context(|| format!("cannot list {folder}"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if entry.file_type()?.is_dir() {
            let skipped = INNER.contains(&path.as_str()) || matches!(name.as_str(), "tests" | "examples" | "target");
            if !skipped {
                walk(root, &path, found)?;
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            file(root, &path, found)?;
        }
    }
    Ok(())
}

fn file(root: &Path, path: &str, found: &mut BTreeMap<String, String>) -> Result<()> {
    let text = fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
    for reason in in_source(&text) {
        found.entry(reason).or_insert_with(|| path.to_owned());
    }
    Ok(())
}

fn in_source(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let literals = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    literals.filter(|text| is_reason(text) && !OTHER.contains(text)).map(str::to_owned).collect()
}

/// Two or more words, each with a capital.
fn is_reason(text: &str) -> bool {
    let capitals = text.chars().filter(char::is_ascii_uppercase).count();
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
        && text.chars().any(|c| c.is_ascii_lowercase())
        && capitals >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_code_are_found_and_others_are_not() {
        let text = "//! \"NotThis\"\nlet a = \"RunLocked\"; f(\"plain\", \"YamlNul\");\n\"OPENAI1\" \"Content\"\n\
                    #[cfg(test)]\nmod tests { \"InATest\" }";
        assert_eq!(in_source(text), ["RunLocked", "YamlNul"]);
    }
}
