//! Introspection (RFC 7662), revocation (RFC 7009), userinfo (Core §5.3).

use mapae::admin::authority::May;
use mapae::admin::users::Target;
use sea_orm::{ConnectionTrait, Database};
use serde_json::json;

use crate::support::{App, Reply, Server, both, form};

both! {
    async fn s101_only_the_client_and_the_resource_server_may_see(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.audiences = vec!["https://api".to_owned()]).await;
        let api = server.client("api", |client| client.metadata.resource_servers = vec!["https://api".to_owned()]).await;
        let other = server.client("other", |client| client.metadata.resource_servers = vec!["https://other".to_owned()]).await;
        let public = server.public_client("public").await;
        let tokens = app.password("openid read").await.ok();
        let token = tokens.text("access_token");
        let seen = api.introspect(&token).await;
        assert_eq!(seen["active"], true);
        for member in ["scope", "client_id", "sub", "aud", "iss", "exp", "iat", "token_type", "jti"] {
            assert!(!seen[member].is_null(), "{member}");
        }
        assert!(app.is_active(&token).await);
        assert_eq!(other.introspect(&token).await, json!({ "active": false }));
        public.post("/introspect", &[("token", &token)]).await.refused(401, "invalid_client");
        let nobody = App { secret: Some("x".to_owned()), ..api.clone() };
        nobody.post("/introspect", &[("token", &token)]).await.refused(401, "invalid_client");
        api.post("/introspect", &[]).await.refused(400, "invalid_request");

        let refresh = tokens.text("refresh_token");
        assert!(app.is_active(&refresh).await);
        assert_eq!(api.introspect(&refresh).await, json!({ "active": false }));
        for text in [tokens.text("id_token"), "x".to_owned(), "mapae_rt_x".to_owned(), "a.b.c".to_owned()] {
            assert_eq!(app.introspect(&text).await, json!({ "active": false }));
        }
        server.advance(600);
        assert_eq!(app.introspect(&token).await, json!({ "active": false }));
    }

    async fn the_default_audience_gives_nobody_a_right(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let token = app.password("openid").await.ok().text("access_token");
        let other = server.client("other", |_| {}).await;
        assert_eq!(other.introspect(&token).await, json!({ "active": false }));
    }

    async fn s096_revocation_ends_what_it_names_and_survives_a_restart(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let other = server.client("other", |_| {}).await;
        let one = app.password("openid").await.ok();
        let access = one.text("access_token");

        other.revoke(&access).await.ok();
        other.revoke(&one.text("refresh_token")).await.ok();
        assert!(app.is_active(&access).await && app.is_active(&one.text("refresh_token")).await);

        app.revoke(&access).await.ok();
        app.revoke(&access).await.ok();
        assert!(!app.is_active(&access).await);
        app.userinfo(&access).await.refused(401, "invalid_token");
        let two = app.refresh(&one.text("refresh_token")).await.ok();

        app.revoke(&one.text("refresh_token")).await.ok();
        assert!(!app.is_active(&two.text("access_token")).await);
        app.refresh(&two.text("refresh_token")).await.refused(400, "invalid_grant");

        for unknown in ["x", "mapae_rt_x", "a.b.c"] {
            let fields = [("token", unknown), ("token_type_hint", "nonsense")];
            app.post("/revoke", &fields).await.ok();
        }
        app.post("/revoke", &[]).await.refused(400, "invalid_request");
        let nobody = App { secret: Some("x".to_owned()), ..app.clone() };
        nobody.revoke(&access).await.refused(401, "invalid_client");

        let server = server.restart().await;
        let app = app.at(server.issuer());
        assert!(!app.is_active(&access).await && !app.is_active(&two.text("access_token")).await);
    }

    async fn s098_without_the_database_nothing_is_called_revoked(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let tokens = app.password("openid").await.ok();
        let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
        let beside = Database::connect(server.database_url()).await.unwrap();
        let rename = async |from: &str, to: &str| {
            let statement = format!("ALTER TABLE {from} RENAME TO {to}");
            beside.execute_unprepared(&statement).await.unwrap();
        };
        rename("family", "elsewhere").await;
        rename("revoked_access_token", "nowhere").await;
        for reply in [
            app.revoke(&refresh).await,
            app.revoke(&access).await,
            app.post("/introspect", &[("token", &access)]).await,
            app.refresh(&refresh).await,
            app.userinfo(&access).await,
        ] {
            // Asking again does not bring the tables back; what may is 503 (`database_faults`).
            reply.refused(500, "server_error");
            assert!(reply.header("retry-after").is_empty());
        }
        rename("elsewhere", "family").await;
        rename("nowhere", "revoked_access_token").await;
        app.userinfo(&access).await.ok();
        app.refresh(&refresh).await.ok();
    }

    async fn rfc7009_2_1_a_public_client_revokes_its_own(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.public_client("spa").await;
        let tokens = app.password("openid").await.ok();
        app.revoke(&tokens.text("refresh_token")).await.ok();
        app.userinfo(&tokens.text("access_token")).await.refused(401, "invalid_token");
    }

    async fn s131_userinfo_takes_a_token_by_one_way(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.client("app", |_| {}).await;
        let token = app.password("openid profile email").await.ok().text("access_token");
        let claims = app.userinfo(&token).await.ok().json();
        assert_eq!(claims["sub"], sub.as_str());
        assert_eq!(claims["preferred_username"], "alice");
        assert_eq!(claims["email_verified"], true);
        assert!(claims.as_object().unwrap().values().all(|value| !value.is_null() && *value != ""));

        let url = server.url("/userinfo");
        let post = |body: String| server.http.post(&url).body(body)
            .header("content-type", "application/x-www-form-urlencoded");
        let by_body = Reply::of(post(form(&[("access_token", &token)])).send().await.unwrap()).await.ok();
        assert_eq!(by_body.json(), claims);
        let by_header = Reply::of(server.http.post(&url).bearer_auth(&token).send().await.unwrap()).await;
        assert_eq!(by_header.ok().json(), claims);
        let both = post(form(&[("access_token", &token)])).bearer_auth(&token);
        Reply::of(both.send().await.unwrap()).await.refused(400, "invalid_request");

        let none = Reply::of(server.http.get(&url).send().await.unwrap()).await;
        assert_eq!((none.status.as_u16(), none.header("www-authenticate")), (401, "Bearer realm=\"mapae\""));
        let query = server.http.get(format!("{url}?access_token={token}"));
        assert_eq!(query.send().await.unwrap().status(), 401);
        let bad = app.userinfo("nonsense").await;
        bad.refused(401, "invalid_token");
        assert!(bad.header("www-authenticate").contains("error=\"invalid_token\""));
        let plain = app.password("read").await.ok().text("access_token");
        app.userinfo(&plain).await.refused(403, "insufficient_scope");
        server.advance(600);
        app.userinfo(&token).await.refused(401, "invalid_token");
    }

    async fn s132_a_token_for_somebody_else_or_of_nobody_is_refused(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.audiences = vec!["https://api".to_owned()]).await;
        let elsewhere = app.password("read").await.ok().text("access_token");
        app.userinfo(&elsewhere).await.refused(401, "invalid_token");
        let token = app.password("openid").await.ok().text("access_token");
        app.userinfo(&token).await.ok();
        let store = &server.inner.services().store;
        mapae::admin::users::delete(&May::operator(), store, server.now(), Target::named("alice")).await.unwrap();
        app.userinfo(&token).await.refused(401, "invalid_token");
    }
}
