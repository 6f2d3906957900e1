//! Apps that use all of it: pushed and signed requests, signed answers, bound tokens, certificates,
//! devices. Those of openid-client meet oidc-provider first, registered by the same words and asked for
//! the same steps: what they do is right by somebody else's judgement, and what they see here as well.

use rcgen::PKCS_ECDSA_P256_SHA256;
use serde_json::{Value, json};

use super::program::Program;
use super::{PASSWORD, USERNAME, toolchain};
use crate::support::certificates::{Authority, Pair};
use crate::support::{
    Binary, Browser, CALLBACK, Cli, Database, Page, Server, free_port, http, required_or_skip,
    write_secret,
};

/// Starts an issuer at this URL that is built on oidc-provider, with one client.
async fn oidc_provider(url: &str, id: &str, registration: &Value) -> Result<Program, String> {
    let command = toolchain::oidc_provider().await?;
    let mut client = registration.clone();
    client["client_id"] = json!(id);
    let told = [
        ("ISSUER", url.to_owned()),
        ("CLIENT", client.to_string()),
        ("USERNAME", USERNAME.to_owned()),
    ];
    let mut issuer = Program::start(command, &told);
    assert_eq!(issuer.succeeds("listen").await, url);
    Ok(issuer)
}

/// Answers the question of oidc-provider.
async fn answered(person: &mut Browser, asked: &Page, answer: &str) -> Page {
    assert!(asked.has("asked"), "{asked:?}");
    let sent = person.post(&asked.url, &[("answer", answer)]).await;
    person.follow(sent).await
}

fn sent_back(page: &Page) -> String {
    page.location().unwrap_or_else(|| panic!("sent back: {page:?}")).to_owned()
}

/// The registration of the bank in the words of RFC 7591, RFC 9101, RFC 9126, RFC 9449 and JARM.
fn of_bank(jwks: &str, alg: &str) -> Value {
    json!({
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": serde_json::from_str::<Value>(jwks).expect("JSON"),
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid profile email",
        "require_pushed_authorization_requests": true,
        "request_object_signing_alg": alg,
        "require_signed_request_object": true,
        "authorization_signed_response_alg": alg,
        "id_token_signed_response_alg": alg,
        "dpop_bound_access_tokens": true,
    })
}

/// What the bank does after it was sent away and refused: it is sent back, refreshes, and tries the
/// code again.
async fn goes_on(bank: &mut Program, back: &str) {
    assert!(back.starts_with(&format!("{CALLBACK}?response=")), "{back}");
    assert_eq!(bank.succeeds(&format!("back {back}")).await, USERNAME);
    assert_eq!(bank.succeeds("refresh").await, USERNAME);
    assert_eq!(bank.succeeds("refresh").await, USERNAME);
    is_refused(&bank.ask(&format!("back {back}")).await, "invalid_grant");
}

#[track_caller]
fn is_refused(answer: &str, error: &str) {
    assert!(answer.starts_with(&format!("refused {error} ")), "{answer}");
}

/// openid-client by the whole of FAPI 2.0 Message Signing, by each algorithm of the profile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fapi2_ms_node_signs_people_in_by_everything_that_the_profile_has() {
    for alg in ["ES256", "PS256"] {
        let command = match toolchain::fapi().await {
            Ok(command) => command,
            Err(why) => return required_or_skip(&why),
        };
        let mut cli = Cli::prepared(&Database::Sqlite).await;
        cli.set("MAPAE_DPOP_REQUIRE_NONCE", "true");
        let server = cli.serve().await;
        server.user(USERNAME, PASSWORD).await;
        let mut bank = Program::start(command, &told_to_bank(&server.issuer(), alg));
        let registration = of_bank(&bank.succeeds("jwks").await, alg);
        let file = server.cli.folder.path().join("bank.json");
        std::fs::write(&file, registration.to_string()).expect("written");
        let file = file.display().to_string();
        let client = server.client("bank", &["--profile", "fapi2", "--metadata", &file]).await;
        let mut person = Browser::new(&server.issuer(), &client.http);
        let login = person.open(&bank.succeeds("leave").await).await;
        let consent = person.sign_in(&login).await;
        let denied = sent_back(&person.consent(&consent, "deny").await);
        is_refused(&bank.ask(&format!("back {denied}")).await, "access_denied");
        let url = bank.succeeds("leave").await;
        goes_on(&mut bank, &sent_back(&person.arrive(&url).await)).await;
        bank.quit().await;
    }
}

/// The same program, the same registration, the same steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fapi2_ms_the_same_bank_does_the_same_at_oidc_provider() {
    for alg in ["ES256", "PS256"] {
        let command = match toolchain::fapi().await {
            Ok(command) => command,
            Err(why) => return required_or_skip(&why),
        };
        let url = format!("http://127.0.0.1:{}", free_port());
        let mut bank = Program::start(command, &told_to_bank(&url, alg));
        let registration = of_bank(&bank.succeeds("jwks").await, alg);
        let issuer = match oidc_provider(&url, "bank", &registration).await {
            Ok(issuer) => issuer,
            Err(why) => return required_or_skip(&why),
        };
        let mut person = Browser::new(&url, &http());
        let asked = person.open(&bank.succeeds("leave").await).await;
        let denied = sent_back(&answered(&mut person, &asked, "deny").await);
        is_refused(&bank.ask(&format!("back {denied}")).await, "access_denied");
        let asked = person.open(&bank.succeeds("leave").await).await;
        let allowed = answered(&mut person, &asked, "allow").await;
        goes_on(&mut bank, &sent_back(&allowed)).await;
        bank.quit().await;
        issuer.quit().await;
    }
}

fn told_to_bank(issuer: &str, alg: &str) -> [(&'static str, String); 4] {
    [
        ("ISSUER", issuer.to_owned()),
        ("CLIENT_ID", "bank".to_owned()),
        ("REDIRECT_URI", CALLBACK.to_owned()),
        ("ALG", alg.to_owned()),
    ]
}

/// The registration of a television in the words of RFC 7591.
fn of_television() -> Value {
    json!({
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        "response_types": [],
        "redirect_uris": [],
        "scope": "openid profile",
    })
}

/// The code that the television shows, and the address with it.
async fn shown(television: &mut Program) -> (String, String) {
    let shown = television.succeeds("show").await;
    let (code, url) = shown.split_once(' ').expect("two words");
    (code.to_owned(), url.to_owned())
}

/// What the television does after somebody allowed it.
async fn is_signed_in(television: &mut Program) {
    assert_eq!(television.succeeds("take").await, USERNAME);
    assert_eq!(television.succeeds("refresh").await, USERNAME);
    is_refused(&television.ask("ask").await, "invalid_grant");
}

/// openid-client on a device without a browser.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc8628_3_node_signs_people_in_by_a_code_that_they_type_elsewhere() {
    let command = match toolchain::television().await {
        Ok(command) => command,
        Err(why) => return required_or_skip(&why),
    };
    let nonces = ("dpop.require_nonce", "true");
    let server = Server::start_with(&Database::Sqlite, &[nonces]).await;
    server.alice().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("television.json");
    std::fs::write(&file, of_television().to_string()).expect("written");
    let file = file.display().to_string();
    let create = ["client", "create", "--id", "tv", "--name", "Television", "--metadata", &file];
    server.cli().await.json(&create, None).await;
    let told = [("ISSUER", server.issuer().to_owned()), ("CLIENT_ID", "tv".to_owned())];
    let mut television = Program::start(command, &told);

    let (code, url) = shown(&mut television).await;
    is_refused(&television.ask("ask").await, "authorization_pending");
    is_refused(&television.ask("ask").await, "slow_down");
    let mut person = server.browser();
    let login = person.open(&url).await;
    let page = person.sign_in(&login).await;
    assert_eq!(page.value_of("user-code"), code);
    typed(&mut person, &page, &code, "deny").await;
    // RFC 8628 §3.5: five seconds more than the usual five, since it was too fast.
    server.advance(10);
    is_refused(&television.ask("take").await, "access_denied");

    let (code, url) = shown(&mut television).await;
    let page = person.open(&url).await;
    let done = typed(&mut person, &page, &code, "allow").await;
    assert!(done.has("device-allowed"), "{}", done.reply.text);
    is_signed_in(&mut television).await;
    television.quit().await;
}

/// Types the code at this server, and answers.
async fn typed(person: &mut Browser, page: &Page, code: &str, answer: &str) -> Page {
    let (csrf, session) = (page.hidden("csrf"), page.hidden("session"));
    let fields =
        [("csrf", csrf.as_str()), ("session", &session), ("user_code", code), ("answer", answer)];
    person.post("/device", &fields).await
}

/// The same program, the same registration, the same steps, but for the throttle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc8628_3_the_same_television_does_the_same_at_oidc_provider() {
    let command = match toolchain::television().await {
        Ok(command) => command,
        Err(why) => return required_or_skip(&why),
    };
    let url = format!("http://127.0.0.1:{}", free_port());
    let issuer = match oidc_provider(&url, "tv", &of_television()).await {
        Ok(issuer) => issuer,
        Err(why) => return required_or_skip(&why),
    };
    let told = [("ISSUER", url.clone()), ("CLIENT_ID", "tv".to_owned())];
    let mut television = Program::start(command, &told);
    let mut person = Browser::new(&url, &http());
    for answer in ["deny", "allow"] {
        let (code, address) = shown(&mut television).await;
        is_refused(&television.ask("ask").await, "authorization_pending");
        let mut page = person.open(&address).await;
        for confirmed in [None, Some(("confirm", "yes"))] {
            let xsrf = page.hidden("xsrf");
            let mut fields = vec![("xsrf", xsrf.as_str()), ("user_code", &code)];
            fields.extend(confirmed);
            let sent = person.post("/device", &fields).await;
            page = person.follow(sent).await;
        }
        answered(&mut person, &page, answer).await;
        match answer {
            "deny" => is_refused(&television.ask("take").await, "access_denied"),
            _ => is_signed_in(&mut television).await,
        }
    }
    television.quit().await;
    issuer.quit().await;
}

/// The OAuth SDK of Nimbus by FAPI 2.0: by a key and DPoP, and by certificates of both kinds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fapi2_nimbus_signs_people_in_by_keys_and_by_certificates() {
    let command = match toolchain::nimbus().await {
        Ok(command) => command,
        Err(why) => return required_or_skip(&why),
    };
    let authority = Authority::new();
    let server = of_nimbus(&authority).await;
    server.user(USERNAME, PASSWORD).await;
    for method in ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"] {
        let file = |name: &str| server.cli.folder.path().join(format!("{method}-{name}"));
        let mut told = vec![
            ("ISSUER", server.issuer()),
            ("CLIENT_ID", method.to_owned()),
            ("REDIRECT_URI", CALLBACK.to_owned()),
            ("METHOD", method.to_owned()),
        ];
        if method != "private_key_jwt" {
            let pair = match method {
                "tls_client_auth" => authority.client(|_| {}),
                _ => Pair::self_signed(&PKCS_ECDSA_P256_SHA256, |_| {}),
            };
            for (variable, text) in [
                ("CERTIFICATE", pair.certificate.as_str()),
                ("KEY", &pair.key),
                ("AUTHORITY", authority.pem()),
            ] {
                std::fs::write(file(variable), text).expect("written");
                told.push((variable, file(variable).display().to_string()));
            }
        }
        let mut bank = Program::start(command(), &told);
        let jwks = file("jwks").display().to_string();
        std::fs::write(&jwks, bank.succeeds("jwks").await).expect("written");
        let mut arguments = vec!["--kind", "confidential", "--profile", "fapi2"];
        arguments.extend(["--grant", "authorization_code", "--grant", "refresh_token"]);
        arguments.extend(["--redirect-uri", CALLBACK, "--scope", "openid profile email"]);
        arguments.extend(["--auth-method", method]);
        arguments.extend(match method {
            "tls_client_auth" => {
                ["--tls-client-auth-subject-dn", "CN=client,O=Example\\, Inc.,C=KR"]
            }
            _ => ["--jwks", &jwks],
        });
        if method != "private_key_jwt" {
            arguments.push("--tls-client-certificate-bound-access-tokens");
        }
        let client = server.client(method, &arguments).await;
        let mut person = Browser::new(&server.issuer(), &client.http);
        let asked = person.open(&bank.succeeds("leave").await).await;
        let asked = if asked.has("login-submit") { person.sign_in(&asked).await } else { asked };
        let denied = sent_back(&person.consent(&asked, "deny").await);
        is_refused(&bank.ask(&format!("back {denied}")).await, "access_denied");
        let url = bank.succeeds("leave").await;
        let back = sent_back(&person.arrive(&url).await);
        assert_eq!(bank.succeeds(&format!("back {back}")).await, USERNAME, "{method}");
        is_refused(&bank.ask("stolen").await, "invalid_token");
        assert_eq!(bank.succeeds("refresh").await, USERNAME, "{method}");
        is_refused(&bank.ask(&format!("back {back}")).await, "invalid_grant");
        bank.quit().await;
    }
}

/// A server with a listener of mutual TLS, and nonces in proofs.
async fn of_nimbus(authority: &Authority) -> Binary {
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    let own = authority.issue(&["localhost", "127.0.0.1"]);
    let files = [
        ("MAPAE_MTLS_CERT_FILE", "cert.pem", own.certificate.as_str()),
        ("MAPAE_MTLS_KEY_FILE", "key.pem", &own.key),
        ("MAPAE_MTLS_CA_FILE", "ca.pem", authority.pem()),
    ];
    for (setting, name, text) in files {
        let path = cli.folder.path().join(name);
        write_secret(&path, text);
        cli.set(setting, path.display().to_string());
    }
    cli.set("MAPAE_MTLS_LISTEN", format!("127.0.0.1:{}", free_port()));
    cli.set("MAPAE_DPOP_REQUIRE_NONCE", "true");
    cli.serve().await
}
