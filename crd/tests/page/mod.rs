//! Text that is made from a definition: a page of the reference, a template of the chart.

use std::fmt::Write as _;

use serde_json::Value;

/// A template of the chart: installed unless `crds.install` is off, kept at uninstall unless `crds.keep` is off.
pub fn template(yaml: &str) -> String {
    assert!(!yaml.contains("{{"), "nothing in a definition may be taken for a template");
    let switches = "  labels:\n    {{- include \"arena-fleet.labels\" . | nindent 4 }}\n  {{- if .Values.crds.keep }}\n  \
                    annotations:\n    helm.sh/resource-policy: keep\n  {{- end }}\n";
    let (head, tail) = yaml.split_once("metadata:\n").unwrap();
    format!("{{{{- if .Values.crds.install }}}}\n{head}metadata:\n{switches}{tail}{{{{- end }}}}\n")
}

/// A page of the reference.
pub fn reference(definition: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let names = &definition["spec"]["names"];
    let version = &definition["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let mut page = format!("# {}\n\n{}\n\n", text(&names["kind"]), text(&schema["description"]));
    let (group, name) = (text(&definition["spec"]["group"]), text(&version["name"]));
    let (plural, short) = (text(&names["plural"]), text(&names["shortNames"][0]));
    writeln!(page, "`apiVersion: {group}/{name}`, namespaced. `kubectl get {plural}` or `{short}`.\n").unwrap();
    page.push_str("## spec\n\n| Field | Type | Default | Meaning |\n|---|---|---|---|\n");
    let (spec, status) = (&schema["properties"]["spec"], &schema["properties"]["status"]);
    rows(&mut page, "", spec, true);
    let mut rules = Vec::new();
    collect_rules("", spec, &mut rules);
    page.push_str("\nThe API server refuses what breaks a rule, with this message:\n\n| At | Message |\n|---|---|\n");
    for (path, message) in rules {
        let at = if path.is_empty() { "spec".to_owned() } else { format!("`{path}`") };
        writeln!(page, "| {at} | {} |", cell(&message)).unwrap();
    }
    page.push_str("\n## status\n\n| Field | Type | Meaning |\n|---|---|---|\n");
    rows(&mut page, "", status, false);
    page
}

fn rows(page: &mut String, prefix: &str, schema: &Value, spec: bool) {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        let meaning = cell(property["description"].as_str().unwrap_or_default());
        let default = match &property["default"] {
            _ if !spec => String::new(),
            _ if required.contains(&name.as_str()) => " required |".to_owned(),
            Value::Null | Value::Object(_) => " |".to_owned(),
            Value::String(text) => format!(" `{text}` |"),
            value => format!(" `{value}` |"),
        };
        writeln!(page, "| `{path}` | {} |{default} {meaning} |", kind(property)).unwrap();
        rows(page, &format!("{path}."), property, spec);
        rows(page, &format!("{path}[]."), &property["items"], spec);
    }
}

/// A type with its bounds.
fn kind(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("`{}`", value.as_str().unwrap())).collect::<Vec<_>>().join(", ");
    }
    let most = |key: &str, unit: &str| schema[key].as_u64().map(|n| format!(", at most {n}{unit}")).unwrap_or_default();
    let range = match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
        (Some(low), Some(high)) => format!(", {low} to {high}"),
        _ => String::new(),
    };
    match schema["type"].as_str().unwrap_or_default() {
        "array" => format!("list of {}{}", kind(&schema["items"]), most("maxItems", "")),
        "object" if schema["additionalProperties"].is_object() => format!("map of text{}", most("maxProperties", "")),
        "string" if schema["format"] == "date-time" => "time".to_owned(),
        "string" => format!("text{}", most("maxLength", " characters")),
        other => format!("{other}{range}"),
    }
}

fn collect_rules(prefix: &str, schema: &Value, rules: &mut Vec<(String, String)>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        rules.push((prefix.to_owned(), rule["message"].as_str().unwrap().to_owned()));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        collect_rules(&path, property, rules);
        collect_rules(&format!("{path}[]"), &property["items"], rules);
    }
}

/// Text that fits into a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace("\n\n", "<br>")
}
