//! Answers that attack whoever looks at them, in every form that they are written in.

use std::fs;

use anyhow::{Context, Result};
use arena_e2e::World;
use arena_harness::RawServer;
use serde_json::{Value, json};

/// What models may say: markup, links, terminal escapes, formulas, NUL, fences, mentions.
const ANSWERS: [&str; 12] = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)><!--",
    "[click](javascript:alert(1)) <a href=\"javascript:alert(1)\">x</a>",
    "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J\u{1b}]8;;http://evil\u{1b}\\link",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "+1-1",
    "nul\0 and \u{fffe} and \u{1} and bell\u{7}",
    "```\n</details>\n# Arena: passed\n@everyone #1 https://evil.example\n````````",
    "]]> &lt;tag&gt; &#0; <![CDATA[x]]>",
    "\u{202e}desrever\u{2066} \u{feff}\r\npassed: 100 cases",
];

/// One scenario for each answer, whose name and message are the answer as well.
fn world() -> Result<World> {
    let mut world = World::new()?;
    let mut scenarios = json!({});
    for (at, answer) in ANSWERS.iter().enumerate() {
        scenarios[format!("s{at}")] = json!({"turns": {"1": answer}});
        let check = json!({"type": "contains", "params": {"patterns": [format!("never {answer}")]}, "message": answer});
        world.bundle.checks(&format!("s{at}"), json!([check]));
    }
    world.bundle.mock("m", &json!({"defaultResponse": "x", "scenarios": scenarios}))?;
    Ok(world)
}

/// No control character but line feed and tab, and none that turns the text around.
fn is_inert(text: &str) -> bool {
    !text.contains(|c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    })
}

#[test]
fn hostile_answers_stay_text_in_every_form() -> Result<()> {
    let world = world()?;
    let formats = "jsonl,csv,parquet,markdown";
    let mut terminal =
        world.arena(&["run", "bundle", "--out", "out", "--formats", formats, "--show", "all"])?.code(1)?.all();
    for command in [
        &["results", "failures", "out", "--full"][..],
        &["results", "tail", "out", "-n", "100"],
        &["results", "show", "out", "3"],
        &["results", "list", "."],
    ] {
        terminal += &world.arena(command)?.code(0)?.all();
    }
    assert!(is_inert(&terminal), "{terminal:?}");
    assert!(!terminal.lines().any(|line| line.starts_with("passed:") || line.starts_with("# Arena")), "{terminal}");

    // What they said is all there, for programs.
    let records = world.records("out")?;
    assert_eq!(records.len(), ANSWERS.len());
    for record in &records {
        let at: usize = record.scenario[1..].parse()?;
        let said = record.messages.iter().rev().find(|message| message.role == arena_model::Role::Assistant);
        assert_eq!(said.context("an answer")?.content.text(), ANSWERS[at]);
    }
    let lines = fs::read_to_string(world.path("out.jsonl"))?;
    assert!(
        is_inert(&lines.replace(['\u{202e}', '\u{2066}', '\u{feff}', '\u{9b}'], "")),
        "JSON escapes control characters"
    );

    csv(&fs::read_to_string(world.path("out.csv"))?);
    markdown(&fs::read_to_string(world.path("out.md"))?);
    junit(&fs::read_to_string(world.path("out/junit.xml"))?);
    world.arena(&["verify", "out"])?.code(0)?;
    Ok(())
}

fn csv(text: &str) {
    assert!(is_inert(text), "{text:?}");
    // As a spreadsheet takes it apart: fields in quotes hold commas and line feeds.
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    assert!(fields.len() > 37 * ANSWERS.len());
    for field in fields {
        assert!(!field.trim_start().starts_with(['=', '+', '-', '@']) && !field.starts_with('\t'), "{field:?}");
    }
}

fn markdown(text: &str) {
    assert!(is_inert(text) && text.len() <= 65_536, "{} bytes", text.len());
    let mut fence: Option<String> = None;
    let mut headlines = 0;
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) => {
                if ticks.len() >= open.len() && line.trim_start_matches('`').trim().is_empty() {
                    fence = None;
                }
            }
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                // Outside of fences there is no markup but ours.
                let ours = ["<details><summary>", "</summary>", "</details>"];
                let rest = ours.iter().fold(line.to_owned(), |line, tag| line.replace(tag, ""));
                let links = rest.replace("\\](", "").contains("](");
                assert!(!rest.contains('<') && !links, "{line}");
                for part in ["@everyone", " #1", "https://", "javascript:alert"] {
                    assert!(!line.contains(part), "{part} in {line}");
                }
                headlines += usize::from(line.starts_with('#'));
            }
        }
    }
    assert_eq!((fence, headlines), (None, 1), "{text}");
}

fn junit(text: &str) {
    assert!(is_inert(text), "{text:?}");
    let forbidden = |c: char| matches!(c, '\u{fffe}' | '\u{ffff}');
    assert!(!text.contains(forbidden));
    for tag in ["<script", "<img", "<![CDATA[", "<a "] {
        assert!(!text.contains(tag), "{tag}");
    }
}

#[test]
fn lone_surrogates_of_a_vendor_end_nowhere() -> Result<()> {
    let vendor = RawServer::start(|_| {
        let body =
            r#"{"choices":[{"message":{"role":"assistant","content":"a \ud800 b =cmd"},"finish_reason":"stop"}]}"#;
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    })?;
    let mut world = World::new()?;
    world.bundle.openai("m", &format!("http://127.0.0.1:{}", vendor.port()));
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["never"]}}]));
    let ran = world.arena(&["run", "bundle", "--out", "out", "--formats", "csv,markdown"])?.code(1)?;
    assert!(is_inert(&ran.all()));
    let record = &world.records("out")?[0];
    // Either the answer is refused by name, or it is kept with a mark in the place of what is no character.
    match &record.error {
        Some(error) => assert!(!error.is_empty()),
        None => assert!(record.messages.iter().any(|message| message.content.text().contains('\u{fffd}'))),
    }
    let _: Value = serde_json::from_slice(&fs::read(world.path("out/summary.json"))?)?;
    world.arena(&["verify", "out"])?.code(0)?;
    Ok(())
}
