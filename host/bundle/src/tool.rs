//! `kind: Tool`: what a model may call and who answers.

use std::sync::Arc;

use arena_model::{Part, ScriptedResults};
use serde_json::Value;

use crate::HttpTool;
use crate::MockAgent;
use crate::document::resolve;
use crate::report::Report;
use crate::tree::BundleFile;
use crate::yaml::Cursor;

/// Modes of the format.
const MODES: [&str; 6] = ["mock", "live", "http", "mcp", "exec", "client"];

/// What to do about a tool that cannot be called.
const ADVICE: &str = "a bundle starts no processes: use mode `mock`, or a server with mode `live`";

/// One tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// `metadata.name`, or the key of an inline tool.
    pub name: String,
    /// For the model.
    pub description: String,
    /// JSON Schema of the arguments.
    pub input_schema: Value,
    /// JSON Schema of the result.
    pub output_schema: Value,
    /// Who answers.
    pub mode: ToolMode,
    /// The document it stands in.
    pub file: Arc<str>,
}

/// Who answers a call.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolMode {
    /// The bundle itself.
    Mock(MockTool),
    /// A scripted agent.
    Agent(Arc<MockAgent>),
    /// The program of a user, whose answers the bundle plays.
    Client(ClientTool),
    /// A server.
    Http(Box<HttpTool>),
    /// Somebody outside, who is not called here: the mode as written.
    Outside(String),
}

/// A tool of the user's own program. There is none here: it answers as a mock, if the simulated user consents.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientTool {
    /// The answer.
    pub mock: MockTool,
    /// What the model is told of a user who does not consent.
    pub decline: Decline,
}

/// What the model is told of a user who does not consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decline {
    /// That the call failed.
    Error,
    /// To do without the tool.
    Fallback,
    /// To try otherwise.
    Retry,
}

const DECLINES: [(&str, Decline); 3] =
    [("error", Decline::Error), ("fallback", Decline::Fallback), ("retry", Decline::Retry)];

/// What a mock tool answers: what is written down for the call, else parts, else the template's text, else the result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MockTool {
    /// Any JSON value.
    pub result: Option<Value>,
    /// In the syntax of Go's text/template, over the arguments.
    pub template: Option<String>,
    /// Text and media.
    pub parts: Vec<Part>,
    /// By turn, number of the call and arguments.
    pub responses: ScriptedResults,
}

impl ToolMode {
    /// Whether a call renders a template.
    pub fn has_templates(&self) -> bool {
        match self {
            Self::Mock(mock) | Self::Client(ClientTool { mock, .. }) => mock.template.is_some(),
            Self::Http(http) => http.has_templates(),
            Self::Agent(_) | Self::Outside(_) => false,
        }
    }

    /// Whether a call evaluates a mapping.
    pub fn has_mappings(&self) -> bool {
        matches!(self, Self::Http(http) if http.mappings().next().is_some())
    }
}

impl Tool {
    /// Reads `spec`; none without a mode, which the shape has reported.
    pub(crate) fn decode(name: String, spec: &Cursor<'_>, files: &[BundleFile], report: &mut Report) -> Option<Self> {
        let mode = spec.get("mode")?;
        let answers = matches!(mode.node.as_text(), Some("mock" | "client"));
        if let Some(unused) = spec.get("mock_responses").filter(|_| !answers) {
            let message = "only tools of mode `mock` or `client` answer so: it has no effect";
            report.push(unused.error("FeatureUnsupported", message).warning());
        }
        let mode = match mode.node.as_text()? {
            "mock" => ToolMode::Mock(MockTool::decode(spec, files, report)),
            "client" => {
                let (mock, decline) = (MockTool::decode(spec, files, report), decline(spec, report));
                ToolMode::Client(ClientTool { mock, decline })
            }
            "live" | "http" => ToolMode::Http(Box::new(HttpTool::decode(spec, report)?)),
            other if MODES.contains(&other) => {
                let message = format!("a tool of mode `{other}` is not called here: each call of it fails");
                report.push(mode.error_with_value("ToolModeUnsupported", message).warning().hint(ADVICE));
                ToolMode::Outside(other.to_owned())
            }
            _ => {
                let problem = mode.error_with_value("UnknownValue", "unknown mode");
                report.push(problem.hint(format!("known are {}", MODES.join(", "))));
                return None;
            }
        };
        let schema = |key: &str| spec.json(key).unwrap_or(Value::Bool(true));
        Some(Self {
            name,
            description: spec.text("description").unwrap_or_default(),
            input_schema: schema("input_schema"),
            output_schema: schema("output_schema"),
            mode,
            file: spec.file.clone(),
        })
    }
}

impl MockTool {
    fn decode(spec: &Cursor<'_>, files: &[BundleFile], report: &mut Report) -> Self {
        Self {
            result: spec.json("mock_result").filter(|result| !result.is_null()),
            template: spec.text("mock_template").filter(|template| !template.is_empty()),
            parts: parts(spec, files, report),
            responses: responses(spec, report),
        }
    }
}

fn responses(spec: &Cursor<'_>, report: &mut Report) -> ScriptedResults {
    let mut results = ScriptedResults::default();
    let list = spec.get("mock_responses");
    for item in list.iter().flat_map(Cursor::items) {
        if let Err(why) = results.push(&item.node.to_json()) {
            report.push(item.error("MockResponseInvalid", why));
        }
    }
    results
}

fn decline(spec: &Cursor<'_>, report: &mut Report) -> Decline {
    let Some(client) = spec.get("client") else { return Decline::Error };
    let Some(consent) = client.get("consent") else { return Decline::Error };
    let strategy = consent.get_text("decline_strategy").filter(|it| it.node.as_text() != Some(""));
    let Some(strategy) = strategy else { return Decline::Error };
    strategy.one_of(&DECLINES, report).unwrap_or(Decline::Error)
}

fn parts(spec: &Cursor<'_>, files: &[BundleFile], report: &mut Report) -> Vec<Part> {
    let list = spec.get("mock_parts");
    let part = |part: Cursor<'_>| {
        if let Some(media) = part.get("media")
            && let Some(path) = media.get_text("file_path")
        {
            let found = resolve(&path, files);
            report.keep(found)?;
        }
        Some(Part { kind: part.text("type")?, text: part.text("text"), media: part.json("media") })
    };
    list.iter().flat_map(Cursor::items).filter_map(part).collect()
}
