//! Tools of MCP servers: sessions of a conversation's own, so that no other conversation can be felt through them.

use arena_model::{Content, Part};
use serde_json::{Value, json};

use super::Run;
use super::tools::{Answer, Caller, Failure, fits_given};
use crate::case::Trouble;
use crate::mcp::{McpError, Session};

/// What a model sees of a call that gave nothing.
const DONE: &str = "Operation completed successfully";

impl Run<'_> {
    /// Opens a session with every server of the bundle. Without one of them the conversation would take another course.
    pub(super) async fn open_servers(&mut self) -> Result<(), Trouble> {
        let bundle = self.evaluator.parts.bundle.clone();
        for server in &bundle.mcp_servers {
            if let Some(why) = &server.unsupported {
                return Err(Trouble::new("FeatureUnsupported", why.clone()).of_file(&server.file));
            }
            let deadline = self.caller().deadline_of(server.timeout);
            let opened = Session::open(server, &self.evaluator.parts.egress, deadline).await;
            let failed = |error: McpError| {
                let text = format!("MCP server `{}`: {error}", server.name);
                Trouble::new(error.reason(), text).of_file(&server.file)
            };
            self.servers.push(opened.map_err(failed)?);
        }
        Ok(())
    }

    pub(super) async fn close_servers(&mut self) {
        for server in std::mem::take(&mut self.servers) {
            server.close().await;
        }
    }

    /// The server whose tool has this name; none if no server has it.
    pub(super) fn server_of(&self, name: &str) -> Option<usize> {
        let (server, tool) = name.strip_prefix("mcp__")?.split_once("__")?;
        let at = self.servers.iter().position(|session| session.server().name == server)?;
        self.servers[at].tools().iter().any(|spec| spec.name == tool).then_some(at)
    }
}

impl Caller<'_> {
    /// Calls a tool of a server by the name that the model knows.
    pub(super) async fn call_server(self, session: &mut Session, name: &str, arguments: &Value) -> Answer {
        let deadline = self.deadline_of(session.server().timeout);
        let tool = name.strip_prefix(&format!("mcp__{}__", session.server().name)).unwrap_or(name);
        let schema = session.tools().iter().find(|spec| spec.name == tool).map(|spec| spec.parameters.clone());
        fits_given(self.evaluator, &schema.unwrap_or_default(), arguments, "call").await?;
        match session.call(tool, arguments, deadline).await {
            Ok(result) => content(&result),
            Err(error) => Err(Failure::from(format!("{}: {error}", error.reason()))),
        }
    }
}

/// A result as the model sees it: a text as it is, several as a list, media as parts.
fn content(result: &Value) -> Answer {
    let malformed = |what: &str| Failure::from(format!("McpFailed: the server's result has {what}"));
    let items = match &result["content"] {
        Value::Array(items) => items.as_slice(),
        Value::Null if result["structuredContent"].is_object() => &[],
        _ => return Err(malformed("no list `content`")),
    };
    let texts: Vec<&str> = items.iter().filter_map(|item| item["text"].as_str()).collect();
    if !matches!(result["isError"], Value::Null | Value::Bool(_)) {
        return Err(malformed("an `isError` that is neither true nor false"));
    }
    if result["isError"] == true {
        return Err(if texts.is_empty() { "the tool failed".into() } else { texts.join("; ").into() });
    }
    if items.iter().any(|item| media(item).is_some()) {
        let text = |item: &Value| {
            Some(Part { kind: "text".to_owned(), text: Some(item["text"].as_str()?.to_owned()), media: None })
        };
        return Ok(Content::Parts(items.iter().filter_map(|item| media(item).or_else(|| text(item))).collect()));
    }
    Ok(Content::Text(match (texts.as_slice(), items) {
        ([], []) => result.get("structuredContent").map_or_else(|| DONE.to_owned(), Value::to_string),
        ([one], [_]) => (*one).to_owned(),
        (texts, items) if texts.len() == items.len() => json!(texts).to_string(),
        (_, items) => json!(items).to_string(),
    }))
}

fn media(item: &Value) -> Option<Part> {
    let kind = item["type"].as_str().filter(|kind| ["image", "audio"].contains(kind))?;
    let media = json!({"mime_type": item["mimeType"], "data": item["data"].as_str()?});
    Some(Part { kind: kind.to_owned(), text: None, media: Some(media) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(result: Value) -> Result<String, String> {
        content(&result).map(|content| content.text().into_owned()).map_err(|failure| failure.why)
    }

    #[test]
    fn results_are_what_the_original_runner_makes_of_them() {
        let said = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(text(json!({"content": [said("a")]})), Ok("a".into()));
        assert_eq!(text(json!({"content": [said("a"), said("b")]})), Ok("[\"a\",\"b\"]".into()));
        assert_eq!(text(json!({"content": []})), Ok(DONE.into()));
        assert_eq!(text(json!({"structuredContent": {"n": 1}})), Ok("{\"n\":1}".into()));
        assert_eq!(text(json!({"content": [said("no"), said("way")], "isError": true})), Err("no; way".into()));
        for wrong in
            [json!(0), json!({}), json!({"content": {"type": "text"}}), json!({"content": [], "isError": "true"})]
        {
            assert!(text(wrong.clone()).unwrap_err().starts_with("McpFailed: "), "{wrong}");
        }
        let link = json!({"type": "resource_link", "uri": "x"});
        assert!(text(json!({"content": [said("a"), link]})).unwrap().contains("resource_link"));
        assert_eq!(text(json!({"content": [link]})), Ok("[{\"type\":\"resource_link\",\"uri\":\"x\"}]".into()));
    }

    #[test]
    fn media_are_parts() {
        let image = json!({"type": "image", "mimeType": "image/png", "data": "UE5H"});
        let result = json!({"content": [{"type": "text", "text": "look"}, image]});
        let content = serde_json::to_value(content(&result).ok().unwrap()).unwrap();
        assert_eq!(content[1], json!({"type": "image", "media": {"mime_type": "image/png", "data": "UE5H"}}));
    }
}
