//! `arena evaluator new NAME`.

use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};
use crate::output::println;
use crate::verdict::shell_word;

/// The SDK's files: path and text.
const SDK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

macro_rules! template {
    ($file:literal) => {
        include_str!(concat!("../../../../../guest-sdk/templates/rust/", $file))
    };
}

/// The project's files: path and template.
const PROJECT: [(&str, &str); 5] = [
    ("Cargo.toml", template!("Cargo.toml.tmpl")),
    ("src/lib.rs", template!("src/lib.rs.tmpl")),
    ("README.md", template!("README.md.tmpl")),
    ("cases.yaml", template!("cases.yaml")),
    (".gitignore", template!(".gitignore")),
];

/// Longest name.
const NAME_BYTES: usize = 64;

/// Arguments of `arena evaluator new`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Name of the check: lower-case letters, digits and dashes.
    name: String,
    /// Folder of the project; must not exist yet [default: NAME].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Writes the project; nothing is left behind if that fails.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let name = arguments.name.as_str();
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= NAME_BYTES
        && !name.ends_with('-')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !good {
        let text = format!("`{name}` cannot be the name of an evaluator");
        return Err(Failure::input("NameInvalid", text)
            .hint("use lower-case letters, digits and dashes, starting with a letter: polite-tone"));
    }
    let dir = arguments.dir.clone().unwrap_or_else(|| PathBuf::from(name));
    if dir.exists() {
        return Err(Failure::input("FolderExists", format!("{} exists", dir.display())).hint("give another with --dir"));
    }
    if let Err(error) = write(name, &dir) {
        let _ = std::fs::remove_dir_all(&dir);
        return Err(Failure::machinery("FileUnwritable", format!("{}: {error}", dir.display())));
    }
    let folder = shell_word(&dir);
    println!("wrote {folder}: the check is in {folder}/src/lib.rs, its cases in {folder}/cases.yaml");
    println!("next: arena evaluator build {folder} && arena evaluator test {folder}");
    Ok(Exit::Passed)
}

fn write(name: &str, dir: &Path) -> std::io::Result<()> {
    let fill = |text: &str| text.replace("{{name}}", name).replace("{{crate_name}}", &name.replace('-', "_"));
    let project = PROJECT.iter().map(|(path, text)| (PathBuf::from(path), fill(text)));
    let sdk = SDK.iter().map(|(path, text)| (Path::new("vendor/arena-guest").join(path), (*text).to_owned()));
    for (path, text) in project.chain(sdk) {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}
