//! Media parts and answers of a given shape.

use arena_harness::Behaviour;
use arena_model::{Author, Content, Fault as _, Message, Part, Role};
use arena_provider::ChatRequest;
use serde_json::{Value, json};

use crate::stand::{ALL, Stand, Way, request};

fn with(kind: &str, media: Value) -> Message {
    let mut message = Message::text(Role::User, Author::Script, "");
    message.content = Content::Parts(vec![
        Part { kind: "text".into(), text: Some("look".into()), media: None },
        Part { kind: kind.into(), text: None, media: Some(media) },
    ]);
    message
}

#[tokio::test]
async fn images_reach_every_vendor() {
    for way in ALL {
        let stand = Stand::new(way, Behaviour::text("a cat"));
        let messages = [with("image", json!({"mime_type": "image/png", "data": "QUJDREVG"}))];
        let reply = stand.provider().chat(request(&messages, false)).await;
        reply.unwrap_or_else(|error| panic!("{way:?}: {error}"));
        assert!(stand.vendor.last_request().to_string().contains("QUJDREVG"), "{way:?}");
    }
}

#[tokio::test]
async fn audio_goes_to_those_who_hear() {
    for way in ALL {
        let stand = Stand::new(way, Behaviour::text("a song"));
        let messages = [with("audio", json!({"mime_type": "audio/wav", "data": "QUJDREVG"}))];
        let reply = stand.provider().chat(request(&messages, false)).await;
        match way {
            Way::Chat | Way::Vllm | Way::Azure | Way::Gemini | Way::VertexGemini => {
                reply.unwrap_or_else(|error| panic!("{way:?}: {error}"));
                assert!(stand.vendor.last_request().to_string().contains("QUJDREVG"), "{way:?}");
            }
            _ => {
                let error = reply.unwrap_err();
                assert_eq!((error.reason(), stand.vendor.calls()), ("PartUnsupported", 0), "{way:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_shape_is_asked_for_in_every_vendors_way() {
    let schema = json!({"type": "object", "properties": {"mood": {"type": "string"}}});
    for way in ALL {
        let stand = Stand::new(way, Behaviour::text("{}"));
        let messages = [Message::text(Role::User, Author::Script, "how are you?")];
        let asked = ChatRequest { output_schema: Some(&schema), ..request(&messages, false) };
        stand.provider().chat(asked).await.unwrap_or_else(|error| panic!("{way:?}: {error}"));
        assert!(stand.vendor.last_request().to_string().contains(r#""mood":{"type":"string"}"#), "{way:?}");
    }
}
