//! The cookies of a browser whose person was redirected to a provider. They hold the sealed
//! interaction until the person returns to the callback.
//!
//! The cookies form a ring. A login is written to one of them, or to several in a row if the app's
//! request is long; a new login overwrites the oldest. The browser sends them to the callback
//! addresses only, so they do not make other requests larger. A small cookie, sent to every page,
//! holds the place of the next login and the interactions that were last redirected to a provider.

use axum::http::HeaderMap;

use super::cookies::Cookies;
use crate::domain::interaction::{Handle, InteractionId};
use crate::domain::random::is_identifier;
use crate::domain::upstream_login::UpstreamLoginName;
use crate::flows::upstream_login::{Departure, LONGEST_HANDLE};

/// The number of cookies in the ring.
pub(super) const RING: usize = 4;
/// The most bytes of a handle in one cookie. Browsers take cookies of 4096 bytes, and the whole
/// ring, with all other headers, must fit into the 16 KiB of a request.
const PIECE: usize = 2800;

const _: () = assert!(LONGEST_HANDLE <= RING * PIECE, "a login fits into the ring");

/// The logins at providers that the cookies of a request hold.
#[derive(Debug, Default)]
pub(super) struct UpstreamCookies {
    /// The cookie in which the next login begins.
    next: usize,
    /// The interactions that were last redirected to a provider.
    left: Vec<InteractionId>,
    pieces: Vec<Piece>,
}

/// What one cookie of the ring holds.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    slot: usize,
    name: UpstreamLoginName,
    /// The index of this piece, and the number of pieces.
    at: usize,
    of: usize,
    text: String,
}

impl Piece {
    fn parse(slot: usize, value: &str) -> Option<Self> {
        let parts: Vec<_> = value.splitn(4, '.').collect();
        let [name, at, of, text] = parts.as_slice() else { return None };
        let name = is_identifier(name).then(|| UpstreamLoginName::from_stored((*name).to_owned()));
        let (at, of) = (at.parse().ok()?, of.parse().ok()?);
        Some(Self { slot, name: name?, at, of, text: (*text).to_owned() })
    }

    fn value(&self) -> String {
        format!("{}.{}.{}.{}", self.name.as_str(), self.at, self.of, self.text)
    }
}

impl UpstreamCookies {
    /// Reads the cookies, and ignores those that cannot be read.
    pub(super) fn read(cookies: &Cookies, headers: &HeaderMap) -> Self {
        let ring = cookies.away(headers).unwrap_or_default();
        let (next, left) = ring.split_once('.').unwrap_or((ring, ""));
        let left = left.split('.').filter(|id| is_identifier(id)).take(RING);
        let pieces =
            (0..RING).filter_map(|slot| Piece::parse(slot, cookies.carried(headers, slot)?));
        Self {
            next: next.parse().ok().filter(|next| *next < RING).unwrap_or_default(),
            left: left.map(|id| InteractionId::from_stored(id.to_owned())).collect(),
            pieces: pieces.collect(),
        }
    }

    /// Whether this interaction is one of the last that were redirected to a provider.
    pub(super) fn has_left(&self, interaction: &InteractionId) -> bool {
        self.left.contains(interaction)
    }

    /// The handle of the interaction of this login.
    pub(super) fn handle(&self, name: &UpstreamLoginName) -> Option<Handle> {
        let mut pieces: Vec<_> = self.pieces.iter().filter(|piece| piece.name == *name).collect();
        pieces.sort_by_key(|piece| piece.at);
        let of = pieces.first()?.of;
        let is_whole = pieces.len() == of
            && pieces.iter().enumerate().all(|(at, piece)| (piece.at, piece.of) == (at, of));
        let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        is_whole.then(|| Handle::from_stored(text))
    }

    /// Stores the interaction of a login that starts now in the browser.
    pub(super) fn keep(
        &self,
        cookies: &Cookies,
        headers: &mut HeaderMap,
        base: &str,
        departure: &Departure,
    ) {
        let pieces = pieces(&departure.name, &departure.handle, self.next);
        let next = (self.next + pieces.len()) % RING;
        for piece in pieces {
            cookies.set_carried(headers, base, piece.slot, &piece.value());
        }
        let before = self.left.iter().filter(|id| **id != departure.interaction);
        let left = [&departure.interaction].into_iter().chain(before).take(RING);
        let left: Vec<_> = left.map(InteractionId::as_str).collect();
        cookies.set_away(headers, &format!("{next}.{}", left.join(".")));
    }

    /// Deletes the cookies of a login that is over.
    pub(super) fn forget(
        &self,
        cookies: &Cookies,
        headers: &mut HeaderMap,
        base: &str,
        name: &UpstreamLoginName,
    ) {
        for piece in self.pieces.iter().filter(|piece| piece.name == *name) {
            cookies.clear_carried(headers, base, piece.slot);
        }
    }
}

/// Cuts a handle into pieces, from this place of the ring on.
fn pieces(name: &UpstreamLoginName, handle: &Handle, first: usize) -> Vec<Piece> {
    // A handle consists of base64url and a dot, so each byte is one character.
    let texts: Vec<_> = handle.as_str().as_bytes().chunks(PIECE).collect();
    let of = texts.len();
    let pieces = texts.into_iter().enumerate().map(|(at, text)| Piece {
        slot: (first + at) % RING,
        name: name.clone(),
        at,
        of,
        text: String::from_utf8_lossy(text).into_owned(),
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::{COOKIE, SET_COOKIE};

    use super::*;
    use crate::domain::random;

    /// A browser that sends back what it was given.
    #[derive(Default)]
    struct Jar(std::collections::BTreeMap<String, String>);

    impl Jar {
        fn take(&mut self, headers: &HeaderMap) {
            for line in headers.get_all(SET_COOKIE) {
                let pair = line.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.0.insert(name.to_owned(), value.to_owned());
                self.0.retain(|_, value| !value.is_empty());
            }
        }

        fn read(&self, cookies: &Cookies) -> UpstreamCookies {
            let mut headers = HeaderMap::new();
            for (name, value) in &self.0 {
                headers.append(COOKIE, HeaderValue::try_from(format!("{name}={value}")).unwrap());
            }
            UpstreamCookies::read(cookies, &headers)
        }

        fn leaves(&mut self, cookies: &Cookies, length: usize) -> Departure {
            let departure = Departure {
                url: String::new(),
                name: UpstreamLoginName::from_stored(random::identifier()),
                interaction: InteractionId::generate(),
                handle: Handle::from_stored(format!("s.{}", "x".repeat(length - 2))),
            };
            let mut headers = HeaderMap::new();
            self.read(cookies).keep(cookies, &mut headers, "", &departure);
            self.take(&headers);
            departure
        }
    }

    #[test]
    fn the_newest_logins_are_found_and_the_oldest_give_way() {
        let cookies = Cookies::of("https://id.example");
        // The lengths of the handles of several logins, and which of them are still there at the
        // end.
        for (lengths, there) in [
            (&[800][..], &[true][..]),
            (&[800, 800, 800, 800], &[true; 4]),
            (&[800, 800, 800, 800, 800], &[false, true, true, true, true]),
            (&[PIECE, PIECE + 1, PIECE], &[true, true, true]),
            (&[PIECE + 1, PIECE + 1, 100], &[false, true, true]),
            (&[100, 3 * PIECE], &[true, true]),
            (&[100, 100, 3 * PIECE], &[false, true, true]),
            (&[100, 100, 100, LONGEST_HANDLE], &[false, false, false, true]),
            (&[LONGEST_HANDLE, LONGEST_HANDLE, 100], &[false, false, true]),
        ] {
            let mut jar = Jar::default();
            let left: Vec<_> = lengths.iter().map(|length| jar.leaves(&cookies, *length)).collect();
            let read = jar.read(&cookies);
            for (departure, there) in left.iter().zip(there) {
                let found = read.handle(&departure.name);
                assert_eq!(found.is_some(), *there, "{lengths:?}");
                assert!(found.is_none_or(|found| found == departure.handle));
                assert!(read.has_left(&departure.interaction) || left.len() > RING);
            }
            let all: usize = jar.0.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
            assert!(all < 12 * 1024, "{all} bytes");
            assert!(jar.0.iter().all(|(name, value)| name.len() + value.len() < 4000));
            // Forgetting one login removes no other one.
            let (last, others) = left.split_last().unwrap();
            let mut headers = HeaderMap::new();
            read.forget(&cookies, &mut headers, "", &last.name);
            jar.take(&headers);
            let read = jar.read(&cookies);
            assert_eq!(read.handle(&last.name), None);
            for (departure, there) in others.iter().zip(there) {
                assert_eq!(read.handle(&departure.name).is_some(), *there, "{lengths:?}");
            }
        }
    }

    #[test]
    fn what_somebody_planted_is_no_login() {
        let cookies = Cookies::of("https://id.example");
        let mut jar = Jar::default();
        let departure = jar.leaves(&cookies, PIECE + 1);
        let [first, second] = [0, 1].map(|slot| cookies.carried_name(slot));
        for (slot, planted) in [
            (&second, String::new()),
            (&second, jar.0[&first].clone()),
            (&second, jar.0[&second].replacen(".1.2.", ".1.3.", 1)),
            (&second, "x".to_owned()),
            (&second, "..9.9.".to_owned()),
            (&first, format!("{}.0.99999999999999999999.x", departure.name.as_str())),
        ] {
            let mut other = Jar(jar.0.clone());
            other.0.insert(slot.clone(), planted.clone());
            assert_eq!(other.read(&cookies).handle(&departure.name), None, "{planted}");
        }
        let name = jar.0.keys().find(|name| name.ends_with("-away")).unwrap().clone();
        for planted in ["", ".", "9", "18446744073709551615.a", "99999999999999999999", "x.y", "-1"]
        {
            let mut other = Jar(jar.0.clone());
            other.0.insert(name.clone(), planted.to_owned());
            let departure = other.leaves(&cookies, 800);
            assert!(other.read(&cookies).handle(&departure.name).is_some(), "{planted}");
        }
    }
}
