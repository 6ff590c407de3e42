use serde_json::json;

use super::*;

fn limits() -> YamlLimits {
    YamlLimits::default()
}

fn read(text: &str) -> Node {
    parse("f.yaml", text.as_bytes(), &limits()).unwrap_or_else(|problem| panic!("{problem}"))
}

fn refused(bytes: impl AsRef<[u8]>, limits: &YamlLimits) -> String {
    parse("f.yaml", bytes.as_ref(), limits).map_or_else(|problem| problem.to_string(), |node| format!("{node:?}"))
}

#[test]
fn reads_values_with_their_places() {
    let node = read("a: 1\nb:\n  - x: 'yes'\n    y: yes\n  - |\n    text\n");
    assert_eq!(node.to_json(), json!({"a": 1, "b": [{"x": "yes", "y": "yes"}, "text\n"]}));
    let items = node.get("b").unwrap().items();
    assert_eq!((items[0].line, items[0].column), (3, 5));
    let entry = &items[0].entries()[1];
    assert_eq!((entry.line, entry.column, entry.value.column), (4, 5, 8));
    assert_eq!((node.entries()[0].key.as_str(), node.entries()[1].key.as_str()), ("a", "b"), "order is kept");
}

#[test]
fn json_is_yaml() {
    let text = "{\"a\": [1, -2.5e3, true, null, \"x\\n\\u00e9\\/\"], \"b\": {\"c\": {}}}";
    assert_eq!(read(text).to_json(), serde_json::from_str::<serde_json::Value>(text).unwrap());
    assert_eq!(read("\u{feff}a: 1").to_json(), json!({"a": 1}), "byte order mark");
    assert_eq!(read("# nothing\n").to_json(), json!(null));
    assert_eq!(read("---\na: 1\r\nb: é\r\n...\n").to_json(), json!({"a": 1, "b": "é"}));
}

#[test]
fn an_empty_document_at_the_end_is_none() {
    for end in ["---\n", "---", "---\n# nothing\n", "--- null\n", "...\n---\n", "---\n---\n...\n"] {
        assert_eq!(read(&format!("a: 1\n{end}")).to_json(), json!({"a": 1}), "{end}");
    }
    for end in ["---\nb: 2\n", "--- text\n", "---\n---\n- 1\n", "--- ''\n", "--- !!null ''\n"] {
        let found = refused(format!("a: 1\n{end}"), &limits());
        let line = if end.starts_with("---\n---") { 3 } else { 2 };
        assert!(found.starts_with(&format!("f.yaml:{line}:1: error[YamlMultipleDocuments]")), "{end}: {found}");
    }
    assert!(refused("---\n---\na: 1\n", &limits()).contains("YamlMultipleDocuments"), "nor is it the first");
}

#[test]
fn numbers_as_keys_are_text() {
    assert_eq!(read("turns:\n  1: a\n  2: b\n").to_json(), json!({"turns": {"1": "a", "2": "b"}}));
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    let node = read("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nlist: [*b]\nmany:\n  <<: [{y: 9}, *b]\n");
    let expected = json!({"base": {"x": 1, "y": 2}, "use": {"x": 1, "y": 3}, "list": [{"x": 1, "y": 2}],
        "many": {"x": 1, "y": 9}});
    assert_eq!(node.to_json(), expected);
    assert_eq!(read("'<<': 1").to_json(), json!({"<<": 1}), "in quotes it is a key like any other");
    assert_eq!(refused("<<: 5", &limits()), "f.yaml:1:5: error[YamlMerge]: `<<` needs a mapping or a list of mappings");
    assert!(refused("<<: {a: 1}\n<<: {b: 1}", &limits()).starts_with("f.yaml:2:1: error[YamlDuplicateKey]"));
}

#[test]
fn duplicate_keys_name_both_lines() {
    assert_eq!(
        refused("a:\n  b: 1\n  c: 2\n  b: 3\n", &limits()),
        "f.yaml:4:3: error[YamlDuplicateKey]: key `b` is given twice, on lines 2 and 4; remove one of them"
    );
    assert!(refused("{a: 1, 'a': 2}", &limits()).contains("YamlDuplicateKey"), "quotes make no other key");
}

#[test]
fn bytes_that_are_no_text() {
    assert_eq!(
        refused(b"a: 1\nb: \xc3\xa9\xff", &limits()),
        "f.yaml:2:5: error[YamlNotUtf8]: the document is not UTF-8: byte 0xff; save the file as UTF-8"
    );
    assert_eq!(refused(b"a: 1\nb: \0", &limits()), "f.yaml:2:4: error[YamlNul]: the document holds a NUL byte");
}

#[test]
fn document_bytes_at_the_limit() {
    let limits = YamlLimits { document_bytes: 4, ..limits() };
    assert!(parse("f.yaml", b"a: 1", &limits).is_ok());
    assert_eq!(
        refused("a: 12", &limits),
        "f.yaml: error[YamlTooLarge]: the document has 5 bytes, the limit is 4; split it into several files"
    );
}

#[test]
fn depth_at_the_limit() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse("f.yaml", nested(64).as_bytes(), &limits()).is_ok());
    assert_eq!(
        refused(nested(65), &limits()),
        "f.yaml:1:65: error[YamlTooDeep]: lists and mappings stand more than 64 deep in each other"
    );
    assert!(refused("[".repeat(100_000), &limits()).contains("error[Yaml"), "no stack is used up");
    let block: String = (0..65).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert!(refused(block, &limits()).contains("YamlTooDeep"));
}

#[test]
fn aliases_cannot_go_deeper_than_the_limit() {
    let limits = YamlLimits { depth: 4, ..limits() };
    assert!(parse("f.yaml", b"- &a [[x]]\n- [*a]\n", &limits).is_ok());
    assert!(refused("- &a [[x]]\n- [[*a]]\n", &limits).contains("YamlTooDeep"));
}

#[test]
fn nodes_at_the_limit() {
    let limits = YamlLimits { nodes: 4, ..limits() };
    assert!(parse("f.yaml", b"[1, 2, 3]", &limits).is_ok());
    assert_eq!(
        refused("[1, 2, 3, 4]", &limits),
        "f.yaml:1:11: error[YamlTooBig]: the document holds more than 4 values, aliases expanded; \
         split it into several files"
    );
}

#[test]
fn alias_bombs_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    assert!(refused(&bomb, &limits()).contains("error[YamlTooBig]: the document holds more than 200000 values"));
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(100));
    assert!(refused(&long, &limits()).contains("error[YamlTooBig]: the document holds more than 16777216 bytes"));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (text, expected) in [
        (
            "a: 1\n---\nb: 2\n",
            "f.yaml:2:1: error[YamlMultipleDocuments]: a second document begins here; \
          a file holds one document: remove the `---` or split the file",
        ),
        ("a: &x [*x]", "f.yaml:1:8: error[YamlAlias]: the alias stands inside the value it repeats"),
        ("a: !env HOME", "f.yaml:1:9: error[YamlTag]: unknown tag !env"),
        ("a: !set [1]", "f.yaml:1:9: error[YamlTag]: unknown tag !set"),
        ("a: .inf", "f.yaml:1:4: error[YamlNumber]: `.inf` is not a finite number"),
        ("? [a]\n: 1", "f.yaml:1:3: error[YamlKey]: a key must be text, not a list or mapping"),
        (": 1", "f.yaml:1:1: error[YamlKey]: a key is missing before the colon"),
    ] {
        assert_eq!(refused(text, &limits()), expected, "{text}");
    }
    for text in ["a: *nowhere", "a: \"open", "a:\n\tb: 1", "a: [1", "a: 1\n b: 2", "a: @x"] {
        assert!(refused(text, &limits()).contains("error[YamlSyntax]"), "{text}: {}", refused(text, &limits()));
    }
}

#[test]
fn tags_of_the_core_schema_decide() {
    assert_eq!(read("a: !!str 12\nb: !!int '7'\nc: !!seq []").to_json(), json!({"a": "12", "b": 7, "c": []}));
}

#[test]
fn pairs_of_escapes_are_one_character_in_json() {
    let limits = YamlLimits::default();
    let read = |text: &str| parse("a.json", text.as_bytes(), &limits).unwrap().to_json();
    assert_eq!(read(r#"{"a": "x\ud83d\ude00y", "b": "\\ud83d"}"#), serde_json::json!({"a": "x😀y", "b": "\\ud83d"}));
    assert!(parse("a.json", br#"{"a": "\ud83d alone"}"#, &limits).is_err());
}
