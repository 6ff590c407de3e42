//! What Go says, case by case: `golden.jsonl`, which `golden.go` writes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use arena_evaluator_go_template::Component;
use arena_guest::{TemplateEngine as _, TemplateError};
use serde_json::{Map, Value};

#[test]
fn renders_what_go_renders_and_refuses_what_go_refuses() {
    let mut data = Map::new();
    let (mut cases, mut wrong) = (0, Vec::new());
    for line in include_str!("golden.jsonl").lines() {
        let mut line: Map<String, Value> = serde_json::from_str(line).unwrap();
        if let Some(Value::Object(given)) = line.remove("data") {
            data = given;
            continue;
        }
        cases += 1;
        let template = line["template"].as_str().unwrap();
        let got = Component::render(template, &data);
        let right = match &got {
            Ok(text) => line.get("text").is_some_and(|want| want == text),
            Err(TemplateError::Syntax(why)) => line.contains_key("syntax") && why.starts_with("line "),
            Err(TemplateError::Other(why)) => line.contains_key("other") && why.starts_with("line "),
            Err(TemplateError::Unresolved(_)) => false,
        };
        if !right {
            wrong.push(format!("{line:?}\n  gives {got:?}"));
        }
    }
    assert!(cases > 300, "{cases} cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
