//! `arena results token`: the right to read one job's results, for people.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arena_artifact::Claims;

use crate::exit::{Exit, Failure, OrFail};
use crate::fleet::{flags, read_key};
use crate::output::println;

/// Arguments of `arena results token`.
#[derive(clap::Args)]
pub struct Arguments {
    /// File with the secret of the store.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Namespace of the job.
    #[arg(long, value_name = "NAME", value_parser = flags::namespace)]
    namespace: String,
    /// UID of the job.
    #[arg(long, value_name = "UID", value_parser = flags::object)]
    job: String,
    /// How long the token is good.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = flags::valid)]
    valid: Duration,
}

/// Prints it.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let claims = Claims {
        v: 1,
        namespace: Some(arguments.namespace.clone()),
        job: Some(arguments.job.clone()),
        read: Vec::new(),
        results: true,
        read_only: true,
        expires: now.saturating_add(arguments.valid).as_secs(),
    };
    println!("{}", read_key(&arguments.key_file)?.mint(&claims).or_fail()?);
    Ok(Exit::Passed)
}
