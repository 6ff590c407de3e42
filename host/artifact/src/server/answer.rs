//! How results and errors look on the wire.

use arena_model::Fault as _;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::{DIGEST_HEADER, Put, StoreError, TokenError};

impl IntoResponse for Put {
    fn into_response(self) -> Response {
        match self {
            Self::Created => StatusCode::CREATED.into_response(),
            Self::SameExists => StatusCode::OK.into_response(),
            Self::OtherExists(digest) => {
                (StatusCode::CONFLICT, [(DIGEST_HEADER, digest.as_str().to_owned())]).into_response()
            }
        }
    }
}

impl IntoResponse for StoreError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Token(TokenError::Scope) => StatusCode::FORBIDDEN,
            Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::Missing { .. } => StatusCode::NOT_FOUND,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Name { .. } | Self::Digest { .. } | Self::Request { .. } => StatusCode::BAD_REQUEST,
            Self::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Locked { .. } | Self::Io { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::error!(error = %self, "a request failed");
        }
        json_answer(status, &json!({"reason": self.reason(), "message": self.to_string()}))
    }
}

/// An answer in JSON.
pub(super) fn json_answer(status: StatusCode, value: &serde_json::Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
