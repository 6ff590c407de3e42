//! A client of MCP over streamable HTTP: opens a session with a server, lists its tools, calls them. Takes servers as the
//! bundle names them; everything goes out through the guarded client, and every answer, list and wait has a limit. Offers
//! the server nothing: no sampling, no roots, no questions to a user.

mod wire;

use std::time::{Duration, Instant};

use arena_bundle::McpServer;
use arena_egress::{Answer, Egress, EgressError, Method, Request};
use arena_model::Fault as _;
use arena_provider::ToolSpec;
use serde_json::{Value, json};

use wire::{Events, answer_to, message};

/// The version that is asked for, and those that are spoken.
const VERSION: &str = "2025-06-18";
const VERSIONS: [&str; 4] = ["2025-11-25", VERSION, "2025-03-26", "2024-11-05"];
/// Most pages of a list of tools.
const PAGES: usize = 32;
/// Most tools of a server.
const TOOLS: usize = 512;
/// Most of all answers of a session, bytes.
const RECEIVED: usize = 32 << 20;
/// Longest name of a session or of a page that is sent back, bytes.
const TOKEN_BYTES: usize = 4 << 10;
/// Longest wait for a server to end a session.
const FAREWELL: Duration = Duration::from_secs(2);
const SESSION: &str = "mcp-session-id";

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum McpError {
    /// Nothing was sent, or nothing came back.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// It answers what no such server answers.
    #[error("the server answers {what}")]
    Protocol { what: String },
    /// It refuses.
    #[error("{text}")]
    Said { text: String },
}

impl McpError {
    fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol { what: what.into() }
    }

    pub fn reason(&self) -> &'static str {
        match self {
            Self::Egress(error) => error.reason(),
            Self::Protocol { .. } | Self::Said { .. } => "McpFailed",
        }
    }
}

/// A session with one server.
pub(crate) struct Session {
    server: McpServer,
    egress: Egress,
    id: Option<String>,
    version: Option<&'static str>,
    asked: u64,
    received: usize,
    tools: Vec<ToolSpec>,
}

impl Session {
    /// Opens it and lists the tools.
    pub async fn open(server: &McpServer, egress: &Egress, deadline: Instant) -> Result<Self, McpError> {
        let (server, egress) = (server.clone(), egress.clone());
        let mut session = Self { server, egress, id: None, version: None, asked: 0, received: 0, tools: Vec::new() };
        session.begin(deadline).await?;
        session.list(deadline).await?;
        Ok(session)
    }

    pub fn server(&self) -> &McpServer {
        &self.server
    }

    /// Its tools under their own names.
    pub fn tools(&self) -> &[ToolSpec] {
        &self.tools
    }

    /// Its tools as a model is told of them.
    pub fn told(&self) -> impl Iterator<Item = ToolSpec> {
        let prefix = format!("mcp__{}__", self.server.name);
        self.tools.iter().map(move |tool| ToolSpec { name: format!("{prefix}{}", tool.name), ..tool.clone() })
    }

    /// Calls a tool by its own name; gives `result` of the answer.
    pub async fn call(&mut self, tool: &str, arguments: &Value, deadline: Instant) -> Result<Value, McpError> {
        let arguments = if arguments.is_null() { json!({}) } else { arguments.clone() };
        self.ask("tools/call", json!({"name": tool, "arguments": arguments}), deadline).await
    }

    /// Ends it, if the server minds.
    pub async fn close(self) {
        if self.id.is_some() {
            let deadline = Instant::now() + FAREWELL;
            // Whoever does not want to hear of it ends it by its own clock.
            let _ = self.egress.send(&self.request(Method::Delete, None, deadline)).await;
        }
    }

    async fn begin(&mut self, deadline: Instant) -> Result<(), McpError> {
        let client = json!({"name": "arena-fleet", "version": env!("CARGO_PKG_VERSION")});
        let params = json!({"protocolVersion": VERSION, "capabilities": {}, "clientInfo": client});
        let result = self.ask("initialize", params, deadline).await?;
        let version = result["protocolVersion"].as_str().unwrap_or_default();
        let known = VERSIONS.iter().find(|known| **known == version);
        self.version = Some(known.ok_or_else(|| McpError::protocol("a version of MCP that is not spoken here"))?);
        let body = message(None, "notifications/initialized", json!({}));
        let answer = self.egress.send(&self.request(Method::Post, Some(body), deadline)).await?;
        accepted(answer.status()).map(drop)
    }

    async fn list(&mut self, deadline: Instant) -> Result<(), McpError> {
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES {
            let params = cursor.as_ref().map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
            let page = self.ask("tools/list", params, deadline).await?;
            let tools = page["tools"].as_array().ok_or_else(|| McpError::protocol("no list of tools"))?;
            for tool in tools {
                let name = tool["name"].as_str().ok_or_else(|| McpError::protocol("a tool without a name"))?;
                if !self.server.offers(name) {
                    continue;
                }
                if self.tools.iter().any(|known| known.name == name) {
                    return Err(McpError::protocol(format!("two tools of the name {name:?}")));
                }
                if self.tools.len() >= TOOLS {
                    return Err(McpError::protocol(format!("more than {TOOLS} tools")));
                }
                let schema = tool.get("inputSchema").filter(|schema| schema.is_object());
                self.tools.push(ToolSpec {
                    name: name.to_owned(),
                    description: tool["description"].as_str().unwrap_or_default().to_owned(),
                    parameters: schema.cloned().unwrap_or_else(|| json!({"type": "object"})),
                });
            }
            cursor = match &page["nextCursor"] {
                Value::Null => return Ok(()),
                Value::String(next) if next.len() <= TOKEN_BYTES => Some(next.clone()),
                _ => return Err(McpError::protocol("a page of tools whose next cannot be asked for")),
            };
        }
        Err(McpError::protocol(format!("more than {PAGES} pages of tools")))
    }

    async fn ask(&mut self, method: &str, params: Value, deadline: Instant) -> Result<Value, McpError> {
        self.asked += 1;
        let id = self.asked;
        let body = message(Some(id), method, params);
        let answer = self.egress.send(&self.request(Method::Post, Some(body), deadline)).await?;
        accepted(answer.status())?;
        if let Some(session) = answer.header(SESSION).filter(|id| id.len() <= TOKEN_BYTES) {
            self.id.get_or_insert_with(|| session.to_owned());
        }
        let kind = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("text/event-stream") {
            return self.read_events(id, answer).await;
        }
        let bytes = answer.whole().await?;
        self.count(bytes.len())?;
        let message = serde_json::from_slice(&bytes).map_err(|_| McpError::protocol("what is no JSON"))?;
        answer_to(id, &message).unwrap_or_else(|| Err(McpError::protocol("something else than was asked")))
    }

    async fn read_events(&mut self, id: u64, mut answer: Answer) -> Result<Value, McpError> {
        let mut events = Events::default();
        while let Some(piece) = answer.piece().await? {
            self.count(piece.len())?;
            for data in events.feed(&piece)? {
                let message =
                    serde_json::from_slice(&data).map_err(|_| McpError::protocol("an event that is no JSON"))?;
                if let Some(answer) = answer_to(id, &message) {
                    return answer;
                }
            }
        }
        Err(McpError::protocol("a stream that ends before the answer"))
    }

    fn count(&mut self, bytes: usize) -> Result<(), McpError> {
        self.received = self.received.saturating_add(bytes);
        if self.received > RECEIVED { Err(McpError::protocol(format!("more than {RECEIVED} bytes"))) } else { Ok(()) }
    }

    fn request(&self, method: Method, body: Option<String>, deadline: Instant) -> Request {
        let own = [("accept", "application/json, text/event-stream"), ("content-type", "application/json")];
        let session = self.id.as_deref().map(|id| (SESSION, id));
        let version = self.version.map(|version| ("mcp-protocol-version", version));
        let given = self.server.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all = given.chain(own).chain(session).chain(version);
        Request {
            method,
            url: self.server.url.clone(),
            headers: all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: body.map(Into::into),
            deadline,
        }
    }
}

fn accepted(status: u16) -> Result<(), McpError> {
    if (200..300).contains(&status) { Ok(()) } else { Err(McpError::protocol(format!("with status {status}"))) }
}
