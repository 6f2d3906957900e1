//! Our cookies. The prefix `__Host-` binds them to this very host: no neighbour can set them.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use sha2::{Digest, Sha256};

use crate::accounts::browsers::{Cookie, KNOWN_FOR};
use crate::domain::client::ClientId;
use crate::domain::provider::Slug;
use crate::domain::secret::{BrowserToken, Plain};

const BROWSER: &str = "__Host-mapae";
const KNOWN: &str = "__Host-mapae-known";
const LANGUAGE: &str = "__Host-mapae-lang";
const WAY: &str = "__Host-mapae-way";

/// A way to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By name and password.
    Password,
    /// By this provider.
    Provider(Slug),
}

/// What the browser proves itself by.
pub(super) fn browser(headers: &HeaderMap) -> Option<Plain<BrowserToken>> {
    read(headers, BROWSER).map(Plain::presented)
}

/// Gives the browser what it proves itself by.
pub(super) fn set_browser(headers: &mut HeaderMap, cookie: &Cookie) {
    let kept = cookie.kept_for.map(max_age).unwrap_or_default();
    let value = format!(
        "{BROWSER}={}; Path=/; Secure; HttpOnly; SameSite=Lax{kept}",
        cookie.token.expose()
    );
    set(headers, &value);
    if let Some(known) = &cookie.known {
        let kept = max_age(KNOWN_FOR);
        set(headers, &format!("{KNOWN}={known}; Path=/; Secure; HttpOnly; SameSite=Lax{kept}"));
    }
}

/// What makes the browser known to people who proved their account in it.
pub(super) fn known(headers: &HeaderMap) -> Option<&str> {
    read(headers, KNOWN)
}

/// The language that was chosen.
pub(super) fn language(headers: &HeaderMap) -> Option<&str> {
    read(headers, LANGUAGE)
}

/// Remembers the language that was chosen.
pub(super) fn set_language(headers: &mut HeaderMap, language: &str) {
    let kept = max_age(Duration::days(365));
    set(headers, &format!("{LANGUAGE}={language}; Path=/; Secure; HttpOnly; SameSite=Lax{kept}"));
}

/// The way in that was used last: what it is called is no secret, and nothing is believed of it.
pub(super) fn way(headers: &HeaderMap) -> Option<Way> {
    let value = read(headers, WAY)?;
    match value.strip_prefix("by:") {
        Some(slug) => Slug::parse(slug).map(Way::Provider),
        None => (value == "password").then_some(Way::Password),
    }
}

/// Remembers the way in that was used.
pub(super) fn set_way(headers: &mut HeaderMap, way: &Way) {
    let kept = max_age(Duration::days(365));
    let value = match way {
        Way::Password => "password".to_owned(),
        Way::Provider(slug) => format!("by:{slug}"),
    };
    set(headers, &format!("{WAY}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{kept}"));
}

/// The refresh token of a client that gets it as a cookie.
pub(super) fn refresh_token<'a>(headers: &'a HeaderMap, client: &ClientId) -> Option<&'a str> {
    read(headers, &refresh_name(client))
}

/// Gives the browser the refresh token of a client.
pub(super) fn set_refresh_token(
    headers: &mut HeaderMap,
    client: &ClientId,
    token: &str,
    life: Duration,
) {
    let (name, kept) = (refresh_name(client), max_age(life));
    set(headers, &format!("{name}={token}; Path=/; Secure; HttpOnly; SameSite=Strict{kept}"));
}

/// Takes it from the browser.
pub(super) fn clear_refresh_token(headers: &mut HeaderMap, client: &ClientId) {
    set_refresh_token(headers, client, "", Duration::zero());
}

/// A `client_id` may have characters that the name of a cookie may not.
fn refresh_name(client: &ClientId) -> String {
    let hash = Sha256::digest(client.as_str().as_bytes());
    let short = URL_SAFE_NO_PAD.encode(hash.get(..12).unwrap_or_default());
    format!("__Host-mapae-refresh-{short}")
}

fn max_age(life: Duration) -> String {
    format!("; Max-Age={}", life.num_seconds())
}

fn set(headers: &mut HeaderMap, cookie: &str) {
    // Names and values are ours: ASCII, and never a control character.
    if let Ok(value) = HeaderValue::try_from(cookie) {
        headers.append(SET_COOKIE, value);
    }
}

/// RFC 6265 §5.4. Two cookies of one name are no cookie: somebody planted one of them.
fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(found, _)| found.trim() == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value.trim()).filter(|value| !value.is_empty()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn s068_a_cookie_counts_when_there_is_one_of_its_name() {
        for (lines, expected) in [
            (&["__Host-mapae-lang=ko"][..], Some("ko")),
            (&["a=b; __Host-mapae-lang=ko; c=d"], Some("ko")),
            (&["a=b", "__Host-mapae-lang=ko"], Some("ko")),
            (&["__Host-mapae-lang=ko; __Host-mapae-lang=en"], None),
            (&["__Host-mapae-lang=ko", "__Host-mapae-lang=ko"], None),
            (&["__Host-mapae-lang="], None),
            (&["x__Host-mapae-lang=ko; __host-mapae-lang=ko"], None),
            (&[";;=;"], None),
            (&[], None),
        ] {
            assert_eq!(language(&headers(lines)), expected, "{lines:?}");
        }
    }
}
