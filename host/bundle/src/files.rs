//! The files of a folder that need not be a bundle, such as one with tables.

use std::path::Path;

use arena_model::Digest;

use crate::tree::{self, BundleFile, Folder};
use crate::{Limits, Problem};

/// Files that are listed as a bundle's are.
#[derive(Debug)]
pub struct Files {
    /// Sorted by path.
    pub list: Vec<BundleFile>,
    /// Over `(path, bytes)` of all of them.
    pub digest: Digest,
    folder: Folder,
}

impl Files {
    /// Those of the folder at `path`. What a bundle leaves out without harm is refused here: nobody would miss it in time.
    pub fn of(path: &Path, limits: &Limits) -> Result<Self, Problem> {
        let folder = Folder::open(path, limits)?;
        let listing = folder.list(None, limits)?;
        if let Some(why) = listing.files.iter().find_map(|file| file.left_out.as_ref()) {
            return Err(Problem::clone(why));
        }
        Ok(Self { list: listing.files, digest: listing.digest, folder })
    }

    /// The bytes of a listed file, as long as it is what was digested.
    pub(crate) fn read(&self, file: &BundleFile) -> Result<Vec<u8>, Problem> {
        tree::read_listed(&self.folder, file)
    }
}
