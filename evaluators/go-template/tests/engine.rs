//! What Go cannot be asked: the names of variables, limits, and where this engine stops short of Go.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use arena_evaluator_go_template::Component;
use arena_guest::{TemplateEngine as _, TemplateError};
use serde_json::{Value, json};

fn render(template: &str, variables: Value) -> Result<String, TemplateError> {
    Component::render(template, variables.as_object().unwrap())
}

/// The error's text after its kind.
fn refused(template: &str) -> (&'static str, String) {
    let variables = json!({"n": 5, "s": "größe", "list": [1, 2], "null": null});
    match render(template, variables) {
        Err(TemplateError::Syntax(why)) => ("syntax", why),
        Err(TemplateError::Other(why)) => ("other", why),
        other => panic!("{template}: {other:?}"),
    }
}

#[test]
fn the_answers_of_mock_tools() {
    let template = "{{- if eq .account_id \"ACC-12345\" -}}\n{\"status\": \"verified\"}\n{{- else if eq .account_id \
        \"ACC-99999\" -}}\n{\"status\": \"not_found\"}\n{{- else -}}\n{\"id\": {{printf \"%q\" .account_id}}}\n{{- end -}}\n";
    for (id, want) in [
        (json!("ACC-12345"), "{\"status\": \"verified\"}"),
        (json!("ACC-99999"), "{\"status\": \"not_found\"}"),
        (json!("ACC-\"1"), "{\"id\": \"ACC-\\\"1\"}"),
    ] {
        assert_eq!(render(template, json!({"account_id": id})).unwrap(), want);
    }
    assert!(matches!(render(template, json!({"account_id": 12345})), Err(TemplateError::Other(_))));
}

#[test]
fn names_top_level_fields_sorted_and_once() {
    for (template, want) in [
        ("none {{5}} {{\"x\"}}", vec![]),
        ("{{.b}} {{.a.c}} {{.b}} {{$.d.e}}", vec!["a", "b", "d"]),
        ("{{if eq .a \"x\"}}{{.b}}{{else if .c}}{{.d}}{{else}}{{.e}}{{end}}", vec!["a", "b", "c", "d", "e"]),
        ("{{range .a}}{{.b}}{{$.c}}{{else}}{{.d}}{{end}}", vec!["a", "c", "d"]),
        ("{{range $i, $x := .a}}{{$x.b}}{{$i.c}}{{end}}", vec!["a"]),
        ("{{range .}}{{.b}}{{end}}{{range $x := $}}{{$x.c}}{{end}}", vec![]),
        ("{{with .a}}{{.b}}{{$.c}}{{else}}{{.d}}{{end}}", vec!["a", "c", "d"]),
        ("{{with $}}{{.a}}{{end}}{{with $x := .}}{{$x.b}}{{end}}", vec!["a", "b"]),
        ("{{with .a}}{{with $}}{{.b}}{{end}}{{end}}", vec!["a", "b"]),
        ("{{$x := .}}{{$x.a}}{{$y := .b}}{{$y.c}}{{$y = $}}{{$y.d}}", vec!["a", "b", "d"]),
        (
            "{{(.).a}}{{(.b).c}}{{(index . \"d\").e}}{{index $ \"f\" \"g\"}}{{index .h \"i\"}}",
            vec!["a", "b", "d", "f", "h"],
        ),
        ("{{.a | printf \"%s\" .b | print (len .c)}}", vec!["a", "b", "c"]),
        ("{{. | print}}{{(. | len).x}}", vec![]),
    ] {
        assert_eq!(Component::variables(template).unwrap(), want, "{template}");
    }
    assert!(matches!(Component::variables("{{if}}"), Err(TemplateError::Syntax(_))));
}

#[test]
fn errors_say_where_and_what() {
    for (template, kind, want) in [
        ("a\n{{if .n}}\n{{.n}}", "syntax", "line 2: {{if}} has no {{end}}"),
        ("{{/* a\nb */}}\n{{.n", "syntax", "line 3: unclosed action"),
        ("\n{{end}}", "syntax", "line 2: unexpected {{end}}"),
        ("{{.a-b}}", "syntax", "line 1: bad character '-'"),
        ("{{upper .s}}", "syntax", "line 1: function \"upper\" not defined"),
        ("{{.s}}\n{{$x}}", "syntax", "line 2: undefined variable \"$x\""),
        ("\n\n{{eq .s 5}}", "other", "line 3: eq: incompatible types for comparison: string and int"),
        (
            "{{eq .n 5}}",
            "other",
            "line 1: eq: incompatible types for comparison: float64 and int (a number of JSON is a float64, a length \
             or constant without a point is an int: 5.0 would be a float64)",
        ),
        ("{{index .list 2}}", "other", "line 1: index: index out of range"),
        ("{{.null.x}}", "other", "line 1: null has no field \"x\""),
        ("{{range .s}}{{end}}", "other", "line 1: range can't iterate over a string"),
    ] {
        assert_eq!(refused(template), (kind, want.to_owned()), "{template}");
    }
}

#[test]
fn what_only_go_can_is_refused() {
    for (template, kind, want) in [
        ("{{define \"x\"}}{{end}}", "syntax", "\"define\" is not supported"),
        ("{{template \"x\" .}}", "syntax", "\"template\" is not supported"),
        ("{{if .n}}{{block \"x\" .}}{{end}}{{end}}", "syntax", "\"block\" is not supported"),
        ("{{1i}}", "syntax", "illegal number syntax"),
        ("{{1+2i}}", "syntax", "bad number syntax"),
        ("{{0x1p4}}", "syntax", "illegal number syntax"),
        ("{{\"\\xff\"}}", "syntax", "not UTF-8"),
        ("{{slice .s 0 3}}", "other", "cut a character in two"),
        ("{{printf \"%#v\" .n}}", "other", "\"%#\" is not supported"),
        ("{{printf \"%*d\" 5 5}}", "other", "\"%*\" is not supported"),
        ("{{printf \"%[1]d\" 5}}", "other", "\"%[\" is not supported"),
        ("{{printf \"%x\" .n}}", "other", "%x of a float64 is not supported"),
        ("{{printf \"%p\" .list}}", "other", "\"%p\" is not supported"),
        ("{{printf \"%10001d\" 5}}", "other", "over 10000 is not supported"),
        ("{{printf \"%.99999999999999999999f\" .n}}", "other", "over 10000 is not supported"),
    ] {
        let (given, why) = refused(template);
        assert!(given == kind && why.contains(want), "{template}: {given} {why}");
    }
    assert_eq!(render("{{printf \"%.10000f\" .n}}", json!({"n": 0.5})).unwrap().len(), 10_002);
}

#[test]
fn nesting_has_a_limit() {
    for (open, middle, close) in
        [("{{if true}}", "x", "{{end}}"), ("{{range 1}}", "x", "{{end}}"), ("{{with 1}}", "x", "{{end}}")]
    {
        let nested = |depth: usize| format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
        assert_eq!(render(&nested(100), json!({})).unwrap(), "x");
        assert_eq!(refused(&nested(101)).1, "line 1: more than 100 blocks and parentheses within each other");
        assert_eq!(refused(&nested(100_000)).0, "syntax");
    }
    let nested = |depth: usize| format!("{{{{{}1{}}}}}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(render(&nested(100), json!({})).unwrap(), "1");
    assert_eq!(refused(&nested(101)).0, "syntax");
    assert_eq!(refused(&nested(100_000)).0, "syntax");
}

#[test]
fn a_long_chain_is_not_nested() {
    let chain = format!("{{{{if eq .n 0.0}}}}a{}{{{{else}}}}z{{{{end}}}}", "{{else if eq .n 1.0}}b".repeat(10_000));
    assert_eq!(render(&chain, json!({"n": 2})).unwrap(), "z");
    let fields = format!("{{{{.a{}}}}}", ".b".repeat(100_000));
    assert_eq!(render(&fields, json!({})).unwrap(), "<no value>");
}

#[test]
fn errors_quote_little_and_no_control_characters() {
    let long = "x".repeat(100_000);
    for template in [
        format!("{{{{{long}}}}}"),
        format!("{{{{${long}}}}}"),
        format!("{{{{if \"{long}\"}}}}{{{{end \"{long}\"}}}}"),
        format!("{{{{9{long}}}}}"),
        format!("{{{{'{long}'}}}}"),
        format!("{{{{\"\\q{long}\"}}}}"),
        format!("{{{{.s.{long}}}}}"),
        format!("{{{{.null.{long}}}}}"),
        format!("{{{{$.{long} 1}}}}"),
        format!("{{{{printf \"%{}[\"}}}}", "-".repeat(100_000)),
        "{{end `\n\u{1b}[31m`}}".to_owned(),
    ] {
        let (_, why) = refused(&template);
        assert!(why.len() < 120 && !why.contains(char::is_control), "{why:?}");
    }
}

#[test]
fn values_are_not_templates() {
    assert_eq!(render("{{.a}}{{.b}}", json!({"a": "{{.b}}", "b": "{{"})).unwrap(), "{{.b}}{{");
}
