//! Sessions and tokens that came by a provider end when the provider is disabled: security case
//! S126 after the sign-in.

use serde_json::json;

use super::fixtures::{by, claimant, known, person, refusals};
use super::native::{ACCESS_TOKEN, CODE, ID_TOKEN, native_app, present};
use super::table;
use crate::my_account::send;
use crate::support::upstream::{CLIENT_ID, GitHub, Kakao, Oidc};
use crate::support::{PASSWORD, Server, VERIFIER, both};

both! {
    /// At every endpoint that could know.
    async fn s126_turning_a_provider_off_ends_what_came_by_it(database) {
        let idp = Oidc::start().await;
        let other = Oidc::start().await;
        let on = table("idp", "oidc", idp.base(), "");
        let mut server = Server::start_social(&database, &on).await;
        idp.follows(server.now());
        known(&server, "bob", "bob@example.com", true).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let offline = [("scope", "openid offline_access")];
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&offline)).await;
        let code = browser.sign_in_by(&page, "idp", &idp).await.authorization_response().code();
        let (access, refresh) = app.exchange(&code).await.pair();
        let unspent = browser.code(&app).await;
        let mut bobs = server.browser();
        let page = bobs.open(&app.authorization_url(&offline)).await;
        let code = bobs.sign_in_as(&page, "bob", PASSWORD).await.authorization_response().code();
        let (_, mut others) = app.exchange(&code).await.pair();
        assert!(app.is_active(&access).await && app.is_active(&refresh).await);

        for off in [
            table("idp", "oidc", idp.base(), "allowed_clients = [\"another\"]"),
            String::new(),
            // Another one has its name.
            table("idp", "oidc", other.base(), ""),
            table("idp", "oidc", idp.base(), "disabled = true"),
        ] {
            server.rewrite(&off);
            server = server.restart().await;
            let app = app.at(server.issuer());
            app.refresh(&refresh).await.refused(400, "invalid_grant");
            app.exchange(&unspent).await.refused(400, "invalid_grant");
            assert!(!app.is_active(&access).await && !app.is_active(&refresh).await, "{off}");
            assert_eq!(app.userinfo(&access).await.status, 401, "{off}");
            let mut browser = browser.clone();
            browser.open(&app.authorization_url(&[("prompt", "none")])).await.error_response("login_required");
            // Who came another way goes on.
            let (_, next) = app.refresh(&others).await.pair();
            assert!(app.is_active(&next).await, "{off}");
            others = next;
        }
        // Turning it on again revives nothing.
        server.rewrite(&on);
        let server = server.restart().await;
        app.at(server.issuer()).refresh(&refresh).await.refused(400, "invalid_grant");
    }

    /// Whoever disconnects it may do so because somebody else comes in by it.
    async fn s123_disconnecting_ends_what_was_opened_by_it_elsewhere(database) {
        let idp = Oidc::start().await;
        let server = Server::start_social(&database, &table("idp", "oidc", idp.base(), "")).await;
        idp.follows(server.now());
        idp.change(|person| person.email = None);
        known(&server, "mina", "mina@example.com", true).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let login = browser.open("/account/security").await;
        let account = browser.sign_in_as(&login, "mina", PASSWORD).await;
        let left = send(&mut browser, &account, "/account/providers/link", &[("provider", "idp")]).await;
        let account = browser.complete_upstream_login(&idp.approve(left.location().expect("away"))).await;
        let mut own = server.browser();
        let page = own.open(&app.authorization_url(&[])).await;
        let code = own.sign_in_as(&page, "mina", PASSWORD).await.authorization_response().code();
        let (_, kept) = app.exchange(&code).await.pair();
        let mut other = server.browser();
        let offline = app.authorization_url(&[("scope", "openid offline_access")]);
        let page = other.open(&offline).await;
        let code = other.sign_in_by(&page, "idp", &idp).await.authorization_response().code();
        let (access, refresh) = app.exchange(&code).await.pair();
        let name = account.value_of("unlink-1");
        send(&mut browser, &account, "/account/providers/unlink", &[("identity", &name)]).await;
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        assert!(!app.is_active(&access).await);
        let silent = app.authorization_url(&[("prompt", "none")]);
        other.open(&silent).await.error_response("login_required");
        // What was opened by the password stays.
        own.open(&silent).await.authorization_response().code();
        browser.open(&silent).await.authorization_response().code();
        app.refresh(&kept).await.pair();
    }

    /// Whatever the address says of the provider.
    async fn s118_a_code_that_was_sent_to_us_is_no_apps(database) {
        let idp = Oidc::start().await;
        let tables = [table("idp", "oidc", idp.base(), ""), table("two", "oidc", idp.base(), "")];
        let server = Server::start_social(&database, &tables.concat()).await;
        idp.follows(server.now());
        let app = native_app(&server, "native").await;
        let asked = idp.count("/token");
        for (slug, callback) in [("idp", "idp"), ("two", "idp"), ("two", "TWO"), ("idp", "nobody?x=y")] {
            let uri = format!("{}/login/callback/{callback}", server.issuer());
            let code = idp.code_for(&uri, Some(VERIFIER));
            let more = [("subject_issuer", slug), ("redirect_uri", &uri), ("code_verifier", VERIFIER)];
            present(&app, CODE, &code, &more).await.refused(400, "invalid_request");
        }
        assert_eq!(idp.count("/token"), asked);
        let mut written = refusals(&server).await;
        written.sort();
        assert_eq!(written, ["idp: sent_to_us", "two: sent_to_us"]);
    }

    /// A provider that hangs up on what is too long for it would be left alone by us, for everybody.
    async fn s128_what_is_too_long_is_sent_to_nobody(database) {
        let (kakao, github, idp) = (Kakao::start().await, GitHub::start().await, Oidc::start().await);
        let tables = [
            table("kakao", "kakao", kakao.base(), ""),
            table("github", "github", github.base(), ""),
            table("idp", "oidc", idp.base(), ""),
        ];
        let server = Server::start_social(&database, &tables.concat()).await;
        let app = native_app(&server, "native").await;
        let long = "x".repeat(4097);
        for slug in ["kakao", "github", "idp"] {
            for (kind, token, more) in [
                (ACCESS_TOKEN, long.as_str(), None),
                (CODE, &long, None),
                (CODE, "x", Some(("redirect_uri", long.as_str()))),
                (CODE, "x", Some(("code_verifier", &long))),
                (CODE, "x", Some(("state", &long))),
            ] {
                let mut fields = vec![("subject_issuer", slug)];
                fields.extend(more);
                present(&app, kind, token, &fields).await.refused(400, "invalid_grant");
            }
        }
        let asked = kakao.asked().len() + github.asked().len() + idp.asked().len();
        assert_eq!(asked, 0);
    }

    async fn what_a_client_may_not_use_is_written_down(database) {
        let (off, theirs) = (Oidc::start().await, Oidc::start().await);
        let tables = [
            table("off", "oidc", off.base(), "disabled = true"),
            table("theirs", "oidc", theirs.base(), "allowed_clients = [\"another\"]"),
        ];
        let server = Server::start_social(&database, &tables.concat()).await;
        let app = native_app(&server, "native").await;
        for named in ["off", "theirs", theirs.base(), "nobody", ""] {
            let token = off.id_token(CLIENT_ID, None);
            let reply = present(&app, ID_TOKEN, &token, &[("subject_issuer", named)]).await;
            reply.refused(400, "invalid_grant");
        }
        let mut written = refusals(&server).await;
        written.sort();
        assert_eq!(written, ["off: not_for_this_client", "theirs: not_for_this_client"]);
        assert_eq!(off.asked().len() + theirs.asked().len(), 0);
    }

    async fn what_comes_back_to_another_browser_is_written_down(database) {
        let idp = Oidc::start().await;
        let server = Server::start_social(&database, &table("idp", "oidc", idp.base(), "")).await;
        idp.follows(server.now());
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        let left = browser.start_upstream_login(&page, "idp").await;
        let callback = idp.approve(left.location().expect("away"));
        server.browser().get(&callback.url()).await.is_error("wrong_browser");
        assert_eq!(refusals(&server).await, ["idp: wrong_browser"]);
        // Nobody else can use it up.
        browser.complete_upstream_login(&callback).await.authorization_response().code();
    }

    /// An address that is proven later than an account was made ends what only claimed it, too.
    async fn s121_an_address_that_is_proven_later_is_nobody_elses_either(database) {
        let idp = Oidc::start().await;
        let server = Server::start_social(&database, &table("idp", "oidc", idp.base(), "")).await;
        idp.follows(server.now());
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        idp.change(|person| person.email = None);
        let (claims, _) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        claimant(&server, "squatter", "mina@example.com").await;
        let mut squatter = server.browser();
        let page = squatter.open(&app.authorization_url(&[])).await;
        squatter.sign_in_as(&page, "squatter", PASSWORD).await.authorization_response().code();
        idp.change(|person| {
            (person.email, person.email_verified) = (Some("mina@example.com".to_owned()), true);
        });
        let (same, profile) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        assert_eq!((&same["sub"], &profile["email"]), (&claims["sub"], &json!("mina@example.com")));
        squatter.open(&app.authorization_url(&[("prompt", "none")])).await.error_response("login_required");
        let page = squatter.open(&app.authorization_url(&[])).await;
        let refused = squatter.sign_in_as(&page, "squatter", PASSWORD).await;
        assert_eq!(refused.reply.status, 400, "the password went, too");
    }
}
