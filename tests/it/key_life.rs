//! The life of signing keys: published before use, replaced when they are old, remembered for
//! verification.

use mapae::domain::client::TokenAlg;
use serde_json::Value;

use crate::support::{App, Server, both, decode_header, eventually};

const DAY: i64 = 86_400;
const HOUR: i64 = 3600;
/// The life of the longest token, with the skew that verifiers may have.
const LONGEST: i64 = 15 * 60;

async fn kids(server: &Server) -> Vec<String> {
    let jwks = server.http.get(server.url("/.well-known/jwks.json")).send().await.unwrap();
    let jwks: Value = jwks.json().await.unwrap();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(token: &str) -> String {
    decode_header(token)["kid"].as_str().unwrap().to_owned()
}

/// A new access token.
async fn token(app: &App) -> String {
    let reply = app.token(&[("grant_type", "client_credentials"), ("scope", "read")]).await;
    reply.ok().text("access_token")
}

async fn maintain(server: &Server) {
    let keyring = &server.inner.services().keyring;
    keyring.maintain().await.expect("maintained");
    keyring.housekeep().await.expect("tidied");
}

both! {
    async fn s113_a_key_is_published_long_before_it_signs_and_long_after(database) {
        let server = Server::start(&database).await;
        let rs = server.client("rs", |_| {}).await;
        let es = server.client("es", |client| client.metadata.token_alg = TokenAlg::Es256).await;
        assert_eq!(kids(&server).await.len(), 2, "one of each algorithm from the first start");
        let (old, old_es) = (token(&rs).await, token(&es).await);
        assert_ne!(kid(&old), kid(&old_es));
        server.advance(90 * DAY - 2 * HOUR - 1);
        maintain(&server).await;
        assert_eq!(kids(&server).await.len(), 2);
        server.advance(1);
        maintain(&server).await;
        maintain(&server).await;
        let published = kids(&server).await;
        assert_eq!(published.len(), 4, "the successors show");
        for (app, before) in [(&rs, &old), (&es, &old_es)] {
            assert_eq!(kid(&token(app).await), kid(before), "and do not sign yet");
        }
        server.advance(2 * HOUR - 1);
        let last = token(&rs).await;
        assert_eq!(kid(&last), kid(&old));
        server.advance(1);
        for (app, before) in [(&rs, &old), (&es, &old_es)] {
            let new = token(app).await;
            assert_ne!(kid(&new), kid(before));
            assert!(published.contains(&kid(&new)));
            assert!(app.is_active(&new).await);
        }
        assert!(rs.is_active(&last).await);
        server.advance(LONGEST - 1);
        assert!(kids(&server).await.contains(&kid(&last)), "as long as a token of it may live");
        server.advance(1);
        let left = kids(&server).await;
        assert_eq!(left.len(), 2);
        assert!(!left.contains(&kid(&old)) && !left.contains(&kid(&old_es)));
    }

    async fn a_server_looks_after_its_keys_itself(database) {
        let server = Server::start_with(&database, &[("keys.reload", "1s")]).await;
        let app = server.client("app", |_| {}).await;
        let old = kid(&token(&app).await);
        server.advance(90 * DAY - HOUR);
        eventually("successors", async || kids(&server).await.len() == 4).await;
        assert_eq!(kid(&token(&app).await), old);
        server.advance(2 * HOUR);
        assert_ne!(kid(&token(&app).await), old);
        server.advance(91 * DAY);
        let known = async || {
            let snapshot = server.inner.services().keyring.snapshot().unwrap();
            snapshot.list().any(|(key, _)| key.kid == old)
        };
        eventually("what nobody can need is forgotten", async || !known().await).await;
        app.token(&[("grant_type", "client_credentials")]).await.ok();
    }

    async fn a_server_that_slept_over_the_date_still_publishes_first(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let before = kid(&token(&app).await);
        server.advance(400 * DAY);
        maintain(&server).await;
        assert_eq!(kids(&server).await.len(), 4);
        server.advance(2 * HOUR - 1);
        assert_eq!(kid(&token(&app).await), before);
        server.advance(1);
        assert_ne!(kid(&token(&app).await), before);
    }

    async fn a_start_with_a_clock_far_ahead_does_not_stop_the_rotation(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let old = kid(&token(&app).await);
        // Keys come of age for the wrong clock, and their successors are made for its time.
        server.advance(400 * DAY);
        maintain(&server).await;
        assert_eq!(kids(&server).await.len(), 4);
        server.advance(-400 * DAY);
        assert_eq!(kid(&token(&app).await), old);
        server.advance(90 * DAY - 2 * HOUR);
        maintain(&server).await;
        assert_eq!(kids(&server).await.len(), 6, "those of now are made all the same");
        maintain(&server).await;
        assert_eq!(kids(&server).await.len(), 6, "once");
        server.advance(2 * HOUR);
        assert_ne!(kid(&token(&app).await), old);
    }

    async fn an_expired_token_of_a_key_that_is_no_longer_published_still_proves(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.require_access_token_proof = true).await;
        let (access, first) = app.password("openid").await.pair();
        let keyring = &server.inner.services().keyring;
        keyring.rotate(TokenAlg::ALL, false).await.unwrap();
        server.advance(2 * HOUR + LONGEST);
        assert!(!kids(&server).await.contains(&kid(&access)));
        server.advance(20 * DAY);
        let (renewed, second) = app.refresh_with(&first, &[("access_token", &access)]).await.pair();
        assert_ne!(kid(&renewed), kid(&access));
        assert!(!app.is_active(&access).await, "expired is expired");
        // Dropping the key ends that too, and spends nothing.
        assert!(keyring.drop_key(&kid(&access)).await.unwrap());
        let refused = app.refresh_with(&second, &[("access_token", &access)]).await;
        refused.refused(400, "invalid_grant");
        app.refresh_with(&second, &[("access_token", &renewed)]).await.ok();
    }

    async fn a_key_is_forgotten_after_the_longest_life_of_a_family(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let old = kid(&token(&app).await);
        let keyring = &server.inner.services().keyring;
        keyring.rotate(&[TokenAlg::Rs256], true).await.unwrap();
        let known = || keyring.snapshot().unwrap().list().any(|(key, _)| key.kid == old);
        server.advance(1 + LONGEST + 90 * DAY - 1);
        keyring.housekeep().await.unwrap();
        assert!(known());
        server.advance(1);
        keyring.housekeep().await.unwrap();
        keyring.reload().await.unwrap();
        assert!(!known());
    }

    async fn a_dropped_key_is_refused_at_once(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (access, refresh) = app.password("openid").await.pair();
        let keyring = &server.inner.services().keyring;
        keyring.rotate(&[TokenAlg::Rs256], true).await.unwrap();
        server.advance(1);
        assert!(app.is_active(&access).await);
        assert!(keyring.drop_key(&kid(&access)).await.unwrap());
        assert!(!keyring.drop_key(&kid(&access)).await.unwrap(), "once");
        assert!(!kids(&server).await.contains(&kid(&access)));
        assert!(!app.is_active(&access).await);
        assert_eq!(app.userinfo(&access).await.status, 401);
        let proof = [("access_token", access.as_str())];
        app.refresh_with(&refresh, &proof).await.refused(400, "invalid_grant");
        let (access, _) = app.refresh(&refresh).await.pair();
        assert!(app.is_active(&access).await);
    }

    async fn rfc9110_13_1_2_the_entity_tag_changes_with_the_keys(database) {
        let server = Server::start(&database).await;
        let get = async |etag: Option<&str>| {
            let mut request = server.http.get(server.url("/.well-known/jwks.json"));
            if let Some(etag) = etag {
                request = request.header("if-none-match", etag);
            }
            request.send().await.unwrap()
        };
        let first = get(None).await;
        let etag = first.headers()["etag"].to_str().unwrap().to_owned();
        assert!(etag.starts_with('"'), "a strong one: {etag}");
        assert_eq!(first.headers()["cache-control"], "public, max-age=3600");
        assert_eq!(get(Some(&etag)).await.status(), 304);
        server.inner.services().keyring.rotate(&[TokenAlg::Es256], false).await.unwrap();
        let changed = get(Some(&etag)).await;
        assert_eq!(changed.status(), 200);
        assert_ne!(changed.headers()["etag"].to_str().unwrap(), etag);
    }
}
