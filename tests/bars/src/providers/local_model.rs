//! Bar 05.6: a real language model, served on this machine from packages alone, runs the quick start.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use arena_model::{Author, Outcome, Record};
use serde::Deserialize;

use super::python;
use crate::bar::Bar;
use crate::process::{self, Running};
use crate::records;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(600);
/// The quick start's models, which the real one takes the place of. Its judge stays a mock.
const MODELS: [&str; 2] = ["small", "large"];

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: usize,
    /// Different answers, at least: a model says many things, a mock few.
    answers: usize,
}

/// Twice, since a model with a seed says the same twice.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let model = world.root.join("examples/local-model");
    let python = match python::with(&model.join("requirements.txt"), &["--no-deps"]) {
        Ok(python) => python,
        Err(error) => return bar.skip(&format!("the model's packages cannot be installed here: {error:#}")),
    };
    let mut command = Command::new(python);
    let mut server = Running::start(command.arg(model.join("serve.py")).stdin(Stdio::piped()).stdout(Stdio::piped()))?;
    let stdout = server.child().and_then(|child| child.stdout.take()).context("the server's output")?;
    let mut url = String::new();
    BufReader::new(stdout).read_line(&mut url).context("the server's address")?;
    let bundle = world.scratch("local-model");
    copy(&world.root.join("examples/quickstart"), &bundle)?;
    for name in MODELS {
        let text = format!(
            "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: Provider\nmetadata:\n  name: {name}\nspec:\n  \
             type: openai\n  model: textgenrnn\n  base_url: {}\n",
            url.trim()
        );
        fs::write(bundle.join(format!("providers/{name}.yaml")), text)?;
    }
    let run = |name: &str| -> Result<Vec<Record>> {
        let out = world.scratch(name);
        let mut command = world.arena();
        command.arg("run").arg(&bundle).arg("-q").arg("--out").arg(&out);
        process::capture_to(&[0, 1], &mut command, PATIENCE)?;
        records::read(world, &out)
    };
    let (first, second) = (run("local-first")?, run("local-second")?);
    let judged = first.iter().filter(|record| matches!(record.outcome, Outcome::Passed | Outcome::Failed)).count();
    bar.all("cases of the quick start with a verdict", judged, limits.cases);
    let of_model = |record: &Record| {
        let said = record.messages.iter().filter(|message| message.by == Author::Model);
        said.map(|message| (message.content.text().into_owned(), message.usage)).collect::<Vec<_>>()
    };
    let said: Vec<_> = first.iter().flat_map(of_model).collect();
    let counted = said.iter().filter(|(_, usage)| usage.is_some_and(|usage| usage.input > 0)).count();
    bar.all("answers of the model whose tokens are known", counted, said.len());
    let answers: BTreeSet<_> = said.iter().map(|(text, _)| text).collect();
    let enough = answers.len() >= limits.answers;
    bar.line(
        "different answers",
        &answers.len().to_string(),
        &format!("at least {}", limits.answers),
        said.len(),
        enough,
    );
    let same = first.iter().zip(&second).filter(|(one, other)| one.messages == other.messages).count();
    bar.all("cases in which a second run says the same", same, limits.cases);
    if let Some((text, _)) = said.first() {
        bar.note(&format!("it says {text:?}"));
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}
