//! Attack: looks through the neutered WASI for anything it should not see, and takes more of it than it should.
//! Takes what to take, gives what it saw as JSON in the reason.

use arena_guest::prelude::*;

#[allow(unsafe_code, missing_docs, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "probe", generate_all });
}

use bindings::wasi;
use wasi::io::streams::OutputStream;

#[derive(Deserialize, Params)]
#[serde(default)]
#[derive(Default)]
struct Wanted {
    /// Stream handles to leak.
    handles: u32,
    /// Text for stdout.
    stdout: String,
    /// How often to write it.
    times: u32,
    /// Random bytes of one call.
    random: u64,
    /// Looks at the clock; absent for two.
    looks: Option<u32>,
    /// Milliseconds to sleep.
    sleep: u64,
}

/// Passes with what it saw.
#[evaluator(name = "wasi-probe")]
fn wasi_probe(_: &Subject<'_>, params: Wanted) -> Result<Verdict, CheckError> {
    (0..params.handles).for_each(|_| std::mem::forget(wasi::cli::stdout::get_stdout()));
    if params.sleep > 0 {
        wasi::clocks::monotonic_clock::subscribe_duration(params.sleep * 1_000_000).block();
    }
    let stdout = wasi::cli::stdout::get_stdout();
    let written = (0..params.times).take_while(|_| write(&stdout, &params.stdout)).count();
    let random = wasi::random::random::get_random_bytes(params.random);
    let now = wasi::clocks::wall_clock::now();
    let first = wasi::clocks::monotonic_clock::now();
    let last = (1..params.looks.unwrap_or(2)).fold(first, |_, _| wasi::clocks::monotonic_clock::now());
    let seen = arena_guest::serde_json::json!({
        "wall": [now.seconds, u64::from(now.nanoseconds)],
        "ticks": [first, last],
        "random": [wasi::random::random::get_random_u64(), wasi::random::insecure::get_insecure_random_u64()],
        "bytes": random.len(),
        "seed": wasi::random::insecure_seed::insecure_seed(),
        "environment": wasi::cli::environment::get_environment(),
        "arguments": wasi::cli::environment::get_arguments(),
        "folder": wasi::cli::environment::initial_cwd(),
        "preopens": wasi::filesystem::preopens::get_directories().len(),
        "written": written,
    });
    Ok(Verdict::pass(seen.to_string()))
}

/// False once the stream takes no more.
fn write(stream: &OutputStream, text: &str) -> bool {
    stream.blocking_write_and_flush(text.as_bytes()).is_ok()
}
