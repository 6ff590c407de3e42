//! The help texts in docs/commands are the program's own. `ARENA_DOCS_UPDATE=1` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use arena_docs::{Directive, arena, environment, pages, root, work_folder};

const FOLDER: &str = "docs/commands/";

fn help(words: &[&str]) -> String {
    let folder = work_folder().unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("arena-cache");
    let mut command = Command::new(arena().unwrap());
    command.args(words).arg("--help").env_clear().envs(environment(folder.path(), &cache)).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "arena {words:?} --help");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The commands that a help text lists, without `help` itself.
fn listed(help: &str) -> Vec<String> {
    let section = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

fn all(words: &[&str], found: &mut BTreeMap<String, String>) {
    let text = help(words);
    for name in listed(&text) {
        let words: Vec<&str> = words.iter().copied().chain([name.as_str()]).collect();
        all(&words, found);
    }
    found.insert([&["arena"], words].concat().join(" "), text);
}

#[test]
fn help_texts_are_the_programs_own() {
    let mut helps = BTreeMap::new();
    all(&[], &mut helps);
    let update = std::env::var_os("ARENA_DOCS_UPDATE").is_some_and(|value| value == "1");
    let (mut shown, mut wrong) = (BTreeSet::new(), Vec::new());
    for page in pages(&root()).unwrap() {
        let mut text = page.text.clone();
        for block in page.blocks.iter().rev() {
            let Directive::Help(command) = &block.directive else { continue };
            let Some(help) = helps.get(command) else { panic!("{}: there is no command `{command}`", page.path) };
            assert!(page.path.starts_with(FOLDER), "{}: help texts stand in {FOLDER}", page.path);
            shown.insert(command.clone());
            if block.text != *help {
                wrong.push(format!("{}:{}: {command}", page.path, block.line));
                text.replace_range(block.range.clone(), help);
            }
        }
        if update && text != page.text {
            fs::write(root().join(&page.path), text).unwrap();
        }
    }
    let missing: Vec<_> = helps.keys().filter(|command| !shown.contains(*command)).collect();
    assert!(missing.is_empty(), "no page in {FOLDER} has the help of {missing:?}");
    let hint = "ARENA_DOCS_UPDATE=1 cargo test -p arena-docs --test help";
    assert!(wrong.is_empty() || update, "these differ from the program, `{hint}` writes them anew: {wrong:#?}");
}

#[test]
fn every_command_has_its_page() {
    for command in listed(&help(&[])) {
        let path = format!("{FOLDER}{command}.md");
        let text = fs::read_to_string(root().join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(text.contains("## Exit codes"), "{path} has no section on exit codes");
        assert!(text.contains("```sh\n"), "{path} has no example");
    }
}
