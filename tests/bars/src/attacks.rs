//! Every hostile guest with what it is told to do and how that must end. Where a limit is a number of things, one
//! attack stays just within it, which passes, and one goes just over it.

use std::fmt;

use serde_json::{Value, json};

/// How an attack must end.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// Within its limits: a verdict.
    Pass,
    /// An error of this name.
    Error(&'static str),
}

/// One attack.
#[derive(Debug)]
pub struct Attack {
    /// Name of the component, and of its check.
    pub guest: &'static str,
    /// Params of the check.
    pub params: Value,
    /// Capabilities it is granted.
    pub grants: &'static [&'static str],
    /// Limits other than the defaults.
    pub limits: Value,
    /// The file ends in the middle.
    pub cut: bool,
    /// How it must end.
    pub ending: Ending,
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} {}", self.guest, if self.cut { ", cut" } else { "" }, self.params)
    }
}

fn attack(guest: &'static str, params: Value, ending: Ending) -> Attack {
    Attack { guest, params, grants: &[], limits: json!({}), cut: false, ending }
}

/// All of them.
pub fn attacks() -> Vec<Attack> {
    use Ending::{Error, Pass};
    let judged =
        |amount: u32, ending| Attack { grants: &["judge"], ..attack("judge-flood", json!({"amount": amount}), ending) };
    let embedded = |amount: u32, ending| Attack {
        grants: &["embed"],
        ..attack("embed-flood", json!({"amount": amount, "texts": ["x"]}), ending)
    };
    let limited = |guest, limits, params, ending| Attack { limits, ..attack(guest, params, ending) };
    vec![
        attack("infinite-loop", json!({"amount": 1000}), Pass),
        attack("infinite-loop", json!({}), Error("FuelExhausted")),
        limited("infinite-loop", json!({"fuel": 1_000_000}), json!({}), Error("FuelExhausted")),
        attack("memory-bomb", json!({"amount": 900}), Pass),
        attack("memory-bomb", json!({"amount": 1024}), Error("MemoryLimit")),
        attack("memory-bomb", json!({}), Error("MemoryLimit")),
        attack("recursion", json!({"amount": 1000}), Pass),
        attack("recursion", json!({"amount": 100_000_000}), Error("StackOverflow")),
        attack("giant-result", json!({"amount": 256 << 10}), Pass),
        attack("giant-result", json!({"amount": (256 << 10) + 1}), Error("ResultLimit")),
        attack("giant-result", json!({"amount": 50_000_000}), Error("ResultLimit")),
        attack("log-flood", json!({"amount": 1, "length": (16 << 10) - 1}), Pass),
        attack("log-flood", json!({"amount": 1, "length": 16 << 10}), Error("LogLimit")),
        attack("log-flood", json!({"amount": 1_000_000_000, "length": 15}), Error("LogLimit")),
        attack("host-call-flood", json!({"amount": 10_000}), Pass),
        attack("host-call-flood", json!({"amount": 10_001}), Error("HostCallLimit")),
        judged(4, Pass),
        judged(5, Error("JudgeCallLimit")),
        attack("judge-flood", json!({"amount": 1}), Error("CapabilityDenied")),
        embedded(4, Pass),
        embedded(5, Error("EmbedCallLimit")),
        attack("embed-flood", json!({"amount": 1}), Error("CapabilityDenied")),
        attack("wasi-probe", json!({"handles": 1000}), Error("ResourceLimit")),
        attack("wasi-probe", json!({"stdout": "x", "times": 20_000}), Error("HostCallLimit")),
        // A guest that sleeps moves its own clock and nobody waits.
        limited("wasi-probe", json!({"totalMs": 300}), json!({"sleep": 3_600_000}), Pass),
        limited(
            "infinite-loop",
            json!({"totalMs": 300, "fuel": 200_000_000_000_u64}),
            json!({}),
            Error("EvaluationTimeout"),
        ),
        attack("trap", json!({"kind": "panic"}), Error("GuestTrap")),
        attack("trap", json!({"kind": "abort"}), Error("GuestTrap")),
        attack("nan-score", json!({"score": "NaN"}), Error("ResultInvalid")),
        attack("nan-score", json!({"score": "1.0001"}), Error("ResultInvalid")),
        attack("bad-evidence", json!({"message": 99, "start": 0, "end": 1}), Error("ResultInvalid")),
        attack("retryable", json!({"error": "retryable"}), Error("CheckRetryable")),
        attack("state-smuggler", json!({}), Pass),
        // A run goes by the section alone, so what `describe` says is never heard; `evaluator build` compares the two.
        attack("lying-metadata", json!({}), Pass),
        attack("undeclared-import", json!({"command": "true"}), Error("CapabilityDenied")),
        attack("wrong-world", json!({}), Error("ContractMismatch")),
        Attack { cut: true, ..attack("trap", json!({"kind": "none"}), Error("InvalidWasm")) },
    ]
}
