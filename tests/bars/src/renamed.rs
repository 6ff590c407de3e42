//! A bundle with every scenario, provider, prompt and file called something else, so that no verdict can hang on a name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// Of the arena file, which the command line names.
const ENTRY: &str = "config.arena.yaml";
/// Has its name from a standard.
const SKILL: &str = "SKILL.md";
const SEED: u64 = 11;
const PATIENCE: Duration = Duration::from_secs(60);
/// Prints YAML files as one JSON object by their names.
const READ: &str = "import json, sys, yaml\n\
    print(json.dumps({path: yaml.safe_load(open(path)) for path in sys.argv[1:]}, default=str))";

/// From old to new names, which occur nowhere else.
pub struct Names {
    words: BTreeMap<String, String>,
    files: BTreeMap<PathBuf, PathBuf>,
}

impl Names {
    /// Writes the renamed bundle.
    pub fn write(bundle: &Path, to: &Path) -> Result<Self> {
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut names = Self { words: BTreeMap::new(), files: BTreeMap::new() };
        let mut files = Vec::new();
        list(bundle, Path::new(""), &mut files)?;
        files.sort();
        let mut documents = documents(bundle, &files)?;
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (_, extension) = name.split_once('.').unwrap_or((&name, ""));
            let kept = name == ENTRY || name == SKILL;
            let new = if kept { file.clone() } else { file.with_file_name(fresh(&mut random) + "." + extension) };
            if let Some(document) = documents.get(&file) {
                let named = match document["kind"].as_str() {
                    Some("Scenario" | "Eval" | "Provider") => document["metadata"]["name"].as_str(),
                    Some("PromptConfig") => document["spec"]["task_type"].as_str(),
                    _ => None,
                };
                if let Some(named) = named {
                    names.words.entry(named.to_owned()).or_insert_with(|| fresh(&mut random));
                }
            }
            names.files.insert(file, new);
        }
        for (file, new) in &names.files {
            let target = to.join(new);
            fs::create_dir_all(target.parent().context("a file has a folder")?)?;
            match documents.remove(file) {
                Some(document) => fs::write(target, serde_json::to_vec(&names.document(document, file))?)?,
                None => fs::copy(bundle.join(file), target).map(drop)?,
            }
        }
        Ok(names)
    }

    /// An argument of a command line.
    pub fn argument(&self, argument: &str) -> String {
        self.path(argument, Path::new("")).or_else(|| self.words.get(argument).cloned()).unwrap_or(argument.to_owned())
    }

    /// A text with the old names again.
    pub fn back(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (old, new)| text.replace(new, old))
    }

    fn document(&self, mut document: Value, file: &Path) -> Value {
        if matches!(document["kind"].as_str(), Some("Scenario" | "Eval" | "Provider"))
            && let Some(name) = document.pointer_mut("/metadata/name")
        {
            self.word(name);
        }
        if document["kind"].is_null()
            && let Some(scenarios) = document.get_mut("scenarios").and_then(Value::as_object_mut)
        {
            let renamed = std::mem::take(scenarios).into_iter();
            *scenarios = renamed.map(|(name, it)| (self.words.get(&name).cloned().unwrap_or(name), it)).collect();
        }
        self.walk(&mut document, "", file.parent().unwrap_or(Path::new("")));
        document
    }

    fn walk(&self, value: &mut Value, key: &str, folder: &Path) {
        match value {
            Value::Object(map) => map.iter_mut().for_each(|(key, value)| self.walk(value, key, folder)),
            Value::Array(items) => items.iter_mut().for_each(|value| self.walk(value, key, folder)),
            Value::String(text) => {
                if let Some(path) = self.path(text, Path::new("")).or_else(|| self.path(text, folder)) {
                    *text = path;
                } else if ["task_type", "prompt_task", "provider", "providers"].contains(&key) {
                    self.word(value);
                }
            }
            _ => {}
        }
    }

    fn word(&self, value: &mut Value) {
        if let Some(new) = value.as_str().and_then(|old| self.words.get(old)) {
            *value = new.clone().into();
        }
    }

    /// A path to a renamed file, as seen from `folder`.
    fn path(&self, text: &str, folder: &Path) -> Option<String> {
        let mut whole = PathBuf::new();
        for part in folder.join(text).components() {
            match part {
                Component::ParentDir if whole.pop() => {}
                Component::Normal(part) => whole.push(part),
                Component::CurDir => {}
                _ => return None,
            }
        }
        let new = self.files.get(&whole)?.file_name()?;
        Some(Path::new(text).with_file_name(new).to_string_lossy().into_owned())
    }
}

/// The YAML files of a bundle. They are read as the bundles' own tools read them.
fn documents(bundle: &Path, files: &[PathBuf]) -> Result<BTreeMap<PathBuf, Value>> {
    let yaml = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    let mut python = Command::new("python3");
    python.current_dir(bundle).args(["-c", READ]).args(yaml);
    Ok(serde_json::from_str(&process::capture(&mut python, PATIENCE)?)?)
}

fn fresh(random: &mut fastrand::Rng) -> String {
    format!("n{:015x}", random.u64(..1 << 60))
}

fn list(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() { list(root, &path, files)? } else { files.push(path) }
    }
    Ok(())
}
