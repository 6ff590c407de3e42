//! The engine through the component's own dispatch.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use arena_evaluator_jinja::Component;
use arena_guest::{TemplateEngine as _, TemplateError};
use serde_json::{Value, json};

fn render(template: &str) -> Result<String, TemplateError> {
    let variables = json!({
        "name": "Ada", "n": 3, "big": 18_446_744_073_709_551_615_u64, "f": 1.5, "yes": true, "no": false, "none": null,
        "list": ["a", "b"], "user": {"name": "Bo", "tags": [1, 2]}, "token": "{{ name }}{% if yes %}",
        "html": "<b> & \"c\"", "empty": ""
    });
    Component::render(template, variables.as_object().unwrap())
}

#[test]
fn renders() {
    for (template, want) in [
        ("Hi {{ name }}, {{name}}!", "Hi Ada, Ada!"),
        ("{{ n }} {{ big }} {{ f }} {{ yes }} {{ none }}|{{ empty }}|", "3 18446744073709551615 1.5 True None||"),
        ("{{ user.name }} {{ user['name'] }} {{ user.tags[1] }} {{ list }}", "Bo Bo 2 ['a', 'b']"),
        ("{% if yes and not no %}y{% else %}n{% endif %}", "y"),
        ("{% for item in list %}{{ loop.index }}{{ item }}{% if not loop.last %}, {% endif %}{% endfor %}", "1a, 2b"),
        ("{{ name|upper }} {{ list|join('-') }} {{ list|length }} {{ nope|default('d') }}", "ADA a-b 2 d"),
        ("{% if nope is defined %}y{% else %}n{% endif %}", "n"),
        ("{% macro hi(who) %}hi {{ who }}{% endmacro %}{{ hi('Bo') }} {{ hi(name) }}", "hi Bo hi Ada"),
        ("{% set x = n * 2 %}{{ x }} {{ range(3)|join }}", "6 012"),
        ("a {#- no -#} b {%- if yes %} c {% endif -%} d", "ab c d"),
        ("{% raw %}{{ name }}{% endraw %} } { {name} %}", "{{ name }} } { {name} %}"),
        ("größe: {{ 'ä' }}\n", "größe: ä\n"),
        ("", ""),
    ] {
        assert_eq!(render(template).unwrap(), want, "{template}");
    }
}

#[test]
fn values_are_never_templates_and_never_escaped() {
    assert_eq!(render("{{ token }} {{ token|upper }}").unwrap(), "{{ name }}{% if yes %} {{ NAME }}{% IF YES %}");
    assert_eq!(render("{{ html }}").unwrap(), "<b> & \"c\"");
}

#[test]
fn names_variables_sorted_and_once() {
    let variables = |template| Component::variables(template).unwrap();
    let template = "{{ b }}{{ a.c }}{{ b }}{% for x in xs %}{{ x }}{{ loop.index }}{% endfor %}{% set y = z %}{{ y }}\
                    {% if d is defined %}{% endif %}{{ range(2) }}{{ e|default('') }}{{ list[i] }}";
    assert_eq!(variables(template), ["a", "b", "d", "e", "i", "list", "xs", "z"]);
    assert_eq!(variables("{% macro m(p) %}{{ p }}{{ q }}{% endmacro %}{{ m(1) }}"), ["q"]);
    assert_eq!(variables("no tags"), Vec::<String>::new());
}

#[test]
fn names_without_a_value_are_listed() {
    for (template, want) in [
        ("{{ zz }} {{ aa }} {{ name }} {{ aa }}", vec!["aa", "zz"]),
        ("{% if zz %}{% endif %}", vec!["zz"]),
        ("{% for x in zz %}{% endfor %}", vec!["zz"]),
        ("{{ zz|upper }}", vec!["zz"]),
        ("{{ zz.a.b }}", vec!["zz"]),
        ("{{ user.zip }}", vec!["user.zip"]),
        ("{{ user.zip.code }}", vec!["user.zip"]),
    ] {
        let error = render(template).unwrap_err();
        let TemplateError::Unresolved(names) = &error else { panic!("{template}: {error:?}") };
        assert_eq!(*names, want, "{template}");
    }
    // What was read is no name of a variable.
    assert!(
        matches!(render("{{ list[5] }}"), Err(TemplateError::Other(text)) if text.starts_with("line 1: undefined"))
    );
}

#[test]
fn malformed_templates_are_syntax_errors_with_a_line() {
    for template in ["{% if yes %}", "{{ name", "{{ 1 + }}", "{% nope %}", "{% for x %}{% endfor %}", "{{ '\\u{zz}' }}"]
    {
        let template = format!("first\n{template}");
        for error in [render(&template).unwrap_err(), Component::variables(&template).unwrap_err()] {
            assert!(matches!(&error, TemplateError::Syntax(text) if text.starts_with("line 2: ")), "{error:?}");
        }
    }
}

#[test]
fn what_goes_wrong_while_rendering_says_where() {
    for (template, want) in [
        ("\n{{ name|nope }}", "line 2: unknown filter"),
        ("{{ nope() }}", "line 1: unknown function"),
        ("{{ name / 2 }}", "line 1: invalid operation"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "line 1: invalid operation: recursion limit exceeded"),
    ] {
        let error = render(template).unwrap_err();
        assert!(matches!(&error, TemplateError::Other(text) if text.starts_with(want)), "{template}: {error:?}");
    }
}

#[test]
fn other_templates_cannot_be_loaded() {
    for template in ["{% include 'a' %}", "{% extends 'a' %}", "{% import 'a' as a %}"] {
        assert!(matches!(render(template), Err(TemplateError::Syntax(_))), "{template}");
    }
}

#[test]
fn metadata_is_of_a_template_engine() {
    let metadata: Value = serde_json::from_str(Component::METADATA).unwrap();
    assert_eq!((&metadata["name"], &metadata["world"]), (&json!("jinja"), &json!("template")));
}
