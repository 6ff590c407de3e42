//! Holds README.md and docs/ against the program: takes the pages as they are printed, gives their code blocks, links
//! and scripts to the tests, which run, validate and compare them. Never runs anything outside of a folder of its own.

mod page;
mod place;
mod reasons;
mod script;
mod skeleton;
mod steps;

pub use page::{Block, Directive, Page, pages};
pub use place::{arena, copy_examples, environment, root, skip, work_folder};
pub use reasons::reasons;
pub use script::Script;
pub use skeleton::bundle_around;
