//! Requests of apps that use the SDKs of vendors: required parameters, which clients may make them,
//! and which providers a client may use.

use serde_json::json;

use super::all_providers::{AllProviders, NATIVE, OTHER};
use super::native::{
    ACCESS_TOKEN, BEARER, CODE, EXCHANGE, ID_TOKEN, assert_by, native_app, present,
};
use super::refusal_check::RefusalCheck;
use super::table;
use crate::support::upstream::{CLIENT_ID, Naver, Oidc, PersonAnswer};
use crate::support::{App, Reply, Server, both};
use mapae::domain::grant_type::GrantType;

/// That nobody was asked: everything was known before.
fn was_not_asked(every: &AllProviders, what: &str) {
    for (slug, records) in every.all_records() {
        assert_eq!(records.asked().len(), 0, "{what}: {slug}");
    }
}

both! {
    async fn rfc8693_2_1_what_is_missing_unknown_or_not_for_us_is_refused(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        let token = every.google.id_token(CLIENT_ID, None);
        let saml = "urn:ietf:params:oauth:token-type:saml2";
        let refresh = "urn:ietf:params:oauth:token-type:refresh_token";
        for (change, error) in [
            (("subject_token", ""), "invalid_request"),
            (("subject_token_type", ""), "invalid_request"),
            (("subject_token_type", "id_token"), "invalid_request"),
            (("subject_token_type", saml), "invalid_request"),
            (("subject_token_type", refresh), "invalid_request"),
            (("actor_token", "x"), "invalid_request"),
            (("actor_token_type", ID_TOKEN), "invalid_request"),
            (("requested_token_type", ID_TOKEN), "invalid_request"),
            (("requested_token_type", refresh), "invalid_request"),
            (("audience", "https://api.example.com"), "invalid_target"),
            (("resource", "https://api.example.com"), "invalid_target"),
            (("scope", "openid offline_access address"), "invalid_scope"),
            (("scope", "a\"b"), "invalid_scope"),
            (("subject_token", "no-jwt"), "invalid_grant"),
            (("subject_token", "e30.e30.e30"), "invalid_grant"),
        ] {
            let reply = present(&app, ID_TOKEN, &token, &[change]).await;
            assert_eq!(reply.status, 400, "{change:?}: {}", reply.text);
            reply.refused(400, error);
            refusal_check.saw_nothing_but(&[], change.0).await;
        }
        for (kind, token) in [(ACCESS_TOKEN, "x"), (CODE, "x")] {
            present(&app, kind, token, &[]).await.refused(400, "invalid_request");
        }
        for name in ["subject_token", "subject_token_type", "subject_issuer", "nonce", "scope"] {
            let twice = [
                ("grant_type", EXCHANGE),
                ("subject_token_type", ID_TOKEN),
                ("subject_token", &token),
                (name, ID_TOKEN),
                (name, ID_TOKEN),
            ];
            app.token(&twice).await.refused(400, "invalid_request");
        }
        // RFC 7523 §3.1: an assertion that is none is no request that is none.
        for (assertion, error) in [
            ("", "invalid_request"),
            ("no-jwt", "invalid_grant"),
            ("e30.e30.e30", "invalid_grant"),
            ("..", "invalid_grant"),
        ] {
            assert_by(&app, assertion, &[]).await.refused(400, error);
        }
        assert_by(&app, &token, &[("scope", "admin")]).await.refused(400, "invalid_scope");
        let resource = [("resource", "https://api.example.com")];
        assert_by(&app, &token, &resource).await.refused(400, "invalid_target");
        refusal_check.saw_nothing_but(&[], "requests").await;
        was_not_asked(&every, "requests");
        // None of this has spent it.
        present(&app, ID_TOKEN, &token, &[("subject_issuer", "google")]).await.ok();
    }

    async fn rfc6749_5_2_a_client_without_the_grant_is_unauthorized(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let only = |id: &'static str, grant: &'static str| {
            server.client(id, move |client| {
                client.metadata.grant_types = vec![grant.parse().unwrap(), GrantType::RefreshToken];
            })
        };
        let exchanger = only("exchanger", EXCHANGE).await;
        let bearer = only("bearer", BEARER).await;
        let neither = only("neither", "password").await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        let token = every.google.id_token(CLIENT_ID, None);
        for reply in [
            present(&neither, ID_TOKEN, &token, &[]).await,
            present(&bearer, ID_TOKEN, &token, &[]).await,
            assert_by(&neither, &token, &[]).await,
            assert_by(&exchanger, &token, &[]).await,
        ] {
            reply.refused(400, "unauthorized_client");
        }
        for liar in [
            App { secret: Some("wrong".to_owned()), ..exchanger.clone() },
            App { secret: None, ..exchanger.clone() },
            App { id: "nobody".to_owned(), ..exchanger.clone() },
        ] {
            present(&liar, ID_TOKEN, &token, &[]).await.refused(401, "invalid_client");
        }
        refusal_check.saw_nothing_but(&[], "unauthorized").await;
        was_not_asked(&every, "unauthorized");
        present(&exchanger, ID_TOKEN, &token, &[]).await.ok();
        let token = every.line.id_token(CLIENT_ID, None);
        assert_by(&bearer, &token, &[]).await.ok();
    }

    async fn rfc8414_2_both_grants_are_in_the_metadata(database) {
        let server = Server::start(&database).await;
        for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
            let reply = server.http.get(server.url(path)).send().await.unwrap();
            let grants = Reply::of(reply).await.ok().json()["grant_types_supported"].clone();
            for grant in [EXCHANGE, BEARER] {
                assert!(grants.as_array().unwrap().contains(&json!(grant)), "{grants}");
            }
        }
    }

    async fn s126_a_provider_that_is_not_for_this_client_is_as_unknown_as_one_that_is_not(database) {
        let (off, theirs, idp) = (Oidc::start().await, Oidc::start().await, Oidc::start().await);
        let allowed = format!("allowed_clients = [\"{OTHER}\"]");
        let toml = [
            table("off", "oidc", off.base(), "disabled = true"),
            table("theirs", "oidc", theirs.base(), &allowed),
            table("idp", "oidc", idp.base(), ""),
        ];
        let server = Server::start_social(&database, &toml.concat()).await;
        for (number, records) in [&off, &theirs, &idp].into_iter().enumerate() {
            records.follows(server.now());
            records.change(|person| person.email = Some(format!("mina-{number}@example.com")));
        }
        let app = native_app(&server, NATIVE).await;
        let other = native_app(&server, OTHER).await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        let token = idp.id_token(CLIENT_ID, None);
        let unknown = present(&app, ID_TOKEN, &token, &[("subject_issuer", "nobody")]).await;
        unknown.refused(400, "invalid_grant");
        let access = idp.access_token_for(CLIENT_ID);
        let (of_off, of_theirs) =
            (off.id_token(CLIENT_ID, None), theirs.id_token(CLIENT_ID, None));
        let other_base = "https://nobody.example";
        for (kind, token, issuer) in [
            (ID_TOKEN, &of_off, "off"),
            (ID_TOKEN, &of_off, off.base()),
            (ID_TOKEN, &of_off, ""),
            (ID_TOKEN, &of_theirs, "theirs"),
            (ID_TOKEN, &of_theirs, theirs.base()),
            (ID_TOKEN, &of_theirs, ""),
            (ID_TOKEN, &token, other_base),
            (ID_TOKEN, &token, "IDP"),
            (ID_TOKEN, &token, "../idp"),
            (ACCESS_TOKEN, &access, "off"),
            (ACCESS_TOKEN, &access, "theirs"),
            (CODE, &access, "off"),
            (CODE, &access, "theirs"),
        ] {
            let reply = present(&app, kind, token, &[("subject_issuer", issuer)]).await;
            assert_eq!((reply.status, &reply.text), (unknown.status, &unknown.text), "{issuer}");
        }
        for token in [&of_off, &of_theirs] {
            let reply = assert_by(&app, token, &[]).await;
            assert_eq!((reply.status, &reply.text), (unknown.status, &unknown.text));
        }
        // The app does not hear the difference; the operator does.
        let written = ["off: not_for_this_client", "theirs: not_for_this_client"];
        refusal_check.saw_nothing_but(&written, "unknown").await;
        assert_eq!([&off, &theirs, &idp].map(|records| records.asked().len()), [0; 3]);
        present(&other, ID_TOKEN, &of_theirs, &[]).await.ok();
        present(&app, ID_TOKEN, &token, &[]).await.ok();
        present(&other, ID_TOKEN, &of_off, &[]).await.refused(400, "invalid_grant");
    }

    async fn s118_a_code_that_was_sent_to_this_server_is_not_redeemed_by_an_app(database) {
        let idp = Oidc::start().await;
        let naver = Naver::start().await;
        let toml =
            [table("idp", "oidc", idp.base(), ""), table("naver", "naver", naver.base(), "")];
        let server = Server::start_social(&database, &toml.concat()).await;
        idp.follows(server.now());
        let web = server.web_app("web", |client| client.metadata.first_party = true).await;
        let app = native_app(&server, NATIVE).await;
        let mut browser = server.browser();
        let page = browser.open(&web.authorization_url(&[])).await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        for slug in ["idp", "naver"] {
            let left = browser.start_upstream_login(&page, slug).await;
            let url = left.location().unwrap();
            let went = if slug == "idp" { idp.sign_in_at_provider(url, PersonAnswer::Yes) } else { naver.sign_in_at_provider(url, PersonAnswer::Yes) };
            let callback = went.unwrap();
            let ours = server.url(&format!("/login/callback/{slug}"));
            assert_eq!(callback.uri, ours);
            let (code, state) = (callback.get("code"), callback.get("state"));
            let changes = [("subject_issuer", slug), ("redirect_uri", &ours), ("state", state)];
            present(&app, CODE, code, &changes).await.refused(400, "invalid_request");
            refusal_check.saw_nothing_but(&[&format!("{slug}: sent_to_us")], slug).await;
            // Naver asks for no redirect URI: it is the state that tells where a code was sent.
            let hidden = [("subject_issuer", slug), ("state", state)];
            present(&app, CODE, code, &hidden).await.refused(400, "invalid_request");
            refusal_check.saw_nothing_but(&[], slug).await;
            let path = if slug == "idp" { "/token" } else { "/oauth2.0/token" };
            assert_eq!(idp.count(path) + naver.count(path), 0, "{slug}");
            // Everybody else has to be told, and Naver asks for a state.
            let bare = present(&app, CODE, code, &[("subject_issuer", slug)]).await;
            bare.refused(400, "invalid_request");
            assert_eq!(idp.count(path) + naver.count(path), 0, "{slug}");
        }
    }
}
