//! Git's own HTTP backend behind a small server, and a repository to serve.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

/// How the server is today.
#[derive(Clone, Default)]
pub struct Mood {
    /// Pass the protocol's version on.
    pub old: bool,
    /// Value of `Authorization` that is asked for.
    pub wanted: Option<String>,
    /// Answer everything with this.
    pub status: Option<u16>,
    /// Send every request for `/moved...` there instead.
    pub moved: Option<String>,
    /// Never answer.
    pub hang: bool,
}

pub struct GitServer {
    pub url: String,
    pub mood: Arc<Mutex<Mood>>,
    pub requests: Arc<AtomicUsize>,
    pub repository: Repository,
}

#[derive(Clone)]
struct Shared {
    root: PathBuf,
    mood: Arc<Mutex<Mood>>,
    requests: Arc<AtomicUsize>,
}

impl GitServer {
    /// Serves a new repository under `/repo`.
    pub async fn start() -> Self {
        let repository = Repository::new();
        let (mood, requests) = (Arc::<Mutex<Mood>>::default(), Arc::<AtomicUsize>::default());
        let root = repository.folder.path().to_owned();
        let shared = Shared { root, mood: mood.clone(), requests: requests.clone() };
        let router = Router::new().fallback(serve).with_state(shared);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/repo", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, mood, requests, repository }
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Requests since the last time.
    pub fn requests(&self) -> usize {
        self.requests.swap(0, Ordering::SeqCst)
    }
}

async fn serve(State(shared): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let mood = shared.mood.lock().unwrap().clone();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if mood.hang {
        std::future::pending::<()>().await;
    }
    if let Some(status) = mood.status {
        return (StatusCode::from_u16(status).unwrap(), "no").into_response();
    }
    if mood.wanted.is_some_and(|wanted| wanted != header("authorization")) {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"git\"")]).into_response();
    }
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    if let (Some(to), Some(rest)) = (mood.moved, path.strip_prefix("/moved")) {
        return (StatusCode::MOVED_PERMANENTLY, [("location", format!("{to}{rest}?{query}"))]).into_response();
    }
    let mut backend = tokio::process::Command::new("git");
    backend
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &shared.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REQUEST_METHOD", method.as_str())
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if !mood.old {
        backend.env("GIT_PROTOCOL", header("git-protocol"));
    }
    let mut backend = backend.spawn().unwrap();
    let mut stdin = backend.stdin.take().unwrap();
    stdin.write_all(&body).await.unwrap();
    drop(stdin);
    let output = backend.wait_with_output().await.unwrap().stdout;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let mut answer = Response::builder();
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        answer = match name {
            "Status" => answer.status(value[..3].parse::<u16>().unwrap()),
            _ => answer.header(name, value),
        };
    }
    answer.body(Body::from(output[end + 4..].to_vec())).unwrap()
}

/// A repository with a working tree beside it.
pub struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(repository.tree()).unwrap();
        repository.git(&["init", "-q", "-b", "main", "--separate-git-dir", "../repo", "."]);
        repository
    }

    pub fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// Runs git in the working tree and gives back what it prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, b"")
    }

    pub fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        run(&self.tree(), arguments, input)
    }

    /// Commits everything in the working tree and gives back the commit.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A", "."]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.head()
    }

    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    pub fn write(&self, files: &[(&str, &str)]) {
        crate::stand::write(&self.tree(), files);
    }

    pub fn link(&self, path: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.tree().join(path)).unwrap();
    }
}

fn run(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
    use std::io::Write as _;
    let mut git = Command::new("git");
    git.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "core.autocrlf=false"]);
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git.args(arguments).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut git = git.spawn().unwrap();
    git.stdin.take().unwrap().write_all(input).unwrap();
    let output = git.wait_with_output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
