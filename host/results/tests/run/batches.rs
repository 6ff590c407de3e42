//! Batches: what a worker stores at a time.

use arena_model::Outcome;
use arena_results::{Batch, StoredBatch, Strip};

use crate::sample::record;

fn batch() -> (Batch, Vec<Vec<u8>>) {
    let mut batch = Batch::default();
    let records = [record(5, Outcome::Passed), record(2, Outcome::Failed), record(7, Outcome::Error)];
    let lines = records.each_ref().map(|record| serde_json::to_vec(record).unwrap());
    for line in &lines {
        batch.push(line).unwrap();
    }
    (batch, lines.to_vec())
}

#[test]
fn a_batch_reads_back_in_the_order_stored() {
    let (batch, lines) = batch();
    assert_eq!((batch.len(), batch.is_empty()), (3, false));
    let bytes = batch.encode().unwrap();
    assert_eq!(bytes, batch.encode().unwrap());
    assert!(bytes.len() <= arena_results::encoded_limit(batch.bytes(), batch.len()));
    let stored = StoredBatch::open(&bytes).unwrap();
    let indexes: Vec<u64> = stored.entries.iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, [5, 2, 7]);
    let Strip { outcome, cost_usd_micro, input, .. } = stored.entries[1].1;
    assert_eq!((outcome, cost_usd_micro, input), (Outcome::Failed, Some(20), 10));
    assert!(Batch::default().push(b"{}").is_err());
    assert_eq!(stored.lines(1 << 20).unwrap(), lines);
}

#[test]
fn no_changed_byte_and_no_cut_goes_unseen() {
    let bytes = batch().0.encode().unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(StoredBatch::open(&changed).is_err(), "byte {at}");
        assert!(StoredBatch::open(&bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn lengths_that_lie_are_refused_though_the_hash_is_right() {
    let bytes = batch().0.encode().unwrap();
    let body = bytes.len() - 32;
    for (at, value) in [(body - 4, 0xff), (body - 1, 9), (body - 12, 0xff), (body - 5, 1), (0, b'X')] {
        let mut changed = bytes[..body].to_vec();
        changed[at] = value;
        changed.extend_from_slice(blake3::hash(&changed).as_bytes());
        assert!(StoredBatch::open(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn lines_over_the_limit_are_not_unpacked() {
    let (batch, _) = batch();
    let bytes = batch.encode().unwrap();
    let stored = StoredBatch::open(&bytes).unwrap();
    assert!(stored.lines(batch.bytes()).is_ok());
    assert!(stored.lines(batch.bytes() - 1).is_err());
}
