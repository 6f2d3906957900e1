//! Status lists (Token Status List): which tokens were revoked, from a document that is polled.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use base64_simd::URL_SAFE_NO_PAD;
use http::HeaderValue;
use serde::Deserialize;
use tokio::time::Instant;

use crate::cache::Cached;
use crate::refusal::Refusal;

/// The type of a list, Token Status List §5.1.
pub(crate) const TYPE: &str = "statuslist+jwt";
/// The most bytes that a list unpacks to: 64 million tokens of one bit.
const LONGEST: usize = 8 << 20;
/// A list that says no time is asked for again after this.
const DEFAULT_TTL: u64 = 60;

/// A list that was verified.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    bits: u8,
    bytes: Arc<[u8]>,
    pub(crate) iat: i64,
    pub(crate) exp: Option<i64>,
    pub(crate) ttl: Duration,
    pub(crate) etag: Option<HeaderValue>,
}

#[derive(Deserialize)]
struct ListClaims {
    iss: Option<String>,
    sub: String,
    iat: i64,
    exp: Option<i64>,
    ttl: Option<u64>,
    status_list: Packed,
}

#[derive(Deserialize)]
struct Packed {
    bits: u8,
    lst: String,
}

impl List {
    /// Reads the payload of a list that was fetched from this URL (§8.3). Its signature was
    /// verified.
    pub(crate) fn parse(json: &[u8], uri: &str, issuer: &str, now: i64) -> Option<Self> {
        let claims: ListClaims = serde_json::from_slice(json).ok()?;
        let is_ours = claims.sub == uri && claims.iss.is_none_or(|iss| iss == issuer);
        let has_expired = claims.exp.is_some_and(|exp| exp <= now);
        if !is_ours || has_expired || ![1, 2, 4, 8].contains(&claims.status_list.bits) {
            return None;
        }
        let packed = URL_SAFE_NO_PAD.decode_to_vec(claims.status_list.lst).ok()?;
        let bytes = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&packed, LONGEST);
        Some(Self {
            bits: claims.status_list.bits,
            bytes: bytes.ok()?.into(),
            iat: claims.iat,
            exp: claims.exp,
            ttl: Duration::from_secs(claims.ttl.unwrap_or(DEFAULT_TTL).max(1)),
            etag: None,
        })
    }

    /// What stands for a list that the issuer does not have: no token is good by it.
    pub(crate) fn gone() -> Self {
        Self { ttl: Duration::from_secs(5), ..Self::default() }
    }

    pub(crate) fn with_etag(self, etag: Option<HeaderValue>) -> Self {
        Self { etag, ..self }
    }

    /// This list together with one that was fetched after it and says that it was made before: by a
    /// replica whose clock is behind, so that it may know more, or it is an old copy, which knows less.
    /// What either of them refuses stays refused, so it counts as long as the one that ends later.
    pub(crate) fn joined(&self, fetched: &Self) -> Self {
        if self.bits != fetched.bits {
            return self.clone();
        }
        let (mut longer, mut shorter) = (&self.bytes, &fetched.bytes);
        if longer.len() < shorter.len() {
            std::mem::swap(&mut longer, &mut shorter);
        }
        let mut bytes = longer.to_vec();
        for (byte, other) in bytes.iter_mut().zip(shorter.iter()) {
            *byte |= *other;
        }
        let exp = self.exp.zip(fetched.exp).map(|(one, other)| one.max(other));
        let ttl = self.ttl.min(fetched.ttl);
        Self { bytes: bytes.into(), exp, ttl, ..self.clone() }
    }

    /// The status at an index, §4.1: the lowest bits of a byte come first.
    pub(crate) fn status(&self, index: u64) -> Option<u8> {
        let per_byte = u64::from(8_u8.checked_div(self.bits)?);
        let byte = self.bytes.get(usize::try_from(index / per_byte).ok()?)?;
        let shift = u32::try_from(index % per_byte).ok()? * u32::from(self.bits);
        let mask = u8::MAX >> (8 - self.bits);
        Some((byte >> shift) & mask)
    }

    /// §8.3: only 0 is VALID, and an index that the list does not have says nothing good.
    pub(crate) fn judge(&self, index: u64) -> Result<(), Refusal> {
        match self.status(index) {
            Some(0) => Ok(()),
            Some(_) => Err(Refusal::Revoked),
            None => Err(Refusal::UnknownStatus),
        }
    }
}

/// One list, and whether somebody asked for it since it was last fetched.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) list: Cached<List>,
    pub(crate) is_used: AtomicBool,
}

impl Watched {
    fn is_read(&self) {
        // It is written only when it changes.
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }
}

/// All lists that tokens pointed to. Their URLs come from tokens that the issuer signed.
#[derive(Debug, Default)]
pub(crate) struct Lists(ArcSwap<HashMap<String, Arc<Watched>>>);

impl Lists {
    /// What the fresh list of this URL says, if there is one. Nothing is counted or copied: many
    /// cores read this.
    pub(crate) fn judged(
        &self,
        uri: &str,
        index: u64,
        now: Instant,
    ) -> Option<Result<(), Refusal>> {
        let lists = self.0.load();
        let watched = lists.get(uri)?;
        let entry = watched.list.load();
        let entry = entry.as_ref().filter(|entry| entry.fresh_until > now)?;
        watched.is_read();
        Some(entry.value.judge(index))
    }

    /// The list of this URL; only a new URL changes the map.
    pub(crate) fn at(&self, uri: &str) -> Arc<Watched> {
        let known = self.0.load().get(uri).cloned();
        let watched = known.unwrap_or_else(|| self.added(uri));
        watched.is_read();
        watched
    }

    fn added(&self, uri: &str) -> Arc<Watched> {
        let list = Cached::new(Duration::from_secs(1));
        let mut added = Arc::new(Watched { list, is_used: AtomicBool::new(true) });
        self.0.rcu(|all| {
            let mut all = HashMap::clone(all);
            added = Arc::clone(all.entry(uri.to_owned()).or_insert_with(|| Arc::clone(&added)));
            all
        });
        added
    }

    pub(crate) fn all(&self) -> Arc<HashMap<String, Arc<Watched>>> {
        self.0.load_full()
    }

    /// Forgets a list to which no token points any more.
    pub(crate) fn forget(&self, uri: &str) {
        self.0.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.remove(uri);
            all
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn packed(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode_to_string(miniz_oxide::deflate::compress_to_vec_zlib(bytes, 9))
    }

    fn list(bits: u8, lst: &str) -> Option<List> {
        let json = format!(
            r#"{{"sub":"u","iat":1,"exp":{},"ttl":15,"status_list":{{"bits":{bits},"lst":"{lst}"}}}}"#,
            NOW + 60
        );
        List::parse(json.as_bytes(), "u", "i", NOW)
    }

    #[test]
    fn status_list_4_1_the_examples_of_the_draft() {
        // §4.1: statuses 1,0,0,1,1,1,0,1,1,1,0,0,0,1,0,1 are the bytes b9 a3.
        let one = list(1, "eNrbuRgAAhcBXQ").unwrap();
        let statuses: Vec<u8> = (0..16).map(|index| one.status(index).unwrap()).collect();
        assert_eq!(statuses, [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
        assert_eq!(one.status(16), None);
        // §4.2: with two bits, 1,2,0,3,0,1,0,1,1,2,3,3 are c9 44 f9.
        let two = list(2, &packed(&[0xc9, 0x44, 0xf9])).unwrap();
        let statuses: Vec<u8> = (0..12).map(|index| two.status(index).unwrap()).collect();
        assert_eq!(statuses, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
        assert_eq!(two.judge(3), Err(Refusal::Revoked));
        assert_eq!(two.judge(2), Ok(()));
        assert_eq!(two.judge(12), Err(Refusal::UnknownStatus));
        assert_eq!(two.judge(u64::MAX), Err(Refusal::UnknownStatus));
    }

    #[test]
    fn status_list_8_3_what_is_no_list_of_ours_is_refused() {
        let lst = packed(&[0; 4]);
        assert!(list(1, &lst).is_some());
        assert!(list(3, &lst).is_none());
        assert!(list(0, &lst).is_none());
        assert!(list(1, "AAAA").is_none());
        let json = |sub: &str, exp: i64, iss: &str| {
            let text = format!(
                r#"{{"iss":"{iss}","sub":"{sub}","iat":1,"exp":{exp},"status_list":{{"bits":1,"lst":"{lst}"}}}}"#
            );
            List::parse(text.as_bytes(), "u", "i", NOW)
        };
        assert!(json("u", NOW + 1, "i").is_some());
        assert!(json("other", NOW + 1, "i").is_none());
        assert!(json("u", NOW, "i").is_none());
        assert!(json("u", NOW + 1, "other").is_none());
    }

    #[test]
    fn what_one_of_two_lists_refuses_is_refused_by_both_together() {
        let of = |bits, bytes: &[u8]| list(bits, &packed(bytes)).unwrap();
        let later = List { exp: Some(NOW + 90), iat: 2, ..of(1, &[0b01, 0b100]) };
        let earlier = List { ttl: Duration::from_secs(9), ..of(1, &[0b10]) };
        for (one, other) in [(&later, &earlier), (&earlier, &later)] {
            let joined = one.joined(other);
            let statuses: Vec<_> = (0..17).map(|index| joined.status(index)).collect();
            let refused: Vec<_> = (0..17).filter(|index| statuses[*index] == Some(1)).collect();
            assert_eq!((refused, statuses[16]), (vec![0, 1, 10], None));
            assert_eq!((joined.exp, joined.ttl.as_secs()), (Some(NOW + 90), 9));
            assert_eq!(joined.iat, one.iat);
        }
        // Lists that cannot be compared are not joined.
        assert_eq!(later.joined(&of(2, &[0xff])).status(1), Some(0));
    }

    #[test]
    fn a_list_does_not_unpack_without_end() {
        let bomb = packed(&vec![0; LONGEST + 1]);
        assert!(bomb.len() < 64 << 10);
        assert!(list(1, &bomb).is_none());
    }
}
