//! Writes a status by server-side apply, and tells of what changed in it by events.

use std::fmt::Debug;

use arena_crd::{Condition, ConditionStatus};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Patch, PatchParams};
use kube::runtime::events::{Event, EventType};
use kube::{Api, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::context::Context;
use crate::{Kind, OperatorError};

/// Name under which we own fields.
pub(crate) const MANAGER: &str = "arena-operator";
/// Reasons that come and go with every look, or with every run.
const QUIET: [&str; 3] = ["Fetching", "Freezing", "Pending"];
/// Longest note of an event, bytes.
const NOTE_BYTES: usize = 1024;

pub(crate) fn apply() -> PatchParams {
    PatchParams::apply(MANAGER).force()
}

/// An object of this kind in a namespace.
pub(crate) trait Ours:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Ours for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// The head of an applied object. With the uid, a later object of the same name is left alone.
pub(crate) fn head<K: Ours>(object: &K) -> Value {
    json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": object.name_any(), "uid": object.uid()},
    })
}

impl Context {
    pub(crate) fn api<K: Ours>(&self, namespace: &str) -> Api<K> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Writes the status if it is another than before, and publishes what changed in its conditions.
    pub(crate) async fn write_status<K: Ours, S: Serialize + PartialEq>(
        &self,
        object: &K,
        old: Option<&S>,
        new: &S,
        conditions: impl Fn(&S) -> &[Condition],
    ) -> Result<(), OperatorError> {
        if old == Some(new) {
            return Ok(());
        }
        let mut patch = head(object);
        patch["status"] = serde_json::to_value(new).unwrap_or_default();
        let api = self.api::<K>(&object.namespace().unwrap_or_default());
        api.patch_status(&object.name_any(), &apply(), &Patch::Apply(&patch)).await?;
        for event in events(old.map_or(&[][..], &conditions), conditions(new)) {
            // An event that is lost is no reason to do anything again.
            if let Err(error) = self.recorder.publish(&event, &object.object_ref(&())).await {
                tracing::warn!(object = object.name_any(), %error, "an event was not published");
            }
        }
        Ok(())
    }
}

/// One for each of these whose status or reason is new.
fn events(old: &[Condition], new: &[Condition]) -> Vec<Event> {
    let told = [Kind::Ready, Kind::FetchFailed, Kind::Resolved, Kind::Passed];
    let changed = told.iter().filter_map(|kind| {
        let now = Condition::find(new, kind.name())?;
        let same = |was: &Condition| (was.status, &was.reason) == (now.status, &now.reason);
        let quiet = QUIET.contains(&now.reason.as_str());
        (!quiet && !Condition::find(old, kind.name()).is_some_and(same)).then_some((kind, now))
    });
    let mut events: Vec<Event> = Vec::new();
    for (kind, now) in changed {
        if events.iter().any(|event| event.reason == now.reason) {
            continue;
        }
        // A run that goes on is not ready, and nothing is wrong with it.
        let goes_on = new.iter().any(|other| {
            other.type_ == Kind::Progressing.name()
                && other.status == ConditionStatus::True
                && other.reason == now.reason
        });
        let good = goes_on || (now.status == ConditionStatus::True) != (*kind == Kind::FetchFailed);
        let mut note = now.message.clone();
        note.truncate(note.floor_char_boundary(NOTE_BYTES));
        events.push(Event {
            type_: if good { EventType::Normal } else { EventType::Warning },
            reason: now.reason.clone(),
            note: Some(note),
            action: "Reconcile".to_owned(),
            secondary: None,
        });
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(kind: Kind, status: ConditionStatus, reason: &str) -> Condition {
        let (type_, reason, message) = (kind.name().to_owned(), reason.to_owned(), "ä".repeat(2000));
        let last_transition_time = "2026-01-01T00:00:00Z".to_owned();
        Condition { type_, status, observed_generation: None, last_transition_time, reason, message }
    }

    #[test]
    fn a_change_is_told_once_and_noise_never() {
        let failed = [
            condition(Kind::FetchFailed, ConditionStatus::True, "RemoteUnreachable"),
            condition(Kind::Ready, ConditionStatus::False, "RemoteUnreachable"),
        ];
        let told = events(&[], &failed);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].type_, told[0].reason.as_str()), (EventType::Warning, "RemoteUnreachable"));
        assert!(told[0].note.as_ref().unwrap().len() <= NOTE_BYTES);
        assert!(events(&failed, &failed).is_empty());
        let fetched = [condition(Kind::Ready, ConditionStatus::True, "Fetched")];
        assert_eq!(events(&failed, &fetched)[0].type_, EventType::Normal);
        assert!(events(&fetched, &[condition(Kind::Ready, ConditionStatus::False, "Freezing")]).is_empty());
        let runs = [
            condition(Kind::Ready, ConditionStatus::False, "Running"),
            condition(Kind::Progressing, ConditionStatus::True, "Running"),
        ];
        let told = events(&[], &runs);
        assert_eq!((told.len(), told[0].type_), (1, EventType::Normal));
    }
}
