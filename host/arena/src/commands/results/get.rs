//! `arena results get`: a job's results from the store to a run's folder.

use std::path::{Path, PathBuf};

use arena_artifact::{ClientSettings, Folder, Name, StoreClient};
use arena_worker::folder_path;

use crate::exit::{Exit, Failure, OrFail};
use crate::fleet::read_line;
use crate::output::println;
use crate::stop::stopped;
use crate::{settings, verdict};

/// Variable with the token.
const TOKEN: &str = "ARENA_STORE_TOKEN";
/// What every URL of the store has before the name of what it is of.
const API: &str = "/v1/";
/// Most entries in a job's folder: its files, and a folder for each worker process.
const ENTRIES: usize = 1_000_000;
/// Most bytes of all files.
const RESULT_BYTES: u64 = 16 << 30;

/// Arguments of `arena results get`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where the results are, as the job's status has it; the host is that of `kubectl port-forward` where the store's own
    /// cannot be reached.
    url: String,
    /// Folder of the run; must not exist yet.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// File with the token of `arena results token`; without it the variable ARENA_STORE_TOKEN has the token.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Fetches all files of a finished run. DIR appears by rename, complete.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { url, out, token_file } = arguments;
    let (base, folder) = place(&url)?;
    let token = match &token_file {
        Some(file) => read_line(file)?,
        None => settings::variable(TOKEN).filter(|token| !token.is_empty()).ok_or_else(|| {
            Failure::input("TokenMissing", "no token for the store")
                .hint("set ARENA_STORE_TOKEN to what `arena results token` prints, or give --token-file")
        })?,
    };
    if out.exists() {
        let text = format!("{} exists", out.display());
        return Err(Failure::input("RunDirExists", text).hint("choose another --out"));
    }
    arena_results::refuse_inside_run(&out).or_fail()?;
    let store = StoreClient::new(base, token, ClientSettings::default()).or_fail()?;
    let files = files(&store, &folder, &url).await?;
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| Failure::machinery("ResultsIo", format!("{}: {error}", out.display()));
    std::fs::create_dir_all(parent).map_err(failed)?;
    let scratch = tempfile::TempDir::with_prefix_in(".arena-get-", parent).map_err(failed)?;
    let fetched = async {
        for (name, size, path) in files {
            let to = scratch.path().join(path);
            if let Some(folder) = to.parent() {
                std::fs::create_dir_all(folder).map_err(failed)?;
            }
            if store.download(&name, &to, size).await.or_fail()? != Some(size) {
                let text = format!("{url}: {name} was listed with {size} bytes and is not that any more");
                return Err(Failure::input("ResultsMissing", text).hint("the store lost it, or it is no store of ours"));
            }
        }
        whole(scratch.path(), &url)
    };
    tokio::select! {
        fetched = fetched => fetched?,
        // The folder so far goes with `scratch`.
        () = stopped() => return Ok(Exit::Interrupted),
    }
    std::fs::rename(scratch.path(), &out).map_err(failed)?;
    println!("report   {}", out.join("report.html").display());
    println!("records  arena results export {}", verdict::shell_word(&out));
    Ok(Exit::Passed)
}

/// The store's address, and the folder of the job's results.
fn place(url: &str) -> Result<(&str, Folder), Failure> {
    let wrong = || {
        Failure::input("ResultsUrlInvalid", format!("{url:?} is no URL of results"))
            .hint("it looks like http://HOST:8080/v1/NAMESPACE/results/UID/; the job's status.result.url has it")
    };
    let (base, path) = url.split_once(API).ok_or_else(wrong)?;
    match Folder::parse(path) {
        Some(folder @ Folder::Results { .. }) => Ok((base, folder)),
        _ => Err(wrong()),
    }
}

/// Refuses a folder that is not what its own list of checksums says.
fn whole(folder: &Path, url: &str) -> Result<(), Failure> {
    let changed = arena_results::RunView::open(folder).and_then(|run| arena_results::verify_checksums(&run));
    let why = match changed {
        Ok(changed) if changed.is_empty() => return Ok(()),
        Ok(changed) => changed.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("; "),
        Err(error) => error.to_string(),
    };
    let text = format!("{url}: what the store gave is not the whole of a run: {why}");
    Err(Failure::input("ResultsIncomplete", text)
        .hint("the store lost or changed something, or it is no store of ours"))
}

/// The files of the run's folder, and where they stand in it.
async fn files(store: &StoreClient, folder: &Folder, url: &str) -> Result<Vec<(Name, u64, PathBuf)>, Failure> {
    let items = store.list_all(folder, ENTRIES).await.or_fail()?;
    let named = |item: &arena_artifact::Item| {
        // Batches of workers are no part of the run's folder.
        let path = folder_path(&item.name)?;
        Some((Name::parse(&format!("{folder}{}", item.name))?, item.size, path))
    };
    let files: Vec<_> = items.iter().filter_map(named).collect();
    let bytes = files.iter().fold(0_u64, |sum, (_, size, _)| sum.saturating_add(*size));
    if bytes > RESULT_BYTES {
        let text = format!("{url}: the results have {bytes} bytes, more than {RESULT_BYTES}");
        return Err(Failure::input("ResultsTooLarge", text).hint("read what is needed of them from the store"));
    }
    // It is stored last.
    if !files.iter().any(|(.., path)| path == Path::new("summary.json")) {
        let text = format!("{url}: there are no results of a finished run");
        return Err(Failure::input("ResultsMissing", text).hint("wait for the job's condition Finished"));
    }
    Ok(files)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_status_is_read() {
        let (base, folder) = place("http://store.arena.svc:8080/v1/default/results/u-1/").unwrap();
        assert_eq!((base, folder.to_string().as_str()), ("http://store.arena.svc:8080", "default/results/u-1/"));
        for wrong in
            ["http://h/v1/default/results/", "http://h/v1/default/results/u-1/summary.json", "default/results/u/"]
        {
            assert_eq!(place(wrong).unwrap_err().reason, "ResultsUrlInvalid", "{wrong}");
        }
    }
}
