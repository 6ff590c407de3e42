//! The engine through the component's own dispatch.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use arena_evaluator_template::Component;
use arena_guest::TemplateEngine as _;
use serde_json::{Value, json};

fn render(template: &str, variables: Value) -> String {
    Component::render(template, variables.as_object().unwrap()).unwrap()
}

#[test]
fn renders() {
    let variables = json!({
        "name": "Ada", "a.b": "dotted", "n": 3, "f": 1.5, "yes": true, "none": null, "list": [1, "x"],
        "object": {"k": "v"}, "token": "{{name}}", "empty": "", "größe": "XL", "with space": "kept"
    });
    for (template, want) in [
        ("Hi {{name}}, {{name}}!", "Hi Ada, Ada!"),
        ("{{a.b}}|{{n}}|{{f}}|{{yes}}|{{none}}|{{empty}}|", "dotted|3|1.5|true|||"),
        ("{{list}} {{object}}", "[1,\"x\"] {\"k\":\"v\"}"),
        ("{{größe}} ä", "XL ä"),
        ("{{token}} {{name}}", "{{name}} Ada"),
        ("{{ name }} {{nope}} {{}} {{nope", "{{ name }} {{nope}} {{}} {{nope"),
        ("{{if .x}}y{{end}}", "{{if .x}}y{{end}}"),
        ("{{{name}}}", "{Ada}"),
        ("{{ {{name}} }}", "{{ Ada }}"),
        ("{{na{{name}}me}}", "{{naAdame}}"),
        ("${name} {name} }} {{", "${name} {name} }} {{"),
        ("{{with space}}", "kept"),
        ("", ""),
    ] {
        assert_eq!(render(template, variables.clone()), want, "{template}");
    }
}

#[test]
fn names_variables_sorted_and_once() {
    let template = "{{b}} {{a.c}} {{b}} {{ d }} {{}} {{if .x}} {{1st}} {{_e}} {{fragment:f}} {{{g}}} {{nope";
    let want = ["_e", "a.c", "b", "fragment:f", "g"];
    assert_eq!(Component::variables(template).unwrap(), want);
    assert_eq!(Component::variables("no tokens").unwrap(), Vec::<String>::new());
}

#[test]
fn long_rows_of_braces_take_linear_time() {
    let braces = "{".repeat(200_000);
    let template = format!("{braces}name}}}}{braces}");
    let rendered = render(&template, json!({"name": "Ada"}));
    assert_eq!(rendered.len(), template.len() - "{{name}}".len() + "Ada".len());
}
