//! The neutered WASI: a guest that asks for the world sees the same small one every time.

use std::time::{Duration, Instant};

use arena_sandbox::{Call, GuestError, Limits};
use serde_json::{Value, json};

use crate::stand::{EPOCH, Stand, call, fails, passes};

/// What the probe saw.
async fn seen(stand: &Stand, params: Value, seed: u64) -> Value {
    let probe = stand.hostile("wasi-probe", Limits::compiled()).await;
    let evaluation = stand.call(&probe, Call { seed, ..call("wasi-probe", params) }).await;
    passes(&evaluation);
    serde_json::from_str(&evaluation.result.unwrap().reason).unwrap()
}

#[tokio::test]
async fn clocks_stand_still_and_count() {
    let stand = Stand::new(2);
    let saw = seen(&stand, json!({"looks": 1000}), 7).await;
    assert_eq!(saw["wall"], json!([EPOCH.as_secs(), 0]));
    assert_eq!(saw["ticks"], json!([0, 999_000]), "a microsecond for each look");
}

#[tokio::test]
async fn randomness_is_the_seeds() {
    let stand = Stand::new(2);
    let (one, same, other) =
        (seen(&stand, json!({}), 7).await, seen(&stand, json!({}), 7).await, seen(&stand, json!({}), 8).await);
    assert_eq!(one, same);
    assert_ne!(one["random"][0], other["random"][0]);
    assert_ne!(one["random"][1], other["random"][1]);
    assert_ne!(one["random"][0], one["random"][1]);
    assert_ne!(one["seed"], other["seed"]);
}

#[tokio::test]
async fn there_is_nothing_to_see() {
    let stand = Stand::new(2);
    let saw = seen(&stand, json!({}), 7).await;
    assert_eq!((&saw["environment"], &saw["arguments"], &saw["folder"]), (&json!([]), &json!([]), &Value::Null));
    assert_eq!(saw["preopens"], json!(0));
}

#[tokio::test]
async fn stdout_goes_to_the_log_up_to_its_limit() {
    let stand = Stand::new(2);
    let limit = 1000;
    let probe = stand.hostile("wasi-probe", Limits { log: limit, ..Limits::compiled() }).await;
    let at = async |stdout: &str, times: u64| stand.judge(&probe, json!({"stdout": stdout, "times": times})).await;
    let under = at("123456789\n", 100).await;
    passes(&under);
    assert_eq!(under.log.len(), 100);
    assert_eq!((under.log[0].level, under.log[0].text.as_str()), ("stdout", "123456789"));
    for (text, times) in [("123456789\n", 101), ("\n", 1001), ("x", 1001), ("123456789\n", 100_000), ("\n", 4000)] {
        let over = at(text, times).await;
        fails(&over, &GuestError::LogLimit { limit });
        assert!(over.log.len() <= 1000);
    }
    stand.still_sound().await;
}

#[tokio::test]
async fn calls_of_wasi_are_calls_of_the_host() {
    let stand = Stand::new(2);
    let probe = stand.hostile("wasi-probe", Limits { host_calls: 2000, ..Limits::compiled() }).await;
    let at = async |looks: u64| stand.judge(&probe, json!({"looks": looks})).await;
    passes(&at(1000).await);
    fails(&at(2001).await, &GuestError::HostCallLimit { limit: 2000 });
    stand.still_sound().await;
}

#[tokio::test]
async fn a_flood_of_costly_calls_is_stopped_for_being_a_flood() {
    let stand = Stand::new(2);
    let limits = Limits { host_calls: 100, fuel: Limits::ceiling().fuel, memory: 256 << 20, ..Limits::compiled() };
    let probe = stand.hostile("wasi-probe", limits).await;
    fails(&stand.judge(&probe, json!({"looks": u32::MAX})).await, &GuestError::HostCallLimit { limit: 100 });
    stand.still_sound().await;
}

#[tokio::test]
async fn random_bytes_are_bounded() {
    let stand = Stand::new(2);
    assert_eq!(seen(&stand, json!({"random": 1 << 20}), 7).await["bytes"], json!(1 << 20));
    let probe = stand.hostile("wasi-probe", Limits::compiled()).await;
    for amount in [(1 << 20) + 1, u64::MAX] {
        let refused = stand.judge(&probe, json!({"random": amount})).await;
        assert!(matches!(refused.result, Err(GuestError::GuestTrap(_))), "{:?}", refused.result);
    }
    stand.still_sound().await;
}

#[tokio::test]
async fn a_guest_that_sleeps_wakes_at_once_and_later() {
    let stand = Stand::new(1);
    let started = Instant::now();
    let hour = 3_600_000_000_000_u64;
    let saw = seen(&stand, json!({"sleep": hour / 1_000_000}), 7).await;
    assert!(started.elapsed() < Duration::from_secs(60), "it waited for real");
    assert_eq!(saw["ticks"], json!([hour, hour + 1_000]));
    let saw = seen(&stand, json!({"sleep": u64::MAX / 1_000_000}), 7).await;
    assert!(saw["ticks"][0].as_u64() > Some(hour));
    stand.still_sound().await;
}

#[tokio::test]
async fn a_flood_ends_at_the_same_call_every_time() {
    let stand = Stand::new(2);
    let limit = 500;
    let probe = stand.hostile("wasi-probe", Limits { host_calls: limit, ..Limits::compiled() }).await;
    let mut used = Vec::new();
    for flood in [json!({"looks": u32::MAX}), json!({"stdout": "", "times": u32::MAX})] {
        let fuel = async || {
            let evaluation = stand.judge(&probe, flood.clone()).await;
            fails(&evaluation, &GuestError::HostCallLimit { limit });
            evaluation.fuel
        };
        let (one, two) = (fuel().await, fuel().await);
        assert_eq!(one, two, "{flood}");
        used.push(one);
    }
    assert!(used.iter().all(|fuel| *fuel < 5_000_000), "it went on after the limit: {used:?}");
}
