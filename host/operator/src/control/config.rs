//! Looks at ArenaConfigs and all that they name.

use std::sync::Arc;

use arena_crd::{ArenaConfig, ArenaSource};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::runtime::controller::Action;

use super::named::{dataset_source, providers};
use crate::context::Context;
use crate::{ConfigObservation, OperatorError, plan_config};

pub(super) async fn reconcile(config: Arc<ArenaConfig>, context: Arc<Context>) -> Result<Action, OperatorError> {
    if config.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let namespace = config.namespace().unwrap_or_default();
    let source = context.api::<ArenaSource>(&namespace).get_opt(&config.spec.source_ref.name).await?;
    let dataset = dataset_source(&context, &namespace, &config.spec).await?;
    let providers = providers(&context, &namespace, &config.spec).await?;
    let (source, dataset, now) = (source.as_ref(), dataset.as_ref(), Timestamp::now());
    let status = plan_config(&ConfigObservation { config: &config, source, dataset, providers: &providers, now });
    context.write_status(&*config, config.status.as_ref(), &status, |status| &status.conditions).await?;
    Ok(Action::await_change())
}
