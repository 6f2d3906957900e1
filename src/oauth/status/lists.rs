//! The status lists as they are published: signed JWTs, Token Status List §5.1 and §8. A list is a
//! function of its bits, of the interval of time and of the key, so every replica answers with the
//! same bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::Duration;
use serde::Serialize;

use super::known::{KnownList, KnownRevocations};
use super::measured::build;
use crate::domain::client::TokenAlg;
use crate::domain::clock::Clock;
use crate::domain::status_list::Bits;
use crate::domain::urls::Issuer;
use crate::domain::verdict::Fault;
use crate::keys::jwt::Typ;
use crate::keys::keyring::Keyring;
use crate::keys::make::left_half_hash;

/// The parts that lists are published with.
#[derive(Debug)]
pub struct StatusLists {
    /// The issuer URL of this server.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// How long a list may be used before it is fetched again.
    pub ttl: Duration,
    /// What is revoked.
    pub known: Arc<KnownRevocations>,
    /// The lists that were published last.
    pub published: Published,
}

/// The lists that were published last, by their number.
#[derive(Debug, Default)]
pub struct Published(Mutex<BTreeMap<i64, Arc<Signed>>>);

#[derive(Debug)]
struct Signed {
    bits: Arc<Bits>,
    compressed: Arc<str>,
    iat: i64,
    kid: String,
    document: Document,
}

/// A document and its entity tag.
#[derive(Clone, Debug)]
pub struct Document {
    /// The text.
    pub body: Bytes,
    /// Its strong entity tag.
    pub etag: String,
}

impl Document {
    fn new(text: String) -> Self {
        let etag = format!("\"{}\"", left_half_hash(&text));
        Self { body: text.into(), etag }
    }
}

/// A status list token, Token Status List §5.1.
#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    iat: i64,
    exp: i64,
    ttl: i64,
    status_list: Lst<'a>,
}

#[derive(Serialize)]
struct Lst<'a> {
    bits: u8,
    lst: &'a str,
}

/// How many times its `ttl` a list is valid.
const VALID: i64 = 4;

impl StatusLists {
    /// The list of this number; `None` if there is none, or if no living token points to it.
    pub async fn list(&self, number: i64) -> Result<Option<Document>, Fault> {
        let Some(list) = self.known.list(number).await? else { return Ok(None) };
        let ttl = self.ttl.num_seconds().max(1);
        let as_of = self.known.as_of()?.timestamp();
        let iat = as_of - as_of.rem_euclid(ttl);
        // While the database is away, nobody knows what was revoked since.
        if self.clock.now().timestamp() >= iat + VALID * ttl {
            let why = "what was revoked since is not known";
            return Err(Fault::unavailable("publishing a status list", why));
        }
        let keys = self.keyring.snapshot()?;
        let key = keys.signing(TokenAlg::Rs256)?;
        let before = self.remembered().get(&number).cloned();
        let before = before.filter(|before| Arc::ptr_eq(&before.bits, &list.bits));
        if let Some(before) = &before
            && (before.iat, before.kid.as_str()) == (iat, key.kid())
        {
            return Ok(Some(before.document.clone()));
        }
        let began = Instant::now();
        let compressed = match before {
            Some(before) => Arc::clone(&before.compressed),
            None => compressed(&list.bits).into(),
        };
        let sub = self.url.status_list(number);
        let status_list = Lst { bits: 1, lst: &compressed };
        let claims = Claims { sub: &sub, iat, exp: iat + VALID * ttl, ttl, status_list };
        let document = Document::new(key.sign(Typ::StatusList, &claims)?);
        build().record(began.elapsed());
        let (kid, KnownList { bits, .. }) = (key.kid().to_owned(), list);
        let signed = Signed { bits, compressed, iat, kid, document: document.clone() };
        self.remembered().insert(number, Arc::new(signed));
        Ok(Some(document))
    }

    /// The URLs of all lists, Token Status List §9.
    pub fn aggregation(&self) -> Result<Document, Fault> {
        let numbers = self.known.numbers()?;
        self.remembered().retain(|number, _| numbers.contains(number));
        let urls: Vec<_> = numbers.iter().map(|number| self.url.status_list(*number)).collect();
        Ok(Document::new(serde_json::json!({ "status_lists": urls }).to_string()))
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, BTreeMap<i64, Arc<Signed>>> {
        self.published.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `lst`, Token Status List §4.1: ZLIB with DEFLATE, in base64url.
#[must_use]
pub fn compressed(bits: &Bits) -> String {
    URL_SAFE_NO_PAD.encode(miniz_oxide::deflate::compress_to_vec_zlib(bits.as_bytes(), LEVEL))
}

/// The most bytes to which the list of another server is unpacked.
const LONGEST: usize = 8 * 1024 * 1024;

/// What a list says of a token, Token Status List §8.3: `None` if the list cannot be read or has no
/// such place, and `Some(0)` if the token is good.
#[must_use]
pub fn status_in(bits: u8, lst: &str, index: u64) -> Option<u8> {
    if ![1, 2, 4, 8].contains(&bits) {
        return None;
    }
    let zipped = URL_SAFE_NO_PAD.decode(lst).ok()?;
    let bytes = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&zipped, LONGEST).ok()?;
    // §4.1: the lowest bits of a byte come first.
    let per_byte = u64::from(8 / bits);
    let byte = bytes.get(usize::try_from(index / per_byte).ok()?)?;
    let shift = u32::try_from(index % per_byte).ok()? * u32::from(bits);
    Some((byte >> shift) & (u8::MAX >> (8 - bits)))
}

/// Above this level a list becomes hardly smaller, and takes several times as long.
const LEVEL: u8 = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_list_is_read_back_bit_by_bit(
            entries in 1_u32..20_000,
            set in prop::collection::vec(any::<u32>(), 0..200),
        ) {
            let mut bits = Bits::clear(entries);
            for index in &set {
                bits.set(index % entries);
            }
            let zipped = URL_SAFE_NO_PAD.decode(compressed(&bits)).unwrap();
            let read = miniz_oxide::inflate::decompress_to_vec_zlib(&zipped).unwrap();
            prop_assert_eq!(read, bits.as_bytes());
            let lst = compressed(&bits);
            for index in set.iter().take(9).map(|index| index % entries).chain([0, entries - 1]) {
                let status = status_in(1, &lst, index.into());
                prop_assert_eq!(status, Some(u8::from(bits.is_set(index))));
            }
            prop_assert_eq!(status_in(1, &lst, u64::from(entries.div_ceil(8)) * 8), None);
        }
    }

    /// The example of the document, which any ZLIB reads.
    #[test]
    fn status_list_4_2_the_example_of_the_document_is_read() {
        let zipped = URL_SAFE_NO_PAD.decode("eNrbuRgAAhcBXQ").unwrap();
        let read = miniz_oxide::inflate::decompress_to_vec_zlib(&zipped).unwrap();
        assert_eq!(read, [0xB9, 0xA3]);
        let statuses = (0..17).map(|index| status_in(1, "eNrbuRgAAhcBXQ", index));
        let ones = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1];
        assert!(statuses.eq(ones.map(Some).into_iter().chain([None])));
    }
}
