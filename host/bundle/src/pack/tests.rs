use super::*;

/// A small pack with these changes, each a path of keys with a value in JSON.
fn pack(changes: &[(&str, &str)]) -> String {
    let mut pack = serde_json::json!({
        "id": "shop",
        "name": "Shop",
        "version": "1.0.0",
        "template_engine": {"version": "v1", "syntax": "{{variable}}"},
        "prompts": {"help": {"id": "help", "name": "Help", "version": "v1.2.3", "system_template": "You help."}},
    });
    for (path, value) in changes {
        let mut at = &mut pack;
        for key in path.split('/') {
            at = &mut at[key];
        }
        *at = serde_json::from_str(value).unwrap();
    }
    pack.to_string()
}

fn read(text: &str) -> (Vec<&'static str>, Vec<String>) {
    let mut report = Report::new(1000);
    let document = Document::parse("x.pack.json", text.as_bytes(), &YamlLimits::default(), &mut report);
    let found = match report.finish() {
        Ok(warnings) => warnings,
        Err(problems) => problems.0,
    };
    let accepted = document.map(|document| document.accepted.iter().map(|version| version.as_str()).collect());
    (accepted.unwrap_or_default(), found.iter().map(ToString::to_string).collect())
}

const STATES: &str = r#"{"a": {"prompt_task": "help", "on_event": {}}}"#;

#[test]
fn each_version_has_keys_of_its_own() {
    let workflow = format!(r#"{{"version": 1, "entry": "a", "states": {STATES}}}"#);
    let eval = r#"[{"id": "e", "type": "contains", "trigger": "every_turn"}]"#;
    for (changes, accepted) in [
        (vec![], "1.0 1.1 1.2 1.3.0 1.3.1 1.4 1.5"),
        (vec![("prompts/help/media", r#"{"enabled": true}"#)], "1.1 1.2 1.3.0 1.3.1 1.4 1.5"),
        (vec![("evals", eval)], "1.2 1.3.0 1.3.1 1.4 1.5"),
        (vec![("prompts/help/evals", eval)], "1.2 1.3.0 1.3.1 1.4 1.5"),
        (vec![("workflow", workflow.as_str())], "1.3.0 1.3.1 1.4 1.5"),
        (vec![("skills", r#"["./skills", {"path": "x", "preload": true}]"#)], "1.3.1 1.4 1.5"),
        (vec![("evals", r#"[{"id": "e", "type": "t", "trigger": "on_workflow_step"}]"#)], "1.4 1.5"),
        (vec![("evals", r#"[{"id": "e", "type": "t", "trigger": "every_turn", "groups": ["g"]}]"#)], "1.4"),
        (vec![("prompts/help/validators", r#"[{"type": "t"}]"#)], "1.4"),
        (vec![("prompts/help/validators", r#"[{"type": "t", "enabled": true}]"#)], "1.0 1.1 1.2 1.3.0 1.3.1 1.4 1.5"),
        (vec![("workflow", r#"{"version": 1, "entry": "a", "states": {"a": {"prompt_task": "help"}}}"#)], "1.4"),
        (
            vec![(
                "workflow",
                r#"{"version": 1, "entry": "a", "states": {"a": {"prompt_task": "help", "terminal": true}}}"#,
            )],
            "1.4 1.5",
        ),
        (vec![("compositions", "{}")], "1.5"),
        (vec![("agents", r#"{"entry": "help", "members": {"help": {"tags": ["x"]}}}"#)], "1.3.0 1.3.1 1.4 1.5"),
        (vec![("agents", r#"{"entry": "help", "members": {"help": {"state": "a"}}}"#)], "1.5"),
    ] {
        let (versions, found) = read(&pack(&changes));
        assert_eq!(versions.join(" "), accepted, "{changes:?}: {found:?}");
        assert!(!found.iter().any(|line| line.contains("error[")), "{changes:?}: {found:?}");
    }
}

#[test]
fn what_no_version_accepts_is_told_by_the_closest() {
    let (versions, found) = read(&pack(&[("prompts/help/sytem_template", "\"x\""), ("compositions", "{}")]));
    assert_eq!(versions, Vec::<&str>::new());
    assert!(
        found[0]
            .contains("error[PackInvalid]: no version of the format accepts this pack; what follows is by version 1.5"),
        "{found:?}"
    );
    assert!(found[1].contains("unknown key `sytem_template`; did you mean `system_template`?"), "{found:?}");
    // The version that the pack names goes before.
    let named = ("$schema", "\"https://promptpack.org/schema/v1.1/promptpack.schema.json\"");
    let (_, found) = read(&pack(&[named, ("prompts/help/sytem_template", "\"x\""), ("compositions", "{}")]));
    assert!(found[0].contains("by version 1.1") && found.len() == 3, "{found:?}");
}

#[test]
fn a_version_that_is_not_known_is_refused() {
    for (key, value) in [
        ("$schema", "\"https://promptpack.org/schema/v1.9.0/promptpack.schema.json\""),
        ("compilation", r#"{"compiled_with": "x", "created_at": "t", "schema": "v2"}"#),
    ] {
        let (versions, found) = read(&pack(&[(key, value)]));
        assert!(versions.is_empty() && found.len() == 1, "{found:?}");
        assert!(found[0].contains("error[PackVersionUnknown]") && found[0].ends_with("1.3.1, 1.4, 1.5"), "{found:?}");
    }
    for value in ["\"https://promptpack.org/schema/latest/promptpack.schema.json\"", "\"./promptpack.schema.json\""] {
        assert_eq!(read(&pack(&[("$schema", value)])).1, Vec::<String>::new());
    }
    let (versions, found) = read(&pack(&[
        ("$schema", "\"https://promptpack.org/schema/v1.3.0/promptpack.schema.json\""),
        ("skills", "[]"),
    ]));
    assert_eq!(versions, ["1.3.1", "1.4", "1.5"]);
    assert!(found[0].contains("warning[PackVersionMismatch]"), "{found:?}");
}

#[test]
fn rules_that_all_versions_share() {
    for (path, value, part) in [
        ("id", "\"Shop\"", "error[ValueInvalid] id"),
        ("version", "\"1.0\"", "write it as `1.2.3`"),
        ("version", "\"01.0.0\"", "error[ValueInvalid] version"),
        ("name", "\"\"", "`name` must not be empty"),
        ("prompts", "{}", "at least one prompt"),
        ("prompts/help/id", "\"9\"", "error[ValueInvalid] prompts.help.id"),
        ("prompts/help/id", "\"other\"", "warning[PackNameDiffers]"),
        ("prompts/help/system_template", "\"\"", "must not be empty"),
        ("prompts/help/parameters", "{\"temperature\": 2.5}", "must be from 0 to 2"),
        ("prompts/help/parameters", "{\"top_k\": 0}", "must be at least 1"),
        ("prompts/help/tools", "[\"nobody\"]", "warning[ToolUnknown]"),
        ("tools", r#"{"t": {"name": "t", "description": "d", "parameters": {"type": "list"}}}"#, "is `object`"),
        (
            "evals",
            r#"[{"id": "e", "type": "t", "trigger": "every_turn", "metric": {"name": "a b", "type": "gauge"}}]"#,
            "metric.name",
        ),
        ("skills", "[{\"name\": \"x\"}]", "a skill is a path"),
        ("metadata", "{\"language\": \"english\"}", "metadata.language"),
        ("compilation", "{}", "required key `compiled_with`"),
        ("fragments", "{\"help\": \"{{help}}\"}", "error[FragmentCycle]"),
        ("template_engine/syntax", "\"${variable}\"", "warning[FeatureUnsupported]"),
    ] {
        let (_, found) = read(&pack(&[(path, value)]));
        assert!(found.iter().any(|line| line.contains(part)), "{path} {value}: {found:?}");
    }
}

#[test]
fn a_pack_is_read_under_the_limits_of_all_documents() {
    let deep = format!("{{\"metadata\": {}1{}}}", "[".repeat(70), "]".repeat(70));
    for (text, reason) in
        [("{\"id\": 1, \"id\": 2}", "YamlDuplicateKey"), (deep.as_str(), "YamlTooDeep"), ("{", "YamlSyntax")]
    {
        let (_, found) = read(text);
        assert!(found[0].contains(reason), "{found:?}");
    }
}
