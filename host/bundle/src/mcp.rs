//! Servers of tools that speak MCP.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::report::Report;
use crate::yaml::Cursor;

/// Most servers of an arena.
const SERVERS: usize = 16;
/// Longest time of a call.
const LONGEST: Duration = Duration::from_secs(300);
/// The transport that is spoken here, also where nothing is said.
const STREAMABLE: [&str; 2] = ["", "streamable_http"];

/// One server.
#[derive(Clone, Debug, PartialEq)]
pub struct McpServer {
    /// As in `mcp__NAME__TOOL`.
    pub name: String,
    /// Where it is called; empty if it is none that can be.
    pub url: String,
    /// Sent with each request.
    pub headers: BTreeMap<String, String>,
    /// Of one call; none if nothing is said. At most 5 minutes.
    pub timeout: Option<Duration>,
    /// The only tools of it that are there; none for all.
    pub allowlist: Option<Vec<String>>,
    /// Tools of it that are not there.
    pub blocklist: Vec<String>,
    /// Why no case can have it.
    pub unsupported: Option<String>,
    /// The document it stands in.
    pub file: Arc<str>,
}

impl McpServer {
    /// All servers of an arena; those that cannot be called are reported.
    pub(crate) fn decode_all(list: &Cursor<'_>, report: &mut Report) -> Vec<Self> {
        let mut servers: Vec<Self> = Vec::new();
        for item in list.items() {
            let Some(server) = Self::decode(&item, report) else { continue };
            if servers.iter().any(|earlier| earlier.name == server.name) {
                let problem =
                    item.error("DuplicateServer", format!("the MCP server `{}` is listed twice", server.name));
                report.push(problem.hint("give each its own name"));
            } else if servers.len() >= SERVERS {
                report.push(item.error("TooManyServers", format!("more than {SERVERS} MCP servers")));
                break;
            }
            servers.push(server);
        }
        servers
    }

    fn decode(item: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let name = item.text("name")?;
        let unsupported = refusal(item).map(|why| format!("MCP server `{name}`: {why}"));
        if let Some(why) = &unsupported {
            let problem = item.error("FeatureUnsupported", format!("{why}: each case is an error")).defect();
            report.push(problem.hint("name a server by `url` that speaks streamable HTTP"));
        }
        let filter = item.get("tool_filter");
        let list = |key: &str| filter.as_ref().map(|filter| filter.texts(key)).unwrap_or_default();
        let millis: Option<u64> = item.whole("timeout_ms", 0, report);
        Some(Self {
            name,
            url: item.text("url").unwrap_or_default(),
            headers: item.text_map("headers"),
            timeout: millis.filter(|millis| *millis > 0).map(|millis| Duration::from_millis(millis).min(LONGEST)),
            allowlist: Some(list("allowlist")).filter(|tools| !tools.is_empty()),
            blocklist: list("blocklist"),
            unsupported,
            file: item.file.clone(),
        })
    }

    /// Whether its tool of this name is there.
    pub fn offers(&self, tool: &str) -> bool {
        let among = |list: &[String]| list.iter().any(|known| known == tool);
        self.allowlist.as_deref().is_none_or(among) && !among(&self.blocklist)
    }
}

/// Why a server cannot be called.
fn refusal(item: &Cursor<'_>) -> Option<&'static str> {
    let is_set = |key: &str| item.text(key).is_some_and(|text| !text.is_empty());
    let transport = item.text("transport").unwrap_or_default();
    if is_set("command") || transport == "stdio" {
        Some("it would be started as a process, which a bundle may not do")
    } else if is_set("source") {
        Some("it would be started by a `source`, which is not supported")
    } else if !STREAMABLE.contains(&transport.as_str()) {
        Some("only the transport `streamable_http` is supported")
    } else if !is_set("url") {
        Some("it has no `url`")
    } else {
        None
    }
}
