//! RSA keys of 2048 bits. To make one takes longer than most of what a test does, so a test that has
//! ended gives its keys to the next one. Two holders never have the same key at the same time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};

static FREE: Mutex<VecDeque<Vec<u8>>> = Mutex::new(VecDeque::new());

/// A key, which nobody else has until this is dropped.
pub(crate) struct LentKey(Vec<u8>);

impl LentKey {
    /// A key that is free, or a new one.
    pub(crate) fn take() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        Self(free.unwrap_or_else(make))
    }

    /// The private key, PKCS#8.
    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for LentKey {
    fn drop(&mut self) {
        let key = std::mem::take(&mut self.0);
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push_back(key);
    }
}

fn make() -> Vec<u8> {
    let key = KeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).expect("PKCS#8");
    der.as_ref().to_vec()
}
