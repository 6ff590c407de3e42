//! Each check through the component's own dispatch: pass, fail, error, wrong type of parameter.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use arena_evaluator_json::Component;
use arena_guest::testing::{evaluate, reply, validate};
use arena_guest::{CheckError, Verdict};
use serde_json::{Value, json};

const PROFILE: &str = r#"Here: {"name": "Alice", "age": 28, "tags": ["a", "b"], "none": null}"#;

fn judge(check: &str, mut params: Value, text: &str) -> Verdict {
    params["extract_json"] = json!(true);
    evaluate::<Component>(check, params, &reply(text)).unwrap()
}

fn age(limit: Value) -> Value {
    json!({"schema": {"type": "object", "required": ["age"], "properties": {"age": limit}}})
}

#[test]
fn golden() {
    let query = |expression: &str, mut rest: Value| {
        rest["jmespath_expression"] = json!(expression);
        rest
    };
    for (check, params, passed) in [
        ("json_valid", json!({}), true),
        ("is_valid_json", json!({}), true),
        ("valid_json", json!({"unknown": 1}), true),
        ("json_schema", age(json!({"type": "integer", "minimum": 18})), true),
        ("json_schema", age(json!({"type": "integer", "minimum": 30})), false),
        ("json_schema", age(json!({"oneOf": [{"type": "null"}]})), false),
        ("json_schema", json!({"schema": {"required": ["zzz"]}}), false),
        ("json_schema", json!({"schema": {"const": {}}}), false),
        ("json_schema", json!({"schema": true}), true),
        ("json_path", query("name", json!({"expected": "Alice"})), true),
        ("json_path", query("age", json!({"expected": 28})), true),
        ("json_path", query("age", json!({"expected": 28.0})), true),
        ("json_path", query("age", json!({"expected": "28"})), false),
        ("json_path", query("[name, age]", json!({"expected": ["Alice", 28.0]})), true),
        ("json_path", query("{n: name}", json!({"expected": {"n": "Alice"}})), true),
        ("json_path", query("none", json!({"expected": null})), true),
        ("json_path", query("name", json!({"expected": null})), false),
        ("json_path", query("zzz", json!({})), true),
        ("json_path", query("length(tags)", json!({"min": 2, "max": 2})), true),
        ("json_path", query("length(tags)", json!({"min": 3})), false),
        ("json_path", query("length(tags)", json!({"max": 1})), false),
        ("json_path", query("name", json!({"min": 1})), false),
        ("json_path", query("length(zzz)", json!({})), false),
        ("json_path", query("tags", json!({"contains": ["b"], "min_results": 2, "max_results": 2})), true),
        ("json_path", query("tags", json!({"contains": ["c"]})), false),
        ("json_path", query("name", json!({"contains": ["lic"]})), true),
        ("json_path", query("tags", json!({"min_results": 3})), false),
        ("json_path", query("tags", json!({"max_results": 1})), false),
        ("json_path", query("name", json!({"min_results": 1})), false),
    ] {
        let verdict = judge(check, params.clone(), PROFILE);
        assert_eq!(verdict.passed, Some(passed), "{check} {params}: {}", verdict.reason);
        assert_eq!(verdict.score, Some(if passed { 1.0 } else { 0.0 }));
        let span = &verdict.evidence[0];
        assert!(PROFILE[span.start as usize..span.end as usize].starts_with("{\"name\""));
        let verdict = judge(check, params, "Something unrelated.");
        assert_eq!((verdict.passed, verdict.score), (Some(false), Some(0.0)), "{check} of no JSON");
        assert!(verdict.reason.starts_with("no valid JSON"), "{}", verdict.reason);
    }
}

#[test]
fn params_that_do_not_suit_are_errors_before_and_during() {
    for (check, params, want) in [
        ("json_valid", json!({"allow_wrapped": "yes"}), "parameter `allow_wrapped`: expected true or false"),
        ("json_schema", json!({}), "missing parameter `schema`"),
        ("json_schema", json!({"schema": "object"}), "must be an object"),
        ("json_schema", json!({"schema": {}, "extract_json": 1}), "expected true or false"),
        ("json_schema", json!({"schema": {"type": "zzz"}}), "not a usable JSON Schema"),
        ("json_schema", json!({"schema": {"$ref": "#/$defs/zzz"}}), "not a usable JSON Schema"),
        ("json_schema", json!({"schema": {"$ref": "https://example.com/s.json"}}), "not a usable JSON Schema"),
        ("json_schema", json!({"schema": {"pattern": "(?=a)"}}), "not a usable JSON Schema"),
        ("json_path", json!({}), "missing parameter `expression`"),
        ("json_path", json!({"expression": ""}), "give a JMESPath expression"),
        ("json_path", json!({"expression": "length([?price > `0`])("}), "is not JMESPath"),
        ("json_path", json!({"expression": "$.name"}), "no $ in front"),
        ("json_path", json!({"expression": "a", "min": "3"}), "parameter `min`: expected a number, found the text"),
        ("json_path", json!({"expression": "a", "contains": "x"}), "parameter `contains`: expected a list"),
        (
            "json_path",
            json!({"expression": "a", "min_results": -1}),
            "parameter `min_results`: expected a whole number of 0 or more",
        ),
    ] {
        let error = validate::<Component>(check, params.clone()).unwrap_err();
        assert!(error.contains(want), "{check} {params}: {error}");
        let error = evaluate::<Component>(check, params, &reply("{}")).unwrap_err();
        assert!(matches!(error, CheckError::BadParams(_)));
    }
}

#[test]
fn every_draft_is_known_and_the_seventh_is_the_default() {
    // A tuple is `items` up to 2019-09 and `prefixItems` from 2020-12 on; `exclusiveMinimum: true` is draft-04 alone.
    let judge = |schema: Value, text: &str| judge("json_schema", json!({"schema": schema}), text).passed;
    assert_eq!(judge(json!({"items": [{"type": "string"}]}), "[1]"), Some(false));
    for draft in ["http://json-schema.org/draft-06/schema#", "https://json-schema.org/draft-07/schema"] {
        assert_eq!(judge(json!({"$schema": draft, "items": [{"type": "string"}]}), "[1]"), Some(false), "{draft}");
    }
    let draft = "https://json-schema.org/draft/2019-09/schema";
    assert_eq!(judge(json!({"$schema": draft, "items": [{"type": "string"}]}), "[1]"), Some(false));
    let draft = "https://json-schema.org/draft/2020-12/schema";
    assert_eq!(judge(json!({"$schema": draft, "prefixItems": [{"type": "string"}]}), "[1]"), Some(false));
    let draft = "https://json-schema.org/draft-04/schema#";
    let schema = json!({"$schema": draft, "minimum": 1, "exclusiveMinimum": true});
    assert_eq!((judge(schema.clone(), "1"), judge(schema, "2")), (Some(false), Some(true)));
    assert_eq!(judge(json!({"format": "email"}), "\"nobody\""), Some(false));
    let params = json!({"schema": {"$schema": "https://example.com/zzz"}});
    assert!(validate::<Component>("json_schema", params).is_err());
}

#[test]
fn reasons_name_the_place_and_are_bounded() {
    let schema = json!({"schema": {"items": {"required": ["name"]}}});
    let verdict = judge("json_schema", schema.clone(), r#"[{"name": 1}, {}]"#);
    assert_eq!(verdict.reason, "the JSON violates the schema: \"name\" is a required property at /1");
    let many = format!("[{}]", vec!["{}"; 50].join(","));
    let verdict = judge("json_schema", schema, &many);
    assert!(verdict.reason.ends_with("at /4; and more"), "{}", verdict.reason);
    let verdict = judge("json_path", json!({"expression": "a"}), &format!(r#"{{"a": "{}"}}"#, "x".repeat(9000)));
    assert!(verdict.reason.len() < 300, "{}", verdict.reason);
    let verdict = judge("json_path", json!({"expression": "age", "expected": 3}), r#"{"age": 28}"#);
    assert_eq!(verdict.reason, "\"age\" gives 28, not 3");
}

#[test]
fn every_check_is_seen_to_pass_fail_err_and_refuse() {
    golden();
    params_that_do_not_suit_are_errors_before_and_during();
    every_draft_is_known_and_the_seventh_is_the_default();
    reasons_name_the_place_and_are_bounded();
    assert_eq!(arena_guest::testing::lacking::<Component>(), Vec::<String>::new());
}
