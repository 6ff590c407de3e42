//! Values of arguments, which models and authors of YAML write as they please: 7 is 7.0 and "7".

use serde_json::{Number, Value};

/// Whether two values are written alike. Null is like nothing but null.
pub fn alike(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| alike(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| alike(value, other)))
        }
        (Value::Null, Value::Null) => true,
        (Value::Null | Value::Array(_) | Value::Object(_), _)
        | (_, Value::Null | Value::Array(_) | Value::Object(_)) => false,
        _ => text(left) == text(right),
    }
}

/// A value as text: text itself without quotes, numbers without needless decimals, all else as JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => plain(number),
        other => other.to_string(),
    }
}

/// A whole number has no decimals, however it was written.
fn plain(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float.to_string(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn written_alike() {
        for (left, right, want) in [
            (json!(7), json!(7.0), true),
            (json!("7"), json!(7.0), true),
            (json!(1e6), json!(1_000_000), true),
            (json!(0.5), json!("0.5"), true),
            (json!(true), json!("true"), true),
            (json!(null), json!(null), true),
            (json!(null), json!("null"), false),
            (json!([1, {"a": 2.0}]), json!(["1", {"a": 2}]), true),
            (json!([1]), json!([1, 2]), false),
            (json!([1]), json!("[1]"), false),
            (json!({"a": 1}), json!({"b": 1}), false),
            (json!("a"), json!("A"), false),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64), false),
        ] {
            assert_eq!((alike(&left, &right), alike(&right, &left)), (want, want), "{left} {right}");
        }
        assert_eq!([text(&json!("a")), text(&json!(2.0)), text(&json!([2.0]))], ["a", "2", "[2.0]"]);
    }
}
