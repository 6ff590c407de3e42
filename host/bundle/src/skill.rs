//! `spec.skills`: instructions that a model takes up when it needs them, each in a `SKILL.md`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Problem;
use crate::report::Report;
use crate::shape;
use crate::tree::{self, BundleFile, Folder};
use crate::yaml::{self, Cursor, Node, YamlLimits};

/// The file of a skill.
const FILE: &str = "SKILL.md";
/// Longest name and description, in characters; of the skill format.
const NAME_CHARS: usize = 64;
const DESCRIPTION_CHARS: usize = 1024;
/// What fences the front matter.
const FENCE: &str = "---";

/// One skill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skill {
    /// Of the front matter.
    pub name: String,
    /// For the model, which decides by it.
    pub description: String,
    /// The instructions.
    pub body: String,
    /// Folder of the file, relative to the bundle; what a state's `skills` is matched against.
    pub folder: String,
    /// In force from the first turn.
    pub preload: bool,
}

/// Every skill below the paths of the list, sorted by name. Of two with one name the first counts, as with the original
/// runner; a later entry may only ask for preloading.
pub(crate) fn load(
    list: &Cursor<'_>,
    folder: &Folder,
    files: &[BundleFile],
    limits: &YamlLimits,
    report: &mut Report,
) -> Vec<Arc<Skill>> {
    let mut skills: Vec<Skill> = Vec::new();
    let mut listed = BTreeMap::new();
    for entry in list.items() {
        if entry.node.as_text().is_none() {
            report.lenient(|report| shape::check(&entry, &shape::SKILL, report));
        }
        let preload = entry.boolean("preload").unwrap_or(false);
        if let Some(name) = entry.text("name") {
            // Written out in the arena file itself.
            let text = |key| entry.text(key).unwrap_or_default();
            let skill = Skill {
                name,
                description: text("description"),
                body: text("instructions"),
                folder: String::new(),
                preload,
            };
            add(&mut skills, skill, &entry, report);
            continue;
        }
        let itself = entry.node.as_text().map(|_| entry);
        let Some(path) = itself.or_else(|| entry.get_text("path")).or_else(|| entry.get_text("dir")) else { continue };
        let text = path.node.as_text().unwrap_or_default();
        let Ok(below) = tree::normal(text.trim_end_matches('/')) else {
            report.push(path.error_with_value("PathOutside", "the path leads out of the bundle"));
            continue;
        };
        if listed.insert(below.clone(), preload).is_some_and(|before| before || !preload) {
            report.push(entry.again("DuplicateSkill", &format!("the path `{below}`"), "its skills are there once"));
        }
        let inside = |file: &&BundleFile| {
            let parent = file.path.strip_suffix(FILE).map(|parent| parent.trim_end_matches('/'));
            parent.is_some_and(|parent| below.is_empty() || parent == below || parent.starts_with(&format!("{below}/")))
        };
        let mut found = files.iter().filter(inside).peekable();
        if found.peek().is_none() {
            let problem = path.error_with_value("SkillsMissing", "there is no SKILL.md in or below this folder");
            report.push(problem.warning());
        }
        for file in found {
            match read(folder, file, limits) {
                Ok(skill) => add(&mut skills, Skill { preload, ..skill }, &entry, report),
                Err(problem) => report.push(problem),
            }
        }
    }
    skills.sort_by(|one, other| one.name.cmp(&other.name));
    skills.into_iter().map(Arc::new).collect()
}

fn add(skills: &mut Vec<Skill>, skill: Skill, at: &Cursor<'_>, report: &mut Report) {
    let Some(known) = skills.iter_mut().find(|known| known.name == skill.name) else {
        skills.push(skill);
        return;
    };
    known.preload |= skill.preload;
    // The same file by another path is no other skill; one that is written out has no folder.
    if skill.folder.is_empty() || skill.folder != known.folder {
        let place = |skill: &Skill| match skill.folder.as_str() {
            "" => "in the list itself".to_owned(),
            folder => format!("in {folder}"),
        };
        let (first, second) = (place(known), place(&skill));
        let message = format!("skill `{}` stands {first} and {second}: only the first counts", skill.name);
        report.push(at.error("DuplicateSkill", message).defect().hint("give each its own name, or remove one"));
    }
}

fn read(folder: &Folder, file: &BundleFile, limits: &YamlLimits) -> Result<Skill, Problem> {
    let invalid = |message: String| {
        let problem = Problem::of_file(&file.path, "SkillInvalid", message);
        problem.hint("begin the file with `---`, name, description and `---`")
    };
    let bytes = tree::read_listed(folder, file)?;
    let text = String::from_utf8(bytes).map_err(|_| invalid("the file is not UTF-8".to_owned()))?;
    let rest = text.strip_prefix(FENCE).ok_or_else(|| invalid("the front matter is missing".to_owned()))?;
    let (front, body) = rest.split_once("\n---").ok_or_else(|| invalid("the front matter does not end".to_owned()))?;
    let node = yaml::parse(&file.path, front.as_bytes(), limits)?;
    let field = |key: &str, most: usize| {
        let value = node.get(key).and_then(Node::as_text).filter(|text| !text.is_empty());
        let value = value.ok_or_else(|| invalid(format!("the front matter has no `{key}`")))?;
        match value.chars().count() > most {
            true => Err(invalid(format!("`{key}` has more than {most} characters"))),
            false => Ok(value.to_owned()),
        }
    };
    let name = field("name", NAME_CHARS)?;
    if !is_name(&name) {
        return Err(invalid(format!("the name {name:?} is not lower-case letters and digits joined by dashes")));
    }
    let parent = file.path.strip_suffix(FILE).unwrap_or_default().trim_end_matches('/');
    Ok(Skill {
        name,
        description: field("description", DESCRIPTION_CHARS)?,
        body: body.trim_start_matches('-').trim().to_owned(),
        folder: parent.to_owned(),
        preload: false,
    })
}

fn is_name(text: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.split('-').all(word)
}
