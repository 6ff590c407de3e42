//! Every command of README.md and docs/ does what the page says.

use std::path::Path;

use arena_docs::{Directive, Script, copy_examples, environment, pages, root, skip, work_folder};

#[test]
fn shell_blocks_run_as_printed() {
    let slow = std::env::var_os("ARENA_DOCS_SLOW").is_some_and(|value| value == "1");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("arena-cache");
    let (mut failed, mut ran) = (Vec::new(), 0);
    for page in pages(&root()).unwrap() {
        let script = Script::of(&page.blocks, slow);
        if let Some((line, reason)) = &script.left_out {
            let why = format!("{reason}; ARENA_DOCS_SLOW=1 runs it");
            skip(&format!("docs: {}:{line}", page.path), &why).unwrap();
        }
        if script.is_empty() {
            continue;
        }
        let folder = work_folder().unwrap();
        copy_examples(&folder.path().join("work")).unwrap();
        if let Err(error) = script.run(folder.path(), &environment(folder.path(), &cache)) {
            failed.push(format!("{}: {error:#}", page.path));
        }
        ran += 1;
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    assert!(ran >= 8, "only {ran} pages have commands");
}

#[test]
fn files_that_pages_name_are_inside_the_readers_folder() {
    for page in pages(&root()).unwrap() {
        for block in &page.blocks {
            if let Directive::File(path) = &block.directive {
                let safe = !path.starts_with('/') && !path.contains("..") && !path.contains('\'');
                assert!(safe, "{}:{}: {path}", page.path, block.line);
            }
        }
    }
}
