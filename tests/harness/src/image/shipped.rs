//! The image that we ship: the program, and what it cannot run without.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::tree::Tree;
use super::{ImageBuilder, ImageContent, LIMIT, USER};
use crate::{HarnessError, Scratch, command, program};

/// The name under which the chart looks for the image of this version.
pub const PROGRAM_IMAGE: &str = concat!("ghcr.io/altairalabs/arena-fleet:", env!("CARGO_PKG_VERSION"));

const PLACE: &str = "/usr/local/bin/arena";
/// Mozilla's roots as Debian ships them. What the machine trusts may be more than that.
const ROOTS: &str = "/usr/share/ca-certificates/mozilla";
/// Where TLS libraries look for roots.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

const USERS: &str = "root:x:0:0:root:/:/nonexistent\narena:x:65532:65532:arena:/tmp:/nonexistent\n";
const GROUPS: &str = "root:x:0:\narena:x:65532:\n";

impl ImageBuilder {
    /// Builds [`PROGRAM_IMAGE`] around a built `arena`.
    pub async fn build_program(&self, program: &Path) -> Result<(), HarnessError> {
        let tree = Tree::new()?;
        let stripped = Scratch::new("stripped")?;
        tree.program(PLACE, &without_lines(program, stripped.path()).await?).await?;
        tree.file("/etc/passwd", USERS.as_bytes())?;
        tree.file("/etc/group", GROUPS.as_bytes())?;
        tree.folder("/tmp", 0o1777)?;
        tree.file(BUNDLE, &roots(Path::new(ROOTS))?)?;
        tree.licence(program::CERTIFICATES.package)?;
        let licence = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../LICENSE"));
        tree.file("/usr/share/doc/arena-fleet/LICENSE", licence)?;
        let labels = [
            ("org.opencontainers.image.title", "arena-fleet"),
            ("org.opencontainers.image.version", env!("CARGO_PKG_VERSION")),
            ("org.opencontainers.image.licenses", env!("CARGO_PKG_LICENSE")),
            ("org.opencontainers.image.source", env!("CARGO_PKG_REPOSITORY")),
        ];
        let content = ImageContent { files: &[(tree.path(), "/")], entrypoint: &[PLACE], user: USER, labels: &labels };
        self.build(PROGRAM_IMAGE, content).await
    }
}

/// A copy without line numbers, a third smaller; the functions' names stay.
async fn without_lines(program: &Path, folder: &Path) -> Result<PathBuf, HarnessError> {
    let copy = folder.join("program");
    let mut command = Command::new(program::STRIP.find()?);
    command::output(command.args(["--strip-debug", "-o"]).arg(&copy).arg(program), LIMIT).await?;
    Ok(copy)
}

/// All certificates of a folder, in the order of their names.
fn roots(folder: &Path) -> Result<Vec<u8>, HarnessError> {
    let failed = |path: &Path| HarnessError::io(format!("cannot read {}", path.display()));
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed(folder))?;
    let mut files: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "crt"));
    files.sort();
    let mut bundle = Vec::new();
    for file in files {
        bundle.extend(fs::read(&file).map_err(failed(&file))?);
        if !bundle.ends_with(b"\n") {
            bundle.push(b'\n');
        }
    }
    if bundle.is_empty() {
        let package = program::CERTIFICATES.package;
        let advice = format!("{} has no certificates: apt-get install --reinstall {package}", folder.display());
        return Err(HarnessError::Machine(advice));
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::RootCertStore;
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;

    use super::*;
    use crate::{Need, runs_here};

    #[test]
    fn every_root_is_a_certificate_that_can_be_trusted() {
        if !runs_here("image: roots", &[Need::Images]).unwrap() {
            return;
        }
        let bundle = roots(Path::new(ROOTS)).unwrap();
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&bundle) {
            store.add(certificate.unwrap()).unwrap();
        }
        assert_eq!(store.len(), fs::read_dir(ROOTS).unwrap().count());
    }

    #[test]
    fn files_that_do_not_end_with_their_line_stay_apart() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("b.crt", "two\n"), ("a.crt", "one"), ("README", "no")] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(roots(folder.path()).unwrap(), b"one\ntwo\n");
    }

    #[test]
    fn a_folder_without_certificates_says_how_to_get_them() {
        let folder = tempfile::tempdir().unwrap();
        let error = roots(folder.path()).unwrap_err().to_string();
        assert!(error.contains("apt-get install --reinstall ca-certificates"), "{error}");
    }
}
