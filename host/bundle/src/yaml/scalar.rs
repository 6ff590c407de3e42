//! Types of plain scalars: the core schema of YAML 1.2, so `no`, `on` and `1:30` are text.

use saphyr_parser::Tag;
use serde_json::Number;

use super::Data;

/// The value of a plain scalar; the error says what is wrong with it.
pub(super) fn plain(text: &str) -> Result<Data, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" => Data::Bool(true),
        "false" | "False" | "FALSE" => Data::Bool(false),
        _ => match number(text)? {
            Some(number) => Data::Number(number),
            None => Data::Text(text.to_owned()),
        },
    })
}

/// The value of a scalar with a tag.
pub(super) fn tagged(text: &str, tag: &Tag) -> Result<Data, String> {
    let wrong = || format!("`{text}` does not fit the tag !!{}", tag.suffix);
    if tag.handle == "!" && tag.suffix.is_empty() || tag.is_yaml_core_schema() && tag.suffix == "str" {
        return Ok(Data::Text(text.to_owned()));
    }
    if !tag.is_yaml_core_schema() {
        return Err(format!("unknown tag {tag}"));
    }
    let data = plain(text)?;
    let fits = match (tag.suffix.as_str(), &data) {
        ("null", Data::Null) | ("bool", Data::Bool(_)) | ("float", Data::Number(_)) => true,
        ("int", Data::Number(number)) => !number.is_f64(),
        ("null" | "bool" | "float" | "int", _) => false,
        _ => return Err(format!("unknown tag !!{}", tag.suffix)),
    };
    if fits { Ok(data) } else { Err(wrong()) }
}

fn number(text: &str) -> Result<Option<Number>, String> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(format!("`{text}` is not a finite number"));
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|c| c.is_digit(radix))
        {
            let value = u64::from_str_radix(digits, radix).map_err(|_| format!("`{text}` is too large a number"))?;
            return Ok(Some(value.into()));
        }
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(None);
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        if let Ok(value) = plain.parse::<i64>() {
            return Ok(Some(value.into()));
        }
        if let Ok(value) = plain.parse::<u64>() {
            return Ok(Some(value.into()));
        }
    }
    if !is_float(unsigned) {
        return Ok(None);
    }
    let value: f64 = plain.parse().map_err(|_| format!("`{text}` is not a number"))?;
    Number::from_f64(value).map(Some).ok_or_else(|| format!("`{text}` is too large a number"))
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_rules() {
        let json = |text: &str| match plain(text) {
            Ok(Data::Null) => "null".into(),
            Ok(Data::Bool(value)) => value.to_string(),
            Ok(Data::Number(value)) => value.to_string(),
            Ok(Data::Text(value)) => format!("{value:?}"),
            other => format!("{other:?}"),
        };
        for (text, expected) in [
            ("~", "null"),
            ("NULL", "null"),
            ("nULL", "\"nULL\""),
            ("True", "true"),
            ("yes", "\"yes\""),
            ("on", "\"on\""),
            ("12", "12"),
            ("-012", "-12"),
            ("+7", "7"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("0x", "\"0x\""),
            ("1_000", "\"1_000\""),
            ("1:30", "\"1:30\""),
            ("18446744073709551615", "18446744073709551615"),
            ("99999999999999999999", "1e+20"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("-1.5e-3", "-0.0015"),
            (".", "\".\""),
            ("1e", "\"1e\""),
            ("1.2.3", "\"1.2.3\""),
            ("2024-01-01", "\"2024-01-01\""),
            ("-", "\"-\""),
            ("inf", "\"inf\""),
        ] {
            assert_eq!(json(text), expected, "{text}");
        }
        assert_eq!(plain("-.inf"), Err("`-.inf` is not a finite number".into()));
        assert_eq!(plain(".nan"), Err("`.nan` is not a finite number".into()));
        assert_eq!(plain("1e999"), Err("`1e999` is too large a number".into()));
    }

    #[test]
    fn tags_decide() {
        let tag = |suffix: &str| Tag { handle: "tag:yaml.org,2002:".into(), suffix: suffix.into() };
        assert_eq!(tagged("12", &tag("str")), Ok(Data::Text("12".into())));
        assert_eq!(tagged("12", &tag("int")), Ok(Data::Number(12.into())));
        assert_eq!(tagged("1.5", &tag("int")), Err("`1.5` does not fit the tag !!int".into()));
        assert_eq!(tagged("x", &tag("binary")), Err("unknown tag !!binary".into()));
        assert_eq!(tagged("x", &Tag { handle: "!".into(), suffix: "env".into() }), Err("unknown tag !env".into()));
    }
}
