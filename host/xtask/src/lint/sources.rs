//! Rules on the text of files.

use super::Breach;
use super::facts::Source;

/// Most lines a source file may have.
const LINES: usize = 450;
/// What counts as a source file.
const SOURCE_EXTENSIONS: [&str; 7] = ["rs", "py", "js", "ts", "sh", "css", "wit"];

/// Files that may be longer: path and why.
pub const SIZE_EXCEPTIONS: &[(&str, &str)] = &[];

/// Shortest opening paragraph of a library, in bytes: a station takes a sentence to name.
const PARAGRAPH: usize = 60;

/// Places on one machine that mean nothing on another. Split, so that this file does not break its own rule.
const MACHINE_WORDS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/", "notes")];

/// No source file is longer than the budget, and no exception has outlived its reason.
pub fn size(sources: &[Source], exceptions: &[(&str, &str)]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let counted = |path: &str| path.rsplit_once('.').is_some_and(|(_, end)| SOURCE_EXTENSIONS.contains(&end));
    for source in sources.iter().filter(|source| counted(&source.path)) {
        let lines = source.text.lines().count();
        if lines > LINES && !exceptions.iter().any(|(path, _)| *path == source.path) {
            let message = format!("{lines} lines, {} over the budget of {LINES}; split it along a noun", lines - LINES);
            breaches.push(Breach::new(&source.path, message));
        }
    }
    for (path, _) in exceptions {
        let over = sources.iter().any(|source| source.path == *path && source.text.lines().count() > LINES);
        if !over {
            breaches.push(Breach::new(*path, "is excepted from the size budget but does not need it"));
        }
    }
    breaches
}

/// Each library opens with a paragraph: which station, takes what, gives what, never does what.
pub fn opening(sources: &[Source]) -> Vec<Breach> {
    // What users start from is theirs to describe.
    let given = |path: &str| path.starts_with("examples/") || path.starts_with("guest-sdk/templates/");
    let libraries = sources.iter().filter(|source| source.path.ends_with("src/lib.rs") && !given(&source.path));
    let mut breaches = Vec::new();
    for source in libraries {
        let paragraph: usize = source.text.lines().map_while(|line| line.strip_prefix("//! ")).map(str::len).sum();
        if paragraph < PARAGRAPH {
            let message = "does not open with a //! paragraph that says what it takes, gives and never does";
            breaches.push(Breach::new(&source.path, message));
        }
    }
    breaches
}

/// Nothing in the tree names a place on one machine.
pub fn machine(sources: &[Source]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in sources {
        for (index, line) in source.text.lines().enumerate() {
            for word in MACHINE_WORDS.into_iter().filter(|word| names_place(line, word)) {
                let message = format!("names {word}, which is a place on one machine");
                breaches.push(Breach::new(format!("{}:{}", source.path, index + 1), message));
            }
        }
    }
    breaches
}

/// True if the word starts a path in the line; as the middle of a longer path it is a folder like any other.
fn names_place(line: &str, word: &str) -> bool {
    let middle = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ')' | '>');
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(middle))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_line_over_the_budget_is_a_breach() {
        let long = "line\n".repeat(LINES + 1);
        for extension in SOURCE_EXTENSIONS {
            let path = format!("host/plan/src/long.{extension}");
            assert_eq!(size(&[source(&path, &long)], &[]).len(), 1, "{path}");
            assert_eq!(size(&[source(&path, &"line\n".repeat(LINES))], &[]), [], "{path}");
        }
        assert_eq!(size(&[source("Cargo.lock", &long), source("docs/long.md", &long)], &[]), []);
    }

    #[test]
    fn an_exception_holds_until_it_is_not_needed() {
        let exceptions = [("wit/long.wit", "one interface")];
        assert_eq!(size(&[source("wit/long.wit", &"line\n".repeat(LINES + 1))], &exceptions), []);
        assert_eq!(size(&[source("wit/long.wit", "short")], &exceptions).len(), 1);
        assert_eq!(size(&[], &exceptions).len(), 1);
    }

    #[test]
    fn a_library_without_its_paragraph_is_a_breach() {
        let paragraph = "//! The plan: takes a checked bundle and a run spec,\n//! gives the cases; never does IO.\n";
        assert_eq!(opening(&[source("host/plan/src/lib.rs", paragraph)]), []);
        for text in [
            "",
            "use std::fs;\n",
            "//! Plan.\n",
            "//!\n//! Plan of a run, which takes much and gives more, never less.\n",
        ] {
            assert_eq!(opening(&[source("host/plan/src/lib.rs", text)]).len(), 1, "{text:?}");
        }
        assert_eq!(opening(&[source("host/plan/src/case.rs", ""), source("examples/tone/src/lib.rs", "")]), []);
    }

    #[test]
    fn a_place_on_one_machine_is_a_breach_with_its_line() {
        for word in MACHINE_WORDS {
            for line in [format!("see {word}x"), format!("\"{word}x\""), format!("path={word}"), word.to_owned()] {
                let breaches = machine(&[source("docs/a.md", &format!("fine\n{line}\n"))]);
                assert_eq!(breaches.len(), 1, "{line}");
                assert_eq!(breaches[0].place, "docs/a.md:2");
            }
        }
        let fine = ["home/work/x", "$dir/work/x", "${dir}/work/", "the /workers/ path", "/rooted"];
        for line in fine {
            assert_eq!(machine(&[source("docs/a.md", line)]), [], "{line}");
        }
    }

    #[test]
    fn this_file_keeps_its_own_rule() {
        let itself = source("host/xtask/src/lint/sources.rs", include_str!("sources.rs"));
        assert_eq!(machine(std::slice::from_ref(&itself)), []);
        assert_eq!(size(&[itself], &[]), []);
    }
}
