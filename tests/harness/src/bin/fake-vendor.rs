//! A fake LLM vendor as a process: prints its base URL as the first line, answers until stdin closes.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use arena_harness::{Behaviour, Failing, FakeVendor, Reply, ScriptLine, TokenDetails};
use clap::Parser;
use regex::Regex;
use serde::Deserialize;

/// A server on a free port of 127.0.0.1 that speaks as OpenAI, Azure, Anthropic, Gemini, Vertex AI, Ollama and Bedrock
/// do, by the path of the request, and does as it is told. The printed URL ends in /v1; all but OpenAI's clients take
/// it without. `GET /_count` gives {"calls": n, "cases": {...}}, `POST /_reset` sets the counts to zero, `POST /_fail`
/// with lines as --fail takes them replaces what fails. It exits when stdin closes.
#[derive(Parser)]
struct Options {
    /// Text of every answer.
    #[arg(long, default_value = "ok", conflicts_with_all = ["echo", "script"])]
    text: String,
    /// Answer with the last user message.
    #[arg(long, conflicts_with = "script")]
    echo: bool,
    /// JSON file: a list of {"match": REGEX, "text": TEXT, "tool_calls": [{"name", "arguments"}], "after_tool": TEXT};
    /// first match of the last user message wins; TEXT of after_tool is all that is said on a tool's result.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Wait before each answer, milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Of every OF calls the first FIRST fail: FIRST/OF:HOW, HOW one of STATUS, STATUS:RETRY-AFTER, hang, cut,
    /// no-finish, stall, malformed, error-event, slow:MS. May be given several times; the first that applies wins.
    #[arg(long, value_name = "FIRST/OF:HOW")]
    fail: Vec<Failing>,
    /// Count calls by what this pattern finds in a user message (first group, else the whole match).
    #[arg(long, value_name = "REGEX")]
    case_pattern: Option<Regex>,
    /// Pieces of a streamed text.
    #[arg(long, default_value_t = 4)]
    pieces: usize,
    /// Let in only who brings this key (for Bedrock: this access key id); all others get 401.
    #[arg(long)]
    key: Option<String>,
    /// Tokens of each prompt reported as read from the cache.
    #[arg(long, default_value_t = 0)]
    cached_tokens: u64,
    /// Tokens of each prompt reported as written to the cache.
    #[arg(long, default_value_t = 0)]
    cache_written_tokens: u64,
    /// Tokens of reasoning reported with each answer.
    #[arg(long, default_value_t = 0)]
    reasoning_tokens: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    r#match: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    tool_calls: Vec<LineCall>,
    after_tool: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineCall {
    name: String,
    arguments: serde_json::Value,
}

fn script(path: &PathBuf) -> Result<Reply, Box<dyn std::error::Error>> {
    let lines: Vec<Line> = serde_json::from_slice(&std::fs::read(path)?)?;
    let lines = lines.into_iter().map(|line| {
        let tool_calls = line.tool_calls.into_iter().map(|call| (call.name, call.arguments.to_string())).collect();
        let pattern = Regex::new(&line.r#match)?;
        Ok(ScriptLine { pattern, text: line.text, tool_calls, after_tool: line.after_tool })
    });
    Ok(Reply::Script(lines.collect::<Result<_, regex::Error>>()?))
}

fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let reply = match &options.script {
        Some(path) => script(path).map_err(|error| format!("{}: {error}", path.display()))?,
        None if options.echo => Reply::Echo,
        None => Reply::Text(options.text),
    };
    let vendor = FakeVendor::start(Behaviour {
        reply,
        latency: Duration::from_millis(options.latency_ms),
        failing: options.fail,
        case_pattern: options.case_pattern,
        pieces: options.pieces,
        swap_form: false,
        key: options.key,
        token_details: TokenDetails {
            cached: options.cached_tokens,
            cache_written: options.cache_written_tokens,
            reasoning: options.reasoning_tokens,
        },
    })?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", vendor.url())?;
    stdout.flush()?;
    let mut ignored = [0; 256];
    while std::io::stdin().read(&mut ignored)? > 0 {}
    Ok(())
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fake-vendor: {error}");
            ExitCode::FAILURE
        }
    }
}
