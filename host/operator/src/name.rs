//! Names of the objects the operator makes.

use arena_model::Hasher;

/// Longest name of a Kubernetes Job whose pods are to get it as a label.
const LONGEST: usize = 63;
/// Hex digits of a hash in a name.
const HASH: usize = 8;

/// Name of a job's worker Job and of its Secret. Long names are cut and told apart by a hash.
pub fn worker_name(job: &str) -> String {
    let suffix = "-worker";
    if job.len() + suffix.len() <= LONGEST {
        return format!("{job}{suffix}");
    }
    with_hash(job, &[job], LONGEST - suffix.len()) + suffix
}

/// Name of the run that a standing job starts for a revision: the same for the same, so that it is started once.
/// Short enough that its own worker's name needs no cut.
pub fn child_name(parent: &str, parent_uid: &str, revision: &str) -> String {
    with_hash(parent, &[parent_uid, revision], LONGEST - "-worker".len())
}

fn with_hash(name: &str, hashed: &[&str], longest: usize) -> String {
    let mut hasher = Hasher::default();
    for text in hashed {
        hasher.field(text.as_bytes());
    }
    let digest = hasher.finish();
    let hash = digest.hex().get(..HASH).unwrap_or_default();
    // Names of our kinds are ASCII, so a byte is a character.
    let end = name.floor_char_boundary(longest - HASH - 1);
    format!("{}-{hash}", name[..end].trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worker_names_fit_and_differ() {
        assert_eq!(worker_name("evaluation-run-001"), "evaluation-run-001-worker");
        let edge = "a".repeat(56);
        assert_eq!(worker_name(&edge), format!("{edge}-worker"));
        let (one, two) = (worker_name(&("a".repeat(100) + "1")), worker_name(&("a".repeat(100) + "2")));
        assert!(one.len() == 63 && one != two && one.ends_with("-worker"), "{one}");
        assert!(!worker_name(&format!("{}.{}", "a".repeat(46), "b".repeat(60))).contains(".-"));
    }

    #[test]
    fn a_child_is_named_by_parent_and_revision() {
        let name = child_name("on-change", "uid-1", "main@sha1:abc");
        assert_eq!(name, child_name("on-change", "uid-1", "main@sha1:abc"));
        assert_ne!(name, child_name("on-change", "uid-1", "main@sha1:abd"));
        assert_ne!(name, child_name("on-change", "uid-2", "main@sha1:abc"));
        let long = child_name(&"a".repeat(253), "uid", "r");
        assert_eq!(worker_name(&long).len(), 63);
    }
}
