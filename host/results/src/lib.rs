//! Station 9 and the local half of 10: everything about a run's folder. Takes a manifest and finished records, gives
//! the journal, the sealed segment, the summary, `junit.xml`, `report.html` and `checksums`; never calls a provider,
//! never judges, never knows a plan beyond its number of cases.
//!
//! The life of a folder: [`RunDir::create`], [`Journal::open`] and [`Journal::append`], [`finalize`]; then
//! [`records`], [`export_jsonl`], [`equal`] and [`verify_checksums`] read it through a [`RunView`], which changes
//! nothing.

mod atomic;
mod batch;
mod checksums;
pub mod compare;
mod create;
mod equal;
mod error;
mod export;
mod finalize;
mod fit;
mod gates;
mod html;
mod index;
mod journal;
mod junit;
mod merkle;
mod profile;
mod reader;
mod row;
mod run_dir;
mod run_view;
mod segment;
mod sketch;
mod slice;
mod statistics;
mod strip;
mod tail;
mod terminal;
mod trials;
mod verify;

pub use batch::{Batch, BatchCorrupt, StoredBatch, encoded_limit};
pub use checksums::verify_checksums;
pub use equal::equal;
pub use error::ResultsError;
pub use export::{COLUMNS, Format, JSON_COLUMNS, Kind, export, place, read_partial, read_summary};
pub use finalize::{Settings, finalize, finalize_partial};
pub use gates::{RunGate, judge_gates};
pub use index::{Index, SegmentRef};
pub use journal::{Done, Journal, Recovered};
pub use merkle::{Merkle, merkle_root};
pub use reader::{Records, export_jsonl, records, stored_lines};
pub use row::case_name;
pub use run_dir::RunDir;
pub use run_view::{JOURNAL, MAX_RECORD_BYTES, RunView, State, refuse_inside_run};
pub use sketch::{PERCENTILE_ERROR, Sketch};
pub use strip::{Strip, Strips, strips};
pub use tail::{Next, Tail};
pub use terminal::{is_unsafe, terminal_safe};
pub use verify::{Known, Told, Verified, verify};

/// What all functions of this crate give.
pub type Result<T> = std::result::Result<T, ResultsError>;
