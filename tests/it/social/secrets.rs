//! S163, S130: secrets between a provider, an app and this server are found neither in the database
//! nor in the log.

use std::collections::BTreeSet;

use memchr::memmem::Finder;

use super::all_providers::{AllProviders, NATIVE, with_each};
use super::native::{ACCESS_TOKEN, BEARER, CODE, EXCHANGE, ID_TOKEN, SCOPE, assert_by, present};
use crate::canary::forms;
use crate::support::upstream::{CLIENT_ID, CLIENT_SECRET, RecordedRequest};
use crate::support::{
    App, Binary, Browser, CALLBACK, Cli, ClientArguments, Database, Reply, VERIFIER,
};

/// What went through the server and must not be found.
#[derive(Default)]
struct Secrets(BTreeSet<String>);

impl Secrets {
    fn keep(&mut self, secret: &str) {
        assert!(secret.len() >= 16, "too short to be looked for: {secret:?}");
        self.0.insert(secret.to_owned());
    }

    /// What makes a signed token a secret is its signature.
    fn keep_signed(&mut self, token: &str) {
        self.keep(token.rsplit('.').next().expect("a signature"));
    }

    fn keep_any(&mut self, token: &str) {
        if token.contains('.') { self.keep_signed(token) } else { self.keep(token) }
    }

    /// What a provider was asked with.
    fn keep_asked(&mut self, asked: &RecordedRequest) {
        let names = ["code", "code_verifier", "state", "client_secret", "access_token"];
        for fields in [&asked.query, &asked.form] {
            for (name, value) in fields.iter() {
                // Facebook's own token is made of what the app is; an app's state may be a word.
                if names.contains(&name) && value.len() >= 16 && !value.contains('|') {
                    self.keep_any(value);
                }
                if ["input_token", "appsecret_proof", "nonce"].contains(&name) {
                    self.keep(value);
                }
            }
        }
        if !asked.bearer().is_empty() {
            self.keep(asked.bearer());
        }
    }

    fn keep_ours(&mut self, reply: &Reply) {
        for member in ["access_token", "id_token"] {
            self.keep_signed(&reply.text(member));
        }
        self.keep(&reply.text("refresh_token"));
    }
}

/// In a browser: there and back, turned back, a code of somebody else, one that came twice.
async fn browsers(every: &AllProviders, app: &App, secrets: &mut Secrets) {
    with_each!(every, |slug, provider| {
        let url = app.authorization_url(&[("idp_hint", slug), ("scope", "openid profile email")]);
        let mut browser = Browser::new(&app.base, &app.http);
        let left = browser.open(&url).await;
        let location = left.location().unwrap_or_else(|| panic!("{slug} {left:?}")).to_owned();
        let callback = provider.approve(&location);
        let back = browser.complete_upstream_login(&callback).await;
        secrets.keep(callback.get("code"));
        secrets.keep(callback.get("state"));
        secrets.keep(browser.cookie().expect("a cookie"));
        let tokens = app.exchange(&back.authorization_response().code()).await.ok();
        secrets.keep_signed(&tokens.text("id_token"));
        browser.complete_upstream_login(&callback).await;
        for (name, value) in [
            ("code", "a-code-that-nobody-gave-to-anybody"),
            ("error", "server_error"),
            ("state", "a-state-that-nobody-gave-to-anybody"),
        ] {
            let mut another = Browser::new(&app.base, &app.http);
            let left = another.open(&url).await;
            let callback = provider.approve(left.location().expect("a location"));
            secrets.keep(callback.get("code"));
            secrets.keep(callback.get("state"));
            if name != "error" {
                secrets.keep(value);
            }
            another.complete_upstream_login(&callback.with(name, value)).await;
        }
        let left = Browser::new(&app.base, &app.http).open(&url).await;
        provider.cancel(left.location().expect("a location"));
    });
}

/// At the token endpoint: good ones, and those that are refused.
async fn apps(every: &AllProviders, app: &App, secrets: &mut Secrets) {
    let landing = "https://shop.example.com/landing";
    with_each!(every, |slug, provider| {
        for kind in [ID_TOKEN, ACCESS_TOKEN, CODE] {
            let token = match kind {
                ID_TOKEN => provider.id_token(CLIENT_ID, Some("the-nonce-of-an-app")),
                ACCESS_TOKEN => provider.access_token_for(CLIENT_ID),
                _ => provider.code_for(landing, Some(VERIFIER)),
            };
            secrets.keep_any(&token);
            let verifier = if ["apple", "naver"].contains(&slug) { "" } else { VERIFIER };
            let wrong = "a-verifier-that-belongs-to-nobody-who-is-known-here";
            secrets.keep(wrong);
            let landed = [("subject_issuer", slug), ("redirect_uri", landing)];
            for verifier in [verifier, wrong] {
                let changes = [landed[0], landed[1], ("code_verifier", verifier)];
                let reply = present(app, kind, &token, &changes).await;
                if reply.status == 200 {
                    secrets.keep_ours(&reply);
                }
            }
            let reply = present(app, kind, &token, &[("subject_issuer", "nobody")]).await;
            reply.refused(400, "invalid_grant");
            if kind == ID_TOKEN {
                assert_by(app, &token, &[]).await;
                let changed = provider.id_token_with("another-app", None, |claims| {
                    claims["jti"] = "x".into();
                });
                secrets.keep_signed(&changed);
                assert_by(app, &changed, &[]).await.refused(400, "invalid_grant");
            }
        }
        let broken = "a-token-that-nobody-gave-to-anybody";
        secrets.keep(broken);
        for kind in [ID_TOKEN, ACCESS_TOKEN, CODE] {
            let changes = [("subject_issuer", slug), ("redirect_uri", landing), ("state", "x")];
            present(app, kind, broken, &changes).await.refused(400, "invalid_grant");
        }
    });
}

/// One more provider, whose secret is kept in the database: what the command line says of it.
async fn add_one(binary: &Binary, every: &AllProviders, secrets: &mut Secrets) -> String {
    let secret = "another-secret-of-a-provider-that-is-in-the-database";
    secrets.keep(secret);
    let base = every.oidc.base();
    let arguments = format!("provider add --slug added --preset oidc --issuer {base}");
    let arguments = format!("{arguments} --client-id somebody --client-secret-stdin");
    let arguments: Vec<_> = arguments.split(' ').collect();
    let added = binary.cli.run(&arguments, Some(secret)).await;
    let listed = binary.cli.run(&["provider", "list", "--json"], None).await;
    assert!(added.code == 0 && listed.out.contains("added"), "{added:?} {listed:?}");
    [added.out, added.err, listed.out, listed.err].concat()
}

/// Where each of them is found, in whatever form.
fn found(secrets: &Secrets, places: &[(&str, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for secret in &secrets.0 {
        for form in forms(secret) {
            let form_in = Finder::new(&form);
            let with = places.iter().filter(|(_, text)| form_in.find(text.as_bytes()).is_some());
            found.extend(with.map(|(place, _)| format!("{secret} is in {place} as {form}")));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s163_nothing_of_a_provider_is_in_the_log_or_in_the_database() {
    let every = AllProviders::start().await;
    let mut cli = Cli::new(&Database::Sqlite).await;
    let file = cli.folder.path().join("mapae.toml");
    std::fs::write(&file, every.toml()).unwrap();
    cli.set("MAPAE_CONFIG", file.to_str().unwrap());
    cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
    cli.set("MAPAE_LOG", "trace");
    let mut secrets = Secrets::default();
    secrets.keep(CLIENT_SECRET);
    secrets.keep(VERIFIER);
    // The key of the settings, without what makes it a file.
    let p8 = every.apple.p8();
    p8.lines().filter(|line| !line.starts_with('-')).for_each(|line| secrets.keep(line));
    let binary = cli.serve().await;
    let told = add_one(&binary, &every, &mut secrets).await;
    let arguments = ClientArguments::confidential(&["authorization_code"]).first_party();
    let arguments = arguments.with("--redirect-uri", CALLBACK).with("--scope", SCOPE);
    let web = binary.register("web", &arguments).await;
    let arguments = ClientArguments::public(&[EXCHANGE, BEARER, "refresh_token"]);
    let app = binary.register(NATIVE, &arguments.with("--scope", SCOPE)).await;
    browsers(&every, &web, &mut secrets).await;
    apps(&every, &app, &mut secrets).await;
    for (slug, records) in every.all_records() {
        assert!(records.asked().len() > 5, "{slug}");
        records.asked().iter().for_each(|asked| secrets.keep_asked(asked));
    }
    let evidence = binary.evidence().await;
    for table in ["identity", "family"] {
        let count = evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await;
        assert!(count >= 9, "{table}: {count}");
    }
    let refused = evidence.events_of("federation.refused").await;
    assert!(refused.len() > 9, "{refused:?}");
    let log = binary.whole_log().await;
    assert!(log.contains("refused a token") && log.contains("\"DEBUG\""), "the log is loud");
    let mut places = vec![("the log", log), ("the command line", told)];
    for name in ["mapae.db", "mapae.db-wal"] {
        let bytes = std::fs::read(binary.cli.folder.path().join(name)).unwrap_or_default();
        // What is no text is replaced; a secret is text and stays.
        places.push((name, String::from_utf8_lossy(&bytes).into_owned()));
    }
    assert!(secrets.0.len() > 150, "{}", secrets.0.len());
    let is_kept = |(place, text): &(&str, String)| *place != "the log" && text.contains("mina@");
    assert!(places.iter().any(is_kept), "the database is read");
    let found = found(&secrets, &places);
    assert!(found.is_empty(), "{found:#?}");
}
