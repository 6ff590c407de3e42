//! Questions about outputs, by which branches are chosen. Answers as the original runner does: what is not there is null,
//! numbers compare as numbers, and what has no order is an error.

use std::collections::BTreeMap;

use arena_bundle::{Comparison, Predicate};
use serde_json::Value;

use super::reference::at;

/// Whether the predicate holds, or why there is no saying.
pub(super) fn holds(predicate: &Predicate, outputs: &BTreeMap<String, Value>) -> Result<bool, String> {
    let found = |path: &str| {
        let inner = path.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(path);
        at(inner, outputs)
    };
    Ok(match predicate {
        Predicate::Not(inner) => !holds(inner, outputs)?,
        Predicate::All(all) => {
            for one in all {
                if !holds(one, outputs)? {
                    return Ok(false);
                }
            }
            true
        }
        Predicate::Any(any) => {
            for one in any {
                if holds(one, outputs)? {
                    return Ok(true);
                }
            }
            false
        }
        Predicate::Exists { path, wanted } => found(path).is_some() == *wanted,
        Predicate::Compare { path, op, value } => {
            let compared = compare(found(path).unwrap_or(&Value::Null), *op, value);
            compared.map_err(|why| format!("the predicate on `{path}`: {why}"))?
        }
    })
}

fn compare(found: &Value, op: Comparison, value: &Value) -> Result<bool, String> {
    if let Some(wanted) = op.wants(value) {
        return Err(format!("`value` is {}, not {wanted}", noun(value)));
    }
    let listed = || value.as_array().is_some_and(|list| list.iter().any(|one| same(found, one)));
    let ordered = |holds: fn(&f64, &f64) -> bool| match (found.as_f64(), value.as_f64()) {
        (Some(one), Some(other)) => Ok(holds(&one, &other)),
        _ => Err(format!("there is {}, which is neither less nor greater than a number", noun(found))),
    };
    match op {
        Comparison::Equals => Ok(same(found, value)),
        Comparison::NotEquals => Ok(!same(found, value)),
        Comparison::In => Ok(listed()),
        Comparison::NotIn => Ok(!listed()),
        Comparison::Less => ordered(f64::lt),
        Comparison::LessOrEqual => ordered(f64::le),
        Comparison::Greater => ordered(f64::gt),
        Comparison::GreaterOrEqual => ordered(f64::ge),
    }
}

/// Equality of JSON in which `1` is `1.0`, however deep it stands. The reader bounds how deep that is.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        // Whole numbers are compared in all their digits.
        (Value::Number(a), Value::Number(b)) => a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => one == other,
    }
}

fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(op: Comparison, path: &str, value: Value) -> Result<bool, String> {
        let output =
            json!({"one": 1.0, "text": "a", "list": [1, {"x": 2.0}], "none": null, "big": 9007199254740993_u64});
        let outputs = BTreeMap::from([("k".to_owned(), output)]);
        holds(&Predicate::Compare { path: format!("${{k.output.{path}}}"), op, value }, &outputs)
    }

    #[test]
    fn numbers_are_equal_as_numbers() {
        use Comparison::{Equals, In, NotEquals, NotIn};
        for (op, path, value, wanted) in [
            (Equals, "one", json!(1), true),
            (Equals, "one", json!(1.5), false),
            (Equals, "one", json!("1"), false),
            (Equals, "text", json!("a"), true),
            (Equals, "list", json!([1.0, {"x": 2}]), true),
            (Equals, "list", json!([1.0, {"x": 3}]), false),
            (Equals, "list", json!([1.0]), false),
            (Equals, "big", json!(9007199254740992_u64), false),
            (NotEquals, "one", json!(1), false),
            (NotEquals, "one", json!(2), true),
            (In, "one", json!([0, 1]), true),
            (In, "one", json!([2]), false),
            (In, "one", json!([]), false),
            (NotIn, "one", json!([1]), false),
            (NotIn, "one", json!(["1"]), true),
        ] {
            assert_eq!(answer(op, path, value.clone()), Ok(wanted), "{path} {op:?} {value}");
        }
    }

    #[test]
    fn what_is_not_there_is_null() {
        use Comparison::{Equals, In, NotEquals, NotIn};
        for path in ["none", "zzz"] {
            assert_eq!(answer(Equals, path, Value::Null), Ok(true));
            assert_eq!(answer(Equals, path, json!("a")), Ok(false));
            assert_eq!(answer(NotEquals, path, json!("a")), Ok(true));
            assert_eq!(answer(NotEquals, path, Value::Null), Ok(false));
            assert_eq!(answer(In, path, json!(["a", null])), Ok(true));
            assert_eq!(answer(In, path, json!(["a"])), Ok(false));
            assert_eq!(answer(NotIn, path, json!(["a"])), Ok(true));
            assert_eq!(answer(NotIn, path, json!([null])), Ok(false));
        }
        let exists = |path: &str, wanted| Predicate::Exists { path: format!("${{k.output.{path}}}"), wanted };
        let outputs = BTreeMap::from([("k".to_owned(), json!({"none": null}))]);
        let found = |predicate: &Predicate| holds(predicate, &outputs).unwrap();
        assert!(found(&exists("none", true)) && found(&exists("zzz", false)));
        assert!(!found(&exists("none", false)) && !found(&exists("zzz", true)));
        let (yes, no) = (exists("none", true), exists("zzz", true));
        assert!(found(&Predicate::All(vec![yes.clone(), yes.clone()])) && found(&Predicate::All(vec![])));
        assert!(!found(&Predicate::All(vec![yes.clone(), no.clone()])));
        assert!(found(&Predicate::Any(vec![no.clone(), yes.clone()])) && !found(&Predicate::Any(vec![no.clone()])));
        assert!(found(&Predicate::Not(Box::new(no))) && !found(&Predicate::Not(Box::new(yes))));
    }

    #[test]
    fn only_numbers_have_an_order_and_only_lists_hold_something() {
        use Comparison::{Greater, GreaterOrEqual, In, Less, LessOrEqual, NotIn};
        for (op, below, equal, above) in [
            (Less, true, false, false),
            (LessOrEqual, true, true, false),
            (Greater, false, false, true),
            (GreaterOrEqual, false, true, true),
        ] {
            assert_eq!(answer(op, "one", json!(2)), Ok(below), "{op:?}");
            assert_eq!(answer(op, "one", json!(1)), Ok(equal), "{op:?}");
            assert_eq!(answer(op, "one", json!(0.5)), Ok(above), "{op:?}");
            let error = answer(op, "text", json!(5)).unwrap_err();
            assert!(error.ends_with("there is a text, which is neither less nor greater than a number"), "{error}");
            assert!(answer(op, "zzz", json!(5)).unwrap_err().contains("there is nothing"));
            assert!(answer(op, "one", json!("5")).unwrap_err().ends_with("`value` is a text, not a number"));
        }
        for op in [In, NotIn] {
            let error = answer(op, "text", json!("a")).unwrap_err();
            assert_eq!(error, "the predicate on `${k.output.text}`: `value` is a text, not a list");
        }
    }
}
