//! Text of a float64 as Go's strconv has it, without a sign.

/// `%g`: the shortest text that reads back the same, or `precision` digits. With an exponent if that is below -4 or
/// not below the precision, which is 6 for the shortest text.
pub fn general(value: f64, precision: Option<usize>) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let (mut digits, exponent) = match precision {
        None => split(&format!("{:e}", value.abs())),
        Some(precision) => split(&format!("{:.*e}", precision.max(1) - 1, value.abs())),
    };
    digits.truncate(digits.trim_end_matches('0').len().max(1));
    let count = digits.len() as i64;
    let limit = match precision {
        None => 6,
        Some(precision) if precision.max(1) as i64 > count && count > exponent => count,
        Some(precision) => precision.max(1) as i64,
    };
    if exponent < -4 || exponent >= limit {
        return with_exponent(&digits, exponent);
    }
    match usize::try_from(exponent) {
        Err(_) => format!("0.{}{digits}", "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0))),
        Ok(last) if digits.len() <= last + 1 => format!("{digits}{}", "0".repeat(last + 1 - digits.len())),
        Ok(last) => format!("{}.{}", &digits[..=last], &digits[last + 1..]),
    }
}

/// `%e`
pub fn exponential(value: f64, precision: usize) -> String {
    let (digits, exponent) = split(&format!("{:.precision$e}", value.abs()));
    with_exponent(&digits, exponent)
}

/// `%f`
pub fn fixed(value: f64, precision: usize) -> String {
    format!("{:.precision$}", value.abs())
}

/// Digits and exponent of Rust's `1.25e-7`.
fn split(text: &str) -> (String, i64) {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (digits.replace('.', ""), exponent.parse().unwrap_or(0))
}

fn with_exponent(digits: &str, exponent: i64) -> String {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.abs())
}
