//! A job with a trigger, and the runs it starts.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use arena_crd::{ArenaJob, JobPhase};
use arena_operator::{Action, JobPlan};
use serde_json::json;
use world::{World, object, said};

fn standing(history_limit: u32) -> World {
    let mut world = World::new();
    let trigger = json!({"onSourceChange": true, "historyLimit": history_limit});
    let spec = json!({"configRef": {"name": "evaluation-config"}, "trigger": trigger, "activeDeadlineSeconds": 60});
    world.job = object("ArenaJob", "on-every-change", spec);
    world
}

fn created(plan: &JobPlan) -> Option<&ArenaJob> {
    plan.actions.iter().find_map(|action| match action {
        Action::CreateChild(child) => Some(child.as_ref()),
        _ => None,
    })
}

/// Takes the new run over, as created in this second.
fn adopt(world: &mut World, plan: &JobPlan, second: i64) {
    let mut child = created(plan).unwrap().clone();
    let time = format!("2026-01-01T00:00:{second:02}Z");
    child.metadata.creation_timestamp = serde_json::from_value(json!(time)).unwrap();
    world.children.push(child);
}

fn finish(child: &mut ArenaJob) {
    let mut finished = world::ready();
    finished.type_ = "Finished".to_owned();
    child.status.get_or_insert_default().conditions = vec![finished];
}

#[test]
fn each_revision_is_run_once() {
    let mut world = standing(10);
    let plan = world.step();
    insta::assert_json_snapshot!("a_run_of_a_standing_job", created(&plan).unwrap());
    assert_eq!(plan.status.phase, Some(JobPhase::Standing));
    assert_eq!(said(&plan.status.conditions), ["Finished=False/Standing", "Ready=True/Standing"]);
    adopt(&mut world, &plan, 1);
    assert_eq!(world.step().actions, []);

    // While one runs, the next waits; of those that came meanwhile only the newest is run.
    world.revision("main@sha1:def");
    assert_eq!(world.step().actions, []);
    world.revision("main@sha1:fff");
    finish(&mut world.children[0]);
    let plan = world.step();
    assert_eq!(
        created(&plan).unwrap().metadata.annotations.as_ref().unwrap().values().next().unwrap(),
        "main@sha1:fff"
    );
    adopt(&mut world, &plan, 2);
    finish(&mut world.children[1]);
    let plan = world.step();
    assert_eq!(plan.actions, []);
    assert_eq!(plan.status.last_job, world.children[1].metadata.name);
}

#[test]
fn a_run_that_found_a_newer_revision_counts_for_it() {
    let mut world = standing(10);
    let plan = world.step();
    adopt(&mut world, &plan, 1);
    world.revision("main@sha1:def");
    finish(&mut world.children[0]);
    let source = json!({"name": "my-prompts", "revision": "main@sha1:def", "digest": "sha256:0"});
    world.children[0].status.as_mut().unwrap().source = Some(serde_json::from_value(source).unwrap());
    assert_eq!(world.step().actions, []);
}

#[test]
fn only_so_many_finished_runs_are_kept() {
    let mut world = standing(2);
    for second in 1..=4 {
        world.revision(&format!("main@sha1:{second}"));
        let plan = world.step();
        adopt(&mut world, &plan, second);
        finish(world.children.last_mut().unwrap());
    }
    let name = |n: usize| world.children[n].metadata.name.clone().unwrap();
    assert_eq!(world.plan().actions, [Action::DeleteChild(name(0)), Action::DeleteChild(name(1))]);
}

#[test]
fn a_standing_job_waits_holds_and_ends() {
    let mut world = standing(10);
    world.source = None;
    let plan = world.step();
    assert_eq!((plan.actions.len(), said(&plan.status.conditions)[1].as_str()), (0, "Ready=False/SourceNotFound"));

    let mut world = standing(10);
    world.job.spec.suspend = true;
    assert_eq!(world.plan().actions, []);
    world.job.spec.suspend = false;
    let plan = world.step();
    adopt(&mut world, &plan, 1);
    world.job.spec.cancelled = true;
    let name = world.children[0].metadata.name.clone().unwrap();
    let plan = world.step();
    assert_eq!(plan.actions, [Action::CancelChild(name)]);
    assert_eq!(said(&plan.status.conditions), ["Finished=True/Cancelled", "Ready=True/Cancelled"]);
    assert_eq!(plan.status.phase, Some(JobPhase::Cancelled));
}
