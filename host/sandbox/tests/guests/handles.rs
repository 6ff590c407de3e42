//! How many handles a guest may hold, of the host's resources and of its own.

use arena_sandbox::{GuestError, Limits};
use serde_json::json;

use crate::crafted::{CRAFTED, Crafted};
use crate::stand::{Stand, fails, passes};

#[tokio::test]
async fn of_the_host() {
    let stand = Stand::new(4);
    let limit = 100;
    let guest = stand.hostile("wasi-probe", Limits { resources: limit, ..Limits::compiled() }).await;
    // Its subject is one, and it needs one stream to write to.
    passes(&stand.judge(&guest, json!({"handles": limit - 2})).await);
    let over = GuestError::ResourceLimit { limit: u64::from(limit) };
    fails(&stand.judge(&guest, json!({"handles": limit - 1})).await, &over);
    fails(&stand.judge(&guest, json!({"handles": 100_000})).await, &over);
    stand.still_sound().await;
}

#[tokio::test]
async fn of_its_own() {
    let stand = Stand::new(4);
    let world = "package hostile:hoard;
        interface hoard { resource thing; }
        world crafted { include arena:evaluator/evaluator@0.1.0; export hoard; }";
    let new = r#"(import "[export]hostile:hoard/hoard" "[resource-new]thing" (func $new (param i32) (result i32)))"#;
    let limit = 100;
    let at = async |amount: u32| {
        let evaluate = format!(
            "(loop $again
                (drop (call $new (local.get $i)))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $i) (i32.const {amount}))))"
        );
        let bytes = Crafted { imports: new, evaluate: &evaluate, world, ..Crafted::default() }.build();
        let guest = stand.bytes(CRAFTED, &bytes, Limits { resources: limit, ..Limits::compiled() }).await;
        stand.judge(&guest, json!({})).await
    };
    passes(&at(limit).await);
    let over = GuestError::ResourceLimit { limit: u64::from(limit) };
    fails(&at(limit + 1).await, &over);
    fails(&at(1_000_000).await, &over);
    stand.still_sound().await;
}
