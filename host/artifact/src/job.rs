//! The results of one job, as its workers write them.

use std::path::Path;

use arena_model::{ResultStore, StoreError, Stored};
use async_trait::async_trait;

use crate::{ClientError, Folder, Name, Put, StoreClient};

/// Most workers and most batches of one worker that are listed.
const LISTED: usize = 1_000_000;

/// A client that sees the results of one job.
#[derive(Clone)]
pub struct JobResults {
    client: StoreClient,
    namespace: String,
    job: String,
}

impl JobResults {
    /// The results of `job` (its uid) in `namespace`.
    pub fn new(client: StoreClient, namespace: impl Into<String>, job: impl Into<String>) -> Self {
        Self { client, namespace: namespace.into(), job: job.into() }
    }

    fn name(&self, name: &str) -> Result<Name, StoreError> {
        let path = format!("{}/results/{}/{name}", self.namespace, self.job);
        let detail = "it is no name of a result".to_owned();
        Name::parse(&path).ok_or(StoreError::Refused { name: path, detail })
    }

    async fn entries(&self, folder: &Folder) -> Result<impl Iterator<Item = String>, StoreError> {
        let items = self.client.list_all(folder, LISTED).await.map_err(fault)?;
        Ok(items.into_iter().map(|item| item.name))
    }
}

fn fault(error: ClientError) -> StoreError {
    let detail = error.to_string();
    match error {
        ClientError::Unavailable { name, .. } | ClientError::Corrupt { name, .. } => {
            StoreError::Unavailable { name, detail }
        }
        ClientError::Refused { name, .. }
        | ClientError::TooLarge { name, .. }
        | ClientError::TooMany { name, .. }
        | ClientError::Reply { name, .. }
        | ClientError::File { path: name, .. }
        | ClientError::Setup { url: name, .. } => StoreError::Refused { name, detail },
    }
}

fn stored(put: Put) -> Stored {
    match put {
        Put::Created => Stored::Created,
        Put::SameExists => Stored::Same,
        Put::OtherExists(digest) => Stored::Other(digest),
    }
}

#[async_trait]
impl ResultStore for JobResults {
    async fn create(&self, name: &str, bytes: &[u8]) -> Result<Stored, StoreError> {
        self.client.put(&self.name(name)?, bytes.to_vec()).await.map(stored).map_err(fault)
    }

    async fn create_from(&self, name: &str, file: &Path) -> Result<Stored, StoreError> {
        self.client.put_file(&self.name(name)?, file).await.map(stored).map_err(fault)
    }

    async fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.client.get(&self.name(name)?, limit).await.map_err(fault)
    }

    async fn workers(&self) -> Result<Vec<String>, StoreError> {
        let folder = Folder::Results { namespace: self.namespace.clone(), job: self.job.clone() };
        Ok(self.entries(&folder).await?.filter_map(|name| Some(name.strip_suffix('/')?.to_owned())).collect())
    }

    async fn batches(&self, worker: &str) -> Result<Vec<u64>, StoreError> {
        let (namespace, job, worker) = (self.namespace.clone(), self.job.clone(), worker.to_owned());
        let mut numbers: Vec<u64> = self
            .entries(&Folder::Segments { namespace, job, worker })
            .await?
            .filter_map(|name| name.parse().ok())
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}
