//! Bar 03.1: from nothing to the verdict on a real node, by the objects of the mission's document as they stand there.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::node::Node;
use super::objects::provider;
use crate::bar::Bar;
use crate::questions;
use crate::world::World;

/// The document, beside the checkout; and the same objects as we ship them.
const DOCUMENT: &str = "../shared/mission/arena-fleet-architecture.md";
const EXAMPLES: [&str; 3] = ["source.yaml", "config.yaml", "job.yaml"];
const JOB: &str = "arenajob/evaluation-run-001";

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    cases: u64,
    wall_s: f64,
}

/// `helm install`, the objects, and the end of the run.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let Some(node) = Node::start(world, bar, "mission")? else { return Ok(()) };
    let bundle = node.scratch("bundle");
    questions::write(&bundle, limits.cases, &node.vendor.url())?;
    let commit = node.push(&bundle)?;
    let objects = objects(world)?;

    let since = Instant::now();
    node.install()?;
    let installed = since.elapsed();
    node.apply(&provider("claude-provider", &node.vendor.url()))?;
    for yaml in &objects {
        node.apply(yaml)?;
    }
    node.wait(JOB, "Finished")?;
    let took = since.elapsed().as_secs_f64();
    bar.note(&format!("helm install until all parts are ready: {:.1} s", installed.as_secs_f64()));
    bar.at_most("helm install and the run", took, limits.wall_s, " s", 1);

    let pods = ["get", "pods", "-l", "app.kubernetes.io/name=arena-worker", "-o", "jsonpath={.items[*].status.phase}"];
    let pods = node.kubectl(&pods)?;
    let ran = pods.split_whitespace().filter(|phase| matches!(*phase, "Succeeded" | "Running")).count();
    bar.all("worker pods that ran", ran, 4);
    let revision = format!("main@sha1:{commit}");
    let (cases, status) = (limits.cases.to_string(), |path: &str| node.get(JOB, &format!(".status.{path}")));
    let artifact = node.get("arenasource/my-prompts", ".status.artifact.revision")?;
    let url = status("result.url")?;
    let said = [
        ("source Ready", node.condition("arenasource/my-prompts", "Ready")?, "True".to_owned()),
        ("revision of the source", artifact, revision.clone()),
        ("job Passed", node.condition(JOB, "Passed")?, "True".to_owned()),
        ("cases planned", status("cases.planned")?, cases.clone()),
        ("cases passed", status("cases.passed")?, cases.clone()),
        ("pass rate", status("passRate")?, "100.00%".to_owned()),
        ("revision of the job", status("source.revision")?, revision),
        (
            "digest of the bundle",
            status("source.digest")?,
            node.get("arenasource/my-prompts", ".status.artifact.digest")?,
        ),
    ];
    for (what, found, wanted) in &said {
        if found != wanted {
            bar.note(&format!("{what}: {found:?}, not {wanted:?}"));
        }
    }
    let right = said.iter().filter(|(_, found, wanted)| found == wanted && !found.is_empty()).count();
    bar.all("things that source and job say as they should", right, said.len());
    let digests = [status("manifest")?, status("workDigest")?, status("result.digest")?];
    let digested = digests.iter().filter(|digest| digest.starts_with("sha256:")).count();
    bar.all("digests in the job's status", digested, digests.len());
    let summary: serde_json::Value =
        serde_json::from_slice(&fs::read(node.results("evaluation-run-001")?.join("summary.json"))?)?;
    let fetched = summary["workDigest"] == digests[1].as_str() && url.contains("/v1/default/results/");
    bar.line("results at the URL of the status", if fetched { "fetched" } else { "others" }, "fetched", 1, fetched);
    let calls = node.vendor.calls();
    bar.line("calls that the vendor counted", &calls.to_string(), &cases, limits.cases, calls == limits.cases);
    Ok(())
}

/// The three objects, unchanged.
fn objects(world: &World) -> Result<Vec<String>> {
    let document = world.root.join(DOCUMENT);
    if !document.exists() && !crate::in_ci() {
        let read =
            |name: &&str| fs::read_to_string(world.root.join("examples/cluster").join(name)).context("an example");
        return EXAMPLES.iter().map(read).collect();
    }
    let text = fs::read_to_string(&document).with_context(|| Path::new(DOCUMENT).display().to_string())?;
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let blocks: Vec<String> = blocks.map(str::to_owned).collect();
    ensure!(blocks.len() == 3, "{DOCUMENT} has {} blocks of YAML, not 3", blocks.len());
    Ok(blocks)
}
