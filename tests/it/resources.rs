//! Resources: the APIs that access tokens are for, RFC 8707.

use mapae::admin::authority::May;
use mapae::admin::keys;
use mapae::domain::client::TokenAlg;
use mapae::domain::scope::Scope;
use mapae::domain::status_list::StatusListMode;
use serde_json::{Value, json};

use crate::status_lists::Verifier;
use crate::support::{App, Server, both, decode_claims, decode_header};

const ORDERS: &str = "https://orders.example.com/api";
const STOCK: &str = "https://stock.example.com";

async fn app(server: &Server) -> App {
    server
        .client("app", |client| {
            client.metadata.audiences = vec![ORDERS.to_owned(), STOCK.to_owned()];
            let scope =
                Scope::parse("openid email orders:read orders:write stock:read offline_access");
            client.metadata.scope = scope.unwrap();
        })
        .await
}

async fn token(app: &App, scope: &str, resources: &[&str]) -> (Value, Value, Value) {
    let mut asked = vec![
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", crate::support::PASSWORD),
        ("scope", scope),
    ];
    asked.extend(resources.iter().map(|one| ("resource", *one)));
    let reply = app.token(&asked).await.ok();
    let token = reply.text("access_token");
    (reply.json(), decode_claims(&token), decode_header(&token))
}

both! {
    async fn rfc8707_2_2_a_token_for_a_resource_has_its_scopes_its_life_and_its_algorithm(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, cli) = (app(&server).await, server.cli().await);
        let every = "openid orders:read orders:write stock:read";
        // Nobody registered the audience: everything is as the client says.
        let (_, claims, header) = token(&app, every, &[ORDERS]).await;
        assert_eq!((&claims["scope"], &header["alg"]), (&json!(every), &json!("RS256")));
        let made = cli.json(&["resource", "create", "--id", ORDERS, "--name", "주문", "--scope",
            "orders:read orders:write", "--token-alg", "ES256", "--access-lifetime", "2m"], None).await;
        assert_eq!((&made["id"], &made["resource_name"]), (&json!(ORDERS), &json!("주문")));
        server.forget_clients();
        let (reply, claims, header) = token(&app, every, &[ORDERS]).await;
        assert_eq!(claims["scope"], "openid orders:read orders:write");
        // RFC 6749 §5.1: the answer says the scope of the token.
        assert_eq!((&reply["scope"], &reply["expires_in"]), (&claims["scope"], &json!(120)));
        assert_eq!(header["alg"], "ES256");
        assert_eq!(decode_header(reply["id_token"].as_str().unwrap())["alg"], "RS256");
        // The first audience is the default one.
        assert_eq!(token(&app, every, &[]).await.1["scope"], "openid orders:read orders:write");
        // The other one is not registered, so nobody can say that a scope means nothing there.
        assert_eq!(token(&app, every, &[STOCK]).await.1["scope"], every);
        cli.json(&["resource", "create", "--id", STOCK, "--scope", "stock:read"], None).await;
        server.forget_clients();
        assert_eq!(token(&app, every, &[STOCK]).await.1["scope"], "openid stock:read");
        assert_eq!(token(&app, every, &[ORDERS, STOCK]).await.1["scope"], every);
        // The refresh token keeps what was granted, and brings a token for another resource.
        let (reply, ..) = token(&app, &format!("{every} offline_access"), &[ORDERS, STOCK]).await;
        let refreshed = app.token(&[("grant_type", "refresh_token"), ("resource", STOCK),
            ("refresh_token", reply["refresh_token"].as_str().unwrap())]).await.ok();
        let claims = decode_claims(&refreshed.text("access_token"));
        assert_eq!((&claims["scope"], &claims["aud"][0]), (&json!("offline_access openid stock:read"), &json!(STOCK)));
        // A preview says the same.
        let preview = cli.json(&["token", "preview", "--client", "app", "--username", "alice", "--scope", every,
            "--audience", STOCK], None).await;
        assert_eq!(preview["access_token"]["scope"], "openid stock:read");
        cli.json(&["resource", "delete", "--id", STOCK], None).await;
        server.forget_clients();
        assert_eq!(token(&app, every, &[STOCK]).await.1["scope"], every);
    }

    async fn a_refresh_brings_no_audience_that_an_operator_took_from_the_client(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, cli) = (app(&server).await, server.cli().await);
        let register = async |audiences: &[&str]| {
            let named = audiences.iter().flat_map(|one| ["--audience", *one]);
            let update: Vec<_> = ["client", "update", "--id", "app"].into_iter().chain(named).collect();
            cli.json(&update, None).await;
            server.forget_clients();
        };
        let granted = async |resources: &[&str]| {
            token(&app, "orders:read stock:read", resources).await.0["refresh_token"].as_str().unwrap().to_owned()
        };
        let aud = |access: &str| decode_claims(access)["aud"].clone();
        let (orders, both) = (granted(&[ORDERS]).await, granted(&[ORDERS, STOCK]).await);
        register(&[STOCK]).await;
        for named in [vec![], vec![("resource", ORDERS)], vec![("resource", STOCK)]] {
            app.refresh_with(&orders, &named).await.refused(400, "invalid_target");
        }
        let described = app.refresh(&orders).await.text("error_description");
        assert!(described.ends_with(ORDERS), "{described}");
        // What is left comes, and nothing in place of the rest.
        let (access, both) = app.refresh(&both).await.pair();
        assert_eq!(aud(&access), STOCK);
        // Nothing was spent, and what the client gets back it has again.
        register(&[STOCK, ORDERS]).await;
        assert_eq!(aud(&app.refresh(&orders).await.pair().0), ORDERS);
        assert_eq!(aud(&app.refresh(&both).await.pair().0), json!([ORDERS, STOCK]));
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
    }

    async fn a_client_gets_for_itself_what_the_resource_knows(database) {
        let server = Server::start(&database).await;
        let (app, cli) = (app(&server).await, server.cli().await);
        cli.json(&["resource", "create", "--id", STOCK, "--scope", "stock:read"], None).await;
        server.forget_clients();
        let asked = [("grant_type", "client_credentials"), ("resource", STOCK)];
        let claims = decode_claims(&app.token(&asked).await.ok().text("access_token"));
        assert_eq!(claims["scope"], "email stock:read");
    }

    async fn tokens_for_a_resource_name_their_place_in_a_status_list_where_it_says_so(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, cli) = (app(&server).await, server.cli().await);
        assert_eq!(token(&app, "stock:read", &[STOCK]).await.1["status"], Value::Null);
        cli.json(&["resource", "create", "--id", STOCK, "--status-list"], None).await;
        server.forget_clients();
        assert!(token(&app, "stock:read", &[STOCK]).await.1["status"]["status_list"]["idx"].is_u64());
        assert_eq!(token(&app, "orders:read", &[ORDERS]).await.1["status"], Value::Null);
        cli.json(&["resource", "update", "--id", STOCK, "--status-list", "false"], None).await;
        server.forget_clients();
        assert_eq!(token(&app, "stock:read", &[STOCK]).await.1["status"], Value::Null);
    }

    async fn a_dropped_key_ends_the_tokens_that_it_signed_for_a_resource(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, cli) = (app(&server).await, server.cli().await);
        cli.json(&["resource", "create", "--id", STOCK, "--status-list", "--token-alg", "ES256"], None).await;
        server.change("app", |client| client.metadata.status_list = StatusListMode::Each).await;
        let of_alice = token(&app, "stock:read", &[STOCK]).await.0["access_token"].as_str().unwrap().to_owned();
        let asked = [("grant_type", "client_credentials"), ("resource", STOCK)];
        let own = app.token(&asked).await.ok().text("access_token");
        let issuer = server.inner.services();
        let kid = decode_header(&own)["kid"].as_str().unwrap().to_owned();
        assert_eq!(decode_header(&of_alice)["kid"].as_str().unwrap(), kid);
        keys::rotate(&May::operator(), &issuer.keyring, Some(TokenAlg::Es256), true).await.unwrap();
        server.advance(2);
        let verifier = Verifier::at(server.issuer());
        assert!(!verifier.refuses(&own).await && !verifier.refuses(&of_alice).await);
        keys::drop(&May::operator(), &issuer.keyring, &kid).await.unwrap();
        verifier.learns(&own).await;
        verifier.learns(&of_alice).await;
    }

    async fn what_cannot_be_registered_is_refused_with_words(database) {
        let server = Server::start(&database).await;
        let cli = server.cli().await;
        cli.json(&["resource", "create", "--id", STOCK], None).await;
        for (arguments, code, word) in [
            (vec!["create", "--id", "api"], 1, "absolute URI"),
            (vec!["create", "--id", "https://a.example/#part"], 1, "fragment"),
            (vec!["create", "--id", STOCK], 1, "already"),
            (vec!["create", "--id", ORDERS, "--scope", "a\\b"], 1, "printable ASCII"),
            (vec!["create", "--id", ORDERS, "--access-lifetime", "11m"], 1, "token.access_lifetime"),
            (vec!["create", "--id", ORDERS, "--token-alg", "none"], 2, "none"),
            (vec!["update", "--id", ORDERS, "--name", "x"], 1, "no resource"),
            (vec!["show", "--id", ORDERS], 1, "no resource"),
            (vec!["delete", "--id", ORDERS], 1, "no resource"),
        ] {
            let said = cli.run(&[&["resource"], &arguments[..]].concat(), None).await;
            assert!(said.code == code && said.err.contains(word), "{arguments:?}: {said:?}");
        }
        let listed = cli.json(&["resource", "list"], None).await;
        assert_eq!(listed["resources"].as_array().unwrap().len(), 1);
        let kinds = "SELECT kind AS text FROM audit_event WHERE kind LIKE 'resource.%'";
        assert_eq!(server.evidence().await.texts(kinds).await, ["resource.created"]);
    }
}
