//! Durations as Go writes them: `5m`, `1m30s`, `250ms`.

use std::time::Duration;

/// Units in nanoseconds; longer names first where one begins another.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The duration; none if the text is no duration, is negative or longer than 584 years.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let scale = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        // What is beyond 18 digits is less than a nanosecond in every unit.
        let digits = fraction.get(..fraction.len().min(18))?;
        let part: u128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
        let part = part * u128::from(scale) / 10u128.pow(u32::try_from(digits.len()).ok()?);
        total = total.checked_add(whole.checked_mul(scale)?)?.checked_add(u64::try_from(part).ok()?)?;
        rest = tail;
    }
    (!text.is_empty() && text != "+").then(|| Duration::from_nanos(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        for (text, ms) in [
            ("5m", 300_000),
            ("1m30s", 90_000),
            ("250ms", 250),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("1.s", 1_000),
            ("+2s", 2_000),
            ("0", 0),
            ("1h1m1s1ms", 3_661_001),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(parse("3us2ns"), Some(Duration::from_nanos(3_002)));
        assert_eq!(parse("1.000000000000000000000001s"), Some(Duration::from_secs(1)));
    }

    #[test]
    fn what_is_no_duration() {
        for text in ["", "+", "5", "m", "-5m", "5 m", "5min", "1..5s", ".s", "5m3", "99999999999999h", "ⅴs"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
