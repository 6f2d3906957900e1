//! The generic provider, correct except for one defect.

use std::sync::{LazyLock, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::callback::Callback;
use super::canary::Canary;
use super::defect::Defect;
use super::grant::{CLIENT_SECRET, Grant};
use super::messages::{Answer, Fields, RecordedRequest};
use super::oidc::{self, Honest};
use super::records::ProviderRecords;
use super::signer::{Signer, keyed, unsigned};
use super::{PersonAnswer, ProviderStub, Vendor, bomb, openid};

/// The generic provider with a defect: [`FaultyProvider::has_defect`].
pub(crate) type FaultyProvider = ProviderStub<FaultyVendor>;

pub(crate) struct FaultyVendor {
    defect: Mutex<Option<Defect>>,
    canary: Canary,
    /// A key that signs in place of the provider's key.
    impostor: LazyLock<Signer>,
    /// A published key that is meant for encryption.
    encrypts: LazyLock<Signer>,
}

const ANOTHER: &str = "https://another.example";
const MB: usize = 1024 * 1024;

impl FaultyProvider {
    /// Starts it without a defect.
    pub(crate) async fn start() -> Self {
        Self::open(FaultyVendor {
            defect: Mutex::default(),
            canary: Canary::start().await,
            impostor: LazyLock::new(Signer::rsa),
            encrypts: LazyLock::new(Signer::rsa),
        })
        .await
    }

    /// Gives it this defect from now on, or none.
    pub(crate) fn has_defect(&self, defect: impl Into<Option<Defect>>) {
        // Making keys takes time: they are made here, before a request waits for them.
        LazyLock::force(&self.vendor().impostor);
        LazyLock::force(&self.vendor().encrypts);
        *self.vendor().defect.lock().unwrap() = defect.into();
    }

    /// The server that its redirects, `jku` and `x5u` name.
    pub(crate) fn canary(&self) -> &Canary {
        &self.vendor().canary
    }
}

impl Vendor for FaultyVendor {
    fn authorizes(&self, path: &str) -> bool {
        Honest.authorizes(path)
    }

    fn check(&self, asked: &RecordedRequest) -> Result<(), String> {
        Honest.check(asked)
    }

    fn cancelled(&self) -> Fields {
        Honest.cancelled()
    }

    fn back(
        &self,
        records: &ProviderRecords,
        request: &Fields,
        says: PersonAnswer,
        callback: Callback,
    ) -> Callback {
        let callback = Honest.back(records, request, says, callback);
        match self.defect() {
            Some(Defect::CallbackIssWrong) => callback.with("iss", ANOTHER),
            Some(Defect::CallbackIssMissing) => callback.without("iss"),
            _ => callback,
        }
    }

    fn claims(&self, records: &ProviderRecords, grant: &Grant) -> Value {
        Honest.claims(records, grant)
    }

    fn id_token(&self, records: &ProviderRecords, claims: &Value) -> String {
        let mut claims = claims.clone();
        self.bend(records, &mut claims);
        self.forge(&records.signer(), &claims)
    }

    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        match asked.path.as_str() {
            openid::DISCOVERY => self.discovery(records),
            "/jwks" => self.jwks(records),
            "/token" => self.token(records, asked),
            "/userinfo" => self.userinfo(records, asked),
            _ => Answer::not_found(),
        }
    }
}

impl FaultyVendor {
    fn defect(&self) -> Option<Defect> {
        *self.defect.lock().unwrap()
    }

    fn bend(&self, records: &ProviderRecords, claims: &mut Value) {
        let remove = |claims: &mut Value, name: &str| {
            claims.as_object_mut().expect("an object").remove(name);
        };
        match self.defect() {
            Some(Defect::IssOfAnother) => claims["iss"] = json!(ANOTHER),
            Some(Defect::AudOfAnother) => claims["aud"] = json!("another-app"),
            Some(Defect::AudOfMany) => claims["aud"] = json!([claims["aud"], "another-app"]),
            Some(Defect::AzpOfAnother) => claims["azp"] = json!("another-app"),
            Some(Defect::NonceWrong) => claims["nonce"] = json!("another-nonce"),
            Some(Defect::NonceMissing) => remove(claims, "nonce"),
            Some(Defect::Expired) => claims["exp"] = json!(records.now() - 3600),
            Some(Defect::IatAhead) => claims["iat"] = json!(records.now() + 600),
            Some(Defect::SubEmpty) => claims["sub"] = json!(""),
            Some(Defect::SubMissing) => remove(claims, "sub"),
            Some(Defect::AtHashWrong) => {
                claims["at_hash"] = json!(openid::at_hash("another token"));
            }
            Some(Defect::EmailVerifiedMissing) => remove(claims, "email_verified"),
            Some(Defect::EmailVerifiedFalse) => claims["email_verified"] = json!(false),
            Some(Defect::EmailVerifiedText) => claims["email_verified"] = json!("true"),
            Some(Defect::EmailVerifiedNumber) => claims["email_verified"] = json!(1),
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
        match self.defect() {
            Some(Defect::SignatureBroken) => broken(&signer.token(claims)),
            Some(Defect::SignatureEmpty) => unsigned(&signer.header(), claims) + ".",
            Some(Defect::SignedByAnother) => by_impostor(&signer.header()),
            Some(Defect::JwkEmbedded) => by_impostor(&header("jwk", self.impostor.jwk())),
            Some(Defect::Jku) => by_impostor(&header("jku", canary)),
            Some(Defect::X5u) => by_impostor(&header("x5u", canary)),
            Some(Defect::AlgNone) => without_signature("none"),
            Some(Defect::AlgNoneCapital) => without_signature("None"),
            Some(Defect::AlgNoneMixed) => without_signature("nOnE"),
            Some(Defect::KeyedByPem) => by_secret(signer.public_pem().as_bytes()),
            Some(Defect::KeyedByJwk) => by_secret(signer.jwk().to_string().as_bytes()),
            Some(Defect::KeyedByClientSecret) => by_secret(CLIENT_SECRET.as_bytes()),
            Some(Defect::KidUnknown) => signer.sign(&header("kid", json!("nobody-knows")), claims),
            Some(Defect::KidToEncrypt) => self.encrypts.token(claims),
            Some(Defect::Crit) => {
                let mut header = header("crit", json!(["https://another.example/must"]));
                header["https://another.example/must"] = json!(true);
                signer.sign(&header, claims)
            }
            _ => signer.token(claims),
        }
    }

    fn token(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        let honest = oidc::token(self, records, asked);
        match self.defect() {
            Some(Defect::IdTokenMissing) => {
                let mut tokens = honest.value();
                tokens.as_object_mut().expect("an object").remove("id_token");
                Answer::json(honest.status(), &tokens)
            }
            Some(Defect::TokenNever) => Answer::never(),
            Some(Defect::TokenHuge) => honest.padded(10 * MB),
            Some(Defect::TokenRedirect) => Answer::redirect(307, self.canary.url()),
            Some(Defect::TokenNoJson) => Answer::new(200, "application/json", "{\"access_token\":"),
            Some(Defect::TokenFault) => openid::error_of(500, "server_error", "Try again."),
            Some(Defect::TokenHtml) => Answer::html(200, "<!doctype html><h1>Maintenance</h1>"),
            Some(Defect::TokenBomb) => bomb::of(&honest.value(), 16 * MB),
            _ => honest,
        }
    }

    fn jwks(&self, records: &ProviderRecords) -> Answer {
        let honest = openid::jwks(records);
        let mut document = honest.value();
        let keys = document["keys"].as_array_mut().expect("keys");
        match self.defect() {
            Some(Defect::KidToEncrypt) => {
                let mut jwk = self.encrypts.jwk();
                jwk["use"] = json!("enc");
                keys.push(jwk);
            }
            Some(Defect::KidDuplicate) => {
                let mut jwk = self.impostor.jwk();
                jwk["kid"] = json!(records.signer().kid);
                keys.insert(0, jwk);
            }
            Some(Defect::JwksNever) => return Answer::never(),
            Some(Defect::JwksHuge) => return honest.padded(50 * MB),
            Some(Defect::JwksRedirect) => return Answer::redirect(307, self.canary.url()),
            _ => {}
        }
        Answer::json(200, &document)
    }

    fn discovery(&self, records: &ProviderRecords) -> Answer {
        let mut document = oidc::discovery(records);
        match self.defect() {
            Some(Defect::DiscoveryIssuer) => document["issuer"] = json!(ANOTHER),
            Some(Defect::DiscoveryWithoutJwks) => {
                document.as_object_mut().expect("an object").remove("jwks_uri");
            }
            Some(Defect::DiscoveryNoJson) => {
                return Answer::new(200, "application/json", "{\"issuer\":");
            }
            Some(Defect::DiscoveryFault) => return Answer::html(500, "Try again."),
            _ => {}
        }
        Answer::json(200, &document)
    }

    fn userinfo(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        let honest = oidc::userinfo(records, asked);
        if honest.status() != 200 {
            return honest;
        }
        let mut claims = honest.value();
        match self.defect() {
            Some(Defect::UserinfoOfAnother) => claims["sub"] = json!("somebody-else"),
            Some(
                Defect::EmailVerifiedMissing
                | Defect::EmailVerifiedFalse
                | Defect::EmailVerifiedText
                | Defect::EmailVerifiedNumber,
            ) => self.bend(records, &mut claims),
            _ => {}
        }
        Answer::json(200, &claims)
    }
}

/// The same token with one bit of its signature changed.
fn broken(token: &str) -> String {
    let (input, signature) = token.rsplit_once('.').expect("a signature");
    let mut signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    signature[0] ^= 1;
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}
