//! What a guest may use up: fuel, stack, bytes in and out, calls. One guest each, with the limit at what it needs and
//! just below.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arena_model::{Author, Conversation, Message, Role};
use arena_sandbox::{Call, GuestError, Limits};
use serde_json::json;

use crate::stand::{Judge, Stand, Vectors, asking, built, call, conversation, embedding, fails, passes};

#[tokio::test]
async fn fuel() {
    let stand = Stand::new(4);
    let guest = stand.hostile("infinite-loop", Limits::compiled()).await;
    let (some, more) = (json!({"amount": 1000}), json!({"amount": 2000}));
    let needed = stand.judge(&guest, some.clone()).await.fuel;

    let limit = needed;
    let tight = stand.hostile("infinite-loop", Limits { fuel: limit, ..Limits::compiled() }).await;
    let under = stand.judge(&tight, some.clone()).await;
    passes(&under);
    assert_eq!(under.fuel, needed);
    let over = stand.judge(&tight, more).await;
    fails(&over, &GuestError::FuelExhausted { limit });
    assert_eq!(over.fuel, limit, "all of it");

    for limit in [needed - 1, needed - 10, needed / 2, 1] {
        let short = stand.hostile("infinite-loop", Limits { fuel: limit, ..Limits::compiled() }).await;
        let over = stand.judge(&short, some.clone()).await;
        fails(&over, &GuestError::FuelExhausted { limit });
        assert_eq!(over.fuel, limit);
    }
    stand.still_sound().await;
}

#[tokio::test]
async fn a_loop_without_end_ends_with_its_fuel() {
    let stand = Stand::new(4);
    let guest = stand.hostile("infinite-loop", Limits::compiled()).await;
    fails(&stand.judge(&guest, json!({})).await, &GuestError::FuelExhausted { limit: 1_000_000_000 });
    stand.still_sound().await;
}

#[tokio::test]
async fn stack() {
    let stand = Stand::new(4);
    let guest = stand.hostile("recursion", Limits::compiled()).await;
    let at = async |depth: u32| stand.judge(&guest, json!({"amount": depth})).await;
    let (mut under, mut over) = (100, 10_000_000);
    passes(&at(under).await);
    while over - under > 1 {
        let depth = under + (over - under) / 2;
        if at(depth).await.result.is_ok() { under = depth } else { over = depth }
    }
    passes(&at(under).await);
    fails(&at(over).await, &GuestError::StackOverflow);
    stand.still_sound().await;
}

#[tokio::test]
async fn result() {
    let stand = Stand::new(4);
    let limit = 20_000;
    let guest = stand.hostile("giant-result", Limits { result: limit, ..Limits::compiled() }).await;
    let at = async |amount: u64| stand.judge(&guest, json!({"amount": amount})).await;
    let under = at(limit).await;
    passes(&under);
    let reason = under.result.unwrap().reason;
    assert!(reason.len() < 4200 && reason.ends_with("[cut]"), "what is kept is bounded, too");
    fails(&at(limit + 1).await, &GuestError::ResultLimit { limit });
    fails(&at(10_000_000).await, &GuestError::ResultLimit { limit });
    stand.still_sound().await;
}

#[tokio::test]
async fn result_of_a_call_to_the_host() {
    let stand = Stand::new(4);
    let guest = stand.hostile("log-flood", Limits { result: 20_000, log: 1 << 20, ..Limits::compiled() }).await;
    let at = async |length: u64| stand.judge(&guest, json!({"amount": 1, "length": length})).await;
    passes(&at(20_000).await);
    fails(&at(20_001).await, &GuestError::ResultLimit { limit: 20_000 });
    stand.still_sound().await;
}

#[tokio::test]
async fn input() {
    let stand = Stand::new(4);
    let params = json!({"patterns": ["x"]});
    let limit = 10_000;
    let guest = stand.bytes("text", &built("text"), Limits { input: limit, ..Limits::compiled() }).await;
    let at = async |bytes: usize| {
        let reply = Message::text(Role::Assistant, Author::Model, "x".repeat(bytes));
        let conversation = Arc::new(Conversation { messages: vec![reply], turns: vec![0], ..Conversation::default() });
        stand.call(&guest, Call { conversation, ..call("contains", params.clone()) }).await
    };
    let room = limit as usize - params.to_string().len();
    passes(&at(room).await);
    fails(&at(room + 1).await, &GuestError::InputLimit { limit });

    let params = json!({"patterns": ["x".repeat(limit as usize)]});
    let refused = stand.call(&guest, call("contains", params)).await;
    fails(&refused, &GuestError::InputLimit { limit });
    assert_eq!(refused.fuel, 0, "refused before the guest ran");
    stand.still_sound().await;
}

#[tokio::test]
async fn log() {
    let stand = Stand::new(4);
    let limit = 1000;
    let guest = stand.hostile("log-flood", Limits { log: limit, ..Limits::compiled() }).await;
    let at = async |amount: u64, length: u64| stand.judge(&guest, json!({"amount": amount, "length": length})).await;
    let under = at(100, 9).await;
    passes(&under);
    assert_eq!((under.log.len(), under.log[99].text.as_str(), under.log[99].level), (100, "xxxxxxxxx", "info"));
    let over = at(101, 9).await;
    fails(&over, &GuestError::LogLimit { limit });
    assert_eq!(over.log.len(), 100, "what was logged before is kept");
    passes(&at(1, limit - 1).await);
    fails(&at(1, limit).await, &GuestError::LogLimit { limit });
    fails(&at(limit + 1, 0).await, &GuestError::LogLimit { limit });
    stand.still_sound().await;
}

#[tokio::test]
async fn host_calls() {
    let stand = Stand::new(4);
    let limit = 500;
    let guest = stand.hostile("host-call-flood", Limits { host_calls: limit, ..Limits::compiled() }).await;
    let at = async |amount: u64| stand.judge(&guest, json!({"amount": amount})).await;
    passes(&at(limit).await);
    fails(&at(limit + 1).await, &GuestError::HostCallLimit { limit });
    fails(&at(1_000_000).await, &GuestError::HostCallLimit { limit });
    stand.still_sound().await;
}

#[tokio::test]
async fn judge_calls() {
    let stand = Stand::new(4);
    let guest = stand.hostile("judge-flood", Limits { judge_calls: 3, ..Limits::compiled() }).await;
    let judge = Arc::new(Judge { answer: "good".to_owned(), ..Judge::default() });
    let under = stand.call(&guest, asking(json!({"amount": 3}), &judge)).await;
    passes(&under);
    assert_eq!((judge.asked(), under.calls.len()), (3, 3));
    assert_eq!((under.calls[0].to.as_str(), under.calls[0].reply.as_str()), ("judge:strict", "good"));
    assert_ne!(under.calls[0].request, under.calls[1].request);

    let over = stand.call(&guest, asking(json!({"amount": 4}), &judge)).await;
    fails(&over, &GuestError::JudgeCallLimit { limit: 3 });
    assert_eq!((judge.asked(), over.calls.len()), (6, 3));

    // A guest may make do with fewer answers; it gets no more for that.
    let deaf = stand.call(&guest, asking(json!({"amount": 5000, "deaf": true}), &judge)).await;
    assert_eq!(deaf.result.unwrap().reason, "3 answers");
    assert_eq!(judge.asked(), 9);
    // Refusals are calls of the host, too.
    let deaf = stand.call(&guest, asking(json!({"amount": 20_000, "deaf": true}), &judge)).await;
    fails(&deaf, &GuestError::HostCallLimit { limit: 10_000 });
    stand.still_sound().await;
}

#[tokio::test]
async fn an_answer_of_a_judge_is_input_and_stands_in_the_record() {
    let stand = Stand::new(4);
    let params = json!({"amount": 1});
    let limit = params.to_string().len() as u64 + 100;
    let guest = stand.hostile("judge-flood", Limits { input: limit, ..Limits::compiled() }).await;
    let judge = |bytes: usize| Arc::new(Judge { answer: "x".repeat(bytes), ..Judge::default() });
    passes(&stand.call(&guest, asking(params.clone(), &judge(100))).await);
    let over = stand.call(&guest, asking(params, &judge(101))).await;
    fails(&over, &GuestError::InputLimit { limit });
    assert_eq!(over.calls.len(), 1, "it was paid for");
    stand.still_sound().await;
}

#[tokio::test]
async fn embed_calls() {
    let stand = Stand::new(4);
    let guest = stand.hostile("embed-flood", Limits { embed_calls: 3, judge_calls: 1, ..Limits::compiled() }).await;
    let vectors = Arc::new(Vectors { length: 2, ..Vectors::default() });
    let params = |amount: u32, deaf: bool| json!({"amount": amount, "texts": ["a", "b"], "deaf": deaf});
    let under = stand.call(&guest, embedding(params(3, false), &vectors)).await;
    assert_eq!(under.result.as_ref().unwrap().reason, "12 numbers");
    // What was compared stands in the record, number by number, with what it cost.
    let first = &under.calls[0];
    assert_eq!((first.to.as_str(), first.reply.as_str()), ("embed:e", "[[0.1,0.1],[0.1,0.1]]"));
    assert_eq!((under.calls.len(), first.cost_usd_micro), (3, Some(2)));
    assert_eq!(first.request, under.calls[1].request, "the same was asked");

    let over = stand.call(&guest, embedding(params(4, false), &vectors)).await;
    fails(&over, &GuestError::EmbedCallLimit { limit: 3 });
    let deaf = stand.call(&guest, embedding(params(5000, true), &vectors)).await;
    assert_eq!(deaf.result.unwrap().reason, "12 numbers");
    assert_eq!(vectors.asked.load(Ordering::SeqCst), 9);

    // Whom it asked has failed, whatever the guest calls it; without anybody to ask it was set up wrong.
    let down = Arc::new(Vectors { fails: true, ..Vectors::default() });
    let failed = stand.call(&guest, embedding(params(1, false), &down)).await;
    assert!(matches!(&failed.result, Err(GuestError::EmbedFailed(text)) if text.contains("down")), "{failed:?}");
    assert_eq!(failed.calls[0].reply, "embedder `e`: down");
    let nobody = stand.call(&guest, call("embed-flood", params(1, false))).await;
    assert!(
        matches!(&nobody.result, Err(GuestError::BadParams(text)) if text.contains("role: embedding")),
        "{nobody:?}"
    );
    stand.still_sound().await;
}

#[tokio::test]
async fn vectors_are_input() {
    let stand = Stand::new(4);
    let params = json!({"amount": 1, "texts": ["a"]});
    let limit = params.to_string().len() as u64 + 400;
    let guest = stand.hostile("embed-flood", Limits { input: limit, ..Limits::compiled() }).await;
    let vectors = |length: usize| Arc::new(Vectors { length, ..Vectors::default() });
    passes(&stand.call(&guest, embedding(params.clone(), &vectors(100))).await);
    let over = stand.call(&guest, embedding(params, &vectors(101))).await;
    fails(&over, &GuestError::InputLimit { limit });
    assert_eq!(over.calls.len(), 1, "it was paid for");
    stand.still_sound().await;
}

#[tokio::test]
async fn reading_a_message_again_is_input_again() {
    let stand = Stand::new(4);
    let reply = conversation().messages[1].content.text().len() as u64;
    let params = json!({"patterns": ["Paris"]});
    let limit = params.to_string().len() as u64 + reply;
    let guest = stand.bytes("text", &built("text"), Limits { input: limit, ..Limits::compiled() }).await;
    passes(&stand.call(&guest, call("contains", params.clone())).await);
    let short = stand.bytes("text", &built("text"), Limits { input: limit - 1, ..Limits::compiled() }).await;
    fails(&stand.call(&short, call("contains", params)).await, &GuestError::InputLimit { limit: limit - 1 });
}
