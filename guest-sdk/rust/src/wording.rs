//! What a deserializer finds wrong with params, said to people who write YAML and know no Rust.

/// The text of a `serde_json` error, its place taken off, in the words of the format.
pub(crate) fn plain(text: &str) -> String {
    for lead in ["invalid type: ", "invalid value: "] {
        // What was found is the author's text and may hold anything; what is expected stands last.
        let Some((found, expected)) = text.strip_prefix(lead).and_then(|rest| rest.rsplit_once(", expected ")) else {
            continue;
        };
        return format!("expected {}, found {}", wanted(expected), given(found));
    }
    if let Some(name) = text.strip_prefix("duplicate field ") {
        return format!("parameter {name} is given twice, once under another name");
    }
    match text {
        "expected value" => "expected text".to_owned(),
        "number out of range" => "the number is too large".to_owned(),
        _ => text.replacen("missing field", "missing parameter", 1).replacen("unknown variant", "unknown value", 1),
    }
}

fn wanted(expected: &str) -> &str {
    match expected {
        "i8" => "a whole number from -128 to 127",
        "i16" => "a whole number from -32768 to 32767",
        "i32" | "isize" => "a whole number from -2147483648 to 2147483647",
        "i64" => "a whole number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" | "string or map" => "text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a mapping",
        _ if expected.starts_with("struct ") => "a mapping",
        other => other,
    }
}

fn given(found: &str) -> String {
    let inner = |text: &str| text.trim_matches('`').to_owned();
    match found.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer", number)) => format!("the number {}", inner(number)),
        Some(("floating", number)) => format!("the number {}", inner(number.trim_start_matches("point "))),
        Some(("boolean", word)) => inner(word),
        _ => match found {
            "sequence" => "a list".to_owned(),
            "map" => "a mapping".to_owned(),
            "unit value" => "null".to_owned(),
            other => other.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    fn said<T: for<'de> Deserialize<'de> + std::fmt::Debug>(json: &str) -> String {
        let text = serde_json::from_str::<T>(json).unwrap_err().to_string();
        plain(&text[..text.rfind(" at line ").unwrap_or(text.len())])
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only its errors are looked at")]
    struct Given {
        #[serde(alias = "words")]
        patterns: Vec<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Whole,
        Part,
    }

    #[test]
    fn nothing_in_it_is_rust() {
        for (said, want) in [
            (said::<usize>(r#""100""#), r#"expected a whole number of 0 or more, found the text "100""#),
            (said::<u32>("-1"), "expected a whole number of 0 or more, found the number -1"),
            (said::<i64>("1.5"), "expected a whole number, found the number 1.5"),
            (said::<u8>("300"), "expected a whole number from 0 to 255, found the number 300"),
            (said::<f64>("true"), "expected a number, found true"),
            (said::<bool>("null"), "expected true or false, found null"),
            (said::<String>("[1]"), "expected text, found a list"),
            (said::<Vec<String>>(r#""a, expected b""#), r#"expected a list, found the text "a, expected b""#),
            (said::<BTreeMap<String, String>>("[]"), "expected a mapping, found a list"),
            (said::<Given>("3"), "expected a mapping, found the number 3"),
            (said::<Given>("{}"), "missing parameter `patterns`"),
            (
                said::<Given>(r#"{"patterns": [], "words": []}"#),
                "parameter `patterns` is given twice, once under another name",
            ),
            (said::<Mode>(r#""half""#), "unknown value `half`, expected `whole` or `part`"),
            (said::<Mode>("3"), "expected text"),
            (said::<f64>("1e999"), "the number is too large"),
        ] {
            assert_eq!(said, want);
        }
    }
}
