//! The store as all others see it: by name, over HTTP, checked.

use std::path::Path;
use std::time::Duration;

use arena_model::{Digest, Hasher};
use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;

use crate::retry::{Failure, retry};
use crate::{ClientError, DIGEST_HEADER, Folder, Item, Name, Page, Put};

/// Longest answer that is not an object: an error or a page, bytes.
const ANSWER_BYTES: u64 = 1 << 20;

/// Times and counts of a client.
#[derive(Clone, Copy, Debug)]
pub struct ClientSettings {
    /// Tries of one call.
    pub attempts: u32,
    /// Between the first two; each further wait is twice as long, at most 5 s.
    pub wait: Duration,
    /// To connect.
    pub connect: Duration,
    /// Longest silence of the store.
    pub idle: Duration,
}

impl Default for ClientSettings {
    /// 6 attempts with 0.2 s, 0.4 s, ... between them, 5 s to connect, 30 s of silence.
    fn default() -> Self {
        Self {
            attempts: 6,
            wait: Duration::from_millis(200),
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(30),
        }
    }
}

/// A client with one token.
#[derive(Clone)]
pub struct StoreClient {
    http: reqwest::Client,
    url: String,
    token: String,
    settings: ClientSettings,
}

/// A body that can be sent again.
#[derive(Clone)]
enum Content<'a> {
    Bytes(Bytes),
    File(&'a Path, u64),
}

impl StoreClient {
    /// A client of the store at `url` (`http://host:port`). Needs a rustls provider installed in the process.
    pub fn new(url: &str, token: String, settings: ClientSettings) -> Result<Self, ClientError> {
        // Who wrote a login into it does not want it printed.
        let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
        let failed = |why: String| ClientError::Setup { url: shown.to_owned(), why };
        let address = reqwest::Url::parse(url).map_err(|error| failed(error.to_string()))?;
        if !address.username().is_empty() || address.password().is_some() {
            return Err(failed("a store's URL has no user and password; there is a token".to_owned()));
        }
        if !matches!(address.scheme(), "http" | "https") {
            return Err(failed("it is no http or https URL".to_owned()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(settings.connect)
            .read_timeout(settings.idle)
            .pool_idle_timeout(settings.idle / 2)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), token, settings })
    }

    /// Creates an object, unless there is one.
    pub async fn put(&self, name: &Name, bytes: impl Into<Bytes>) -> Result<Put, ClientError> {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        self.create(name, Content::Bytes(bytes), Some(digest)).await
    }

    /// Creates an object from a file; an artifact's bytes must have the digest it is named after.
    pub async fn put_file(&self, name: &Name, path: &Path) -> Result<Put, ClientError> {
        let metadata = tokio::fs::metadata(path).await.map_err(file_error(path, "read"))?;
        self.create(name, Content::File(path, metadata.len()), None).await
    }

    async fn create(&self, name: &Name, content: Content<'_>, digest: Option<Digest>) -> Result<Put, ClientError> {
        let shown = name.to_string();
        self.call(&shown, |_| async {
            let mut request = self.request(Method::PUT, &shown);
            request = match content.clone() {
                Content::Bytes(bytes) => request.body(bytes),
                Content::File(path, size) => {
                    let file = tokio::fs::File::open(path).await.map_err(file_error(path, "read"));
                    let file = file.map_err(Failure::Final)?;
                    request.header("content-length", size).body(reqwest::Body::wrap_stream(pieces(file)))
                }
            };
            if let Some(digest) = &digest {
                request = request.header(DIGEST_HEADER, digest.as_str());
            }
            let answer = self.send(&shown, request).await?;
            match answer.status() {
                StatusCode::CREATED => Ok(Put::Created),
                StatusCode::OK => Ok(Put::SameExists),
                StatusCode::CONFLICT => {
                    let there = answer.headers().get(DIGEST_HEADER).and_then(|value| value.to_str().ok());
                    let there = there.and_then(Digest::parse).ok_or_else(|| reply(&shown, "a conflict without digest"));
                    there.map(Put::OtherExists).map_err(Failure::Final)
                }
                _ => Err(refusal(&shown, answer).await),
            }
        })
        .await
    }

    /// All bytes of an object, at most `limit`; none if it does not exist. An artifact is checked against its name.
    pub async fn get(&self, name: &Name, limit: u64) -> Result<Option<Vec<u8>>, ClientError> {
        let shown = name.to_string();
        self.call(&shown, |_| async {
            let answer = self.send(&shown, self.request(Method::GET, &shown)).await?;
            match answer.status() {
                StatusCode::NOT_FOUND => return Ok(None),
                StatusCode::OK => {}
                _ => return Err(refusal(&shown, answer).await),
            }
            let bytes = body(&shown, answer, limit).await?;
            check(name, || Digest::of(&bytes))?;
            Ok(Some(bytes))
        })
        .await
    }

    /// `count` bytes from `start` on, or as many as there are; none if the object does not exist.
    pub async fn get_range(&self, name: &Name, start: u64, count: u64) -> Result<Option<Vec<u8>>, ClientError> {
        let shown = name.to_string();
        if count == 0 {
            return Ok(Some(Vec::new()));
        }
        let range = format!("bytes={start}-{}", start.saturating_add(count - 1));
        self.call(&shown, |_| async {
            let answer = self.send(&shown, self.request(Method::GET, &shown).header("range", &range)).await?;
            match answer.status() {
                StatusCode::NOT_FOUND => Ok(None),
                StatusCode::RANGE_NOT_SATISFIABLE => Ok(Some(Vec::new())),
                StatusCode::PARTIAL_CONTENT => body(&shown, answer, count).await.map(Some),
                _ => Err(refusal(&shown, answer).await),
            }
        })
        .await
    }

    /// Writes an object of at most `limit` bytes to a new file and says its size. On an error no file is left.
    pub async fn download(&self, name: &Name, to: &Path, limit: u64) -> Result<Option<u64>, ClientError> {
        let shown = name.to_string();
        let done = self
            .call(&shown, |_| async {
                let answer = self.send(&shown, self.request(Method::GET, &shown)).await?;
                match answer.status() {
                    StatusCode::NOT_FOUND => return Ok(None),
                    StatusCode::OK => {}
                    _ => return Err(refusal(&shown, answer).await),
                }
                let failed = |error| Failure::Final(file_error(to, "written")(error));
                let mut file = tokio::fs::File::create(to).await.map_err(failed)?;
                let (mut size, mut hasher, mut stream) = (0, Hasher::default(), answer.bytes_stream());
                while let Some(piece) = stream.next().await {
                    let piece = piece.map_err(|error| again(&shown, &error))?;
                    size += piece.len() as u64;
                    if size > limit {
                        return Err(Failure::Final(ClientError::TooLarge { name: shown.clone(), limit }));
                    }
                    hasher.update(&piece);
                    file.write_all(&piece).await.map_err(failed)?;
                }
                file.flush().await.map_err(failed)?;
                check(name, || hasher.finish())?;
                Ok(Some(size))
            })
            .await;
        if done.is_err() {
            // There may be none.
            let _ = tokio::fs::remove_file(to).await;
        }
        done
    }

    /// Bytes of an object; none if it does not exist.
    pub async fn size(&self, name: &Name) -> Result<Option<u64>, ClientError> {
        let shown = name.to_string();
        self.call(&shown, |_| async {
            let answer = self.send(&shown, self.request(Method::HEAD, &shown)).await?;
            match answer.status() {
                StatusCode::NOT_FOUND => return Ok(None),
                StatusCode::OK => {}
                _ => return Err(refusal(&shown, answer).await),
            }
            let length = answer.headers().get("content-length").and_then(|value| value.to_str().ok());
            let length = length.and_then(|length| length.parse().ok());
            length.map(Some).ok_or_else(|| Failure::Final(reply(&shown, "an object without a length")))
        })
        .await
    }

    /// One page of a folder: entries after the one named `after`, at most `limit`.
    pub async fn list(&self, folder: &Folder, after: &str, limit: usize) -> Result<Page, ClientError> {
        let shown = folder.to_string();
        let query = format!("{shown}?list&limit={limit}&after={}", after.replace('/', "%2F"));
        self.call(&shown, |_| async {
            let answer = self.send(&shown, self.request(Method::GET, &query)).await?;
            if answer.status() != StatusCode::OK {
                return Err(refusal(&shown, answer).await);
            }
            let bytes = body(&shown, answer, ANSWER_BYTES).await?;
            let page: Page =
                serde_json::from_slice(&bytes).map_err(|error| Failure::Final(reply(&shown, &error.to_string())))?;
            match page.is_of(after, limit) {
                true => Ok(page),
                false => Err(Failure::Final(reply(&shown, "a page that was not asked for"))),
            }
        })
        .await
    }

    /// All entries of a folder, in order.
    ///
    /// # Errors
    /// [`ClientError::TooMany`] if there are more than `most`.
    pub async fn list_all(&self, folder: &Folder, most: usize) -> Result<Vec<Item>, ClientError> {
        let mut items: Vec<Item> = Vec::new();
        loop {
            let after = items.last().map(|item| item.name.clone()).unwrap_or_default();
            let page = self.list(folder, &after, crate::listing::PAGE).await?;
            let more = page.more;
            items.extend(page.items);
            if items.len() > most {
                return Err(ClientError::TooMany { name: format!("the list of {folder}"), limit: most });
            }
            if !more {
                return Ok(items);
            }
        }
    }

    /// Deletes an object; false if it does not exist (any more).
    pub async fn delete(&self, name: &Name) -> Result<bool, ClientError> {
        let shown = name.to_string();
        self.call(&shown, |_| async {
            let answer = self.send(&shown, self.request(Method::DELETE, &shown)).await?;
            match answer.status() {
                StatusCode::NO_CONTENT => Ok(true),
                StatusCode::NOT_FOUND => Ok(false),
                _ => Err(refusal(&shown, answer).await),
            }
        })
        .await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v1/{path}", self.url)).bearer_auth(&self.token)
    }

    async fn send(&self, name: &str, request: RequestBuilder) -> Result<Response, Failure> {
        request.send().await.map_err(|error| again(name, &error))
    }

    async fn call<T, F>(&self, name: &str, attempt: impl FnMut(u32) -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let done = retry(self.settings.attempts, self.settings.wait, attempt).await;
        done.map_err(|error| match error {
            ClientError::Unavailable { why, .. } => {
                ClientError::Unavailable { name: name.to_owned(), attempts: self.settings.attempts, why }
            }
            other => other,
        })
    }
}

/// The error in an answer; our own trouble and the store's may pass.
async fn refusal(name: &str, answer: Response) -> Failure {
    #[derive(Deserialize, Default)]
    struct Said {
        #[serde(default)]
        reason: String,
        #[serde(default)]
        message: String,
    }
    let status = answer.status();
    let bytes = body(name, answer, ANSWER_BYTES).await.unwrap_or_default();
    let said: Said = serde_json::from_slice(&bytes).unwrap_or_default();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        let why = format!("{status} {}: {}", said.reason, said.message);
        return Failure::Again(ClientError::Unavailable { name: name.to_owned(), attempts: 0, why });
    }
    let Said { reason, message } = said;
    Failure::Final(ClientError::Refused { name: name.to_owned(), status: status.as_u16(), reason, message })
}

async fn body(name: &str, answer: Response, limit: u64) -> Result<Vec<u8>, Failure> {
    let (mut bytes, mut stream) = (Vec::new(), answer.bytes_stream());
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| again(name, &error))?;
        if (bytes.len() + piece.len()) as u64 > limit {
            return Err(Failure::Final(ClientError::TooLarge { name: name.to_owned(), limit }));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Changed on its way, it may come right the next time.
fn check(name: &Name, actual: impl FnOnce() -> Digest) -> Result<(), Failure> {
    let Name::Artifact { digest, .. } = name else { return Ok(()) };
    let actual = actual();
    if actual == *digest {
        return Ok(());
    }
    Err(Failure::Again(ClientError::Corrupt { name: name.to_string(), actual }))
}

fn again(name: &str, error: &reqwest::Error) -> Failure {
    // The cause stands in the chain; the error itself repeats the URL.
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        why = format!("{why}: {inner}");
        cause = inner.source();
    }
    Failure::Again(ClientError::Unavailable { name: name.to_owned(), attempts: 0, why })
}

fn reply(name: &str, why: &str) -> ClientError {
    ClientError::Reply { name: name.to_owned(), why: why.to_owned() }
}

fn file_error(path: &Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> ClientError {
    let path = path.display().to_string();
    move |error| ClientError::File { path, doing, why: error.to_string() }
}

fn pieces(file: tokio::fs::File) -> impl futures::Stream<Item = std::io::Result<Bytes>> + Send {
    const PIECE: usize = 64 << 10;
    futures::stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = tokio::io::AsyncReadExt::read(&mut file, &mut piece).await?;
        piece.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(piece), file)))
    })
}
