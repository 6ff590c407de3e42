//! `arena checks`: what the standard library can check, from the metadata of its components.

use std::fmt::Write as _;

use arena_model::CheckMetadata;
use clap::ValueEnum;
use owo_colors::OwoColorize;
use serde_json::Value;

use crate::exit::{Exit, Failure};
use crate::output::{self, println};
use crate::standard;

/// Arguments of `arena checks`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only this check type, or the one that has this alias, with its parameters.
    name: Option<String>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Forms of output.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines for people.
    Text,
    /// A list of the checks as their components describe them.
    Json,
    /// A page of the documentation.
    Markdown,
}

/// Types that hold other checks and that no component offers.
const BESIDE: [(&str, &str); 3] = [
    (
        "all_of",
        "passes if all of its `checks` that apply pass; takes `min_score` and `max_score` over their weighted mean",
    ),
    ("any_of", "passes if one of its `checks` passes; takes `min_score` and `max_score` over their weighted mean"),
    ("assertion", "judges the check `eval_type` with `eval_params` and holds its score to `min_score` and `max_score`"),
];

/// A check and the component that offers it.
type Offered = (String, CheckMetadata);

/// Prints them.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut offered: Vec<Offered> = standard::library()
        .into_iter()
        .filter(|source| source.metadata.as_ref().is_some_and(|metadata| metadata.world == "evaluator"))
        .flat_map(|source| {
            let checks = source.metadata.map(|metadata| metadata.checks).unwrap_or_default();
            checks.into_iter().map(move |check| (source.name.clone(), check))
        })
        .collect();
    if let Some(name) = &arguments.name {
        let bears = |check: &CheckMetadata| check.name == *name || check.aliases.contains(name);
        offered.retain(|(_, check)| bears(check));
        if offered.is_empty() {
            if let Some((_, what)) = BESIDE.iter().find(|(known, _)| known == name) {
                println!("{}: {what}", name.bold());
                return Ok(Exit::Passed);
            }
            let text = format!("no standard component offers the check `{name}`");
            return Err(Failure::input("CheckUnknown", text).hint("`arena checks` lists them all"));
        }
    }
    match arguments.format {
        Format::Text if arguments.name.is_some() => offered.iter().for_each(one),
        Format::Text => list(&offered),
        Format::Json => {
            let checks: Vec<&CheckMetadata> = offered.iter().map(|(_, check)| check).collect();
            println!("{:#}", serde_json::to_value(checks).unwrap_or_default());
        }
        Format::Markdown => output::text(&page(&offered)),
    }
    Ok(Exit::Passed)
}

fn list(offered: &[Offered]) {
    let width = offered.iter().map(|(_, check)| check.name.len()).max().unwrap_or_default();
    let mut component = "";
    for (name, check) in offered {
        if name != component {
            println!("{}{}", if component.is_empty() { "" } else { "\n" }, name.bold());
            component = name;
        }
        println!("  {:width$}  {}", check.name, check.description);
    }
    println!("\n`arena checks NAME` prints the parameters of one");
}

fn one((component, check): &Offered) {
    println!("{} ({component}): {}", check.name.bold(), check.description);
    if !check.aliases.is_empty() {
        println!("also {}", check.aliases.join(", "));
    }
    for Param { name, kind, needed, meaning } in params(check) {
        let needed = if needed { ", required" } else { "" };
        println!("  {}  {kind}{needed}: {meaning}", name.bold());
    }
    println!(
        "  {}, {}  number from 0 to 1: what the score must reach, and not exceed",
        "min_score".bold(),
        "max_score".bold()
    );
}

/// One parameter of a check.
struct Param<'c> {
    name: &'c str,
    kind: String,
    needed: bool,
    meaning: &'c str,
}

fn params(check: &CheckMetadata) -> impl Iterator<Item = Param<'_>> {
    let required = check.params["required"].as_array();
    let known = check.params["properties"].as_object().into_iter().flatten();
    known.map(move |(name, schema)| Param {
        name,
        kind: kind(schema),
        needed: required.is_some_and(|required| required.iter().any(|it| it == name)),
        meaning: schema["description"].as_str().unwrap_or_default(),
    })
}

/// What a value must be, in words.
fn kind(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ");
    }
    match schema["type"].as_str() {
        Some("string") => "text".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("object") => "mapping".to_owned(),
        Some("array") if schema["items"]["type"] == "string" => "list of text".to_owned(),
        Some("array") => "list".to_owned(),
        Some(other) => other.to_owned(),
        None => "any value".to_owned(),
    }
}

/// The page on all of them.
fn page(offered: &[Offered]) -> String {
    let mut text = String::from(
        "# Checks\n\nWhat the components of the standard library offer, by what they say of themselves. `arena checks NAME` prints \
         one.\nEach takes `min_score` and `max_score` besides, and stands in an [assertion](bundle.md). Where two names of a \
         parameter\nmean the same, one is enough. What is otherwise than in PromptArena stands under\n\
         [compatibility](../compatibility.md).\n",
    );
    let mut component = "";
    for (name, check) in offered {
        if name != component {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n## {name}\n");
            component = name;
        }
        let aliases: Vec<String> = check.aliases.iter().map(|alias| format!("`{alias}`")).collect();
        let also = if aliases.is_empty() { String::new() } else { format!(" Also {}.", aliases.join(", ")) };
        let wants = |name: &str| check.capabilities.iter().any(|it| it == name);
        let asks = match (wants("judge"), wants("embed")) {
            (true, _) => " Asks a judge.",
            (false, true) => " Asks for embeddings.",
            (false, false) => "",
        };
        let _ = write!(text, "\n### {}\n\n{}{also}{asks}\n", check.name, check.description);
        let mut rows = params(check).peekable();
        if rows.peek().is_some() {
            text.push_str("\n| Parameter | Type | Meaning |\n|---|---|---|\n");
        }
        for Param { name, kind, needed, meaning } in rows {
            let needed = if needed { ", required" } else { "" };
            let _ = writeln!(text, "| `{name}` | {}{needed} | {} |", cell(&kind), cell(meaning));
        }
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
