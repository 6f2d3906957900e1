//! Back-Channel Logout: conformance 2.6 and 3.6, security case S136.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::recovery::{EMAIL, NEW, forget, next, person, press, submit, with_mail};
use crate::support::{
    App, Browser, Database, PASSWORD, Server, USERNAME, both, decode_claims, decode_header,
    eventually, form,
};
use mapae::admin::authority::May;
use mapae::admin::users::Target;
use mapae::domain::client::SubjectType;
use mapae::domain::grant_type::GrantType;

/// The server of an app: what it was told, and what it answers.
#[derive(Clone)]
struct Listener {
    told: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<StatusCode>>,
    /// While it is closed, nobody gets an answer.
    hangs: Arc<Mutex<Option<Arc<Notify>>>>,
    uri: String,
}

async fn take(State(listener): State<Listener>, body: String) -> StatusCode {
    listener.told.lock().unwrap().push(body);
    let hangs = listener.hangs.lock().unwrap().clone();
    if let Some(until) = hangs {
        until.notified().await;
    }
    *listener.answer.lock().unwrap()
}

impl Listener {
    async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/logout", socket.local_addr().unwrap());
        let listener = Self {
            told: Arc::default(),
            answer: Arc::new(Mutex::new(StatusCode::OK)),
            hangs: Arc::default(),
            uri,
        };
        let router = Router::new().route("/logout", post(take)).with_state(listener.clone());
        tokio::spawn(async move { axum::serve(socket, router).await });
        listener
    }

    fn answers(&self, status: StatusCode) {
        *self.answer.lock().unwrap() = status;
    }

    fn count(&self) -> usize {
        self.told.lock().unwrap().len()
    }

    /// The logout tokens, in the order in which they came.
    fn tokens(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let token =
            |body: &String| body.strip_prefix("logout_token=").expect("one field").to_owned();
        told.iter().map(token).collect()
    }

    async fn hears(&self, count: usize) {
        eventually("the app is told", async || self.count() >= count).await;
    }
}

async fn start(database: &Database) -> (Server, Listener, App) {
    let server = Server::start_with(database, &[("outbound.allow_private", "true")]).await;
    let (listener, app) = listening(&server).await;
    (server, listener, app)
}

/// An app that wants logout notices.
async fn listening(server: &Server) -> (Listener, App) {
    let listener = Listener::start().await;
    let uri = listener.uri.clone();
    let app = server
        .web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.grant_types.push(GrantType::Password);
            client.metadata.backchannel_logout_uri = Some(uri);
        })
        .await;
    (listener, app)
}

async fn sign_in(server: &Server, app: &App) -> (Browser, String) {
    let mut browser = server.browser();
    let code = browser.code(app).await;
    (browser, app.exchange(&code).await.ok().text("id_token"))
}

async fn account(browser: &mut Browser, path: &str, more: &[(&str, &str)]) {
    let account = browser.open("/account").await;
    let (csrf, session) = (account.hidden("csrf"), account.hidden("session"));
    let mut fields = vec![("csrf", csrf.as_str()), ("session", session.as_str())];
    fields.extend(more);
    let status = browser.post(path, &fields).await.reply.status;
    assert!(status == 200 || status == 303, "{status}");
}

both! {
    async fn back_channel_logout_2_4_the_app_gets_a_logout_token(database) {
        let (server, listener, app) = start(&database).await;
        let sub = server.alice().await;
        let silent = server.web_app("silent", |client| client.metadata.first_party = true).await;
        let (mut browser, hint) = sign_in(&server, &app).await;
        browser.code(&silent).await;
        browser.open(&format!("/logout?{}", form(&[("id_token_hint", &hint)]))).await;
        listener.hears(1).await;
        let token = listener.tokens().remove(0);
        let header = decode_header(&token);
        assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("logout+jwt"), Some("RS256")));
        let claims = decode_claims(&token);
        let mut names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
        names.sort_unstable();
        assert_eq!(names, ["aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"]);
        assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some(server.issuer()), Some("app")));
        assert_eq!((&claims["sub"], &claims["sid"]), (&json!(sub), &decode_claims(&hint)["sid"]));
        assert_eq!(claims["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
        let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert!((1..=120).contains(&life));
        // It is signed by a key that is published; and it is no id token (S111).
        let jwks: Value = server.http.get(server.url("/.well-known/jwks.json")).send().await.unwrap().json().await.unwrap();
        assert!(jwks["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]));
        let hint = form(&[("id_token_hint", &token)]);
        browser.open(&format!("/logout?{hint}")).await.is_error("invalid_request");
        app.userinfo(&token).await.refused(401, "invalid_token");
    }

    async fn back_channel_logout_2_7_every_way_to_end_tells_the_app(database) {
        let (server, listener, app) = start(&database).await;
        server.alice().await;
        let issuer = server.inner.services();
        let (store, now) = (&*issuer.store, server.now());
        let mut told = 0;
        for way in ["account", "devices", "everywhere", "remove app", "password", "logout verb", "set password", "disable", "delete"] {
            let (mut browser, _) = sign_in(&server, &app).await;
            let (mut other, hint) = sign_in(&server, &app).await;
            let sid = decode_claims(&hint)["sid"].clone();
            let new = "a much better one 7!";
            match way {
                "account" => account(&mut other, "/account/sign-out", &[]).await,
                "devices" => {
                    let devices = browser.open("/account/devices").await;
                    let mine = devices.hidden("session");
                    let ids = devices.reply.text.split("name=\"device\" value=\"").skip(1);
                    let ids: Vec<_> = ids.filter_map(|rest| rest.split('"').next()).collect();
                    let theirs = ids.iter().find(|id| **id != mine && **id != "all").unwrap();
                    account(&mut browser, "/account/devices/end", &[("device", theirs)]).await;
                }
                "everywhere" => account(&mut browser, "/account/devices/end", &[("device", "all")]).await,
                "remove app" => account(&mut browser, "/account/apps/remove", &[("client", "app")]).await,
                "password" => {
                    let fields = [("current-password", PASSWORD), ("new-password", new)];
                    account(&mut browser, "/account/password", &fields).await;
                    let old = PASSWORD.to_owned().into();
                    mapae::admin::users::set_password(&May::operator(), store, now, None, &issuer.hasher, Target::named(USERNAME), &old).await.unwrap();
                }
                "logout verb" => drop(mapae::admin::users::logout(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap()),
                "set password" => {
                    let old = PASSWORD.to_owned().into();
                    mapae::admin::users::set_password(&May::operator(), store, now, None, &issuer.hasher, Target::named(USERNAME), &old).await.unwrap();
                }
                "disable" => {
                    mapae::admin::users::disable(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap();
                    mapae::admin::users::enable(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap();
                }
                _ => mapae::admin::users::delete(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap(),
            }
            eventually(way, async || {
                listener.tokens().iter().skip(told).any(|token| decode_claims(token)["sid"] == sid)
            })
            .await;
            if way != "delete" {
                mapae::admin::users::logout(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap();
            }
            // Whatever else is due has come before the next round begins.
            eventually("the outbox is empty", async || {
                server.evidence().await.count("SELECT count(*) AS n FROM outbox").await == 0
            })
            .await;
            told = listener.count();
        }
    }

    async fn back_channel_logout_2_7_deletion_recovery_and_a_changed_address_taken_back_tell_the_app(database) {
        let (server, mails) = with_mail(&database, &[("outbound.allow_private", "true")]).await;
        let (listener, app) = listening(&server).await;
        person(&server, USERNAME, EMAIL, true).await;
        let issuer = server.inner.services();
        let other_address = "alice@example.org";
        for way in ["recovery", "taken back", "deletion"] {
            let (mut browser, hint) = sign_in(&server, &app).await;
            let sid = decode_claims(&hint)["sid"].clone();
            let told = listener.count();
            let seen = mails.letters();
            let mut elsewhere = server.browser();
            match way {
                "recovery" => {
                    forget(&mut elsewhere, USERNAME).await;
                    let mail = next(&mails, EMAIL, &seen, "/recover").await;
                    let page = press(&mut elsewhere, &server, &mail).await;
                    let fields = [("new-password", NEW)];
                    let page = submit(&mut elsewhere, &page, "/recover/password", &fields).await;
                    assert!(page.has("account-sign-out"));
                }
                "taken back" => {
                    account(&mut browser, "/account/email", &[("email", other_address)]).await;
                    let proof = next(&mails, other_address, &seen, "/confirm-address").await;
                    press(&mut browser, &server, &proof).await;
                    let undo = next(&mails, EMAIL, &seen, "/undo-address").await;
                    assert_eq!(listener.count(), told, "a new address ends nothing");
                    press(&mut elsewhere, &server, &undo).await;
                }
                _ => account(&mut browser, "/account/delete/confirm", &[]).await,
            }
            eventually(way, async || {
                listener.tokens().iter().skip(told).any(|token| decode_claims(token)["sid"] == sid)
            })
            .await;
            if way != "deletion" {
                let password = PASSWORD.to_owned().into();
                let (store, now) = (&issuer.store, server.now());
                mapae::admin::users::set_password(&May::operator(), store, now, None, &issuer.hasher, Target::named(USERNAME), &password).await.unwrap();
            }
            // Whatever else is due has come before the next round begins.
            eventually("the outbox is empty", async || {
                server.evidence().await.count("SELECT count(*) AS n FROM outbox").await == 0
            })
            .await;
            server.advance(61);
        }
    }

    /// S136: what is not taken is tried again, under one name, and not for ever.
    async fn back_channel_logout_2_8_a_notice_is_tried_again_and_given_up(database) {
        let (server, listener, app) = start(&database).await;
        server.alice().await;
        listener.answers(StatusCode::INTERNAL_SERVER_ERROR);
        let (mut browser, hint) = sign_in(&server, &app).await;
        browser.open(&format!("/logout?{}", form(&[("id_token_hint", &hint)]))).await;
        listener.hears(1).await;
        let mut made = 1;
        for pause in [5, 30, 120, 600, 3600, 21_600] {
            eventually("it is put off", async || {
                let due = "SELECT count(*) AS n FROM outbox WHERE attempts = ";
                server.evidence().await.count(&format!("{due}{made}")).await == 1
            })
            .await;
            server.advance(pause + 30);
            made += 1;
            listener.hears(made).await;
        }
        eventually("it is given up", async || {
            server.evidence().await.events_of("logout_notice.given_up").await.len() == 1
        })
        .await;
        server.advance(86_400);
        let names: Vec<_> = listener.tokens().iter().map(|token| decode_claims(token)["jti"].clone()).collect();
        assert_eq!(names.len(), 7);
        assert!(names.iter().all(|name| *name == names[0]));
        // An app that comes back in time gets it: after a restart of ours, too.
        let (mut browser, hint) = sign_in(&server, &app).await;
        browser.open(&format!("/logout?{}", form(&[("id_token_hint", &hint)]))).await;
        listener.hears(8).await;
        let server = server.restart().await;
        listener.answers(StatusCode::NO_CONTENT);
        server.advance(60);
        listener.hears(9).await;
        eventually("it was taken", async || {
            server.evidence().await.count("SELECT count(*) AS n FROM outbox").await == 0
        })
        .await;
    }

    async fn core_8_1_a_notice_that_waited_for_a_change_names_no_other_sub(database) {
        let (server, listener, app) = start(&database).await;
        server.alice().await;
        let (mut browser, hint) = sign_in(&server, &app).await;
        listener.answers(StatusCode::SERVICE_UNAVAILABLE);
        browser.open(&format!("/logout?{}", form(&[("id_token_hint", &hint)]))).await;
        listener.hears(1).await;
        server.change("app", |client| client.metadata.subject_type = SubjectType::Pairwise).await;
        listener.answers(StatusCode::OK);
        eventually("the app is told again", async || {
            server.advance(5);
            listener.count() >= 2
        }).await;
        let tokens = listener.tokens();
        let (first, last) = (decode_claims(&tokens[0]), decode_claims(tokens.last().unwrap()));
        assert_eq!((&first["sub"], &first["sid"]), (&decode_claims(&hint)["sub"], &last["sid"]));
        assert!(last.get("sub").is_none(), "{last}");
    }

    /// S136: an app that hangs delays nobody, and hears no redirect followed.
    async fn back_channel_logout_2_5_an_app_that_hangs_delays_nobody(database) {
        let (server, listener, app) = start(&database).await;
        server.alice().await;
        let hangs = Arc::new(Notify::new());
        *listener.hangs.lock().unwrap() = Some(Arc::clone(&hangs));
        let (mut browser, hint) = sign_in(&server, &app).await;
        // The page is there before the app has answered, and so is the next sign-in.
        let out = browser.open(&format!("/logout?{}", form(&[("id_token_hint", &hint)]))).await;
        assert_eq!(out.reply.status, 200);
        listener.hears(1).await;
        sign_in(&server, &app).await;
        // Ours ends the wait.
        eventually("the attempt is over", async || {
            let put_off = "SELECT count(*) AS n FROM outbox WHERE attempts = 1 AND due_at < ";
            let lease_end = server.now().now().timestamp_millis() + 29_000;
            server.evidence().await.count(&format!("{put_off}{lease_end}")).await == 1
        })
        .await;
        hangs.notify_waiters();
    }

    /// However long the other one takes: the attempt at it is not over when the second notice comes.
    async fn an_app_that_is_slow_delays_no_other_app(database) {
        let (server, slow, app) = start(&database).await;
        server.alice().await;
        let quick = Listener::start().await;
        let uri = quick.uri.clone();
        let other = server.web_app("other", |client| {
            client.metadata.first_party = true;
            client.metadata.backchannel_logout_uri = Some(uri);
        })
        .await;
        let hangs = Arc::new(Notify::new());
        *slow.hangs.lock().unwrap() = Some(Arc::clone(&hangs));
        let (mut first, hint) = sign_in(&server, &app).await;
        first.code(&other).await;
        let (mut second, again) = sign_in(&server, &other).await;
        first.open(&format!("/logout?{}", form(&[("id_token_hint", &hint)]))).await;
        slow.hears(1).await;
        second.open(&format!("/logout?{}", form(&[("id_token_hint", &again)]))).await;
        quick.hears(1).await;
        eventually("the other app took its notices", async || {
            let theirs = "SELECT count(*) AS n FROM outbox WHERE target = 'other'";
            server.evidence().await.count(theirs).await == 0
        })
        .await;
        let open = "SELECT count(*) AS n FROM outbox WHERE target = 'app' AND due_at = ";
        let lease_end = server.now().now().timestamp_millis() + 30_000;
        assert_eq!(server.evidence().await.count(&format!("{open}{lease_end}")).await, 1);
        hangs.notify_waiters();
    }

    /// S151: a private address is not called unless the operator allows it.
    async fn s151_a_private_address_is_not_called(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let listener = Listener::start().await;
        let uri = listener.uri.clone();
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.backchannel_logout_uri = Some(uri);
        })
        .await;
        let (mut browser, hint) = sign_in(&server, &app).await;
        browser.open(&format!("/logout?{}", form(&[("id_token_hint", &hint)]))).await;
        eventually("it was tried", async || {
            let tried = "SELECT count(*) AS n FROM outbox WHERE attempts = 1";
            server.evidence().await.count(tried).await == 1
        })
        .await;
        assert_eq!(listener.count(), 0);
    }

    /// One is in the lane of an app, the other one of nobody: neither keeps back anybody.
    async fn a_notice_that_cannot_be_read_is_put_aside_and_the_others_arrive(database) {
        let (server, listener, app) = start(&database).await;
        server.alice().await;
        let evidence = server.evidence().await;
        // SQLite holds anything in any column.
        let bytes = if matches!(database, Database::Sqlite) { "x'ff'" } else { "'{'" };
        for (id, target, payload) in [("lane", "app", bytes), ("no-client", "\u{e9}", "'{\"client\":1}'")] {
            let row = format!("('{id}', 'logout', '{target}', {payload}, 0, 0, 0)");
            let columns = "(id, kind, target, payload, attempts, created_at, due_at)";
            evidence.run(&format!("INSERT INTO outbox {columns} VALUES {row}")).await;
        }
        let (mut browser, hint) = sign_in(&server, &app).await;
        let sid = decode_claims(&hint)["sid"].clone();
        browser.open(&format!("/logout?{}", form(&[("id_token_hint", &hint)]))).await;
        let arrives = async || listener.tokens().iter().any(|token| decode_claims(token)["sid"] == sid);
        eventually("the notice of the same app arrives", arrives).await;
        let unreadable = 2;
        let put_off = "SELECT count(*) AS n FROM outbox WHERE attempts = ";
        for (made, pause) in [5, 30, 120, 600, 3600, 21_600].into_iter().enumerate() {
            let put_off = format!("{put_off}{}", made + 1);
            eventually("they are put off", async || evidence.count(&put_off).await == unreadable).await;
            server.advance(pause);
        }
        eventually("they are given up", async || {
            evidence.count("SELECT count(*) AS n FROM outbox").await == 0
        })
        .await;
        let given_up = evidence.events_of("logout_notice.given_up").await;
        assert_eq!(i64::try_from(given_up.len()), Ok(unreadable));
        assert!(given_up.iter().all(|event| event.detail.as_deref() == Some("unreadable")));
    }
}
