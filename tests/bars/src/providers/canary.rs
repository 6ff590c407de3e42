//! Bar 05.4: keys leave no trace, in nothing that a run leaves or says.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use arena_harness::{Behaviour, Failing, Failure, FakeVendor, Reply, ScriptLine};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regex::Regex;
use serde::Deserialize;
use serde_json::json;

use super::single;
use crate::bar::Bar;
use crate::world::World;

/// What no key of the world looks like.
const CANARY: &str = "canary-7f3d9a51c2e84b60";

/// See `limits.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    vendors: usize,
}

/// Vendors that say keys back wherever they can, asked with logs at their most talkative.
pub fn measure(world: &World, limits: &Limits, bar: &mut Bar) -> Result<()> {
    let folder = world.scratch("canaries");
    let cache = folder.join("cache");
    fs::create_dir_all(&cache)?;
    let kinds = ["openai", "claude", "gemini", "ollama", "bedrock"];
    let (mut searched, mut traces, mut asked) = (0, Vec::new(), 0);
    for kind in kinds {
        let key = format!("{CANARY}-{kind}");
        for (way, vendor) in tellers(&key)? {
            let name = format!("{kind}-{way}");
            let bundle = folder.join(&name);
            write(&bundle, kind, &vendor)?;
            let held = match kind {
                "bedrock" => format!("aws_access_key_id=AKIAFAKE\naws_secret_access_key={key}\n"),
                _ => key.clone(),
            };
            let mut command = world.arena();
            command.arg("run").arg(&bundle).arg("--out").arg(folder.join(format!("{name}-out")));
            command.args(["--cache", "write"]).env("ARENA_CACHE", &cache).env("CANARY_KEY", held);
            command.env("ARENA_LOG", "trace").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
            let output = command.output().context("arena run")?;
            asked += vendor.calls();
            for (place, bytes) in [("standard output", output.stdout), ("standard error", output.stderr)] {
                searched += 1;
                traces.extend(holds(&bytes, &key).then(|| format!("{name}: {place}")));
            }
        }
    }
    let mut files = Vec::new();
    list(&folder, &mut files)?;
    for path in files {
        searched += 1;
        if holds(&fs::read(&path)?, CANARY) {
            traces.push(path.display().to_string());
        }
    }
    traces.iter().for_each(|trace| bar.note(&format!("found in {trace}")));
    bar.all("kinds of vendors asked", kinds.len(), limits.vendors);
    bar.line("calls that held a key", &asked.to_string(), "at least 1 for each", asked, asked >= kinds.len() as u64);
    bar.at_most("traces of keys in files, output and logs", traces.len() as f64, 0.0, "", searched);
    Ok(())
}

/// Vendors that say `key` back, each in another place.
fn tellers(key: &str) -> Result<Vec<(&'static str, FakeVendor)>> {
    let called = ScriptLine {
        pattern: Regex::new(".")?,
        text: String::new(),
        tool_calls: vec![(key.to_owned(), json!({ "q": key }).to_string())],
        after_tool: Some(key.to_owned()),
    };
    let refused = |status| {
        let body = Some(json!({"error": {"message": key}, "message": key}).to_string());
        Behaviour::default().failing([Failing::always(Failure::Status { status, retry_after: None, body })])
    };
    let ways = [
        ("said", Behaviour::text(format!("hello, I was sent {key}"))),
        ("called", Behaviour { reply: Reply::Script(vec![called]), ..Behaviour::default() }),
        ("refused", refused(401)),
        ("failed", refused(500)),
    ];
    ways.into_iter().map(|(way, behaviour)| Ok((way, FakeVendor::start(behaviour)?))).collect()
}

fn write(bundle: &Path, kind: &str, vendor: &FakeVendor) -> Result<()> {
    let base = if kind == "openai" { vendor.url() } else { vendor.base() };
    let once = json!({"rate_limited": 1, "unavailable": 1, "timeout": 1});
    let config = json!({"region": "eu-west-1", "retries": once});
    single::write(
        bundle,
        json!({"type": kind, "model": "m", "base_url": base, "additional_config": config,
        "credential": {"credential_env": "CANARY_KEY"}}),
    )
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { list(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// Whether the bytes hold the text, plain or in base64.
fn holds(bytes: &[u8], text: &str) -> bool {
    let plain = if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        zstd::decode_all(bytes).unwrap_or_default()
    } else {
        bytes.to_vec()
    };
    let in_it = |needle: &str| plain.windows(needle.len()).any(|window| window == needle.as_bytes());
    // The first and last letters of a code depend on what stands around.
    let code = |coded: String| coded.get(..coded.len() - 4).unwrap_or_default().to_owned();
    in_it(text) || in_it(&code(STANDARD.encode(text))) || in_it(&code(URL_SAFE_NO_PAD.encode(text)))
}
