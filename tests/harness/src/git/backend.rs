//! One request to `git http-backend`, by CGI.

use std::path::Path;
use std::process::Stdio;

use bytes::{Bytes, BytesMut};
use futures::stream;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::repository::git;

/// Longest head of a CGI answer, bytes.
const HEAD_LIMIT: usize = 16 << 10;
/// Bytes read at a time.
const PIECE: usize = 64 << 10;

pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Hands a request to git and gives its answer as it comes. The process ends with the answer.
pub(super) async fn answer(root: &Path, request: Request<Incoming>) -> std::io::Result<Response<Body>> {
    let mut command = git();
    command.arg("http-backend").env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("REQUEST_METHOD", request.method().as_str()).env("PATH_INFO", request.uri().path());
    // Without a remote user pushes are refused whatever the repository says.
    command.env("QUERY_STRING", request.uri().query().unwrap_or("")).env("REMOTE_USER", "tests");
    let git_protocol = HeaderName::from_static("git-protocol");
    for (header, variable) in [
        (&CONTENT_TYPE, "CONTENT_TYPE"),
        (&CONTENT_LENGTH, "CONTENT_LENGTH"),
        (&CONTENT_ENCODING, "HTTP_CONTENT_ENCODING"),
        (&git_protocol, "GIT_PROTOCOL"),
    ] {
        if let Some(value) = request.headers().get(header).and_then(|value| value.to_str().ok()) {
            command.env(variable, value);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(stdin) = child.stdin.take() {
        tokio::spawn(feed(stdin, request.into_body()));
    }
    let Some(mut stdout) = child.stdout.take() else { return Err(std::io::Error::other("git has no output")) };
    let (head, rest) = head(&mut stdout).await?;
    let mut response = Response::new(body(rest, stdout, child));
    for line in head.lines() {
        let (name, value) = line.split_once(':').ok_or_else(|| std::io::Error::other("git answered without a head"))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse::<StatusCode>().ok());
            *response.status_mut() = code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        } else if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

/// The request's body; a git that wants no more of it ends the copy.
async fn feed(mut stdin: ChildStdin, mut body: Incoming) {
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data()
            && stdin.write_all(&data).await.is_err()
        {
            return;
        }
    }
}

/// The lines before the empty one, and what was read of the body.
async fn head(stdout: &mut ChildStdout) -> std::io::Result<(String, Bytes)> {
    const END: &[u8] = b"\r\n\r\n";
    let mut read = BytesMut::new();
    loop {
        if let Some(at) = read.windows(END.len()).position(|window| window == END) {
            let head = String::from_utf8_lossy(&read.split_to(at + END.len())).trim_end().to_owned();
            return Ok((head, read.freeze()));
        }
        if read.len() > HEAD_LIMIT || stdout.read_buf(&mut read).await? == 0 {
            return Err(std::io::Error::other("git answered without a head"));
        }
    }
}

fn body(rest: Bytes, stdout: ChildStdout, child: Child) -> Body {
    let pieces = stream::try_unfold((rest, stdout, child), |(rest, mut stdout, child)| async move {
        if !rest.is_empty() {
            return Ok(Some((Frame::data(rest), (Bytes::new(), stdout, child))));
        }
        let mut piece = BytesMut::with_capacity(PIECE);
        match stdout.read_buf(&mut piece).await? {
            0 => Ok(None),
            _ => Ok(Some((Frame::data(piece.freeze()), (Bytes::new(), stdout, child)))),
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}
