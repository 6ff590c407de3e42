//! What is swept and what is not. Time passes by what the sweep is told.

use std::time::{Duration, SystemTime};

use arena_artifact::{Disk, Name, Pin, Put, SweepReport, SweepSettings};
use arena_model::{Digest, Fault};
use tempfile::TempDir;

use crate::stand::{artifact, name};

const HOUR: Duration = Duration::from_secs(3600);

struct Room {
    _folder: TempDir,
    disk: Disk,
    used: Name,
    unused: Name,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        let (used, unused) = (artifact("a", b"used"), artifact("a", b"unused"));
        disk.put(used.clone(), b"used").unwrap();
        disk.put(unused.clone(), b"unused").unwrap();
        let room = Self { _folder: folder, disk, used, unused };
        room.pin("used", b"used");
        room
    }

    fn pin(&self, pin: &str, bytes: &[u8]) {
        let content = serde_json::to_vec(&Pin { artifacts: vec![Digest::of(bytes)] }).unwrap();
        assert_eq!(self.disk.put(name(&format!("a/pins/{pin}")), &content).unwrap(), Put::Created);
    }

    /// Sweeps `after` the artifacts were stored; what is an hour old goes, an hour after it was marked.
    fn sweep(&self, after: Duration) -> (u64, u64, u64) {
        let settings = SweepSettings { min_age: HOUR, wait: HOUR };
        let SweepReport { kept, marked, deleted } = self.disk.sweep(SystemTime::now() + after, &settings).unwrap();
        (kept, marked, deleted)
    }

    fn has(&self, name: &Name) -> bool {
        self.disk.object(name).unwrap().is_some()
    }
}

#[test]
fn what_nobody_pins_is_marked_and_then_deleted() {
    let room = Room::new();
    assert_eq!(room.sweep(HOUR / 2), (2, 0, 0), "too young");
    assert_eq!(room.sweep(HOUR * 2), (1, 1, 0));
    assert_eq!(room.sweep(HOUR * 2 + HOUR / 2), (2, 0, 0), "not yet");
    assert!(room.has(&room.unused));
    assert_eq!(room.sweep(HOUR * 4), (1, 0, 1));
    assert!(!room.has(&room.unused) && room.has(&room.used));
    assert_eq!(room.sweep(HOUR * 5), (1, 0, 0));
}

#[test]
fn a_pin_saves_what_was_marked() {
    let room = Room::new();
    assert_eq!(room.sweep(HOUR * 2), (1, 1, 0));
    room.pin("late", b"unused");
    assert_eq!(room.sweep(HOUR * 4), (2, 0, 0));
    room.disk.delete(&name("a/pins/late")).unwrap();
    assert_eq!(room.sweep(HOUR * 5), (1, 1, 0), "the mark was taken away, so it starts over");
    assert!(room.has(&room.unused));
}

#[test]
fn what_is_stored_again_is_kept() {
    let room = Room::new();
    assert_eq!(room.sweep(HOUR * 2), (1, 1, 0));
    assert_eq!(room.disk.put(room.unused.clone(), b"unused").unwrap(), Put::SameExists);
    assert_eq!(room.sweep(HOUR * 4), (1, 1, 0), "the mark was taken away, so it starts over");
    assert!(room.has(&room.unused));
}

#[test]
fn a_pin_that_cannot_be_read_stops_the_sweep() {
    let room = Room::new();
    room.sweep(HOUR * 2);
    std::fs::write(room._folder.path().join("a/pins/broken"), "{").unwrap();
    let settings = SweepSettings { min_age: HOUR, wait: HOUR };
    let error = room.disk.sweep(SystemTime::now() + HOUR * 4, &settings).unwrap_err();
    assert_eq!(error.reason(), "StoreIo");
    assert!(room.has(&room.unused));
}

#[test]
fn pins_of_one_namespace_do_not_hold_in_another() {
    let room = Room::new();
    let other = artifact("b", b"used");
    room.disk.put(other.clone(), b"used").unwrap();
    room.sweep(HOUR * 2);
    room.sweep(HOUR * 4);
    assert!(!room.has(&other) && room.has(&room.used));
}
