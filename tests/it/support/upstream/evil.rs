//! The generic provider, honest but for one lie.

use std::sync::{LazyLock, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::callback::Callback;
use super::canary::Canary;
use super::desk::Desk;
use super::grant::{CLIENT_SECRET, Grant};
use super::lie::Lie;
use super::oidc::{self, Honest};
use super::signer::{Signer, keyed, unsigned};
use super::talk::{Answer, Asked, Fields};
use super::{Says, StandIn, Vendor, bomb, openid};

/// The generic provider while it lies: [`Evil::tells`].
pub(crate) type Evil = StandIn<Liar>;

pub(crate) struct Liar {
    lie: Mutex<Option<Lie>>,
    canary: Canary,
    /// Signs what only the provider may sign.
    impostor: LazyLock<Signer>,
    /// Published, but to encrypt.
    encrypts: LazyLock<Signer>,
}

const ANOTHER: &str = "https://another.example";
const MB: usize = 1024 * 1024;

impl Evil {
    /// Honest until it is told to lie.
    pub(crate) async fn start() -> Self {
        Self::open(Liar {
            lie: Mutex::default(),
            canary: Canary::start().await,
            impostor: LazyLock::new(Signer::rsa),
            encrypts: LazyLock::new(Signer::rsa),
        })
        .await
    }

    /// Tells this lie from now on, or the truth.
    pub(crate) fn tells(&self, lie: impl Into<Option<Lie>>) {
        // Keys take their time to be made: here nobody waits for them.
        LazyLock::force(&self.vendor().impostor);
        LazyLock::force(&self.vendor().encrypts);
        *self.vendor().lie.lock().unwrap() = lie.into();
    }

    /// Where its redirects, `jku` and `x5u` lead.
    pub(crate) fn canary(&self) -> &Canary {
        &self.vendor().canary
    }
}

impl Vendor for Liar {
    fn authorizes(&self, path: &str) -> bool {
        Honest.authorizes(path)
    }

    fn check(&self, asked: &Asked) -> Result<(), String> {
        Honest.check(asked)
    }

    fn cancelled(&self) -> Fields {
        Honest.cancelled()
    }

    fn back(&self, desk: &Desk, request: &Fields, says: Says, callback: Callback) -> Callback {
        let callback = Honest.back(desk, request, says, callback);
        match self.lie() {
            Some(Lie::CallbackIssWrong) => callback.with("iss", ANOTHER),
            Some(Lie::CallbackIssMissing) => callback.without("iss"),
            _ => callback,
        }
    }

    fn claims(&self, desk: &Desk, grant: &Grant) -> Value {
        Honest.claims(desk, grant)
    }

    fn id_token(&self, desk: &Desk, claims: &Value) -> String {
        let mut claims = claims.clone();
        self.bend(desk, &mut claims);
        self.forge(&desk.signer(), &claims)
    }

    fn answer(&self, desk: &Desk, asked: &Asked) -> Answer {
        match asked.path.as_str() {
            openid::DISCOVERY => self.discovery(desk),
            "/jwks" => self.jwks(desk),
            "/token" => self.token(desk, asked),
            "/userinfo" => self.userinfo(desk, asked),
            _ => Answer::not_found(),
        }
    }
}

impl Liar {
    fn lie(&self) -> Option<Lie> {
        *self.lie.lock().unwrap()
    }

    fn bend(&self, desk: &Desk, claims: &mut Value) {
        let remove = |claims: &mut Value, name: &str| {
            claims.as_object_mut().expect("an object").remove(name);
        };
        match self.lie() {
            Some(Lie::IssOfAnother) => claims["iss"] = json!(ANOTHER),
            Some(Lie::AudOfAnother) => claims["aud"] = json!("another-app"),
            Some(Lie::AudOfMany) => claims["aud"] = json!([claims["aud"], "another-app"]),
            Some(Lie::AzpOfAnother) => claims["azp"] = json!("another-app"),
            Some(Lie::NonceWrong) => claims["nonce"] = json!("another-nonce"),
            Some(Lie::NonceMissing) => remove(claims, "nonce"),
            Some(Lie::Expired) => claims["exp"] = json!(desk.now() - 3600),
            Some(Lie::IatAhead) => claims["iat"] = json!(desk.now() + 600),
            Some(Lie::SubEmpty) => claims["sub"] = json!(""),
            Some(Lie::SubMissing) => remove(claims, "sub"),
            Some(Lie::AtHashWrong) => claims["at_hash"] = json!(openid::at_hash("another token")),
            Some(Lie::EmailVerifiedMissing) => remove(claims, "email_verified"),
            Some(Lie::EmailVerifiedFalse) => claims["email_verified"] = json!(false),
            Some(Lie::EmailVerifiedText) => claims["email_verified"] = json!("true"),
            Some(Lie::EmailVerifiedNumber) => claims["email_verified"] = json!(1),
            _ => {}
        }
    }

    fn forge(&self, signer: &Signer, claims: &Value) -> String {
        let header = |name: &str, value: Value| {
            let mut header = signer.header();
            header[name] = value;
            header
        };
        let without_signature = |alg: &str| unsigned(&header("alg", json!(alg)), claims) + ".";
        let by_secret = |secret: &[u8]| keyed(secret, &header("alg", json!("HS256")), claims);
        let by_impostor = |header: &Value| self.impostor.sign(header, claims);
        let canary = json!(self.canary.url());
        match self.lie() {
            Some(Lie::SignatureBroken) => broken(&signer.token(claims)),
            Some(Lie::SignatureEmpty) => unsigned(&signer.header(), claims) + ".",
            Some(Lie::SignedByAnother) => by_impostor(&signer.header()),
            Some(Lie::JwkEmbedded) => by_impostor(&header("jwk", self.impostor.jwk())),
            Some(Lie::Jku) => by_impostor(&header("jku", canary)),
            Some(Lie::X5u) => by_impostor(&header("x5u", canary)),
            Some(Lie::AlgNone) => without_signature("none"),
            Some(Lie::AlgNoneCapital) => without_signature("None"),
            Some(Lie::AlgNoneMixed) => without_signature("nOnE"),
            Some(Lie::KeyedByPem) => by_secret(signer.public_pem().as_bytes()),
            Some(Lie::KeyedByJwk) => by_secret(signer.jwk().to_string().as_bytes()),
            Some(Lie::KeyedByClientSecret) => by_secret(CLIENT_SECRET.as_bytes()),
            Some(Lie::KidUnknown) => signer.sign(&header("kid", json!("nobody-knows")), claims),
            Some(Lie::KidToEncrypt) => self.encrypts.token(claims),
            Some(Lie::Crit) => {
                let mut header = header("crit", json!(["https://another.example/must"]));
                header["https://another.example/must"] = json!(true);
                signer.sign(&header, claims)
            }
            _ => signer.token(claims),
        }
    }

    fn token(&self, desk: &Desk, asked: &Asked) -> Answer {
        let honest = oidc::token(self, desk, asked);
        match self.lie() {
            Some(Lie::IdTokenMissing) => {
                let mut tokens = honest.value();
                tokens.as_object_mut().expect("an object").remove("id_token");
                Answer::json(honest.status(), &tokens)
            }
            Some(Lie::TokenNever) => Answer::never(),
            Some(Lie::TokenHuge) => honest.padded(10 * MB),
            Some(Lie::TokenRedirect) => Answer::redirect(307, self.canary.url()),
            Some(Lie::TokenNoJson) => Answer::new(200, "application/json", "{\"access_token\":"),
            Some(Lie::TokenFault) => openid::error_of(500, "server_error", "Try again."),
            Some(Lie::TokenHtml) => Answer::html(200, "<!doctype html><h1>Maintenance</h1>"),
            Some(Lie::TokenBomb) => bomb::of(&honest.value(), 16 * MB),
            _ => honest,
        }
    }

    fn jwks(&self, desk: &Desk) -> Answer {
        let honest = openid::jwks(desk);
        let mut document = honest.value();
        let keys = document["keys"].as_array_mut().expect("keys");
        match self.lie() {
            Some(Lie::KidToEncrypt) => {
                let mut jwk = self.encrypts.jwk();
                jwk["use"] = json!("enc");
                keys.push(jwk);
            }
            Some(Lie::KidDuplicate) => {
                let mut jwk = self.impostor.jwk();
                jwk["kid"] = json!(desk.signer().kid);
                keys.insert(0, jwk);
            }
            Some(Lie::JwksNever) => return Answer::never(),
            Some(Lie::JwksHuge) => return honest.padded(50 * MB),
            Some(Lie::JwksRedirect) => return Answer::redirect(307, self.canary.url()),
            _ => {}
        }
        Answer::json(200, &document)
    }

    fn discovery(&self, desk: &Desk) -> Answer {
        let mut document = oidc::discovery(desk);
        match self.lie() {
            Some(Lie::DiscoveryIssuer) => document["issuer"] = json!(ANOTHER),
            Some(Lie::DiscoveryWithoutJwks) => {
                document.as_object_mut().expect("an object").remove("jwks_uri");
            }
            Some(Lie::DiscoveryNoJson) => {
                return Answer::new(200, "application/json", "{\"issuer\":");
            }
            Some(Lie::DiscoveryFault) => return Answer::html(500, "Try again."),
            _ => {}
        }
        Answer::json(200, &document)
    }

    fn userinfo(&self, desk: &Desk, asked: &Asked) -> Answer {
        let honest = oidc::userinfo(desk, asked);
        if honest.status() != 200 {
            return honest;
        }
        let mut claims = honest.value();
        match self.lie() {
            Some(Lie::UserinfoOfAnother) => claims["sub"] = json!("somebody-else"),
            Some(
                Lie::EmailVerifiedMissing
                | Lie::EmailVerifiedFalse
                | Lie::EmailVerifiedText
                | Lie::EmailVerifiedNumber,
            ) => self.bend(desk, &mut claims),
            _ => {}
        }
        Answer::json(200, &claims)
    }
}

/// The same token with one bit of its signature turned.
fn broken(token: &str) -> String {
    let (input, signature) = token.rsplit_once('.').expect("a signature");
    let mut signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    signature[0] ^= 1;
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}
