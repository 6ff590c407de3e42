//! Runs of any size: one scenario over rows of a dataset, answers of distinct words, one case in a hundred failed.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use arena_model::{CaseId, Digest};
use arena_results::Settings;
use serde_json::json;

use crate::run::{FinishedRun, write};

const WORDS: [&str; 32] = [
    "refund",
    "policy",
    "order",
    "delivered",
    "customer",
    "ticket",
    "escalate",
    "within",
    "days",
    "please",
    "answer",
    "return",
    "shipping",
    "address",
    "account",
    "payment",
    "invoice",
    "card",
    "cancel",
    "product",
    "warranty",
    "replacement",
    "agent",
    "minutes",
    "tomorrow",
    "however",
    "because",
    "although",
    "therefore",
    "number",
    "confirm",
    "review",
];

/// Writes it: each case has three checks and an answer of about `answer_bytes` that holds the word `needle` with its
/// index, and every hundredth case from the 43rd on failed.
pub fn volume(dir: &Path, cases: u64, answer_bytes: usize, settings: Settings) -> Result<FinishedRun> {
    let mut random = 88_172_645_463_325_252u64;
    let lines = (0..cases).map(|index| {
        let mut answer = String::with_capacity(answer_bytes + 32);
        while answer.len() < answer_bytes {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            answer.push_str(WORDS[(random >> 59) as usize]);
            answer.push(' ');
        }
        Ok((index, line(index, &answer, random)?))
    });
    write(dir, &["gpt-4o-mini"], cases, lines, vec![], |_| BTreeMap::new(), settings)
}

fn line(index: u64, answer: &str, random: u64) -> Result<Vec<u8>> {
    let bad = index % 100 == 43;
    let (outcome, reason) = if bad { ("failed", Some("regex: no match")) } else { ("passed", None) };
    let id = CaseId {
        scenario: "orders".into(),
        provider: "gpt-4o-mini".into(),
        region: None,
        trial: 0,
        row: Some(format!("row-{index}")),
        variant: None,
    };
    let checks: Vec<_> = ["contains", "max_length", "regex"]
        .iter()
        .enumerate()
        .map(|(at, kind)| {
            let bad = bad && at == 2;
            json!({
                "scope": "turn", "turn": 0, "index": at, "type": kind, "params": {"patterns": ["refund", "days"]},
                "outcome": if bad { "failed" } else { "passed" }, "score": if bad { 0.0 } else { 1.0 },
                "reason": if bad { "no match" } else { "as wanted" },
                "evidence": [{"message": 1, "start": random % 900, "end": random % 900 + 9, "note": ""}],
                "evaluator": {"name": "text", "digest": Digest::of(kind.as_bytes())},
                "fuel": 180_000 + random % 5000, "memory_bytes": 1_114_112, "reused": false, "calls": [],
            })
        })
        .collect();
    let record = json!({
        "v": 1, "key": id.key(), "index": index, "input": Digest::of(&index.to_be_bytes()), "scenario": id.scenario,
        "provider": id.provider, "region": null, "trial": 0, "row": id.row, "variant": null, "outcome": outcome,
        "reason": reason,
        "messages": [
            {"role": "user", "by": "script", "content": format!("Question {index}?"), "tool_calls": []},
            {"role": "assistant", "by": "model", "content": format!("{answer}needle{index}."), "tool_calls": [],
             "usage": {"input": 120, "output": 200, "cached": 0}, "finish": "stop"},
        ],
        "events": [], "checks": checks, "usage": {"input": 120, "output": 200, "cached": 0},
        "cost_usd_micro": 150 + random % 90,
        "measured": {
            "started": format!("2026-01-05T09:30:{:02}Z", index % 60), "latency_ms": (200 + random % 900) as f64 + 0.5,
            "ttft_ms": null, "turns": [], "checks_us": [12, 9, 31], "attempts": 1, "worker": "w1",
        },
    });
    Ok(serde_json::to_vec(&record)?)
}
