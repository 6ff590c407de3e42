//! YAML as plain JSON values: keys are text, scalars follow YAML 1.2's core schema, everything is bounded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Number, Value};

/// Largest document, bytes.
pub(super) const SIZE_LIMIT: usize = 16 << 20;
/// Deepest nesting.
const DEPTH_LIMIT: usize = 64;
/// Most values of a document, those of expanded aliases included.
const VALUE_LIMIT: usize = 1_000_000;

/// Reads the one document of `bytes`. An empty one is null.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    if bytes.len() > SIZE_LIMIT {
        return Err(format!("it has {} bytes, more than the limit of {SIZE_LIMIT}", bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"))?;
    // A text that ends with the file has the line break that the file has; the parser gives it one.
    let unended = (!text.ends_with('\n')).then(|| text.chars().count());
    let parser = Parser::new_from_str(text);
    let mut reader = Reader { parser, anchors: BTreeMap::new(), values: 0, unended };
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(document.unwrap_or_default()),
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(_) if document.is_some() => return Err(at(&span, "a second document begins")),
            Event::DocumentStart(_) => {
                let (event, span) = reader.next()?;
                document = Some(reader.value(event, &span, 0)?);
            }
            _ => return Err(at(&span, "content outside of a document")),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Anchored values with their size in values.
    anchors: BTreeMap<usize, (Value, usize)>,
    values: usize,
    /// Characters of a file without a line break at its end.
    unended: Option<usize>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), String> {
        match self.parser.next() {
            Some(Ok((Event::Scalar(text, style, anchor, tag), span)))
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
                    && self.unended.is_some_and(|end| span.end.index() >= end)
                    && text.ends_with('\n') =>
            {
                let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
                Ok((Event::Scalar(text.into(), style, anchor, tag), span))
            }
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(format!("line {}: {}", error.marker().line(), error.info())),
            None => Err("it ends too early".to_owned()),
        }
    }

    fn count(&mut self, span: &Span, values: usize) -> Result<(), String> {
        self.values += values;
        if self.values > VALUE_LIMIT {
            return Err(at(span, &format!("more than {VALUE_LIMIT} values, aliases expanded")));
        }
        Ok(())
    }

    fn value(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_LIMIT {
            return Err(at(span, &format!("nested deeper than {DEPTH_LIMIT}")));
        }
        let before = self.values;
        self.count(span, 1)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => (scalar(text, style, tag.as_deref()), anchor),
            Event::SequenceStart(anchor, _) => {
                let mut list = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    list.push(self.value(event, &span, depth + 1)?);
                }
                (Value::Array(list), anchor)
            }
            Event::MappingStart(anchor, _) => {
                let mut map = Map::new();
                loop {
                    let (event, span) = self.next()?;
                    let key = match event {
                        Event::MappingEnd => break,
                        Event::Scalar(text, ..) => text.into_owned(),
                        _ => return Err(at(&span, "a key that is no plain text")),
                    };
                    if key == "<<" {
                        return Err(at(&span, "merge keys (<<) are not supported; write the keys out"));
                    }
                    let (event, value_span) = self.next()?;
                    let value = self.value(event, &value_span, depth + 1)?;
                    if map.contains_key(&key) {
                        return Err(at(&span, &format!("key `{key}` occurs twice")));
                    }
                    map.insert(key, value);
                }
                (Value::Object(map), anchor)
            }
            Event::Alias(anchor) => {
                let (value, size) =
                    self.anchors.get(&anchor).cloned().ok_or_else(|| at(span, "an alias within its own anchor"))?;
                self.count(span, size)?;
                (value, 0)
            }
            _ => return Err(at(span, "a value is missing")),
        };
        if anchor > 0 {
            self.count(span, 0)?;
            self.anchors.insert(anchor, (value.clone(), self.values - before));
        }
        Ok(value)
    }
}

fn at(span: &Span, text: &str) -> String {
    format!("line {}: {text}", span.start.line())
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    if style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str") {
        return Value::String(text.into_owned());
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(&text).map_or_else(|| Value::String(text.into_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return u64::from_str_radix(digits, radix).ok().map(Number::from);
        }
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    // Keeps Rust's own words for floats (inf, nan, infinity) texts.
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !digits.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    plain
        .parse::<i64>()
        .map(Number::from)
        .or_else(|_| plain.parse::<u64>().map(Number::from))
        .ok()
        .or_else(|| plain.parse().ok().and_then(Number::from_f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_values() {
        let text =
            "a: [1, -2.5, 0x1f, 1.2.3, +3, .5, ., nan, 12 apples]\n2: {b: ~, c: \"7\", d: true}\ne: &x [y]\nf: *x\n";
        let expected = json!({
            "a": [1, -2.5, 31, "1.2.3", 3, 0.5, ".", "nan", "12 apples"],
            "2": {"b": null, "c": "7", "d": true}, "e": ["y"], "f": ["y"],
        });
        assert_eq!(parse(text.as_bytes()).unwrap(), expected);
        assert_eq!(parse(b"").unwrap(), Value::Null);
    }

    #[test]
    fn refuses_what_is_ambiguous_or_too_much() {
        let deep = "[".repeat(70) + &"]".repeat(70);
        let bomb: String = (1..9)
            .map(|i| format!("k{i}: &k{i} [{}]\n", vec![format!("*k{}", i - 1); 10].join(",")))
            .fold("k0: &k0 [x]\n".to_owned(), |all, line| all + &line);
        for (text, part) in [
            ("a: 1\na: 2", "line 2: key `a` occurs twice"),
            ("a: &x [*x]", "alias"),
            ("<<: {}", "merge keys"),
            ("a\n---\nb", "second document"),
            ("a: [", "line"),
            (deep.as_str(), "nested deeper than 64"),
            (bomb.as_str(), "more than 1000000 values"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert!(parse(&vec![b' '; SIZE_LIMIT + 1]).unwrap_err().contains("limit of 16777216"));
        assert!(parse(b"\xff").unwrap_err().contains("UTF-8"));
    }
}
