//! Guardrails on streams: one instance for all pieces, limits that count for all of them.

use std::sync::Arc;

use arena_sandbox::{Component, Guard, GuardAction, GuardCall, GuardCost, GuestError, Limits};
use serde_json::{Value, json};

use crate::stand::{Stand, built};

async fn component(stand: &Stand, limits: Limits) -> Arc<Component> {
    stand.bytes("stream", &built("stream"), limits).await
}

/// Pushes the pieces, then ends. Gives the first action that is not to proceed, or what the end says.
async fn watch(
    stand: &Stand,
    component: &Arc<Component>,
    check: &str,
    params: Value,
    pieces: &[&str],
) -> (Result<GuardAction, GuestError>, GuardCost) {
    let call = GuardCall { check: check.to_owned(), params: params.to_string(), direction: "output", seed: 7 };
    let (sandbox, component) = (stand.sandbox.clone(), component.clone());
    let pieces: Vec<String> = pieces.iter().map(|&piece| piece.to_owned()).collect();
    let watched = stand.sandbox.on_pool(async move {
        let mut guard = match sandbox.guard(&component, &call).await {
            Ok(guard) => guard,
            Err(error) => return (Err(error), GuardCost::default()),
        };
        let action = shown(&mut guard, &pieces).await;
        (action, guard.cost())
    });
    watched.await.unwrap()
}

async fn shown(guard: &mut Guard, pieces: &[String]) -> Result<GuardAction, GuestError> {
    for piece in pieces {
        match guard.push(piece).await? {
            GuardAction::Proceed => {}
            action => return Ok(action),
        }
    }
    guard.finish().await
}

#[tokio::test]
async fn one_instance_sees_all_pieces() {
    let stand = Stand::new(1);
    let component = component(&stand, Limits::compiled()).await;
    let words = json!({"words": ["damn"]});
    let (action, cost) = watch(&stand, &component, "banned_words", words.clone(), &["da", "mn", " it"]).await;
    assert!(matches!(&action, Ok(GuardAction::Replace(text)) if !text.is_empty()), "{action:?}");
    assert!(cost.fuel > 0 && cost.memory_bytes > 0);
    let (action, again) = watch(&stand, &component, "banned_words", words, &["da", "mn", " it"]).await;
    assert!(action.is_ok());
    assert_eq!(again.fuel, cost.fuel);
    let cut = watch(&stand, &component, "max_length", json!({"max": 3}), &["äö", "ü"]).await.0;
    assert_eq!(cut, Ok(GuardAction::Truncate(2)));
    assert_eq!(
        watch(&stand, &component, "max_length", json!({"max": 9}), &["äö", "ü"]).await.0,
        Ok(GuardAction::Proceed)
    );
    // There is room for one: each gave its place back.
    stand.still_sound().await;
}

#[tokio::test]
async fn params_that_do_not_suit_are_named() {
    let stand = Stand::new(1);
    let component = component(&stand, Limits::compiled()).await;
    let refused = watch(&stand, &component, "max_length", json!({"max": 0}), &[]).await.0;
    assert!(matches!(&refused, Err(GuestError::BadParams(why)) if why.contains("max")), "{refused:?}");
    assert!(watch(&stand, &component, "absent", json!({}), &[]).await.0.is_err());
    let text = stand.bytes("text", &built("text"), Limits::compiled()).await;
    let other = watch(&stand, &text, "max_length", json!({"max": 9}), &[]).await.0;
    assert!(matches!(&other, Err(GuestError::CheckUnknown(why)) if why.contains("world")), "{other:?}");
    stand.still_sound().await;
}

#[tokio::test]
async fn limits_count_for_the_whole_stream() {
    let stand = Stand::new(1);
    let words = json!({"words": ["damn"]});
    let pieces = ["harmless "; 50];
    let all = Limits::compiled();
    let fuel = watch(&stand, &component(&stand, all).await, "banned_words", words.clone(), &pieces).await.1.fuel;
    let just = component(&stand, Limits { fuel, ..all }).await;
    assert_eq!(watch(&stand, &just, "banned_words", words.clone(), &pieces).await.0, Ok(GuardAction::Proceed));
    let less = component(&stand, Limits { fuel: fuel - 1, ..all }).await;
    let exhausted = watch(&stand, &less, "banned_words", words.clone(), &pieces).await.0;
    assert_eq!(exhausted, Err(GuestError::FuelExhausted { limit: fuel - 1 }));
    let input = (words.to_string().len() + pieces.concat().len()) as u64;
    let just = component(&stand, Limits { input, ..all }).await;
    assert_eq!(watch(&stand, &just, "banned_words", words.clone(), &pieces).await.0, Ok(GuardAction::Proceed));
    let less = component(&stand, Limits { input: input - 1, ..all }).await;
    let over = watch(&stand, &less, "banned_words", words, &pieces).await.0;
    assert_eq!(over, Err(GuestError::InputLimit { limit: input - 1 }));
    stand.still_sound().await;
}
