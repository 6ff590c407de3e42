//! How a run looks while it runs: a bar on a terminal, a line now and then elsewhere, or JSON for programs.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use arena_model::{Counts, Outcome, Record};
use arena_worker::Observer;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use serde_json::{Value, json};

use crate::output::eprintln;
use crate::terminal::{line, print_warning};
use crate::verdict;

/// Silence between two plain lines.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);
/// Between two JSON lines of progress.
const JSON_INTERVAL: Duration = Duration::from_secs(1);
/// Between two looks of the bar at the clock, so that the time left moves while cases take long.
const TICK: Duration = Duration::from_millis(500);

/// Flags on what is shown meanwhile.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "While it runs")]
pub struct ProgressFlags {
    /// How progress is shown on standard error [default: auto, with --quiet none, with --ci plain].
    #[arg(long, value_name = "FORM", value_enum)]
    progress: Option<Form>,
    /// Cases that are printed as they end, above the bar.
    #[arg(long, value_name = "CASES", value_enum, default_value_t = Show::None)]
    show: Show,
}

/// A form of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A bar on a terminal, else plain.
    Auto,
    /// A line every ten seconds.
    Plain,
    /// A JSON object a line.
    Json,
    /// Nothing.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Show {
    /// Those that failed or ended in an error.
    Failures,
    /// All of them.
    All,
    /// None.
    None,
}

/// What a run starts with: what an earlier life of it has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before {
    /// Its cases.
    pub counts: Counts,
    /// What they cost, millionths of a US dollar; none if any price is unknown.
    pub cost_usd_micro: Option<u64>,
}

/// Counts finished cases and shows them.
pub struct Progress {
    form: Form,
    show: Show,
    bar: Option<ProgressBar>,
    started: Instant,
    last: Instant,
    planned: u64,
    /// Of this process and, where resumed, of the ones before.
    counts: Counts,
    before: u64,
    cost_usd_micro: Option<u64>,
    in_flight: usize,
}

impl ProgressFlags {
    fn form(self, quiet: bool, ci: bool) -> Form {
        match self.progress {
            None if quiet => Form::None,
            None | Some(Form::Auto) if ci || !std::io::stderr().is_terminal() => Form::Plain,
            None => Form::Auto,
            Some(form) => form,
        }
    }
}

impl Progress {
    /// Of a run of `planned` cases.
    pub fn new(planned: u64, before: Before, flags: ProgressFlags, quiet: bool, ci: bool) -> Self {
        let form = flags.form(quiet, ci);
        let bar = (form == Form::Auto).then(|| {
            let bar = ProgressBar::new(planned);
            bar.set_position(before.counts.planned);
            // The bar takes what the line leaves, so that it never wraps.
            let template = "{wide_bar:.cyan/blue} {pos}/{len}  {rate}  eta {eta}  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                let rate = |state: &ProgressState, out: &mut dyn Write| {
                    // What cannot be written is not shown.
                    let _ = write!(out, "{:.1}/s", state.per_sec());
                };
                bar.set_style(style.with_key("rate", rate));
            }
            bar.enable_steady_tick(TICK);
            bar
        });
        let Before { counts, cost_usd_micro } = before;
        let now = Instant::now();
        let progress = Self {
            form,
            show: flags.show,
            bar,
            started: now,
            last: now,
            planned,
            counts,
            before: counts.planned,
            cost_usd_micro,
            in_flight: 0,
        };
        if form == Form::Json {
            progress.print_json("start");
        }
        progress
    }

    /// Prints a warning above the bar, which would else draw over it.
    pub fn warner(&self) -> impl Fn(&str) + Send + 'static {
        let (bar, form) = (self.bar.clone(), self.form);
        move |text| match &bar {
            Some(bar) => bar.suspend(|| print_warning(text)),
            None if form == Form::Json => eprintln!("{}", json!({"event": "warning", "text": line(text)})),
            None => print_warning(text),
        }
    }

    /// Takes the bar off the screen.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.form == Form::Json {
            self.print_json("end");
        }
    }

    /// Cases a second of this process.
    fn rate(&self) -> f64 {
        let seconds = self.started.elapsed().as_secs_f64();
        let done = self.counts.planned.saturating_sub(self.before);
        if seconds > 0.0 { done as f64 / seconds } else { 0.0 }
    }

    /// Seconds left at that rate; none before the first case.
    fn left(&self) -> Option<f64> {
        let (rate, left) = (self.rate(), self.planned.saturating_sub(self.counts.planned));
        (rate > 0.0).then(|| left as f64 / rate)
    }

    fn message(&self) -> String {
        let Counts { failed, error, .. } = self.counts;
        let mut text = format!("{failed} failed, {error} error");
        match self.cost_usd_micro {
            Some(0) => {}
            Some(micro) => text.push_str(&format!(", {:.4} USD", micro as f64 / 1e6)),
            None => text.push_str(", cost unknown"),
        }
        text.push_str(&format!(", {} at once", self.in_flight));
        text
    }

    fn print_plain(&self) {
        let left = self.left().map_or_else(
            || "unknown".to_owned(),
            |left| humantime::format_duration(Duration::from_secs(left.min(1e9) as u64)).to_string(),
        );
        let Counts { planned, passed, .. } = self.counts;
        let (rate, message) = (self.rate(), self.message());
        eprintln!("{planned}/{} cases: {passed} passed, {message}, {rate:.1}/s, eta {left}", self.planned);
    }

    fn print_json(&self, event: &str) {
        let Counts { planned: done, passed, failed, error, skipped, not_run } = self.counts;
        let value = json!({
            "event": event, "planned": self.planned, "done": done,
            "passed": passed, "failed": failed, "error": error, "skipped": skipped, "not_run": not_run,
            "in_flight": self.in_flight, "cost_usd_micro": self.cost_usd_micro,
            "rate_per_s": rounded(self.rate()), "eta_s": self.left().map(rounded),
        });
        eprintln!("{value}");
    }

    /// One case, if it is to be shown.
    fn print_case(&self, record: &Record) {
        let bad = matches!(record.outcome, Outcome::Failed | Outcome::Error);
        if self.show == Show::None || (self.show == Show::Failures && !bad) {
            return;
        }
        match (&self.bar, self.form) {
            (Some(bar), _) => bar.suspend(|| eprintln!("{}", verdict::ended(record))),
            (None, Form::Json) => eprintln!("{}", case(record)),
            (None, _) => eprintln!("{}", verdict::ended(record)),
        }
    }
}

/// A tenth is enough for people and programs.
fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn case(record: &Record) -> Value {
    json!({
        "event": "case", "index": record.index, "key": record.key, "scenario": record.scenario,
        "provider": record.provider, "region": record.region, "row": record.row, "variant": record.variant,
        "trial": record.trial, "outcome": record.outcome, "reason": record.reason, "error": record.error,
        "latency_ms": record.measured.latency_ms, "cost_usd_micro": record.cost_usd_micro,
    })
}

impl Observer for Progress {
    fn stored(&mut self, record: &Record) {
        self.counts.add(record.outcome);
        let cost = self.cost_usd_micro.zip(record.cost_usd_micro);
        self.cost_usd_micro = cost.map(|(sum, cost)| sum.saturating_add(cost));
        self.print_case(record);
        if let Some(bar) = &self.bar {
            bar.inc(1);
            bar.set_message(self.message());
        }
        let interval = match self.form {
            Form::Plain => PLAIN_INTERVAL,
            Form::Json => JSON_INTERVAL,
            Form::Auto | Form::None => return,
        };
        if self.last.elapsed() >= interval {
            self.last = Instant::now();
            if self.form == Form::Json { self.print_json("progress") } else { self.print_plain() }
        }
    }

    fn in_flight(&mut self, cases: usize) {
        self.in_flight = cases;
    }
}
