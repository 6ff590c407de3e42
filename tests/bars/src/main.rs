//! The bars: takes the built binary and components, measures what the project promises, prints each figure beside its
//! limit and exits with 1 when one is short. Talks to loopback only; never looks inside the binary.
#![allow(clippy::print_stdout, reason = "figures are for the person or the CI job that started it")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod attacks;
mod bar;
mod bare_loop;
mod checklist;
mod comparing;
mod conformance;
mod datasets;
mod demo;
mod fleet;
mod fresh;
mod guest;
mod guide;
mod hostile;
mod instructions;
mod kill;
mod kill_talks;
mod limits;
mod mock_bundle;
mod newcomer;
mod opposite;
mod order;
mod process;
mod providers;
mod questions;
mod records;
mod renamed;
mod report;
mod rescore;
mod rows;
mod schemas;
mod sound;
mod startup;
mod suite;
mod talks;
mod throughput;
mod trials;
mod upstream;
mod validate;
mod vendor;
mod world;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use crate::bar::Bar;
use crate::limits::Limits;
use crate::world::World;

#[derive(Parser)]
#[command(name = "bars", about = "Measures what is promised", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// One bar, such as 02.3
    #[arg(required_unless_present_any = ["quick", "all"])]
    bar: Option<String>,
    /// All that take seconds
    #[arg(long, conflicts_with = "bar")]
    quick: bool,
    /// All of them
    #[arg(long, conflicts_with_all = ["bar", "quick"])]
    all: bool,
    /// In a fresh clone; takes as long as building everything
    #[arg(long, requires = "bar")]
    cold: bool,
}

/// Processes that a bar starts, so that their CPU is told apart.
#[derive(Subcommand)]
enum Role {
    #[command(hide = true)]
    Vendor(vendor::Role),
    #[command(hide = true)]
    Loop(bare_loop::Role),
}

type Measure = fn(&World, &Limits, &mut Bar) -> Result<()>;

/// Every bar: its name, whether it takes seconds, and how it is measured.
const BARS: &[(&str, bool, Measure)] = &[
    ("02.1", false, |world, limits, bar| demo::measure_warm(world, &limits.demo, bar)),
    ("02.2", true, |world, limits, bar| conformance::measure(world, &limits.conformance, bar)),
    // At the edge of its limit: a figure to look at, not yet one that every change must pass.
    ("02.3", false, |world, limits, bar| throughput::measure(world, &limits.throughput, bar)),
    ("02.4", true, |world, limits, bar| hostile::measure(world, &limits.hostile, bar)),
    ("02.5", true, |world, limits, bar| kill::measure(world, &limits.kill, bar)),
    ("02.6", true, |world, limits, bar| order::measure(world, &limits.order, bar)),
    ("02.7", true, |world, limits, bar| newcomer::measure(world, &limits.newcomer, bar)),
    ("03.1", true, |world, limits, bar| fleet::mission::measure(world, &limits.mission, bar)),
    ("03.2", true, |world, limits, bar| fleet::components::measure(world, &limits.components, bar)),
    ("03.3", true, |world, limits, bar| fleet::equality::measure(world, &limits.equality, bar)),
    ("03.4", true, |world, limits, bar| fleet::conditions::measure(world, &limits.conditions, bar)),
    ("03.5", true, |world, limits, bar| fleet::chaos::measure(world, &limits.chaos, bar)),
    ("03.6", true, |world, limits, bar| fleet::push::measure(world, &limits.push, bar)),
    ("03.7", true, |world, limits, bar| fleet::tokens::measure(world, &limits.tokens, bar)),
    ("03.8", true, |world, limits, bar| fleet::size::measure(world, &limits.size, bar)),
    ("03.9", false, |world, limits, bar| suite::measure_warm(world, &limits.suite, bar)),
    ("04.1", true, |world, limits, bar| upstream::measure_arenas(world, &limits.arenas, bar)),
    // Minutes.
    ("04.2", false, |world, limits, bar| upstream::measure_mutants(world, &limits.mutants, bar)),
    ("04.3", true, |world, limits, bar| schemas::measure(world, &limits.schemas, bar)),
    ("04.4", true, |world, limits, bar| checklist::measure(world, &limits.checklist, bar)),
    // Wall time at the edge of its limit: a figure to look at, not one that a busy machine may fail.
    ("04.5", false, |world, limits, bar| validate::measure(world, &limits.validate, bar)),
    ("04.6", true, |world, limits, bar| trials::measure(world, &limits.trials, bar)),
    ("05.1", true, |world, limits, bar| providers::sdk::measure(world, &limits.sdk, bar)),
    ("05.2", false, |world, limits, bar| {
        providers::retries::measure(world, &limits.retries, bar)?;
        // Minutes: a limit of a minute is seen in no less.
        providers::rate::measure(world, &limits.rate, bar)
    }),
    ("05.3", false, |world, limits, bar| datasets::measure(world, &limits.datasets, bar)),
    ("05.4", true, |world, limits, bar| providers::canary::measure(world, &limits.canary, bar)),
    ("05.5", true, |world, limits, bar| providers::foreign::measure(world, &limits.foreign, bar)),
    ("05.6", true, |world, limits, bar| providers::local_model::measure(world, &limits.local_model, bar)),
    ("06.3", true, |world, limits, bar| kill_talks::measure(world, &limits.kill_talks, bar)),
    ("06.8", true, |world, limits, bar| rescore::measure(world, &limits.rescore, bar)),
    ("06.1", false, |world, limits, bar| {
        rows::measure(world, &limits.rows, bar)?;
        rows::measure_million(world, &limits.million, bar)
    }),
    ("06.2", true, |world, limits, bar| fresh::measure(world, &limits.fresh, bar)),
    // CPU within a fifth of its limit: a figure to look at, not one that a busy machine may fail.
    ("06.6", false, |world, limits, bar| startup::measure(world, &limits.startup, bar)),
    ("06.4", true, |world, limits, bar| sound::measure(world, &limits.sound, bar)),
    ("06.5", true, |world, limits, bar| comparing::measure(world, &limits.comparing, bar)),
    // A million records take minutes.
    ("06.7", false, |world, limits, bar| report::measure(world, &limits.report, bar)),
    ("06.9", true, |world, limits, bar| instructions::measure(world, &limits.instructions, bar)),
];

/// What is measured of a bar with `--cold`, where that is something else.
const COLD: &[(&str, bool, Measure)] = &[
    ("02.1", false, |world, limits, bar| demo::measure_cold(world, &limits.demo, bar)),
    ("03.9", false, |world, limits, bar| suite::measure_cold(world, &limits.suite, bar)),
];

/// True where nothing may be left out.
fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

fn run(arguments: &Arguments) -> Result<bool> {
    let wanted = |name: &str, quick: bool| match &arguments.bar {
        Some(bar) => bar == name,
        None => arguments.all || quick,
    };
    let bars = if arguments.cold { COLD } else { BARS };
    let chosen: Vec<_> = bars.iter().filter(|(name, quick, _)| wanted(name, *quick)).collect();
    if chosen.is_empty() {
        let known = bars.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
        bail!("no such bar: {}; there are {known}", arguments.bar.as_deref().unwrap_or_default());
    }
    let (limits, world) = (limits::read()?, World::find()?);
    let mut short = false;
    for (name, _, measure) in chosen {
        let (mut bar, since) = (Bar::new(name), Instant::now());
        if let Err(error) = measure(&world, &limits, &mut bar) {
            bar.line("measuring it", &format!("{error:#}"), "no error", 1, false);
        }
        bar.note(&format!("took {:.1} s", since.elapsed().as_secs_f64()));
        short |= bar.is_short();
    }
    Ok(short)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.role {
        Some(Role::Vendor(role)) => vendor::serve(role).map(|()| false),
        Some(Role::Loop(role)) => bare_loop::call(role).map(|()| false),
        None => run(&arguments),
    };
    match done {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(1),
        Err(error) => {
            eprintln!("bars: {error:#}");
            ExitCode::from(3)
        }
    }
}
