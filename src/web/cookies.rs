//! Our cookies. The prefix `__Host-` binds a cookie to this host, so that a neighbouring host
//! cannot set it. Cookies for one path cannot have the prefix; their values are sealed for one
//! browser.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use sha2::{Digest, Sha256};

use crate::accounts::browsers::{Cookie, KNOWN_FOR, REMEMBERED_FOR};
use crate::domain::client::ClientId;
use crate::domain::provider::Slug;
use crate::domain::secret::Secret;
use crate::domain::secret::{BrowserToken, Plain};
use crate::domain::urls;
use crate::flows::upstream_login::LIFE;
use crate::oauth::token::endpoint::RefreshCookie;

/// A way to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SignInMethod {
    /// With user name and password.
    Password,
    /// With this provider.
    Provider(Slug),
}

/// The names of our cookies. The names contain a hash of the issuer, so two issuers on one host (at
/// two ports or two paths) do not read each other's cookies.
#[derive(Clone, Debug)]
pub(super) struct Cookies {
    browser: String,
    known: String,
    remembered: String,
    language: String,
    way: String,
    refresh: String,
    away: String,
    carried: String,
}

impl Cookies {
    /// The cookie names of this issuer.
    pub(super) fn of(issuer: &str) -> Self {
        let ours = format!("mapae-{}", short(issuer, 9));
        let browser = format!("__Host-{ours}");
        let of = |what| format!("{browser}-{what}");
        let (known, language, way, refresh) = (of("known"), of("lang"), of("way"), of("refresh"));
        let remembered = of("remembered");
        let (away, carried) = (of("away"), format!("__Secure-{ours}-away"));
        Self { browser, known, remembered, language, way, refresh, away, carried }
    }

    /// Reads the token by which we recognise the browser.
    pub(super) fn browser(&self, headers: &HeaderMap) -> Option<Plain<BrowserToken>> {
        // A value without the form of our tokens cannot name a browser.
        let ours = |token: &&str| Plain::<BrowserToken>::is_meant(token) && token.len() <= LONGEST;
        read(headers, &self.browser).filter(ours).map(Plain::presented)
    }

    /// Sets the token by which we recognise the browser.
    pub(super) fn set_browser(&self, headers: &mut HeaderMap, cookie: &Cookie) {
        let kept = cookie.kept_for.map(max_age).unwrap_or_default();
        let (name, token) = (&self.browser, cookie.token.expose());
        set(headers, &format!("{name}={token}; Path=/; Secure; HttpOnly; SameSite=Lax{kept}"));
        if let Some(known) = &cookie.known {
            let (name, kept) = (&self.known, max_age(KNOWN_FOR));
            set(headers, &format!("{name}={known}; Path=/; Secure; HttpOnly; SameSite=Lax{kept}"));
        }
        if let Some(remembered) = &cookie.remembered {
            let (name, kept) = (&self.remembered, max_age(REMEMBERED_FOR));
            let value =
                format!("{name}={remembered}; Path=/; Secure; HttpOnly; SameSite=Lax{kept}");
            set(headers, &value);
        }
    }

    /// The signed cookie that makes this a known browser of the accounts proven in it.
    pub(super) fn known<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        read(headers, &self.known)
    }

    /// The signed cookie that says who does not want to be asked for a second factor here.
    pub(super) fn remembered<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        read(headers, &self.remembered)
    }

    /// The language that the person chose.
    pub(super) fn language<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        read(headers, &self.language)
    }

    /// Remembers the language that the person chose.
    pub(super) fn set_language(&self, headers: &mut HeaderMap, language: &str) {
        let (name, kept) = (&self.language, max_age(Duration::days(365)));
        set(headers, &format!("{name}={language}; Path=/; Secure; HttpOnly; SameSite=Lax{kept}"));
    }

    /// The sign-in method that was used last. The value is neither secret nor trusted.
    pub(super) fn way(&self, headers: &HeaderMap) -> Option<SignInMethod> {
        let value = read(headers, &self.way)?;
        match value.strip_prefix("by:") {
            Some(slug) => Slug::parse(slug).map(SignInMethod::Provider),
            None => (value == "password").then_some(SignInMethod::Password),
        }
    }

    /// Remembers the sign-in method that was used.
    pub(super) fn set_sign_in_method(&self, headers: &mut HeaderMap, way: &SignInMethod) {
        let (name, kept) = (&self.way, max_age(Duration::days(365)));
        let value = match way {
            SignInMethod::Password => "password".to_owned(),
            SignInMethod::Provider(slug) => format!("by:{slug}"),
        };
        set(headers, &format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{kept}"));
    }

    /// The state of the ring of login cookies: where the next login is written, and the
    /// interactions whose person was redirected to a provider.
    pub(super) fn away<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        read(headers, &self.away)
    }

    /// Sets the state of the ring of login cookies.
    pub(super) fn set_away(&self, headers: &mut HeaderMap, value: &str) {
        let (name, kept) = (&self.away, max_age(LIFE));
        set(headers, &format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{kept}"));
    }

    /// One piece of the sealed interaction of a login at a provider, from the cookie with this
    /// number.
    pub(super) fn carried<'a>(&self, headers: &'a HeaderMap, slot: usize) -> Option<&'a str> {
        read(headers, &self.carried_name(slot))
    }

    /// Stores such a piece in the browser until the person returns to the callback, below this base
    /// path.
    pub(super) fn set_carried(
        &self,
        headers: &mut HeaderMap,
        base: &str,
        slot: usize,
        value: &str,
    ) {
        self.put_carried(headers, base, slot, (value, LIFE));
    }

    /// Deletes the cookie from the browser.
    pub(super) fn clear_carried(&self, headers: &mut HeaderMap, base: &str, slot: usize) {
        self.put_carried(headers, base, slot, ("", Duration::zero()));
    }

    fn put_carried(
        &self,
        headers: &mut HeaderMap,
        base: &str,
        slot: usize,
        (value, life): (&str, Duration),
    ) {
        let (name, kept) = (self.carried_name(slot), max_age(life));
        // The common part of the callback paths of all providers.
        let path = urls::LOGIN_CALLBACK.trim_end_matches("/{provider}");
        let path = format!("{base}{path}");
        set(headers, &format!("{name}={value}; Path={path}; Secure; HttpOnly; SameSite=Lax{kept}"));
    }

    /// The name of the cookie with this number.
    pub(super) fn carried_name(&self, slot: usize) -> String {
        format!("{}-{slot}", self.carried)
    }

    /// The refresh token of a client that gets it as a cookie.
    pub(super) fn refresh_token<'a>(
        &self,
        headers: &'a HeaderMap,
        client: &ClientId,
    ) -> Option<&'a str> {
        read(headers, &self.refresh_name(client))
    }

    /// Sets the refresh token of a client as a cookie.
    pub(super) fn set_refresh_token(&self, headers: &mut HeaderMap, cookie: &RefreshCookie) {
        let RefreshCookie { client, token, lifetime } = cookie;
        let (name, kept) = (self.refresh_name(client), max_age(*lifetime));
        let token = token.expose();
        set(headers, &format!("{name}={token}; Path=/; Secure; HttpOnly; SameSite=Strict{kept}"));
    }

    /// Deletes the cookie from the browser.
    pub(super) fn clear_refresh_token(&self, headers: &mut HeaderMap, client: &ClientId) {
        let (client, token) = (client.clone(), Secret::default());
        let gone = RefreshCookie { client, token, lifetime: Duration::zero() };
        self.set_refresh_token(headers, &gone);
    }

    /// The name contains a hash of the `client_id`, which may have characters that a cookie name
    /// may not.
    fn refresh_name(&self, client: &ClientId) -> String {
        format!("{}-{}", self.refresh, short(client.as_str(), 12))
    }
}

/// The longest token of a browser, in characters.
const LONGEST: usize = 64;

fn short(text: &str, bytes: usize) -> String {
    let hash = Sha256::digest(text.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.get(..bytes).unwrap_or_default())
}

fn max_age(life: Duration) -> String {
    format!("; Max-Age={}", life.num_seconds())
}

fn set(headers: &mut HeaderMap, cookie: &str) {
    // We make the names and the values: they are ASCII, without control characters.
    if let Ok(value) = HeaderValue::try_from(cookie) {
        headers.append(SET_COOKIE, value);
    }
}

/// Reads a cookie (RFC 6265 §5.4). If two cookies have the same name, neither counts: somebody else
/// may have set one of them.
#[must_use]
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
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
    fn every_issuer_has_cookies_of_its_own() {
        let names = |issuer| {
            let Cookies { browser, known, remembered, language, way, refresh, away, carried } =
                Cookies::of(issuer);
            let others = [known, remembered, language, way, refresh, away];
            assert!(others.iter().all(|name| name.starts_with(&browser)));
            assert!(carried.starts_with(&browser.replace("__Host-", "__Secure-")));
            browser
        };
        let issuers = ["http://localhost:8080", "http://localhost:8081", "https://id.example"];
        let mut all: Vec<_> =
            issuers.into_iter().chain(["https://id.example/a"]).map(names).collect();
        assert_eq!(all[0], names("http://localhost:8080"));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 4);
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
            assert_eq!(read(&headers(lines), "__Host-mapae-lang"), expected, "{lines:?}");
        }
    }
}
