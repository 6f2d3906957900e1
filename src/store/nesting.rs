//! Whoever has a transaction takes no second connection of the same pool: if all connections of the
//! pool are held by transactions that wait for a lock of this one, nobody would go on until a
//! deadline ends one of them. Builds with debug assertions check this for every task.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::task::{self, Id};

tokio::task_local! {
    /// Set in a task that does several things at the same time.
    static MANY: ();
}

/// Runs work that does several things at the same time in one task, each with transactions of its
/// own. None of them waits for another one, so the task is not checked.
pub async fn many_at_once<F: Future>(work: F) -> F::Output {
    MANY.scope((), work).await
}

/// The transactions that each task has, by the address of the pool.
static HELD: Mutex<Option<HashMap<(usize, Id), u32>>> = Mutex::new(None);

/// A transaction of a task, until it is dropped.
#[derive(Debug)]
pub(super) struct InTransaction(Option<(usize, Id)>);

impl InTransaction {
    /// The current task begins a transaction with a connection of this pool.
    pub(super) fn begin<T>(pool: &T) -> Self {
        let key = cfg!(debug_assertions).then(|| key(pool)).flatten();
        if let Some(key) = key {
            change(|held| *held.entry(key).or_default() += 1);
        }
        Self(key)
    }
}

impl Drop for InTransaction {
    fn drop(&mut self) {
        let Some(key) = self.0 else { return };
        change(|held| {
            if let Some(count) = held.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    held.remove(&key);
                }
            }
        });
    }
}

/// Whether the current task may take a connection of this pool: it has no transaction there.
pub(super) fn may_take<T>(pool: &T) -> bool {
    key(pool).is_none_or(|key| {
        let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().is_none_or(|held| !held.contains_key(&key))
    })
}

fn key<T>(pool: &T) -> Option<(usize, Id)> {
    let is_checked = MANY.try_with(|()| ()).is_err();
    is_checked.then(|| Some((std::ptr::from_ref(pool).addr(), task::try_id()?))).flatten()
}

fn change(change: impl FnOnce(&mut HashMap<(usize, Id), u32>)) {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    change(held.get_or_insert_default());
}
