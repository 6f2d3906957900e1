//! Known secrets go through every flow, with right and with wrong requests, while everything is
//! logged. No secret is found in the log or in the database, in any encoding.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use mapae::domain::clock::Clock;
use memchr::memmem::Finder;
use serde_json::json;

use crate::recovery::{EMAIL, forget, next, next_code, submit};
use crate::support::factors::{Authenticator, recovery_codes};
use crate::support::{
    App, Browser, CALLBACK, CHALLENGE, Cli, ClientArguments, Database, Mailbox, VERIFIER, form,
    http,
};

const CANARY: &str = "Canary/비밀+word=7&%_~";

/// A secret in every form in which it could leak.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let hex: Vec<_> = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    let json = serde_json::to_string(secret).expect("JSON");
    let mut forms =
        vec![secret.to_owned(), hex.to_uppercase(), hex, json.trim_matches('"').to_owned()];
    for space in ["+", "%20"] {
        for upper in [true, false] {
            let bytes: Vec<_> = secret.bytes().map(|byte| escaped(byte, space, upper)).collect();
            forms.push(bytes.concat());
        }
    }
    // In the middle of something else: each of the three ways in which base64 can cut it.
    for shift in 0..3 {
        let text = [vec![0; shift], secret.as_bytes().to_vec()].concat();
        let (first, last) = ([0, 2, 3][shift], text.len() * 8 / 6);
        forms.push(URL_SAFE_NO_PAD.encode(&text)[first..last].to_owned());
        forms.push(STANDARD_NO_PAD.encode(&text)[first..last].to_owned());
    }
    forms
}

fn escaped(byte: u8, space: &str, upper: bool) -> String {
    match byte {
        b' ' => space.to_owned(),
        _ if byte.is_ascii_alphanumeric() || b"*-._~".contains(&byte) => char::from(byte).into(),
        _ if upper => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    }
}

#[test]
fn a_leak_is_found_in_every_form() {
    let found = |text: &str| forms("a secret?").iter().any(|form| text.contains(form));
    for text in [
        "x a secret? x",
        "x=a+secret%3F",
        "x=a%20secret%3f",
        "x=a%20secret%3F",
        "61207365637265743f",
    ] {
        assert!(found(text), "{text}");
    }
    for before in ["", "i", "id", "id:", "id:x"] {
        let text = format!("{before}a secret?:more");
        assert!(found(&URL_SAFE_NO_PAD.encode(&text)), "{before}");
        assert!(found(&STANDARD_NO_PAD.encode(&text)), "{before}");
    }
    assert!(!found("another secret!"));
}

/// A client's key for `private_key_jwt`.
struct Signer(EcdsaKeyPair);

impl Signer {
    fn jwks(&self) -> String {
        let point = self.0.public_key().as_ref();
        let half = |range| URL_SAFE_NO_PAD.encode(&point[range]);
        let key = json!({ "kty": "EC", "crv": "P-256", "x": half(1..33), "y": half(33..65) });
        json!({ "keys": [key] }).to_string()
    }

    fn assertion(&self, client: &str, audience: &str, jti: &str) -> String {
        let now = Clock::system().now();
        let claims = json!({
            "iss": client, "sub": client, "aud": audience, "jti": jti,
            "exp": now.timestamp() + 60,
        });
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let input = format!("{}.{}", encode(r#"{"alg":"ES256"}"#), encode(&claims.to_string()));
        let signature = self.0.sign(&SystemRandom::new(), input.as_bytes()).expect("signed");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// What went through the server and must not be found.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Secrets {
    fn keep(&mut self, secret: &str) -> String {
        self.0.push(secret.to_owned());
        secret.to_owned()
    }

    fn keep_pair(&mut self, (access, refresh): (String, String)) -> (String, String) {
        // The signature makes a token a secret: the claims without it are in the log in part.
        self.keep(access.rsplit('.').next().expect("a signature"));
        (access, self.keep(&refresh))
    }
}

async fn raw(app: &App, path: &str, body: String, kind: &str, authorization: &str) -> u16 {
    let request = app.http.post(format!("{}{path}", app.base)).header("content-type", kind);
    let request = request.header("authorization", authorization).body(body);
    request.send().await.expect("an answer").status().as_u16()
}

/// Every flow of the token endpoint and its neighbours, right and wrong.
async fn people(app: &App, secrets: &mut Secrets) {
    let (access, first) =
        secrets.keep_pair(app.password_as("alice", CANARY, "openid").await.pair());
    let wrong = secrets.keep("a-wrong-Canary-password");
    app.password_as("alice", &wrong, "openid").await.refused(400, "invalid_grant");
    // A password in the field of the name.
    app.password_as(CANARY, "x", "openid").await.refused(400, "invalid_grant");
    app.password_as("alice", CANARY, "unregistered").await.refused(400, "invalid_scope");
    app.userinfo(&access).await.ok();
    app.userinfo(&format!("{access}x")).await;
    app.introspect(&access).await;
    app.introspect(&first).await;
    let (next, second) =
        secrets.keep_pair(app.refresh_with(&first, &[("access_token", &access)]).await.pair());
    app.refresh(&first).await.ok();
    app.refresh_with(&second, &[("scope", "admin")]).await.refused(400, "invalid_scope");
    app.refresh_with(&second, &[("access_token", "x.y.z")]).await.refused(400, "invalid_grant");
    app.revoke(&next).await.ok();
    let (_, third) = secrets.keep_pair(app.refresh(&second).await.pair());
    app.refresh(&first).await.refused(400, "invalid_grant");
    app.revoke(&third).await.ok();
    let twice = [("refresh_token", third.as_str())];
    app.refresh_with(&third, &twice).await.refused(400, "invalid_request");
    let liar = App { secret: Some(secrets.keep("a-wrong-Canary-secret")), ..app.clone() };
    liar.refresh(&third).await.refused(401, "invalid_client");
    let secret = app.secret.clone().expect("a secret");
    let fields = [
        ("grant_type", "password"),
        ("client_id", "app"),
        ("client_secret", secret.as_str()),
        ("username", "alice"),
        ("password", CANARY),
        ("resource", CANARY),
    ];
    let body = form(&fields);
    // Where nothing is read from, and bodies of every wrong kind.
    let kind = "application/x-www-form-urlencoded";
    for (path, body, kind, authorization) in [
        (format!("/token?{body}"), String::new(), kind, ""),
        ("/token".to_owned(), body.clone(), kind, ""),
        ("/token".to_owned(), body.clone(), kind, "Basic !!"),
        ("/token".to_owned(), body.clone(), "application/json", ""),
        ("/token".to_owned(), format!("{body}&password=%zz"), kind, ""),
        ("/token".to_owned(), format!("{body}&x={}", "x".repeat(70_000)), kind, ""),
        ("/token".to_owned(), body.clone(), kind, &format!("Bearer {access}")),
        (format!("/{third}"), body.clone(), kind, &format!("Basic {secret}")),
        ("/userinfo".to_owned(), form(&[("access_token", &access)]), kind, ""),
        (format!("/userinfo?access_token={access}"), String::new(), kind, ""),
        ("/introspect".to_owned(), form(&[("token", &access)]), kind, &format!("Bearer {access}")),
        ("/revoke".to_owned(), form(&[("token", &third), ("token", &third)]), kind, ""),
    ] {
        let status = raw(app, &path, body, kind, authorization).await;
        assert!(status < 500, "{path} {status}");
    }
}

/// The pages, right and wrong, and the code that comes of them.
async fn browsers(app: &App, secrets: &mut Secrets) {
    let mut browser = Browser::new(&app.base, &app.http);
    let login = browser.open(&app.authorization_url(&[("login_hint", "alice")])).await;
    secrets.keep(&login.hidden("csrf"));
    secrets.keep(browser.cookie().expect("a cookie"));
    let wrong = secrets.keep("another-wrong-Canary-password");
    browser.sign_in_as(&login, "alice", &wrong).await;
    browser.sign_in_as(&login, CANARY, "x").await;
    let consent = browser.sign_in_as(&login, "alice", CANARY).await;
    secrets.keep(browser.cookie().expect("a cookie"));
    let code =
        secrets.keep(&browser.consent(&consent, "allow").await.authorization_response().code());
    secrets.keep(VERIFIER);
    app.exchange_with(&code, &[("code_verifier", "")]).await.refused(400, "invalid_grant");
    let first = app.exchange(&code).await.ok();
    let id_token = first.text("id_token");
    secrets.keep(id_token.rsplit('.').next().expect("a signature"));
    secrets.keep_pair(first.pair());
    app.exchange(&code).await.refused(400, "invalid_grant");
    let account = browser.open("/account").await;
    let (csrf, session) = (account.hidden("csrf"), account.hidden("session"));
    secrets.keep(&csrf);
    let new = secrets.keep("a-new-Canary-password-of-some-length");
    for (current, status) in [("a-wrong-Canary-password", 400), (CANARY, 303), (&new, 400)] {
        let fields = [
            ("csrf", csrf.as_str()),
            ("session", &session),
            ("current-password", current),
            ("new-password", &new),
        ];
        let page = browser.post("/account/password", &fields).await;
        assert_eq!(page.reply.status, status, "{}", page.reply.text);
        secrets.keep(browser.cookie().expect("a cookie"));
    }
    let logout = form(&[("id_token_hint", &id_token), ("state", CANARY)]);
    browser.open(&format!("/logout?{logout}")).await;
    secrets.keep(browser.cookie().expect("a cookie"));
    browser.open(&format!("/logout?{logout}x")).await;
    browser.open(&format!("/login?interaction={code}&password={wrong}")).await;
}

async fn machine(app: &App, signer: &Signer, secrets: &mut Secrets) {
    let good = secrets.keep(&signer.assertion("machine", &app.base, "one"));
    let elsewhere = secrets.keep(&signer.assertion("machine", "https://other", "two"));
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    for (assertion, status) in [(&good, 200), (&good, 401), (&elsewhere, 401)] {
        let body = form(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", kind),
            ("client_assertion", assertion),
        ]);
        let request = app.http.post(format!("{}/token", app.base)).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(request.send().await.expect("an answer").status(), status);
    }
    // What makes an assertion a secret is its signature.
    for assertion in [good, elsewhere] {
        secrets.keep(assertion.rsplit('.').next().expect("a signature"));
    }
}

/// A mailed link and a mailed code, right and wrong. Returns the new password, and the browser that
/// is signed in by the code.
async fn mails(base: &str, mails: &Mailbox, secrets: &mut Secrets) -> (String, Browser) {
    let mut browser = Browser::new(base, &http());
    forget(&mut browser, "alice").await;
    let mail = next(mails, EMAIL, &[], "/recover").await;
    let link = mail.link();
    let token = secrets.keep(link.split_once("secret=").expect("a secret").1);
    browser.open(&format!("{link}x")).await;
    browser.open(&format!("/recover/{token}")).await;
    browser.post("/recover", &[("secret", &format!("{token}x"))]).await;
    browser.post("/undo-address", &[("secret", &token)]).await;
    let page = browser.post("/recover", &[("secret", &token)]).await;
    let page = browser.follow(page).await;
    let new = secrets.keep("a-recovered-Canary-password-of-some-length");
    let account = submit(&mut browser, &page, "/recover/password", &[("new-password", &new)]).await;
    assert!(account.has("account-sign-out"), "{}", account.reply.text);
    browser.post("/recover", &[("secret", &token)]).await;
    let (mut browser, seen) = (Browser::new(base, &http()), mails.letters());
    let login = browser.open("/account").await;
    let send = "/login/code/send";
    let page = submit(&mut browser, &login, send, &[("username", "alice")]).await;
    let code = secrets.keep(&next_code(mails, EMAIL, &seen).await);
    secrets.keep(&code.replace('-', ""));
    for (typed, is_right) in [("AAAA-AAAA", false), (code.as_str(), true)] {
        let page = submit(&mut browser, &page, "/login/code", &[("code", typed)]).await;
        assert_eq!(page.has("account-sign-out"), is_right, "{}", page.reply.text);
    }
    (new, browser)
}

/// One-time codes, recovery codes and the challenge endpoint, right and wrong.
async fn factors(browser: &mut Browser, native: &App, password: &str, secrets: &mut Secrets) {
    let account = browser.open("/account/security").await;
    let path = "/account/security/one-time-codes";
    let page = browser.send_account(&account, &format!("{path}/add"), &[]).await;
    let page = browser.follow(page).await;
    let authenticator = Authenticator::of(&page);
    secrets.keep(&authenticator.secret);
    let key = totp_rs::Secret::try_from_base32(&authenticator.secret).expect("base32");
    secrets.keep(&URL_SAFE_NO_PAD.encode(key.as_bytes()));
    let new = page.hidden("new");
    secrets.keep(&new);
    browser.send_account(&page, path, &[("new", &new), ("code", "000000")]).await;
    let code = authenticator.code_at(&Clock::system(), 0);
    let shown = browser.send_account(&page, path, &[("new", &new), ("code", &code)]).await;
    let codes = recovery_codes(&shown);
    for code in &codes {
        secrets.keep(code);
        secrets.keep(&code.replace('-', ""));
    }
    let begin = [
        ("username", "alice"),
        ("password", password),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let refused = native.post("/authorize-challenge", &begin).await;
    refused.refused(400, "insufficient_authorization");
    let session = secrets.keep(&refused.text("auth_session"));
    let recovery = ("recovery_code", codes[0].as_str());
    for (typed, status) in [(("otp", "000000"), 400), (("otp", &*codes[1]), 400), (recovery, 200)] {
        let fields = [("auth_session", session.as_str()), typed];
        let reply = native.post("/authorize-challenge", &fields).await;
        assert_eq!(reply.status, status, "{}", reply.text);
        if status == 200 {
            secrets.keep(&reply.text("authorization_code"));
        }
    }
    native.post("/authorize-challenge", &[("auth_session", &session), recovery]).await;
    native.post("/token", &[("grant_type", "password"), ("auth_session", &session)]).await;
    let mut browser = Browser::new(&native.base, &http());
    let login = browser.open("/account").await;
    let asked = browser.sign_in_as(&login, "alice", password).await;
    for (code, is_right) in [(&codes[0], false), (&codes[1], true)] {
        let fields = [("with", "recovery-code"), ("recovery-code", code.as_str())];
        let page = browser.second_factor(&asked, &fields).await;
        assert_eq!(page.has("account-sign-out"), is_right, "{}", page.reply.text);
    }
}

/// What the console takes and shows once.
async fn console(base: &str, secrets: &mut Secrets) {
    let mut browser = Browser::new(base, &http());
    let login = browser.open("/admin/").await;
    let page = browser.sign_in_as(&login, "boss", CANARY).await;
    assert!(page.has("to-settings"), "{}", page.reply.text);
    secrets.keep(&page.hidden("csrf"));
    let page = browser.open("/admin/apps/app").await;
    let made = browser.send_account(&page, "/admin/apps/app/secret", &[("overlap", "24")]).await;
    secrets.keep(&made.value_of("client-secret"));
    let path = "/admin/new-app/web";
    let fields = [("client_name", "Made"), ("redirect_uris", "https://made.example/cb")];
    let made = browser.send_account(&page, path, &fields).await;
    secrets.keep(&made.value_of("client-secret"));
    let made = browser.send_account(&page, "/admin/registration-tokens", &[]).await;
    secrets.keep(&made.value_of("registration-token"));
    let made = browser.send_account(&page, "/admin/scim-tokens", &[("name", "hr")]).await;
    secrets.keep(&made.value_of("scim-token"));
    let fields = [("url", "https://siem.example.com/"), ("events", "key.dropped")];
    let made = browser.send_account(&page, "/admin/new-webhook", &fields).await;
    secrets.keep(&made.value_of("webhook-secret"));
    let credential = secrets.keep("a-Canary-secret-of-a-provider");
    let fields = [("slug", "kakao"), ("client_id", "x"), ("client_secret", credential.as_str())];
    for _ in 0..2 {
        // The second time it is there already.
        browser.send_account(&page, "/admin/new-provider/kakao", &fields).await;
    }
    let token = secrets.keep("a.Canary.token-that-was-pasted");
    let shown = browser.send_account(&page, "/debug/token", &[("token", &token)]).await;
    assert!(shown.reply.status.is_success() && !shown.reply.text.contains(&token));
    let guest = [("guest", "guest@example.com")];
    browser.send_account(&page, "/admin/people/invite", &guest).await;
    let settings = browser.open("/admin/settings").await;
    assert!(settings.reply.text.contains("issuer") && !settings.reply.text.contains(CANARY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s163_no_secret_is_in_the_log_or_in_the_database() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_LOG", "trace");
    let mailbox = Mailbox::new();
    cli.set("MAPAE_MAIL_URL", mailbox.url());
    cli.set("MAPAE_SIGNIN_MAIL_CODE", "true");
    let binary = cli.serve().await;
    let mut secrets = Secrets::default();
    secrets.keep(CANARY);
    binary.user("alice", CANARY).await;
    let grants = ["password", "refresh_token", "authorization_code"];
    let arguments = ClientArguments::confidential(&grants).with("--redirect-uri", CALLBACK);
    let app = binary.register("app", &arguments.with("--scope", "openid read")).await;
    secrets.keep(app.secret.as_deref().expect("a secret"));
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let signer = Signer(key);
    let file = binary.cli.folder.path().join("jwks.json");
    std::fs::write(&file, signer.jwks()).unwrap();
    let arguments = ClientArguments::confidential(&["client_credentials"]);
    binary.register("machine", &arguments.with("--jwks", file.to_str().unwrap())).await;
    people(&app, &mut secrets).await;
    machine(&app, &signer, &mut secrets).await;
    browsers(&app, &mut secrets).await;
    let address = ["user", "update", "--username", "alice", "--email", EMAIL, "--email-verified"];
    binary.cli(&address, None).await;
    let (password, mut browser) = mails(&app.base, &mailbox, &mut secrets).await;
    let grants = ["password", "urn:mapae:params:oauth:first-party"];
    let native = binary.register("native", &ClientArguments::public(&grants).first_party()).await;
    factors(&mut browser, &native, &password, &mut secrets).await;
    binary.cli(&["user", "reset-mfa", "--username", "alice"], None).await;
    binary
        .cli(&["user", "set-password", "--username", "alice", "--password-stdin"], Some(CANARY))
        .await;
    binary.user("boss", CANARY).await;
    binary.cli(&["user", "grant-role", "--username", "boss", "--role", "owner"], None).await;
    console(&app.base, &mut secrets).await;
    let (_, token) = secrets.keep_pair(app.password_as("alice", CANARY, "openid").await.pair());
    let mut told = String::new();
    for (verb, code) in [("inspect", 0), ("explain", 1), ("revoke", 0)] {
        let said = binary.cli.run(&["token", verb], Some(&token)).await;
        assert_eq!(said.code, code, "{said:?}");
        told += &said.out;
        told += &said.err;
    }
    let master = std::fs::read_to_string(binary.cli.folder.path().join("keys/master.key")).unwrap();
    secrets.keep(master.trim());
    // A database that fails in the middle.
    binary.evidence().await.run("DROP TABLE audit_event").await;
    let failed = app.password_as("alice", CANARY, "openid").await;
    // Asking again does not bring the table back.
    failed.refused(500, "server_error");
    assert!(failed.header("retry-after").is_empty() && !failed.text.contains("audit"));
    let log = binary.whole_log().await;
    assert!(log.contains("audit_event") && log.contains("\"DEBUG\""), "the log is loud: {log}");

    let mut places = vec![("the log", log), ("the command line", told)];
    for name in ["mapae.db", "mapae.db-wal"] {
        let bytes = std::fs::read(binary.cli.folder.path().join(name)).unwrap_or_default();
        // What is no text is replaced; a secret is text and stays.
        places.push((name, String::from_utf8_lossy(&bytes).into_owned()));
    }
    assert!(secrets.0.len() > 15 && places.iter().any(|(_, text)| text.contains("alice")));
    for secret in &secrets.0 {
        for form in forms(secret) {
            let form_in = Finder::new(&form);
            for (place, text) in &places {
                let Some(at) = form_in.find(text.as_bytes()) else { continue };
                let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
                let line = text[line..].lines().next();
                panic!("{secret} is in {place} as {form}: {line:?}");
            }
        }
    }
}
