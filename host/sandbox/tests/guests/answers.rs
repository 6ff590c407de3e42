//! Answers that break the contract, and guests that die. None of them is ever a verdict.

use arena_sandbox::{GuestError, Limits};
use serde_json::{Value, json};

use crate::crafted::{CRAFTED, Crafted, Verdict};
use crate::stand::{REPLY, Stand, call, fails, passes};

/// Judges with a hostile guest and these params.
async fn judged(stand: &Stand, name: &str, params: Value) -> Result<(), GuestError> {
    let guest = stand.hostile(name, Limits::compiled()).await;
    stand.judge(&guest, params).await.result.map(drop)
}

/// The whole text of an answer that was refused.
fn invalid(result: Result<(), GuestError>) -> String {
    match result {
        Err(GuestError::ResultInvalid(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn scores_are_numbers_from_zero_to_one() {
    let stand = Stand::new(4);
    for score in ["0", "1", "-0", "0.5", "1e-300"] {
        judged(&stand, "nan-score", json!({"score": score})).await.unwrap();
    }
    for score in ["NaN", "-NaN", "inf", "-inf", "1.0000000000000002", "-1e-300"] {
        let why = invalid(judged(&stand, "nan-score", json!({"score": score})).await);
        assert!(why.contains("is not a number from 0 to 1"), "{why}");
    }
    judged(&stand, "nan-score", json!({"score": "1", "metric": "-1e300"})).await.unwrap();
    for metric in ["NaN", "inf", "-inf"] {
        let why = invalid(judged(&stand, "nan-score", json!({"score": "1", "metric": metric})).await);
        assert!(why.contains("metric `odd` is"), "{why}");
    }
    stand.still_sound().await;
}

#[tokio::test]
async fn evidence_lies_within_a_message() {
    let stand = Stand::new(4);
    let at = async |message: u32, start: usize, end: usize| {
        judged(&stand, "bad-evidence", json!({"message": message, "start": start, "end": end})).await
    };
    let length = REPLY.len();
    at(1, 0, length).await.unwrap();
    at(1, length, length).await.unwrap();
    let outside = [(1, 0, length + 1), (1, 2, 1), (2, 0, 0), (u32::MAX, 0, 0), (1, length + 1, length + 1)];
    for (message, start, end) in outside {
        let why = invalid(at(message, start, end).await);
        assert!(why.contains(&format!("{start}..{end} does not lie within message {message}")), "{why}");
    }
    stand.still_sound().await;
}

#[tokio::test]
async fn evidence_does_not_cut_a_character() {
    let stand = Stand::new(4);
    let guest = stand.hostile("bad-evidence", Limits::compiled()).await;
    let at = async |end: u32| {
        let mut call = call("bad-evidence", json!({"message": 1, "start": 0, "end": end}));
        let mut conversation = (*call.conversation).clone();
        conversation.messages[1].content = arena_model::Content::Text("\u{20ac}".to_owned());
        call.conversation = conversation.into();
        stand.call(&guest, call).await
    };
    passes(&at(3).await);
    invalid(at(2).await.result.map(drop));
}

#[tokio::test]
async fn errors_of_the_contract_keep_their_names() {
    let stand = Stand::new(4);
    let why = "as asked".to_owned();
    judged(&stand, "retryable", json!({})).await.unwrap();
    for (error, expected) in [
        ("bad-params", GuestError::BadParams(why.clone())),
        ("not-applicable", GuestError::NotApplicable(why.clone())),
        ("retryable", GuestError::CheckRetryable(why.clone())),
        ("other", GuestError::CheckFailed(why.clone())),
    ] {
        assert_eq!(judged(&stand, "retryable", json!({"error": error})).await.unwrap_err(), expected);
    }
    let wrong = judged(&stand, "retryable", json!({"error": 7})).await.unwrap_err();
    assert!(matches!(&wrong, GuestError::BadParams(why) if why.contains("error")), "{wrong:?}");
    stand.still_sound().await;
}

#[tokio::test]
async fn a_guest_that_dies_is_a_trap_and_says_why() {
    let stand = Stand::new(4);
    let guest = stand.hostile("trap", Limits::compiled()).await;
    passes(&stand.judge(&guest, json!({"kind": "none"})).await);
    for kind in ["panic", "abort"] {
        let died = stand.judge(&guest, json!({"kind": kind})).await;
        assert!(matches!(&died.result, Err(GuestError::GuestTrap(why)) if why.contains("unreachable")), "{died:?}");
        assert_eq!(died.log.iter().any(|line| line.text.contains("as asked")), kind == "panic", "{:?}", died.log);
    }
    stand.still_sound().await;
}

#[tokio::test]
async fn every_trap_of_the_machine_is_a_trap() {
    let stand = Stand::new(4);
    for (evaluate, expected) in [
        ("unreachable", "unreachable"),
        ("(drop (i32.div_u (i32.const 1) (local.get $i)))", "divide by zero"),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", "integer overflow"),
        ("(drop (i32.load (i32.const -1)))", "out of bounds"),
        ("(memory.fill (i32.const 1) (i32.const 0) (i32.const 65536))", "out of bounds"),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", "invalid conversion"),
    ] {
        let bytes = Crafted { evaluate, ..Crafted::default() }.build();
        let guest = stand.bytes(CRAFTED, &bytes, Limits::compiled()).await;
        match stand.judge(&guest, json!({})).await.result {
            Err(GuestError::GuestTrap(why)) => assert!(why.contains(expected), "{evaluate}: {why}"),
            other => panic!("{evaluate}: {other:?}"),
        }
    }
    stand.still_sound().await;
}

#[tokio::test]
async fn an_end_that_never_comes_is_fuel_wherever_it_is() {
    let stand = Stand::new(4);
    let limits = Limits { fuel: 1_000_000, ..Limits::compiled() };
    let exhausted = GuestError::FuelExhausted { limit: limits.fuel };
    let start = "(func $start (loop $again (br $again))) (start $start)";
    let cleanup = r#"(func (export "cabi_post_arena:evaluator/checks@0.1.0#evaluate") (param i32)
        (loop $again (br $again)))"#;
    for fields in [start, cleanup] {
        let bytes = Crafted { fields, ..Crafted::default() }.build();
        let guest = stand.bytes(CRAFTED, &bytes, limits).await;
        fails(&stand.judge(&guest, json!({})).await, &exhausted);
    }
    // One instruction, sixty megabytes, again and again.
    let evaluate = "(loop $again (memory.fill (i32.const 8192) (i32.const 1) (i32.const 60000000)) (br $again))";
    let bytes = Crafted { memory: "1000", evaluate, ..Crafted::default() }.build();
    let guest = stand.bytes(CRAFTED, &bytes, Limits { fuel: 1_000_000_000, ..limits }).await;
    fails(&stand.judge(&guest, json!({})).await, &GuestError::FuelExhausted { limit: 1_000_000_000 });
    stand.still_sound().await;
}

#[tokio::test]
async fn malformed_answers_are_invalid() {
    let stand = Stand::new(4);
    let judged = async |crafted: Crafted<'_>| {
        let guest = stand.bytes(CRAFTED, &crafted.build(), Limits::compiled()).await;
        stand.judge(&guest, json!({})).await.result.map(drop)
    };
    let of = |verdict: Verdict| Crafted { verdict, ..Crafted::default() };
    judged(of(Verdict { reason: (2048, 10), ..Verdict::default() })).await.unwrap();
    for crafted in [
        of(Verdict { kind: 7, ..Verdict::default() }),
        of(Verdict { reason: (2048, 3 << 30), ..Verdict::default() }),
        of(Verdict { reason: (u32::MAX, 1), ..Verdict::default() }),
        of(Verdict { metrics: (0, 1 << 28), ..Verdict::default() }),
        of(Verdict { metrics: (3, 1), ..Verdict::default() }),
        Crafted { returns: 1025, ..Crafted::default() },
        Crafted { returns: 65_528, ..Crafted::default() },
        Crafted {
            fields: r#"(data (i32.const 3000) "\ff\fe")"#,
            ..of(Verdict { reason: (3000, 2), ..Verdict::default() })
        },
    ] {
        invalid(judged(crafted).await);
    }
    stand.still_sound().await;
}

#[tokio::test]
async fn a_list_that_names_the_same_bytes_over_and_over_is_too_much() {
    let stand = Stand::new(4);
    // Two million names of 64 KiB each in 32 MiB of memory: 128 GiB once copied.
    let evaluate = "(local.set $i (i32.const 65536))
        (loop $again
            (i32.store (local.get $i) (i32.const 0))
            (i32.store offset=4 (local.get $i) (i32.const 65536))
            (local.set $i (i32.add (local.get $i) (i32.const 16)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 32000000))))";
    let verdict = Verdict { metrics: (65_536, 1_900_000), ..Verdict::default() };
    let bytes = Crafted { memory: "500", evaluate, verdict, ..Crafted::default() }.build();
    let guest = stand.bytes(CRAFTED, &bytes, Limits::compiled()).await;
    let limit = Limits::compiled().result;
    fails(&stand.judge(&guest, json!({})).await, &GuestError::ResultLimit { limit });
    stand.still_sound().await;
}
