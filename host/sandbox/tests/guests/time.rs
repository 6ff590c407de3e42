//! Time is infrastructure trouble: it is tried once more, it never decides what fuel should, and the host's time is
//! not the guest's.

use std::sync::Arc;
use std::time::Duration;

use arena_model::{Class, Fault};
use arena_sandbox::{GuestError, Limits};
use serde_json::json;

use crate::stand::{Judge, Stand, asking, fails, passes};

/// Fuel for minutes, so that only time can end it.
const FUEL: u64 = Limits::ceiling().fuel;

#[tokio::test]
async fn a_guest_that_is_too_slow_is_tried_once_more() {
    let stand = Stand::new(1);
    let limits = Limits { fuel: FUEL, guest_ms: 30, ..Limits::compiled() };
    let guest = stand.hostile("judge-flood", limits).await;
    let judge = Arc::new(Judge::default());
    passes(&stand.call(&guest, asking(json!({"amount": 1}), &judge)).await);
    assert_eq!(judge.asked(), 1);

    let slow = stand.call(&guest, asking(json!({"amount": 1, "spin": true}), &judge)).await;
    fails(&slow, &GuestError::GuestTimeout { limit: 30 });
    assert_eq!(judge.asked(), 3, "two attempts");
    assert_eq!(slow.calls.len(), 2, "both were paid for");
    assert_eq!(slow.result.unwrap_err().class(), Class::Infra);
    stand.still_sound().await;
}

#[tokio::test]
async fn what_fuel_ends_is_not_tried_again() {
    let stand = Stand::new(1);
    let guest = stand.hostile("judge-flood", Limits { fuel: 10_000_000, ..Limits::compiled() }).await;
    let judge = Arc::new(Judge::default());
    let spent = stand.call(&guest, asking(json!({"amount": 1, "spin": true}), &judge)).await;
    fails(&spent, &GuestError::FuelExhausted { limit: 10_000_000 });
    assert_eq!(judge.asked(), 1);
}

#[tokio::test]
async fn a_judge_that_never_answers_ends_with_the_evaluation() {
    let stand = Stand::new(1);
    let guest = stand.hostile("judge-flood", Limits { total_ms: 50, ..Limits::compiled() }).await;
    passes(&stand.call(&guest, asking(json!({"amount": 1}), &Arc::new(Judge::default()))).await);

    let silent = Arc::new(Judge { silent: true, ..Judge::default() });
    let lost = stand.call(&guest, asking(json!({"amount": 1}), &silent)).await;
    fails(&lost, &GuestError::EvaluationTimeout { limit: 50 });
    assert_eq!(silent.asked(), 2, "two attempts");
    assert_eq!(lost.result.unwrap_err().class(), Class::Infra);
    // The only slot is free again.
    stand.still_sound().await;
}

#[tokio::test]
async fn the_time_of_a_judge_costs_the_guest_none() {
    let stand = Stand::new(1);
    let (guest_ms, questions) = (20, 16);
    let guest = stand.hostile("judge-flood", Limits { guest_ms, judge_calls: questions, ..Limits::compiled() }).await;
    let judge = Arc::new(Judge { wait: Duration::from_millis(guest_ms + 5), ..Judge::default() });
    let evaluation = stand.call(&guest, asking(json!({"amount": questions}), &judge)).await;
    passes(&evaluation);
    assert_eq!(judge.asked(), questions, "at the first attempt");
    assert!(evaluation.duration > Duration::from_millis(guest_ms * u64::from(questions)));
}

#[tokio::test]
async fn dropping_an_evaluation_frees_its_slot() {
    let stand = Stand::new(1);
    let guest = stand.hostile("judge-flood", Limits::compiled()).await;
    let silent = Arc::new(Judge { silent: true, ..Judge::default() });
    let waiting = stand.call(&guest, asking(json!({"amount": 1}), &silent));
    assert!(tokio::time::timeout(Duration::from_millis(100), waiting).await.is_err());
    stand.still_sound().await;
}

#[tokio::test]
async fn a_busy_guest_lets_others_run() {
    let stand = Stand::new(4);
    let limits = Limits { fuel: FUEL, guest_ms: 600_000, ..Limits::compiled() };
    let guest = stand.hostile("infinite-loop", limits).await;
    // More of them than threads.
    let spinning: Vec<_> = (0..3)
        .map(|_| {
            let (sandbox, guest) = (stand.sandbox.clone(), guest.clone());
            let call = crate::stand::call("infinite-loop", json!({}));
            let pool = stand.sandbox.clone();
            tokio::spawn(async move { pool.on_pool(async move { sandbox.evaluate(&guest, &call).await }).await })
        })
        .collect();
    stand.still_sound().await;
    spinning.iter().for_each(tokio::task::JoinHandle::abort);
    stand.still_sound().await;
}
