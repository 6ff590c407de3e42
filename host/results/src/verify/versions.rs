//! What two versions of the engine both say in a summary.

use serde_json::Value;

/// Objects whose keys are names of data, not of the format: both versions must have the same of them.
const OF_DATA: [&str; 9] = [
    "scenarios",
    "providers",
    "evaluators",
    "labels",
    "errors",
    "models",
    "latency_ms_by_provider",
    "ttft_ms_by_provider",
    "concurrency_by_provider",
];
/// Fields that are named in a note.
const NAMED: usize = 20;

/// Leaves only the fields that both have, and gives a sentence that names the others; none if there are none.
pub(super) fn keep_shared(stored: &mut Value, made: &mut Value) -> Option<String> {
    let mut left_out = Vec::new();
    walk("", false, stored, made, &mut left_out);
    left_out.sort_unstable();
    left_out.dedup();
    let more = match left_out.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    left_out.truncate(NAMED);
    let names = left_out.join(", ");
    (!names.is_empty()).then(|| format!("only one of both versions has {names}{more}, so that was not looked at"))
}

/// `of_data` says that the keys here are names of data. Those are left out of a field's name, which so is one for all.
fn walk(place: &str, of_data: bool, stored: &mut Value, made: &mut Value, left_out: &mut Vec<String>) {
    match (stored, made) {
        (Value::Object(stored), Value::Object(made)) => {
            let name = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
            if !of_data {
                left_out.extend(stored.keys().filter(|key| !made.contains_key(*key)).map(|key| name(key)));
                left_out.extend(made.keys().filter(|key| !stored.contains_key(*key)).map(|key| name(key)));
                stored.retain(|key, _| made.contains_key(key));
                made.retain(|key, _| stored.contains_key(key));
            }
            for (key, value) in stored {
                if let Some(other) = made.get_mut(key) {
                    let here = if of_data { place.to_owned() } else { name(key) };
                    walk(&here, !of_data && OF_DATA.contains(&key.as_str()), value, other, left_out);
                }
            }
        }
        (Value::Array(stored), Value::Array(made)) => {
            for (one, other) in stored.iter_mut().zip(made) {
                walk(place, false, one, other, left_out);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_one_version_are_left_out_and_names_of_data_are_not() {
        let mut stored = json!({"new": 1, "scenarios": {"forged": {"counts": 1}, "s": {"counts": 1, "more": 2}}});
        let mut made = json!({"old": 1, "scenarios": {"s": {"counts": 1}}});
        let told = keep_shared(&mut stored, &mut made).unwrap();
        assert_eq!(told, "only one of both versions has new, old, scenarios.more, so that was not looked at");
        assert_eq!(stored, json!({"scenarios": {"forged": {"counts": 1}, "s": {"counts": 1}}}));
        assert_eq!(made, json!({"scenarios": {"s": {"counts": 1}}}));
        assert_eq!(keep_shared(&mut stored, &mut made), None);
    }
}
