//! The engine through the component's own dispatch.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use arena_evaluator_template_repeated::Component;
use arena_guest::{TemplateEngine as _, TemplateError};
use serde_json::{Value, json};

fn render(template: &str, variables: Value) -> Result<String, TemplateError> {
    Component::render(template, variables.as_object().unwrap())
}

#[test]
fn what_was_put_in_is_looked_through_up_to_ten_times() {
    let values = json!({"greeting": "Hello {{name}}", "name": "{{title}} Ada", "title": "Dr."});
    assert_eq!(render("{{greeting}}!", values.clone()).unwrap(), "Hello Dr. Ada!");
    assert_eq!(render("{{nobody}} {{ name }}", values).unwrap(), "{{nobody}} {{ name }}");

    let mut chain = serde_json::Map::new();
    for at in 0..12 {
        chain.insert(format!("v{at}"), json!(format!("{{{{v{}}}}}", at + 1)));
    }
    assert_eq!(render("{{v0}}", Value::Object(chain)).unwrap(), "{{v10}}", "ten times");
    assert_eq!(render("{{me}}", json!({"me": "{{me}}"})).unwrap(), "{{me}}");
}

#[test]
fn values_that_feed_on_each_other_end_at_the_limit() {
    let twice = |name: &str| format!("{{{{{name}}}}}{{{{{name}}}}}").repeat(64);
    let error = render("{{a}}", json!({"a": twice("b"), "b": twice("a")})).unwrap_err();
    assert!(matches!(&error, TemplateError::Other(why) if why.contains("grows beyond")), "{error:?}");
}

#[test]
fn the_variables_are_those_of_the_template() {
    assert_eq!(Component::variables("{{b}} {{a}} {{b}}").unwrap(), ["a", "b"]);
}
