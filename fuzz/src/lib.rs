//! What is fed with bytes of strangers: one function for each parser. Each checks what must hold
//! whatever the bytes are. `cargo fuzz` calls these functions, and `tests/it/fuzz.rs` calls them with
//! the kept corpus and with changed copies of it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use mapae::clients::{documents, sector};
use mapae::domain::address::{self, TrustedProxies};
use mapae::domain::client::{AuthMethod, ClientKind};
use mapae::domain::client_document::{UnknownGrants, of_app};
use mapae::domain::clock;
use mapae::domain::device_grant::UserCode;
use mapae::domain::distinguished_name::DistinguishedName;
use mapae::domain::dpop::{Thumbprint, normal_uri};
use mapae::domain::foreign_hash::{self, FirebaseConfig, ForeignHash, ReadHash};
use mapae::domain::form::Form;
use mapae::domain::grant_type::GrantType;
use mapae::domain::hex;
use mapae::domain::language::Language;
use mapae::domain::locale;
use mapae::domain::pkce;
use mapae::domain::redirect_uri;
use mapae::domain::refresh::ParsedRefreshToken;
use mapae::domain::requested_claims::RequestedClaims;
use mapae::domain::revocation::Cursor;
use mapae::domain::scim::bulk::{self, Made};
use mapae::domain::scim::filter::Filter;
use mapae::domain::scim::patch;
use mapae::domain::scim::path::Path;
use mapae::domain::scim::person::WantedPerson;
use mapae::domain::scim::schema::ResourceType;
use mapae::domain::scope::Scope;
use mapae::domain::secret::Plain;
use mapae::domain::shown_certificates::{self, LONGEST, MOST};
use mapae::domain::token_explanation::explain;
use mapae::domain::token_explanation::facts::{Facts, KeyFact, Registered, StatusFact};
use mapae::domain::token_explanation::presented::Presented as Pasted;
use mapae::domain::trace::TraceParent;
use mapae::keys::certificates::ClientCertificate;
use mapae::keys::client_keys::ClientKeys;
use mapae::keys::dpop::{Expected, KnownKeys, verify_proof};
use mapae::keys::jwt;
use mapae::oauth::authorize::object;
use mapae::oauth::client_auth::Credentials;
use mapae::oauth::status::feed;
use mapae::oauth::status::lists::status_in;
use mapae::social;
use mapae::web::cookies;
use mapae_verify::{Fetch, Fetching, Presented, Verifier, unverified};
use serde_json::{Value, json};
use url::{Position, Url, form_urlencoded};

/// A function that takes whatever comes.
pub type Target = fn(&[u8]);

/// Every target by its name, which is the name of its folder in `corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("accept_language", accept_language),
    ("assertion", assertion),
    ("basic", basic),
    ("claims", claims),
    ("client_cert", client_cert),
    ("client_document", client_document),
    ("cookies", cookies),
    ("cursor", cursor),
    ("distinguished_name", distinguished_name),
    ("dpop", dpop),
    ("foreign_hash", foreign_hash),
    ("form", form),
    ("forwarded_for", forwarded_for),
    ("issuer_keys", issuer_keys),
    ("jwt", jwt),
    ("pasted_token", pasted_token),
    ("provider_answer", provider_answer),
    ("redirect_uri", redirect_uri),
    ("registration", registration),
    ("request_object", request_object),
    ("revocation_feed", revocation_feed),
    ("scim_bulk", scim_bulk),
    ("scim_filter", scim_filter),
    ("scim_patch", scim_patch),
    ("scim_path", scim_path),
    ("sector", sector),
    ("status_list", status_list),
    ("traceparent", traceparent),
    ("verified_token", verified_token),
    ("words", words),
];

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// `Accept-Language`, and the tags of `ui_locales`.
pub fn accept_language(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let chosen = [
        Language::choose(None, None, Some(text)),
        Language::choose(Some(text), None, None),
        Language::choose(None, Some(text), None),
    ];
    for language in chosen {
        assert_eq!(Language::of_tag(language.as_str()), Some(language));
    }
}

/// A client assertion in a form.
pub fn assertion(data: &[u8]) {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair(
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )
        .append_pair("client_assertion", &String::from_utf8_lossy(data))
        .finish();
    let Ok(form) = Form::parse(body.as_bytes()) else { return };
    if let Ok(credentials) = Credentials::read(&[], &form) {
        let _ = credentials.client();
    }
}

/// The header `Authorization` with HTTP Basic.
pub fn basic(data: &[u8]) {
    if let Ok(credentials) = Credentials::read(&[data], &Form::default()) {
        let client = credentials.client().expect("Basic names a client");
        assert!(!client.as_str().is_empty() && !client.as_str().contains(char::is_control));
    }
}

/// The parameter `claims`.
pub fn claims(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(claims) = RequestedClaims::parse(text, |name| name != "unknown") else { return };
    assert!(claims.names().all(|name| name != "unknown"));
    // It is kept with the request.
    let kept = serde_json::to_string(&claims).expect("JSON");
    assert_eq!(serde_json::from_str::<RequestedClaims>(&kept).expect("as written"), claims);
}

/// The headers of a proxy that hands a client certificate on, and the certificate itself.
pub fn client_cert(data: &[u8]) {
    if let Ok(certificate) = ClientCertificate::read(&[data.to_vec()]) {
        assert!(Thumbprint::parse(certificate.thumbprint().as_str()).is_some());
        let subject = certificate.subject();
        if !subject.is_empty() && subject.to_string().len() < 2048 {
            assert_eq!(DistinguishedName::parse(&subject.to_string()).as_ref(), Ok(subject));
        }
    }
    let Some(text) = text(data) else { return };
    if let Some(bytes) = shown_certificates::item(text) {
        assert!(bytes.len() <= LONGEST);
        let _ = ClientCertificate::read(&[bytes]);
    }
    if let Some(chain) = shown_certificates::list(text) {
        assert!(chain.len() <= MOST && chain.iter().all(|one| one.len() <= LONGEST));
    }
}

/// The name of a certificate as text.
pub fn distinguished_name(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(name) = DistinguishedName::parse(text) else { return };
    // What is written may be longer than what is read.
    let written = name.to_string();
    if written.len() <= 2048 {
        assert_eq!(DistinguishedName::parse(&written), Ok(name));
    }
}

/// The header `Cookie`.
pub fn cookies(data: &[u8]) {
    let mut headers = http::HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(value) = http::HeaderValue::from_bytes(line) else { return };
        headers.append(http::header::COOKIE, value);
    }
    if let Some(value) = cookies::read(&headers, "a") {
        assert!(!value.is_empty() && !value.contains(';') && value.trim() == value);
    }
}

/// A proof of possession, and the address that it names on the first line.
pub fn dpop(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (uri, proof) = text.split_once('\n').unwrap_or(("", text));
    if let Some(normal) = normal_uri(uri) {
        assert_eq!(normal_uri(&normal).as_ref(), Some(&normal), "{uri:?}");
        assert!(!normal.contains(['?', '#']), "{normal:?}");
    }
    let (now, known) = (clock::from_millis(1_800_000_000_000), KnownKeys::default());
    for access_token in [None, Some("token")] {
        let uri = "https://id.example.com/token";
        let expected = Expected {
            method: "POST",
            uri,
            alias: None,
            access_token,
            nonces: None,
            known: &known,
        };
        if let Ok(proof) = verify_proof(proof, &expected, now) {
            assert!(Thumbprint::parse(proof.key.as_str()).is_some());
        }
    }
}

/// A place in the feed of revocations, and how long a follower waits.
pub fn cursor(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Some(cursor) = Cursor::parse(text) {
        assert_eq!(cursor.to_string(), text, "one place has one text");
        assert!(feed::cursor(text).is_ok());
    }
    if let Ok(wait) = feed::wait(Some(text)) {
        assert!(wait.as_secs() <= 30);
    }
}

/// A password hash that another program made, in a row of an import. What is taken is stored as it was
/// read, and never costs more than a check may.
pub fn foreign_hash(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let _ = FirebaseConfig::read(text);
    match foreign_hash::read(text) {
        Ok(ReadHash::Strong(hash)) => {
            let stored = hash.stored();
            assert_eq!(ForeignHash::of_stored(&stored), Some(Ok(hash.clone())), "{text:?}");
            assert_eq!(ForeignHash::work_of_stored(&stored), Some(hash.work()));
            assert_eq!(hash.clone().checked(), Ok(hash), "{text:?}");
        }
        Ok(ReadHash::Weak(weak)) => assert!(weak.salt.len() <= 256 && weak.output.len() <= 256),
        Err(_) => {}
    }
    // Neither a hash of our own nor another text is taken for one that is stored.
    if let Some(Ok(hash)) = ForeignHash::of_stored(text) {
        let _ = (hash.work(), hash.checked());
    }
}

/// A client ID metadata document. What is read has no right that only an operator gives, and sends
/// people nowhere but to a redirect URI that may be registered.
pub fn client_document(data: &[u8]) {
    const URL: &str = "https://app.example/client.json";
    let Ok((read, _)) = documents::parse(URL, data, false) else { return };
    let kind = match read.token_endpoint_auth_method {
        AuthMethod::None => ClientKind::Public,
        AuthMethod::PrivateKeyJwt => ClientKind::Confidential,
        other => panic!("{other:?}"),
    };
    assert!(!read.redirect_uris.is_empty());
    assert!(read.redirect_uris.iter().all(|uri| redirect_uri::check(uri, kind).is_ok()));
    assert!(!read.first_party && !read.trust_user_ip && read.resource_servers.is_empty());
    assert!(read.claims.is_empty() && read.allowed_origins.is_empty());
    assert!(read.grant_types.iter().all(|grant| GrantType::OF_UNVOUCHED.contains(grant)));
    assert_eq!(read.scope.to_string(), "email offline_access openid profile");
}

/// The body of a form. What we accept means the same as it does to browsers.
pub fn form(data: &[u8]) {
    for form in [Form::parse(data), Form::parse_at_token(data)].into_iter().flatten() {
        for (name, value) in form_urlencoded::parse(data) {
            // RFC 6749 §3.1: a parameter without a value counts as left out.
            if !value.is_empty() {
                assert!(form.all(&name).any(|ours| ours == value), "{name}={value}");
            }
        }
    }
}

/// The header `X-Forwarded-For`.
pub fn forwarded_for(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let peer: IpAddr = [10, 0, 0, 1].into();
    let trusted = ["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().expect("a network"));
    let client = TrustedProxies(trusted.to_vec()).client(peer, Some(text)).client;
    assert_eq!(client, client.to_canonical());
    assert!(!address::neighbourhood(client).is_empty());
    // Whoever is not a trusted proxy is believed nothing.
    assert_eq!(TrustedProxies::default().client(peer, Some(text)).client, peer);
}

/// Signed tokens.
pub fn jwt(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let _ = jwt::header(text);
    if jwt::unverified::<Value>(text).is_ok() {
        assert_eq!(text.split('.').count(), 3);
    }
    assert!(ClientKeys::default().verify::<Value>(text).is_err(), "no key has signed it");
}

/// The claims of a request object, or an object as it is sent. The parameters in it are those of the
/// request, and nothing else is.
pub fn request_object(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if object::check_header(text).is_ok() {
        assert!(!text.is_empty());
    }
    let Ok(Value::Object(members)) = serde_json::from_str(text) else { return };
    let Ok(form) = object::form_of(members.clone()) else { return };
    for name in ["request", "request_uri", "iss", "aud", "exp", "nbf", "iat", "jti"] {
        assert!(!form.names(name), "{name}");
    }
    for (name, value) in &members {
        if let (Some(ours), Value::String(text)) = (form.get(name), value) {
            assert_eq!(ours, text, "{name}");
        }
    }
}

/// What a developer pastes in place of an access token. Nothing without a good signature is good.
pub fn pasted_token(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let presented = Pasted::read(text);
    let facts = Facts {
        now: clock::from_millis(1_800_000_000_000),
        issuer: "https://id.example.com".to_owned(),
        published_issuer: None,
        resource: Some("https://api.example.com".to_owned()),
        key: KeyFact::Unknown { published: Vec::new(), dropped_at: None, made_at: None },
        status: StatusFact::default(),
        registered: Some(Registered::default()),
    };
    let explanation = explain(&presented, &facts);
    assert_eq!(explanation.is_good(), explanation.steps.iter().all(|step| step.reason.is_none()));
    assert!(!(explanation.is_good() && presented.jwt().is_some()), "no key has signed it");
    assert!(explanation.steps.iter().all(|step| !step.says.contains('\u{1b}')));
    assert!(!explanation.mend().is_empty());
}

/// What a provider answers: its metadata, its keys, its tokens.
pub fn provider_answer(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let _ = social::unverified_claims(text);
    let _ = ClientKeys::parse(text);
    if let Ok(document) = serde_json::from_str::<Value>(text)
        && social::check_metadata(&document).is_ok()
    {
        assert!(document["issuer"].is_string());
    }
}

/// A registered redirect URI and the one of a request, on two lines. If we say that they match, a
/// browser goes to the same place: only the port of a loopback address may differ.
pub fn redirect_uri(data: &[u8]) {
    let Some((registered, requested)) = text(data).and_then(|text| text.split_once('\n')) else {
        return;
    };
    let _ = redirect_uri::front_page(requested);
    let _ = redirect_uri::shown_host(requested);
    let fits = redirect_uri::check(registered, ClientKind::Public).is_ok();
    if !fits || !redirect_uri::matches(registered, requested) {
        return;
    }
    let ours = Url::parse(registered).expect("it was checked");
    let theirs = Url::parse(requested).expect("it matches one that was checked");
    assert_eq!(ours[..Position::AfterHost], theirs[..Position::AfterHost], "{requested:?}");
    assert_eq!(ours[Position::AfterPort..], theirs[Position::AfterPort..], "{requested:?}");
    let is_loopback = ["127.0.0.1", "[::1]"].contains(&ours.host_str().unwrap_or_default());
    assert!(is_loopback || ours.port() == theirs.port(), "{requested:?}");
}

/// The body with which an app registers itself (RFC 7591 §3.1). It gets nothing that only an operator
/// gives.
pub fn registration(data: &[u8]) {
    let Ok(Value::Object(document)) = serde_json::from_slice(data) else { return };
    let Ok(read) = of_app(&document, UnknownGrants::Refused) else { return };
    assert!(
        !document.contains_key("software_statement") || document["software_statement"].is_null()
    );
    assert!(!read.first_party && !read.trust_user_ip && !read.first_party_challenge);
    assert!(read.resource_servers.is_empty() && read.audiences.is_empty());
    assert!(read.claims.is_empty() && read.allowed_origins.is_empty());
    assert!(read.token_endpoint_auth_method != AuthMethod::ClientSecret);
}

/// The document of a sector (OpenID Connect Registration §5): an array of texts, and nothing else.
pub fn sector(data: &[u8]) {
    let Ok(listed) = sector::parse(data) else { return };
    assert_eq!(serde_json::from_slice::<Value>(data).expect("JSON"), json!(listed));
}

/// The payload of a status list. Our two readers say the same.
pub fn status_list(data: &[u8]) {
    const URI: &str = "https://id.example.com/status/1";
    let read = unverified::StatusList::read(data, URI, "https://id.example.com", 1_800_000_000);
    let Some(read) = read else { return };
    // A text that is no Unicode may stand in a member that nobody reads.
    let Ok(payload) = serde_json::from_slice::<Value>(data) else { return };
    let list = &payload["status_list"];
    let bits = u8::try_from(list["bits"].as_u64().expect("bits")).expect("few bits");
    let lst = list["lst"].as_str().expect("a list");
    for index in [0, 1, 7, 8, 15, 16, 1 << 20, u64::MAX] {
        assert_eq!(read.status(index), status_in(bits, lst, index), "{index}");
    }
}

/// The header `traceparent`. What is read is what stands there.
pub fn traceparent(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Some(read) = TraceParent::parse(text) else { return };
    let (trace, span) = (hex::lower(&read.place.trace), hex::lower(&read.place.span));
    assert!(text[2..].starts_with(&format!("-{trace}-{span}-")), "{text:?}");
    assert!(read.place.trace != [0; 16] && read.place.span != [0; 8], "{text:?}");
}

/// The issuer of a resource server: what it says at this path is not trusted, and said once.
struct OneIssuer {
    path: &'static str,
    data: Vec<u8>,
    was_asked: AtomicBool,
}

const ISSUER: &str = "https://id.example.com";

impl Fetch for OneIssuer {
    fn fetch(&self, request: http::Request<Vec<u8>>) -> Fetching {
        let keys = json!({ "keys": [] });
        let metadata = json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks") });
        let said = match request.uri().path() {
            path if path == self.path => {
                let is_again = self.was_asked.swap(true, Ordering::Relaxed);
                (!is_again).then(|| self.data.clone())
            }
            "/jwks" => Some(keys.to_string().into_bytes()),
            _ => Some(metadata.to_string().into_bytes()),
        };
        Box::pin(async move {
            match said {
                Some(said) => Ok(http::Response::new(said)),
                None => std::future::pending().await,
            }
        })
    }
}

/// Verifies tokens of an issuer that says this at a path. No key has signed them.
fn verify(path: &'static str, data: &[u8], follows: bool) {
    const TOKENS: [&str; 2] = [
        "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.AAAA",
        "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.e30.AAAA",
    ];
    let issuer = OneIssuer { path, data: data.to_vec(), was_asked: AtomicBool::new(false) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        let verifier = Verifier::builder(ISSUER, "https://api.example.com").fetch(issuer).build();
        let verifier = verifier.expect("a verifier");
        if follows {
            verifier.follow_feed(|| async { Ok(http::HeaderValue::from_static("Bearer x")) });
            // The first look; nobody answers the second one.
            tokio::task::yield_now().await;
        }
        for token in TOKENS {
            assert!(verifier.verify(Presented::bearer(token)).await.is_err(), "nobody signed it");
        }
    });
}

/// The keys of an issuer (RFC 7517 §5), as a resource server reads them.
pub fn issuer_keys(data: &[u8]) {
    verify("/jwks", data, false);
}

/// A page of the feed of revocations, as a resource server reads it.
pub fn revocation_feed(data: &[u8]) {
    verify("/revocations", data, true);
}

/// A token in a header, and its claims, as a resource server reads them.
pub fn verified_token(data: &[u8]) {
    unverified::claims(data);
    let mut headers = http::HeaderMap::new();
    let Ok(value) = http::HeaderValue::from_bytes(data) else { return };
    headers.insert(http::header::AUTHORIZATION, value);
    let request = "https://api.example.com/";
    if Presented::from_headers(&headers, &http::Method::GET, request).is_ok() {
        let token = text(data).and_then(|text| text.split_once(' ')).map_or("", |(_, token)| token);
        unverified::header(token);
    }
}

/// People and groups that filters are compared with: some with values, some without.
fn resources() -> [Value; 3] {
    [
        json!({}),
        json!({
            "id": "1", "userName": "mina@example.com", "active": true, "name": { "givenName": "Mina" },
            "emails": [{ "value": "mina@example.com", "type": "work", "primary": true }, { "value": "m@x.org" }],
            "meta": { "lastModified": "2026-11-28T00:00:00Z" },
        }),
        json!({ "id": "2", "displayName": "Team", "members": [{ "value": "1" }] }),
    ]
}

const TYPES: [ResourceType; 2] = [ResourceType::User, ResourceType::Group];

/// The parameter `filter` of a list (RFC 7644 §3.4.2.2). Its negation matches what it does not.
pub fn scim_filter(data: &[u8]) {
    let Some(text) = text(data) else { return };
    for of in TYPES {
        let Ok(filter) = Filter::parse(text, of) else { continue };
        let _ = filter.needs(&["id", "userName", "externalId"]);
        let negated = Filter::parse(&format!("not ({text})"), of);
        for resource in resources() {
            let matches = filter.matches(&resource);
            // One that is as deep or as long as a filter may be has no negation.
            if let Ok(negated) = &negated {
                assert_eq!(negated.matches(&resource), !matches, "{text:?}");
            }
        }
    }
}

/// The path of a change (RFC 7644 §3.5.2).
pub fn scim_path(data: &[u8]) {
    let Some(text) = text(data) else { return };
    for of in TYPES {
        if let Ok(Path::Kept { attribute, filter, sub }) = Path::parse(text, of) {
            assert!(sub.is_none_or(|sub| attribute.sub(sub.name).is_some()), "{text:?}");
            if let Some(filter) = filter {
                assert!(text.contains('['), "{text:?}");
                let _ = resources().map(|resource| filter.matches(&resource));
            }
        }
    }
}

/// The body of a change (RFC 7644 §3.5.2), made to people and to groups. What is read only stays.
pub fn scim_patch(data: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(operations) = patch::operations(&body) else { return };
    for of in TYPES {
        for resource in resources() {
            let Value::Object(before) = resource else { continue };
            let mut after = before.clone();
            if patch::apply(of, &mut after, &operations).is_ok() {
                for name in ["id", "meta"] {
                    assert_eq!(after.get(name), before.get(name), "{name}: {body}");
                }
                let _ = WantedPerson::read(&after);
            }
        }
    }
}

/// The body of a bulk request (RFC 7644 §3.7). Who waits for nothing does not wait when more is made.
pub fn scim_bulk(data: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(operations) = bulk::operations(&body, 100) else { return };
    assert!(operations.len() <= 100);
    let (nothing, made) = (Made::new(), Made::from([("a".to_owned(), "1".to_owned())]));
    for operation in operations {
        assert!(operation.method != "POST" || operation.bulk_id.is_some());
        assert!(operation.waits(&nothing) || !operation.waits(&made), "{operation:?}");
        let (segments, query) = operation.segments(&made);
        assert!(!segments.is_empty() && operation.path.ends_with(query));
        assert!(segments.iter().all(|segment| !segment.contains(['/', '?'])), "{segments:?}");
        if !operation.waits(&nothing) {
            assert_eq!(operation.data(&nothing), operation.data(&made), "{operation:?}");
        }
    }
}

/// Single parameters with a grammar of their own.
pub fn words(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(scope) = Scope::parse(text) {
        assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
    }
    if let Some(tag) = locale::canonical(text) {
        assert_eq!(locale::canonical(&tag), Some(tag));
    }
    let _ = ParsedRefreshToken::read(&Plain::presented(text));
    let _ = pkce::Challenge::parse(text).map(|challenge| challenge.is_met_by(text));
    if pkce::is_verifier(text) {
        assert!((43..=128).contains(&text.len()));
    }
    let _ = address::read(text).map(address::neighbourhood);
    if let Some(code) = UserCode::read(text) {
        assert_eq!(UserCode::read(&code.shown()), Some(code), "{text:?}");
    }
}
