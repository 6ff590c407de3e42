//! The Merkle root over a run's records: one digest that two runs of the same work share.

use arena_model::{CaseKey, CheckRecord, Digest, Hasher, Message, Outcome, Record, Usage};
use serde::Serialize;
use serde_json::Value;

/// A record as far as it takes part in equality: without `measured`, and without fuel and memory of instances that had
/// served before, since what those use depends on what they did before.
pub(crate) fn settled(record: &Record) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(record)?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove("measured");
    }
    for check in value.get_mut("checks").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(check) = check.as_object_mut()
            && check.get("reused") == Some(&Value::Bool(true))
        {
            check.remove("fuel");
            check.remove("memory_bytes");
        }
    }
    Ok(value)
}

/// SHA-256 Merkle tree over leaves in order, in memory of the logarithm of their number. A leaf is hashed behind a
/// byte 0, a node behind a byte 1; a node without a partner moves up unchanged; no leaves give the digest of nothing.
#[derive(Debug, Default)]
pub struct Merkle {
    /// Roots of full trees, their heights falling.
    peaks: Vec<(u32, Digest)>,
    /// Bytes of one leaf, kept for the next.
    leaf: Vec<u8>,
}

/// A record without `measured`, its other fields as they stand in it.
#[derive(Serialize)]
struct Leaf<'a> {
    v: u32,
    key: &'a CaseKey,
    index: u64,
    input: &'a Digest,
    scenario: &'a str,
    provider: &'a str,
    region: &'a Option<String>,
    trial: u32,
    row: &'a Option<String>,
    variant: &'a Option<String>,
    outcome: Outcome,
    reason: &'a Option<String>,
    error: &'a Option<String>,
    messages: &'a [Message],
    checks: &'a [CheckRecord],
    usage: Usage,
    cost_usd_micro: Option<u64>,
}

impl<'a> Leaf<'a> {
    fn of(record: &'a Record) -> Self {
        // Named one by one, so that a field added to the record cannot be forgotten here.
        let Record {
            v,
            key,
            index,
            input,
            scenario,
            provider,
            region,
            trial,
            row,
            variant,
            outcome,
            reason,
            error,
            messages,
            checks,
            usage,
            cost_usd_micro,
            measured: _,
        } = record;
        Self {
            v: *v,
            key,
            index: *index,
            input,
            scenario,
            provider,
            region,
            trial: *trial,
            row,
            variant,
            outcome: *outcome,
            reason,
            error,
            messages,
            checks,
            usage: *usage,
            cost_usd_micro: *cost_usd_micro,
        }
    }
}

impl Merkle {
    /// Adds the record as the next leaf: its JSON as stored, without `measured`.
    pub fn push(&mut self, record: &Record) -> serde_json::Result<()> {
        self.leaf.clear();
        if record.checks.iter().any(|check| check.reused) {
            serde_json::to_writer(&mut self.leaf, &settled(record)?)?;
        } else {
            serde_json::to_writer(&mut self.leaf, &Leaf::of(record))?;
        }
        let leaf = std::mem::take(&mut self.leaf);
        self.push_leaf(&leaf);
        self.leaf = leaf;
        Ok(())
    }

    /// Adds raw bytes as the next leaf.
    pub fn push_leaf(&mut self, bytes: &[u8]) {
        let mut hasher = Hasher::default();
        hasher.update(&[0]);
        hasher.update(bytes);
        let (mut height, mut root) = (0, hasher.finish());
        while let Some((_, left)) = self.peaks.pop_if(|(other, _)| *other == height) {
            root = node(&left, &root);
            height += 1;
        }
        self.peaks.push((height, root));
    }

    /// The root over all leaves.
    pub fn root(mut self) -> Digest {
        let Some((_, mut root)) = self.peaks.pop() else { return Digest::of(b"") };
        while let Some((_, left)) = self.peaks.pop() {
            root = node(&left, &root);
        }
        root
    }
}

fn node(left: &Digest, right: &Digest) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(&[1]);
    for digest in [left, right] {
        hasher.update(&raw(digest));
    }
    hasher.finish()
}

/// The 32 bytes of a digest.
pub(crate) fn raw(digest: &Digest) -> [u8; 32] {
    let nibble = |digit: u8| if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digest.hex().as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, level by level, all in memory.
    fn plain(leaves: &[String]) -> Digest {
        let leaf = |text: &String| Digest::of(&[b"\0", text.as_bytes()].concat());
        let mut level: Vec<_> = leaves.iter().map(leaf).collect();
        while level.len() > 1 {
            let pair = |pair: &[Digest]| match pair {
                [left, right] => Digest::of(&[&[1][..], &raw(left), &raw(right)].concat()),
                odd => odd[0].clone(),
            };
            level = level.chunks(2).map(pair).collect();
        }
        level.pop().unwrap_or_else(|| Digest::of(b""))
    }

    #[test]
    fn equals_the_definition_for_every_small_number_of_leaves() {
        let leaves: Vec<String> = (0..70).map(|number| format!("leaf {number}")).collect();
        for count in 0..leaves.len() {
            let mut tree = Merkle::default();
            leaves[..count].iter().for_each(|leaf| tree.push_leaf(leaf.as_bytes()));
            assert!(tree.peaks.len() <= 7);
            assert_eq!(tree.root(), plain(&leaves[..count]), "{count} leaves");
        }
    }

    #[test]
    fn raw_gives_the_bytes_of_the_hex_digits() {
        let digest = Digest::of(b"abc");
        assert_eq!(raw(&digest)[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(raw(&digest)[31], 0xad);
    }
}
