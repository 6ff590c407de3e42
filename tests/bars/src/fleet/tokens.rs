//! Bar 03.7: what a job was given opens nothing of another job, and nothing at all once its time is over.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use arena_model::Ticket;
use serde::Deserialize;

use super::objects::{config, job, source};
use super::redis::{Answer, ask_as};
use super::stand::{LONG, Stand, Times};
use crate::bar::Bar;
use crate::order;
use crate::world::World;

/// Between two tries.
const LOOK: Duration = Duration::from_millis(200);

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    deadline_s: u64,
    slack_s: f64,
}

/// Two jobs of two bundles: B is over, A has never had a worker.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let times = Times { token_grace: "2s", ..Times::default() };
    let Some(stand) = Stand::start(world, bar, "tokens", times)? else { return Ok(()) };
    for (at, name) in ["a", "b"].into_iter().enumerate() {
        let bundle = stand.scratch(name);
        order::write_mixed(&bundle, 3 + at as u64)?;
        stand.push(name, &bundle)?;
        stand.apply(&source(name, name, "60s"))?;
        stand.apply(&config(name, name, None, ""))?;
        stand.condition(&format!("arenaconfig/{name}"), "Ready", "True")?;
    }
    stand.apply(&job("b", "b", ""))?;
    stand.work("b")?;
    let b = ticket(&stand.scratch("job-b"))?;
    let since = Instant::now();
    stand.apply(&job("a", "a", &format!("  activeDeadlineSeconds: {}\n", limits.deadline_s)))?;
    let a = ticket(&stand.job_dir("a")?)?;

    let own = doors(&stand, &a, &a)?;
    let (opened, theirs) = (own.iter().filter(|(_, open)| *open).count(), doors(&stand, &a, &b)?);
    bar.all("things of its own that A's credentials open", opened, own.len());
    let shut = theirs.iter().filter(|(_, open)| !open).count();
    for (name, _) in theirs.iter().filter(|(_, open)| *open) {
        bar.note(&format!("A's credentials open {name} of B"));
    }
    bar.all("things of B that they do not open", shut, theirs.len());

    // Grace and a look of the operator after the deadline.
    let most = Duration::from_secs_f64(limits.deadline_s as f64 + 2.0 + limits.slack_s);
    let closed = loop {
        if doors(&stand, &a, &a)?.iter().all(|(_, open)| !open) {
            break since.elapsed();
        }
        if since.elapsed() > LONG {
            bail!("A's credentials are good after {} s", LONG.as_secs());
        }
        std::thread::sleep(LOOK);
    };
    bar.at_most(
        "from A's start until its credentials open nothing",
        closed.as_secs_f64(),
        most.as_secs_f64(),
        " s",
        own.len(),
    );
    Ok(())
}

fn ticket(folder: &Path) -> Result<Ticket> {
    serde_json::from_slice(&fs::read(folder.join("ticket.json"))?).context("a ticket that cannot be read")
}

/// What belongs to the job `of`, and whether the credentials of `with` open it.
fn doors(stand: &Stand<'_>, with: &Ticket, of: &Ticket) -> Result<Vec<(String, bool)>> {
    let base = format!("{}/v1/{}", of.store.url, of.namespace);
    let (results, probe) = (format!("{base}/results/{}/", of.job), format!("probe-{}.json", with.job));
    // Another bar may have done it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut doors = Vec::new();
    for (name, request) in [
        ("the manifest", client.get(format!("{base}/artifacts/{}", of.manifest.hex()))),
        ("the bundle", client.get(format!("{base}/artifacts/{}", of.archive.hex()))),
        ("the list of results", client.get(format!("{results}?list"))),
        ("a new result", client.put(format!("{results}{probe}")).body("{}")),
        ("the list of its own batches", client.get(format!("{results}{}/?list", "0".repeat(32)))),
    ] {
        let status = stand.block_on(request.bearer_auth(&with.store.token).send())?.status();
        if !(status.is_success() || matches!(status.as_u16(), 401 | 403 | 404)) {
            bail!("{name}: the store answers {status}");
        }
        // Missing is an answer, too: who may not look is not told.
        doors.push((name.to_owned(), status.is_success()));
    }
    let (user, password) = (&with.redis.username, &with.redis.password);
    for (name, command) in [
        ("the queue's state", format!("HGET arena:{{{}}}:meta schema", of.job)),
        ("the queue by a script", format!("EVAL \"return redis.call('HLEN', KEYS[1])\" 1 arena:{{{}}}:meta", of.job)),
    ] {
        let answer = ask_as(&stand.redis.address(), user, password, &command)?;
        doors.push((name.to_owned(), matches!(answer, Answer::Given(_))));
    }
    Ok(doors)
}
