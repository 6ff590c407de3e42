//! `limits.toml`: the one place where limits stand.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::fleet::{chaos, components, conditions, equality, mission, push, size, tokens};
use crate::providers::{canary, foreign, local_model, rate, retries, sdk};
use crate::{
    checklist, comparing, conformance, datasets, demo, fresh, hostile, instructions, kill, kill_talks, newcomer, order,
    report, rescore, rows, schemas, sound, startup, suite, throughput, trials, upstream, validate,
};

/// All limits, a table a bar.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Time of the demo.
    #[serde(rename = "02.1")]
    pub demo: demo::Limits,
    /// Agreement with the original runner.
    #[serde(rename = "02.2")]
    pub conformance: conformance::Limits,
    /// Cost of a case.
    #[serde(rename = "02.3")]
    pub throughput: throughput::Limits,
    /// Guests that attack.
    #[serde(rename = "02.4")]
    pub hostile: hostile::Limits,
    /// Kills.
    #[serde(rename = "02.5")]
    pub kill: kill::Limits,
    /// Order of cases.
    #[serde(rename = "02.6")]
    pub order: order::Limits,
    /// A first evaluator.
    #[serde(rename = "02.7")]
    pub newcomer: newcomer::Limits,
    /// The mission's document on a node.
    #[serde(rename = "03.1")]
    pub mission: mission::Limits,
    /// Components of a bundle on a node.
    #[serde(rename = "03.2")]
    pub components: components::Limits,
    /// Laptop and fleet.
    #[serde(rename = "03.3")]
    pub equality: equality::Limits,
    /// Troubles of objects.
    #[serde(rename = "03.4")]
    pub conditions: conditions::Limits,
    /// Kills of a fleet's processes.
    #[serde(rename = "03.5")]
    pub chaos: chaos::Limits,
    /// A push to the branch.
    #[serde(rename = "03.6")]
    pub push: push::Limits,
    /// What a job's credentials open.
    #[serde(rename = "03.7")]
    pub tokens: tokens::Limits,
    /// A job of millions.
    #[serde(rename = "03.8")]
    pub size: size::Limits,
    /// Time of all tests.
    #[serde(rename = "03.9")]
    pub suite: suite::Limits,
    /// All bundles of others.
    #[serde(rename = "04.1")]
    pub arenas: upstream::Arenas,
    /// All changes to them.
    #[serde(rename = "04.2")]
    pub mutants: upstream::Mutants,
    /// Reader against schemas.
    #[serde(rename = "04.3")]
    pub schemas: schemas::Limits,
    /// What is done of the checklist.
    #[serde(rename = "04.4")]
    pub checklist: checklist::Limits,
    /// Bad input.
    #[serde(rename = "04.5")]
    pub validate: validate::Limits,
    /// Repetitions.
    #[serde(rename = "04.6")]
    pub trials: trials::Limits,
    /// What the vendors' own programs think of the fakes.
    #[serde(rename = "05.1")]
    pub sdk: sdk::Limits,
    /// A vendor that pushes back and fails.
    #[serde(rename = "05.2")]
    pub retries: retries::Limits,
    /// Requests of a minute.
    #[serde(rename = "05.2.rate")]
    pub rate: rate::Limits,
    /// Tables of any size.
    #[serde(rename = "05.3")]
    pub datasets: datasets::Limits,
    /// Traces of keys.
    #[serde(rename = "05.4")]
    pub canary: canary::Limits,
    /// Addresses that get a key.
    #[serde(rename = "05.5")]
    pub foreign: foreign::Limits,
    /// A real model.
    #[serde(rename = "05.6")]
    pub local_model: local_model::Limits,
    /// Kills of conversations.
    #[serde(rename = "06.3")]
    pub kill_talks: kill_talks::Limits,
    /// Judging again.
    #[serde(rename = "06.8")]
    pub rescore: rescore::Limits,
    /// Cost of rows.
    #[serde(rename = "06.1")]
    pub rows: rows::Limits,
    /// Memory of a million cases.
    #[serde(rename = "06.1.million")]
    pub million: rows::Million,
    /// A fresh instance.
    #[serde(rename = "06.2")]
    pub fresh: fresh::Limits,
    /// The start of the program.
    #[serde(rename = "06.6")]
    pub startup: startup::Limits,
    /// What a run left proves itself.
    #[serde(rename = "06.4")]
    pub sound: sound::Limits,
    /// Comparisons of runs.
    #[serde(rename = "06.5")]
    pub comparing: comparing::Limits,
    /// The report in a browser.
    #[serde(rename = "06.7")]
    pub report: report::Limits,
    /// Instructions of a case.
    #[serde(rename = "06.9")]
    pub instructions: instructions::Limits,
}

/// The limits as they stand in the file.
pub fn read() -> Result<Limits> {
    toml::from_str(include_str!("../limits.toml")).context("limits.toml")
}
