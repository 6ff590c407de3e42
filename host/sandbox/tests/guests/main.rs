//! The sandbox against guests: every limit with a guest just under it and one just over, every attack, and after each
//! a good evaluation that is as good as before. Needs the components of `evaluators/`, which `./x build` leaves in
//! `target/components`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod cached;
mod compiler;
mod crafted;
mod guard;
mod handles;
mod kept;
mod limits;
mod loading;
mod pool;
mod stand;
mod storage;
mod time;
mod wasi;
