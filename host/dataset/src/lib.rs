//! Station 3, dataset: takes a table of test rows (JSON lines, CSV, TSV or Parquet, plain or compressed), gives its rows by
//! number. A table is indexed once: its rows are written in blocks that can be read from anywhere by themselves, and an
//! [`Index`] says where each block lies, which columns there are and which rows are malformed. A [`Selection`] says which
//! rows are cases: by columns, drawn by a seed, the first ones. Knows no network; never holds a whole table in memory.

mod build;
mod child;
mod error;
mod format;
mod index;
mod limits;
mod read;
mod repeats;
mod row;
mod select;
mod stamp;
mod table;

pub use build::{INDEX, Options, ROWS, build};
pub use child::{IndexChild, index_child_main};
pub use error::DatasetError;
pub use index::{Block, Column, Index, Malformed};
pub use limits::Limits;
pub use row::{Row, Values};
pub use select::{Sample, Selection, Wanted};
pub use stamp::Stamp;
pub use table::{Blocks, Table};
