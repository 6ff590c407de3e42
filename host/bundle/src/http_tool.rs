//! A tool that a server answers: how its arguments become a request, and the answer a result.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::report::Report;
use crate::yaml::Cursor;

/// Methods of the format.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
/// Longest time of a call.
const LONGEST: Duration = Duration::from_secs(300);

/// The `http` block of a tool of mode `live`.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpTool {
    /// In the syntax of Go's text/template, over the arguments.
    pub url: String,
    /// In capitals.
    pub method: String,
    /// Of one call; none if the format's 0 is written. At most 5 minutes.
    pub timeout: Option<Duration>,
    /// Sent with each request.
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are environment variables: header and variable.
    pub headers_from_env: Vec<(String, String)>,
    /// Keys whose values are cut out of the answer.
    pub redact: Vec<String>,
    /// Where arguments go; none for all into the query or the body.
    pub request: Option<RequestMapping>,
    /// JMESPath over the answer.
    pub response: Option<String>,
    /// Types of media that are a result as they are; none if answers are texts.
    pub media: Option<Vec<String>>,
}

/// Where arguments go. Those that nothing names go into the body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestMapping {
    /// Arguments that go into the query.
    pub query_params: Vec<String>,
    /// Headers in the syntax of Go's text/template, over the arguments.
    pub header_params: BTreeMap<String, String>,
    /// JMESPath over what goes into the body.
    pub body_mapping: Option<String>,
    /// Arguments that go nowhere.
    pub exclude: Vec<String>,
    /// Into the query of each request.
    pub static_query: BTreeMap<String, String>,
    /// Headers of each request.
    pub static_headers: BTreeMap<String, String>,
    /// Into the body of each request.
    pub static_body: Map<String, Value>,
}

impl HttpTool {
    /// Reads `http` of a tool; none, reported, if it is not there.
    pub(crate) fn decode(spec: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let Some(http) = spec.get("http") else {
            let problem = spec.error("MissingKey", "a tool of mode `live` needs the key `http`");
            report.push(problem.hint("say `url`, `method` and `timeout_ms`, or use mode `mock`"));
            return None;
        };
        let multimodal = http.get("multimodal").filter(|it| it.boolean("enabled") == Some(true));
        Some(Self {
            url: http.text("url")?,
            method: method(&http, report)?,
            timeout: timeout(&http, report).or_else(|| timeout(spec, report)),
            headers: http.text_map("headers"),
            headers_from_env: from_env(&http, report),
            redact: http.texts("redact"),
            request: http.get("request").map(|request| RequestMapping::decode(&request)),
            response: http.get("response").and_then(|response| filled(&response, "body_mapping")),
            media: multimodal.map(|it| it.texts("accept_types")),
        })
    }

    /// Whether a call renders a template.
    pub fn has_templates(&self) -> bool {
        let headers = self.request.iter().flat_map(|request| request.header_params.values());
        std::iter::once(&self.url).chain(headers).any(|text| text.contains("{{"))
    }

    /// JMESPath expressions of the tool.
    pub fn mappings(&self) -> impl Iterator<Item = &str> {
        let body = self.request.as_ref().and_then(|request| request.body_mapping.as_deref());
        body.into_iter().chain(self.response.as_deref())
    }
}

impl RequestMapping {
    fn decode(request: &Cursor<'_>) -> Self {
        let body = request.json("static_body");
        Self {
            query_params: request.texts("query_params"),
            header_params: request.text_map("header_params"),
            body_mapping: filled(request, "body_mapping"),
            exclude: request.texts("exclude"),
            static_query: request.text_map("static_query"),
            static_headers: request.text_map("static_headers"),
            static_body: body.and_then(|body| body.as_object().cloned()).unwrap_or_default(),
        }
    }
}

fn filled(cursor: &Cursor<'_>, key: &str) -> Option<String> {
    cursor.text(key).filter(|text| !text.trim().is_empty())
}

fn timeout(cursor: &Cursor<'_>, report: &mut Report) -> Option<Duration> {
    let millis: u64 = cursor.whole("timeout_ms", 0, report)?;
    (millis > 0).then(|| Duration::from_millis(millis).min(LONGEST))
}

fn method(http: &Cursor<'_>, report: &mut Report) -> Option<String> {
    let cursor = http.get_text("method")?;
    // As in the format, an empty one is POST.
    let written = cursor.node.as_text().filter(|text| !text.is_empty()).unwrap_or("POST");
    let known = METHODS.iter().find(|method| method.eq_ignore_ascii_case(written));
    if known.is_none() {
        let problem = cursor.error_with_value("UnknownValue", "unknown method");
        report.push(problem.hint(format!("known are {}", METHODS.join(", "))));
    }
    known.map(|method| (*method).to_owned())
}

/// `Header=VARIABLE`, each.
fn from_env(http: &Cursor<'_>, report: &mut Report) -> Vec<(String, String)> {
    let list = http.get("headers_from_env");
    let mut pairs = Vec::new();
    for item in list.iter().flat_map(Cursor::items) {
        match item.node.as_text().and_then(|text| text.split_once('=')) {
            Some((header, variable)) if !header.is_empty() && !variable.is_empty() => {
                pairs.push((header.to_owned(), variable.to_owned()));
            }
            _ => report
                .push(item.error("WrongType", "this is no header with a variable").hint("write `Header=VARIABLE`")),
        }
    }
    pairs
}
