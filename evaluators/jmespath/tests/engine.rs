//! What expressions select.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use arena_evaluator_jmespath::Component;
use arena_guest::{TemplateEngine as _, TemplateError};
use serde_json::{Value, json};

fn render(expression: &str, value: Value) -> Result<Value, TemplateError> {
    let text = Component::render(expression, json!({"value": value}).as_object().unwrap())?;
    Ok(serde_json::from_str(&text).unwrap())
}

#[test]
fn values_are_selected_and_reshaped() {
    let weather = json!({"current": {"t": 3.5, "code": 2}, "units": {"t": "C"}, "days": [{"d": 1}, {"d": 2}]});
    for (expression, want) in [
        ("current.t", json!(3.5)),
        ("{t: current.t, unit: units.t}", json!({"t": 3.5, "unit": "C"})),
        ("days[*].d", json!([1, 2])),
        ("days[?d > `1`] | length(@)", json!(1)),
        ("nowhere", json!(null)),
        ("@", weather.clone()),
    ] {
        assert_eq!(render(expression, weather.clone()).unwrap(), want, "{expression}");
    }
    assert_eq!(render("[0]", json!([7])).unwrap(), json!(7));
}

#[test]
fn what_is_no_expression_is_refused() {
    for expression in ["", "a..b", "{", "nosuch("] {
        assert!(matches!(render(expression, json!({})), Err(TemplateError::Syntax(_))), "{expression}");
        assert!(Component::variables(expression).is_err(), "{expression}");
    }
    assert!(matches!(render("length(@)", json!(3)), Err(TemplateError::Other(_))));
    assert_eq!(Component::variables("a.b").unwrap(), Vec::<String>::new());
}
