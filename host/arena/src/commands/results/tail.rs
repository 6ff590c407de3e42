//! `arena results tail`: the cases of a run as they end, from another shell.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use arena_model::{Counts, Record};
use arena_results::{Next, RunView, State, Tail, records};
use clap::ValueEnum;

use super::select::{Chosen, Select};
use crate::exit::{Exit, Failure, OrFail};
use crate::output::println;
use crate::{terminal, verdict};

/// Pause between two looks at a journal that has nothing new.
const PAUSE: Duration = Duration::from_millis(200);

/// Arguments of `arena results tail`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the run.
    dir: PathBuf,
    /// Go on until the run is finished; Ctrl-C ends it, and not the run.
    #[arg(long, short)]
    follow: bool,
    /// Cases that ended before now and are printed.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    lines: u32,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    #[command(flatten)]
    select: Select,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A line a case.
    Text,
    /// A record a line, version 1.
    Jsonl,
}

impl Form {
    fn line(self, record: &Record) -> Result<String, Failure> {
        match self {
            Self::Text => Ok(verdict::ended(record)),
            Self::Jsonl => serde_json::to_string(record)
                .map(|text| terminal::json(&text).into_owned())
                .map_err(|error| Failure::machinery("OutputFailed", format!("a record cannot be written: {error}"))),
        }
    }
}

/// Prints them in the order of ending; of a finished run in plan order.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let mut chosen = arguments.select.chosen()?;
    let run = RunView::watch(&arguments.dir).or_fail()?;
    let mut last = Last { lines: VecDeque::new(), most: arguments.lines as usize, counts: Counts::default() };
    if run.state().or_fail()? == State::Sealed {
        for record in records(&run).or_fail()? {
            last.push(&record.or_fail()?, &mut chosen, arguments.format)?;
        }
        last.print();
        chosen.all_found()?;
        return Ok(Exit::Passed);
    }
    let mut tail = Tail::of(&run);
    let ended = loop {
        match tail.poll().or_fail()? {
            Next::Record(record) => last.push(&record, &mut chosen, arguments.format)?,
            Next::Waiting => break false,
            Next::Finished => break true,
        }
    };
    last.print();
    if ended {
        chosen.all_found()?;
    }
    // Of a run that goes on a name may still come.
    if ended || !arguments.follow {
        return Ok(Exit::Passed);
    }
    loop {
        match tail.poll().or_fail()? {
            Next::Record(record) => {
                last.counts.add(record.outcome);
                if chosen.wants(&record) {
                    println!("{}", arguments.format.line(&record)?);
                    crate::output::finish()?;
                }
            }
            Next::Waiting => tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                // It has looked on only, so nothing was interrupted.
                _ = tokio::signal::ctrl_c() => return Ok(Exit::Passed),
            },
            Next::Finished => break,
        }
    }
    if arguments.format == Form::Text {
        let Counts { planned, passed, failed, error, .. } = last.counts;
        println!("finished: {planned} cases ran, {passed} passed, {failed} failed, {error} error");
    }
    chosen.all_found()?;
    Ok(Exit::Passed)
}

/// The last lines of what is read at once.
struct Last {
    lines: VecDeque<String>,
    most: usize,
    counts: Counts,
}

impl Last {
    fn push(&mut self, record: &Record, chosen: &mut Chosen, form: Form) -> Result<(), Failure> {
        self.counts.add(record.outcome);
        if chosen.wants(record) && self.most > 0 {
            if self.lines.len() == self.most {
                self.lines.pop_front();
            }
            self.lines.push_back(form.line(record)?);
        }
        Ok(())
    }

    fn print(&mut self) {
        self.lines.drain(..).for_each(|line| println!("{line}"));
    }
}
