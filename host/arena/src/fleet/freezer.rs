//! What the engine says of bundles to an operator: their plan and their components by digest. Nothing of a bundle is
//! compiled or run.

use std::path::{Path, PathBuf};

use arena_model::RunSpec;
use arena_operator::{Freezer, FrozenTable, FrozenWork, Lane, Reported};
use async_trait::async_trait;
use serde_json::json;

use crate::exit::Failure;
use crate::tables::{self, Given};
use crate::work::{ENGINE, Inputs, Prepared, load_bundle};

/// Room that indexed tables take in an operator, bytes; those not used for longest go first.
const TABLES: u64 = 512 << 20;

/// This program's engine.
pub struct Engine;

#[async_trait]
impl Freezer for Engine {
    async fn freeze(&self, folder: &Path, spec: &RunSpec, dataset: Option<&Path>) -> Result<FrozenWork, Reported> {
        let dataset = dataset.map(|path| Given::File(path.to_owned()));
        if let Err(failure) = tables::prune(|_, room| room > TABLES) {
            tracing::warn!(reason = failure.reason, "{}", failure.text);
        }
        let inputs = Inputs { run: spec.clone(), dataset, ..Inputs::of(folder.to_owned()) };
        blocking(move || {
            let Prepared { matrix, work, dataset, selections, .. } = Prepared::of(&inputs)?;
            let lanes = matrix.plan.lanes().iter();
            let lanes = lanes.map(|lane| Lane { provider: lane.provider.clone(), cases: lane.len }).collect();
            let dataset = dataset.map(|folder| FrozenTable {
                index: folder.join(arena_dataset::INDEX),
                rows: folder.join(arena_dataset::ROWS),
                selections: (!selections.is_empty()).then(|| json!(selections).to_string().into_bytes()),
            });
            Ok(FrozenWork { work, lanes, engine: ENGINE.to_owned(), dataset })
        })
        .await
    }

    async fn check(&self, folder: &Path) -> Result<(), Reported> {
        let folder: PathBuf = folder.to_owned();
        blocking(move || load_bundle(&folder).map(drop)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Reported> {
    let died =
        |error: tokio::task::JoinError| Failure::machinery("TaskDied", format!("reading the bundle died: {error}"));
    let done = tokio::task::spawn_blocking(work).await.map_err(died).and_then(|done| done);
    done.map_err(|Failure { reason, text, .. }| Reported { reason: reason.to_owned(), message: text })
}
