//! A limited number of things by their URL. The one that was not asked for the longest time gives way.

use std::collections::HashMap;
use std::sync::Arc;

/// The things in memory, each with the number of the request that asked for it last.
#[derive(Debug)]
pub(super) struct Kept<T> {
    things: HashMap<String, (Arc<T>, u64)>,
    most: usize,
    asked: u64,
}

impl<T> Kept<T> {
    /// None yet, and never more than this many.
    pub(super) fn of(most: usize) -> Self {
        Self { things: HashMap::new(), most, asked: 0 }
    }

    /// The thing of this URL, which is made if it is not there.
    pub(super) fn of_url(&mut self, url: &str, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(thing) = self.get(url) {
            return thing;
        }
        let thing = Arc::new(make());
        self.put(url, &thing);
        thing
    }

    /// The thing of this URL, if it is there.
    pub(super) fn get(&mut self, url: &str) -> Option<Arc<T>> {
        self.asked += 1;
        let (thing, last) = self.things.get_mut(url)?;
        *last = self.asked;
        Some(Arc::clone(thing))
    }

    /// Keeps the thing of this URL.
    pub(super) fn put(&mut self, url: &str, thing: &Arc<T>) {
        self.asked += 1;
        if self.things.len() >= self.most && !self.things.contains_key(url) {
            let oldest = self.things.iter().min_by_key(|(_, (_, asked))| *asked);
            let oldest = oldest.map(|(url, _)| url.clone());
            oldest.and_then(|url| self.things.remove(&url));
        }
        self.things.insert(url.to_owned(), (Arc::clone(thing), self.asked));
    }

    /// Forgets the thing of this URL.
    pub(super) fn remove(&mut self, url: &str) {
        self.things.remove(url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_kept_than_so_many_and_what_is_asked_for_stays() {
        let mut kept = Kept::of(10);
        let first = kept.of_url("first", || 0);
        for number in 1..30 {
            assert!(Arc::ptr_eq(&first, &kept.of_url("first", || 1)));
            kept.of_url(&format!("{number}"), || number);
            assert!(kept.things.len() <= 10);
        }
    }
}
