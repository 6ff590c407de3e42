//! A table whose rows are in the store: its index is fetched, its blocks are read when their rows are wanted.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use arena_artifact::{ClientSettings, Name, StoreClient};
use arena_dataset::{Blocks, Index, Table};
use arena_model::{DatasetPin, Ticket};

use super::ticket::{artifact, missing};
use crate::exit::{Failure, OrFail};
use crate::tables::{self, Given};

/// Longest index, bytes.
const INDEX_BYTES: u64 = 64 << 20;

/// The table of a job, and what the operator selected of it.
pub async fn open(store: &StoreClient, ticket: &Ticket, pin: &DatasetPin) -> Result<Given, Failure> {
    let bytes = store.get(&artifact(ticket, &pin.index), INDEX_BYTES).await.or_fail()?;
    let bytes = bytes.ok_or_else(|| missing("table", &pin.index))?;
    let index = Index::read(&bytes).or_fail()?;
    let table = Table::new(index, Box::new(Stored::start(ticket, artifact(ticket, &pin.rows))?)).or_fail()?;
    let mut selections = BTreeMap::new();
    if let Some(digest) = &pin.selections {
        let bytes = store.get(&artifact(ticket, digest), INDEX_BYTES).await.or_fail()?;
        let bytes = bytes.ok_or_else(|| missing("selection of rows", digest))?;
        let broken = || Failure::input("DatasetIndexBroken", format!("{digest} is no selection of rows of this table"));
        selections = tables::selections(&table, &bytes).ok_or_else(broken)?;
    }
    Ok(Given::Table(Arc::new(table), Arc::new(selections)))
}

/// Blocks that may be waited for before asking waits as well.
const WAITING: usize = 64;

/// Bytes that are wanted, and where they go to.
struct Wanted {
    offset: u64,
    count: u32,
    to: SyncSender<Result<Vec<u8>, String>>,
}

/// Reads the store from a thread of its own, so that whoever wants a row may wait for it wherever it runs.
struct Stored(Mutex<SyncSender<Wanted>>);

impl Stored {
    fn start(ticket: &Ticket, rows: Name) -> Result<Self, Failure> {
        // A client of its own: connections belong to the thread that made them.
        let (url, token) = (ticket.store.url.clone(), ticket.store.token.clone());
        let client = StoreClient::new(&url, token, ClientSettings::default()).or_fail()?;
        let failed = |error| Failure::machinery("ThreadFailed", format!("the reader of tables cannot start: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (sender, receiver) = sync_channel(WAITING);
        let work = move || serve(&runtime, &client, &rows, &receiver);
        std::thread::Builder::new().name("table".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self(Mutex::new(sender)))
    }
}

/// Until nobody can want anything any more.
fn serve(runtime: &tokio::runtime::Runtime, client: &StoreClient, rows: &Name, wanted: &Receiver<Wanted>) {
    while let Ok(Wanted { offset, count, to }) = wanted.recv() {
        let read = runtime.block_on(client.get_range(rows, offset, count.into()));
        let read = read.map_err(|error| error.to_string());
        // Whoever asked may have gone.
        let _ = to.send(read.and_then(|bytes| bytes.ok_or_else(|| "the rows are not in the store".to_owned())));
    }
}

impl Blocks for Stored {
    fn read(&self, offset: u64, count: u32) -> Result<Vec<u8>, String> {
        let (to, from) = sync_channel(1);
        let gone = || "the reader of tables is gone".to_owned();
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sender.send(Wanted { offset, count, to }).map_err(|_| gone())?;
        // The next one need not wait for this answer.
        drop(sender);
        from.recv().map_err(|_| gone())?
    }
}
