//! `arena run`: a bundle from its folder to a verdict and a report, or the rest of a run that was stopped.

use std::path::{Path, PathBuf};

use arena_results::{Journal, RunDir, State, refuse_inside_run, stored_lines};
use arena_worker::{Allowance, Ended, LocalRun, Shuffle, Stop};
use clap::ValueEnum;
use tokio::sync::watch;

use super::results::export::to_file;
use super::results::select::Chosen;

use crate::ending::{finish, partial};
use crate::exit::{Exit, Failure, OrFail};
use crate::filters::Filters;
use crate::findings::{self, Finding};
use crate::frozen::{self, Aside, Means};
use crate::gates::Wanted;
use crate::manifests::{self, Manifests};
use crate::network::Network;
use crate::outside::Outside;
use crate::progress::{Before, Progress, ProgressFlags};
use crate::reuse::ReuseFlags;
use crate::session::Session;
use crate::stop::watch_signals;
use crate::tables::Given;
use crate::terminal::print_warning;
use crate::work::Inputs;
use crate::{budget, conduct, dry_run, files, gates, markdown, rerun, settings, verdict};

/// Most cases at once.
const CONCURRENCY_MAX: usize = 4096;
/// Different checks whose params are tried before the first case; `arena validate` tries all.
const PARAMS_TRIED: usize = 500;
/// Warnings that are printed.
const WARNINGS: usize = 20;

/// Arguments of `arena run`.
#[derive(clap::Args)]
#[command(override_usage = "arena run [OPTIONS] [BUNDLE]\n       arena run --resume <DIR> [OPTIONS] [BUNDLE]")]
pub struct Arguments {
    /// Folder of the bundle, or its arena file [default: this folder]. With --resume it must be what the run was started
    /// with.
    bundle: Option<PathBuf>,
    /// The same as BUNDLE.
    #[arg(long, short, value_name = "FILE", conflicts_with = "bundle")]
    config: Option<PathBuf>,
    /// Folder of the results; must not exist yet [default: out/NAME-TIME-ID].
    #[arg(long, short, value_name = "DIR", conflicts_with = "resume")]
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
    /// Run as this ArenaConfig and its Providers say, in the YAML of a cluster; the key of the Provider my-model is read
    /// from ARENA_KEY_MY_MODEL. May be given more than once. A run that was started so is resumed with the same files.
    #[arg(long = "file", short = 'f', value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Table of the scenarios whose `dataset` names none: .jsonl, .csv, .tsv, each also with .gz or .zst, or .parquet.
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    dataset: Option<PathBuf>,
    /// Seed of everything random [default: 42].
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    seed: Option<u64>,
    /// Run a bundle with keys in plain text, which are copied with it into the folder of the run.
    #[arg(long, conflicts_with = "resume")]
    allow_inline_keys: bool,
    /// Run nothing of a bundle that `arena validate` refuses; without it, what is not concerned is run.
    #[arg(long, conflicts_with = "resume")]
    strict: bool,
    /// Take the cases in an order drawn from SEED; without it in that of the plan. Changes nothing but what is measured.
    #[arg(long, value_name = "SEED")]
    shuffle: Option<u64>,
    /// Print only the verdict.
    #[arg(long, short)]
    quiet: bool,
    /// Neither colours nor a bar, also on a terminal.
    #[arg(long)]
    ci: bool,
    /// Print what would be run and what it may cost, call nobody and write nothing.
    #[arg(long, conflicts_with_all = ["resume", "out", "junit_file", "markdown_file"])]
    dry_run: bool,
    /// Reports to make, as a list with commas. The folder of the run has json, junit and html anyway; the others stand beside
    /// it under its name. With --dry-run, json prints the plan so.
    #[arg(long, alias = "format", value_name = "FORMATS", value_enum, value_delimiter = ',')]
    formats: Vec<Format>,
    /// Copy of junit.xml.
    #[arg(long, value_name = "FILE")]
    junit_file: Option<PathBuf>,
    /// The verdict in Markdown [default with --formats markdown: the folder's name with .md].
    #[arg(long, value_name = "FILE")]
    markdown_file: Option<PathBuf>,
    #[command(flatten)]
    conduct: conduct::Flags,
    #[command(flatten)]
    outside: Outside,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    reuse: ReuseFlags,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    rerun: rerun::Flags,
    #[command(flatten)]
    budget: budget::Flags,
    #[command(flatten)]
    gates: gates::Flags,
    /// Decide by no gates, those of the bundle included: to look at some of its cases.
    #[arg(long, help_heading = "Gates", conflicts_with_all = ["gate", "gates", "files", "resume", "rerun"])]
    no_gates: bool,
    #[command(flatten)]
    progress: ProgressFlags,
}

/// Forms of reports.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    // `summary.json`, and the records by `arena results export`.
    Json,
    // `junit.xml`.
    Junit,
    // `report.html`.
    Html,
    // The verdict, beside the folder.
    Markdown,
    // The rest: exports beside the folder.
    Jsonl,
    Csv,
    Parquet,
}

impl Format {
    /// What stands beside the folder, and how its name ends.
    fn beside(self) -> Option<(&'static str, arena_results::Format)> {
        match self {
            Self::Jsonl => Some(("jsonl", arena_results::Format::Jsonl)),
            Self::Csv => Some(("csv", arena_results::Format::Csv)),
            Self::Parquet => Some(("parquet", arena_results::Format::Parquet)),
            Self::Json | Self::Junit | Self::Html | Self::Markdown => None,
        }
    }
}

pub fn parse_evaluator(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), PathBuf::from(file))),
        _ => Err("write it as NAME=FILE, for example text=my-text.wasm".to_owned()),
    }
}

/// Runs to the verdict.
pub async fn run(mut arguments: Arguments) -> Result<Exit, Failure> {
    arguments.bundle = arguments.bundle.or(arguments.config.take());
    if arguments.ci {
        anstream::ColorChoice::Never.write_global();
    }
    for file in [&arguments.junit_file, &arguments.markdown_file].into_iter().flatten() {
        // Before hours of work, not behind them.
        if file.is_dir() {
            let text = format!("{}: a report is written to a file, and this is a folder", file.display());
            return Err(Failure::input("OutputUnusable", text).hint("name a file in it"));
        }
        refuse_inside_run(file).or_fail()?;
    }
    let worker = settings::random_id()?;
    let config = if arguments.files.is_empty() { None } else { Some(manifests::read(&arguments.files)?) };
    let earlier = arguments.resume.is_some() || arguments.rerun.rerun.is_some();
    if earlier && !arguments.gates.read()?.is_empty() {
        let text = "gates are given when a run is started, and kept with it";
        return Err(Failure::input("WorkChanged", text).hint("after it is finished, see `arena gate DIR`"));
    }
    let means = Means {
        outside: &arguments.outside,
        network: &arguments.network,
        cache: arguments.reuse.open()?,
        concurrency: arguments.concurrency,
        budget: arguments.budget,
    };
    let (bundle, out) = (arguments.bundle.as_deref(), arguments.out.as_deref());
    let (run, session) = match (&arguments.resume, &arguments.rerun.rerun) {
        (Some(dir), _) => frozen::resume(dir, bundle, config.as_ref(), means, &worker).await?,
        (None, Some(dir)) => {
            let from = (bundle, config.as_ref());
            rerun::start(&arguments.rerun, dir, out, from, means, &worker).await?
        }
        (None, None) => {
            let (inputs, aside) = inputs(&arguments, config)?;
            if arguments.strict {
                refuse(&inputs).await?;
            }
            if arguments.dry_run {
                let session = Session::open(&inputs, "dry-run").await?;
                gates::check(&session, &inputs.gates)?;
                show_warnings(&session, arguments.quiet).await;
                dry_run::print(&session, inputs.mock_provider, arguments.formats.contains(&Format::Json));
                return Ok(Exit::Passed);
            }
            frozen::start(&inputs, &aside, out, arguments.budget, arguments.allow_inline_keys, &worker).await?
        }
    };
    show_warnings(&session, arguments.quiet).await;
    let mut left_out = Vec::new();
    if run.state().or_fail()? == State::Running {
        let (ended, stop) = run_cases(&run, &session, &arguments).await?;
        match ended {
            Ended::Stopped => {
                partial(&run, &session, &stop)?;
                return Ok(stopped(&run, &arguments));
            }
            Ended::OutOfBudget => left_out = unrun(&run, &session)?,
            Ended::Complete => {}
        }
    }
    let matrix = session.matrix.clone();
    let not_run = left_out.into_iter().filter_map(|index| {
        let why = "the budget of the run did not suffice for it";
        // One that cannot be named is missed by finalizing.
        arena_worker::not_run(&matrix, index, why).ok().flatten()
    });
    let Some(finished) = finish(&run, session, not_run)? else { return Ok(stopped(&run, &arguments)) };
    if let Some(file) = &arguments.junit_file {
        files::copy_whole(&run.path().join("junit.xml"), file)?;
    }
    for (ending, format) in arguments.formats.iter().filter_map(|format| format.beside()) {
        if let Some(file) = beside(run.path(), ending) {
            to_file(&run, format, &mut Chosen::all(), &file)?;
        }
    }
    if let Some(file) = markdown_file(&arguments, run.path()) {
        markdown::write(&run, &finished.summary, &finished.gates, &file)?;
    }
    finished.tell(&run, arguments.quiet)
}

fn markdown_file(arguments: &Arguments, run: &Path) -> Option<PathBuf> {
    let asked = arguments.formats.contains(&Format::Markdown);
    arguments.markdown_file.clone().or_else(|| if asked { beside(run, "md") } else { None })
}

/// The folder's name with another ending.
fn beside(run: &Path, ending: &str) -> Option<PathBuf> {
    let mut name = run.file_name()?.to_owned();
    name.push(".");
    name.push(ending);
    Some(run.with_file_name(name))
}

fn inputs(arguments: &Arguments, config: Option<Manifests>) -> Result<(Inputs, Aside), Failure> {
    let mut inputs = Inputs {
        select: arguments.filters.selection()?,
        cases: arguments.filters.cases()?,
        dataset: arguments.dataset.clone().map(Given::File),
        rows_looked_at: if arguments.strict { settings::ROWS_VALIDATED } else { settings::ROWS_LOOKED_AT },
        mock_provider: arguments.mock_provider,
        mock_config: arguments.mock_config.clone(),
        evaluators: arguments.evaluator.clone(),
        seed: arguments.seed.unwrap_or(settings::SEED),
        tool_env: arguments.outside.tool_env.clone(),
        concurrency: arguments.concurrency,
        network: arguments.network.clone(),
        cache: arguments.reuse.open()?,
        purse: arguments.budget.purse(),
        gates: Wanted { gates: arguments.gates.read()?, none: arguments.no_gates },
        ..Inputs::of(arguments.bundle.clone().unwrap_or_else(|| PathBuf::from(".")))
    };
    let mut aside = Aside::default();
    if let Some(Manifests { run, endpoints, gates, concurrency }) = config {
        (inputs.run, inputs.endpoints) = (run, endpoints);
        aside = Aside { gates, concurrency: Some(concurrency) };
        inputs.concurrency = inputs.concurrency.or(aside.concurrency);
    }
    inputs.run.egress = arguments.outside.hosts(std::mem::take(&mut inputs.run.egress));
    inputs.run.conduct = arguments.conduct.over(inputs.run.conduct);
    Ok((inputs, aside))
}

/// An error that lists what makes cases or checks errors, if there is anything.
async fn refuse(inputs: &Inputs) -> Result<(), Failure> {
    let found = findings::all(&Session::open(inputs, "validate").await?).await?;
    let errors: Vec<String> = found.iter().filter(|it| it.is_error()).map(ToString::to_string).collect();
    if errors.is_empty() {
        return Ok(());
    }
    let hint = "mend the bundle, or run what is not concerned without --strict";
    Err(Failure { listing: true, ..Failure::input("BundleInvalid", errors.join("\n")).hint(hint) })
}

/// The cases without a record, in plan order.
fn unrun(run: &RunDir, session: &Session) -> Result<Vec<u64>, Failure> {
    let mut next = 0;
    let mut unrun = Vec::new();
    for line in stored_lines(run).or_fail()? {
        let (index, _) = line.or_fail()?;
        unrun.extend(next..index);
        next = index + 1;
    }
    unrun.extend(next..session.matrix.plan.len());
    Ok(unrun)
}

/// Says how to go on.
fn stopped(run: &RunDir, arguments: &Arguments) -> Exit {
    let dir = verdict::shell_word(run.path());
    let files: String = arguments.files.iter().map(|file| format!(" -f {}", verdict::shell_word(file))).collect();
    let flags = arguments.outside.flags() + &arguments.network.flags();
    print_warning(&format!("stopped; go on with `arena run --resume {dir}{files}{flags}`"));
    Exit::Interrupted
}

async fn show_warnings(session: &Session, quiet: bool) {
    if quiet {
        return;
    }
    let found = findings::of(session, PARAMS_TRIED).await.into_iter();
    let (errors, warnings): (Vec<Finding>, Vec<Finding>) = found.partition(Finding::is_error);
    let warnings: Vec<Finding> = errors.into_iter().chain(warnings).collect();
    for warning in warnings.iter().take(WARNINGS) {
        print_warning(&format!("{warning:#}"));
    }
    if warnings.len() > WARNINGS {
        print_warning(&format!("and {} more, see `arena validate`", warnings.len() - WARNINGS));
    }
}

/// Runs what is left, and gives what stops it.
async fn run_cases(
    run: &RunDir,
    session: &Session,
    arguments: &Arguments,
) -> Result<(Ended, watch::Receiver<Stop>), Failure> {
    let matrix = &session.matrix;
    let key = |index| matrix.key(index);
    let (journal, recovered) = Journal::open(run, key).or_fail()?;
    if recovered.dropped_bytes > 0 {
        print_warning(&format!(
            "the journal ended in half a record of {} bytes, which is run again",
            recovered.dropped_bytes
        ));
    }
    let mut before = Before { cost_usd_micro: Some(0), ..Before::default() };
    for done in &recovered.done {
        before.counts.add(done.outcome);
        let cost = before.cost_usd_micro.zip(done.cost_usd_micro);
        before.cost_usd_micro = cost.map(|(sum, cost)| sum.saturating_add(cost));
    }
    let bundled = session.bundle.defaults.concurrency.and_then(|n| usize::try_from(n).ok()).filter(|n| *n >= 1);
    let configured = Aside::of(run.manifest())?.concurrency;
    let asked =
        arguments.concurrency.or(configured).map(|n| n as usize).or(bundled).unwrap_or(settings::CONCURRENCY as usize);
    let mocked = run.manifest().work.config["mockProvider"].as_bool().unwrap_or(false);
    let allowance = match &session.purse {
        None => None,
        Some(purse) => {
            budget::refuse_unpriced(session, arguments.budget.or(run.manifest()), mocked)?;
            let reserve = budget::reserves(session, mocked);
            let lane = |index| matrix.plan.lane(index).map(|(lane, _)| lane);
            let paid = budget::paid_before(run.manifest());
            Some(Allowance::open(run.path(), purse.clone(), reserve, &recovered.done, paid, lane).or_fail()?)
        }
    };
    let planned = session.matrix.plan.len();
    let mut progress = Progress::new(planned, before, arguments.progress, arguments.quiet, arguments.ci);
    let stop = watch_signals(&[Stop::Drain, Stop::Now], progress.warner());
    let local = LocalRun {
        allowance,
        matrix: session.matrix.clone(),
        evaluator: session.evaluator.clone(),
        journal,
        done: recovered.done,
        concurrency: asked.min(CONCURRENCY_MAX),
        shuffle: arguments.shuffle.map(Shuffle::new),
        stop: stop.clone(),
    };
    // Among the cases, not on a thread of its own: every case would have to wake it.
    let (ended, progress) = tokio::spawn(async move { (local.run(&mut progress).await, progress) })
        .await
        .map_err(|error| Failure::machinery("RuntimeFailed", format!("the run broke off: {error}")))?;
    progress.end();
    Ok((ended.or_fail()?, stop))
}
