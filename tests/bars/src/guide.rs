//! A guide as steps: the files it has the reader save, and the commands it has the reader type, in order.

use anyhow::{Context, Result, bail};

/// One thing the reader does.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Save this text here, a path below the folder one works in.
    File {
        /// Where.
        path: String,
        /// What.
        text: String,
    },
    /// Type this.
    Command {
        /// One line.
        line: String,
        /// Expected exit code: 0, or what a comment `# exit: N` behind it says.
        exit: i32,
    },
}

/// Reads Markdown. A block after `<!-- file: PATH -->` is a file, a block of `sh` commands; others are for the eye.
pub fn steps(markdown: &str) -> Result<Vec<Step>> {
    let (mut steps, mut file) = (Vec::new(), None);
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        if let Some(path) = line.strip_prefix("<!-- file: ").and_then(|rest| rest.strip_suffix(" -->")) {
            file = Some(path.trim().to_owned());
        }
        let Some(kind) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some(path) = file.take() {
            if path.starts_with('/') || path.split('/').any(|part| part == "..") {
                bail!("{path} is outside of the folder");
            }
            steps.push(Step::File { path, text: block.join("\n") + "\n" });
        } else if kind == "sh" {
            for line in block.into_iter().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                let (line, exit) = match line.split_once("# exit: ") {
                    Some((line, code)) => (line, code.trim().parse().with_context(|| format!("exit code {code:?}"))?),
                    None => (line, 0),
                };
                steps.push(Step::Command { line: line.trim_end().to_owned(), exit });
            }
        }
    }
    if steps.is_empty() {
        bail!("no commands in it");
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_commands_in_order() {
        let text = "# T\n\n```sh\n# first\nnew x\n\nrun # exit: 1\n```\n<!-- file: a/b.rs -->\n```rust\nfn x() {}\n```\n\
                    <!-- output -->\n```text\nout\n```\n";
        let command = |line: &str, exit| Step::Command { line: line.into(), exit };
        let file = Step::File { path: "a/b.rs".into(), text: "fn x() {}\n".into() };
        assert_eq!(steps(text).unwrap(), [command("new x", 0), command("run", 1), file]);
    }

    #[test]
    fn what_cannot_be_followed_is_an_error() {
        assert!(steps("nothing to do\n").is_err());
        assert!(steps("<!-- file: ../x -->\n```sh\ny\n```\n").is_err());
        assert!(steps("```sh\nx # exit: never\n```\n").is_err());
    }
}
