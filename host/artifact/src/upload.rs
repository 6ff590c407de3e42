//! An object on its way in.

use std::fs::File;
use std::io::Write as _;

use arena_model::{Digest, Hasher};
use cap_std::fs::OpenOptions;

use crate::disk::PARTIAL;
use crate::pin::{PIN_BYTES, Pin};
use crate::{Disk, Name, Put, StoreError};

/// A file without a name yet. Dropped, it is gone.
pub struct Upload {
    disk: Disk,
    name: Name,
    file: File,
    partial: String,
    hasher: Hasher,
    size: u64,
    limit: u64,
    /// A pin is looked into, so its few bytes are kept.
    pin: Vec<u8>,
}

impl Disk {
    /// Begins an object of at most `limit` bytes.
    pub fn begin(&self, name: Name, limit: u64) -> Result<Upload, StoreError> {
        let partial = self.partial()?;
        let limit = if matches!(name, Name::Pin { .. }) { limit.min(PIN_BYTES) } else { limit };
        let file = self.root().open_with(&partial, OpenOptions::new().write(true).create_new(true));
        let file = file.map_err(StoreError::io(format!("create {name}")))?.into_std();
        Ok(Upload {
            disk: self.clone(),
            name,
            file,
            partial,
            hasher: Hasher::default(),
            size: 0,
            limit,
            pin: Vec::new(),
        })
    }

    /// A fresh path for a file that is being written.
    pub(crate) fn partial(&self) -> Result<String, StoreError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)
            .map_err(|error| StoreError::Io { doing: "get random bytes".to_owned(), why: error.to_string() })?;
        Ok(format!("{PARTIAL}/{:032x}", u128::from_be_bytes(id)))
    }

    /// The whole of an object at once.
    pub fn put(&self, name: Name, bytes: &[u8]) -> Result<Put, StoreError> {
        let mut upload = self.begin(name, bytes.len() as u64)?;
        upload.write(bytes)?;
        upload.finish(None)
    }
}

impl Upload {
    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.size += bytes.len() as u64;
        if self.size > self.limit {
            return Err(StoreError::TooLarge { name: self.name.to_string(), limit: self.limit });
        }
        if let Name::Pin { .. } = self.name {
            self.pin.extend_from_slice(bytes);
        }
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(StoreError::io(format!("write {}", self.name)))
    }

    /// Gives the object its name, synced to the disk, unless there is one of that name. The bytes must have the digest
    /// that an artifact is named after, and `expected` if there is one.
    pub fn finish(mut self, expected: Option<&Digest>) -> Result<Put, StoreError> {
        let actual = std::mem::take(&mut self.hasher).finish();
        let named = match &self.name {
            Name::Artifact { digest, .. } => Some(digest),
            _ => None,
        };
        if let Some(expected) = [named, expected].into_iter().flatten().find(|expected| **expected != actual) {
            return Err(StoreError::Digest { name: self.name.to_string(), expected: expected.clone(), actual });
        }
        if let Name::Pin { .. } = self.name {
            Pin::parse(&self.pin)?;
        }
        self.file.sync_all().map_err(StoreError::io(format!("sync {}", self.name)))?;
        self.disk.publish(&self.partial, &self.name, &actual)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // What stays here is removed when the store is opened again.
        let _ = self.disk.root().remove_file(&self.partial);
    }
}
