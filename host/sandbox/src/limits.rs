//! What one evaluation may use. Fuel, memory, table, instance, stack, result, log, host-call and resource limits
//! decide verdicts and are deterministic; the two time limits are infrastructure trouble, never a verdict.

use arena_model::{Class, Fault};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const MIB: u64 = 1 << 20;
/// Slowest rate at which fuel was measured to burn, units a second, divided by the ten-fold margin that keeps the
/// clock from deciding a verdict.
const FUEL_PER_GUEST_MS: u64 = 150_000;

/// Limits of one evaluation. All are inclusive: using exactly this much is fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Units of fuel, about one per Wasm operator.
    pub fuel: u64,
    /// Guest CPU time in milliseconds, counted in ticks of 10 ms; host calls cost none of it.
    pub guest_ms: u64,
    /// Wall time in milliseconds, host calls included.
    pub total_ms: u64,
    /// Linear memory of all the guest's memories together, bytes.
    pub memory: u64,
    /// Elements of all its tables together.
    pub table_elements: u64,
    /// Core instances.
    pub instances: u32,
    /// Bytes copied out of the guest in one call: a verdict, a host call's arguments.
    pub result: u64,
    /// Bytes of params and messages handed to the guest.
    pub input: u64,
    /// Bytes logged, stdout and stderr included.
    pub log: u64,
    /// Calls of any host function.
    pub host_calls: u64,
    /// Questions to a judge, if granted.
    pub judge_calls: u32,
    /// Calls for embeddings, if granted.
    pub embed_calls: u32,
    /// Live resource handles.
    pub resources: u32,
}

impl Limits {
    /// For small compiled guests (Rust, C, Go).
    pub const fn compiled() -> Self {
        let fuel = 1_000_000_000;
        Self {
            fuel,
            guest_ms: fuel / FUEL_PER_GUEST_MS,
            total_ms: 60_000,
            memory: 64 * MIB,
            table_elements: 20_000,
            instances: 16,
            result: 256 << 10,
            input: MIB,
            log: 16 << 10,
            host_calls: 10_000,
            judge_calls: 4,
            embed_calls: 4,
            resources: 256,
        }
    }

    /// For guests that bring an interpreter (JavaScript, Python).
    pub const fn scripted() -> Self {
        let fuel = 20_000_000_000;
        Self {
            fuel,
            guest_ms: fuel / FUEL_PER_GUEST_MS,
            total_ms: 180_000,
            memory: 256 * MIB,
            table_elements: 100_000,
            instances: 64,
            log: 64 << 10,
            resources: 1024,
            ..Self::compiled()
        }
    }

    /// The most that a platform lets anyone ask for.
    pub const fn ceiling() -> Self {
        let fuel = 200_000_000_000;
        Self {
            fuel,
            guest_ms: fuel / FUEL_PER_GUEST_MS,
            total_ms: 3_600_000,
            memory: 1024 * MIB,
            table_elements: 1_000_000,
            instances: 200,
            result: 4 * MIB,
            input: 16 * MIB,
            log: MIB,
            host_calls: 100_000,
            judge_calls: 64,
            embed_calls: 64,
            resources: 10_000,
        }
    }

    /// Defaults for a component of this size: an interpreter never fits into 4 MiB, and nothing compiled needs it.
    pub const fn for_component(bytes: usize) -> Self {
        if bytes > 4 << 20 { Self::scripted() } else { Self::compiled() }
    }

    /// These limits with the keys of a JSON object replaced (`{"fuel": 1000000}`), each at most its ceiling.
    /// Raising `fuel` alone raises `guestMs` with it, so that time never decides what fuel should.
    pub fn overridden(self, overrides: &Value) -> Result<Self, LimitsError> {
        let Value::Object(wanted) = overrides else {
            return if overrides.is_null() { Ok(self) } else { Err(LimitsError::NotAMapping(overrides.to_string())) };
        };
        let (mut fields, ceiling) = (as_map(&self), as_map(&Self::ceiling()));
        for (key, value) in wanted {
            let Some(most) = ceiling.get(key).and_then(Value::as_u64) else {
                let known = ceiling.keys().cloned().collect::<Vec<_>>().join(", ");
                return Err(LimitsError::Unknown { key: key.clone(), known });
            };
            match value.as_u64() {
                Some(number) if number >= 1 && number <= most => fields.insert(key.clone(), value.clone()),
                _ => return Err(LimitsError::OutOfRange { key: key.clone(), value: value.to_string(), most }),
            };
        }
        if let (Some(fuel), false) = (wanted.get("fuel").and_then(Value::as_u64), wanted.contains_key("guestMs")) {
            let needed = (fuel / FUEL_PER_GUEST_MS).max(self.guest_ms);
            fields.insert("guestMs".to_owned(), needed.into());
        }
        serde_json::from_value(Value::Object(fields)).map_err(|error| LimitsError::NotAMapping(error.to_string()))
    }
}

fn as_map(limits: &Limits) -> serde_json::Map<String, Value> {
    match serde_json::to_value(limits) {
        Ok(Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    }
}

/// Limits a user asked for that cannot be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LimitsError {
    /// Not a JSON object.
    #[error("limits must be a mapping of names to numbers, not {0}")]
    NotAMapping(String),
    /// No such limit.
    #[error("there is no limit `{key}`; the limits are {known}")]
    Unknown {
        /// As written.
        key: String,
        /// All there are.
        known: String,
    },
    /// Zero, negative, not a whole number, or over the ceiling.
    #[error("limit `{key}` is {value}; give a whole number from 1 to {most}")]
    OutOfRange {
        /// As written.
        key: String,
        /// As written.
        value: String,
        /// The ceiling.
        most: u64,
    },
}

impl Fault for LimitsError {
    fn reason(&self) -> &'static str {
        "LimitInvalid"
    }

    fn class(&self) -> Class {
        Class::Input
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn overrides_replace_only_what_they_name() {
        let limits = Limits::compiled().overridden(&json!({"memory": 1048576})).unwrap();
        assert_eq!(limits, Limits { memory: 1 << 20, ..Limits::compiled() });
    }

    #[test]
    fn more_fuel_brings_more_time() {
        let limits = Limits::compiled().overridden(&json!({"fuel": 3_000_000_000_u64})).unwrap();
        assert_eq!(limits.guest_ms, 20_000);
    }

    #[test]
    fn the_ceiling_and_unknown_names_are_refused() {
        let refused = |value| Limits::compiled().overridden(&value).unwrap_err().to_string();
        assert_eq!(refused(json!({"log": 1048577})), "limit `log` is 1048577; give a whole number from 1 to 1048576");
        assert_eq!(refused(json!({"fuel": 0})), "limit `fuel` is 0; give a whole number from 1 to 200000000000");
        assert!(
            refused(json!({"feul": 1}))
                .starts_with("there is no limit `feul`; the limits are embedCalls, fuel, guestMs")
        );
        assert!(Limits::compiled().overridden(&json!({"log": 1048576})).is_ok());
    }
}
