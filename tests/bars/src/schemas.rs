//! Bar 04.3: the published JSON schemas as the oracle of the reader. Every document of the bundles nobody here wrote,
//! and seeded breaks of them, are refused by both or by neither.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jsonschema::Validator;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::bar::Bar;
use crate::conformance::copy;
use crate::process;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(60);
/// Reasons of `arena validate` that say that a document has another shape than it must have.
const SHAPE: [&str; 5] = ["MissingKey", "UnknownKey", "WrongType", "UnknownValue", "KindMismatch"];
const ENTRY: &str = "config.arena.yaml";
/// A value that no list of allowed ones has, and a key that no document has.
const STRANGE: &str = "zz-strange";
const SEED: u64 = 7;

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    documents: usize,
    breaks: usize,
}

/// One YAML file of a bundle.
struct Document {
    bundle: PathBuf,
    /// Within the bundle.
    file: String,
    kind: String,
    value: Value,
}

/// What is done to a document.
#[derive(Clone, Copy, Debug)]
enum Break {
    /// A key is taken out.
    Required,
    /// A value becomes one of another type.
    Type,
    /// A text becomes one that nobody knows.
    Enum,
    /// A key that nobody knows is put in.
    Unknown,
}

const BREAKS: [Break; 4] = [Break::Required, Break::Type, Break::Enum, Break::Unknown];

/// Compares the two on all documents and on as many breaks as promised.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let shelf = world.root.join("../shared/conformance");
    if !shelf.is_dir() {
        return bar.skip("no ../shared/conformance beside the checkout");
    }
    let schemas = schemas(&shelf.join("schemas/v1alpha1"))?;
    let documents = documents(&shelf)?;
    let mut agree = 0;
    for document in &documents {
        let expected = fits(&schemas, document, &document.value)?;
        match refusals(world, document, &document.value)? {
            found if found.is_empty() == expected => agree += 1,
            found => bar.note(&disagreement(document, "as it is", expected, &found)),
        }
    }
    bar.all("documents that reader and schema judge alike", agree, limits.documents);
    let mut random = fastrand::Rng::with_seed(SEED);
    let (mut agree, mut refused) = (0, 0);
    for number in 0..limits.breaks {
        let document = &documents[random.usize(..documents.len())];
        let mut value = document.value.clone();
        let done = broken(&mut value, BREAKS[number % BREAKS.len()], &mut random);
        let expected = fits(&schemas, document, &value)?;
        refused += usize::from(!expected);
        match refusals(world, document, &value)? {
            found if found.is_empty() == expected => agree += 1,
            found => bar.note(&disagreement(document, &done, expected, &found)),
        }
    }
    bar.note(&format!("of {} breaks the schemas refuse {refused}", limits.breaks));
    bar.all("broken documents that reader and schema judge alike", agree, limits.breaks);
    Ok(())
}

fn disagreement(document: &Document, done: &str, expected: bool, found: &[String]) -> String {
    let theirs = if expected { "takes it" } else { "refuses it" };
    format!("{} {}, {done}: the schema {theirs}, the reader says {found:?}", document.bundle.display(), document.file)
}

/// By kind.
fn schemas(folder: &Path) -> Result<BTreeMap<String, Validator>> {
    let mut schemas = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.is_file() {
            continue;
        }
        let schema: Value = serde_json::from_slice(&fs::read(&path)?).with_context(|| path.display().to_string())?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().replace(['-', '_'], "");
        let validator = jsonschema::validator_for(&schema);
        schemas.insert(stem, validator.map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?);
    }
    Ok(schemas)
}

fn fits(schemas: &BTreeMap<String, Validator>, document: &Document, value: &Value) -> Result<bool> {
    let name = document.kind.to_lowercase();
    let schema = schemas.get(&name).with_context(|| format!("no schema for kind {}", document.kind))?;
    Ok(schema.is_valid(value))
}

/// Every YAML document with a kind that a bundle's arena file leads to.
fn documents(shelf: &Path) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    for entry in fs::read_dir(shelf)? {
        let bundle = entry?.path().join("bundle");
        if bundle.is_dir() {
            collect(&bundle, &bundle, &mut documents)?;
        }
    }
    documents.sort_by(|a, b| (&a.bundle, &a.file).cmp(&(&b.bundle, &b.file)));
    Ok(documents)
}

fn collect(bundle: &Path, folder: &Path, documents: &mut Vec<Document>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(bundle, &path, documents)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            let text = fs::read_to_string(&path)?;
            let value: Value = serde_saphyr::from_str(&text).with_context(|| path.display().to_string())?;
            if let Some(kind) = value["kind"].as_str() {
                let file = path.strip_prefix(bundle)?.to_string_lossy().into_owned();
                documents.push(Document { bundle: bundle.to_owned(), file, kind: kind.to_owned(), value });
            }
        }
    }
    Ok(())
}

/// What `arena validate` has against the shape of a document, in its bundle with `value` in its place.
fn refusals(world: &World, document: &Document, value: &Value) -> Result<Vec<String>> {
    let (folder, file) = (world.scratch("schemas"), &document.file);
    // A recording lies beside its bundle.
    copy(document.bundle.parent().context("a bundle has a folder")?, &folder)?;
    let bundle = folder.join("bundle");
    fs::write(bundle.join(file), serde_json::to_vec(value)?)?;
    refer(&bundle.join(ENTRY), document)?;
    let mut command = world.arena();
    command.arg("validate").arg(&bundle).args(["--format", "json"]);
    // What the original runner never holds against its schema is a warning, which this makes an error.
    if document.kind == "Persona" {
        command.arg("--strict");
    }
    let text = process::capture_to(&[0, 2], &mut command, PATIENCE)?;
    fs::remove_dir_all(&folder)?;
    let found: Value = serde_json::from_str(&text).context("the findings")?;
    let Some(found) = found.as_array() else { bail!("the findings are no list: {text}") };
    let about = |finding: &&Value| {
        finding["severity"] == "error"
            && finding["file"] == *file
            && SHAPE.iter().any(|reason| finding["reason"] == *reason)
    };
    Ok(found.iter().filter(about).map(|finding| format!("{}: {}", finding["path"], finding["message"])).collect())
}

/// Makes the arena file lead to the document, if it does not: what nothing leads to is not read.
fn refer(entry: &Path, document: &Document) -> Result<()> {
    let list = match document.kind.as_str() {
        "PromptConfig" => "/spec/prompt_configs",
        "Scenario" => "/spec/scenarios",
        "Provider" => "/spec/providers",
        "Tool" => "/spec/tools",
        "Eval" => "/spec/evals",
        "Persona" => "/spec/self_play/personas",
        _ => return Ok(()),
    };
    let text = fs::read_to_string(entry)?;
    if text.contains(&document.file) {
        return Ok(());
    }
    let mut arena: Value = serde_saphyr::from_str(&text)?;
    let mut reference = json!({"file": document.file});
    if document.kind == "PromptConfig" {
        reference["id"] = json!(STRANGE);
    }
    let (parent, name) = list.rsplit_once('/').unwrap_or_default();
    let parent = arena.pointer_mut(parent).with_context(|| format!("{} has no {parent}", entry.display()))?;
    match parent.get_mut(name).and_then(Value::as_array_mut) {
        Some(entries) => entries.push(reference),
        None => parent[name] = json!([reference]),
    }
    fs::write(entry, serde_json::to_vec(&arena)?).context("the arena file")
}

/// Breaks one place of the document. Gives what was done, in words.
fn broken(value: &mut Value, how: Break, random: &mut fastrand::Rng) -> String {
    let mut places = Vec::new();
    list(value, &mut Vec::new(), &mut places);
    let fitting = |value: &Value| match how {
        Break::Required => value.as_object().is_some_and(|map| !map.is_empty()),
        Break::Unknown => value.is_object(),
        Break::Enum => value.is_string(),
        Break::Type => true,
    };
    // The document itself is a mapping, so that there is always one but for a text, of which `kind` is one.
    places.retain(|(path, value)| fitting(value) && path.last().is_none_or(|last| last != "kind"));
    let (path, _) = places.swap_remove(random.usize(..places.len()));
    let at = path.join("/");
    let Some(place) = path.iter().try_fold(value, step) else { return format!("{at}: nothing") };
    match (how, place) {
        (Break::Required, Value::Object(map)) => {
            let keys: Vec<String> = map.keys().filter(|key| *key != "kind").cloned().collect();
            let key = keys.get(random.usize(..keys.len().max(1))).cloned().unwrap_or_default();
            map.remove(&key);
            format!("{at}: without {key}")
        }
        (Break::Unknown, Value::Object(map)) => {
            map.insert(STRANGE.to_owned(), json!(1));
            format!("{at}: with {STRANGE}")
        }
        (Break::Enum, text) => {
            *text = json!(STRANGE);
            format!("{at}: {STRANGE}")
        }
        (_, any) => {
            *any = match any {
                Value::String(_) => json!(7),
                Value::Number(_) | Value::Null => json!("seven"),
                Value::Bool(_) => json!("yes"),
                Value::Array(_) => Value::Object(Map::new()),
                Value::Object(_) => json!([]),
            };
            format!("{at}: {any}")
        }
    }
}

/// All values below this one, with their paths.
fn list(value: &Value, path: &mut Vec<String>, places: &mut Vec<(Vec<String>, Value)>) {
    places.push((path.clone(), value.clone()));
    let below: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in below {
        path.push(key);
        list(value, path, places);
        path.pop();
    }
}

fn step<'v>(value: &'v mut Value, key: &String) -> Option<&'v mut Value> {
    match value {
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        Value::Object(map) => map.get_mut(key),
        _ => None,
    }
}
