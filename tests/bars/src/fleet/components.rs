//! Bar 03.2: components of a bundle in a registry judge, render and attack on a real node.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use arena_model::{CheckRecord, Digest, Outcome, Record, Role};
use serde::Deserialize;
use serde_json::json;

use super::node::{LONG, Node};
use super::objects::{config, job};
use crate::bar::Bar;
use crate::mock_bundle::{GOOD_REPLY, MockBundle};
use crate::world::World;
use crate::{guest, process, records};

/// What the bundle's template engine puts above every prompt.
const LETTERHEAD: &str = "Northwind Parcels, by appointment.";
const OPPOSITE: &str = "evaluators/opposite.wasm";
const HOSTILE: &str = "evaluators/infinite-loop.wasm";
const ENGINE: &str = "letterhead.wasm";

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    good_cases: usize,
}

/// A bundle with three components, pushed and run.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let Some(node) = Node::start(world, bar, "components")? else { return Ok(()) };
    let bundle = node.scratch("bundle");
    fs::create_dir_all(bundle.join("evaluators"))?;
    fs::copy(guest::build(world, "opposite-text")?, bundle.join(OPPOSITE))?;
    fs::copy(guest::build(world, "letterhead-template")?, bundle.join(ENGINE))?;
    fs::copy(world.components.join("hostile/infinite-loop.wasm"), bundle.join(HOSTILE))?;
    let mut cases = MockBundle::new(GOOD_REPLY);
    cases.evaluator(json!({"name": "text", "component": OPPOSITE}));
    cases.evaluator(json!({"name": "infinite-loop", "component": HOSTILE, "limits": {"fuel": 20_000_000}}));
    cases.template(ENGINE);
    for at in 0..limits.good_cases {
        // The standard component would fail it: no Sunday is named.
        let check = json!({"type": "contains", "params": {"patterns": ["Sunday"]}});
        cases.scenario(&format!("good-{at:02}"), &[vec![check]]);
    }
    cases.scenario("hostile", &[vec![json!({"type": "infinite-loop", "params": {}})]]);
    cases.write(&bundle)?;

    node.install()?;
    let reference = format!("oci://{}/acme/bundle:v1", node.cluster.registry());
    let mut push: Command = world.arena();
    process::capture(push.args(["bundle", "push", "--insecure"]).arg(&bundle).arg(&reference), LONG)?;
    node.apply(&format!(
        "apiVersion: omnia.altairalabs.ai/v1alpha1\nkind: ArenaSource\nmetadata: {{name: registry}}\n\
         spec: {{type: oci, oci: {{url: '{reference}', insecure: true}}}}\n"
    ))?;
    node.apply(&config("components", "registry", None, ""))?;
    node.apply(&job("components", "components", ""))?;
    node.wait("arenajob/components", "Finished")?;
    let passed = node.condition("arenajob/components", "Passed")?;
    bar.line("condition Passed of the job", &passed, "False", 1, passed == "False");

    let found = records::read_with(world.arena(), &node.results("components")?)?;
    let (hostile, good): (Vec<&Record>, Vec<&Record>) = found.iter().partition(|record| record.scenario == "hostile");
    let digest = Digest::of(&fs::read(bundle.join(OPPOSITE))?);
    let by_bundle = |check: &CheckRecord| {
        check.outcome == Outcome::Passed && check.evaluator.as_ref().is_some_and(|found| found.digest == digest)
    };
    let decided = good.iter().filter(|record| record.outcome == Outcome::Passed && record.checks.iter().all(by_bundle));
    bar.all("cases that the bundle's evaluator decides, the other way round", decided.count(), limits.good_cases);
    let rendered = |record: &&Record| {
        record.messages.iter().any(|message| {
            message.role == Role::System && serde_json::to_string(message).is_ok_and(|text| text.contains(LETTERHEAD))
        })
    };
    bar.all(
        "transcripts with the text of the bundle's template engine",
        found.iter().filter(rendered).count(),
        found.len(),
    );
    let check =
        hostile.first().and_then(|record| record.checks.first()).context("no check of the hostile component")?;
    let reason = check.reason.clone().unwrap_or_default();
    let errs =
        check.outcome == Outcome::Error && hostile[0].outcome == Outcome::Error && reason.contains("FuelExhausted");
    bar.line("the hostile component's check", &reason, "error: FuelExhausted", 1, errs);
    Ok(())
}
