//! `arena view DIR`: a run's report in the browser, from this machine to this machine only.

mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use arena_results::{RunView, State};
use arena_worker::Stop;
use tokio::net::TcpListener;

use crate::exit::{Exit, Failure, OrFail};
use crate::output::println;
use crate::stop::watch_signals;
use crate::{terminal, verdict};

/// Arguments of `arena view`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the run.
    dir: PathBuf,
    /// Port on 127.0.0.1; without it a free one is taken.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Open the browser.
    #[arg(long)]
    open: bool,
}

/// Serves until Ctrl-C.
pub async fn run(Arguments { dir, port, open }: Arguments) -> Result<Exit, Failure> {
    let run = RunView::open(&dir).or_fail()?;
    let folder = folder(&run, &dir)?;
    let files = server::Files::open(&folder)
        .map_err(|error| Failure::machinery("ReportUnreadable", format!("{}: {error}", run.path().display())))?;
    // A stopped run may go on meanwhile.
    drop(run);
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(|error| {
        Failure::input("PortTaken", format!("127.0.0.1:{port} cannot be listened on: {error}"))
            .hint("leave out --port to have a free one")
    })?;
    let address = listener.local_addr().map_err(|error| Failure::machinery("PortTaken", error.to_string()))?;
    let signals = watch_signals(&[Stop::Now], |_| {});
    let url = format!("http://{address}/");
    println!("report   {url} (Ctrl-C stops)");
    if open {
        open_browser(&url);
    }
    server::serve(listener, address.port(), files, Stop::reached(signals, Stop::Now)).await;
    Ok(Exit::Passed)
}

/// Where the report is: that of a run that was stopped, as far as it came, stands aside.
fn folder(run: &RunView, dir: &Path) -> Result<PathBuf, Failure> {
    let (whole, partial) = (run.path().to_owned(), run.path().join("partial"));
    if whole.join(server::REPORT).is_file() {
        return Ok(whole);
    }
    if run.state().or_fail()? == State::Running && partial.join(server::REPORT).is_file() {
        let resume = terminal::line(&verdict::shell_word(dir));
        terminal::print_warning(&format!("partial: the run was stopped; finish it: arena run --resume {resume}"));
        return Ok(partial);
    }
    let missing = |text: &str| Failure::input("ReportMissing", format!("{}: {text}", dir.display()));
    Err(match run.state().or_fail()? {
        State::Running => missing("the run was stopped before its end and has no report yet")
            .hint(format!("finish it: arena run --resume {}", dir.display())),
        State::Sealed => missing("there is no report.html").hint("restore it, or run the bundle again"),
    })
}

/// Asks the desktop; a machine without one is no trouble, since the address is printed.
fn open_browser(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started =
        Command::new(program).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Err(error) = started {
        terminal::print_warning(&format!("no browser was opened: {program}: {error}"));
    }
}
