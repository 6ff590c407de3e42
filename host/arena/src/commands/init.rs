//! `arena init [DIR]`: a small bundle that runs without key and network, to be changed into one's own.

use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};
use crate::output::println;
use crate::verdict::shell_word;

macro_rules! file {
    ($path:literal) => {
        ($path, include_str!(concat!("../../init/", $path)))
    };
}

/// The bundle's files: path and template.
const BUNDLE: [(&str, &str); 5] = [
    file!("config.arena.yaml"),
    file!("prompts/assistant.yaml"),
    file!("providers/assistant.yaml"),
    file!("mock/replies.yaml"),
    file!("scenarios/opening-hours.yaml"),
];

/// Name of a bundle in a folder whose name has no letter or digit.
const NAME: &str = "bundle";
/// Longest name.
const NAME_CHARS: usize = 64;

/// Arguments of `arena init`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the bundle; must be empty or not exist yet.
    #[arg(default_value = ".")]
    dir: PathBuf,
}

/// Writes the bundle; nothing is left behind if that fails.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let dir = &arguments.dir;
    let failed = |error: std::io::Error| Failure::machinery("FileUnwritable", format!("{}: {error}", dir.display()));
    let existed = dir.exists();
    if existed && std::fs::read_dir(dir).map_err(failed)?.next().is_some() {
        let text = format!("{} is not empty", dir.display());
        return Err(Failure::input("FolderExists", text).hint("give the name of a new folder: arena init my-bundle"));
    }
    std::fs::create_dir_all(dir).map_err(failed)?;
    let name = dir.canonicalize().map(|dir| name(&dir)).map_err(failed)?;
    if let Err(error) = write(&name, dir) {
        for (path, _) in BUNDLE {
            let _ = std::fs::remove_file(dir.join(path));
        }
        if !existed {
            let _ = std::fs::remove_dir_all(dir);
        }
        return Err(failed(error));
    }
    let folder = shell_word(dir);
    println!("wrote a bundle of 1 scenario and a mock into {folder}");
    println!("next: arena validate {folder} && arena run {folder}");
    println!("then: change the prompt in {}, what is asked and checked in {}", at(dir, 1), at(dir, 4));
    Ok(Exit::Passed)
}

fn at(dir: &Path, index: usize) -> String {
    shell_word(&dir.join(BUNDLE.get(index).map_or("", |(path, _)| path)))
}

/// The folder's name as one plain word.
fn name(dir: &Path) -> String {
    let name = dir.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let plain: String = name.chars().take(NAME_CHARS).map(plain).collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { NAME.to_owned() } else { plain.to_owned() }
}

fn write(name: &str, dir: &Path) -> std::io::Result<()> {
    for (path, text) in BUNDLE {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text.replace("{{name}}", name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folders_name_becomes_a_plain_word() {
        for (folder, expected) in [("My Bots", "my-bots"), ("_x_", "x"), ("…", "bundle"), ("/", "bundle")] {
            assert_eq!(name(Path::new(folder)), expected);
        }
    }
}
