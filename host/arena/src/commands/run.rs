//! `arena run`: a bundle from its folder to a verdict and a report, or the rest of a run that was stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arena_model::{Counts, Digest, Manifest, Work};
use arena_results::{Journal, ResultsError, RunDir, Settings, State, finalize};
use arena_worker::{Ended, LocalRun, Stop};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::credentials;
use crate::exit::{Exit, Failure, OrFail};
use crate::files::{FILE_BYTES, read_file};
use crate::findings::Findings;
use crate::progress::Progress;
use crate::session::{Inputs, Session};
use crate::terminal::print_warning;
use crate::verdict;

/// Cases at once where neither flag nor bundle says.
const CONCURRENCY: usize = 8;
/// Most cases at once.
const CONCURRENCY_MAX: usize = 4096;
/// Seed where no flag gives one.
const SEED: u64 = 42;
/// Different checks whose params are tried before the first case; `arena validate` tries all.
const PARAMS_TRIED: usize = 500;
/// Warnings that are printed.
const WARNINGS: usize = 20;
/// Folder of the run that holds what came from outside the bundle.
const INPUTS: &str = "inputs";
/// Setting of a run whose key files are looked for beside its bundle: where that was. They are not copied.
const KEY_FOLDER: &str = "keyFolder";
const MOCK_CONFIG: &str = "mock-config.yaml";

/// Arguments of `arena run`.
#[derive(clap::Args)]
#[command(override_usage = "arena run [OPTIONS] <BUNDLE>\n       arena run --resume <DIR> [OPTIONS] [BUNDLE]")]
pub struct Arguments {
    /// Folder of the bundle, or its arena file. With --resume it must be what the run was started with.
    #[arg(required_unless_present = "resume")]
    bundle: Option<PathBuf>,
    /// Folder of the results; must not exist yet [default: out/NAME-TIME-ID].
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Go on with the run in this folder; what is recorded is not called again.
    #[arg(long, value_name = "DIR")]
    resume: Option<PathBuf>,
    /// Cases at once [default: the bundle's, else 8].
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=CONCURRENCY_MAX as i64))]
    concurrency: Option<u32>,
    /// Answer from mock files instead of calling the providers under test.
    #[arg(long, conflicts_with = "resume")]
    mock_provider: bool,
    /// Mock file for all providers; without it each uses its own.
    #[arg(long, value_name = "FILE", requires = "mock_provider")]
    mock_config: Option<PathBuf>,
    /// Use FILE as the component NAME (text, json, judge, template or a new one) in this run.
    #[arg(long, value_name = "NAME=FILE", value_parser = parse_evaluator, conflicts_with = "resume")]
    evaluator: Vec<(String, PathBuf)>,
    /// Seed of everything random [default: 42].
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    seed: Option<u64>,
    /// Run a bundle with keys in plain text, which are copied with it into the folder of the run.
    #[arg(long, conflicts_with = "resume")]
    allow_inline_keys: bool,
    /// Print only the verdict.
    #[arg(long, short)]
    quiet: bool,
}

fn parse_evaluator(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), PathBuf::from(file))),
        _ => Err("write it as NAME=FILE, for example text=my-text.wasm".to_owned()),
    }
}

/// Runs to the verdict.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let worker = random_id()?;
    let (run, session) = match &arguments.resume {
        Some(dir) => resume(dir, arguments.bundle.as_deref(), &worker).await?,
        None => start(&arguments, &worker).await?,
    };
    show_warnings(&session, arguments.quiet).await;
    if run.state().or_fail()? == State::Running {
        let ended = run_cases(&run, &session, &arguments).await?;
        if ended == Ended::Stopped {
            return Ok(stopped(&run));
        }
    }
    let planned = session.matrix.plan.len();
    let labelled = session.bundle.scenarios.iter().filter(|scenario| !scenario.labels.is_empty());
    let labels: BTreeMap<_, _> = labelled.map(|scenario| (scenario.id.clone(), scenario.labels.clone())).collect();
    let repeated = session.bundle.scenarios.iter().filter(|scenario| scenario.trials > 1);
    let trials: BTreeMap<_, _> = repeated.map(|scenario| (scenario.id.clone(), scenario.trials)).collect();
    let frozen = session.bundle.files.iter().map(|file| (format!("bundle/{}", file.path), file.digest.clone()));
    let settings = Settings { known_digests: frozen.collect(), ..Settings::default() };
    // The reports need memory of their own; the session's goes first.
    drop(session);
    let labels = |id: &str| labels.get(id).cloned().unwrap_or_default();
    let stop = watch_signals(&[Stop::Now], print_warning);
    let summary = match finalize(&run, planned, std::iter::empty(), labels, settings, || *stop.borrow() != Stop::No) {
        Err(ResultsError::FinalizeStopped { .. }) => return Ok(stopped(&run)),
        ended => ended.or_fail()?,
    };
    verdict::print(&run, &summary, &trials, arguments.quiet)?;
    Ok(verdict::exit(&summary.cases))
}

/// Says how to go on.
fn stopped(run: &RunDir) -> Exit {
    let dir = verdict::shell_word(run.path());
    print_warning(&format!("stopped; go on with `arena run --resume {dir}`"));
    Exit::Interrupted
}

/// A new run: its folder appears complete with manifest, bundle and inputs.
async fn start(arguments: &Arguments, worker: &str) -> Result<(RunDir, Session), Failure> {
    let inputs = Inputs {
        bundle: arguments.bundle.clone().unwrap_or_default(),
        mock_provider: arguments.mock_provider,
        mock_config: arguments.mock_config.clone(),
        evaluators: arguments.evaluator.clone(),
        seed: arguments.seed.unwrap_or(SEED),
        key_folder: None,
    };
    let session = Session::open(&inputs, worker).await?;
    if !arguments.allow_inline_keys {
        credentials::refuse_inline(&session.bundle)?;
    }
    let out = arguments.out.clone().unwrap_or_else(|| {
        let time = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string().replace([':', '-'], "");
        // Two runs may start within one second; the worker's id is random.
        let id: String = worker.chars().take(ID_CHARS).collect();
        Path::new("out").join(format!("{}-{time}-{id}", file_name(&session.bundle.name)))
    });
    let mut settings = json!({"evaluators": names(&inputs)});
    if credentials::is_beside(&session.bundle) {
        let folder = std::path::absolute(&session.bundle.root).map_err(|error| {
            Failure::machinery("FolderUnknown", format!("{}: {error}", session.bundle.root.display()))
        })?;
        settings[KEY_FOLDER] = folder.display().to_string().into();
    }
    let manifest = session.manifest(&inputs.bundle, settings)?;
    let run = RunDir::create(&out, &manifest, |to| freeze(&session, &inputs, to)).or_fail()?;
    Ok((run, session))
}

/// Longest part of a bundle's name that stands in the name of a folder.
const FOLDER_CHARS: usize = 64;

/// Characters of a random id in the name of a folder.
const ID_CHARS: usize = 8;

/// The bundle's name as one plain component of a path: it is a stranger's text and must not lead elsewhere.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
    name.chars().take(FOLDER_CHARS).map(plain).collect()
}

/// Names of the components that came by flag, in order: their bytes stand in the run's folder.
fn names(inputs: &Inputs) -> Vec<&str> {
    inputs.evaluators.iter().map(|(name, _)| name.as_str()).collect()
}

/// Copies the bundle, and beside it what came from elsewhere, so that the run can be resumed from its folder alone.
fn freeze(session: &Session, inputs: &Inputs, to: &Path) -> std::io::Result<()> {
    let bundle = &session.bundle;
    std::fs::create_dir_all(to)?;
    for file in &bundle.files {
        let path = to.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        copy(&bundle.root.join(&file.path), &path, Some(file.digest.as_str()))?;
    }
    let beside = to.with_file_name(INPUTS);
    if inputs.mock_config.is_none() && inputs.evaluators.is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(&beside)?;
    if let Some(path) = &inputs.mock_config {
        copy(path, &beside.join(MOCK_CONFIG), session.work.config["mockConfig"].as_str())?;
    }
    for (at, (name, path)) in inputs.evaluators.iter().enumerate() {
        // Of two with one name only the later was loaded.
        let loaded = !inputs.evaluators[at + 1..].iter().any(|(later, _)| later == name);
        let pin = session.work.evaluators.get(name).filter(|_| loaded);
        copy(path, &beside.join(format!("evaluator-{at}.wasm")), pin.map(|pin| pin.digest.as_str()))?;
    }
    Ok(())
}

/// Copies a file that was read before and must still be what it was.
fn copy(from: &Path, to: &Path, digest: Option<&str>) -> std::io::Result<()> {
    let bytes = read_file(from, FILE_BYTES)?;
    if digest.is_some_and(|digest| Digest::of(&bytes).as_str() != digest) {
        return Err(std::io::Error::other(format!("{} changed while it was read", from.display())));
    }
    std::fs::write(to, bytes)
}

/// The run in `dir`, made ready again from what it froze. Anything that would change a verdict is refused.
async fn resume(dir: &Path, bundle: Option<&Path>, worker: &str) -> Result<(RunDir, Session), Failure> {
    let run = RunDir::open(dir).or_fail()?;
    let manifest = run.manifest();
    let frozen = run.path().join(INPUTS);
    let named = manifest.origin.settings.get("evaluators").and_then(Value::as_array).into_iter().flatten();
    let evaluators = named
        .enumerate()
        .filter_map(|(at, name)| Some((name.as_str()?.to_owned(), frozen.join(format!("evaluator-{at}.wasm")))));
    let config = &manifest.work.config;
    let mut inputs = Inputs {
        bundle: run.bundle().join(&manifest.work.entry),
        mock_provider: config["mockProvider"].as_bool().unwrap_or(false),
        mock_config: (!config["mockConfig"].is_null()).then(|| frozen.join(MOCK_CONFIG)),
        evaluators: evaluators.collect(),
        seed: manifest.work.seed,
        key_folder: match bundle {
            Some(bundle) if bundle.is_dir() => Some(bundle.to_owned()),
            Some(file) => file.parent().map(Path::to_owned),
            None => manifest.origin.settings[KEY_FOLDER].as_str().map(PathBuf::from),
        },
    };
    let session = Session::open(&inputs, worker).await?;
    refuse_changes(manifest, &session.work, run.path())?;
    if let Some(bundle) = bundle {
        inputs.bundle = bundle.to_owned();
        let given = Session::open(&inputs, worker).await?;
        refuse_changes(manifest, &given.work, bundle)?;
    }
    Ok((run, session))
}

fn refuse_changes(manifest: &Manifest, work: &Work, place: &Path) -> Result<(), Failure> {
    if manifest.work == *work {
        return Ok(());
    }
    let was = &manifest.work;
    let mut changed = Vec::new();
    for (what, differs) in [
        ("the bundle", was.bundle != work.bundle || was.entry != work.entry),
        ("the evaluators", was.evaluators != work.evaluators),
        ("the config", was.config != work.config || was.models != work.models),
        ("the plan", was.plan != work.plan),
        ("seed or clock", was.seed != work.seed || was.epoch != work.epoch),
    ] {
        if differs {
            changed.push(what);
        }
    }
    let text = format!("{}: {} changed since the run was started", place.display(), changed.join(", "));
    Err(Failure::input("WorkChanged", text).hint("results of different work must not be mixed; start a new run"))
}

async fn show_warnings(session: &Session, quiet: bool) {
    if quiet {
        return;
    }
    let Findings { errors, warnings } = Findings::of(session, PARAMS_TRIED).await;
    let warnings: Vec<String> = errors.into_iter().chain(warnings).collect();
    for warning in warnings.iter().take(WARNINGS) {
        print_warning(warning);
    }
    if warnings.len() > WARNINGS {
        print_warning(&format!("and {} more, see `arena validate`", warnings.len() - WARNINGS));
    }
}

async fn run_cases(run: &RunDir, session: &Session, arguments: &Arguments) -> Result<Ended, Failure> {
    let matrix = &session.matrix;
    let key = |index| matrix.case(index, 0).map(|case| case.id.key());
    let (journal, recovered) = Journal::open(run, key).or_fail()?;
    if recovered.dropped_bytes > 0 {
        print_warning(&format!(
            "the journal ended in half a record of {} bytes, which is run again",
            recovered.dropped_bytes
        ));
    }
    let mut counts = Counts::default();
    recovered.done.iter().for_each(|done| counts.add(done.outcome));
    let bundled = session.bundle.defaults.concurrency.and_then(|n| usize::try_from(n).ok()).filter(|n| *n >= 1);
    let asked = arguments.concurrency.map(|n| n as usize).or(bundled).unwrap_or(CONCURRENCY);
    let mut progress = Progress::new(session.matrix.plan.len(), counts, arguments.quiet);
    let local = LocalRun {
        matrix: session.matrix.clone(),
        evaluator: session.evaluator.clone(),
        journal,
        done: recovered.done,
        concurrency: asked.min(CONCURRENCY_MAX),
        stop: watch_signals(&[Stop::Drain, Stop::Now], progress.warner()),
    };
    let ended = local.run(&mut progress).await;
    progress.end();
    ended.or_fail()
}

/// Each Ctrl-C (or TERM) gives the next of `stops`; the first warns of what the second does, if there is one.
fn watch_signals(stops: &'static [Stop], warn: impl Fn(&str) + Send + 'static) -> watch::Receiver<Stop> {
    use tokio::signal::unix::{SignalKind, signal};
    let (send, receive) = watch::channel(Stop::No);
    // Here and not in the task, so that no signal is lost before that starts.
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the signals end the process; the journal survives that as well.
        return receive;
    };
    tokio::spawn(async move {
        for (at, stop) in stops.iter().enumerate() {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = send.closed() => return,
            }
            if at == 0 && stops.len() > 1 {
                warn("finishing the cases in flight; once more to stop at once");
            }
            if send.send(*stop).is_err() {
                return;
            }
        }
    });
    receive
}

fn random_id() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::machinery("RandomUnavailable", format!("the system gives no random bytes: {error}"))
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
