//! Redirect URIs: which ones may be registered, and whether a request names a registered one.

use url::Url;

use super::client::ClientKind;
use super::urls::is_loopback;

/// Whether a URI may be registered as a redirect URI, RFC 6749 §3.1.2, RFC 9700 §2.1, RFC 8252 §7.
pub fn check(uri: &str, kind: ClientKind) -> Result<(), &'static str> {
    // A redirect URI is put into a header and into a content security policy without escaping.
    if !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be ASCII without spaces; write other characters percent-encoded");
    }
    if uri.contains(['\\', '"', '<', '>', '\'', ';', ',']) {
        return Err("must not contain quotes, brackets, commas, semicolons or backslashes");
    }
    // A wildcard would only match a request that has an asterisk in the same place.
    if uri.contains('*') {
        return Err("must not contain an asterisk: there are no wildcards, a request is compared \
                    byte for byte, so register each address");
    }
    let url = Url::parse(uri).map_err(|error| match error {
        url::ParseError::InvalidPort => "must have a port from 0 to 65535, or none",
        _ => "must be an absolute URI",
    })?;
    if uri.contains('#') {
        return Err("must have no fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must carry no credentials");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => Err("must be https (plain http is for loopback alone)"),
        // RFC 8252 §7.1: a private-use scheme is a reversed domain name.
        scheme if scheme.contains('.') && kind == ClientKind::Public => Ok(()),
        scheme if scheme.contains('.') => {
            Err("has a private-use scheme, which is for public clients")
        }
        _ => Err("must be https, http on loopback, or a private-use scheme like com.example.app:/"),
    }
}

/// Whether the URI of a request is the registered one. It is compared byte for byte, except for the
/// port of a loopback address (RFC 8252 §7.3).
#[must_use]
pub fn matches(registered: &str, requested: &str) -> bool {
    registered == requested
        || LOOPBACK.iter().any(|prefix| {
            match (behind_port(registered, prefix), behind_port(requested, prefix)) {
                (Some(registered), Some(requested)) => registered == requested,
                _ => false,
            }
        })
}

/// The same for an app for which no operator vouches: `localhost` is loopback, too. Many apps of that
/// kind write it in place of the address, and listen on any port.
#[must_use]
pub fn matches_of_unvouched(registered: &str, requested: &str) -> bool {
    const NAME: &str = "http://localhost";
    matches(registered, requested)
        || match (behind_port(registered, NAME), behind_port(requested, NAME)) {
            (Some(registered), Some(requested)) => registered == requested,
            _ => false,
        }
}

/// Whether scripts of this origin are those of an app for which no operator vouches, by one of its
/// redirect URIs. The port is as free as that of the URI. A private-use scheme has no origin.
#[must_use]
pub fn is_origin_of_unvouched(registered: &str, origin: &str) -> bool {
    let Ok(url) = Url::parse(registered) else { return false };
    let has_origin = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
    has_origin && matches_of_unvouched(&url.origin().ascii_serialization(), origin)
}

/// The front page of a web app: the root of the redirect URI's origin.
#[must_use]
pub fn front_page(redirect_uri: &str) -> Option<String> {
    let url = Url::parse(redirect_uri).ok()?;
    let is_on_the_web = matches!(url.scheme(), "https" | "http");
    is_on_the_web.then(|| format!("{}/", url.origin().ascii_serialization()))
}

const LOOPBACK: &[&str] = &["http://127.0.0.1", "http://[::1]"];

/// The part of the URI after host and port.
fn behind_port<'a>(uri: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = uri.strip_prefix(prefix)?;
    let Some(port) = rest.strip_prefix(':') else { return Some(rest) };
    let behind = port.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = port.strip_suffix(behind)?;
    let is_port = digits.len() <= 5 && digits.parse::<u16>().is_ok();
    (is_port && (behind.is_empty() || behind.starts_with(['/', '?']))).then_some(behind)
}

/// Whether any app on the same machine could receive the response (RFC 8252 §8.6): a loopback
/// address or a private-use scheme.
#[must_use]
pub fn is_unclaimed(uri: &str) -> bool {
    !Url::parse(uri).is_ok_and(|url| url.scheme() == "https")
}

/// The host that is shown to people, or the scheme of an app. What stands behind such a scheme looks
/// like a host and is none.
#[must_use]
pub fn shown_host(uri: &str) -> String {
    let Ok(url) = Url::parse(uri) else { return String::new() };
    if !matches!(url.scheme(), "https" | "http") {
        return url.scheme().to_owned();
    }
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.scheme().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8252_7_3_localhost_has_any_port_for_an_app_for_which_nobody_vouches_alone() {
        let registered = "http://localhost:3000/cb?a=1";
        for same in [
            "http://localhost:3000/cb?a=1",
            "http://localhost/cb?a=1",
            "http://localhost:65535/cb?a=1",
        ] {
            assert!(matches_of_unvouched(registered, same), "{same}");
            assert_eq!(matches(registered, same), same == registered, "{same}");
        }
        for other in [
            "http://localhost:3000/cb",
            "http://localhost:3000/cb?a=2",
            "http://localhost:99999/cb?a=1",
            "http://localhost.evil:3000/cb?a=1",
            "http://127.0.0.1:3000/cb?a=1",
            "https://localhost:3000/cb?a=1",
        ] {
            assert!(!matches_of_unvouched(registered, other), "{other}");
        }
        assert!(matches_of_unvouched("http://127.0.0.1/cb", "http://127.0.0.1:9/cb"));
        assert!(!matches_of_unvouched("https://rp.example/cb", "https://rp.example:9/cb"));
    }

    #[test]
    fn the_origin_of_a_redirect_uri_has_any_port_where_the_uri_has() {
        for (uri, origin) in [
            ("https://app.example/cb?a=1", "https://app.example"),
            ("https://APP.example:443/cb", "https://app.example"),
            ("https://app.example:8443/cb", "https://app.example:8443"),
            ("http://localhost:3000/cb", "http://localhost"),
            ("http://localhost/cb", "http://localhost:65535"),
            ("http://127.0.0.1:3000/cb", "http://127.0.0.1:4000"),
            ("http://[::1]/cb", "http://[::1]:3000"),
            ("http://127.0.0.2:3000/cb", "http://127.0.0.2:3000"),
            ("http://app.localhost:3000/cb", "http://app.localhost:3000"),
        ] {
            assert!(is_origin_of_unvouched(uri, origin), "{uri} {origin}");
        }
        for (uri, origin) in [
            ("https://app.example/cb", "https://app.example/"),
            ("https://app.example/cb", "https://app.example:8443"),
            ("https://app.example/cb", "http://app.example"),
            ("https://app.example/cb", "https://app.example.evil"),
            ("https://localhost:3000/cb", "https://localhost:3001"),
            ("http://localhost:3000/cb", "http://localhost:99999"),
            ("http://localhost:3000/cb", "http://localhost.evil:3000"),
            ("http://localhost:3000/cb", "http://localhost:3000/"),
            ("http://localhost:3000/cb", "http://127.0.0.1:3000"),
            ("http://127.0.0.2:3000/cb", "http://127.0.0.2:3001"),
            ("http://app.localhost:3000/cb", "http://app.localhost:3001"),
            ("http://app.example/cb", "http://app.example"),
            ("com.example.app:/cb", "null"),
            ("com.example.app://host/cb", "com.example.app://host"),
            ("", "null"),
        ] {
            assert!(!is_origin_of_unvouched(uri, origin), "{uri} {origin}");
        }
    }

    #[test]
    fn the_front_page_is_the_root_of_a_web_app_and_an_app_on_a_device_has_none() {
        for (uri, page) in [
            ("https://rp.example/a/cb?x=1", Some("https://rp.example/")),
            ("https://rp.example:8443/cb", Some("https://rp.example:8443/")),
            ("http://localhost:3000/cb", Some("http://localhost:3000/")),
            ("com.example.app:/cb", None),
            ("", None),
        ] {
            assert_eq!(front_page(uri).as_deref(), page, "{uri}");
        }
    }

    #[test]
    fn what_may_not_be_registered_is_told_by_its_reason() {
        use ClientKind::{Confidential, Public};
        for (uri, kind, reason) in [
            ("https://rp.example:65536/cb", Public, "a port from 0 to 65535"),
            ("/cb", Public, "an absolute URI"),
            ("http://rp.example/cb", Public, "plain http is for loopback alone"),
            ("com.example.app:/cb", Confidential, "for public clients"),
            ("app:/cb", Public, "a private-use scheme like"),
        ] {
            let refused = check(uri, kind).unwrap_err();
            assert!(refused.contains(reason), "{uri}: {refused}");
        }
    }

    #[test]
    fn rfc9700_2_1_what_may_be_registered() {
        use ClientKind::{Confidential, Public};
        for (uri, kind) in [
            ("https://rp.example/cb", Confidential),
            ("https://rp.example/cb?a=1&b=%20", Confidential),
            ("https://rp.example", Public),
            ("http://127.0.0.1/cb", Public),
            ("http://[::1]:8080/cb", Public),
            ("http://localhost:3000/cb", Confidential),
            ("com.example.app:/cb", Public),
            ("https://rp.example:65535/cb", Confidential),
            ("http://127.0.0.1:65535/cb", Public),
        ] {
            assert_eq!(check(uri, kind), Ok(()), "{uri}");
        }
        for (uri, kind) in [
            ("", Public),
            ("/cb", Public),
            ("//rp.example/cb", Public),
            ("http://rp.example/cb", Confidential),
            ("http://127.0.0.1.evil/cb", Public),
            ("https://rp.example/cb#", Public),
            ("https://rp.example/cb#x", Public),
            ("https://user@rp.example/cb", Public),
            ("https://rp.example/\u{e9}", Public),
            ("https://rp.example/ x", Public),
            ("https://rp.example\\@evil", Public),
            ("https://rp.example/;x", Public),
            ("com.example.app:/cb", Confidential),
            ("javascript:alert(1)", Public),
            ("data:text/html,x", Public),
            ("vbscript:x", Public),
            ("file:///etc/passwd", Public),
            ("blob:https://x/y", Public),
            ("app:/cb", Public),
            ("https://rp.example/*", Confidential),
            ("https://*.example.com/cb", Confidential),
            ("com.example.*:/cb", Public),
            ("https://rp.example:65536/cb", Confidential),
            ("http://127.0.0.1:65536/cb", Public),
            ("http://localhost:99999/cb", Public),
            ("com.example.app://host:70000/cb", Public),
        ] {
            assert!(check(uri, kind).is_err(), "{uri}");
        }
    }

    #[test]
    fn rfc9700_4_1_3_uris_are_compared_byte_for_byte() {
        let registered = "https://rp.example/cb";
        assert!(matches(registered, registered));
        for other in [
            "https://rp.example/cb/",
            "https://rp.example/CB",
            "https://RP.example/cb",
            "HTTPS://rp.example/cb",
            "https://rp.example:443/cb",
            "https://rp.example/%63b",
            "https://rp.example/cb?x=1",
            "https://rp.example/cb#f",
            "https://rp.example.evil/cb",
            "https://rp.example@evil/cb",
            "https://rpxexample/cb",
            "https://rp.example/x/../cb",
            "https://rp.example/cb\n",
        ] {
            assert!(!matches(registered, other), "{other}");
        }
    }

    #[test]
    fn rfc8252_7_3_only_the_port_of_a_loopback_address_is_free() {
        for (registered, requested) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"),
            ("http://127.0.0.1:3000/cb", "http://127.0.0.1:4000/cb"),
            ("http://127.0.0.1:3000/cb", "http://127.0.0.1/cb"),
            ("http://[::1]/cb?a=1", "http://[::1]:49152/cb?a=1"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:65535/cb"),
        ] {
            assert!(matches(registered, requested), "{requested}");
        }
        for (registered, requested) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:80/other"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:123456/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb"),
            ("http://[::1]/cb", "http://[::1]:99999/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1.evil/cb"),
            ("http://127.0.0.1/cb", "http://[::1]/cb"),
            ("http://127.0.0.1/cb", "https://127.0.0.1/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb?x=1"),
            ("http://localhost/cb", "http://localhost:3000/cb"),
            ("https://127.0.0.1/cb", "https://127.0.0.1:3000/cb"),
        ] {
            assert!(!matches(registered, requested), "{requested}");
        }
    }

    #[test]
    fn what_a_page_shows_of_it() {
        for (uri, host) in [
            ("https://rp.example/cb", "rp.example"),
            ("https://rp.example:8443/cb", "rp.example:8443"),
            ("http://127.0.0.1:3000/cb", "127.0.0.1:3000"),
            ("http://[::1]:3000/cb", "[::1]:3000"),
            ("HTTPS://rp.example/cb", "rp.example"),
            ("com.example.app:/cb", "com.example.app"),
            ("com.evil.app://bank.example/cb", "com.evil.app"),
        ] {
            assert_eq!(shown_host(uri), host);
        }
    }

    #[test]
    fn rfc8252_8_6_only_https_is_claimed() {
        for claimed in ["https://rp.example/cb", "HTTPS://rp.example/cb"] {
            assert!(!is_unclaimed(claimed), "{claimed}");
        }
        for unclaimed in
            ["http://127.0.0.1/cb", "com.example.app:/cb", "com.evil.app://rp.example/cb", "", "x"]
        {
            assert!(is_unclaimed(unclaimed), "{unclaimed}");
        }
    }
}
