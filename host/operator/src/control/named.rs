//! Objects that others name, by their names.

use std::collections::BTreeMap;

use arena_crd::{ArenaConfigSpec, Provider};

use crate::OperatorError;
use crate::context::Context;

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
