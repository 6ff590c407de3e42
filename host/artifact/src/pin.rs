//! Pins: what must not be swept.

use arena_model::Digest;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// Most artifacts of one pin.
const ARTIFACTS: usize = 1024;
/// Largest pin, bytes.
pub(crate) const PIN_BYTES: u64 = 128 << 10;

/// The content of a pin. Whoever wants to use an artifact creates a pin first, then makes sure that the artifact is
/// there: from then on no sweep deletes it until the pin is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Of the pin's own namespace; at most 1,024.
    pub artifacts: Vec<Digest>,
}

impl Pin {
    /// Reads a pin.
    pub fn parse(bytes: &[u8]) -> Result<Self, StoreError> {
        let broken = |why: String| StoreError::Request { why: format!("this is no pin: {why}") };
        let pin: Self = serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
        // Digests in JSON are read as any text.
        if let Some(digest) = pin.artifacts.iter().find(|digest| Digest::parse(digest.as_str()).is_none()) {
            return Err(broken(format!("{digest} is no digest")));
        }
        if pin.artifacts.len() > ARTIFACTS {
            return Err(broken(format!("it names more than {ARTIFACTS} artifacts")));
        }
        Ok(pin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_checked() {
        let of = |count: usize| serde_json::to_vec(&Pin { artifacts: vec![Digest::of(b"x"); count] }).unwrap();
        assert_eq!(Pin::parse(&of(ARTIFACTS)).unwrap().artifacts.len(), ARTIFACTS);
        assert!(of(ARTIFACTS).len() < usize::try_from(PIN_BYTES).unwrap());
        for bytes in
            [of(ARTIFACTS + 1).as_slice(), b"", b"{}", br#"{"artifacts":["../x"]}"#, br#"{"artifacts":[],"x":1}"#]
        {
            assert!(Pin::parse(bytes).is_err());
        }
    }
}
