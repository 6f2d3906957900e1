//! Independent programs of `tests/interop`, which know nothing of an issuer but its URL. Each
//! runs as one process across a key rotation, so that its cache of keys is tested.

pub(crate) mod clients;
mod forge;
mod mcp;
mod oauth2_proxy;
mod profiles;
mod program;
mod synapse;
pub(crate) mod toolchain;

use std::time::Duration;

use self::forge::{Forge, forgeries, with_one_fault};
use self::program::Program;
use self::toolchain::Language;
use crate::support::{App, Binary, Browser, CALLBACK, Cli, Database, form, required_or_skip};

const AUDIENCE: &str = "https://api.example.com";
const USERNAME: &str = "alice";
const PASSWORD: &str = "correct horse battery staple";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python() {
    meet(Language::Python).await;
}

/// It knows nothing of `kid` and meets the keys in the order in which they are served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_jose_is_handed_the_whole_jwks_through_two_rotations() {
    let command = match Language::PythonJose.build().await {
        Ok(command) => command,
        Err(why) => return required_or_skip(&why),
    };
    let server_and_clients = InteropServer::start().await;
    let mut program = Program::start(command, &server_and_clients.program_settings());
    let mut signed_before = vec![access_token(&server_and_clients.app).await];
    for _ in 0..2 {
        let rotated = server_and_clients.server.cli(&["key", "rotate", "--now"], None).await;
        let made = rotated["keys"].as_array().expect("keys");
        let next = tokio::time::timeout(
            Duration::from_mins(1),
            signed_by_one_of(&server_and_clients.app, made),
        );
        signed_before.push(next.await.expect("a token of the next key in time"));
        for token in &signed_before {
            assert_eq!(
                program.succeeds(&format!("verify {token}")).await,
                server_and_clients.app.id
            );
        }
    }
    for (fault, token) in forgeries(&signed_before[0], &server_and_clients.forge) {
        let answer = program.ask(&format!("verify {token}")).await;
        assert!(answer.starts_with("refused "), "{fault}: {answer}");
    }
    program.quit().await;
}

async fn signed_by_one_of(app: &App, keys: &[serde_json::Value]) -> String {
    loop {
        let token = access_token(app).await;
        if keys.iter().any(|key| key["kid"] == crate::support::decode_header(&token)["kid"]) {
            return token;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node() {
    meet(Language::Node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go() {
    meet(Language::Go).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn java() {
    meet(Language::Java).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_signs_people_in() {
    sign_people_in(Language::Node, Tokens::Bearer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc9449_5_node_signs_people_in_with_tokens_that_are_bound_to_its_key() {
    sign_people_in(Language::Node, Tokens::Bound).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_signs_people_in() {
    sign_people_in(Language::Python, Tokens::Bearer).await;
}

const BYE: &str = "https://app.example.com/bye";

/// What kind of tokens the app gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tokens {
    Bearer,
    /// With a nonce in each proof.
    Bound,
}

/// The whole code flow of an app that somebody else's library runs; the proof is the person.
async fn sign_people_in(language: Language, tokens: Tokens) {
    let command = match language.build_app().await {
        Ok(command) => command,
        Err(why) => return required_or_skip(&why),
    };
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    if tokens == Tokens::Bound {
        cli.set("MAPAE_DPOP_REQUIRE_NONCE", "true");
    }
    let server = cli.serve().await;
    server.user(USERNAME, PASSWORD).await;
    let mut arguments = vec!["--kind", "confidential", "--scope", "openid profile email"];
    arguments.extend(["--grant", "authorization_code", "--grant", "refresh_token"]);
    arguments.extend(["--redirect-uri", CALLBACK, "--post-logout-redirect-uri", BYE]);
    if tokens == Tokens::Bound {
        arguments.push("--dpop-bound-access-tokens");
    }
    let client = server.client("app", &arguments).await;
    let mut told = vec![
        ("ISSUER", server.issuer()),
        ("CLIENT_ID", client.id.clone()),
        ("CLIENT_SECRET", client.secret.clone().expect("a secret")),
        ("REDIRECT_URI", CALLBACK.to_owned()),
        ("POST_LOGOUT_REDIRECT_URI", BYE.to_owned()),
    ];
    if tokens == Tokens::Bound {
        told.push(("DPOP", "yes".to_owned()));
    }
    let mut app = Program::start(command, &told);
    let mut person = Browser::new(&server.issuer(), &client.http);

    // Who says no is heard.
    let url = app.succeeds("leave").await;
    let login = person.open(&url).await;
    let consent = person.sign_in(&login).await;
    let denied = person.consent(&consent, "deny").await.location().expect("back").to_owned();
    let answer = app.ask(&format!("back {denied}")).await;
    assert!(answer.starts_with("refused access_denied "), "{answer}");

    let url = app.succeeds("leave").await;
    let back = person.arrive(&url).await.location().expect("back").to_owned();
    assert_eq!(app.succeeds(&format!("back {back}")).await, USERNAME);
    assert_eq!(app.succeeds("refresh").await, USERNAME);
    assert_eq!(app.succeeds("refresh").await, USERNAME);
    // The code is spent, and an answer to another request is none.
    let answer = app.ask(&format!("back {back}")).await;
    assert!(answer.starts_with("refused invalid_grant "), "{answer}");
    let url = app.succeeds("leave").await;
    let other = app.succeeds("leave").await;
    assert_ne!(url, other);
    let back = person.arrive(&url).await.location().expect("back").to_owned();
    let answer = app.ask(&format!("back {back}")).await;
    assert!(answer.starts_with("refused "), "{answer}");
    let back = person.arrive(&other).await.location().expect("back").to_owned();
    // RFC 9207: an answer in the name of another issuer is none.
    let issuer = form(&[("iss", &server.issuer())]);
    let forged = back.replace(&issuer, &form(&[("iss", "https://evil.example")]));
    assert_ne!(forged, back);
    let answer = app.ask(&format!("back {forged}")).await;
    assert!(answer.starts_with("refused "), "{answer}");
    if language == Language::Node {
        let url = app.succeeds("leave form_post").await;
        let page = person.arrive(&url).await;
        let fields = ["code", "state", "iss"].map(|name| (name, page.hidden(name)));
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(app.succeeds(&format!("posted {}", form(&fields))).await, USERNAME);
    } else {
        assert_eq!(app.succeeds(&format!("back {back}")).await, USERNAME);
    }
    let out = app.succeeds("out").await;
    let bye = person.open(&out).await;
    assert_eq!(bye.location(), Some(format!("{BYE}?state=bye").as_str()));
    let url = app.succeeds("leave").await;
    assert!(person.open(&url).await.has("login-submit"), "signed out");
    app.quit().await;
}

async fn meet(language: Language) {
    let command = match language.build().await {
        Ok(command) => command,
        Err(why) => return required_or_skip(&why),
    };
    let server_and_clients = InteropServer::start().await;
    let mut program = Program::start(command, &server_and_clients.program_settings());

    let first_kid = program.succeeds("token").await;
    accepts_what_is_ours(&mut program, &server_and_clients).await;
    refuses_forgeries(&mut program, &server_and_clients).await;
    survives_a_rotation(&mut program, &server_and_clients, &first_kid).await;
    program.quit().await;
}

/// An issuer and everybody whom a program meets there.
struct InteropServer {
    server: Binary,
    /// The program's own client.
    app: App,
    /// A client of the same API whose tokens are signed by ES256.
    elliptic: App,
    /// A client of another API.
    elsewhere: App,
    alice: String,
    /// Signs with a key that the issuer publishes.
    forge: Forge,
}

impl InteropServer {
    async fn start() -> Self {
        let server = Binary::start(&Database::Sqlite).await;
        let both = ["--grant", "password", "--grant", "client_credentials"];
        let app = register(&server, "stranger", AUDIENCE, &both).await;
        let es256 = ["--grant", "client_credentials", "--token-alg", "ES256"];
        let elliptic = register(&server, "elliptic", AUDIENCE, &es256).await;
        let elsewhere =
            register(&server, "elsewhere", "https://elsewhere.example.com", &both).await;
        let alice = server.user(USERNAME, PASSWORD).await;
        let forge = publish_a_key(&server, &app).await;
        Self { server, app, elliptic, elsewhere, alice, forge }
    }

    fn program_settings(&self) -> [(&'static str, String); 7] {
        let secret = self.app.secret.clone().expect("a secret");
        [
            ("ISSUER", self.server.issuer()),
            ("CLIENT_ID", self.app.id.clone()),
            ("CLIENT_SECRET", secret),
            ("AUDIENCE", AUDIENCE.to_owned()),
            ("SCOPE", "read".to_owned()),
            ("USERNAME", USERNAME.to_owned()),
            ("PASSWORD", PASSWORD.to_owned()),
        ]
    }
}

async fn register(server: &Binary, id: &str, audience: &str, more: &[&str]) -> App {
    let mut arguments =
        vec!["--kind", "confidential", "--scope", "openid read", "--audience", audience];
    arguments.extend(more);
    server.client(id, &arguments).await
}

/// Imports a key that this proof holds too, so that a forgery can be right but for one thing.
async fn publish_a_key(server: &Binary, app: &App) -> Forge {
    let forge = Forge::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key.pem");
    std::fs::write(&file, forge.private_pem()).expect("written");
    let path = file.to_str().expect("UTF-8");
    let imported = server.cli(&["key", "import", path], None).await;
    let kid = imported["kid"].as_str().expect("a kid").to_owned();
    let published = shows(app, &kid);
    tokio::time::timeout(Duration::from_mins(1), published).await.expect("published in time");
    forge.known_as(kid)
}

/// Waits until the JWKS shows a key.
async fn shows(app: &App, kid: &str) {
    let url = format!("{}/.well-known/jwks.json", app.base);
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    loop {
        looks.tick().await;
        let answer = app.http.get(&url).send().await.expect("an answer");
        if answer.text().await.expect("a body").contains(kid) {
            return;
        }
    }
}

async fn accepts_what_is_ours(program: &mut Program, server_and_clients: &InteropServer) {
    let machine = access_token(&server_and_clients.app).await;
    assert_eq!(program.succeeds(&format!("verify {machine}")).await, server_and_clients.app.id);

    let person = server_and_clients.app.password("openid").await.ok().text("access_token");
    assert_eq!(program.succeeds(&format!("verify {person}")).await, server_and_clients.alice);

    let elliptic = access_token(&server_and_clients.elliptic).await;
    assert_eq!(
        program.succeeds(&format!("verify {elliptic}")).await,
        server_and_clients.elliptic.id
    );

    // The control of the forgeries: what the forge signs is good until it is given a fault.
    let faultless = server_and_clients.forge.copy(&machine);
    assert_eq!(program.succeeds(&format!("verify {faultless}")).await, server_and_clients.app.id);
}

async fn refuses_forgeries(program: &mut Program, server_and_clients: &InteropServer) {
    let genuine = access_token(&server_and_clients.app).await;
    let mut bad = forgeries(&genuine, &server_and_clients.forge);
    bad.extend(with_one_fault(&genuine, &server_and_clients.forge));
    bad.push((
        "an id_token",
        server_and_clients.app.password("openid").await.ok().text("id_token"),
    ));
    bad.push(("a token for another API", access_token(&server_and_clients.elsewhere).await));
    for (fault, token) in bad {
        let answer = program.ask(&format!("verify {token}")).await;
        assert!(answer.starts_with("refused "), "{fault}: {answer}");
    }
}

async fn survives_a_rotation(
    program: &mut Program,
    server_and_clients: &InteropServer,
    first_kid: &str,
) {
    let signed_before = access_token(&server_and_clients.app).await;
    let rotated = server_and_clients.server.cli(&["key", "rotate", "--now"], None).await;
    let next_kid =
        tokio::time::timeout(Duration::from_mins(1), token_of_next_key(program, first_kid))
            .await
            .expect("a token of the next key in time");
    let made = rotated["keys"].as_array().expect("keys");
    assert!(made.iter().any(|key| key["kid"] == next_kid.as_str()), "{next_kid} of {made:?}");
    assert_eq!(
        program.succeeds(&format!("verify {signed_before}")).await,
        server_and_clients.app.id
    );
}

/// Asks for tokens until the next key signs them. The server may take a second for that, and a
/// program that has just fetched the keys may refuse the new one for the second of its cool-down.
async fn token_of_next_key(program: &mut Program, first_kid: &str) -> String {
    loop {
        let answer = program.ask("token").await;
        match answer.split_once(' ') {
            Some(("ok", kid)) if kid != first_kid => return kid.to_owned(),
            Some(("ok" | "refused", _)) => {}
            _ => panic!("{answer}"),
        }
    }
}

async fn access_token(app: &App) -> String {
    app.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token")
}
