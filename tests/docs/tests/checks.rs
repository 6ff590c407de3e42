//! The page on checks is the program's own. `ARENA_DOCS_UPDATE=1` writes it anew.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::process::Command;

use arena_docs::{arena, root};

const PAGE: &str = "docs/reference/checks.md";

#[test]
fn the_page_on_checks_is_what_components_say_of_themselves() {
    let mut command = Command::new(arena().unwrap());
    let output = command.args(["checks", "--format", "markdown"]).env_clear().output().unwrap();
    assert!(output.status.success());
    let page = String::from_utf8(output.stdout).unwrap();
    let path = root().join(PAGE);
    if std::env::var_os("ARENA_DOCS_UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, &page).unwrap();
    }
    let hint = "ARENA_DOCS_UPDATE=1 cargo test -p arena-docs --test checks";
    assert!(fs::read_to_string(&path).unwrap_or_default() == page, "{PAGE} differs; `{hint}` writes it anew");
}
