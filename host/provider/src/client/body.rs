//! Bodies of answers, bounded.

use bytes::Bytes;
use reqwest::Response;

/// Why a body could not be read to its end.
pub(crate) enum BodyError {
    Broken(reqwest::Error),
    TooLarge,
}

/// A whole body of at most `limit` bytes.
pub(crate) async fn read_body(mut response: Response, limit: usize) -> Result<Bytes, BodyError> {
    let first = response.chunk().await.map_err(BodyError::Broken)?.unwrap_or_default();
    if first.len() > limit {
        return Err(BodyError::TooLarge);
    }
    let Some(second) = response.chunk().await.map_err(BodyError::Broken)? else {
        // The common case, a small answer in one piece, needs no copy.
        return Ok(first);
    };
    let mut body = Vec::with_capacity(2 * (first.len() + second.len()));
    body.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
        next = response.chunk().await.map_err(BodyError::Broken)?;
    }
    Ok(body.into())
}
