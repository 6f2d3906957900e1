//! Sign-ins on devices without a browser, RFC 8628.

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::tokens;
use mapae::domain::authentication::Acr;
use mapae::domain::client::{AuthMethod, Client, ClientKind};
use mapae::domain::grant_type::GrantType;
use mapae::domain::scope::Scope;
use serde_json::json;

use crate::support::{
    App, Browser, Database, Holder, PASSWORD, Page, Reply, Server, USERNAME, both, decode_claims,
    postgres_or_skip, token_by,
};
use crate::terms::terms;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const PROXY: (&str, &str) = ("trusted_proxies", "127.0.0.1");

fn for_devices(client: &mut Client) {
    client.metadata.grant_types = vec![GrantType::DeviceCode, GrantType::RefreshToken];
}

/// A public app on a television.
pub(crate) async fn television(server: &Server, change: impl FnOnce(&mut Client)) -> App {
    server
        .client("tv", |client| {
            for_devices(client);
            client.kind = ClientKind::Public;
            client.metadata.token_endpoint_auth_method = AuthMethod::None;
            change(client);
        })
        .await
}

pub(crate) async fn codes(app: &App) -> Reply {
    app.post("/device_authorization", &[("scope", "openid profile offline_access")]).await.ok()
}

pub(crate) async fn poll(app: &App, codes: &Reply) -> Reply {
    app.token(&[("grant_type", GRANT), ("device_code", &codes.text("device_code"))]).await
}

/// A browser in which the person is signed in, on the page that takes a code.
async fn at_the_page(server: &Server) -> (Browser, Page) {
    at_the_page_as(server, USERNAME).await
}

async fn at_the_page_as(server: &Server, username: &str) -> (Browser, Page) {
    let mut browser = server.browser();
    let login = browser.open("/device").await;
    let page = browser.sign_in_as(&login, username, PASSWORD).await;
    assert!(page.has("user-code") && page.has("user-code-submit"), "{page:?}");
    (browser, page)
}

/// Sends a form of the page: a code, and an answer if there is one.
async fn send(browser: &mut Browser, page: &Page, code: &str, answer: Option<&str>) -> Page {
    let (csrf, session) = (page.hidden("csrf"), page.hidden("session"));
    let mut fields = vec![("csrf", csrf.as_str()), ("session", &session), ("user_code", code)];
    fields.extend(answer.map(|answer| ("answer", answer)));
    browser.post("/device", &fields).await
}

/// Types the code, and answers.
async fn answer(server: &Server, code: &str, answer: &str) -> Page {
    let (mut browser, page) = at_the_page(server).await;
    let asking = send(&mut browser, &page, code, None).await;
    assert!(asking.has("device-allow") && asking.has("device-deny"), "{asking:?}");
    send(&mut browser, &asking, code, Some(answer)).await
}

both! {
    async fn rfc8628_3_a_device_is_signed_in_by_a_code_that_is_typed_elsewhere(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = television(&server, |client| "Television".clone_into(&mut client.metadata.client_name)).await;
        let metadata = app.metadata().await;
        assert_eq!(metadata["device_authorization_endpoint"], server.url("/device_authorization"));
        assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&GRANT.into()));
        let codes = codes(&app).await;
        assert_eq!(codes.header("cache-control"), "no-store");
        let json = codes.json();
        assert_eq!((&json["expires_in"], &json["interval"]), (&600.into(), &5.into()));
        let shown = codes.text("user_code");
        assert_eq!(codes.text("verification_uri"), server.url("/device"));
        assert_eq!(codes.text("verification_uri_complete"), format!("{}?user_code={shown}", server.url("/device")));
        poll(&app, &codes).await.refused(400, "authorization_pending");

        // Signing in on the way keeps the code of the address, and it is only filled in.
        let mut browser = server.browser();
        let login = browser.open(&format!("/device?user_code={}", shown.to_lowercase())).await;
        let page = browser.sign_in(&login).await;
        assert_eq!(page.value_of("user-code"), shown);
        assert!(!page.reply.text.contains("Television"));
        // In any case, with and without the hyphen.
        for typed in [shown.clone(), shown.replace('-', ""), shown.to_lowercase(), shown.replace('-', " ")] {
            let asking = send(&mut browser, &page, &typed, None).await;
            assert!(asking.has("device-allow") && asking.has("device-warning"), "{asking:?}");
            assert!(asking.reply.text.contains("Television") && asking.reply.text.contains(&shown));
            assert!(asking.reply.text.contains("127.0.0.1") && asking.reply.text.contains("<time "));
        }
        let done = send(&mut browser, &page, &shown, Some("allow")).await;
        assert!(done.has("device-allowed"), "{}", done.reply.text);
        let tokens = poll(&app, &codes).await.ok();
        let id_token = decode_claims(&tokens.text("id_token"));
        assert_eq!(id_token["sub"], sub);
        // RFC 8628 §3.5: once.
        poll(&app, &codes).await.refused(400, "invalid_grant");
        send(&mut browser, &page, &shown, None).await.is_wrong();

        // The browser's session ends, and the device stays.
        let (_, refresh) = tokens.pair();
        let account = browser.open("/account").await;
        let fields = [("csrf", account.hidden("csrf")), ("session", account.hidden("session"))];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post("/account/sign-out", &fields).await;
        let (_, refresh) = app.refresh(&refresh).await.pair();
        // The account page ends it.
        let mut browser = server.browser();
        let login = browser.open("/account/apps").await;
        let apps = browser.sign_in(&login).await;
        let apps = if apps.url.contains("/account/apps") { apps } else { browser.open("/account/apps").await };
        assert!(apps.reply.text.contains("Television"), "{}", apps.reply.text);
        let fields = [("csrf", apps.hidden("csrf")), ("session", apps.hidden("session")), ("client", "tv".to_owned())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post("/account/apps/remove", &fields).await;
        app.refresh(&refresh).await.refused(400, "invalid_grant");
    }

    /// S139
    async fn rfc8628_3_5_the_answers_to_a_device_that_waits(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = television(&server, |_| {}).await;
        let other = server.client("other", for_devices).await;
        let first = codes(&app).await;
        poll(&app, &first).await.refused(400, "authorization_pending");
        server.advance(4);
        poll(&app, &first).await.refused(400, "slow_down");
        // Five seconds longer for good.
        server.advance(9);
        poll(&app, &first).await.refused(400, "slow_down");
        server.advance(15);
        poll(&app, &first).await.refused(400, "authorization_pending");
        server.advance(14);
        poll(&app, &first).await.refused(400, "slow_down");
        // Another client learns nothing, and disturbs nothing.
        poll(&other, &first).await.refused(400, "invalid_grant");
        app.token(&[("grant_type", GRANT), ("device_code", "mapae_dc_x")]).await.refused(400, "invalid_grant");
        app.token(&[("grant_type", GRANT)]).await.refused(400, "invalid_request");
        // Denied.
        answer(&server, &first.text("user_code"), "deny").await;
        poll(&app, &first).await.refused(400, "access_denied");
        // Expired, before an answer and after one.
        let (late, allowed) = (codes(&app).await, codes(&app).await);
        answer(&server, &allowed.text("user_code"), "allow").await;
        server.advance(600);
        poll(&app, &late).await.refused(400, "expired_token");
        poll(&app, &allowed).await.refused(400, "expired_token");
        let (mut browser, page) = at_the_page(&server).await;
        send(&mut browser, &page, &late.text("user_code"), None).await.is_wrong();
    }

    async fn rfc8628_3_5_parallel_polls_bring_tokens_once(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = television(&server, |_| {}).await;
        let codes = codes(&app).await;
        answer(&server, &codes.text("user_code"), "allow").await;
        let replies = join_all((0..32).map(|_| poll(&app, &codes))).await;
        let good = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(good, 1);
        assert!(replies.iter().all(|reply| reply.status == 200 || reply.json()["error"] == "invalid_grant"));
    }

    async fn rfc8628_3_1_who_may_ask_for_codes(database) {
        let server = Server::start(&database).await;
        let app = television(&server, |client| client.metadata.scope = Scope::parse("openid").unwrap()).await;
        server.client("other", |client| client.metadata.scope = Scope::parse("admin").unwrap()).await;
        let ask = async |fields: &[(&str, &str)]| app.post("/device_authorization", fields).await;
        ask(&[("scope", "openid admin")]).await.refused(400, "invalid_scope");
        ask(&[("resource", "https://elsewhere.example")]).await.refused(400, "invalid_target");
        let web = server.web_app("web", |_| {}).await;
        web.post("/device_authorization", &[]).await.refused(400, "unauthorized_client");
        App { secret: Some("mapae_cs_wrong".to_owned()), ..web }.post("/device_authorization", &[]).await.refused(401, "invalid_client");
        let replies = join_all((0..130).map(|_| ask(&[]))).await;
        assert!(replies.iter().any(|reply| reply.status == 429));
    }

    async fn rfc8628_5_1_wrong_codes_are_throttled_for_each_address(database) {
        let server = Server::start_with(&database, &[PROXY]).await;
        server.alice().await;
        let app = television(&server, |_| {}).await;
        let codes = codes(&app).await;
        let (browser, page) = at_the_page(&server).await;
        let mut here = browser.clone().saying("x-forwarded-for", "192.0.2.1");
        for number in 0..10 {
            let typed = format!("BBBB-BBB{}", ["B", "C", "D", "F", "G", "H", "J", "K", "L", "M"][number]);
            let wrong = send(&mut here, &page, &typed, None).await;
            assert_eq!(wrong.reply.status, 400, "{number}");
        }
        // Not even the right one is looked at now.
        let limited = send(&mut here, &page, &codes.text("user_code"), None).await;
        assert_eq!(limited.reply.status, 429);
        assert_eq!(limited.reply.header("retry-after"), "30");
        // Nor from another address: one person uses up no more than this of what there is for all.
        let mut elsewhere = browser.clone().saying("x-forwarded-for", "192.0.2.2");
        assert_eq!(send(&mut elsewhere, &page, &codes.text("user_code"), None).await.reply.status, 429);
        // Others are not disturbed, and right codes do not count.
        server.user("bob", Some(PASSWORD)).await;
        let (bob, bobs) = at_the_page_as(&server, "bob").await;
        let mut elsewhere = bob.clone().saying("x-forwarded-for", "192.0.2.2");
        for _ in 0..15 {
            assert!(send(&mut elsewhere, &bobs, &codes.text("user_code"), None).await.has("device-allow"));
        }
        // But for whoever shares the address.
        let mut beside = bob.saying("x-forwarded-for", "192.0.2.1");
        assert_eq!(send(&mut beside, &bobs, &codes.text("user_code"), None).await.reply.status, 429);
        server.advance(30);
        assert!(send(&mut here, &page, &codes.text("user_code"), None).await.has("device-allow"));
    }

    async fn a_device_may_ask_for_a_sign_in_that_is_not_older_than_its_code(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = television(&server, |client| client.metadata.device_max_age = Some(0)).await;
        let (mut browser, page) = at_the_page(&server).await;
        server.advance(60);
        let codes = codes(&app).await;
        let code = codes.text("user_code");
        let sent = send(&mut browser, &page, &code, None).await;
        let login = browser.follow(sent).await;
        assert!(login.has("login-submit"), "{login:?}");
        let page = browser.sign_in(&login).await;
        assert_eq!(page.value_of("user-code"), code);
        let asking = send(&mut browser, &page, &code, None).await;
        send(&mut browser, &asking, &code, Some("allow")).await;
        poll(&app, &codes).await.ok();
    }

    async fn an_app_that_needs_a_second_factor_gets_none_from_a_weaker_sign_in(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = television(&server, |client| client.metadata.default_acr_values = Some(vec![Acr::Two])).await;
        let codes = codes(&app).await;
        let (mut browser, page) = at_the_page(&server).await;
        for step in [None, Some("allow")] {
            send(&mut browser, &page, &codes.text("user_code"), step).await.is_wrong();
        }
        poll(&app, &codes).await.refused(400, "authorization_pending");
    }

    async fn first_party_apps_on_devices_ask_too_and_forms_of_others_do_nothing(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = television(&server, |client| client.metadata.first_party = true).await;
        let codes = codes(&app).await;
        let code = codes.text("user_code");
        let (mut browser, page) = at_the_page(&server).await;
        let forged = [("csrf", "x"), ("session", &page.hidden("session")), ("user_code", &code), ("answer", "allow")];
        browser.post("/device", &forged).await.is_error("forbidden");
        poll(&app, &codes).await.refused(400, "authorization_pending");
        let asking = send(&mut browser, &page, &code, None).await;
        assert!(asking.has("device-allow"));
        server.advance(6);
        poll(&app, &codes).await.refused(400, "authorization_pending");
        send(&mut browser, &asking, &code, Some("allow")).await;
        poll(&app, &codes).await.ok();
    }

    async fn rfc9449_5_a_proof_binds_the_tokens_of_a_device(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = television(&server, |client| client.metadata.dpop_bound_access_tokens = true).await;
        let codes = codes(&app).await;
        let code = codes.text("device_code");
        let fields = [("grant_type", GRANT), ("device_code", code.as_str())];
        poll(&app, &codes).await.refused(400, "invalid_dpop_proof");
        let holder = Holder::new(server.now());
        let proof = holder.prove("POST", &server.url("/token"), &json!({}));
        token_by(&app, &fields, &[&proof]).await.refused(400, "authorization_pending");
        answer(&server, &codes.text("user_code"), "allow").await;
        // A proof counts once, and one that is refused spends nothing.
        token_by(&app, &fields, &[&proof]).await.refused(400, "invalid_dpop_proof");
        holder.token_with(&app, &fields, &json!({ "htm": "GET" })).await.refused(400, "invalid_dpop_proof");
        let tokens = holder.token(&app, &fields).await.ok();
        assert_eq!(tokens.json()["token_type"], "DPoP");
        let (access, refresh) = tokens.pair();
        assert_eq!(decode_claims(&access)["cnf"], json!({ "jkt": holder.jkt() }));
        let thief = Holder::new(server.now());
        thief.refresh(&app, &refresh).await.refused(400, "invalid_grant");
        holder.refresh(&app, &refresh).await.ok();
    }

    async fn a_second_click_is_answered_like_the_first_and_another_person_learns_nothing(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = television(&server, |_| {}).await;
        let codes = codes(&app).await;
        let code = codes.text("user_code");
        let (mut browser, page) = at_the_page(&server).await;
        for _ in 0..2 {
            let done = send(&mut browser, &page, &code, Some("allow")).await;
            assert!(done.has("device-allowed"), "{}", done.reply.text);
        }
        send(&mut browser, &page, &code, None).await.is_wrong();
        send(&mut browser, &page, &code, Some("deny")).await.is_wrong();
        let mut others = server.browser();
        let login = others.open("/device").await;
        let theirs = others.sign_in_as(&login, "bob", PASSWORD).await;
        send(&mut others, &theirs, &code, Some("allow")).await.is_wrong();
        poll(&app, &codes).await.ok();
        server.advance(31);
        send(&mut browser, &page, &code, Some("allow")).await.is_wrong();
    }

    async fn what_a_person_allowed_ends_with_what_it_hangs_on(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = television(&server, |_| {}).await;
        let cli = server.cli().await;
        let allowed = async || {
            let codes = codes(&app).await;
            answer(&server, &codes.text("user_code"), "allow").await;
            codes
        };
        // Another password.
        let first = allowed().await;
        cli.json(&["user", "set-password", "--username", USERNAME, "--password-stdin"], Some(PASSWORD)).await;
        poll(&app, &first).await.refused(400, "invalid_grant");
        // The client is disabled, and enabled again.
        let disabled = allowed().await;
        for verb in ["disable", "enable"] {
            cli.json(&["client", verb, "--id", "tv"], None).await;
        }
        server.forget_clients();
        poll(&app, &disabled).await.refused(400, "invalid_grant");
        // Everything that was issued is revoked: also what was allowed later, by an older sign-in.
        let (mut browser, page) = at_the_page(&server).await;
        server.advance(2);
        let before = server.now().now();
        server.advance(2);
        let second = codes(&app).await;
        let code = second.text("user_code");
        send(&mut browser, &page, &code, Some("allow")).await.reply.ok();
        let services = server.inner.services();
        let (store, lifetime) = (&services.store, chrono::Duration::hours(1));
        tokens::revoke_issued_before(&May::operator(), store, server.now(), before, lifetime).await.expect("revoked");
        poll(&app, &second).await.refused(400, "invalid_grant");
        // The consent is taken back.
        let third = allowed().await;
        let mut browser = server.browser();
        let login = browser.open("/account/apps").await;
        browser.sign_in(&login).await;
        let apps = browser.open("/account/apps").await;
        let (csrf, session) = (apps.hidden("csrf"), apps.hidden("session"));
        browser.post("/account/apps/remove", &[("csrf", &csrf), ("session", &session), ("client", "tv")]).await;
        poll(&app, &third).await.refused(400, "invalid_grant");
        // The account is disabled.
        let fourth = allowed().await;
        cli.json(&["user", "disable", "--username", USERNAME], None).await;
        poll(&app, &fourth).await.refused(400, "invalid_grant");
    }

    async fn rfc8707_2_2_a_device_gets_tokens_for_some_of_its_resources(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (one, other) = ("https://one.example", "https://other.example");
        let app = television(&server, |client| {
            client.metadata.audiences = [one, other, "https://third.example"].map(str::to_owned).to_vec();
        }).await;
        let asked = [("scope", "openid"), ("resource", one), ("resource", other), ("resource", one)];
        let codes = app.post("/device_authorization", &asked).await.ok();
        answer(&server, &codes.text("user_code"), "allow").await;
        let device_code = codes.text("device_code");
        let fields = |resource| [("grant_type", GRANT), ("device_code", device_code.as_str()), ("resource", resource)];
        for foreign in ["https://third.example", "https://evil.example"] {
            app.token(&fields(foreign)).await.refused(400, "invalid_target");
        }
        let tokens = app.token(&fields(other)).await.ok();
        assert_eq!(decode_claims(&tokens.text("access_token"))["aud"].to_string().matches("example").count(), 1);
        assert!(decode_claims(&tokens.text("access_token"))["aud"].to_string().contains(other));
    }

    async fn rfc8707_2_2_a_device_gets_no_token_for_a_resource_that_its_person_was_not_shown(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (one, other) = ("https://one.example", "https://other.example");
        let app = television(&server, |client| {
            client.metadata.audiences = [one, other].map(str::to_owned).to_vec();
        }).await;
        let codes = codes(&app).await;
        answer(&server, &codes.text("user_code"), "allow").await;
        let device_code = codes.text("device_code");
        let fields = [("grant_type", GRANT), ("device_code", device_code.as_str()), ("resource", other)];
        app.token(&fields).await.refused(400, "invalid_target");
        let (access, refresh) = poll(&app, &codes).await.pair();
        assert_eq!(decode_claims(&access)["aud"], json!([one, server.issuer()]));
        app.refresh_with(&refresh, &[("resource", other)]).await.refused(400, "invalid_target");
        let refreshed = app.refresh_with(&refresh, &[("resource", one)]).await.ok();
        assert_eq!(decode_claims(&refreshed.text("access_token"))["aud"], json!([one, server.issuer()]));
    }

    async fn a_device_gets_no_token_for_a_resource_that_an_operator_took_from_its_client(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (one, other) = ("https://one.example", "https://other.example");
        let app = television(&server, |client| {
            client.metadata.audiences = [one, other].map(str::to_owned).to_vec();
        }).await;
        let codes = app.post("/device_authorization", &[("scope", "openid"), ("resource", one)]).await.ok();
        answer(&server, &codes.text("user_code"), "allow").await;
        server.change("tv", |client| client.metadata.audiences = vec![other.to_owned()]).await;
        poll(&app, &codes).await.refused(400, "invalid_target");
        // Nothing was spent.
        server.change("tv", |client| client.metadata.audiences = vec![other.to_owned(), one.to_owned()]).await;
        let tokens = poll(&app, &codes).await.ok();
        assert_eq!(decode_claims(&tokens.text("access_token"))["aud"], json!([one, server.issuer()]));
    }

    async fn a_client_with_a_session_lifetime_asks_for_a_younger_sign_in(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = television(&server, |client| client.metadata.session_lifetime = Some(60)).await;
        let (mut browser, page) = at_the_page(&server).await;
        let codes = codes(&app).await;
        let code = codes.text("user_code");
        assert!(send(&mut browser, &page, &code, None).await.has("device-allow"));
        server.advance(61);
        for step in [None, Some("allow")] {
            let sent = send(&mut browser, &page, &code, step).await;
            assert!(browser.follow(sent).await.has("login-submit"), "{step:?}");
        }
        let sent = send(&mut browser, &page, &code, None).await;
        let login = browser.follow(sent).await;
        let page = browser.sign_in(&login).await;
        assert_eq!(page.value_of("user-code"), code);
        assert!(send(&mut browser, &page, &code, Some("allow")).await.has("device-allowed"));
        poll(&app, &codes).await.ok();
    }

    async fn documents_are_accepted_before_a_device_is_allowed(database) {
        let server = Server::start_of(&database, &[], &terms("tos", "1", true)).await;
        server.alice().await;
        let app = television(&server, |_| {}).await;
        let codes = codes(&app).await;
        let code = codes.text("user_code");
        let mut browser = server.browser();
        let login = browser.open("/device").await;
        let asked = browser.sign_in(&login).await;
        assert!(asked.has("terms-submit"), "{asked:?}");
        // Whoever goes on without an answer is asked again.
        let page = browser.open("/device").await;
        for step in [None, Some("allow")] {
            let sent = send(&mut browser, &page, &code, step).await;
            assert!(browser.follow(sent).await.has("terms-submit"), "{step:?}");
        }
        let sent = send(&mut browser, &page, &code, None).await;
        let asked = browser.follow(sent).await;
        let page = crate::sign_up::send(&mut browser, &asked, "/terms", &[("terms-tos", "1")]).await;
        assert_eq!(page.value_of("user-code"), code);
        assert!(send(&mut browser, &page, &code, Some("allow")).await.has("device-allowed"));
        poll(&app, &codes).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc8628_3_5_two_replicas_let_one_code_be_used_once() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    server.alice().await;
    let replica = server.another().await;
    let here = television(&server, |_| {}).await;
    let there = here.at(&format!("http://{}", replica.address()));
    let codes = codes(&there).await;
    poll(&here, &codes).await.refused(400, "authorization_pending");
    // How long a device waits is the same everywhere.
    poll(&there, &codes).await.refused(400, "slow_down");
    answer(&server, &codes.text("user_code"), "allow").await;
    let apps = [&here, &there];
    let replies = join_all((0..12).map(|number| poll(apps[number % 2], &codes))).await;
    let (good, bad): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!(good.len(), 1, "{replies:?}");
    for reply in bad {
        reply.refused(400, "invalid_grant");
    }
    replica.stop().await;
}

/// Wrong codes are counted in all, whoever types them wherever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc8628_5_1_wrong_codes_are_throttled_in_all() {
    let server = Server::start_with(&Database::Sqlite, &[PROXY]).await;
    let mut statuses = Vec::new();
    for number in 0..101 {
        let name = format!("person-{number}");
        server.user(&name, Some(PASSWORD)).await;
        let (browser, page) = at_the_page_as(&server, &name).await;
        let sent = (0..10).map(|_| {
            let mut from = browser.clone().saying("x-forwarded-for", &format!("10.0.0.{number}"));
            let page = page.clone();
            async move { send(&mut from, &page, "BBBB-BBBB", None).await.reply.status.as_u16() }
        });
        statuses.extend(join_all(sent).await);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 1000);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 10);
}

impl Page {
    /// Asserts that the code was refused, and that another one may be typed.
    #[track_caller]
    fn is_wrong(&self) {
        assert_eq!(self.reply.status, 400, "{}", self.reply.text);
        assert!(self.has("user-code") && self.has("user-code-problem"), "{}", self.reply.text);
    }
}
