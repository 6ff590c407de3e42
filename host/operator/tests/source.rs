//! When a source is looked at, and what its status says.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use std::time::Duration;

use arena_crd::{ArenaSource, REQUESTED_AT};
use arena_operator::{Fetch, SourceObservation, SourcePlan, plan_source};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use world::{artifact, at, object, said};

struct Place {
    source: ArenaSource,
    last: Option<Timestamp>,
    failures: u32,
    now: Timestamp,
}

impl Place {
    fn new() -> Self {
        let spec = json!({"type": "git", "interval": "100s", "git": {"url": "https://git/acme/prompts"}});
        Self { source: object("ArenaSource", "my-prompts", spec), last: None, failures: 0, now: at(0) }
    }

    fn step(&mut self, fetch: Option<Fetch>) -> SourcePlan {
        match &fetch {
            Some(Fetch::Got(_)) => self.failures = 0,
            Some(Fetch::Failed { .. }) => self.failures += 1,
            None => {}
        }
        if fetch.is_some() {
            self.last = Some(self.now);
        }
        let (source, last, failures, now) = (&self.source, self.last, self.failures, self.now);
        let plan = plan_source(&SourceObservation { source, fetch, last, failures, now });
        self.source.status = Some(plan.status.clone());
        plan
    }

    fn failed(&mut self, stalled: bool) -> SourcePlan {
        self.step(Some(Fetch::Failed { reason: "RemoteUnreachable", message: "no route".to_owned(), stalled }))
    }
}

fn near(wait: Option<Duration>, seconds: f64) -> bool {
    wait.is_some_and(|wait| (seconds * 0.94..=seconds * 1.06).contains(&wait.as_secs_f64()))
}

#[test]
fn a_look_each_interval_and_a_write_for_what_is_new() {
    let mut place = Place::new();
    let plan = place.step(None);
    assert!(plan.fetch);
    assert_eq!(said(&plan.status.conditions), ["Reconciling=True/Fetching"]);
    let plan = place.step(Some(Fetch::Got(artifact("main@sha1:abc"))));
    assert_eq!(said(&plan.status.conditions), ["Ready=True/Fetched"]);
    assert_eq!((plan.status.observed_generation, near(plan.again, 100.0)), (Some(1), true));
    let before = place.source.status.clone();
    place.now = at(60);
    let plan = place.step(None);
    let left = plan.again.unwrap().as_secs_f64();
    assert!(!plan.fetch && (35.0..=45.0).contains(&left), "{left}");
    place.now = at(106);
    assert!(place.step(None).fetch);
    let mut same = artifact("main@sha1:abc");
    same.last_update_time = "2026-02-02T00:00:00Z".to_owned();
    place.step(Some(Fetch::Got(same)));
    assert_eq!(place.source.status, before, "nothing new: the status is as it was, times included");
    place.now = at(300);
    let plan = place.step(Some(Fetch::Got(artifact("main@sha1:def"))));
    assert_eq!(plan.status.artifact.unwrap().revision, "main@sha1:def");
}

#[test]
fn a_good_bundle_survives_a_failed_look() {
    let mut place = Place::new();
    place.step(Some(Fetch::Got(artifact("main@sha1:abc"))));
    let plan = place.failed(false);
    assert_eq!(plan.status.artifact.unwrap().revision, "main@sha1:abc");
    assert_eq!(
        said(&plan.status.conditions),
        ["FetchFailed=True/RemoteUnreachable", "Ready=False/RemoteUnreachable", "Reconciling=True/RemoteUnreachable"]
    );
    let plan = place.step(Some(Fetch::Got(artifact("main@sha1:abc"))));
    assert_eq!(said(&plan.status.conditions), ["Ready=True/Fetched"]);
}

#[test]
fn failures_back_off_and_stay_within_the_interval() {
    let mut place = Place::new();
    for seconds in [0.75, 1.5, 3.0, 6.0] {
        assert!(near(place.failed(false).again, seconds));
    }
    place.failures = 30;
    assert!(near(place.failed(false).again, 100.0));
    place.now = at(1);
    let mut fresh = Place::new();
    fresh.failed(false);
    fresh.now = at(1);
    assert!(fresh.step(None).fetch, "the backoff of one failure is over");
}

#[test]
fn what_only_a_changed_spec_mends_is_stalled() {
    let plan = Place::new().failed(true);
    assert_eq!(
        said(&plan.status.conditions),
        ["FetchFailed=True/RemoteUnreachable", "Ready=False/RemoteUnreachable", "Stalled=True/RemoteUnreachable"]
    );
}

#[test]
fn a_changed_spec_and_a_request_act_at_once() {
    let mut place = Place::new();
    place.step(Some(Fetch::Got(artifact("main@sha1:abc"))));
    place.source.metadata.generation = Some(2);
    assert!(place.step(None).fetch);
    place.step(Some(Fetch::Got(artifact("main@sha1:abc"))));
    let found_for =
        |place: &Place| place.source.status.as_ref().unwrap().artifact.as_ref().unwrap().observed_generation;
    assert_eq!(found_for(&place), 2);
    place.source.metadata.annotations = Some([(REQUESTED_AT.to_owned(), "now".to_owned())].into());
    assert!(place.step(None).fetch);
    let plan = place.step(Some(Fetch::Got(artifact("main@sha1:abc"))));
    assert_eq!(plan.status.last_handled_reconcile_at.as_deref(), Some("now"));
    assert!(!place.step(None).fetch, "one request, one look");
}

#[test]
fn a_suspended_source_is_left_alone() {
    let mut place = Place::new();
    place.source.spec.suspend = true;
    let plan = place.step(None);
    assert_eq!((plan.fetch, plan.again), (false, None));
    assert_eq!(said(&plan.status.conditions), ["Ready=False/Suspended"]);
    place.source.spec.suspend = false;
    place.step(Some(Fetch::Got(artifact("main@sha1:abc"))));
    place.source.spec.suspend = true;
    place.now = at(1000);
    let plan = place.step(None);
    assert_eq!((plan.fetch, said(&plan.status.conditions)), (false, vec!["Ready=True/Fetched".to_owned()]));
}
