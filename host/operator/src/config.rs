//! The controller of ArenaConfig: all it does is to say whether a job could start.

use std::collections::BTreeMap;

use arena_crd::{ArenaConfig, ArenaConfigStatus, ArenaSource, Provider};
use arena_model::Fault;
use k8s_openapi::jiff::Timestamp;

use crate::{Conditions, resolve};

/// What was seen of a config and around it.
#[derive(Clone, Copy, Debug)]
pub struct ConfigObservation<'a> {
    /// The config.
    pub config: &'a ArenaConfig,
    /// The source it names, if it exists.
    pub source: Option<&'a ArenaSource>,
    /// The source of its table, if it names one that exists.
    pub dataset: Option<&'a ArenaSource>,
    /// Providers of its namespace by name.
    pub providers: &'a BTreeMap<String, Provider>,
    /// Of this look.
    pub now: Timestamp,
}

/// The status to write. What is missing wakes the config when it comes; there is no time to look again.
pub fn plan_config(seen: &ConfigObservation<'_>) -> ArenaConfigStatus {
    let generation = seen.config.metadata.generation;
    let old = seen.config.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let mut conditions = Conditions::new(old, generation, seen.now);
    let source = match resolve(&seen.config.spec, seen.source, seen.dataset, seen.providers) {
        Ok(resolved) => {
            conditions.ready("Resolved", format!("a job would test {}", resolved.source.revision));
            Some(resolved.source)
        }
        Err(error) => {
            conditions.waiting(error.reason(), error.to_string());
            None
        }
    };
    ArenaConfigStatus { observed_generation: generation, conditions: conditions.finish(), source }
}
