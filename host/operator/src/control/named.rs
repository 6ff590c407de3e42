//! Objects that others name, by their names.

use std::collections::BTreeMap;

use arena_crd::{ArenaConfigSpec, ArenaSource, Provider};

use crate::OperatorError;
use crate::context::Context;

/// The source of a config's table, if it names one that exists.
pub(super) async fn dataset_source(
    context: &Context,
    namespace: &str,
    config: &ArenaConfigSpec,
) -> Result<Option<ArenaSource>, OperatorError> {
    let Some(dataset) = &config.dataset else { return Ok(None) };
    Ok(context.api::<ArenaSource>(namespace).get_opt(&dataset.source_ref.name).await?)
}

/// The Providers that a config names, as far as they exist.
pub(super) async fn providers(
    context: &Context,
    namespace: &str,
    config: &ArenaConfigSpec,
) -> Result<BTreeMap<String, Provider>, OperatorError> {
    let api = context.api::<Provider>(namespace);
    let mut found = BTreeMap::new();
    for entry in config.provider_entries() {
        let name = entry.object().to_owned();
        if found.contains_key(&name) {
            continue;
        }
        if let Some(provider) = api.get_opt(&name).await? {
            found.insert(name, provider);
        }
    }
    Ok(found)
}
