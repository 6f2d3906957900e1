//! The test vectors: tokens that a resource server must refuse, each with one fault, and a few that
//! it must accept. All are signed by keys that are made for them and thrown away.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::client::TokenAlg;
use crate::domain::verdict::Fault;
use crate::keys::jws::{PrivateKey, hs256};
use crate::keys::make;

/// What a set of vectors is for.
pub(super) struct Subject {
    pub(super) issuer: String,
    pub(super) audience: String,
    /// The scope that the resource server asks for.
    pub(super) scope: Option<String>,
    pub(super) now: i64,
    pub(super) valid_for: i64,
}

/// A set of vectors, as `vectors.json` has it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Vectors {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) vectors: Vec<Vector>,
}

/// A token, and whether it is good.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Vector {
    /// What is wrong with it, in words with hyphens.
    pub(super) name: String,
    /// The reason for which it must be refused; `good` if it must be accepted.
    pub(super) reason: String,
    pub(super) token: String,
    pub(super) accept: bool,
    /// Headers of the request beside or instead of `Authorization: Bearer`.
    pub(super) headers: serde_json::Map<String, Value>,
}

/// The documents that an issuer of these vectors serves.
pub(super) struct Documents {
    pub(super) jwks: Value,
    pub(super) metadata: Value,
    pub(super) status: String,
    pub(super) vectors: Vectors,
}

/// The bits of the only status list: index 1 is revoked, index 16 does not exist.
const STATUSES: [u8; 2] = [0b0000_0010, 0];
/// How far away a time is that is past or to come: no skew of clocks explains it.
const FAR: i64 = 3600;

/// A key and the name that it goes by.
struct Key {
    private: PrivateKey,
    kid: String,
    public: Value,
}

impl Key {
    fn new(alg: TokenAlg) -> OrFault<Self> {
        let made = make::generate(alg, 2048)?;
        let private = PrivateKey::parse(alg, made.private.expose())
            .map_err(|error| Fault::internal(MAKING, error))?;
        Ok(Self { private, kid: made.kid, public: json!(made.public_jwk) })
    }

    fn alg(&self) -> &'static str {
        self.private.alg().as_str()
    }

    /// A header that names this key.
    fn header(&self) -> Value {
        json!({ "alg": self.alg(), "typ": "at+jwt", "kid": self.kid })
    }

    /// A token of this header, which may name any algorithm, and of these claims, which may be any
    /// text.
    fn signs(&self, header: &Value, claims: &str) -> OrFault<String> {
        let input = format!("{}.{}", part(header.to_string()), part(claims));
        self.completes(&input, header["alg"].as_str())
    }

    /// A token of this text before its signature.
    fn completes(&self, input: &str, alg: Option<&str>) -> OrFault<String> {
        let by_name = alg.and_then(|alg| self.private.signature_by(alg, input.as_bytes()));
        // Where the header names another algorithm, the signature is still that of the key.
        let signature = by_name.or_else(|| self.private.signature_by(self.alg(), input.as_bytes()));
        let signature = signature.ok_or_else(|| Fault::internal(MAKING, "the key failed"))?;
        Ok(format!("{input}.{}", part(signature)))
    }
}

type OrFault<T = ()> = Result<T, Fault>;

const MAKING: &str = "making test vectors";

fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sha256(bytes: &[u8]) -> String {
    part(Sha256::digest(bytes))
}

fn with(base: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut changed = base.clone();
    if let Some(members) = changed.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
    changed
}

fn without(base: &Value, name: &str) -> Value {
    let mut changed = base.clone();
    if let Some(members) = changed.as_object_mut() {
        members.remove(name);
    }
    changed
}

/// An object in which a member stands twice, the second time with this value. RFC 7519 §4: such
/// claims are refused, or the last one counts.
fn twice(base: &Value, name: &str, second: &Value) -> String {
    let text = base.to_string();
    let open = text.strip_suffix('}').unwrap_or(&text);
    format!("{open},{}:{second}}}", json!(name))
}

/// Makes the vectors and the documents of their issuer.
pub(super) fn make(subject: &Subject) -> OrFault<Documents> {
    let maker = Maker {
        subject,
        key: Key::new(TokenAlg::Rs256)?,
        second: Key::new(TokenAlg::Rs256)?,
        elliptic: Key::new(TokenAlg::Es256)?,
        stranger: Key::new(TokenAlg::Rs256)?,
        holder: Key::new(TokenAlg::Es256)?,
        vectors: Vec::new(),
    };
    maker.documents()
}

struct Maker<'a> {
    subject: &'a Subject,
    /// Published, as are the next two.
    key: Key,
    second: Key,
    elliptic: Key,
    /// Not published.
    stranger: Key,
    /// The key to which tokens are bound.
    holder: Key,
    vectors: Vec<Vector>,
}

impl Maker<'_> {
    fn documents(mut self) -> OrFault<Documents> {
        self.good()?;
        self.shapes()?;
        self.signatures()?;
        self.algorithms()?;
        self.headers()?;
        self.claims()?;
        self.duplicates()?;
        self.scopes()?;
        self.bindings()?;
        self.statuses()?;
        let Subject { issuer, audience, .. } = self.subject;
        let jwks: Vec<_> = [&self.key, &self.second, &self.elliptic]
            .map(|key| with(&with(&key.public, "use", "sig"), "alg", key.alg()))
            .into();
        let metadata = json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/jwks.json"),
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "status_list_aggregation_endpoint": format!("{issuer}/status"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        });
        Ok(Documents {
            jwks: json!({ "keys": jwks }),
            metadata,
            status: self.status_list()?,
            vectors: Vectors {
                issuer: issuer.clone(),
                audience: audience.clone(),
                vectors: self.vectors,
            },
        })
    }

    fn status_uri(&self, number: u8) -> String {
        format!("{}/status/{number}", self.subject.issuer)
    }

    /// Token Status List §5.1.
    fn status_list(&self) -> OrFault<String> {
        let Subject { now, valid_for, .. } = self.subject;
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(&STATUSES, 9);
        let claims = json!({
            "sub": self.status_uri(1),
            "iat": now,
            "exp": now + valid_for,
            "ttl": 15,
            "status_list": { "bits": 1, "lst": part(packed) },
        });
        let header = with(&self.key.header(), "typ", "statuslist+jwt");
        self.key.signs(&header, &claims.to_string())
    }

    /// Claims with nothing wrong.
    fn all_claims(&self) -> Value {
        let Subject { issuer, audience, scope, now, valid_for } = self.subject;
        json!({
            "iss": issuer,
            "sub": "0197d2b0-6f0e-7b6a-a7c5-1f8e2d3c4b5a",
            "aud": audience,
            "exp": now + valid_for,
            "nbf": now,
            "iat": now,
            "jti": format!("vector-{}", self.vectors.len() + 1),
            "client_id": "app",
            "scope": scope.as_deref().unwrap_or("read"),
            "sid": "0197d2b0-6f0e-7b6a-a7c5-1f8e2d3c4b5b",
            "auth_time": now,
            "acr": "1",
            "amr": ["pwd"],
        })
    }

    fn add(&mut self, name: &str, reason: &str, token: String) {
        self.add_with(name, reason, token, &[]);
    }

    fn add_with(&mut self, name: &str, reason: &str, token: String, headers: &[(&str, String)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        self.vectors.push(Vector {
            name: name.to_owned(),
            reason: reason.to_owned(),
            token,
            accept: reason == GOOD,
            headers: headers.collect(),
        });
    }

    /// A token of the published key with these claims.
    fn add_claims(&mut self, name: &str, reason: &str, claims: &Value) -> OrFault {
        self.add_text(name, reason, &claims.to_string())
    }

    fn add_text(&mut self, name: &str, reason: &str, claims: &str) -> OrFault {
        let token = self.key.signs(&self.key.header(), claims)?;
        self.add(name, reason, token);
        Ok(())
    }

    /// A token with good claims and this header, signed by the published key.
    fn add_header(&mut self, name: &str, reason: &str, header: &Value) -> OrFault {
        let token = self.key.signs(header, &self.all_claims().to_string())?;
        self.add(name, reason, token);
        Ok(())
    }

    fn good(&mut self) -> OrFault {
        let claims = self.all_claims();
        self.add_claims("good", GOOD, &claims)?;
        let audiences = json!(["https://other.example.com", self.subject.audience]);
        let claims = with(&self.all_claims(), "aud", audiences);
        self.add_claims("good-with-two-audiences", GOOD, &claims)?;
        let token = self.second.signs(&self.second.header(), &self.all_claims().to_string())?;
        self.add("good-by-the-second-key", GOOD, token);
        let token = self.elliptic.signs(&self.elliptic.header(), &self.all_claims().to_string())?;
        self.add("good-by-es256", GOOD, token);
        let claims = with(&self.all_claims(), "tenant", json!({ "name": "a", "tier": [1, 2] }));
        self.add_claims("good-with-more-claims", GOOD, &claims)?;
        let claims = with(&self.all_claims(), "status", self.status(0, 1));
        self.add_claims("good-by-its-status", GOOD, &claims)
    }

    fn shapes(&mut self) -> OrFault {
        let good = self.key.signs(&self.key.header(), &self.all_claims().to_string())?;
        let (header, rest) = good.split_once('.').unwrap_or_default();
        let (claims, signature) = rest.split_once('.').unwrap_or_default();
        let not_base64 = self.key.completes(&format!("{header}.{claims}!"), None)?;
        for (name, token) in [
            ("no-jwt", "not-a-token".to_owned()),
            ("two-parts", format!("{header}.{claims}")),
            ("four-parts", format!("{good}.{signature}")),
            ("five-parts", format!("{header}.{signature}.{signature}.{claims}.{signature}")),
            ("header-is-no-json", format!("{}.{rest}", part("not json"))),
            ("header-is-a-list", format!("{}.{rest}", part("[]"))),
            ("header-is-no-base64url", format!("{header}!.{rest}")),
            ("claims-are-no-base64url", not_base64),
        ] {
            self.add(name, "malformed", token);
        }
        self.add_text("claims-are-no-json", "malformed", "not json")?;
        self.add_text("claims-are-a-list", "malformed", "[]")
    }

    fn signatures(&mut self) -> OrFault {
        let good = self.key.signs(&self.key.header(), &self.all_claims().to_string())?;
        let (input, signature) = good.rsplit_once('.').unwrap_or_default();
        let (header, _) = input.split_once('.').unwrap_or_default();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let cut = part(bytes.split_last().map_or(&[][..], |(_, rest)| rest));
        if let Some(first) = bytes.first_mut() {
            *first ^= 1;
        }
        let somebody_else = with(&self.all_claims(), "sub", "somebody-else").to_string();
        let zero = self.elliptic.header();
        let zero = format!("{}.{}", part(zero.to_string()), part(self.all_claims().to_string()));
        for (name, token) in [
            ("no-signature", format!("{input}.")),
            ("signature-is-cut", format!("{input}.{cut}")),
            ("signature-is-changed", format!("{input}.{}", part(&bytes))),
            ("claims-are-changed", format!("{header}.{}.{signature}", part(somebody_else))),
            // CVE-2022-21449.
            ("es256-signature-of-zeros", format!("{zero}.{}", part([0; 64]))),
        ] {
            self.add(name, "signature", token);
        }
        let claims = self.all_claims().to_string();
        let token = self.stranger.signs(&self.key.header(), &claims)?;
        self.add("another-key-under-the-same-kid", "signature", token);
        let token = self.key.signs(&self.second.header(), &claims)?;
        self.add("signed-by-the-other-key", "signature", token);
        let token = self.stranger.signs(&self.stranger.header(), &claims)?;
        self.add("unknown-kid", "unknown_key", token);
        let token = self.stranger.signs(&without(&self.stranger.header(), "kid"), &claims)?;
        self.add("unknown-key-without-kid", "unknown_key", token);
        Ok(())
    }

    fn algorithms(&mut self) -> OrFault {
        let (header, claims) = (self.key.header(), self.all_claims().to_string());
        for alg in ["none", "None", "nOnE"] {
            let input = with(&header, "alg", alg).to_string();
            let token = format!("{}.{}.", part(input), part(&claims));
            self.add(&format!("alg-{alg}"), "algorithm", token);
        }
        self.add_header("alg-none-with-a-signature", "algorithm", &with(&header, "alg", "none"))?;
        // The public key is known to everybody: it must not be taken as a secret.
        let input =
            format!("{}.{}", part(with(&header, "alg", "HS256").to_string()), part(&claims));
        let pem = self.pem()?;
        let modulus = self.key.public.get("n").and_then(|n| n.as_str()).unwrap_or_default();
        let modulus = URL_SAFE_NO_PAD.decode(modulus).unwrap_or_default();
        for (name, secret) in [
            ("hs256-with-the-public-key", pem.as_bytes()),
            ("hs256-with-the-modulus", &modulus),
            ("hs256-with-an-empty-secret", b""),
        ] {
            let token = format!("{input}.{}", part(hs256(secret, input.as_bytes())));
            self.add(name, "algorithm", token);
        }
        self.add_header("rs512-by-an-rs256-key", "algorithm", &with(&header, "alg", "RS512"))?;
        self.add_header("ps256-by-an-rs256-key", "algorithm", &with(&header, "alg", "PS256"))?;
        self.add_header("alg-is-missing", "malformed", &without(&header, "alg"))?;
        self.add_header("alg-is-a-list", "malformed", &with(&header, "alg", json!(["RS256"])))?;
        self.add_header("es256-of-an-rs256-key", "unknown_key", &with(&header, "alg", "ES256"))?;
        let header = with(&self.elliptic.header(), "alg", "RS256");
        self.add_header("rs256-of-an-es256-key", "unknown_key", &header)
    }

    fn headers(&mut self) -> OrFault {
        let header = self.key.header();
        for typ in ["JWT", "logout+jwt", "dpop+jwt"] {
            let name = format!("typ-{}", typ.to_lowercase().replace('+', "-"));
            self.add_header(&name, "type", &with(&header, "typ", typ))?;
        }
        self.add_header("typ-is-missing", "type", &without(&header, "typ"))?;
        let id_token = with(&self.all_claims(), "nonce", "n-0S6_WzA2Mj");
        let id_token = without(&without(&id_token, "scope"), "client_id");
        let token = self.key.signs(&with(&header, "typ", "JWT"), &id_token.to_string())?;
        self.add("id-token-as-access-token", "type", token);
        let crit = with(&with(&header, "crit", json!(["exp-2"])), "exp-2", 1);
        self.add_header("crit-is-unknown", "critical_extension", &crit)?;
        let b64 = with(&with(&header, "crit", json!(["b64"])), "b64", false);
        self.add_header("crit-b64", "critical_extension", &b64)?;
        // Keys that a token brings along are nobody's.
        let claims = self.all_claims().to_string();
        let public = self.stranger.public.clone();
        let url = "https://attacker.example.com/jwks.json";
        for (name, header, reason) in [
            ("embedded-jwk", with(&header, "jwk", public.clone()), "signature"),
            (
                "embedded-jwk-of-its-kid",
                with(&self.stranger.header(), "jwk", public),
                "unknown_key",
            ),
            ("jku-of-somebody", with(&header, "jku", url), "signature"),
            ("x5u-of-somebody", with(&header, "x5u", url), "signature"),
        ] {
            let token = self.stranger.signs(&header, &claims)?;
            self.add(name, reason, token);
        }
        Ok(())
    }

    fn claims(&mut self) -> OrFault {
        let Subject { issuer, audience, now, valid_for, .. } = self.subject;
        for (name, reason, claim, value) in [
            ("expired", "expired", "exp", json!(now - FAR)),
            ("expires-in-words", "malformed", "exp", json!((now + valid_for).to_string())),
            ("not-yet-valid", "not_yet_valid", "nbf", json!(now + valid_for + FAR)),
            ("another-issuer", "issuer", "iss", json!("https://attacker.example.com")),
            ("issuer-with-a-slash", "issuer", "iss", json!(format!("{issuer}/"))),
            ("issuer-in-capitals", "issuer", "iss", json!(issuer.to_uppercase())),
            ("issuer-as-a-prefix", "issuer", "iss", json!(format!("{issuer}.example.com"))),
            ("another-audience", "audience", "aud", json!("https://other.example.com")),
            ("audience-is-the-client", "audience", "aud", json!("app")),
            ("audience-as-a-prefix", "audience", "aud", json!(format!("{audience}.example.com"))),
            ("audience-with-a-slash", "audience", "aud", json!(format!("{audience}/"))),
            ("audience-in-a-text", "audience", "aud", json!(format!("x {audience} y"))),
            ("two-other-audiences", "audience", "aud", json!(["https://a.example", "app"])),
            ("no-audience-in-the-list", "audience", "aud", json!([])),
        ] {
            self.add_claims(name, reason, &with(&self.all_claims(), claim, value))?;
        }
        for claim in ["iss", "aud", "exp", "sub"] {
            let claims = without(&self.all_claims(), claim);
            self.add_claims(&format!("{claim}-is-missing"), "missing_claim", &claims)?;
        }
        Ok(())
    }

    fn duplicates(&mut self) -> OrFault {
        let past = json!(self.subject.now - FAR);
        for (name, claim, second) in [
            ("exp-twice", "exp", past),
            ("aud-twice", "aud", json!("https://other.example.com")),
            ("iss-twice", "iss", json!("https://attacker.example.com")),
        ] {
            self.add_text(name, "duplicate_claim", &twice(&self.all_claims(), claim, &second))?;
        }
        Ok(())
    }

    /// Only where the resource server asks for a scope.
    fn scopes(&mut self) -> OrFault {
        let Some(scope) = &self.subject.scope else { return Ok(()) };
        self.add_claims("no-scope", "scope", &without(&self.all_claims(), "scope"))?;
        for (name, other) in [
            ("another-scope", "something-else".to_owned()),
            ("scope-as-a-prefix", format!("{scope}-more")),
            ("scope-in-capitals", scope.to_uppercase()),
        ] {
            let claims = with(&self.all_claims(), "scope", other);
            self.add_claims(name, "scope", &claims)?;
        }
        Ok(())
    }

    /// Sender-constrained tokens (RFC 9449, RFC 8705) without the proof that they need.
    fn bindings(&mut self) -> OrFault {
        let jkt = json!({ "jkt": self.holder.kid });
        let bound = with(&self.all_claims(), "cnf", jkt).to_string();
        let bound = self.key.signs(&self.key.header(), &bound)?;
        self.add("dpop-token-as-bearer", "proof_missing", bound.clone());
        let under_dpop = ("Authorization", format!("DPoP {bound}"));
        let mut made = Vec::new();
        self.add_with(
            "dpop-without-a-proof",
            "proof_missing",
            bound.clone(),
            std::slice::from_ref(&under_dpop),
        );
        for (name, key, claims) in [
            ("dpop-proof-for-another-address", &self.holder, self.proof(&bound)),
            ("dpop-proof-by-another-key", &self.elliptic, self.proof(&bound)),
            ("dpop-proof-for-another-token", &self.holder, self.proof("another")),
        ] {
            let header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": key.public });
            let proof = key.signs(&header, &claims.to_string())?;
            made.push((name, vec![under_dpop.clone(), ("DPoP", proof)]));
        }
        for (name, headers) in made {
            self.add_with(name, "proof", bound.clone(), &headers);
        }
        let unbound = self.key.signs(&self.key.header(), &self.all_claims().to_string())?;
        let headers = [("Authorization", format!("DPoP {unbound}"))];
        self.add_with("unbound-token-under-dpop", "proof", unbound, &headers);
        let thumbprint = json!({ "x5t#S256": sha256(b"a certificate that nobody shows") });
        let claims = with(&self.all_claims(), "cnf", thumbprint);
        self.add_claims("certificate-bound-without-certificate", "proof_missing", &claims)?;
        let unknown = json!({ "kid": "a-key-of-another-kind" });
        let claims = with(&self.all_claims(), "cnf", unknown);
        self.add_claims("bound-in-an-unknown-way", "proof_missing", &claims)
    }

    fn status(&self, index: u64, number: u8) -> Value {
        json!({ "status_list": { "idx": index, "uri": self.status_uri(number) } })
    }

    fn statuses(&mut self) -> OrFault {
        for (name, reason, status) in [
            ("revoked-by-its-status", "revoked", self.status(1, 1)),
            ("status-beyond-the-list", "unknown_status", self.status(16, 1)),
            ("status-in-a-list-that-is-gone", "unknown_status", self.status(0, 2)),
        ] {
            self.add_claims(name, reason, &with(&self.all_claims(), "status", status))?;
        }
        Ok(())
    }

    /// The claims of a DPoP proof for a request to somebody else (RFC 9449 §4.2).
    fn proof(&self, token: &str) -> Value {
        json!({
            "jti": format!("proof-{}", self.vectors.len() + 1),
            "htm": "GET",
            "htu": "https://somewhere-else.example.com/",
            "iat": self.subject.now,
            "ath": sha256(token.as_bytes()),
        })
    }

    /// The public key as a file that a careless verifier might take for an HMAC secret.
    fn pem(&self) -> OrFault<String> {
        let info = self.key.private.public_der();
        let info = info.ok_or_else(|| Fault::internal(MAKING, "the key has no public half"))?;
        let info = STANDARD.encode(info);
        let lines: Vec<_> = info.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        Ok(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")))
    }
}

/// The reason of what must be accepted.
const GOOD: &str = "good";
