//! The parsers of what nobody has verified yet, for the fuzz targets of this project. Resource
//! servers have no use for them.

use crate::claims::Claims;
use crate::jws::Jws;
use crate::status::List;

/// Reads the header of a token.
pub fn header(token: &str) {
    let _ = Jws::parse(token);
}

/// Reads the claims of a token.
pub fn claims(json: &[u8]) {
    let _ = Claims::parse(json.to_vec());
}

/// The payload of a status list.
#[derive(Debug)]
pub struct StatusList(List);

impl StatusList {
    /// Reads the payload of the list of this URL and this issuer, at this second.
    #[must_use]
    pub fn read(json: &[u8], uri: &str, issuer: &str, now: i64) -> Option<Self> {
        List::parse(json, uri, issuer, now).map(Self)
    }

    /// The status at an index.
    #[must_use]
    pub fn status(&self, index: u64) -> Option<u8> {
        self.0.status(index)
    }
}
