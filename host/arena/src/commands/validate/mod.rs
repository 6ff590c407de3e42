//! `arena validate BUNDLE`: everything that can be known before the first call.

mod listing;
mod pack;

use std::path::{Path, PathBuf};

use arena_bundle::{ProviderSpec, is_pack};
use arena_provider::{KeyPlace, destination};
use clap::ValueEnum;
use owo_colors::OwoColorize;

use crate::exit::{Exit, Failure};
use crate::findings::{self, Finding};
use crate::manifests::{self, Manifests};
use crate::output::println;
use crate::outside::Outside;
use crate::session::{Session, provider_settings};
use crate::settings;
use crate::tables::Given;
use crate::terminal::{line, plural, safe};
use crate::work::Inputs;

/// Arguments of `arena validate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the bundle, or its arena file [default: this folder]; or a pack (`*.pack.json`), which is checked by itself.
    bundle: Option<PathBuf>,
    /// The same as BUNDLE.
    #[arg(long, short, value_name = "FILE", conflicts_with = "bundle")]
    config: Option<PathBuf>,
    /// Check the run that `arena run` makes of the bundle with this ArenaConfig and its Providers, in the YAML of a cluster.
    /// May be given more than once.
    #[arg(long = "file", short = 'f', value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Count warnings as errors.
    #[arg(long)]
    strict: bool,
    /// Check it as `arena run --mock-provider` runs it: the providers under test call nobody.
    #[arg(long)]
    mock_provider: bool,
    /// Table of the scenarios whose `dataset` names none, as in `arena run`.
    #[arg(long, value_name = "FILE")]
    dataset: Option<PathBuf>,
    #[command(flatten)]
    outside: Outside,
}

/// Forms of output.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines for people.
    Text,
    /// A list of findings.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// Prints all problems and which key goes where.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let bundle = arguments.bundle.as_ref().or(arguments.config.as_ref());
    let bundle = bundle.cloned().unwrap_or_else(|| PathBuf::from("."));
    let strict = |finding: Finding| if arguments.strict { finding.into_error() } else { finding };
    if is_pack(&bundle) && !arguments.files.is_empty() {
        let text = format!("{}: a pack is checked by itself, so that -f has nothing to bind", bundle.display());
        return Err(Failure::input("ManifestInvalid", text).hint("name the bundle that the pack is a part of"));
    }
    let inputs = match inputs(&bundle, &arguments) {
        Ok(inputs) => inputs,
        Err(wrong) => {
            let found: Vec<Finding> = wrong.into_iter().chain(of_documents(&bundle)).map(strict).collect();
            return Ok(unbound(&found, &bundle, &arguments));
        }
    };
    if arguments.format == Format::Text && is_pack(&bundle) {
        return pack::run(&bundle, strict).await;
    }
    if arguments.format != Format::Text {
        let (found, session) = listing::find(&inputs).await?;
        let found: Vec<Finding> = found.into_iter().map(strict).collect();
        let called = session.map(|session| destinations(&session, arguments.mock_provider)).unwrap_or_default();
        let whole = match arguments.format {
            Format::Sarif => listing::sarif(&found, &called, &bundle),
            _ => listing::json(&found, &called),
        };
        println!("{whole:#}");
        return Ok(if found.iter().any(Finding::is_error) { Exit::BadInput } else { Exit::Passed });
    }
    let shown = bundle.to_string_lossy().into_owned();
    let session = match Session::open(&inputs, "validate").await {
        // Documents that do not load are what this looks for.
        Err(Failure { exit: Exit::BadInput, listing: true, text, .. }) => return Ok(refused(text.lines(), &shown)),
        Err(failure) if failure.exit == Exit::BadInput => {
            // What is wrong with the plan does not unsay what is wrong with the documents.
            let loaded = arena_bundle::load(&bundle, &arena_bundle::Limits::default());
            for warning in loaded.into_iter().flat_map(|bundle| bundle.warnings) {
                println!("{}", safe(&strict(Finding::Problem(warning)).to_string()));
            }
            return Err(failure);
        }
        opened => opened?,
    };
    let found = findings::all(&session).await?.into_iter().map(strict);
    let (errors, warnings): (Vec<Finding>, Vec<Finding>) = found.partition(Finding::is_error);
    for warning in &warnings {
        println!("{}", safe(&warning.to_string()));
    }
    for Destination { provider, called, .. } in destinations(&session, arguments.mock_provider) {
        println!("provider {}: {}", line(&provider).bold(), line(&called));
    }
    if !errors.is_empty() {
        return Ok(refused(errors.iter().map(ToString::to_string), &session.bundle.name));
    }
    let scenarios = plural(session.matrix.scenarios().len() as u64, "scenario");
    println!("{} {scenarios}, {}", "valid:".green().bold(), plural(session.matrix.plan.len(), "case"));
    Ok(Exit::Passed)
}

/// Where a provider is called.
struct Destination {
    provider: String,
    /// File of the bundle.
    file: String,
    /// Its model, its address and what is sent along.
    called: String,
}

/// Of all providers that can be called; why another cannot be stands among the findings.
fn destinations(session: &Session, mock_provider: bool) -> Vec<Destination> {
    let mut found = Vec::new();
    let bundle = &session.bundle;
    // Judges and players stay who they are when models under test are mocked.
    let is_real = |id: &String| bundle.judges.values().chain(bundle.roles.values()).any(|real| real == id);
    for spec in bundle.called() {
        let tested = session.matrix.plan.lanes().iter().any(|lane| lane.provider == spec.id && lane.len > 0);
        let mocked = mock_provider && tested && !is_real(&spec.id);
        let settings = provider_settings(spec);
        let Ok(destination) = (if mocked { Ok(None) } else { destination(&settings) }) else { continue };
        let called = match destination {
            Some(place) => format!("{} at {}{}", spec.model, place.url, sent(&place.key, spec)),
            None => format!("{}, called nowhere", spec.model),
        };
        found.push(Destination { provider: spec.id.clone(), file: spec.file.to_string(), called });
    }
    found
}

/// What is validated, or what is wrong with the objects that it is to be bound to.
fn inputs(bundle: &Path, arguments: &Arguments) -> Result<Inputs, Vec<Finding>> {
    let mut inputs = Inputs {
        dataset: arguments.dataset.clone().map(Given::File),
        rows_looked_at: settings::ROWS_VALIDATED,
        mock_provider: arguments.mock_provider,
        tool_env: arguments.outside.tool_env.clone(),
        ..Inputs::of(bundle.to_owned())
    };
    if !arguments.files.is_empty() {
        let Manifests { run, endpoints, .. } =
            manifests::check(&arguments.files).map_err(|wrong| of_manifests(wrong, arguments.format))?;
        (inputs.run, inputs.endpoints, inputs.is_bound) = (run, endpoints, true);
    }
    inputs.run.egress = arguments.outside.hosts(std::mem::take(&mut inputs.run.egress));
    Ok(inputs)
}

fn of_manifests(wrong: Vec<(PathBuf, Failure)>, format: Format) -> Vec<Finding> {
    let finding = |(file, Failure { reason, text, .. }): (PathBuf, Failure)| {
        let text = text.strip_prefix(&format!("{}: ", file.display())).map(str::to_owned).unwrap_or(text);
        // SARIF has files as seen from the bundle, where these are not.
        let whole = if format == Format::Sarif { std::path::absolute(&file).ok() } else { None };
        let file = whole.unwrap_or(file).to_string_lossy().into_owned();
        Finding::Other { fatal: true, reason, file, line: 0, text }
    };
    wrong.into_iter().map(finding).collect()
}

/// What can be said of the documents alone.
fn of_documents(bundle: &Path) -> Vec<Finding> {
    match arena_bundle::load(bundle, &arena_bundle::Limits::default()) {
        Ok(bundle) => bundle.warnings.into_iter().map(Finding::Problem).collect(),
        Err(problems) => findings::of_problems(problems),
    }
}

/// Prints what is wrong where the objects of -f cannot be bound to the bundle.
fn unbound(found: &[Finding], bundle: &Path, arguments: &Arguments) -> Exit {
    match arguments.format {
        Format::Text => {
            let (errors, warnings): (Vec<&Finding>, Vec<&Finding>) = found.iter().partition(|it| it.is_error());
            warnings.iter().for_each(|warning| println!("{}", safe(&warning.to_string())));
            return refused(errors.iter().map(ToString::to_string), &bundle.to_string_lossy());
        }
        Format::Json => println!("{:#}", listing::json(found, &[])),
        Format::Sarif => println!("{:#}", listing::sarif(found, &[], bundle)),
    }
    Exit::BadInput
}

/// Prints the errors of a bundle.
fn refused(errors: impl Iterator<Item = impl AsRef<str>>, name: &str) -> Exit {
    let mut count = 0_u64;
    for error in errors {
        println!("{}", safe(error.as_ref()).red());
        count += 1;
    }
    println!("{}: {} cannot run as it is", plural(count, "error"), line(name));
    Exit::BadInput
}

/// What a provider sends along with the prompts: its key, by the place it is looked for, and headers, by name.
fn sent(key: &KeyPlace, spec: &ProviderSpec) -> String {
    let key = match key {
        KeyPlace::Settings => ", with the key in the bundle".to_owned(),
        KeyPlace::File(file) => format!(", with the key in {file}"),
        KeyPlace::Variable(name) => format!(", with the key in ${name}"),
        KeyPlace::Usual(names) => format!(", with the key in ${}", names.join(" or $")),
        KeyPlace::Nowhere => ", without a key".to_owned(),
    };
    let headers: Vec<&str> = spec.headers.keys().map(String::as_str).collect();
    if headers.is_empty() { key } else { format!("{key}, with the headers {}", headers.join(", ")) }
}
