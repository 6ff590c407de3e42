//! The table of what each vendor's provider can do, made by trying it. `ARENA_DOCS_UPDATE=1` writes it.

use std::fmt::Write as _;

use arena_harness::{Behaviour, TokenDetails};
use arena_model::{Author, Content, Message, Part, Role, Usage};
use arena_provider::ChatRequest;
use serde_json::json;

use crate::stand::{ALL, Stand, Way, request};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/providers.md");
const BEGIN: &str = "<!-- made by host/provider/tests/vendors/capabilities.rs -->\n\n";

fn title(way: Way) -> &'static str {
    match way {
        Way::Chat => "`openai`",
        Way::Responses => "`openai`, responses",
        Way::Vllm => "`vllm`, `lmstudio`",
        Way::Azure => "`azure`",
        Way::Anthropic => "`claude`, `anthropic`",
        Way::VertexClaude => "`claude` on vertex",
        Way::Gemini => "`gemini`",
        Way::VertexGemini => "`gemini` on vertex",
        Way::Ollama => "`ollama`",
        Way::Bedrock => "`bedrock`",
    }
}

async fn takes(way: Way, kind: &str, media: serde_json::Value) -> bool {
    let stand = Stand::new(way, Behaviour::default());
    let mut message = Message::text(Role::User, Author::Script, "");
    message.content = Content::Parts(vec![Part { kind: kind.into(), text: None, media: Some(media) }]);
    stand.provider().chat(request(&[message], false)).await.is_ok()
}

/// Whether a request that asks for something differs from one that does not.
async fn asks<'r>(way: Way, change: impl Fn(ChatRequest<'r>) -> ChatRequest<'r>, messages: &'r [Message]) -> bool {
    let stand = Stand::new(way, Behaviour::default());
    let provider = stand.provider();
    provider.chat(request(messages, false)).await.unwrap();
    let plain = stand.vendor.last_request();
    provider.chat(change(request(messages, false))).await.unwrap();
    stand.vendor.last_request() != plain
}

#[tokio::test]
async fn the_table_of_capabilities_is_what_they_do() {
    let mut table = String::from(
        "| Provider | streams | images by URL | images | audio | documents | shaped answers | seed | cached tokens told | \
         reasoning tokens told |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let schema = json!({"type": "object"});
    let messages = [Message::text(Role::User, Author::Script, "hi")];
    for way in ALL {
        let details = TokenDetails { cached: 2, cache_written: 0, reasoning: 1 };
        let stand = Stand::new(way, Behaviour { token_details: details, ..Behaviour::text("hi") });
        let streamed = stand.ask(true).await.unwrap();
        let usage: Usage = streamed.message.usage.unwrap_or_default();
        let data = |mime: &str| json!({"mime_type": mime, "data": "QUJD"});
        let url = json!({"url": "https://example.com/a.png", "mime_type": "image/png"});
        let columns = [
            streamed.ttft.is_some(),
            takes(way, "image", url).await,
            takes(way, "image", data("image/png")).await,
            takes(way, "audio", data("audio/wav")).await,
            takes(way, "document", data("application/pdf")).await,
            asks(way, |asked| ChatRequest { output_schema: Some(&schema), ..asked }, &messages).await,
            asks(way, |asked| ChatRequest { seed: Some(7), ..asked }, &messages).await,
            usage.cached > 0,
            usage.reasoning > 0,
        ];
        let words = columns.map(|can| if can { "yes" } else { "no" }).join(" | ");
        writeln!(table, "| {} | {words} |", title(way)).unwrap();
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (head, _) = page.split_once(BEGIN).unwrap();
    let wanted = format!("{head}{BEGIN}{table}");
    if std::env::var_os("ARENA_DOCS_UPDATE").is_some() {
        std::fs::write(PAGE, wanted).unwrap();
    } else {
        assert_eq!(page, wanted, "run again with ARENA_DOCS_UPDATE=1");
    }
}
