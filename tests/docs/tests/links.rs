//! What pages link to is there, and every block is of a language that some test looks at.

use std::collections::BTreeMap;
use std::path::Path;

use arena_docs::{Directive, Page, pages, root};

/// Blocks of these languages are run, validated, compared, or hold no claim about the program.
const LANGUAGES: [&str; 7] = ["sh", "bash", "yaml", "text", "json", "rust", "toml"];
/// Most blocks that no test runs.
const NO_RUN: usize = 5;
/// Fewest folders of the tree that the picture in the README leads into.
const PICTURED: usize = 8;

/// The folder of a page, then up and down as the link says.
fn target(page: &str, link: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[test]
fn links_lead_somewhere() {
    let pages = pages(&root()).unwrap();
    let by_path: BTreeMap<&str, &Page> = pages.iter().map(|page| (page.path.as_str(), page)).collect();
    let mut broken = Vec::new();
    for page in &pages {
        for link in page.links.iter().filter(|link| !link.starts_with("https://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = if file.is_empty() { page.path.clone() } else { target(&page.path, file) };
            let there = root().join(&path).exists();
            let known = by_path.get(path.as_str()).is_some_and(|page| page.anchors.contains(anchor));
            if !there || (!anchor.is_empty() && !known) {
                broken.push(format!("{}: {link}", page.path));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn the_picture_in_the_readme_leads_into_the_tree() {
    let pages = pages(&root()).unwrap();
    let readme = pages.iter().find(|page| page.path == "README.md").unwrap();
    let picture = readme.text.split("<pre>").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap();
    let folders: Vec<_> = picture.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(folders.len() >= PICTURED, "{folders:?}");
    for folder in folders {
        assert!(root().join(folder).is_dir(), "{folder} is no folder of the tree");
    }
}

#[test]
fn every_page_of_docs_is_linked() {
    let pages = pages(&root()).unwrap();
    let linked = |page: &Page, path: &str| {
        page.path != path && page.links.iter().any(|link| target(&page.path, link.split('#').next().unwrap()) == path)
    };
    for page in pages.iter().filter(|page| page.path.starts_with("docs/")) {
        assert!(pages.iter().any(|other| linked(other, &page.path)), "no page links to {}", page.path);
    }
}

#[test]
fn every_block_is_looked_at() {
    let mut unrun = Vec::new();
    for page in pages(&root()).unwrap() {
        for (at, block) in page.blocks.iter().enumerate() {
            let place = format!("{}:{}", page.path, block.line);
            assert!(LANGUAGES.contains(&block.language.as_str()), "{place}: language {:?}", block.language);
            match &block.directive {
                Directive::NoRun(reason) => unrun.push(format!("{place}: {reason}")),
                Directive::File(_) => {
                    let used = page.blocks[at..].iter().any(|later| later.is_shell());
                    assert!(used, "{place}: no command after it uses the file");
                }
                Directive::Slow(_) => assert!(block.is_shell(), "{place}: only commands are slow"),
                Directive::Help(_) | Directive::Output => assert_eq!(block.language, "text", "{place}"),
                Directive::Steps(_) => assert_eq!(block.language, "yaml", "{place}"),
                Directive::None => {}
            }
        }
    }
    assert!(unrun.len() <= NO_RUN, "{} blocks are not run, at most {NO_RUN} may:\n{}", unrun.len(), unrun.join("\n"));
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let folder = root().join("docs/decisions");
    let mut numbers: Vec<usize> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .map(|name| name.split('-').next().unwrap().parse().unwrap_or_else(|_| panic!("{name}: no number in front")))
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
    assert!(Path::new(&folder).join("README.md").is_file());
}
