//! Handles of one metric, one for each set of labels. The recorder is asked for each of them only
//! once. To ask it means to write the labels into new memory and to search all metrics for them,
//! and for every request that would be most of the cost of counting.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

/// The handles that were requested so far. `K` is the value from which the labels are made. It must
/// have a fixed number of values, so nothing from a request may be used as `K`.
pub struct Handles<K, H> {
    known: RwLock<BTreeMap<K, H>>,
    make: fn(K) -> H,
}

impl<K, H> fmt::Debug for Handles<K, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles").finish_non_exhaustive()
    }
}

impl<K: Ord + Copy, H: Clone> Handles<K, H> {
    /// A set without handles. `make` asks the recorder for one.
    pub const fn new(make: fn(K) -> H) -> Self {
        Self { known: RwLock::new(BTreeMap::new()), make }
    }

    /// The handle for these labels.
    pub fn of(&self, key: K) -> H {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.unwrap_or_else(|| {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.entry(key).or_insert_with(|| (self.make)(key)).clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn the_recorder_is_asked_once_for_each_set_of_labels() {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        static HANDLES: Handles<(&str, u16), String> = Handles::new(|(route, status)| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            format!("{route} {status}")
        });
        for _ in 0..3 {
            assert_eq!(HANDLES.of(("/token", 200)), "/token 200");
            assert_eq!(HANDLES.of(("/token", 400)), "/token 400");
        }
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
    }
}
