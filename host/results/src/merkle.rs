//! The Merkle root over a run's records: one digest that two runs of the same work share.

use arena_model::{Digest, Hasher};
use serde_json::Value;

use crate::reader::lines;
use crate::row::Row;
use crate::{Result, ResultsError, RunView};

/// A record as far as it takes part in equality: without `measured`, and without fuel and memory of instances that had
/// served before, since what those use depends on what they did before.
pub(crate) fn settled(mut record: Value) -> Value {
    if let Some(fields) = record.as_object_mut() {
        fields.remove("measured");
    }
    for check in record.get_mut("checks").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(check) = check.as_object_mut()
            && check.get("reused") == Some(&Value::Bool(true))
        {
            check.remove("fuel");
            check.remove("memory_bytes");
        }
    }
    record
}

/// The line without `measured`, which stands last in it, in two pieces; none for a line that is written otherwise.
fn leaf<'a>(row: &Row<'a>) -> Option<[&'a [u8]; 2]> {
    let measured = row.raw_measured.get();
    let kept = row.line.strip_suffix('}')?.strip_suffix(measured)?.strip_suffix(",\"measured\":")?;
    Some([kept.as_bytes(), b"}"])
}

/// SHA-256 Merkle tree over leaves in order, in memory of the logarithm of their number. A leaf is hashed behind a
/// byte 0, a node behind a byte 1; a node without a partner moves up unchanged; no leaves give the digest of nothing.
#[derive(Debug, Default)]
pub struct Merkle {
    /// Roots of full trees, their heights falling.
    peaks: Vec<(u32, Digest)>,
}

impl Merkle {
    /// Adds a stored record as the next leaf: its line without `measured`.
    pub(crate) fn push(&mut self, row: &Row<'_>) -> serde_json::Result<()> {
        match leaf(row) {
            Some(pieces) if !row.checks.iter().any(|check| check.reused) => self.push_pieces(&pieces),
            _ => self.push_leaf(&serde_json::to_vec(&settled(serde_json::from_str(row.line)?))?),
        }
        Ok(())
    }

    /// Adds raw bytes as the next leaf.
    pub fn push_leaf(&mut self, bytes: &[u8]) {
        self.push_pieces(&[bytes]);
    }

    fn push_pieces(&mut self, pieces: &[&[u8]]) {
        let mut hasher = Hasher::default();
        hasher.update(&[0]);
        pieces.iter().for_each(|piece| hasher.update(piece));
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

/// The Merkle root over the stored records of `run`, read anew: that of its summary, if it has one.
pub fn merkle_root(run: &RunView) -> Result<Digest> {
    let mut merkle = Merkle::default();
    for line in lines(run)? {
        let (index, line) = line?;
        let unreadable = |detail: String| ResultsError::SegmentCorrupt {
            path: run.path().to_owned(),
            detail: format!("the record of case {index} cannot be read: {detail}"),
        };
        let row = Row::read(&line).map_err(unreadable)?;
        merkle.push(&row).map_err(|error| unreadable(error.to_string()))?;
    }
    Ok(merkle.root())
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
    fn a_leaf_is_the_line_without_its_times() {
        let ids = r#""index":0,"key":"k","input":"i","scenario":"s","provider":"p","region":null,"trial":0,"row":null,"variant":null"#;
        let rest = r#""outcome":"passed","reason":null,"messages":[],"checks":[],"usage":{},"cost_usd_micro":null"#;
        let root = |line: &str| {
            let mut tree = Merkle::default();
            tree.push(&Row::read(line.as_bytes()).unwrap()).unwrap();
            tree.root()
        };
        let of = |leaf: &str| plain(&[leaf.to_owned()]);
        for latency in ["1.5", "2e3"] {
            let measured = format!(r#""measured":{{"started":"","latency_ms":{latency}}}"#);
            assert_eq!(root(&format!("{{{ids},{rest},{measured}}}")), of(&format!("{{{ids},{rest}}}")));
            // Not as it is stored: the keys are sorted, and white space goes.
            let sorted: Value = serde_json::from_str(&format!("{{{ids},{rest}}}")).unwrap();
            assert_eq!(root(&format!("{{ {measured},{rest},{ids}}}")), of(&sorted.to_string()));
        }
    }

    #[test]
    fn raw_gives_the_bytes_of_the_hex_digits() {
        let digest = Digest::of(b"abc");
        assert_eq!(raw(&digest)[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(raw(&digest)[31], 0xad);
    }
}
