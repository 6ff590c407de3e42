//! How a run looks while it runs: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use arena_model::{Counts, Record};
use arena_worker::Observer;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::eprintln;

/// Silence between two plain lines.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Counts finished cases and shows them.
pub struct Progress {
    bar: Option<ProgressBar>,
    plain: bool,
    last: Instant,
    planned: u64,
    /// Of this process and, where resumed, of the ones before.
    counts: Counts,
}

impl Progress {
    /// Shows nothing if `quiet`. `counts` are of what was done before.
    pub fn new(planned: u64, counts: Counts, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (!quiet && terminal).then(|| {
            let bar = ProgressBar::new(planned);
            bar.set_position(counts.planned);
            let template = "{bar:32.cyan/blue} {pos}/{len} cases  {per_sec}  eta {eta}  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, plain: !quiet && !terminal, last: Instant::now(), planned, counts }
    }

    /// Takes the bar off the screen.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn text(&self) -> String {
        let Counts { passed, failed, error, .. } = self.counts;
        format!("{passed} passed, {failed} failed, {error} error")
    }
}

impl Observer for Progress {
    fn stored(&mut self, record: &Record) {
        self.counts.add(record.outcome);
        if let Some(bar) = &self.bar {
            bar.inc(1);
            if self.counts.failed + self.counts.error > 0 {
                bar.set_message(self.text());
            }
        }
        if self.plain && self.last.elapsed() >= PLAIN_INTERVAL {
            self.last = Instant::now();
            eprintln!("{}/{} cases: {}", self.counts.planned, self.planned, self.text());
        }
    }
}
