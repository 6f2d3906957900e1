//! Request objects, RFC 9101: authorization requests that a client signed. Of a signed request only
//! what is inside the object counts.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::clients::registry::Registered;
use crate::domain::client::{ClientProfile, RequestObjectAlg};
use crate::domain::form::Form;
use crate::domain::jwt_type;
use crate::domain::reason::Reason;
use crate::domain::urls::Issuer;
use crate::keys::jwt;
use crate::oauth::authorize::context::RequestContext;
use crate::oauth::claims::AudienceClaim;
use crate::oauth::error::Refusal;

/// The explicit type of a request object, RFC 9101 §10.8.
const TYP: &str = "oauth-authz-req+jwt";

/// How many seconds the clock of a client may be ahead of this server's clock.
const SKEW_SECONDS: i64 = 60;

/// The longest time between `nbf` and `exp`, in seconds, for clients that have to sign or that are
/// held to a profile.
const LONGEST_LIFE: i64 = 3600;

/// The claims that speak of the object itself and are no parameters.
const OWN: [&str; 6] = ["iss", "aud", "exp", "nbf", "iat", "jti"];

/// The header of a request object, as far as it is read before the signature.
#[derive(Deserialize)]
struct ObjectHeader {
    alg: String,
    typ: Option<String>,
}

/// The claims of a request object about itself. All are optional unless the client has to sign.
#[derive(Debug, Deserialize)]
struct OwnClaims {
    iss: Option<String>,
    sub: Option<String>,
    client_id: Option<String>,
    aud: Option<AudienceClaim>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
}

/// The request as it counts: the parameters inside a request object, if there is one.
pub async fn opened<'a>(
    context: &RequestContext,
    registered: &Registered,
    form: &'a Form,
) -> Result<Cow<'a, Form>, Refusal> {
    // OpenID Connect Core §6.2: nothing is fetched from an address that a request names.
    if form.get("request_uri").is_some() {
        return Err(Reason::RequestUriUnsupported.into());
    }
    match form.get("request") {
        Some(object) => parameters(context, registered, object).await.map(Cow::Owned),
        None if registered.client.metadata.require_signed_request_object => {
            Err(Reason::SignedRequestRequired.into())
        }
        None => Ok(Cow::Borrowed(form)),
    }
}

/// The parameters in a request object, when everything about it is right.
async fn parameters(
    context: &RequestContext,
    registered: &Registered,
    object: &str,
) -> Result<Form, Refusal> {
    let metadata = &registered.client.metadata;
    check_header(object)?;
    if metadata.jwks.is_none() && metadata.jwks_uri.is_none() {
        return Err(Reason::RequestObjectKeysMissing.into());
    }
    let alg = metadata.request_object_signing_alg.map(RequestObjectAlg::as_str);
    let keys = context.clients.keys_for(registered, object, alg).await;
    let keys = keys.map_err(|_| Reason::RequestObjectKeysUnavailable)?;
    let verified: Result<Value, _> = match (alg, metadata.profile) {
        // FAPI 2.0 Message Signing §5.3.1, with the algorithms of the Security Profile §5.4.1
        (None, Some(_)) => {
            if !jwt::is_signed_by(object, ClientProfile::ALGORITHMS) {
                return Err(Reason::RequestObjectAlgRefused.into());
            }
            keys.verify_among(object, ClientProfile::ALGORITHMS)
        }
        (alg, _) => keys.verify_by(object, alg),
    };
    let claims = verified.map_err(|_| Reason::RequestObjectSignatureInvalid)?;
    let Value::Object(members) = claims else {
        return Err(Reason::RequestObjectMalformed.into());
    };
    let own = OwnClaims::deserialize(&Value::Object(members.clone()))
        .map_err(|_| Reason::RequestObjectMalformed)?;
    let id = registered.client.id.as_str();
    // FAPI 2.0 Message Signing §5.3.1: `exp` and `nbf` are there, and not far apart.
    let is_strict = metadata.require_signed_request_object || metadata.profile.is_some();
    let now = context.clock.now().timestamp();
    check_own(&context.url, id, &own, is_strict)?;
    check_times(&own, is_strict, now)?;
    form_of(members)
}

/// Checks what can be known before a key is looked for.
pub fn check_header(object: &str) -> Result<(), Refusal> {
    let first = object.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(first).ok();
    let header = header.and_then(|json| serde_json::from_slice::<ObjectHeader>(&json).ok());
    let header = header.ok_or(Reason::RequestObjectMalformed)?;
    // RFC 9101 §10.1: what nobody signed proves nothing.
    if header.alg.eq_ignore_ascii_case("none") {
        return Err(Reason::RequestObjectUnsigned.into());
    }
    // RFC 9101 §10.8: another type means another purpose. Most clients name none, or just JWT.
    match header.typ.as_deref().map(jwt_type::plain).as_deref() {
        None | Some("jwt" | TYP) => Ok(()),
        Some(other) => Err(Refusal::new(Reason::RequestObjectTypeMismatch).with_value(other)),
    }
}

fn check_own(url: &Issuer, id: &str, own: &OwnClaims, is_strict: bool) -> Result<(), Refusal> {
    let is_complete = own.iss.is_some() && own.aud.is_some();
    if is_strict && !is_complete {
        return Err(Reason::RequestObjectClaimMissing.into());
    }
    // RFC 9101 §5 and §6.3: the client inside is the client that asks.
    let of_client = |named: &Option<String>| named.as_deref().is_none_or(|named| named == id);
    let is_named = own.iss.is_some() || own.client_id.is_some();
    if !is_named || !of_client(&own.iss) || !of_client(&own.client_id) {
        return Err(Reason::RequestObjectClientMismatch.into());
    }
    // RFC 9101 §10.8: with the client as `sub` it could pass as an assertion of the client.
    if own.sub.as_deref() == Some(id) {
        return Err(Reason::RequestObjectSubIsClient.into());
    }
    // RFC 9101 §4: the audience is this server, among others perhaps.
    match &own.aud {
        Some(audience) if !audience.contains(url.as_str()) => {
            let refusal = Refusal::new(Reason::RequestObjectAudienceMismatch);
            Err(refusal.with_value(&audience.to_string()))
        }
        _ => Ok(()),
    }
}

/// Checks `exp`, `nbf` and `iat`, RFC 7519 §4.1.4 and §4.1.5.
#[expect(clippy::cast_precision_loss, reason = "seconds of this era fit")]
fn check_times(own: &OwnClaims, is_strict: bool, now: i64) -> Result<(), Refusal> {
    let ahead = |instant: f64| instant > (now + SKEW_SECONDS) as f64;
    if own.exp.is_some_and(|exp| exp <= now as f64) {
        return Err(Reason::RequestObjectExpired.into());
    }
    if own.nbf.is_some_and(ahead) || own.iat.is_some_and(ahead) {
        return Err(Reason::RequestObjectNotYetValid.into());
    }
    match (own.nbf, own.exp) {
        (Some(nbf), Some(exp)) if is_strict && exp - nbf > LONGEST_LIFE as f64 => {
            Err(Reason::RequestObjectLifetimeTooLong.into())
        }
        (Some(_), Some(_)) => Ok(()),
        _ if is_strict => Err(Reason::RequestObjectClaimMissing.into()),
        _ => Ok(()),
    }
}

/// The parameters as a form. What is an object or a list there is JSON in a form, too.
pub fn form_of(members: Map<String, Value>) -> Result<Form, Refusal> {
    // RFC 9101 §4: no object stands in another one.
    if members.contains_key("request") || members.contains_key("request_uri") {
        return Err(Reason::RequestObjectNested.into());
    }
    let mut fields = Vec::new();
    for (name, value) in members {
        if OWN.contains(&name.as_str()) || value.is_null() {
            continue;
        }
        match value {
            Value::String(text) => fields.push((name, text)),
            // RFC 8707 §2: there may be several resources.
            Value::Array(several) if name == "resource" => {
                for one in several {
                    let Value::String(one) = one else {
                        return Err(Reason::RequestObjectMalformed.into());
                    };
                    fields.push((name.clone(), one));
                }
            }
            other => fields.push((name, other.to_string())),
        }
    }
    Form::of(fields).map_err(|bad| Reason::from(bad).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reason(result: Result<(), Refusal>) -> Option<Reason> {
        result.err().map(|refusal| refusal.reason)
    }

    fn own(claims: &Value) -> OwnClaims {
        OwnClaims::deserialize(claims).unwrap()
    }

    #[test]
    fn rfc9101_4_times_are_checked_where_they_are_sent_and_needed_where_signing_is() {
        const NOW: i64 = 1_000_000;
        for (claims, lax, strict) in [
            (json!({}), None, Some(Reason::RequestObjectClaimMissing)),
            (json!({ "exp": NOW + 60 }), None, Some(Reason::RequestObjectClaimMissing)),
            (json!({ "nbf": NOW }), None, Some(Reason::RequestObjectClaimMissing)),
            (json!({ "exp": NOW + 60, "nbf": NOW }), None, None),
            (json!({ "exp": NOW + 60, "nbf": NOW + 8 }), None, None),
            (json!({ "exp": NOW + 3600, "nbf": NOW }), None, None),
            (
                json!({ "exp": NOW + 3601, "nbf": NOW }),
                None,
                Some(Reason::RequestObjectLifetimeTooLong),
            ),
            (
                json!({ "exp": NOW + 60, "nbf": NOW - 3660 }),
                None,
                Some(Reason::RequestObjectLifetimeTooLong),
            ),
            (
                json!({ "exp": NOW, "nbf": NOW }),
                Some(Reason::RequestObjectExpired),
                Some(Reason::RequestObjectExpired),
            ),
            (
                json!({ "exp": NOW + 99, "nbf": NOW + 61 }),
                Some(Reason::RequestObjectNotYetValid),
                Some(Reason::RequestObjectNotYetValid),
            ),
            (
                json!({ "exp": NOW + 99, "nbf": NOW, "iat": NOW + 61 }),
                Some(Reason::RequestObjectNotYetValid),
                Some(Reason::RequestObjectNotYetValid),
            ),
        ] {
            assert_eq!(reason(check_times(&own(&claims), false, NOW)), lax, "{claims}");
            assert_eq!(reason(check_times(&own(&claims), true, NOW)), strict, "{claims}");
        }
    }

    #[test]
    fn rfc9101_6_3_parameters_are_what_stands_inside() {
        let members = json!({
            "iss": "app", "aud": "x", "exp": 1, "scope": "openid", "max_age": 60, "nonce": null,
            "claims": { "id_token": { "acr": null } }, "resource": ["https://a", "https://b"],
        });
        let form = form_of(members.as_object().cloned().unwrap()).unwrap();
        assert_eq!(form.get("scope"), Some("openid"));
        assert_eq!(form.get("max_age"), Some("60"));
        assert_eq!(form.get("claims"), Some(r#"{"id_token":{"acr":null}}"#));
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["https://a", "https://b"]);
        for absent in ["iss", "aud", "exp", "nonce"] {
            assert!(!form.names(absent), "{absent}");
        }
        for nested in ["request", "request_uri"] {
            let members = json!({ nested: "x" }).as_object().cloned().unwrap();
            assert_eq!(
                form_of(members).err().map(|refusal| refusal.reason),
                Some(Reason::RequestObjectNested)
            );
        }
    }
}
