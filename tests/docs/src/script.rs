//! A page's commands as one script: they run in order in one shell, as a reader would type them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{Block, Directive};

/// Longest time of a page, in seconds; `timeout` ends it.
const LIMIT: &str = "600";

/// What of a page is run.
pub struct Script<'a> {
    /// In order; ends before the first block that is left out.
    blocks: Vec<&'a Block>,
    /// The line and reason of the slow block at which it ends early.
    pub left_out: Option<(usize, String)>,
}

impl<'a> Script<'a> {
    /// The shell blocks and files of a page. Without `slow` it ends before the first slow block, since what follows
    /// may build on that.
    pub fn of(blocks: &'a [Block], slow: bool) -> Self {
        let mut script = Self { blocks: Vec::new(), left_out: None };
        for block in blocks {
            match &block.directive {
                Directive::NoRun(_) => continue,
                Directive::Slow(reason) if !slow => {
                    script.left_out = Some((block.line, reason.clone()));
                    break;
                }
                Directive::File(_) | Directive::Output => script.blocks.push(block),
                _ if block.is_shell() => script.blocks.push(block),
                _ => {}
            }
        }
        script
    }

    /// Whether there is nothing to run.
    pub fn is_empty(&self) -> bool {
        !self.blocks.iter().any(|block| block.is_shell())
    }

    /// Runs the blocks in `folder/work` and compares what they print with the page. The error says which block.
    pub fn run(&self, folder: &Path, environment: &BTreeMap<OsString, OsString>) -> Result<()> {
        let (kept, work) = (folder.join("kept"), folder.join("work"));
        fs::create_dir(&kept)?;
        let script = folder.join("script.sh");
        fs::write(&script, self.text(&kept)?)?;
        let output = Command::new("timeout")
            .args(["--kill-after=5", LIMIT, "bash", "--norc"])
            .arg(&script)
            .current_dir(&work)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .output()
            .context("cannot start bash")?;
        let printed = |line: usize| fs::read_to_string(kept.join(format!("{line}.out"))).unwrap_or_default();
        if !output.status.success() {
            let line = fs::read_to_string(kept.join("line")).unwrap_or_default();
            let said = line.trim().parse().map(printed).unwrap_or_default();
            let stderr = String::from_utf8_lossy(&output.stderr);
            bail!("the block on line {line} ended with {}:\n{said}{stderr}", output.status);
        }
        let mut shell = None;
        for block in &self.blocks {
            if block.is_shell() {
                shell = Some(block.line);
            } else if block.directive == Directive::Output {
                let Some(line) = shell else { bail!("line {}: no shell block comes before this output", block.line) };
                compare(&block.text, &printed(line)).with_context(|| format!("the output on line {}", block.line))?;
            }
        }
        Ok(())
    }

    /// The script. Output of each block goes to a file; the number of the block's line stands in `line`.
    fn text(&self, kept: &Path) -> Result<String> {
        let kept_text = kept.display();
        let mut text = String::from("set -eu\n");
        for block in &self.blocks {
            if let Directive::File(path) = &block.directive {
                let copy = kept.join(format!("{}.file", block.line));
                fs::write(&copy, &block.text)?;
                text += &format!("mkdir -p \"$(dirname '{path}')\"\ncp '{}' '{path}'\n", copy.display());
            } else if block.is_shell() {
                let line = block.line;
                text += &format!("echo {line} > '{kept_text}/line'\nexec > '{kept_text}/{line}.out' 2>&1\n");
                let shell = block.commands().with_context(|| format!("the block on line {line}"))?;
                text += &commands(&shell);
            }
        }
        Ok(text)
    }
}

/// Commands that end in `# exit: N` must end with that code, all others with 0.
fn commands(block: &str) -> String {
    let (mut text, mut command) = (String::new(), String::new());
    for line in block.lines() {
        if line.ends_with('\\') {
            command += &format!("{line}\n");
            continue;
        }
        match line.rsplit_once("# exit: ").and_then(|(before, code)| Some((before, code.trim().parse::<u8>().ok()?))) {
            Some((before, code)) => {
                command += before;
                text += &format!(
                    "got=0\n{{ {command}\n}} || got=$?\n[ $got = {code} ] || {{ echo \"exit code $got, not {code}\"; exit 99; }}\n"
                );
            }
            None => text += &format!("{command}{line}\n"),
        }
        command.clear();
    }
    text + &command
}

/// Each line of the page stands in what was printed, in that order; `...` stands for any lines.
fn compare(page: &str, printed: &str) -> Result<()> {
    let mut rest = printed.lines();
    for line in page.lines().map(str::trim_end).filter(|line| !line.is_empty() && line.trim() != "...") {
        if !rest.any(|printed| printed.trim_end() == line) {
            bail!("`{line}` was not printed; this was:\n{printed}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Page;

    fn run(markdown: &str) -> Result<()> {
        let page = Page::parse("a.md", markdown.to_owned())?;
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("work"))?;
        Script::of(&page.blocks, false).run(folder.path(), &std::env::vars_os().collect())
    }

    #[test]
    fn blocks_share_a_shell_and_files_are_where_the_page_says() {
        run("```sh\nx=1\ncd .\n```\n<!-- file: a/b.txt -->\n```text\nit's\n```\n```sh\n[ $x = 1 ]\ngrep \"it's\" a/b.txt\n```\n")
            .unwrap();
    }

    #[test]
    fn a_failing_command_is_named_by_its_block() {
        let error = run("text\n\n```sh\ntrue\n```\n```sh\necho why\nfalse\ntrue\n```\n").unwrap_err().to_string();
        assert!(error.contains("line 6") && error.contains("why"), "{error}");
    }

    #[test]
    fn exit_codes_are_held_to_what_is_printed() {
        run("```sh\n(exit 2) # exit: 2\nsh -c \\\n  'exit 1' # exit: 1\n```\n").unwrap();
        assert!(run("```sh\ntrue # exit: 2\n```\n").is_err());
    }

    #[test]
    fn output_is_compared_line_by_line() {
        run("```sh\nprintf 'a\\nb\\nc\\n'\n```\n<!-- output -->\n```text\na\n...\nc\n```\n").unwrap();
        for wrong in ["c\na", "ab", "d"] {
            let text = format!("```sh\nprintf 'a\\nb\\nc\\n'\n```\n<!-- output -->\n```text\n{wrong}\n```\n");
            assert!(run(&text).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_slow_block_ends_the_page_unless_asked_for() {
        let text = "```sh\na\n```\n<!-- slow: it builds -->\n```sh\nb\n```\n```sh\nc\n```\n";
        let page = Page::parse("a.md", text.to_owned()).unwrap();
        let script = Script::of(&page.blocks, false);
        assert_eq!((script.blocks.len(), script.left_out), (1, Some((5, "it builds".to_owned()))));
        assert_eq!(Script::of(&page.blocks, true).blocks.len(), 3);
    }
}
