//! Free ports that stay free until their server listens.

use std::fs::File;
use std::net::{IpAddr, TcpListener};

use crate::{HarnessError, scratch};

/// Ports below the range from which the kernel serves outgoing connections, so that none of those takes one between
/// the choice and the server's bind.
const RANGE: std::ops::Range<u16> = 18_000..32_000;
/// Choices before giving up.
const CHOICES: u32 = 200;

/// A port that no other test world of this user uses, held until it is dropped, also while its server restarts.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// A port on which nobody listens at the address.
    pub fn reserve(address: IpAddr) -> Result<Self, HarnessError> {
        let folder = scratch::base()?.join("ports");
        std::fs::create_dir_all(&folder).map_err(HarnessError::io(format!("cannot create {}", folder.display())))?;
        for _ in 0..CHOICES {
            let number = choice()?;
            let path = folder.join(number.to_string());
            let lock = File::create(&path).map_err(HarnessError::io(format!("cannot create {}", path.display())))?;
            if lock.try_lock().is_ok() && TcpListener::bind((address, number)).is_ok() {
                return Ok(Self { number, _lock: lock });
            }
        }
        Err(HarnessError::Machine(format!("no free port of {address} in {RANGE:?} after {CHOICES} choices")))
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

fn choice() -> Result<u16, HarnessError> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| HarnessError::Machine(format!("no random numbers: {error}")))?;
    let step = u32::from_le_bytes(bytes) % u32::from(RANGE.end - RANGE.start);
    // The remainder is below the width of the range.
    Ok(RANGE.start + u16::try_from(step).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_held_port_is_given_once() {
        let held: Vec<Port> = (0..64).map(|_| Port::reserve(Ipv4Addr::LOCALHOST.into()).unwrap()).collect();
        let numbers: BTreeSet<u16> = held.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), held.len());
    }
}
