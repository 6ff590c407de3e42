//! A page: its code blocks with what is said about them, its links and the places that links can lead to.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::steps;

/// What an HTML comment on the line before a block says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Nothing: the block is run, validated or shown as its language says.
    None,
    /// `no-run: REASON`: a shell block that no test can run.
    NoRun(String),
    /// `slow: REASON`: a shell block that runs only with `ARENA_DOCS_SLOW=1`.
    Slow(String),
    /// `file: PATH`: what the reader saves under that path.
    File(String),
    /// `help: COMMAND`: the help text of that command.
    Help(String),
    /// `steps: SYSTEM`: YAML of a CI system, whose steps run as a reader's runner would run them.
    Steps(String),
    /// `output`: what the shell block before it prints; a line `...` stands for anything.
    Output,
}

impl Directive {
    fn parse(comment: &str) -> Result<Self> {
        let (name, value) = comment.split_once(':').unwrap_or((comment, ""));
        let (name, value) = (name.trim(), value.trim().to_owned());
        if name != "output" && value.is_empty() {
            bail!("the directive `{comment}` needs a value after a colon");
        }
        Ok(match name {
            "no-run" => Self::NoRun(value),
            "slow" => Self::Slow(value),
            "file" => Self::File(value),
            "help" => Self::Help(value),
            "steps" => Self::Steps(value),
            "output" => Self::Output,
            _ => bail!("unknown directive `{comment}`; known are no-run, slow, file, help, steps, output"),
        })
    }
}

/// A fenced code block.
#[derive(Clone, Debug)]
pub struct Block {
    /// The word after the fence.
    pub language: String,
    /// Without the fences.
    pub text: String,
    /// See [`Directive`].
    pub directive: Directive,
    /// One-based line of the opening fence.
    pub line: usize,
    /// Bytes of `text` in the page.
    pub range: Range<usize>,
}

impl Block {
    /// Whether a shell is meant.
    pub fn is_shell(&self) -> bool {
        matches!(self.language.as_str(), "sh" | "bash") || matches!(self.directive, Directive::Steps(_))
    }

    /// The commands that are meant.
    pub fn commands(&self) -> Result<String> {
        match &self.directive {
            Directive::Steps(_) => steps::of(&self.text),
            _ => Ok(self.text.clone()),
        }
    }
}

/// A page of Markdown.
#[derive(Clone, Debug)]
pub struct Page {
    /// Below the checkout, with slashes.
    pub path: String,
    /// As it is.
    pub text: String,
    /// In order.
    pub blocks: Vec<Block>,
    /// Targets of links and images, those of HTML included.
    pub links: Vec<String>,
    /// What a link may name after `#`.
    pub anchors: BTreeSet<String>,
}

impl Page {
    /// Reads a page's text; `path` names it in errors.
    pub fn parse(path: &str, text: String) -> Result<Self> {
        let mut page =
            Self { path: path.to_owned(), text, blocks: Vec::new(), links: Vec::new(), anchors: BTreeSet::new() };
        let text = std::mem::take(&mut page.text);
        let (mut comment, mut heading, mut open) = (None, None::<String>, None::<Block>);
        let parser = Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter();
        for (event, range) in parser {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let line = text[..range.start].lines().count() + usize::from(text[..range.start].ends_with('\n'));
                    let place = || format!("{path}:{line}");
                    let directive = match comment.take() {
                        Some(text) => Directive::parse(text).with_context(place)?,
                        None => Directive::None,
                    };
                    let CodeBlockKind::Fenced(language) = kind else { bail!("{}: fence the block", place()) };
                    let language = language.to_string();
                    let start = text[range.clone()].find('\n').map_or(range.end, |at| range.start + at + 1);
                    open = Some(Block { language, text: String::new(), directive, line, range: start..start });
                }
                Event::Text(piece) => {
                    if let Some(block) = &mut open {
                        block.range.end = range.end;
                        block.text.push_str(&piece);
                    } else if let Some(heading) = &mut heading {
                        heading.push_str(&piece);
                    }
                }
                Event::Code(piece) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&piece);
                    }
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(open.take()),
                Event::Start(Tag::Heading { .. }) => (heading, comment) = (Some(String::new()), None),
                Event::End(TagEnd::Heading(_)) => page.anchors.extend(heading.take().map(|text| anchor(&text))),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.to_string());
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    let html = &text[range.start..range.start + html.len()];
                    comment = html.trim().strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")).map(str::trim);
                    let quoted = html.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"'));
                    page.links.extend(quoted.map(|(target, _)| target.to_owned()));
                }
                Event::Start(Tag::Paragraph) => comment = None,
                _ => {}
            }
        }
        page.text = text;
        Ok(page)
    }
}

/// A heading as links name it: lower case, spaces as dashes, no punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// README.md, CONTRIBUTING.md, CHANGELOG.md and every page of docs/ and examples/, sorted by path.
pub fn pages(root: &Path) -> Result<Vec<Page>> {
    let mut paths: Vec<String> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned).into();
    for folder in ["docs", "examples"] {
        collect(root, folder, &mut paths)?;
    }
    paths.sort();
    let read = |path: &String| {
        let text = fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        Page::parse(path, text)
    };
    paths.iter().map(read).collect()
}

fn collect(root: &Path, folder: &str, paths: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(root.join(folder)).with_context(|| format!("cannot list {folder}"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if entry.file_type()?.is_dir() {
            if name != "target" {
                collect(root, &path, paths)?;
            }
        } else if name.ends_with(".md") {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page::parse("docs/a.md", text.to_owned()).unwrap()
    }

    #[test]
    fn a_comment_belongs_to_the_block_right_after_it() {
        let page = page(
            "# The `arena` way, now\n\n<!-- no-run: it reboots -->\n\n```sh\nreboot\n```\n\n<!-- output -->\n\nWords.\n\n\
             ```text\nout\n```\n- item\n\n  <!-- file: a/b.yaml -->\n  ```yaml\n  a: 1\n  ```\n",
        );
        let found: Vec<_> = page.blocks.iter().map(|b| (b.language.as_str(), b.text.as_str(), b.line)).collect();
        assert_eq!(found, [("sh", "reboot\n", 5), ("text", "out\n", 13), ("yaml", "a: 1\n", 19)]);
        let directives: Vec<_> = page.blocks.iter().map(|block| block.directive.clone()).collect();
        let (no_run, file) = (Directive::NoRun("it reboots".into()), Directive::File("a/b.yaml".into()));
        assert_eq!(directives, [no_run, Directive::None, file]);
        assert_eq!(&page.text[page.blocks[0].range.clone()], "reboot\n");
        assert_eq!(page.anchors.iter().collect::<Vec<_>>(), ["the-arena-way-now"]);
    }

    #[test]
    fn an_empty_block_can_be_filled() {
        let page = page("x\n\n```text\n```\n\ny\n");
        let mut text = page.text.clone();
        text.replace_range(page.blocks[0].range.clone(), "new\n");
        assert_eq!(text, "x\n\n```text\nnew\n```\n\ny\n");
    }

    #[test]
    fn a_directive_needs_its_value_and_a_known_name() {
        for comment in ["no-run", "no-run:", "slow", "norun: x"] {
            assert!(Directive::parse(comment).is_err(), "{comment}");
        }
        assert_eq!(Directive::parse("help: arena run").unwrap(), Directive::Help("arena run".into()));
    }

    #[test]
    fn links_of_markdown_and_html_are_found() {
        let page = page("See [a](a.md#b) and ![i](i.png).\n\n<pre>\n<a href=\"host/plan\">plan</a>\n</pre>\n");
        assert_eq!(page.links, ["a.md#b", "i.png", "host/plan"]);
    }

    #[test]
    fn an_indented_block_is_refused() {
        assert!(Page::parse("a.md", "text\n\n    code\n".to_owned()).is_err());
    }
}
