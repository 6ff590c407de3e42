//! Freezes a run: from the objects as they are now to a manifest in the store.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arena_artifact::{Name, Pin, Put};
use arena_bundle::{Limits, load};
use arena_crd::{ArenaConfig, ArenaJob, ArenaSource, DatasetRef, SourceStatus, run_spec};
use arena_model::{DatasetPin, Digest, Endpoint, Fault as _, Manifest, Origin, RunSpec};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use tempfile::TempDir;

use super::archive;
use super::observe::{pin_name, table_pin_name};
use crate::conditions::time;
use crate::context::Context;
use crate::record::{Run, RunDataset, RunRecord};
use crate::{FrozenTable, FrozenWork, OperatorError, Reported, Resolved, queue_shape};

pub(super) async fn freeze(context: &Context, job: &ArenaJob, resolved: &Resolved) -> Result<(), OperatorError> {
    let namespace = job.namespace().unwrap_or_default();
    let config = context.api::<ArenaConfig>(&namespace).get_opt(&job.spec.config_ref.name).await?;
    let source = context.api::<ArenaSource>(&namespace).get_opt(&resolved.source.name).await?;
    let artifact = source.and_then(|source| source.status).and_then(|status| status.artifact);
    let (Some(config), Some(artifact)) = (config, artifact) else { return Err(moved()) };
    // The objects may have changed since they were resolved; the next look has them.
    let names: Vec<_> = resolved.providers.iter().map(|(entry, _)| entry.clone()).collect();
    if artifact.revision != resolved.source.revision || config.spec.provider_entries() != names {
        return Err(moved());
    }
    let archive = archive::of(&artifact).ok_or_else(moved)?;
    let (spec, endpoints) = run_spec(&config.spec, &resolved.providers);
    let unpacked = archive::unpacked(context, &namespace, &archive).await?.ok_or_else(moved)?;
    let folder = archive::folder(&unpacked);
    refuse_unbound(folder.clone(), spec.clone(), endpoints.clone()).await?;
    let table = match (&config.spec.dataset, &resolved.dataset) {
        (Some(named), Some(source)) => Some(table(context, &namespace, named, source).await?),
        (None, None) => None,
        _ => return Err(moved()),
    };
    let path = table.as_ref().map(|(_, path)| path.as_path());
    let frozen = context.freezer.freeze(&folder, &spec, path).await.map_err(OperatorError::NotFrozen)?;
    let dataset = match (&resolved.dataset, &frozen.dataset) {
        (Some(source), Some(table)) => {
            let pin = store_table(context, job, table).await?;
            Some(RunDataset { source: source.clone(), pin })
        }
        _ => None,
    };
    let mut queue = queue_shape(config.spec.workers, &config.spec.evaluation);
    queue.lease_ms = u64::try_from(context.settings.queue_lease.as_millis()).unwrap_or(queue.lease_ms);
    let record = RunRecord {
        archive,
        source: resolved.source.clone(),
        dataset,
        gates: config.spec.gates.clone(),
        workers: config.spec.workers,
        evaluation: config.spec.evaluation.clone(),
        lanes: frozen.lanes.iter().map(|lane| (lane.provider.clone(), lane.cases)).collect(),
        queue,
        providers: resolved
            .providers
            .iter()
            .map(|(entry, _)| (entry.name.clone(), entry.object().to_owned()))
            .collect(),
        run: spec,
    };
    let bytes = manifest(frozen, &record, &endpoints)?;
    store(context, job, &record.archive, bytes).await
}

/// The table that a config names: the folder that it goes with, and its path.
async fn table(
    context: &Context,
    namespace: &str,
    named: &DatasetRef,
    found: &SourceStatus,
) -> Result<(TempDir, PathBuf), OperatorError> {
    let source = context.api::<ArenaSource>(namespace).get_opt(&named.source_ref.name).await?;
    let artifact = source.and_then(|source| source.status).and_then(|status| status.artifact);
    let artifact = artifact.filter(|artifact| artifact.revision == found.revision).ok_or_else(moved)?;
    let archive = archive::of(&artifact).ok_or_else(moved)?;
    let unpacked = archive::unpacked(context, namespace, &archive).await?.ok_or_else(moved)?;
    let path = archive::folder(&unpacked).join(&named.path);
    // An archive has plain files only, and the definition keeps the path inside.
    if !path.is_file() {
        let message = format!(
            "ArenaSource {:?} has no file {:?} at {}; mend spec.dataset.path",
            named.source_ref.name, named.path, found.revision
        );
        return Err(OperatorError::NotFrozen(Reported { reason: "DatasetSourceMissing".to_owned(), message }));
    }
    Ok((unpacked, path))
}

/// Stores index and rows of a table. The job's own pin, which is made next, keeps them; until then one of their own does.
async fn store_table(context: &Context, job: &ArenaJob, table: &FrozenTable) -> Result<DatasetPin, OperatorError> {
    let (store, namespace) = (context.store()?, job.namespace().unwrap_or_default());
    let files = table.clone();
    let digests =
        tokio::task::spawn_blocking(move || Ok((archive::digest(&files.index)?, archive::digest(&files.rows)?)));
    let failed = OperatorError::scratch("read an indexed table");
    let digests = digests.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    let (index, rows) = digests.map_err(failed)?;
    let selections = table.selections.as_deref().map(Digest::of);
    let artifacts = [&index, &rows].into_iter().chain(&selections).cloned().collect();
    store.put(&table_pin_name(job), serde_json::to_vec(&Pin { artifacts }).unwrap_or_default()).await?;
    let name = |digest: &Digest| Name::Artifact { namespace: namespace.clone(), digest: digest.clone() };
    for (digest, file) in [(&index, &table.index), (&rows, &table.rows)] {
        store.put_file(&name(digest), file).await?;
    }
    for (digest, bytes) in selections.iter().zip(&table.selections) {
        store.put(&name(digest), bytes.clone()).await?;
    }
    Ok(DatasetPin { index, rows, selections })
}

/// In the cluster a bundle's own providers run only if they call nobody.
async fn refuse_unbound(
    folder: PathBuf,
    spec: RunSpec,
    endpoints: BTreeMap<String, Endpoint>,
) -> Result<(), OperatorError> {
    let report = |reason: &str, message: String| Reported { reason: reason.to_owned(), message };
    let checked = tokio::task::spawn_blocking(move || {
        let bundle = load(&folder, &Limits::default()).map_err(|all| report("BundleInvalid", all.to_string()))?;
        // What the config takes the place of does not run.
        let bundle = arena_plan::effective(bundle, &spec, &endpoints)
            .map_err(|error| report(error.reason(), error.to_string()))?;
        arena_plan::refuse_unbound(&bundle, &spec, false).map_err(|error| report(error.reason(), error.to_string()))
    });
    let died = |error| OperatorError::scratch("read a bundle")(std::io::Error::other(error));
    checked.await.map_err(died)?.map_err(OperatorError::NotFrozen)
}

fn manifest(
    frozen: FrozenWork,
    record: &RunRecord,
    endpoints: &BTreeMap<String, Endpoint>,
) -> Result<Vec<u8>, OperatorError> {
    let invalid = |error: serde_json::Error| OperatorError::ManifestInvalid {
        digest: "(none yet)".to_owned(),
        why: error.to_string(),
    };
    let hosts = endpoints.iter().filter_map(|(id, endpoint)| Some((id.clone(), host(endpoint.base_url.as_deref()?))));
    let origin = Origin {
        engine: frozen.engine,
        source: format!("{}: {}", record.source.name, record.source.revision),
        created: time(Timestamp::now()),
        settings: serde_json::to_value(record).map_err(invalid)?,
        endpoints: hosts.collect(),
        from: None,
    };
    let work_digest = Digest::of_json(&frozen.work).map_err(invalid)?;
    serde_json::to_vec(&Manifest { v: 1, work_digest, work: frozen.work, origin }).map_err(invalid)
}

/// Host and port of a URL.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().to_owned()
}

/// The pin comes first: it keeps the archive, and it says which of two freezings counts.
async fn store(context: &Context, job: &ArenaJob, archive: &Digest, bytes: Vec<u8>) -> Result<(), OperatorError> {
    let (store, namespace) = (context.store()?, job.namespace().unwrap_or_default());
    let digest = Digest::of(&bytes);
    let run = Run::parse(&digest, &bytes)?;
    let pin = Pin { artifacts: run.artifacts() };
    let name = |digest: &Digest| Name::Artifact { namespace: namespace.clone(), digest: digest.clone() };
    if let Put::OtherExists(_) = store.put(&pin_name(job), serde_json::to_vec(&pin).unwrap_or_default()).await? {
        // Another process was faster; the next look finds what it froze.
        return Ok(());
    }
    if store.size(&name(archive)).await?.is_none() {
        store.delete(&pin_name(job)).await?;
        return Err(moved());
    }
    store.put(&name(&digest), bytes).await?;
    if run.record.dataset.is_some() {
        store.delete(&table_pin_name(job)).await?;
    }
    let run = std::sync::Arc::new(run);
    context.remember(&job.uid().unwrap_or_default(), |memory| {
        (memory.trouble, memory.failures, memory.run) = (None, 0, Some(run));
    });
    Ok(())
}

fn moved() -> OperatorError {
    OperatorError::NotFrozen(Reported {
        reason: "SourceNotReady".to_owned(),
        message: "config, source or its bundle changed while the run was being frozen; it is frozen again".to_owned(),
    })
}
