//! How many refusals of authorization requests are signed (JARM) for one address. Everybody can ask for
//! one without signing in, and each costs a signature.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// The addresses of each kind, IPv4 and IPv6, share so many places. So twice as many signatures are made
/// in each interval at most, however many addresses somebody has, and nothing grows.
const PLACES: u64 = 256;
/// A place has room for one more signature after so many milliseconds.
const INTERVAL: i64 = 1000;
/// How far ahead of its interval a place may be: sixty signatures.
const AHEAD: i64 = 60 * INTERVAL;

/// Counts the signatures. Each server counts its own.
#[derive(Debug)]
pub struct SignedRefusals {
    hasher: RandomState,
    /// Until when each place is used up, in milliseconds.
    used_until: Mutex<Vec<i64>>,
}

impl Default for SignedRefusals {
    fn default() -> Self {
        let places = (0..2 * PLACES).map(|_| 0).collect();
        Self { hasher: RandomState::new(), used_until: Mutex::new(places) }
    }
}

impl SignedRefusals {
    fn place(&self, address: Option<IpAddr>) -> u64 {
        let of_family = |address: u128| self.hasher.hash_one(address) % PLACES;
        match address {
            Some(IpAddr::V4(address)) => of_family(address.to_bits().into()),
            // Whoever has an IPv6 network has a /48 of it easily.
            Some(IpAddr::V6(address)) => PLACES + of_family(address.to_bits() >> 80),
            None => 0,
        }
    }

    /// Counts a signature for this address, or says after how many seconds there is room for it.
    pub fn count(&self, address: Option<IpAddr>, now: DateTime<Utc>) -> Result<(), u64> {
        let place = usize::try_from(self.place(address)).unwrap_or_default();
        let now = now.timestamp_millis();
        let mut places = self.used_until.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(used_until) = places.get_mut(place) else { return Ok(()) };
        // A clock that was set back closes a place no longer than one that is used up.
        let used = (*used_until).clamp(now, now + AHEAD);
        let next = used + INTERVAL;
        match u64::try_from(next - now - AHEAD) {
            Ok(over) if over > 0 => {
                *used_until = used;
                Err(over.div_ceil(1000))
            }
            _ => {
                *used_until = next;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_address_gets_sixty_at_once_and_then_one_each_second() {
        let refusals = SignedRefusals::default();
        let at = |millis: i64| from_millis(1_700_000_000_000 + millis);
        let counted = |millis| refusals.count(Some(address(1)), at(millis));
        for _ in 0..60 {
            assert_eq!(counted(0), Ok(()));
        }
        assert_eq!(counted(0), Err(1));
        assert_eq!(counted(999), Err(1));
        assert_eq!(counted(1000), Ok(()));
        assert_eq!(counted(1000), Err(1));
        // The clock is set back by an hour, and the place opens again as soon as any.
        assert_eq!(counted(-3_600_000), Err(1));
        assert_eq!(counted(-3_600_000 + 1000), Ok(()));
        assert_eq!(counted(10_000_000), Ok(()));
    }

    #[test]
    fn one_address_does_not_use_up_the_room_of_most_others() {
        let refusals = SignedRefusals::default();
        let now = from_millis(1_700_000_000_000);
        for _ in 0..61 {
            let _ = refusals.count(Some(address(0)), now);
        }
        let refused = (1..=100).filter(|last| refusals.count(Some(address(*last)), now).is_err());
        assert!(refused.count() < 50);
    }
}
