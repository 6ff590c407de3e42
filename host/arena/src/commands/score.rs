//! `arena score`: outputs that were made elsewhere, judged by the checks of a bundle.

use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use arena_evaluate::CaseInput;
use arena_model::{Lineage, Taken};
use arena_results::MAX_RECORD_BYTES;
use arena_worker::{Score, Stop};

use super::rescore::{Halt, beside};
use super::run::parse_evaluator;
use crate::ending::finish;
use crate::exit::{Exit, Failure};
use crate::network::Network;
use crate::outputs::Outputs;
use crate::session::Session;
use crate::stop::watch_signals;
use crate::tables::Given;
use crate::terminal::print_warning;
use crate::work::{Inputs, Prepared};
use crate::{credentials, frozen, gates, settings, verdict, work};

/// Arguments of `arena score`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the bundle, or its arena file [default: this folder].
    bundle: Option<PathBuf>,
    /// Outputs, one JSON object a line: `scenario` and `answer`, `answers` (one a turn) or `messages`, and where it is needed
    /// `provider`, `trial`, `row`, `region` and `variant`; or records of `arena results export`.
    #[arg(long, value_name = "FILE")]
    outputs: PathBuf,
    /// Folder of the results; must not exist yet [default: out/NAME-TIME-ID].
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Ask the judges and providers of embeddings that checks want, which costs; without it such a check is an error.
    #[arg(long)]
    allow_judge_calls: bool,
    /// Use FILE as the component NAME (text, json, judge or another, also a new one).
    #[arg(long, value_name = "NAME=FILE", value_parser = parse_evaluator)]
    evaluator: Vec<(String, PathBuf)>,
    /// Table of the scenarios whose `dataset` names none.
    #[arg(long, value_name = "FILE")]
    dataset: Option<PathBuf>,
    /// Cases at once [default: 8].
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    concurrency: Option<u32>,
    /// Print only the verdict.
    #[arg(long, short)]
    quiet: bool,
    /// Judge the cases that have an output; without it each case of the bundle must have one.
    #[arg(long)]
    partial: bool,
    #[command(flatten)]
    network: Network,
}

/// Judges all outputs into a new folder.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let worker = settings::random_id()?;
    let mut inputs = Inputs {
        evaluators: arguments.evaluator.clone(),
        dataset: arguments.dataset.clone().map(Given::File),
        network: arguments.network.clone(),
        ..Inputs::of(arguments.bundle.clone().unwrap_or_else(|| PathBuf::from(".")))
    };
    let only = {
        let Prepared { matrix, .. } = Prepared::of(&inputs)?;
        let mut providers = matrix.plan.lanes().iter().filter(|lane| lane.len > 0).map(|lane| lane.provider.clone());
        providers.next().filter(|_| providers.next().is_none())
    };
    let outputs = Outputs::open(&arguments.outputs, only.as_deref())?;
    let digest = outputs.digest.clone();
    inputs.outputs = Some(digest.clone());
    inputs.cases = arguments.partial.then(|| outputs.keys());
    let session = Session::open(&inputs, &worker).await?;
    credentials::refuse_inline(&session.bundle)?;
    outputs.check(&session.matrix)?;

    let out = arguments.out.clone().unwrap_or_else(|| frozen::usual_out(&session.bundle.name, &worker));
    let score = Score {
        matrix: session.matrix.clone(),
        evaluator: session.evaluator.clone(),
        said: Arc::new(move |case: &CaseInput| outputs.said(case)),
        may_ask: arguments.allow_judge_calls,
        concurrency: arguments.concurrency.unwrap_or(settings::CONCURRENCY) as usize,
        limit: MAX_RECORD_BYTES,
    };
    let mut journal = beside(&out)?;
    match judge(score, &mut journal).await {
        Ok(()) => {}
        Err(Halt::Failed(failure)) => return Err(failure),
        Err(Halt::Stopped) => return Ok(Exit::Interrupted),
    }
    let mut settings = serde_json::json!({"evaluators": frozen::evaluator_names(&inputs)});
    gates::keep_folder(&mut settings, &session.bundle)?;
    let mut manifest = session.manifest(&inputs.bundle, settings)?;
    manifest.origin.from = Some(Lineage {
        how: Taken::Scored,
        source: arguments.outputs.display().to_string(),
        work_digest: None,
        merkle_root: None,
        file: Some(digest),
        cases: session.matrix.plan.len(),
        cost_usd_micro: 0,
        calls: 0,
    });
    let manifest = work::manifest(&session.work, manifest.origin)?;
    let folder = frozen::start_from(&session, &inputs, &manifest, &out, journal.path())?;
    drop(journal);
    let Some(finished) = finish(&folder, session, std::iter::empty())? else {
        print_warning(&format!("stopped; go on with `arena run --resume {}`", verdict::shell_word(folder.path())));
        return Ok(Exit::Interrupted);
    };
    finished.tell(&folder, arguments.quiet)
}

async fn judge(score: Score, journal: &mut tempfile::NamedTempFile) -> Result<(), Halt> {
    let path = journal.path().to_owned();
    let failed =
        |error: std::io::Error| Halt::Failed(Failure::machinery("ResultsIo", format!("{}: {error}", path.display())));
    let mut out = BufWriter::with_capacity(1 << 20, journal.as_file_mut());
    let stop = watch_signals(&[Stop::Now], print_warning);
    let each = |line: Vec<u8>| {
        if *stop.borrow() != Stop::No {
            return Err(Halt::Stopped);
        }
        out.write_all(&line).and_then(|()| out.write_all(b"\n")).map_err(failed)
    };
    score.run(each).await?;
    out.flush().map_err(failed)
}
