//! How a run looks while it runs: a bar on a terminal, a line now and then elsewhere.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use arena_model::{Counts, Record};
use arena_worker::Observer;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::output::eprintln;
use crate::terminal::print_warning;

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
    /// Shows nothing if `quiet`, no bar if `plain`. `counts` are of what was done before.
    pub fn new(planned: u64, counts: Counts, quiet: bool, plain: bool) -> Self {
        let terminal = !plain && std::io::stderr().is_terminal();
        let bar = (!quiet && terminal).then(|| {
            let bar = ProgressBar::new(planned);
            bar.set_position(counts.planned);
            // The bar takes what the line leaves, so that it never wraps.
            let template = "{wide_bar:.cyan/blue} {pos}/{len}  {rate}  eta {eta}  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                let rate = |state: &ProgressState, out: &mut dyn Write| {
                    // What cannot be written is not shown.
                    let _ = write!(out, "{:.1}/s", state.per_sec());
                };
                bar.set_style(style.with_key("rate", rate));
            }
            bar
        });
        Self { bar, plain: !quiet && !terminal, last: Instant::now(), planned, counts }
    }

    /// Prints a warning above the bar, which would else draw over it.
    pub fn warner(&self) -> impl Fn(&str) + Send + 'static {
        let bar = self.bar.clone();
        move |text| match &bar {
            Some(bar) => bar.suspend(|| print_warning(text)),
            None => print_warning(text),
        }
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
