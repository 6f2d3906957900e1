use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::facts::{
    ClientFact, Facts, FamilyFact, KeyDates, KeyFact, KeyState, KnownKey, PersonFact, Registered,
    RegisteredAudience, RegisteredClient, StatusFact, ToldRevocation,
};
use super::presented::Presented;
use super::step::Check;
use super::{Explanation, explain};
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;

const ISSUER: &str = "https://id.example.com";
const API: &str = "https://api.example.com";
const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(NOW + seconds, 0).unwrap()
}

fn header() -> Value {
    json!({ "alg": "RS256", "kid": "k1", "typ": "at+jwt" })
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "u", "aud": API, "exp": NOW + 600, "nbf": NOW, "iat": NOW,
        "jti": "j", "client_id": "app", "scope": "openid read", "sid": "s",
    })
}

fn token(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", encode(header), encode(claims))
}

/// The value with these members replaced; `null` removes one.
fn with(mut value: Value, change: &Value) -> Value {
    let members = value.as_object_mut().unwrap();
    for (name, new) in change.as_object().unwrap() {
        if new.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), new.clone());
        }
    }
    value
}

fn signing() -> KnownKey {
    let dates = KeyDates { published_at: at(-9000), signs_from: at(-1000), published_until: None };
    KnownKey {
        alg: Some("RS256".to_owned()),
        state: KeyState::Signing,
        has_signed: true,
        dates: Some(dates),
    }
}

fn client() -> RegisteredClient {
    RegisteredClient {
        id: "app".to_owned(),
        disabled_at: None,
        audiences: vec![API.to_owned()],
        scope: Scope::parse("openid read").unwrap(),
        typ: "at+jwt".to_owned(),
    }
}

fn registered() -> Registered {
    Registered {
        audiences: vec![RegisteredAudience {
            audience: API.to_owned(),
            clients: vec!["app".to_owned()],
            resource_servers: vec!["orders".to_owned()],
        }],
        resource_server: None,
        client: ClientFact::Known(client()),
        person: PersonFact::Known { disabled_at: None, deletion_at: None },
        family: FamilyFact::Known { revoked_at: None, by: None },
        revoked: None,
        told: Vec::new(),
        is_admitted: true,
    }
}

fn facts() -> Facts {
    Facts {
        now: at(60),
        issuer: ISSUER.to_owned(),
        published_issuer: None,
        resource: Some(API.to_owned()),
        key: KeyFact::Known(signing()),
        status: StatusFact::NotNamed,
        registered: Some(registered()),
    }
}

fn of(text: &str, change: impl FnOnce(&mut Facts)) -> Explanation {
    let mut facts = facts();
    change(&mut facts);
    explain(&Presented::read(text), &facts)
}

/// The check that fails first, with its reason; its words contain this text.
#[track_caller]
fn fails(found: &Explanation, check: Check, reason: Reason, words: &str) {
    let first = found.steps.iter().find(|step| step.reason.is_some());
    let first = first.unwrap_or_else(|| panic!("{reason} is found: {found:#?}"));
    assert_eq!((first.check, first.reason), (check, Some(reason)), "{found:#?}");
    assert!(first.says.contains(words), "{words}: {first:?}");
    assert!(!found.is_good() && !found.mend().is_empty() && !found.mend().contains('\n'));
}

#[track_caller]
fn holds(found: &Explanation, check: Check, words: &str) {
    assert!(found.is_good(), "{found:#?}");
    let step = found.steps.iter().find(|step| step.check == check).expect("a step");
    assert!(step.says.contains(words), "{words}: {step:?}");
}

#[test]
fn a_good_token_passes_every_check_in_the_order_of_a_verifier() {
    let found = of(&token(&header(), &claims()), |_| {});
    let checks: Vec<_> = found.steps.iter().map(|step| step.check.as_str()).collect();
    let order = [
        "shape", "header", "key", "issuer", "audience", "times", "scope", "binding", "revoked",
        "typ",
    ];
    assert_eq!(checks, order);
    assert!(found.steps.is_sorted_by_key(|step| step.check));
    for (check, words) in [
        (Check::Key, "k1 made the signature; it signs: published since"),
        (Check::Issuer, "byte for byte"),
        (Check::Audience, "is meant"),
        (Check::Times, "(in 9 minutes)"),
        (Check::Scope, "openid read"),
        (Check::Binding, "whoever has the token"),
        (Check::Revoked, "not revoked"),
        (Check::Typ, "at+jwt"),
    ] {
        holds(&found, check, words);
    }
    assert!(found.mend().starts_with("nothing"));
}

#[test]
fn what_is_pasted_in_place_of_an_access_token_is_said() {
    let id_token = json!({ "iss": ISSUER, "aud": "app", "at_hash": "x", "exp": NOW + 600, "client_id": null, "scope": null });
    let id_token = token(&with(header(), &json!({ "typ": "JWT" })), &with(claims(), &id_token));
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let logout = with(claims(), &json!({ "events": event }));
    let cases = [
        ("mapae_rt_abc".to_owned(), Reason::TokenIsRefreshToken, "refresh token of this server"),
        ("mapae_ac_abc".to_owned(), Reason::TokenIsCode, "authorization code"),
        ("mapae_cs_abc".to_owned(), Reason::TokenIsSecret, "secret of a client"),
        ("mapae_ml_abc".to_owned(), Reason::TokenIsSecret, "another secret"),
        (id_token, Reason::TokenIsIdToken, "this is an ID token"),
        (
            token(&with(header(), &json!({ "typ": "logout+jwt" })), &claims()),
            Reason::TokenIsLogoutToken,
            "logout token",
        ),
        (logout.to_string(), Reason::TokenIsLogoutToken, "logout token"),
        ("hello".to_owned(), Reason::TokenMalformed, "1 part"),
        ("a.b.c.d.e".to_owned(), Reason::TokenEncrypted, "5 parts"),
        (
            "{\"iss\":\"a\",\"iss\":\"b\"}".to_owned(),
            Reason::TokenMemberRepeated,
            "iss is repeated",
        ),
    ];
    for (text, reason, words) in cases {
        fails(&of(&text, |_| {}), Check::Shape, reason, words);
        let found = of(&format!("Bearer {text}"), |_| {});
        fails(&found, Check::Shape, reason, "`Bearer ` in front was taken off");
    }
    let found = of(&format!("Bearer {}", token(&header(), &claims())), |_| {});
    holds(&found, Check::Shape, "`Bearer ` in front was taken off");
}

/// What is changed in header and claims, the check that fails, its reason, and words of it.
type Case = (Value, Value, Check, Reason, &'static str);

fn none() -> Value {
    json!({})
}

fn fail_as_said(cases: Vec<Case>) {
    for (head, body, check, reason, words) in cases {
        let text = token(&with(header(), &head), &with(claims(), &body));
        fails(&of(&text, |_| {}), check, reason, words);
    }
}

#[test]
fn each_wrong_header_and_issuer_has_its_reason() {
    fail_as_said(vec![
        (json!({ "alg": "none" }), none(), Check::Header, Reason::TokenUnsigned, "none"),
        (json!({ "alg": "nOnE" }), none(), Check::Header, Reason::TokenUnsigned, "none"),
        (json!({ "alg": "HS256" }), none(), Check::Header, Reason::TokenAlgUnsupported, "HS256"),
        (json!({ "alg": "RS512" }), none(), Check::Header, Reason::TokenAlgUnsupported, "RS512"),
        (json!({ "alg": null }), none(), Check::Header, Reason::TokenAlgUnsupported, "no alg"),
        (json!({ "crit": ["x"] }), none(), Check::Header, Reason::TokenCritUnsupported, "x"),
        (json!({ "kid": null }), none(), Check::Key, Reason::TokenKeyUnknown, "names no key"),
        (json!({ "alg": "ES256" }), none(), Check::Key, Reason::TokenAlgMismatch, "for RS256"),
        (
            none(),
            json!({ "iss": format!("{ISSUER}/") }),
            Check::Issuer,
            Reason::TokenIssuerMismatch,
            "the token has a slash at the end",
        ),
        (
            none(),
            json!({ "iss": "https://id.example.org" }),
            Check::Issuer,
            Reason::TokenIssuerMismatch,
            "up to byte 19",
        ),
        (
            none(),
            json!({ "iss": null }),
            Check::Issuer,
            Reason::TokenIssuerMismatch,
            "there is no iss",
        ),
    ]);
}

#[test]
fn each_wrong_claim_has_its_reason() {
    fail_as_said(vec![
        (none(), json!({ "aud": null }), Check::Audience, Reason::TokenAudienceMissing, "no aud"),
        (none(), json!({ "aud": 7 }), Check::Audience, Reason::TokenAudienceMissing, "no aud"),
        (none(), json!({ "aud": [] }), Check::Audience, Reason::TokenAudienceMissing, "no aud"),
        (
            none(),
            json!({ "aud": "other" }),
            Check::Audience,
            Reason::TokenAudienceMismatch,
            "other",
        ),
        (
            none(),
            json!({ "aud": format!("{API}/") }),
            Check::Audience,
            Reason::TokenAudienceMismatch,
            "slash",
        ),
        (none(), json!({ "exp": NOW + 60 }), Check::Times, Reason::TokenExpired, "(0 seconds ago)"),
        (
            none(),
            json!({ "exp": NOW - 86_400 }),
            Check::Times,
            Reason::TokenExpired,
            "(24 hours ago)",
        ),
        (none(), json!({ "exp": null }), Check::Times, Reason::TokenTimesMalformed, "no exp"),
        (none(), json!({ "exp": "soon" }), Check::Times, Reason::TokenTimesMalformed, "soon"),
        (none(), json!({ "exp": 1e300 }), Check::Times, Reason::TokenTimesMalformed, "exp"),
        (
            none(),
            json!({ "nbf": NOW + 90 }),
            Check::Times,
            Reason::TokenNotYetValid,
            "clock differs by 30 seconds",
        ),
        (
            none(),
            json!({ "nbf": null, "iat": NOW + 61 }),
            Check::Times,
            Reason::TokenNotYetValid,
            "(iat)",
        ),
        (none(), json!({ "scope": ["a"] }), Check::Scope, Reason::TokenScopeMalformed, "scope"),
        (none(), json!({ "scope": "a\"b" }), Check::Scope, Reason::TokenScopeMalformed, "scope"),
        (none(), json!({ "cnf": { "x": 1 } }), Check::Binding, Reason::TokenProofMissing, "nobody"),
        (json!({ "typ": null }), none(), Check::Typ, Reason::TokenTypMismatch, "no typ"),
        (json!({ "typ": "JWT" }), none(), Check::Typ, Reason::TokenTypMismatch, "typ is JWT"),
        (none(), json!({ "jti": null }), Check::Typ, Reason::TokenClaimMissing, "jti"),
    ]);
}

#[test]
fn what_is_allowed_is_good() {
    for good in
        [json!({ "aud": ["x", API] }), json!({ "exp": 1.8e9 + 61.5 }), json!({ "nbf": null })]
    {
        assert!(of(&token(&header(), &with(claims(), &good)), |_| {}).is_good(), "{good}");
    }
    let typ = json!({ "typ": "application/AT+JWT" });
    assert!(of(&token(&with(header(), &typ), &claims()), |_| {}).is_good());
    let embedded = with(header(), &json!({ "jwk": {}, "jku": "https://evil.example" }));
    holds(&of(&token(&embedded, &claims()), |_| {}), Check::Header, "jwk and jku brings along");
}

#[test]
fn each_state_of_a_key_is_named() {
    let text = token(&header(), &claims());
    let unknown = |dropped_at, made_at| KeyFact::Unknown {
        published: vec!["k2".to_owned()],
        dropped_at,
        made_at,
    };
    for (fact, reason, words) in [
        (unknown(None, None), Reason::TokenKeyUnknown, "not one of the published keys: k2"),
        (unknown(Some(at(0)), Some(at(-9))), Reason::TokenKeyDropped, "(1 minute ago)"),
        (unknown(None, Some(at(-9))), Reason::TokenKeyUnpublished, "is forgotten"),
        (
            KeyFact::Known(KnownKey { state: KeyState::Remembered, ..signing() }),
            Reason::TokenKeyUnpublished,
            "no longer published",
        ),
        (
            KeyFact::Known(KnownKey { has_signed: false, ..signing() }),
            Reason::TokenSignatureInvalid,
            "did not sign",
        ),
    ] {
        fails(&of(&text, |facts| facts.key = fact), Check::Key, reason, words);
    }
    for (state, words) in [
        (KeyState::Pending, "does not sign yet"),
        (KeyState::Retiring, "signs no more"),
        (KeyState::Published, "in the JWKS"),
    ] {
        let key = KeyFact::Known(KnownKey { state, ..signing() });
        holds(&of(&text, |facts| facts.key = key), Check::Key, words);
    }
    let unsigned = text.trim_end_matches("c2ln");
    fails(&of(unsigned, |_| {}), Check::Key, Reason::TokenSignatureInvalid, "no signature");
}

#[test]
fn what_ended_a_token_is_named_with_its_time() {
    type Change = fn(&mut Registered);
    let text = token(&header(), &claims());
    let cases: &[(Change, Reason, &str)] = &[
        (|all| all.revoked = Some(Some(at(0))), Reason::TokenRevoked, "itself was revoked at 2027"),
        (|all| all.revoked = Some(None), Reason::TokenRevoked, "itself was revoked"),
        (
            |all| {
                all.family = FamilyFact::Known {
                    revoked_at: Some(at(0)),
                    by: Some("refresh.reused".to_owned()),
                };
            },
            Reason::TokenSessionEnded,
            "was ended by refresh.reused at 2027",
        ),
        (|all| all.family = FamilyFact::Unknown, Reason::TokenSessionUnknown, "no session"),
        (
            |all| all.client = ClientFact::Unknown { deleted_at: Some(at(0)) },
            Reason::TokenClientUnknown,
            "was deleted at",
        ),
        (
            |all| all.client = ClientFact::Unknown { deleted_at: None },
            Reason::TokenClientUnknown,
            "no such client",
        ),
        (
            |all| {
                all.client =
                    ClientFact::Known(RegisteredClient { disabled_at: Some(at(0)), ..client() });
            },
            Reason::TokenClientDisabled,
            "app was disabled at",
        ),
        (
            |all| {
                all.person = PersonFact::Known { disabled_at: Some(at(0)), deletion_at: None };
            },
            Reason::TokenPersonDisabled,
            "its person was disabled at",
        ),
        (
            |all| {
                all.person = PersonFact::Known { disabled_at: None, deletion_at: Some(at(9999)) };
            },
            Reason::TokenPersonDisabled,
            "asked to be deleted",
        ),
        (|all| all.person = PersonFact::Unknown, Reason::TokenPersonUnknown, "is gone"),
        (|all| all.is_admitted = false, Reason::TokenSignInRefused, "is closed now"),
    ];
    for (change, reason, words) in cases {
        let found = of(&text, |facts| change(facts.registered.as_mut().unwrap()));
        fails(&found, Check::Revoked, *reason, words);
    }
    // All of them are told; the first one is the reason.
    let found = of(&text, |facts| {
        let all = facts.registered.as_mut().unwrap();
        all.revoked = Some(None);
        all.person = PersonFact::Unknown;
    });
    fails(&found, Check::Revoked, Reason::TokenRevoked, "; the account of its person is gone");
}

#[test]
fn what_happened_after_the_instant_that_is_asked_about_does_not_count_for_it() {
    let text = token(&header(), &claims());
    let found = of(&text, |facts| {
        facts.registered.as_mut().unwrap().revoked = Some(Some(at(61)));
    });
    holds(&found, Check::Revoked, "later the token itself was revoked");
    let found = of(&text, |facts| {
        facts.now = at(61);
        facts.registered.as_mut().unwrap().revoked = Some(Some(at(61)));
    });
    fails(&found, Check::Revoked, Reason::TokenRevoked, "(0 seconds ago)");
}

#[test]
fn the_audience_is_compared_with_what_is_registered() {
    let text = token(&header(), &claims());
    let asked = |resource: &str, change: fn(&mut Registered)| {
        of(&text, |facts| {
            facts.resource = Some(resource.to_owned());
            change(facts.registered.as_mut().unwrap());
        })
    };
    let found = asked("https://api.example.con", |_| {});
    let words = "no client is registered for it, is https://api.example.com meant?";
    fails(&found, Check::Audience, Reason::TokenAudienceMismatch, words);
    assert!(
        found
            .mend()
            .starts_with("`mapae client update --id app --audience https://api.example.con`")
    );
    // A client stands for the audiences whose resource server it is.
    holds(
        &asked("orders", |all| all.resource_server = Some(vec![API.to_owned()])),
        Check::Audience,
        "orders is meant",
    );
    let found = asked("orders", |all| all.resource_server = Some(Vec::new()));
    fails(&found, Check::Audience, Reason::TokenAudienceMismatch, "is no resource server");
    let other = token(&header(), &with(claims(), &json!({ "aud": "https://other.example" })));
    let found = of(&other, |_| {});
    fails(&found, Check::Audience, Reason::TokenAudienceMismatch, "registered for: app");
    assert_eq!(
        found.mend(),
        format!("let the app send `resource={API}` with its request for a token")
    );
    // Without a resource server the audience is shown and not judged.
    holds(
        &of(&other, |facts| facts.resource = None),
        Check::Audience,
        "no client is registered for https://other.example; not judged",
    );
}

#[test]
fn a_bound_token_that_was_sent_as_bearer_is_refused() {
    let bound = token(&header(), &with(claims(), &json!({ "cnf": { "jkt": "thumb" } })));
    let found = of(&format!("Bearer {bound}"), |_| {});
    fails(&found, Check::Binding, Reason::TokenProofMissing, "thumb");
    holds(&of(&format!("DPoP {bound}"), |_| {}), Check::Binding, "cannot be seen here");
    holds(&of(&bound, |_| {}), Check::Binding, "thumb");
    let mtls = token(&header(), &with(claims(), &json!({ "cnf": { "x5t#S256": "cert" } })));
    holds(&of(&mtls, |_| {}), Check::Binding, "client certificate cert");
}

#[test]
fn a_client_that_is_registered_for_the_old_type_has_good_tokens_of_it() {
    let text = token(&with(header(), &json!({ "typ": "JWT" })), &claims());
    let found = of(&text, |facts| {
        let client = RegisteredClient { typ: "JWT".to_owned(), ..client() };
        facts.registered.as_mut().unwrap().client = ClientFact::Known(client);
    });
    holds(&found, Check::Typ, "as its client is registered");
}

#[test]
fn without_the_database_and_without_a_header_it_says_what_is_not_known() {
    let found = of(&token(&header(), &claims()), |facts| {
        facts.registered = None;
        facts.published_issuer = Some("https://elsewhere.example".to_owned());
    });
    holds(&found, Check::Revoked, "not known");
    holds(&found, Check::Issuer, "the metadata there say that the issuer is https://elsewhere");
    let found = of(&claims().to_string(), |facts| facts.key = KeyFact::NotNamed);
    holds(&found, Check::Key, "not checked");
    holds(&found, Check::Typ, "not checked");
    assert!(found.mend().contains("give the whole token"));
}

#[test]
fn a_scope_without_a_word_is_told_as_none() {
    for members in [json!({ "scope": "" }), json!({ "scope": null })] {
        let mut claims = with(claims(), &members);
        if claims["scope"].is_null() {
            claims.as_object_mut().unwrap().remove("scope");
        }
        holds(&of(&token(&header(), &claims), |_| {}), Check::Scope, "there is none");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(json!(ISSUER)),
        Just(json!(API)),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_the_members_are_the_first_failing_check_is_the_reason(
        names in prop::collection::vec((0_usize..16, any_json()), 0..4),
        behind in -100_000_i64..100_000,
    ) {
        const NAMES: [&str; 16] = [
            "alg", "kid", "typ", "crit", "iss", "aud", "exp", "nbf", "iat", "jti", "sub",
            "client_id", "scope", "cnf", "sid", "events",
        ];
        let (mut head, mut body) = (header(), claims());
        for (name, value) in names {
            let target = if name < 4 { &mut head } else { &mut body };
            target[NAMES[name]] = value;
        }
        let found = of(&token(&head, &body), |facts| facts.now += Duration::seconds(behind));
        prop_assert_eq!(found.steps.len(), 10);
        let first = found.steps.iter().find_map(|step| step.reason);
        prop_assert_eq!(found.reason(), first);
        prop_assert_eq!(found.is_good(), first.is_none());
        prop_assert!(found.steps.iter().all(|step| !step.says.is_empty()));
        prop_assert!(!found.mend().contains('\n'));
    }
}

/// Whatever the database says, the list counts for who verifies alone.
#[test]
fn status_list_8_3_what_the_status_list_and_the_feed_say_counts() {
    let listed = |revoked, as_of| StatusFact::Listed {
        list: format!("{ISSUER}/status/3"),
        index: 7,
        revoked,
        as_of,
    };
    let text = token(&header(), &claims());
    let alone = |status: StatusFact| {
        of(&text, |facts| {
            facts.status = status;
            facts.registered = None;
        })
    };
    let with = |status: StatusFact| of(&text, |facts| facts.status = status);
    let by_status = Reason::TokenRevokedByStatus;
    for explained in [&alone as &dyn Fn(StatusFact) -> Explanation, &with] {
        let set = explained(listed(Some(None), at(30)));
        fails(&set, Check::Revoked, by_status, "revoked by status: place 7 of");
        let since = explained(listed(Some(Some(at(60))), at(60)));
        fails(&since, Check::Revoked, by_status, "is set since 2027");
        let gone = explained(StatusFact::Nowhere("there is no list 9".to_owned()));
        fails(&gone, Check::Revoked, Reason::TokenStatusUnknown, "no list 9");
        holds(&explained(listed(None, at(60))), Check::Revoked, "not revoked by status");
        holds(&explained(listed(Some(Some(at(61))), at(90))), Check::Revoked, "later revoked by");
        holds(&explained(listed(Some(None), at(90))), Check::Revoked, "the list does not say");
        let away = StatusFact::NotAsked("it answers 503".to_owned());
        holds(&explained(away), Check::Revoked, "was not read, so it is not known here");
    }
    holds(&alone(StatusFact::NotNamed), Check::Revoked, "not known: the token names no place");
    let told = |seconds| {
        of(&text, |facts| {
            let registered = facts.registered.as_mut().unwrap();
            registered.told.push(ToldRevocation { kind: "client_id", at: at(seconds) });
        })
    };
    fails(&told(60), Check::Revoked, Reason::TokenRevoked, "tells of its client_id at 2027");
    holds(&told(61), Check::Revoked, "later the feed of revocations tells");
    // What ended the token is named first.
    let both = of(&text, |facts| {
        facts.status = listed(Some(Some(at(10))), at(60));
        facts.registered.as_mut().unwrap().family =
            FamilyFact::Known { revoked_at: Some(at(10)), by: None };
    });
    fails(&both, Check::Revoked, Reason::TokenSessionEnded, "; revoked by status: place 7");
}
