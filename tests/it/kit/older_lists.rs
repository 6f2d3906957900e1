//! A resource server gets a status list that says that it was made before the one that it has:
//! replicas whose clocks differ answer in turn, or a cache keeps an old copy.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mapae::domain::clock::Clock;
use serde_json::{Value, json};

use super::AUDIENCE;
use super::resource_server::ResourceServer;
use crate::interop::toolchain::{self, Language};
use crate::support::upstream::Signer;
use crate::support::{Published, Publisher, eventually, required_or_skip};

const LIST: &str = "/status/1";

/// An issuer with one status list.
struct Issuer {
    publisher: Publisher,
    signer: Signer,
    now: i64,
}

impl Issuer {
    async fn start() -> Self {
        let (publisher, signer) = (Publisher::start().await, Signer::p256());
        let metadata = json!({ "issuer": publisher.url(""), "jwks_uri": publisher.url("/jwks") });
        publisher.publish("/.well-known/openid-configuration", Published::json(&metadata));
        publisher.publish("/jwks", Published::json(&json!({ "keys": [signer.jwk()] })));
        // Programs of other languages have the clock of the system.
        Self { publisher, signer, now: Clock::system().now().timestamp() }
    }

    fn url(&self) -> String {
        self.publisher.url("")
    }

    fn signs(&self, typ: &str, claims: &Value) -> String {
        let mut header = self.signer.header();
        header["typ"] = json!(typ);
        self.signer.sign(&header, claims)
    }

    /// A token at this place of the list.
    fn token(&self, idx: u8) -> String {
        let uri = self.publisher.url(LIST);
        let claims = json!({
            "iss": self.url(), "sub": "p", "aud": AUDIENCE, "client_id": "app",
            "iat": self.now, "exp": self.now + 3600, "jti": format!("token-{idx}"),
            "status": { "status_list": { "idx": idx, "uri": uri } },
        });
        self.signs("at+jwt", &claims)
    }

    /// From now on the list has these bits, and says that it was made so many seconds ago.
    fn lists(&self, bits: u8, ago: i64) {
        let lst = URL_SAFE_NO_PAD.encode(miniz_oxide::deflate::compress_to_vec_zlib(&[bits], 9));
        let claims = json!({
            "sub": self.publisher.url(LIST), "iat": self.now - ago, "exp": self.now + 3600,
            "ttl": 1, "status_list": { "bits": 1, "lst": lst },
        });
        let headers = vec![("content-type", "application/statuslist+jwt".to_owned())];
        let body = self.signs("statuslist+jwt", &claims);
        self.publisher.publish(LIST, Published { status: 200, headers, body, waits: None });
    }
}

async fn takes_nothing_back(api: &ResourceServer, issuer: &Issuer) {
    let (first, second) = (issuer.token(0), issuer.token(3));
    let says = async |what: &str, token: &str, accepted: bool| {
        eventually(what, async || api.accepts(token).await == Some(accepted)).await;
    };
    let is_not_accepted = async |token: &str| {
        assert_ne!(api.accepts(token).await, Some(true), "an older list takes it back");
    };
    issuer.lists(0b0001, 20);
    says("the list is there", &first, false).await;
    says("nobody revoked this one", &second, true).await;
    // A replica whose clock is behind knows of one more revocation.
    issuer.lists(0b1000, 40);
    eventually("the older list counts too", async || {
        is_not_accepted(&first).await;
        api.accepts(&second).await == Some(false)
    })
    .await;
    // An old copy knows of none. When a second one is asked for, the first was read.
    issuer.lists(0, 60);
    let asked = issuer.publisher.asked(LIST);
    eventually("the old copy was fetched", async || {
        is_not_accepted(&first).await;
        is_not_accepted(&second).await;
        issuer.publisher.asked(LIST) > asked + 1
    })
    .await;
    says("it stays revoked", &first, false).await;
    says("it stays revoked", &second, false).await;
    // One that was made later counts alone, also by a replica whose clock is ahead of this one.
    issuer.lists(0b0001, -5);
    says("the later list counts", &second, true).await;
    says("it is revoked there too", &first, false).await;
    // So does one of the same second.
    issuer.lists(0, -5);
    says("the list of the same second counts", &first, true).await;
    // Where the issuer has no list any more, the last one says nothing good.
    issuer.publisher.publish(LIST, Published::status(404));
    says("there is no list", &first, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_crate_takes_nothing_back() {
    let issuer = Issuer::start().await;
    let api = ResourceServer::of_the_crate(&issuer.url(), AUDIENCE);
    takes_nothing_back(&api, &issuer).await;
}

async fn the_kit_takes_nothing_back(language: Language, name: &str) {
    let program = match toolchain::of_the_kit(language, name).await {
        Ok(program) => program,
        Err(why) => return required_or_skip(&why),
    };
    let issuer = Issuer::start().await;
    let api = ResourceServer::start(program, &issuer.url(), AUDIENCE);
    takes_nothing_back(&api, &issuer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_takes_nothing_back() {
    the_kit_takes_nothing_back(Language::Node, "node").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_takes_nothing_back() {
    the_kit_takes_nothing_back(Language::Python, "python/fastapi").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_takes_nothing_back() {
    the_kit_takes_nothing_back(Language::Go, "go").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn java_takes_nothing_back() {
    the_kit_takes_nothing_back(Language::Java, "spring").await;
}
