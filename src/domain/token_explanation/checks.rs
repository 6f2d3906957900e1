//! The checks of a strict verifier that look at the token itself.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::difference::{difference, near};
use super::facts::{ClientFact, Facts, KeyDates, KeyFact, KeyState, KnownKey, RegisteredAudience};
use super::presented::{Opaque, Pasted, PastedJwt, PastedObject, Presented, Scheme};
use super::step::Found;
use crate::domain::excerpt::excerpt;
use crate::domain::jwt_type;
use crate::domain::nearest::nearest;
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::time_span::{from_now, in_words, written};

/// The algorithms by which this server signs.
const ALGORITHMS: [&str; 4] = ["RS256", "ES256", "PS256", "EdDSA"];
/// The event of a logout token, Back-Channel Logout §2.4.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How far clocks usually differ at most.
const SKEW: i64 = 5 * 60;
const NO_HEADER: &str = "not checked: these are claims without a header";

/// What kind of text it is.
pub(super) fn shape(presented: &Presented) -> Found {
    let off =
        presented.scheme.map(|scheme| format!("`{} ` in front was taken off; ", scheme.as_str()));
    let found = match &presented.pasted {
        Pasted::Malformed(why) => Found::bad(Reason::TokenMalformed, why.clone()),
        Pasted::Encrypted => Found::bad(
            Reason::TokenEncrypted,
            "it has 5 parts, so it is encrypted (JWE), which this server never does",
        ),
        Pasted::Opaque(opaque) => opaque_value(*opaque),
        Pasted::Claims(claims) => {
            other_token(None, claims).or_else(|| repeated(claims)).unwrap_or_else(|| {
                Found::good(
                    "these are the claims of a token: without header and signature they prove nothing",
                )
            })
        }
        Pasted::Jwt(jwt) => other_token(Some(jwt), &jwt.claims)
            .or_else(|| repeated(&jwt.header))
            .or_else(|| repeated(&jwt.claims))
            .unwrap_or_else(|| Found::good("three parts of base64url with JSON in them")),
    };
    Found { says: format!("{}{}", off.unwrap_or_default(), found.says), ..found }
}

fn opaque_value(opaque: Opaque) -> Found {
    match opaque {
        Opaque::RefreshToken => Found::bad(
            Reason::TokenIsRefreshToken,
            "this is a refresh token of this server, which only its token endpoint takes",
        ),
        Opaque::AuthorizationCode => Found::bad(
            Reason::TokenIsCode,
            "this is an authorization code, which only the token endpoint takes",
        ),
        Opaque::ClientSecret => Found::bad(
            Reason::TokenIsSecret,
            "this is the secret of a client, which only the client itself may know",
        ),
        Opaque::Other => Found::bad(
            Reason::TokenIsSecret,
            "this is another secret of this server, and no access token",
        ),
    }
}

fn repeated(object: &PastedObject) -> Option<Found> {
    let name = object.repeated.as_deref()?;
    let says = format!(
        "the name {} is repeated, so two verifiers may read different values",
        excerpt(name)
    );
    Some(Found::bad(Reason::TokenMemberRepeated, says))
}

/// Tokens of another kind, which carry signatures of the same keys.
fn other_token(jwt: Option<&PastedJwt>, claims: &PastedObject) -> Option<Found> {
    let typ = jwt.and_then(|jwt| jwt.header.text("typ")).map(jwt_type::plain);
    let event = claims.members.get("events").and_then(|events| events.get(LOGOUT_EVENT));
    if typ.as_deref() == Some("logout+jwt") || event.is_some() {
        return Some(Found::bad(
            Reason::TokenIsLogoutToken,
            "this is a logout token: it tells an app of a sign-out",
        ));
    }
    // OpenID Connect Core §2 and §3.3.2.11: an access token has none of these, and it has
    // `client_id` (RFC 9068 §2.2).
    let of_id_token = ["at_hash", "c_hash", "s_hash", "nonce"];
    let is_id_token = !claims.has("client_id")
        && typ.as_deref() != Some("at+jwt")
        && of_id_token.iter().any(|name| claims.has(name));
    is_id_token.then(|| {
        Found::bad(
            Reason::TokenIsIdToken,
            "this is an ID token: it tells the app who signed in, and opens no API",
        )
    })
}

/// The header, except for `kid` and `typ`.
pub(super) fn header(jwt: Option<&PastedJwt>) -> Found {
    let Some(jwt) = jwt else { return Found::good(NO_HEADER) };
    let header = &jwt.header;
    let Some(alg) = header.text("alg") else {
        return Found::bad(Reason::TokenAlgUnsupported, "there is no alg");
    };
    // RFC 8725 §3.1
    if alg.eq_ignore_ascii_case("none") {
        return Found::bad(Reason::TokenUnsigned, "alg is none: anybody can write such a token");
    }
    if alg.starts_with("HS") {
        let says = format!(
            "alg is {}: a shared secret, with which whoever verifies can forge; taken with a public key, anybody can",
            excerpt(alg)
        );
        return Found::bad(Reason::TokenAlgUnsupported, says);
    }
    if !ALGORITHMS.contains(&alg) {
        let says =
            format!("alg is {}, and this server signs by {}", excerpt(alg), ALGORITHMS.join(", "));
        return Found::bad(Reason::TokenAlgUnsupported, says);
    }
    // RFC 7515 §4.1.11
    if let Some(crit) = header.members.get("crit") {
        let says = format!("crit names {}, which nobody here understands", excerpt(crit));
        return Found::bad(Reason::TokenCritUnsupported, says);
    }
    let embedded = ["jwk", "jku", "x5u", "x5c"].into_iter().filter(|name| header.has(name));
    let embedded: Vec<_> = embedded.collect();
    if embedded.is_empty() {
        Found::good(format!("alg is {alg}"))
    } else {
        // RFC 8725 §3.10
        let embedded = embedded.join(" and ");
        Found::good(format!(
            "alg is {alg}; the key that {embedded} brings along counts for nothing"
        ))
    }
}

/// The key: whether it is known, in which state, and whether it made the signature.
pub(super) fn key(jwt: Option<&PastedJwt>, facts: &Facts) -> Found {
    let Some(jwt) = jwt else { return Found::good(NO_HEADER) };
    let Some(kid) = jwt.header.text("kid").map(|kid| excerpt(kid).to_string()) else {
        return Found::bad(Reason::TokenKeyUnknown, "the header names no key (kid)");
    };
    match &facts.key {
        KeyFact::NotNamed => Found::bad(Reason::TokenKeyUnknown, "the header names no key (kid)"),
        KeyFact::Unknown { dropped_at: Some(at), .. } => {
            let says = format!("{kid} was dropped at {}", dated(facts.now, *at));
            Found::bad(Reason::TokenKeyDropped, says)
        }
        KeyFact::Unknown { made_at: Some(at), .. } => {
            let made = dated(facts.now, *at);
            let says = format!(
                "{kid} was made at {made} and is forgotten: all that it signed has expired long ago"
            );
            Found::bad(Reason::TokenKeyUnpublished, says)
        }
        KeyFact::Unknown { published, .. } => {
            let published = published.join(", ");
            let says = format!("{kid} is not one of the published keys: {published}");
            Found::bad(Reason::TokenKeyUnknown, says)
        }
        KeyFact::Known(key) => known_key(jwt, &kid, key, facts.now),
    }
}

fn known_key(jwt: &PastedJwt, kid: &str, key: &KnownKey, now: DateTime<Utc>) -> Found {
    let alg = jwt.header.text("alg").unwrap_or_default();
    if let Some(of_key) = key.alg.as_deref().filter(|of_key| *of_key != alg) {
        // RFC 8725 §3.1
        let says = format!("{kid} is a key for {of_key}, and the header says {}", excerpt(alg));
        return Found::bad(Reason::TokenAlgMismatch, says);
    }
    if !jwt.has_signature {
        return Found::bad(Reason::TokenSignatureInvalid, "there is no signature");
    }
    if !key.has_signed {
        let says = format!("{kid} is known, and it did not sign this text");
        return Found::bad(Reason::TokenSignatureInvalid, says);
    }
    let state = match key.state {
        KeyState::Published => "it is in the JWKS",
        KeyState::Pending => "it is published and does not sign yet",
        KeyState::Signing => "it signs",
        KeyState::Retiring => "it signs no more and is still published",
        KeyState::Remembered => "it is no longer published, so a verifier does not find it",
    };
    let dates = key.dates.map(|dates| life(now, dates)).unwrap_or_default();
    let says = format!("{kid} made the signature; {state}{dates}");
    if key.state == KeyState::Remembered {
        return Found::bad(Reason::TokenKeyUnpublished, says);
    }
    if let Some(dates) = key.dates.filter(|dates| now < dates.published_at) {
        let says = format!("{kid} is published only since {}", dated(now, dates.published_at));
        return Found::bad(Reason::TokenKeyUnknown, says);
    }
    Found::good(says)
}

fn life(now: DateTime<Utc>, dates: KeyDates) -> String {
    let KeyDates { published_at, signs_from, published_until } = dates;
    let (published_at, signs_from) = (dated(now, published_at), dated(now, signs_from));
    let until = published_until.map(|until| format!(", published until {}", dated(now, until)));
    format!(
        ": published since {published_at}, signs from {signs_from}{}",
        until.unwrap_or_default()
    )
}

/// The issuer, byte by byte.
pub(super) fn issuer(claims: &PastedObject, facts: &Facts) -> Found {
    let expected = facts.issuer.as_str();
    let Some(iss) = claims.text("iss") else {
        return Found::bad(
            Reason::TokenIssuerMismatch,
            format!("there is no iss; {expected} is expected"),
        );
    };
    let published = facts.published_issuer.as_deref().filter(|published| *published != expected);
    let published = published.map(|published| {
        format!("; the metadata there say that the issuer is {}", excerpt(published))
    });
    let published = published.unwrap_or_default();
    match difference(expected, iss) {
        None => Found::good(format!("{expected}, byte for byte{published}")),
        Some(how) => {
            let shown = excerpt(iss);
            let says = format!("{shown}, and {expected} is expected: {how}{published}");
            let found = Found::bad(Reason::TokenIssuerMismatch, says);
            match near(expected, iss) {
                Some(_) => found.mended_by(format!(
                    "set the issuer of the verifier to {shown}, byte for byte, if that is the one that you trust"
                )),
                None => found,
            }
        }
    }
}

/// The audience: against the resource server that is asked about, and against what is registered.
pub(super) fn audience(claims: &PastedObject, facts: &Facts) -> Found {
    let audiences: Vec<&str> = match claims.members.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(some)) => some.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if audiences.is_empty() {
        return Found::bad(Reason::TokenAudienceMissing, "there is no aud");
    }
    let shown =
        audiences.iter().map(|one| excerpt(*one).to_string()).collect::<Vec<_>>().join(", ");
    let Some(resource) = facts.resource.as_deref() else {
        let says = format!("{shown}{}; not judged without --as", unregistered(&audiences, facts));
        return Found::good(says);
    };
    let own = [resource.to_owned()];
    let wanted: &[String] =
        match facts.registered.as_ref().and_then(|all| all.resource_server.as_ref()) {
            Some(of_client) => of_client,
            None => &own,
        };
    if wanted.iter().any(|one| audiences.contains(&one.as_str())) {
        return Found::good(format!("{shown}: {resource} is meant"));
    }
    let close = wanted
        .iter()
        .find_map(|wanted| audiences.iter().find_map(|found| Some((near(wanted, found)?, *found))));
    let how = close.map(|(how, _)| format!(" ({how})")).unwrap_or_default();
    let named = if wanted.is_empty() { resource.to_owned() } else { wanted.join(", ") };
    let says =
        format!("{shown}: {named} is not among them{how}{}", registration(resource, wanted, facts));
    let mend = match close {
        Some((_, found)) => {
            let found = excerpt(found);
            format!(
                "set the audience of the verifier to {found}, byte for byte, if that is this API; or register the other one for the app"
            )
        }
        None => how_to_name(resource, wanted, facts),
    };
    Found::bad(Reason::TokenAudienceMismatch, says).mended_by(mend)
}

/// Which audiences of a token nobody is registered for.
fn unregistered(audiences: &[&str], facts: &Facts) -> String {
    let Some(registered) = &facts.registered else { return String::new() };
    let is_known = |audience: &&&str| {
        **audience == facts.issuer || find(&registered.audiences, audience).is_some()
    };
    let others: Vec<_> = audiences.iter().filter(|one| !is_known(one)).copied().collect();
    if others.is_empty() {
        "; registered".to_owned()
    } else {
        format!("; no client is registered for {}", excerpt(others.join(", ")))
    }
}

fn find<'a>(all: &'a [RegisteredAudience], audience: &str) -> Option<&'a RegisteredAudience> {
    all.iter().find(|one| one.audience == audience)
}

/// What is registered for the resource that is asked about.
fn registration(resource: &str, wanted: &[String], facts: &Facts) -> String {
    let Some(registered) = &facts.registered else { return String::new() };
    if wanted.is_empty() {
        return format!("; the client {resource} is no resource server of any audience");
    }
    let known = wanted.iter().find_map(|one| find(&registered.audiences, one));
    match known {
        Some(known) => format!("; registered for: {}", known.clients.join(", ")),
        None if resource == facts.issuer => String::new(),
        None => {
            let names = registered.audiences.iter().map(|one| one.audience.as_str());
            let meant = nearest(resource, names);
            let meant = meant.map(|meant| format!(", is {meant} meant?")).unwrap_or_default();
            format!("; no client is registered for it{meant}")
        }
    }
}

/// How an app gets a token for a resource.
fn how_to_name(resource: &str, wanted: &[String], facts: &Facts) -> String {
    let client = facts.registered.as_ref().and_then(|registered| match &registered.client {
        ClientFact::Known(client) => Some(client),
        ClientFact::NotNamed | ClientFact::Unknown { .. } => None,
    });
    let Some(audience) = wanted.first() else {
        return format!("`mapae client update --id {resource} --resource-server AUDIENCE`");
    };
    match client {
        Some(client) if client.audiences.contains(audience) => {
            format!("let the app send `resource={audience}` with its request for a token")
        }
        Some(client) => format!(
            "`mapae client update --id {} --audience {audience}` beside those that it has, then let the app send `resource={audience}`",
            client.id
        ),
        None => format!(
            "let the app send `resource={audience}` with its request for a token, and have its client registered for it; or correct the audience of the verifier"
        ),
    }
}

/// A number of seconds since 1970 (RFC 7519 §2, which allows fractions).
fn instant(claims: &PastedObject, name: &str) -> Result<Option<DateTime<Utc>>, String> {
    let Some(value) = claims.members.get(name) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "a float is cut to a number that fits")]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
    let instant = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    instant.map(Some).ok_or_else(|| format!("{name} is no number of seconds: {}", excerpt(value)))
}

/// The times, against the clock.
pub(super) fn times(claims: &PastedObject, facts: &Facts) -> Found {
    let now = facts.now;
    let read = || -> Result<_, String> {
        Ok((instant(claims, "exp")?, instant(claims, "nbf")?, instant(claims, "iat")?))
    };
    let (exp, nbf, iat) = match read() {
        Ok(read) => read,
        Err(why) => return Found::bad(Reason::TokenTimesMalformed, why),
    };
    let Some(exp) = exp else {
        return Found::bad(Reason::TokenTimesMalformed, "there is no exp");
    };
    if exp <= now {
        let says = format!("it has expired at {}, by a clock at {}", dated(now, exp), written(now));
        return Found::bad(Reason::TokenExpired, clocks(says, now, exp));
    }
    for (name, from) in [("nbf", nbf), ("iat", iat)] {
        if let Some(from) = from.filter(|from| *from > now) {
            let says = format!(
                "it is good only from {} ({name}), by a clock at {}",
                dated(now, from),
                written(now)
            );
            return Found::bad(Reason::TokenNotYetValid, clocks(says, now, from));
        }
    }
    let issued = iat.map(|iat| format!("issued at {}, ", dated(now, iat))).unwrap_or_default();
    Found::good(format!("{issued}good until {}, by a clock at {}", dated(now, exp), written(now)))
}

/// Adds that clocks may differ, where the difference is small.
fn clocks(says: String, now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let apart = (then - now).abs();
    if apart.num_seconds() <= SKEW {
        format!("{says}: a verifier whose clock differs by {} decides otherwise", in_words(apart))
    } else {
        says
    }
}

fn dated(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    format!("{} ({})", written(then), from_now(now, then))
}

/// The scope, which only the resource server can judge.
pub(super) fn scope(claims: &PastedObject, facts: &Facts) -> Found {
    let none = "there is none: an API that asks for a scope answers 403 insufficient_scope";
    let Some(value) = claims.members.get("scope") else { return Found::good(none) };
    // RFC 8693 §4.2: one string.
    let read = value.as_str().map(Scope::parse);
    let Some(Ok(scope)) = read else {
        let says =
            format!("scope is not a text of words with spaces between them: {}", excerpt(value));
        return Found::bad(Reason::TokenScopeMalformed, says);
    };
    if scope.is_empty() {
        return Found::good(none);
    }
    let shown = excerpt(&scope).up_to(500).to_string();
    let registered = facts.registered.as_ref().map(|registered| &registered.client);
    let Some(ClientFact::Known(client)) = registered else { return Found::good(shown) };
    let others: Vec<&str> = scope.beyond(&client.scope).collect();
    if others.is_empty() {
        Found::good(shown)
    } else {
        let others = excerpt(others.join(" ")).to_string();
        Found::good(format!("{shown}; the client is no longer registered for {others}"))
    }
}

/// Whether the token is bound to a key of its sender (RFC 7800 §3).
pub(super) fn binding(claims: &PastedObject, scheme: Option<Scheme>) -> Found {
    let Some(cnf) = claims.members.get("cnf") else {
        return Found::good("none: whoever has the token can use it");
    };
    let thumbprint = |name: &str| cnf.get(name).and_then(Value::as_str).map(excerpt);
    // RFC 9449 §6.1
    if let Some(jkt) = thumbprint("jkt") {
        let says = format!("bound to the key {jkt}: each request needs a DPoP proof of it");
        // RFC 9449 §7.2
        return if scheme == Some(Scheme::Bearer) {
            let says = format!("{says}, and it was sent as `Bearer`");
            Found::bad(Reason::TokenProofMissing, says)
        } else {
            Found::good(format!("{says}, which cannot be seen here"))
        };
    }
    // RFC 8705 §3.1
    if let Some(x5t) = thumbprint("x5t#S256") {
        return Found::good(format!(
            "bound to the client certificate {x5t}: the TLS connection must use it, which cannot be seen here"
        ));
    }
    let says = format!("bound in a way that nobody here understands: {}", excerpt(cnf));
    Found::bad(Reason::TokenProofMissing, says)
}

/// The type, and the claims that the type promises.
pub(super) fn typ(jwt: Option<&PastedJwt>, claims: &PastedObject, facts: &Facts) -> Found {
    let Some(jwt) = jwt else { return Found::good(NO_HEADER) };
    let Some(typ) = jwt.header.text("typ") else {
        return Found::bad(Reason::TokenTypMismatch, "there is no typ; at+jwt is expected");
    };
    let shown = excerpt(typ).to_string();
    let registered = facts.registered.as_ref().map(|registered| &registered.client);
    let as_registered = match registered {
        Some(ClientFact::Known(client)) => jwt_type::plain(&client.typ) == jwt_type::plain(typ),
        _ => false,
    };
    if jwt_type::plain(typ) != "at+jwt" && !as_registered {
        // RFC 9068 §4
        let says = format!("typ is {shown}, and at+jwt is expected");
        return Found::bad(Reason::TokenTypMismatch, says);
    }
    // RFC 9068 §2.2
    let needed = ["sub", "client_id", "iat", "jti"];
    let missing: Vec<_> = needed.into_iter().filter(|name| !claims.has(name)).collect();
    if !missing.is_empty() {
        let says = format!("typ is {shown}, and such a token has {} too", missing.join(", "));
        return Found::bad(Reason::TokenClaimMissing, says);
    }
    if jwt_type::plain(typ) == "at+jwt" {
        Found::good(shown)
    } else {
        Found::good(format!(
            "{shown}, as its client is registered (--access-token-typ): a verifier that asks for at+jwt refuses it"
        ))
    }
}
