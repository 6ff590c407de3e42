//! One request: who asks, for what, and the bytes.

use std::io::SeekFrom;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arena_model::Digest;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::header::{ACCEPT_RANGES, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::answer::json_answer;
use super::{Store, range};
use crate::listing::PAGE;
use crate::token::Action;
use crate::{Claims, DIGEST_HEADER, Folder, Name, StoreError, TokenError, Upload};

/// Bytes sent at a time.
const PIECE: usize = 64 << 10;
/// Bytes of a refused body that are read, so that the answer arrives before the connection ends.
const DRAIN: usize = 4 << 20;

/// Anything outside of `/v1/` and `/healthz`.
pub(super) async fn unknown(uri: Uri) -> StoreError {
    StoreError::Name { path: uri.path().to_owned() }
}

/// Everything below `/v1/`. The path is taken as it was sent: no name needs an escape.
pub(super) async fn object(State(store): State<Arc<Store>>, request: Request) -> Response {
    let done = handle(&store, request).await;
    done.unwrap_or_else(IntoResponse::into_response)
}

async fn handle(store: &Arc<Store>, request: Request) -> Result<Response, StoreError> {
    let (parts, body) = request.into_parts();
    let claims = store.claims(&parts.headers)?;
    let path = parts.uri.path().strip_prefix("/v1/").unwrap_or_default();
    let wrong = || StoreError::Name { path: path.to_owned() };
    if path.ends_with('/') {
        let folder = Folder::parse(path).ok_or_else(wrong)?;
        claims.check(Action::List(&folder))?;
        return match parts.method {
            Method::GET => list(store, folder, &parts.uri).await,
            _ => Ok(StatusCode::METHOD_NOT_ALLOWED.into_response()),
        };
    }
    let name = Name::parse(path).ok_or_else(wrong)?;
    match parts.method {
        Method::GET | Method::HEAD => {
            claims.check(Action::Read(&name))?;
            read(store, name, &parts.headers, parts.method == Method::HEAD).await
        }
        Method::PUT => {
            claims.check(Action::Create(&name))?;
            let mut body = body.into_data_stream();
            let job = claims.job.unwrap_or_default();
            let done = create(store, name, &job, &parts.headers, &mut body).await;
            if done.is_err() {
                drain(store, &mut body).await;
            }
            done
        }
        Method::DELETE => {
            claims.check(Action::Delete(&name))?;
            let (disk, shown) = (store.disk.clone(), name.to_string());
            match blocking(move || disk.delete(&name)).await? {
                true => Ok(StatusCode::NO_CONTENT.into_response()),
                false => Err(StoreError::Missing { name: shown }),
            }
        }
        _ => Ok(StatusCode::METHOD_NOT_ALLOWED.into_response()),
    }
}

impl Store {
    fn claims(&self, headers: &HeaderMap) -> Result<Claims, TokenError> {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer ")).ok_or(TokenError::Invalid)?;
        let now = (self.settings.clock)().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.key.verify(token, now.as_secs())
    }

    fn limit(&self, name: &Name) -> u64 {
        match name {
            Name::Artifact { .. } => self.settings.artifact_bytes,
            _ => self.settings.result_bytes,
        }
    }
}

async fn create(
    store: &Arc<Store>,
    name: Name,
    job: &str,
    headers: &HeaderMap,
    body: &mut (impl futures::Stream<Item = Result<Bytes, axum::Error>> + Unpin),
) -> Result<Response, StoreError> {
    let limit = store.limit(&name);
    let text = |header| headers.get(header).map(|value| value.to_str().unwrap_or_default());
    let announced = text(CONTENT_LENGTH.as_str()).and_then(|value| value.parse::<u64>().ok());
    if announced.is_some_and(|size| size > limit) {
        return Err(StoreError::TooLarge { name: name.to_string(), limit });
    }
    let expected = text(DIGEST_HEADER).map(|value| {
        Digest::parse(value).ok_or_else(|| StoreError::Request { why: format!("{DIGEST_HEADER} is no digest") })
    });
    let expected = expected.transpose()?;
    let _place = store.uploads.take(job).map_err(|limit| StoreError::Busy { limit })?;
    let disk = store.disk.clone();
    let mut upload = blocking(move || disk.begin(name, limit)).await?;
    let (idle, began, mut size) = (store.settings.idle, Instant::now(), 0);
    loop {
        let allowed = idle + Duration::from_secs(size / u64::from(store.settings.upload_rate.max(1)));
        let wait = idle.min(allowed.saturating_sub(began.elapsed()));
        let piece = tokio::time::timeout(wait, body.next()).await;
        let piece = piece.map_err(|_| StoreError::Request { why: "the body comes too slowly".to_owned() })?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|error| StoreError::Request { why: format!("the body broke off: {error}") })?;
        size += piece.len() as u64;
        upload = blocking(move || {
            upload.write(&piece)?;
            Ok::<Upload, StoreError>(upload)
        })
        .await?;
    }
    Ok(blocking(move || upload.finish(expected.as_ref())).await?.into_response())
}

/// Reads some more of a body that is refused.
async fn drain(store: &Store, body: &mut (impl futures::Stream<Item = Result<Bytes, axum::Error>> + Unpin)) {
    let reading = async {
        let mut left = DRAIN;
        while let Some(Ok(piece)) = body.next().await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                break;
            }
        }
    };
    // What did not come in time does not matter.
    let _ = tokio::time::timeout(store.settings.idle, reading).await;
}

async fn read(store: &Arc<Store>, name: Name, headers: &HeaderMap, head: bool) -> Result<Response, StoreError> {
    let (disk, shown) = (store.disk.clone(), name.to_string());
    let opened = blocking(move || disk.object(&name)).await?;
    let Some((file, size)) = opened else { return Err(StoreError::Missing { name: shown }) };
    let asked = headers.get(RANGE).and_then(|value| value.to_str().ok()).filter(|_| !head);
    let part = asked.map_or(Ok(None), |header| range::parse(header, size));
    let common = [(ACCEPT_RANGES, "bytes".to_owned()), (CONTENT_TYPE, "application/octet-stream".to_owned())];
    let Ok(part) = part else {
        let whole = [(CONTENT_RANGE, format!("bytes */{size}"))];
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, common, whole).into_response());
    };
    let (start, count) = part.unwrap_or((0, size));
    let length = [(CONTENT_LENGTH, count.to_string())];
    let body = if head { Body::empty() } else { send(file, start, count, &shown).await? };
    Ok(match part {
        None => (common, length, body).into_response(),
        Some(_) => {
            let range = [(CONTENT_RANGE, format!("bytes {start}-{}/{size}", start + count - 1))];
            (StatusCode::PARTIAL_CONTENT, common, length, range, body).into_response()
        }
    })
}

/// `count` bytes of a file from `start` on.
async fn send(file: std::fs::File, start: u64, count: u64, name: &str) -> Result<Body, StoreError> {
    let mut file = tokio::fs::File::from_std(file);
    file.seek(SeekFrom::Start(start)).await.map_err(StoreError::io(format!("read {name}")))?;
    let pieces = stream::try_unfold((file, count), |(mut file, left)| async move {
        if left == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        Ok(Some((Bytes::from(piece), (file, left - read as u64))))
    });
    Ok(Body::from_stream(pieces))
}

/// `?after=NAME&limit=N`; whatever else there is does not matter.
#[derive(Deserialize)]
struct Paging {
    #[serde(default)]
    after: String,
    #[serde(default)]
    limit: Option<usize>,
}

async fn list(store: &Arc<Store>, folder: Folder, uri: &Uri) -> Result<Response, StoreError> {
    let Query(paging): Query<Paging> =
        Query::try_from_uri(uri).map_err(|error| StoreError::Request { why: error.to_string() })?;
    let disk = store.disk.clone();
    let page = blocking(move || disk.list(&folder, &paging.after, paging.limit.unwrap_or(PAGE))).await?;
    let value = serde_json::to_value(page).map_err(|error| StoreError::Request { why: error.to_string() })?;
    Ok(json_answer(StatusCode::OK, &value))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StoreError::Io { doing: "finish a task".to_owned(), why: error.to_string() }))
}
