//! `arena rescore`: a finished run judged again from what it stored.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arena_evaluate::{Again, ReplayError, Which};
use arena_model::{Fault as _, Lineage, Scope, Taken};
use arena_results::{RunView, merkle_root};
use arena_worker::{EarlierRun, Rescore, Rescored, Stop, WorkerError};

use super::run::parse_evaluator;
use crate::ending::finish;
use crate::exit::{Exit, Failure, OrFail};
use crate::network::Network;
use crate::output::println;
use crate::session::Session;
use crate::stop::watch_signals;
use crate::terminal::{line, plural, print_warning};
use crate::work::{self, Calls, Inputs, Prepared};
use crate::{credentials, frozen, gates, settings, verdict};

/// Kinds of checks that are listed.
const LISTED: usize = 20;

/// Arguments of `arena rescore`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of a finished run.
    run: PathBuf,
    /// Use FILE as the component NAME (text, json, judge or another, also a new one).
    #[arg(long, visible_alias = "evaluators", value_name = "NAME=FILE", value_parser = parse_evaluator)]
    evaluator: Vec<(String, PathBuf)>,
    /// Take the checks of this bundle, or arena file; all else must be as in the run.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Folder of the results; must not exist yet [default: out/NAME-TIME-ID].
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Ask judges and providers of embeddings what they were not asked in the run, which costs; without it such a check is
    /// an error. Needs --bundle: a stored folder does not say who is asked.
    #[arg(long)]
    allow_judge_calls: bool,
    /// Records at once [default: 8].
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    concurrency: Option<u32>,
    /// Print only the verdict.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    network: Network,
}

/// What was judged again, and what was not.
#[derive(Default)]
struct Tally {
    /// By check type: how many were judged.
    judged: BTreeMap<String, u64>,
    taken: u64,
    dropped: u64,
    /// Guardrails whose component is another now.
    guardrails: u64,
    /// Cases that end otherwise.
    turned: u64,
}

/// What ends judging.
pub enum Halt {
    /// An error.
    Failed(Failure),
    /// A signal.
    Stopped,
}

impl From<arena_worker::WorkerError> for Halt {
    fn from(error: arena_worker::WorkerError) -> Self {
        Self::Failed(Err::<(), _>(error).or_fail().err().unwrap_or_else(|| Failure::machinery("TaskDied", "it ended")))
    }
}

/// Judges all records again into a new folder.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let run = RunView::open(&arguments.run).or_fail()?;
    frozen::refuse_unfinished(&run)?;
    let worker = settings::random_id()?;
    let was = frozen::of_run(&run)?;
    if arguments.allow_judge_calls && arguments.bundle.is_none() {
        let text = format!(
            "{}: whom --allow-judge-calls asks, and which key files are read for that, would be for the folder to say",
            run.path().display()
        );
        return Err(Failure::input("BundleNotGiven", text).hint("give the bundle as you have it by --bundle DIR"));
    }
    if arguments.allow_judge_calls && !was.run.providers.is_empty() {
        let text = format!("{}: the run was started with --file", run.path().display());
        return Err(Failure::input("ConfigNotFound", text)
            .hint("addresses of its judges are not kept in the folder: rescore without --allow-judge-calls"));
    }
    let calls = if arguments.allow_judge_calls { Calls::Judges } else { Calls::None };
    let mut inputs = Inputs { network: arguments.network.clone(), calls, ..was.clone() };
    inputs.evaluators.extend(arguments.evaluator.clone());
    inputs.bundle = arguments.bundle.clone().unwrap_or(inputs.bundle);
    let session = Session::open(&inputs, &worker).await?;
    refuse_broken(&arguments.evaluator, &session)?;
    let earlier = earlier(&run, &was, &session)?;
    if arguments.bundle.is_some() {
        credentials::refuse_inline(&session.bundle)?;
    }

    let out = arguments.out.clone().unwrap_or_else(|| frozen::usual_out(&session.bundle.name, &worker));
    let again = Again { which: Which::Changed, may_ask: arguments.allow_judge_calls };
    let rescore = Rescore {
        earlier: Arc::new(earlier),
        matrix: session.matrix.clone(),
        evaluator: session.evaluator.clone(),
        again,
        concurrency: arguments.concurrency.unwrap_or(settings::CONCURRENCY) as usize,
    };
    let mut journal = beside(&out)?;
    let tally = match judge(rescore, &run, &session, &mut journal).await {
        Ok(tally) => tally,
        Err(Halt::Failed(failure)) => return Err(failure),
        Err(Halt::Stopped) => return Ok(Exit::Interrupted),
    };

    let mut origin = run.manifest().origin.clone();
    (origin.engine, origin.created) = (work::ENGINE.to_owned(), settings::now());
    origin.settings["evaluators"] = frozen::evaluator_names(&inputs);
    if arguments.bundle.is_some() {
        origin.source = inputs.bundle.display().to_string();
        gates::keep_folder(&mut origin.settings, &session.bundle)?;
    }
    origin.from = Some(Lineage {
        how: Taken::Rescored,
        source: arguments.run.display().to_string(),
        work_digest: Some(run.manifest().work_digest.clone()),
        merkle_root: Some(merkle_root(&run).or_fail()?),
        file: None,
        cases: session.matrix.plan.len(),
        cost_usd_micro: 0,
        calls: 0,
    });
    let manifest = work::manifest(&session.work, origin)?;
    let folder = frozen::start_from(&session, &inputs, &manifest, &out, journal.path())?;
    drop(journal);
    let Some(finished) = finish(&folder, session, std::iter::empty())? else {
        print_warning(&format!("stopped; go on with `arena run --resume {}`", verdict::shell_word(folder.path())));
        return Ok(Exit::Interrupted);
    };
    tell(&tally, arguments.quiet);
    finished.tell(&folder, arguments.quiet)
}

/// A component that was named for this and is none would make errors of checks that have verdicts.
fn refuse_broken(given: &[(String, PathBuf)], session: &Session) -> Result<(), Failure> {
    for (name, file) in given {
        let loaded = session.library.entries().iter().find(|entry| entry.name == *name);
        if let Some(Err(why)) = loaded.and_then(|entry| entry.component.as_ref()) {
            let text = format!("--evaluator {name}={}: {why}", file.display());
            return Err(Failure::input(why.reason(), text).hint("`arena evaluator test FILE` says more of a component"));
        }
    }
    Ok(())
}

/// The run as it was; refuses what would make other conversations.
fn earlier(run: &RunView, was: &Inputs, session: &Session) -> Result<EarlierRun, Failure> {
    let manifest = run.manifest();
    let pinned = &manifest.work;
    let mut work = session.work.clone();
    work.evaluators = pinned.evaluators.clone();
    let same = work.bundle == pinned.bundle && work.entry == pinned.entry;
    let (bundle, matrix) = if same {
        (session.bundle.clone(), session.matrix.clone())
    } else {
        let Prepared { bundle, matrix, work, .. } = Prepared::of(was)?;
        if work.bundle != pinned.bundle {
            let text = format!("{}: the copy of the bundle changed since the run was started", run.path().display());
            return Err(Failure::input("WorkChanged", text).hint("restore the folder"));
        }
        (bundle, Arc::new(matrix))
    };
    let changed = bundle.changes_course(&session.bundle);
    (work.bundle, work.entry) = (pinned.bundle.clone(), pinned.entry.clone());
    if !changed.is_empty() {
        let text = format!("what was said may not be what would be said now: {} changed", changed.join(", "));
        return Err(
            Failure::input("InputsChanged", text).hint("only checks, evals and components may; start a new run")
        );
    }
    frozen::refuse_changes(manifest, &work, run.path())?;
    Ok(EarlierRun { bundle, matrix, evaluators: pinned.evaluators.clone() })
}

/// A file for the records, on the disk that the folder will be on. It goes with the value.
pub fn beside(out: &Path) -> Result<tempfile::NamedTempFile, Failure> {
    let failed = |error| Failure::machinery("ResultsIo", format!("{}: {error}", out.display()));
    arena_results::refuse_inside_run(out).or_fail()?;
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if out.exists() && std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        let text = format!("{} exists", out.display());
        return Err(Failure::input("RunDirExists", text).hint("choose another --out"));
    }
    std::fs::create_dir_all(parent).map_err(failed)?;
    tempfile::Builder::new().prefix(".arena-records-").tempfile_in(parent).map_err(failed)
}

async fn judge(
    rescore: Rescore,
    run: &RunView,
    session: &Session,
    journal: &mut tempfile::NamedTempFile,
) -> Result<Tally, Halt> {
    let path = journal.path().to_owned();
    let failed =
        |error: std::io::Error| Halt::Failed(Failure::machinery("ResultsIo", format!("{}: {error}", path.display())));
    let mut tally = Tally::default();
    let mut out = BufWriter::with_capacity(1 << 20, journal.as_file_mut());
    let stop = watch_signals(&[Stop::Now], print_warning);
    let each = |one: Result<Rescored, ReplayError>| {
        if *stop.borrow() != Stop::No {
            return Err(Halt::Stopped);
        }
        let one = one.map_err(WorkerError::from)?;
        tally.add(&one, session);
        out.write_all(&one.line).and_then(|()| out.write_all(b"\n")).map_err(failed)
    };
    rescore.run(run, each).await?;
    out.flush().map_err(failed)?;
    Ok(tally)
}

impl Tally {
    fn add(&mut self, one: &Rescored, session: &Session) {
        self.dropped += one.rejudged.dropped;
        self.turned += u64::from(one.stored.outcome != one.outcome());
        for check in &one.rejudged.checks {
            let record = &check.record;
            if check.taken.is_none() {
                *self.judged.entry(record.kind.clone()).or_default() += 1;
                continue;
            }
            self.taken += 1;
            let now = || session.library.find(&record.kind).map(|entry| &entry.digest);
            let was = record.evaluator.as_ref().map(|judge| &judge.digest);
            self.guardrails += u64::from(record.scope == Scope::Guardrail && was.is_some() && now() != was);
        }
    }
}

fn tell(tally: &Tally, quiet: bool) {
    let judged: u64 = tally.judged.values().sum();
    if tally.guardrails > 0 {
        print_warning(&format!(
            "{} had a part in what was said and {} not judged by the component that is there now; run again for that",
            plural(tally.guardrails, "guardrail"),
            if tally.guardrails == 1 { "was" } else { "were" }
        ));
    }
    if quiet {
        return;
    }
    println!(
        "{} judged again, {} taken over, {} dropped; {} otherwise",
        plural(judged, "check"),
        tally.taken,
        tally.dropped,
        if tally.turned == 1 { "1 case ends".to_owned() } else { format!("{} cases end", tally.turned) }
    );
    for (kind, count) in tally.judged.iter().take(LISTED) {
        println!("  judged again: {} {}", plural(*count, "check"), line(kind));
    }
    if tally.judged.len() > LISTED {
        println!("  … and {} more types", tally.judged.len() - LISTED);
    }
}
