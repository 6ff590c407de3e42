//! A repository over HTTP: its refs, and the pack of one commit. Speaks version 2 of Git's protocol where the server
//! does, which gives any commit, and version 0 elsewhere.

use bytes::Bytes;
use futures::TryStreamExt as _;
use reqwest::{Client, Response, StatusCode, Url};

use super::packet::{Packet, Packets, frame, refusal};
use crate::error::Reason;
use crate::http::{USER_AGENT, authorized, chain, client, unreachable};
use crate::url::{git_url, shown};
use crate::{Auth, FetchLimits, SourceError};

const REFS: &str = "info/refs?service=git-upload-pack";
const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const REQUEST: &str = "application/x-git-upload-pack-request";
const RESULT: &str = "application/x-git-upload-pack-result";

/// What a remote calls its refs: as many as were looked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refs {
    /// Of the ref itself.
    pub(super) id: Option<String>,
    /// Of the commit that an annotated tag is about.
    pub(super) peeled: Option<String>,
    /// The branch that HEAD is, if the remote says so.
    pub(super) head: Option<String>,
}

pub(super) struct Remote<'a> {
    http: Client,
    url: Url,
    auth: &'a Auth,
    limits: &'a FetchLimits,
}

impl<'a> Remote<'a> {
    pub(super) fn new(url: &str, auth: &'a Auth, limits: &'a FetchLimits) -> Result<Self, SourceError> {
        Ok(Self { http: client(auth)?, url: git_url(url, auth.credential.as_ref())?, auth, limits })
    }

    fn shown(&self) -> String {
        shown(self.url.as_str())
    }

    /// Looks for one ref by its full name, with one request.
    pub(super) async fn find(&self, name: &str) -> Result<Refs, SourceError> {
        let (_, mut packets) = self.advertisement(0).await?;
        let (mut refs, mut first) = (Refs::default(), true);
        let peeled = format!("{name}^{{}}");
        while let Some(line) = packets.line().await? {
            let (line, abilities) = line.split_once('\0').unwrap_or((&line, ""));
            if std::mem::take(&mut first) {
                let head = abilities.split(' ').find_map(|ability| ability.strip_prefix("symref=HEAD:refs/heads/"));
                refs.head = head.map(str::to_owned);
            }
            match line.split_once(' ') {
                Some((id, found)) if found == name => refs.id = Some(id.to_owned()),
                Some((id, found)) if found == peeled => refs.peeled = Some(id.to_owned()),
                _ => {}
            }
        }
        Ok(refs)
    }

    /// Gets the pack of `commit` and hands its bytes to `write`, in order.
    pub(super) async fn pack(
        &self,
        commit: &str,
        mut write: impl FnMut(&[u8]) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let (base, mut packets) = self.advertisement(2).await?;
        let first = packets.line().await?.unwrap_or_default();
        let mut abilities = Vec::new();
        if first == "version 2" {
            while let Some(line) = packets.line().await? {
                abilities.push(line);
            }
        } else {
            let list = first.split_once('\0').map(|(_, list)| list).unwrap_or_default();
            abilities.extend(list.split(' ').map(str::to_owned));
        }
        drop(packets);
        if abilities.iter().any(|ability| ability.starts_with("object-format=") && ability != "object-format=sha1") {
            let message = format!("{} is no SHA-1 repository; those are the only ones we read", self.shown());
            return Err(Reason::RemoteInvalid.because(message));
        }
        let two = first == "version 2";
        let body = if two { request_2(commit, &abilities) } else { request_0(commit, &abilities) };
        let mut request = self.http.post(format!("{base}/git-upload-pack")).header("content-type", REQUEST);
        request = request.header("accept", RESULT).body(body);
        if two {
            request = request.header("git-protocol", "version=2");
        }
        let answer = self.checked(authorized(request, self.auth).send().await, RESULT).await?;
        let mut packets = self.packets(answer, self.limits.download_bytes);
        self.skip_to_pack(&mut packets, two).await?;
        while let Some(Packet::Data(data)) = packets.next().await? {
            match data.split_first() {
                Some((1, pack)) => write(pack)?,
                // Progress, which was not asked for.
                Some((2, _)) => {}
                Some((3, error)) => return Err(refusal(&String::from_utf8_lossy(error))),
                _ => return Err(self.invalid("a frame that belongs to no band")),
            }
        }
        Ok(())
    }

    /// Reads what comes before the pack.
    async fn skip_to_pack(&self, packets: &mut Packets, two: bool) -> Result<(), SourceError> {
        // shallow lines, then (0) NAK or (2) the head of the section; both have few lines for one commit.
        const LINES: usize = 1000;
        for _ in 0..LINES {
            match packets.line().await? {
                Some(line) if line == if two { "packfile" } else { "NAK" } => return Ok(()),
                // Ends of sections.
                None => {}
                Some(line) if line == "shallow-info" || line.starts_with("shallow ") => {}
                Some(_) => return Err(self.invalid("an answer without a pack")),
            }
        }
        Err(self.invalid("an answer without a pack"))
    }

    /// Asks for refs or abilities; gives the place that answered.
    async fn advertisement(&self, version: u8) -> Result<(String, Packets), SourceError> {
        let mut request = self.http.get(format!("{}/{REFS}", self.url));
        if version > 0 {
            request = request.header("git-protocol", format!("version={version}"));
        }
        let answer = self.checked(authorized(request, self.auth).send().await, ADVERTISEMENT).await?;
        let base = answer.url().as_str().strip_suffix(&format!("/{REFS}")).map(str::to_owned);
        let base = base.ok_or_else(|| self.invalid("it redirects to something else"))?;
        let mut packets = self.packets(answer, self.limits.refs_bytes);
        // Version 2 may come without this head.
        match packets.next().await? {
            Some(Packet::Data(line)) if line.starts_with(b"# service=git-upload-pack") => {
                packets.next().await?;
                Ok((base, packets))
            }
            Some(Packet::Data(line)) if line.starts_with(b"version 2") => {
                let head = futures::stream::iter([Ok(Bytes::from(frame("version 2\n")))]);
                Ok((base, packets.after(head)))
            }
            _ => Err(self.invalid("no list of refs")),
        }
    }

    async fn checked(&self, answer: Result<Response, reqwest::Error>, kind: &str) -> Result<Response, SourceError> {
        let answer = answer.map_err(|error| unreachable(&error.without_url(), &self.shown()))?;
        let (status, url) = (answer.status(), self.shown());
        if status.is_success() {
            let found = answer.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
            return if found == kind {
                Ok(answer)
            } else {
                Err(self.invalid("it is no Git server that speaks smart HTTP"))
            };
        }
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.auth.credential.is_some() => {
                Reason::AuthenticationFailed
                    .because(format!("{url} refuses the credentials ({status}); mend the credentials"))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Reason::AuthenticationFailed
                .because(format!("{url} wants credentials, or does not exist ({status}); name a Secret")),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Reason::RepositoryNotFound.because(format!("there is no repository at {url} ({status}); mend the URL"))
            }
            _ if status.is_redirection() => {
                let message = format!("{url} redirects to another place ({status}); give the final URL");
                Reason::RedirectRefused.because(message)
            }
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Reason::RemoteUnreachable.because(format!("{url} answers {status}; try again later"))
            }
            _ => self.invalid(&format!("it answers {status}")),
        })
    }

    fn packets(&self, answer: Response, limit: u64) -> Packets {
        let url = self.shown();
        let lost = move |error: reqwest::Error| {
            let error = error.without_url();
            Reason::RemoteUnreachable.because(format!("the answer of {url} broke off: {}", chain(&error)))
        };
        Packets::new(answer.bytes_stream().map_err(lost), limit)
    }

    fn invalid(&self, why: &str) -> SourceError {
        Reason::RemoteInvalid.because(format!("{} cannot be fetched from: {why}", self.shown()))
    }
}

/// The request of version 2 for one commit without its history.
fn request_2(commit: &str, abilities: &[String]) -> String {
    let mut body = frame("command=fetch\n");
    if abilities.iter().any(|ability| ability.starts_with("agent=")) {
        body += &frame(&format!("agent={USER_AGENT}\n"));
    }
    if abilities.iter().any(|ability| ability == "object-format=sha1") {
        body += &frame("object-format=sha1\n");
    }
    body += "0001";
    body += &frame("ofs-delta\n");
    body += &frame("no-progress\n");
    let shallow = |ability: &String| {
        ability.strip_prefix("fetch=").is_some_and(|features| features.split(' ').any(|feature| feature == "shallow"))
    };
    if abilities.iter().any(shallow) {
        body += &frame("deepen 1\n");
    }
    body + &frame(&format!("want {commit}\n")) + &frame("done\n") + "0000"
}

/// The same in version 0.
fn request_0(commit: &str, abilities: &[String]) -> String {
    let has = |ability: &str| abilities.iter().any(|found| found == ability);
    let wanted = ["side-band-64k", "ofs-delta", "no-progress", "shallow"].into_iter().filter(|ability| has(ability));
    let mut body = frame(&format!("want {commit} {}\n", wanted.collect::<Vec<_>>().join(" ")));
    if has("shallow") {
        body += &frame("deepen 1\n");
    }
    body + "0000" + &frame("done\n")
}
