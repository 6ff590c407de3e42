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
use crate::output::println;
use crate::outside::Outside;
use crate::session::{Session, provider_settings};
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
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Count warnings as errors.
    #[arg(long)]
    strict: bool,
    /// Check it as `arena run --mock-provider` runs it: the providers under test call nobody.
    #[arg(long)]
    mock_provider: bool,
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
    if arguments.format == Format::Text && is_pack(&bundle) {
        return pack::run(&bundle, strict).await;
    }
    if arguments.format != Format::Text {
        let (found, session) = listing::find(&inputs(&bundle, &arguments)).await?;
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
    let inputs = inputs(&bundle, &arguments);
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
    let found = findings::of(&session, usize::MAX).await.into_iter().map(strict);
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
    for spec in session.bundle.called() {
        let mocked = mock_provider && session.matrix.plan.lanes().iter().any(|lane| lane.provider == spec.id);
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

fn inputs(bundle: &Path, arguments: &Arguments) -> Inputs {
    let mut inputs = Inputs {
        mock_provider: arguments.mock_provider,
        tool_env: arguments.outside.tool_env.clone(),
        ..Inputs::of(bundle.to_owned())
    };
    inputs.run.egress = arguments.outside.hosts(Vec::new());
    inputs
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
