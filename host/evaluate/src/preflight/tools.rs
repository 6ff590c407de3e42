//! Tools that servers answer: whether each may be called, and whether its mappings are expressions.

use arena_bundle::{HttpTool, Tool, ToolMode};
use arena_egress::EgressError;
use arena_model::Fault as _;

use super::{Finding, Findings};
use crate::conversation::MAPPINGS;
use crate::evaluator::Evaluator;

impl Evaluator {
    /// Says which tools cannot be called, without calling any. A URL with a template in it is only known when it is.
    pub async fn check_tools(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        for tool in self.parts.bundle.tools.values() {
            let ToolMode::Http(http) = &tool.mode else { continue };
            for (reason, text) in self.refusals(http).into_iter().chain(self.bad_mapping(http).await) {
                findings.push(finding(tool, reason, &text));
            }
        }
        for server in self.parts.bundle.mcp_servers.iter().filter(|server| server.unsupported.is_none()) {
            if let Some(error) = self.parts.egress.refusal(&server.url) {
                let text = format!("MCP server `{}`: each case is an error: {}", server.name, advised(&error));
                let place = server.file.to_string();
                findings.push(Finding { fatal: false, reason: error.reason(), place, text });
            }
        }
        for (id, provider) in &self.parts.providers {
            let scripted = provider.iter().flat_map(|provider| provider.scripted_tools());
            for name in scripted.filter(|name| !self.parts.bundle.tools.contains_key(*name)) {
                let spec = self.parts.bundle.providers.iter().find(|spec| spec.id == *id);
                let text = format!(
                    "`tool_responses` of the mock file: the bundle has no tool `{name}`, so nothing under it is answered"
                );
                let place = spec.map_or_else(|| id.clone(), |spec| spec.file.to_string());
                findings.push(Finding { fatal: false, reason: "MockKeyUnknown", place, text });
            }
        }
        findings.list
    }

    fn refusals(&self, http: &HttpTool) -> Vec<(&'static str, String)> {
        let url = known_host(&http.url).and_then(|url| self.parts.egress.refusal(url));
        let mut refusals: Vec<_> = url.iter().map(|error| (error.reason(), advised(error))).collect();
        for (header, variable) in &http.headers_from_env {
            if self.parts.tool_keys.get(variable).is_none() {
                let text = format!("nobody has allowed it the variable {variable} for its header `{header}`");
                refusals.push(("EgressDenied", text));
            }
        }
        refusals
    }

    async fn bad_mapping(&self, http: &HttpTool) -> Option<(&'static str, String)> {
        let engine = match self.engine(MAPPINGS) {
            Ok(engine) => engine.clone(),
            // A bundle without mappings has no engine for them.
            Err(_) => return None,
        };
        for mapping in http.mappings() {
            let (sandbox, engine, source) = (self.parts.sandbox.clone(), engine.clone(), mapping.to_owned());
            let asked = async move { sandbox.variables(&engine, &source).await.result };
            if let Err(error) = self.parts.sandbox.on_pool(asked).await.and_then(|names| names) {
                return Some((error.reason(), error.to_string()));
            }
        }
        None
    }
}

/// What is known of a URL before its template is filled in, if that is the whole host.
fn known_host(url: &str) -> Option<&str> {
    let Some((known, _)) = url.split_once("{{") else { return Some(url) };
    let (_, rest) = known.split_once("://")?;
    rest.contains(['/', '?', '#']).then_some(known)
}

/// The error, and what whoever runs the bundle can do.
fn advised(error: &EgressError) -> String {
    match error {
        EgressError::HostDenied { host, port } => format!("{error}; `--allow-host {host}:{port}` does"),
        _ => error.to_string(),
    }
}

fn finding(tool: &Tool, reason: &'static str, text: &str) -> Finding {
    let text = format!("tool `{}`: each call of it fails: {text}", tool.name);
    Finding { fatal: false, reason, place: tool.file.to_string(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_before_the_rest_is_filled_in() {
        assert_eq!(known_host("https://a.example/x"), Some("https://a.example/x"));
        assert_eq!(known_host("https://a.example/{{.x}}"), Some("https://a.example/"));
        assert_eq!(known_host("https://a.example?q={{.x}}"), Some("https://a.example?q="));
        assert_eq!(known_host("https://a.{{.x}}/y"), None);
        assert_eq!(known_host("{{.url}}"), None);
    }
}
