//! `eq` and `lt`, from which the other comparisons follow. Values of two types are not compared, as in Go.

use std::borrow::Cow;

use crate::value::Value::{self, *};

/// Whether the values are the same.
pub fn equal(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    match (a, b) {
        (Bool(a), Bool(b)) => Ok(a == b),
        (Int(a), Int(b)) => Ok(a == b),
        (Byte(a), Byte(b)) => Ok(a == b),
        (Int(int), Byte(byte)) | (Byte(byte), Int(int)) => Ok(*int == i64::from(*byte)),
        (Float(a), Float(b)) => Ok(a == b),
        (Text(a), Text(b)) => Ok(a == b),
        _ if a.is_nil() || b.is_nil() => Ok(a.is_nil() && b.is_nil()),
        (List(_) | Map(_), List(_) | Map(_)) => Err(format!("non-comparable types {}", types(a, b))),
        _ => Err(incompatible(a, b)),
    }
}

/// Whether `a` comes before `b`.
pub fn less(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    match (a, b) {
        (Int(a), Int(b)) => Ok(a < b),
        (Byte(a), Byte(b)) => Ok(a < b),
        (Int(a), Byte(b)) => Ok(*a < i64::from(*b)),
        (Byte(a), Int(b)) => Ok(i64::from(*a) < *b),
        (Float(a), Float(b)) => Ok(a < b),
        (Text(a), Text(b)) => Ok(a < b),
        (Bool(_), Bool(_)) => Err("invalid type for comparison: bool".to_owned()),
        (Missing | Nil | List(_) | Map(_), _) => Err(format!("invalid type for comparison: {}", a.type_name())),
        (_, Missing | Nil | List(_) | Map(_)) => Err(format!("invalid type for comparison: {}", b.type_name())),
        _ => Err(incompatible(a, b)),
    }
}

fn types(a: &Value<'_>, b: &Value<'_>) -> String {
    format!("{} and {}", a.type_name(), b.type_name())
}

fn incompatible(a: &Value<'_>, b: &Value<'_>) -> String {
    let advice = match (a, b) {
        (Float(_), Int(int)) | (Int(int), Float(_)) => Cow::Owned(format!(
            " (a number of JSON is a float64, a length or constant without a point is an int: {int}.0 would be a float64)"
        )),
        _ => Cow::Borrowed(""),
    };
    format!("incompatible types for comparison: {}{advice}", types(a, b))
}
