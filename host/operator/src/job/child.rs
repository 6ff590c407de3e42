//! Runs of a standing job.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use arena_crd::{ArenaJob, ArenaJobSpec, JobTrigger};
use kube_core::{Resource, ResourceExt};

use crate::{Kind, child_name};

/// Label of a run: the UID of the job that started it.
pub(crate) const PARENT: &str = "omnia.altairalabs.ai/parent";
/// Annotation of a run: the revision that it was started for.
pub(super) const REVISION: &str = "omnia.altairalabs.ai/revision";

/// The run to start for the revision. None if there is one for it already, or if one is not over yet: of the revisions
/// that come meanwhile the newest is run.
pub(super) fn due(parent: &ArenaJob, children: &[ArenaJob], revision: &str) -> Option<ArenaJob> {
    let name = child_name(&parent.name_any(), parent.metadata.uid.as_deref().unwrap_or_default(), revision);
    let known = |child: &ArenaJob| child.name_any() == name || ran(child) == Some(revision);
    if children.iter().any(|child| known(child) || !is_over(child)) {
        return None;
    }
    let spec = &parent.spec;
    let run = ArenaJobSpec { trigger: None, cancelled: false, suspend: false, ..spec.clone() };
    let mut child = ArenaJob::new(&name, run);
    child.metadata.namespace.clone_from(&parent.metadata.namespace);
    child.metadata.owner_references = Some(parent.controller_owner_ref(&()).into_iter().collect());
    let uid = parent.metadata.uid.clone().unwrap_or_default();
    child.metadata.labels = Some(BTreeMap::from([(PARENT.to_owned(), uid)]));
    child.metadata.annotations = Some(BTreeMap::from([(REVISION.to_owned(), revision.to_owned())]));
    Some(child)
}

/// Finished runs beyond the limit, oldest first.
pub(super) fn beyond(children: &[ArenaJob], trigger: &JobTrigger) -> Vec<String> {
    let mut over: Vec<&ArenaJob> = children.iter().filter(|child| is_over(child)).collect();
    over.sort_by_key(|child| Reverse(age(child)));
    let mut names: Vec<String> =
        over.iter().skip(trigger.history_limit as usize).map(|child| child.name_any()).collect();
    names.reverse();
    names
}

/// Runs to cancel with their standing job.
pub(super) fn to_cancel(children: &[ArenaJob]) -> Vec<String> {
    children.iter().filter(|child| !is_over(child) && !child.spec.cancelled).map(|child| child.name_any()).collect()
}

/// The one started last.
pub(super) fn newest(children: &[ArenaJob]) -> Option<&ArenaJob> {
    children.iter().max_by_key(|child| age(child))
}

fn age(child: &ArenaJob) -> (Option<i64>, String) {
    (child.metadata.creation_timestamp.as_ref().map(|time| time.0.as_second()), child.name_any())
}

/// The revision that a run has, once it is frozen.
fn ran(child: &ArenaJob) -> Option<&str> {
    Some(child.status.as_ref()?.source.as_ref()?.revision.as_str())
}

fn is_over(child: &ArenaJob) -> bool {
    let conditions = child.status.as_ref().map_or(&[][..], |status| &status.conditions);
    arena_crd::Condition::is_true(conditions, Kind::Finished.name())
}
