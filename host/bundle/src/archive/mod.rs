//! The bundle as bytes that travel: its files as a plain tar in the normal form, and trees that are built from tars and
//! other lists of files of strangers. Works on readers, writers and opened folders; knows no network.

mod error;
mod pack;
mod path;
mod tree_writer;
mod unpack;

pub use error::ArchiveError;
pub use pack::{pack, pack_files};
pub use tree_writer::TreeWriter;
pub use unpack::{unpack, unpack_into};
