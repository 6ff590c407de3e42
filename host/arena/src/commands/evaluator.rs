//! `arena evaluator`: placeholder while the SDK lands.
use clap::Subcommand;
use crate::exit::{Exit, Failure};
/// x
#[derive(Subcommand)]
pub enum Command {}
/// x
pub fn run(command: Command) -> Result<Exit, Failure> { match command {} }
