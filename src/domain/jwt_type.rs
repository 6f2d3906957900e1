//! The types in the headers of JWTs, RFC 7515 §4.1.9.

/// A type as types are compared: without regard to case and to the optional `application/`.
#[must_use]
pub fn plain(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    match typ.strip_prefix("application/") {
        Some(rest) => rest.to_owned(),
        None => typ,
    }
}
