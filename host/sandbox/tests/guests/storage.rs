//! What a guest may hold: linear memory, tables, core instances, over all of its modules together.

use std::sync::Arc;

use arena_sandbox::{Component, GuestError, Limits};
use serde_json::json;

use crate::crafted::{CRAFTED, Crafted, module, with_instances};
use crate::stand::{Stand, fails, passes};

const PAGE: u64 = 64 << 10;

async fn crafted(stand: &Stand, bytes: &[u8], limits: Limits) -> Arc<Component> {
    stand.bytes(CRAFTED, bytes, limits).await
}

#[tokio::test]
async fn memory_that_grows() {
    let stand = Stand::new(4);
    let guest = stand.hostile("memory-bomb", Limits::compiled()).await;
    let peak = stand.judge(&guest, json!({"amount": 100})).await.memory_bytes;
    assert_eq!(peak, stand.judge(&guest, json!({"amount": 0})).await.memory_bytes + 100 * PAGE);

    let tight = stand.hostile("memory-bomb", Limits { memory: peak, ..Limits::compiled() }).await;
    let under = stand.judge(&tight, json!({"amount": 100})).await;
    passes(&under);
    assert_eq!(under.memory_bytes, peak);
    let over = GuestError::MemoryLimit { wanted: peak + PAGE, limit: peak };
    fails(&stand.judge(&tight, json!({"amount": 101})).await, &over);
    fails(&stand.judge(&tight, json!({})).await, &over);

    let short = stand.hostile("memory-bomb", Limits { memory: peak - 1, ..Limits::compiled() }).await;
    let over = GuestError::MemoryLimit { wanted: peak, limit: peak - 1 };
    fails(&stand.judge(&short, json!({"amount": 100})).await, &over);
    stand.still_sound().await;
}

#[tokio::test]
async fn memory_from_the_start() {
    let stand = Stand::new(4);
    let bytes = Crafted { memory: "1024", ..Crafted::default() }.build();
    let under = stand.judge(&crafted(&stand, &bytes, Limits::compiled()).await, json!({})).await;
    passes(&under);
    assert_eq!(under.memory_bytes, Limits::compiled().memory);
    let bytes = Crafted { memory: "1025", ..Crafted::default() }.build();
    let limit = Limits::compiled().memory;
    let over = GuestError::MemoryLimit { wanted: limit + PAGE, limit };
    fails(&stand.judge(&crafted(&stand, &bytes, Limits::compiled()).await, json!({})).await, &over);
    stand.still_sound().await;
}

#[tokio::test]
async fn memories_are_added_up() {
    let stand = Stand::new(4);
    let bytes = with_instances(Crafted::default().build(), &module("(memory 10)"), 7);
    let limit = 71 * PAGE;
    let tight = crafted(&stand, &bytes, Limits { memory: limit, ..Limits::compiled() }).await;
    let under = stand.judge(&tight, json!({})).await;
    passes(&under);
    assert_eq!(under.memory_bytes, limit);
    let short = crafted(&stand, &bytes, Limits { memory: limit - 1, ..Limits::compiled() }).await;
    fails(&stand.judge(&short, json!({})).await, &GuestError::MemoryLimit { wanted: limit, limit: limit - 1 });
    stand.still_sound().await;
}

#[tokio::test]
async fn growth_that_a_guest_forbade_itself_is_not_counted() {
    let stand = Stand::new(4);
    // Each attempt fails by the declared maximum of two pages; then both pages are used.
    let evaluate = "(loop $again
            (if (i32.ne (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 50))))
        (if (i32.ne (memory.grow (i32.const 1)) (i32.const 1)) (then unreachable))";
    let bytes = Crafted { memory: "1 2", evaluate, ..Crafted::default() }.build();
    let under = stand.judge(&crafted(&stand, &bytes, Limits::compiled()).await, json!({})).await;
    passes(&under);
    assert_eq!(under.memory_bytes, 2 * PAGE);
}

#[tokio::test]
async fn tables() {
    let stand = Stand::new(4);
    let limits = Limits { table_elements: 5000, ..Limits::compiled() };
    let at = async |fields: &str, evaluate: &str, limits: Limits| {
        let bytes = Crafted { fields, evaluate, ..Crafted::default() }.build();
        stand.judge(&crafted(&stand, &bytes, limits).await, json!({})).await
    };
    let over = |wanted| GuestError::TableLimit { wanted, limit: 5000 };
    passes(&at("(table 5000 funcref)", "", limits).await);
    fails(&at("(table 5001 funcref)", "", limits).await, &over(5001));
    passes(&at("(table 2000 funcref) (table 3000 funcref)", "", limits).await);
    fails(&at("(table 2000 funcref) (table 3001 funcref)", "", limits).await, &over(5001));

    let grow = "(if (i32.eq (table.grow (ref.null func) (i32.const 4000)) (i32.const -1)) (then unreachable))";
    passes(&at("(table 1000 funcref)", grow, limits).await);
    fails(&at("(table 1001 funcref)", grow, limits).await, &over(5001));

    let bytes = with_instances(Crafted::default().build(), &module("(table 1000 funcref)"), 5);
    passes(&stand.judge(&crafted(&stand, &bytes, limits).await, json!({})).await);
    let bytes = with_instances(Crafted::default().build(), &module("(table 1000 funcref)"), 6);
    fails(&stand.judge(&crafted(&stand, &bytes, limits).await, json!({})).await, &over(6000));
    stand.still_sound().await;
}

#[tokio::test]
async fn instances() {
    let stand = Stand::new(4);
    let instances = 20;
    // All of them but the empty ones, whose number the encoder of components chooses.
    let own = async |limit: u32| {
        let limits = Limits { instances: limit, ..Limits::compiled() };
        stand.judge(&crafted(&stand, &Crafted::default().build(), limits).await, json!({})).await
    };
    let mut base = 1;
    while own(base).await.result.is_err() {
        base += 1;
    }
    assert!(base <= 3, "a bare component needs {base} instances");
    let bytes = with_instances(Crafted::default().build(), &module(""), instances);
    let limit = base + instances;
    let tight = crafted(&stand, &bytes, Limits { instances: limit, ..Limits::compiled() }).await;
    passes(&stand.judge(&tight, json!({})).await);
    let short = crafted(&stand, &bytes, Limits { instances: limit - 1, ..Limits::compiled() }).await;
    fails(&stand.judge(&short, json!({})).await, &GuestError::InstanceLimit { limit: u64::from(limit) - 1 });
    stand.still_sound().await;
}
