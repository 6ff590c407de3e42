//! Many evaluations at once: running out of slots is a wait, and no slot is ever lost.

use std::sync::Arc;

use arena_sandbox::{Component, Evaluation, GuestError, Limits};
use serde_json::{Value, json};

use crate::crafted::{CRAFTED, Crafted, module, with_instances};
use crate::stand::{Stand, call, passes};

/// `count` evaluations at once.
async fn many(stand: &Stand, guest: &Arc<Component>, params: &Value, count: usize) -> Vec<Evaluation> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let (pool, sandbox, guest) = (stand.sandbox.clone(), stand.sandbox.clone(), guest.clone());
            let call = call(guest.name(), params.clone());
            tokio::spawn(async move { pool.on_pool(async move { sandbox.evaluate(&guest, &call).await }).await })
        })
        .collect();
    let mut evaluations = Vec::new();
    for task in tasks {
        evaluations.push(task.await.unwrap().unwrap());
    }
    evaluations
}

#[tokio::test]
async fn too_many_evaluations_wait() {
    let stand = Stand::new(2);
    let guest = stand.hostile("memory-bomb", Limits::compiled()).await;
    many(&stand, &guest, &json!({"amount": 10}), 50).await.iter().for_each(passes);
    stand.still_sound().await;
}

#[tokio::test]
async fn the_largest_component_fits_into_every_slot() {
    let stand = Stand::new(2);
    let limits = Limits { instances: 200, ..Limits::compiled() };
    let bytes =
        with_instances(Crafted::default().build(), &module("(memory 1) (table 10 funcref) (table 10 funcref)"), 7);
    let bytes = with_instances(bytes, &module(""), 180);
    let guest = stand.bytes(CRAFTED, &bytes, limits).await;
    many(&stand, &guest, &json!({}), 20).await.iter().for_each(passes);
    stand.still_sound().await;
}

#[tokio::test]
async fn a_storm_of_traps_loses_no_slot() {
    let stand = Stand::new(4);
    let guest = stand.hostile("trap", Limits::compiled()).await;
    for evaluation in many(&stand, &guest, &json!({"kind": "panic"}), 500).await {
        assert!(matches!(evaluation.result, Err(GuestError::GuestTrap(_))), "{:?}", evaluation.result);
    }
    many(&stand, &guest, &json!({"kind": "none"}), 50).await.iter().for_each(passes);
    stand.still_sound().await;
}

#[tokio::test]
async fn a_hundred_at_once_cost_what_one_costs() {
    let stand = Stand::new(8);
    let guest = stand.hostile("recursion", Limits::compiled()).await;
    let params = json!({"amount": 500});
    let alone = many(&stand, &guest, &params, 1).await.remove(0);
    for evaluation in many(&stand, &guest, &params, 100).await {
        assert_eq!(evaluation.result, alone.result);
        assert_eq!((evaluation.fuel, evaluation.memory_bytes), (alone.fuel, alone.memory_bytes));
    }
}

#[tokio::test]
async fn nothing_is_carried_over() {
    let stand = Stand::new(2);
    let guest = stand.hostile("state-smuggler", Limits::compiled()).await;
    for evaluation in many(&stand, &guest, &json!({}), 50).await {
        assert_eq!(evaluation.result.unwrap().reason, "0 evaluations before this");
    }
}
