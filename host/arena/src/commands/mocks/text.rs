//! A mock file as text: mappings as blocks, everything below as JSON, which YAML reads as it is.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Levels that are blocks: the file, `scenarios`, a scenario, `turns`.
const BLOCKS: usize = 4;
/// Words that YAML takes for something else than a text.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// The text of a file.
pub fn of(file: &Map<String, Value>) -> String {
    let mut text = String::new();
    block(file, 0, &mut text);
    text
}

fn block(map: &Map<String, Value>, depth: usize, text: &mut String) {
    let mut entries: Vec<_> = map.iter().collect();
    // Turns by number, not as texts.
    entries.sort_by_key(|(key, _)| (key.parse::<u32>().unwrap_or(u32::MAX), key.as_str()));
    for (key, value) in entries {
        let start = format!("{:width$}{}:", "", self::key(key), width = depth * 2);
        // Writing to a String cannot fail.
        let _ = match value {
            Value::Object(inner) if !inner.is_empty() && depth + 1 < BLOCKS => {
                text.push_str(&start);
                text.push('\n');
                block(inner, depth + 1, text);
                continue;
            }
            value => writeln!(text, "{start} {}", quoted(value)),
        };
    }
}

/// A value as JSON without the characters that YAML does not take as they are.
fn quoted(value: &Value) -> String {
    let mut plain = String::new();
    for c in value.to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // Writing to a String cannot fail.
                let _ = write!(plain, "\\u{:04x}", u32::from(c));
            }
            c => plain.push(c),
        }
    }
    plain
}

fn key(key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let word = key.starts_with(|c: char| c.is_ascii_alphabetic()) && !WORDS.contains(&key.to_lowercase().as_str());
    let number = key.parse::<u32>().is_ok();
    if plain && (word || number) { key.to_owned() } else { quoted(&Value::from(key)) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_stand_in_order_and_strange_names_are_quoted() {
        let file =
            json!({"scenarios": {"no": {"turns": {"10": "b", "2": "a: \"x\"\n"}}, "a b": {}}, "defaultResponse": "d"});
        let expected = "defaultResponse: \"d\"\nscenarios:\n  \"a b\": {}\n  \"no\":\n    turns:\n      2: \"a: \\\"x\\\"\\n\"\n      \
                        10: \"b\"\n";
        assert_eq!(of(file.as_object().unwrap()), expected);
    }

    #[test]
    fn it_is_read_back_as_it_was() {
        let nasty =
            "– it's #1: {x} [y] \\ \u{7f} \u{1b}[31m \u{85}\u{2028}\u{feff}\u{ffff}\ttab \r\n 'q' \"Q\" ☃ \u{1f600}  ";
        let file = json!({"scenarios": {nasty: {"turns": {"1": nasty, "2": {"type": "tool_calls", "tool_calls": [{"name": nasty}]}}}}});
        let read: Value = serde_saphyr::from_str(&of(file.as_object().unwrap())).unwrap();
        assert_eq!(read, file);
    }
}
