//! Identity assertion grants (ID-JAG): made for another authorization server, and taken from one.

use futures_util::future::join_all;
use mapae::domain::client::{Client, SubjectType};
use mapae::domain::grant_type::GrantType;
use mapae::domain::id_jag::{IdJagAudience, IdJagIssuer};
use mapae::domain::reason::Reason;
use mapae::domain::scope::Scope;
use serde_json::{Value, json};

use crate::support::{
    App, Database, Holder, Reply, Server, USERNAME, both, decode_claims, decode_header,
};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";

/// The other authorization server, as its metadata names it.
const THERE: &str = "https://as.example.com/";
/// The issuer that this server trusts. Nobody answers there.
const IDP: &str = "http://127.0.0.1:9";
const ORDERS: &str = "https://orders.example.com";
const STOCK: &str = "https://stock.example.com";

const ON: &[(&str, &str)] = &[("id_jag.enabled", "true"), ("outbound.allow_private", "true")];

fn scope(text: &str) -> Scope {
    Scope::parse(text).expect("a scope")
}

/// Fields of a form. `changes` replaces or adds some; an empty one is left out.
fn with<'a>(
    usual: &[(&'a str, &'a str)],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let kept = usual.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    kept.chain(changes).filter(|(_, value)| !value.is_empty()).copied().collect()
}

/// That it was refused for this reason, which is told.
#[track_caller]
fn refused_for(reply: &Reply, reason: Reason, what: &str) {
    let code = reason.code().expect("a code");
    let told = reply.json()["error_description"].as_str().unwrap_or_default().to_owned();
    assert!(told.starts_with(reason.sentence()), "{what}: {} {}", reply.status, reply.text);
    reply.refused(code.status(), code.as_str());
}

mod issuing {
    use super::*;

    fn entry() -> IdJagAudience {
        IdJagAudience {
            audience: THERE.to_owned(),
            client_id: "app-there".to_owned(),
            scope: scope("orders:read orders:write"),
            resources: vec![ORDERS.to_owned(), STOCK.to_owned()],
            sub_of: None,
        }
    }

    /// An app that people sign in to here, and that acts for them there.
    async fn app(server: &Server, id: &str, change: impl FnOnce(&mut Client)) -> App {
        server
            .web_app(id, |client| {
                client.metadata.grant_types.extend([GrantType::Password, GrantType::TokenExchange]);
                client.metadata.scope = scope("openid email offline_access");
                client.metadata.id_jag_audiences = vec![entry()];
                change(client);
            })
            .await
    }

    fn asked<'a>(subject: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let usual = [
            ("grant_type", EXCHANGE),
            ("requested_token_type", ID_JAG),
            ("subject_token", subject),
            ("subject_token_type", ID_TOKEN),
            ("audience", THERE),
        ];
        with(&usual, changes)
    }

    async fn ask(app: &App, subject: &str, changes: &[(&str, &str)]) -> Reply {
        app.token(&asked(subject, changes)).await
    }

    both! {
        async fn id_jag_4_3_an_id_token_brings_a_grant_for_another_server(database) {
            let server = Server::start_with(&database, ON).await;
            let alice = server.alice().await;
            let app = app(&server, "app", |_| {}).await;
            let signed_in = app.password("openid email").await.ok();
            let (id_token, had) = (signed_in.text("id_token"), decode_claims(&signed_in.text("id_token")));
            server.advance(30);
            let changes = [("resource", "https://orders.example.com/"), ("scope", "orders:read")];
            let reply = ask(&app, &id_token, &changes).await.ok();
            assert_eq!(reply.header("cache-control"), "no-store");
            let answer = reply.json();
            assert_eq!((&answer["issued_token_type"], &answer["token_type"]), (&json!(ID_JAG), &json!("N_A")));
            assert_eq!((&answer["scope"], &answer["expires_in"]), (&json!("orders:read"), &json!(300)));
            assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none(), "{answer}");
            let jag = reply.text("access_token");
            let (head, claims) = (decode_header(&jag), decode_claims(&jag));
            assert_eq!((&head["typ"], &head["alg"]), (&json!("oauth-id-jag+jwt"), &json!("RS256")));
            let now = server.now().now().timestamp();
            let member = |name: &str| claims[name].clone();
            assert_eq!(member("iss"), server.issuer());
            assert_eq!((member("sub"), member("aud")), (json!(alice), json!(THERE)));
            assert_eq!((member("client_id"), member("resource")), (json!("app-there"), json!(ORDERS)));
            assert_eq!((member("iat"), member("exp")), (json!(now), json!(now + 300)));
            for name in ["auth_time", "acr", "amr"] {
                assert_eq!(claims[name], had[name], "{name}");
            }
            assert_eq!(member("email_verified"), true);
            assert!(member("email").as_str().unwrap().contains('@') && claims.get("cnf").is_none());
            // Each is another one, and it is no token of this server.
            let again = decode_claims(&ask(&app, &id_token, &changes).await.ok().text("access_token"));
            assert_ne!(again["jti"], claims["jti"]);
            assert_eq!(app.userinfo(&jag).await.status, 401);
            assert!(!app.is_active(&jag).await);

            // Without scope and resource it has all of the entry, and no address that the app may not see.
            let narrow = app.password("openid").await.ok().text("id_token");
            let claims = decode_claims(&ask(&app, &narrow, &[]).await.ok().text("access_token"));
            assert_eq!((&claims["scope"], &claims["resource"]), (&json!("orders:read orders:write"), &json!([ORDERS, STOCK])));
            assert!(claims.get("email").is_none() && claims.get("email_verified").is_none(), "{claims}");
            let evidence = server.evidence().await;
            let issued = evidence.events_of("assertion_grant.issued").await;
            assert_eq!(issued.len(), 3);
            assert_eq!((issued[0].user.as_deref(), issued[0].client.as_deref()), (Some(alice.as_str()), Some("app")));
            assert_eq!(issued[0].family.as_deref(), had["sid"].as_str());
            assert_eq!(issued[0].detail.as_deref(), Some("for app-there at https://as.example.com/: orders:read"));
        }

        async fn id_jag_4_3_3_what_does_not_bring_a_grant_is_refused_for_one_reason_each(database) {
            let server = Server::start_with(&database, ON).await;
            server.alice().await;
            let app = app(&server, "app", |_| {}).await;
            let other = self::app(&server, "other", |_| {}).await;
            let signed_in = app.password("openid email offline_access").await.ok();
            let (id_token, access) = (signed_in.text("id_token"), signed_in.text("access_token"));
            let (of_other, other_refresh) = {
                let signed_in = other.password("openid offline_access").await.ok();
                (signed_in.text("id_token"), signed_in.text("refresh_token"))
            };
            ask(&app, &id_token, &[]).await.ok();
            let tampered = format!("{}x", &id_token[..id_token.len() - 4]);
            let jag = ask(&app, &id_token, &[]).await.ok().text("access_token");
            let ours = server.issuer();
            for (what, changes, reason) in [
                ("no audience", vec![("audience", "")], Reason::IdJagAudienceMissing),
                ("two audiences", vec![("audience", THERE), ("audience", STOCK)], Reason::IdJagAudienceMissing),
                ("another audience", vec![("audience", "https://other.example.com/")], Reason::IdJagAudienceUnregistered),
                ("a slash less", vec![("audience", "https://as.example.com")], Reason::IdJagAudienceUnregistered),
                ("this server", vec![("audience", ours)], Reason::IdJagAudienceUnregistered),
                ("another resource", vec![("resource", "https://billing.example.com")], Reason::IdJagResourceUnregistered),
                ("one resource too many", vec![("resource", ORDERS), ("resource", "https://billing.example.com")], Reason::IdJagResourceUnregistered),
                ("more scope", vec![("scope", "orders:read orders:delete")], Reason::IdJagScopeTooWide),
                ("a scope of this server", vec![("scope", "openid")], Reason::IdJagScopeTooWide),
                ("details", vec![("authorization_details", "[]")], Reason::IdJagDetailsUnsupported),
                ("an actor", vec![("actor_token", access.as_str()), ("actor_token_type", ACCESS_TOKEN)], Reason::ActorTokenUnsupported),
                ("an access token", vec![("subject_token", access.as_str()), ("subject_token_type", ACCESS_TOKEN)], Reason::IdJagSubjectTypeUnsupported),
                ("an access token as id token", vec![("subject_token", access.as_str())], Reason::SubjectTokenInvalid),
                ("a grant as id token", vec![("subject_token", jag.as_str())], Reason::SubjectTokenInvalid),
                ("another signature", vec![("subject_token", tampered.as_str())], Reason::SubjectTokenInvalid),
                ("no token", vec![("subject_token", "no-token")], Reason::SubjectTokenInvalid),
                ("the token of another app", vec![("subject_token", of_other.as_str())], Reason::IdJagSubjectOfAnother),
                ("the refresh token of another app", vec![("subject_token", other_refresh.as_str()), ("subject_token_type", REFRESH_TOKEN)], Reason::SubjectTokenInvalid),
                ("an id token as refresh token", vec![("subject_token_type", REFRESH_TOKEN)], Reason::SubjectTokenInvalid),
                ("an unknown type", vec![("requested_token_type", "urn:x")], Reason::RequestedTokenTypeUnsupported),
                ("no subject", vec![("subject_token", "")], Reason::SubjectTokenMissing),
            ] {
                refused_for(&ask(&app, &id_token, &changes).await, reason, what);
            }
            // A refresh token is exchanged for a grant alone.
            let refresh = [("requested_token_type", ""), ("subject_token_type", REFRESH_TOKEN)];
            refused_for(&ask(&app, &id_token, &refresh).await, Reason::SubjectTokenTypeUnsupported, "no grant");
            // As the entry is now, though the server has the old one in memory.
            let cli = server.cli().await;
            cli.json(&["client", "id-jag", "--id", "app", "--audience", THERE, "--remove"], None).await;
            refused_for(&ask(&app, &id_token, &[]).await, Reason::IdJagAudienceUnregistered, "removed");
            server.change("app", |client| {
                client.metadata.id_jag_audiences = vec![IdJagAudience { sub_of: Some("nobody".to_owned()), ..entry() }];
            }).await;
            refused_for(&ask(&app, &id_token, &[]).await, Reason::IdJagSubjectOfNobody, "nobody");
            server.change("app", |client| client.metadata.id_jag_audiences = vec![entry()]).await;
            let issued = server.evidence().await.events_of("assertion_grant.issued").await.len();
            assert_eq!(issued, 2, "none of these");
            server.change("app", |client| client.metadata.grant_types = vec![GrantType::Password]).await;
            ask(&app, &id_token, &[]).await.refused(400, "unauthorized_client");
            let public = server.public_client("public").await;
            server.change("public", |client| client.metadata.grant_types.push(GrantType::TokenExchange)).await;
            let own = public.password("openid").await.ok().text("id_token");
            refused_for(&ask(&public, &own, &[]).await, Reason::IdJagPublicClient, "public");
            // It has expired.
            server.change("app", |client| client.metadata.grant_types.push(GrantType::TokenExchange)).await;
            server.advance(24 * 3600);
            refused_for(&ask(&app, &id_token, &[]).await, Reason::SubjectTokenExpired, "expired");
        }

        async fn id_jag_4_3_3_a_sign_in_that_ended_brings_no_grant(database) {
            let server = Server::start_with(&database, ON).await;
            server.alice().await;
            let app = app(&server, "app", |client| client.metadata.first_party = true).await;
            let cli = server.cli().await;
            let sign_in = async || {
                let signed_in = app.password("openid offline_access").await.ok();
                (signed_in.text("id_token"), signed_in.text("refresh_token"))
            };
            let (id_token, refresh) = sign_in().await;
            ask(&app, &id_token, &[]).await.ok();
            app.revoke(&refresh).await.ok();
            refused_for(&ask(&app, &id_token, &[]).await, Reason::IdJagSignInEnded, "revoked");
            let by_refresh = [("subject_token", refresh.as_str()), ("subject_token_type", REFRESH_TOKEN)];
            refused_for(&ask(&app, "", &by_refresh).await, Reason::SubjectTokenInvalid, "revoked");

            let (id_token, _) = sign_in().await;
            cli.json(&["user", "logout", "--username", USERNAME], None).await;
            refused_for(&ask(&app, &id_token, &[]).await, Reason::IdJagSignInEnded, "signed out");

            // With its session, if it is bound to one.
            let mut browser = server.browser();
            let page = browser.arrive(&app.authorization_url(&[])).await;
            let code = page.authorization_response().code();
            let id_token = app.exchange(&code).await.ok().text("id_token");
            ask(&app, &id_token, &[]).await.ok();
            let page = browser.open("/account").await;
            let fields = [("csrf", page.hidden("csrf")), ("session", page.hidden("session"))];
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            browser.post("/account/sign-out", &fields).await;
            refused_for(&ask(&app, &id_token, &[]).await, Reason::IdJagSignInEnded, "session");

            let (id_token, _) = sign_in().await;
            let (spared, _) = sign_in().await;
            server.evidence().await.run(&format!("UPDATE account SET disabled_at = 1 WHERE username = '{USERNAME}'")).await;
            refused_for(&ask(&app, &id_token, &[]).await, Reason::IdJagSignInEnded, "disabled");
            server.evidence().await.run("UPDATE account SET disabled_at = NULL").await;
            ask(&app, &spared, &[]).await.ok();
        }

        async fn id_jag_4_3_2_a_refresh_token_brings_a_grant_and_stays_as_it_is(database) {
            let server = Server::start_with(&database, ON).await;
            let alice = server.alice().await;
            let app = app(&server, "app", |_| {}).await;
            let (_, refresh) = app.password("openid offline_access").await.pair();
            let by = |token: &str| {
                let token = token.to_owned();
                let app = app.clone();
                async move { ask(&app, "", &[("subject_token", &token), ("subject_token_type", REFRESH_TOKEN)]).await }
            };
            // Long after the id token.
            server.advance(3 * 86_400);
            for _ in 0..2 {
                assert_eq!(decode_claims(&by(&refresh).await.ok().text("access_token"))["sub"], alice.as_str());
            }
            let (_, next) = app.refresh(&refresh).await.pair();
            by(&next).await.ok();
            // The old one brings nothing, and presenting it is no theft.
            server.advance(3600);
            refused_for(&by(&refresh).await, Reason::SubjectTokenInvalid, "spent");
            by(&next).await.ok();
            let (access, _) = app.refresh(&next).await.pair();
            assert!(app.is_active(&access).await);
            // A client that proves the last access token at each use proves it at no exchange.
            let (_, refresh) = app.password("openid offline_access").await.pair();
            server.change("app", |client| client.metadata.require_access_token_proof = true).await;
            refused_for(&by(&refresh).await, Reason::AccessTokenProofMissing, "no proof");
        }

        async fn id_jag_3_1_the_subject_is_the_one_that_the_other_server_knows(database) {
            let server = Server::start_with(&database, ON).await;
            let alice = server.alice().await;
            let pairwise = |uri: &'static str| move |client: &mut Client| {
                client.metadata.subject_type = SubjectType::Pairwise;
                client.metadata.redirect_uris = vec![uri.to_owned()];
            };
            let there = app(&server, "there", pairwise("https://as.example.com/callback")).await;
            let app = app(&server, "app", pairwise("https://app.example.com/callback")).await;
            let sub = |token: &str| decode_claims(token)["sub"].as_str().unwrap().to_owned();
            let id_token = app.password("openid").await.ok().text("id_token");
            let known = sub(&there.password("openid").await.ok().text("id_token"));
            assert!(known != sub(&id_token) && known != alice);
            let named = sub(&ask(&app, &id_token, &[]).await.ok().text("access_token"));
            assert_eq!(named, sub(&id_token), "the app learns of no other one");
            server.change("app", |client| client.metadata.id_jag_audiences[0].sub_of = Some("there".to_owned())).await;
            assert_eq!(sub(&ask(&app, &id_token, &[]).await.ok().text("access_token")), known);
        }

        async fn id_jag_8_6_1_1_a_grant_is_bound_to_the_key_that_is_proven(database) {
            let server = Server::start_with(&database, ON).await;
            server.alice().await;
            let app = app(&server, "app", |_| {}).await;
            let holder = Holder::new(server.now());
            let id_token = app.password("openid").await.ok().text("id_token");
            let reply = holder.token(&app, &asked(&id_token, &[])).await.ok();
            assert_eq!(reply.json()["token_type"], "N_A");
            assert_eq!(decode_claims(&reply.text("access_token"))["cnf"], json!({ "jkt": holder.jkt() }));
            server.change("app", |client| client.metadata.dpop_bound_access_tokens = true).await;
            ask(&app, &id_token, &[]).await.refused(400, "invalid_dpop_proof");
        }

        async fn id_jag_7_the_metadata_names_it_where_it_is_on(database) {
            let server = Server::start(&database).await;
            server.alice().await;
            let app = app(&server, "app", |_| {}).await;
            let [made, taken] = ["identity_chaining_requested_token_types_supported", "authorization_grant_profiles_supported"];
            let metadata = app.metadata().await;
            assert!(metadata.get(made).is_none() && metadata.get(taken).is_none(), "{metadata}");
            let id_token = app.password("openid").await.ok().text("id_token");
            refused_for(&ask(&app, &id_token, &[]).await, Reason::RequestedTokenTypeUnsupported, "off");
            drop(server);
            let server = Server::start_with(&database, ON).await;
            let metadata = app.at(server.issuer()).metadata().await;
            assert_eq!(metadata[made], json!([ID_JAG]));
            assert_eq!(metadata[taken], json!(["urn:ietf:params:oauth:grant-profile:id-jag"]));
            assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!(JWT_BEARER)));
        }

        async fn where_a_client_acts_is_made_listed_and_removed(database) {
            let server = Server::start_with(&database, ON).await;
            server.web_app("app", |_| {}).await;
            server.public_client("public").await;
            let cli = server.cli().await;
            let verb = |more: &[&'static str]| {
                ["client", "id-jag", "--id", "app"].into_iter().chain(more.iter().copied()).collect::<Vec<_>>()
            };
            let json_of = async |more: &[&'static str]| cli.json(&verb(more), None).await;
            assert_eq!(json_of(&[]).await, json!({ "client_id": "app", "id_jag_audiences": [] }));
            let full = ["--audience", THERE, "--client-id-there", "a b", "--scope", "x y", "--resource", ORDERS, "--resource", STOCK, "--sub-of", "app"];
            let made = json_of(&full).await;
            assert_eq!(made["id_jag_audiences"], json!([{
                "audience": THERE, "client_id": "a b", "scope": "x y", "resources": [ORDERS, STOCK], "sub_of": "app",
            }]));
            let said = cli.run(&verb(&full), None).await;
            assert!(said.err.contains("id_jag.enabled is off") && said.err.contains("client update --grant"), "{said:?}");
            json_of(&["--audience", "https://second.example.com", "--client-id-there", "c", "--scope", "x"]).await;
            let same = json_of(&["--audience", THERE, "--client-id-there", "b", "--scope", "z"]).await;
            assert_eq!(same["id_jag_audiences"][1], json!({ "audience": THERE, "client_id": "b", "scope": "z" }));
            for wrong in [
                vec!["--audience", THERE],
                vec!["--audience", THERE, "--client-id-there", "b"],
                vec!["--audience", THERE, "--scope", "x"],
                vec!["--audience", THERE, "--client-id-there", "", "--scope", "x"],
                vec!["--audience", THERE, "--client-id-there", "b", "--scope", ""],
                vec!["--audience", THERE, "--client-id-there", "b", "--scope", "x", "--resource", "orders"],
                vec!["--audience", "as", "--client-id-there", "b", "--scope", "x"],
                vec!["--audience", THERE, "--remove", "--scope", "x"],
                vec!["--scope", "x"],
            ] {
                let said = cli.run(&verb(&wrong), None).await;
                assert_eq!(said.code, 2, "{wrong:?} {said:?}");
            }
            let ours = ["client", "id-jag", "--id", "app", "--audience", server.issuer(), "--client-id-there", "b", "--scope", "x"];
            assert_eq!(cli.run(&ours, None).await.code, 2, "a grant is for another server");
            let public = ["client", "id-jag", "--id", "public", "--audience", THERE, "--client-id-there", "b", "--scope", "x"];
            assert_eq!(cli.run(&public, None).await.code, 2, "a public client");
            let left = json_of(&["--audience", THERE, "--remove"]).await;
            assert_eq!(left["id_jag_audiences"].as_array().unwrap().len(), 1);
            assert_eq!(cli.run(&verb(&["--audience", THERE, "--remove"]), None).await.code, 1);
        }
    }
}

/// A provider of this server whose grants are taken.
fn provider(issuer: &str, more: &str) -> String {
    format!(
        "[[social]]\nslug = \"idp\"\npreset = \"oidc\"\nissuer = \"{issuer}\"\n\
         client_id = \"mapae\"\nclient_secret = \"secret\"\n{more}\n"
    )
}

fn jwk(key: &Holder, kid: &str) -> Value {
    let mut jwk = key.jwk();
    jwk["kid"] = json!(kid);
    jwk
}

/// An app that shows grants of this issuer.
fn shows(client: &mut Client, issuer: &str, jwks: Option<Value>) {
    client.metadata.grant_types = vec![GrantType::JwtBearer, GrantType::RefreshToken];
    client.metadata.audiences = vec![STOCK.to_owned(), ORDERS.to_owned()];
    client.metadata.scope = scope("openid offline_access orders:read orders:write");
    client.metadata.id_jag_issuers = vec![IdJagIssuer { issuer: issuer.to_owned(), jwks }];
}

async fn present(app: &App, jag: &str, changes: &[(&str, &str)]) -> Reply {
    app.token(&with(&[("grant_type", JWT_BEARER), ("assertion", jag)], changes)).await
}

mod redeeming {
    use super::*;

    /// Who the issuer says that Alice is.
    const SUBJECT: &str = "U019488227";

    /// A server that trusts an issuer, an app that shows its grants, and Alice, who linked her account.
    struct Scene {
        server: Server,
        app: App,
        api: App,
        alice: String,
        key: Holder,
    }

    async fn link(server: &Server, user: &str, subject: &str) {
        let sql = format!(
            "INSERT INTO identity (issuer, subject, user_id, provider, email, linked_at, used_at) \
             VALUES ('{IDP}', '{subject}', '{user}', 'idp', 'alice@example.com', 1, 1)"
        );
        server.evidence().await.run(&sql).await;
    }

    async fn scene_with(
        database: &Database,
        settings: &[(&'static str, &str)],
        more: &str,
    ) -> Scene {
        let server = Server::start_of(database, settings, &provider(IDP, more)).await;
        let key = Holder::new(server.now());
        let jwks = json!({ "keys": [jwk(&key, "one")] });
        let app = server.client("app", |client| shows(client, IDP, Some(jwks))).await;
        let api = server
            .client("api", |client| {
                client.metadata.resource_servers = vec![ORDERS.to_owned(), STOCK.to_owned()];
            })
            .await;
        let alice = server.alice().await;
        link(&server, &alice, SUBJECT).await;
        Scene { server, app, api, alice, key }
    }

    async fn scene(database: &Database) -> Scene {
        scene_with(database, ON, "").await
    }

    impl Scene {
        /// The claims of a grant. `null` leaves one out.
        fn claims(&self, changes: &Value) -> Value {
            let now = self.server.now().now().timestamp();
            let mut claims = json!({
                "iss": IDP, "sub": SUBJECT, "aud": self.server.issuer(), "client_id": "app",
                "jti": uuid::Uuid::new_v4().to_string(), "exp": now + 300, "iat": now,
                "resource": ORDERS, "scope": "orders:read", "auth_time": now - 100,
            });
            for (name, value) in changes.as_object().into_iter().flatten() {
                match value {
                    Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
                    value => claims[name] = value.clone(),
                }
            }
            claims
        }

        fn jag(&self, changes: &Value) -> String {
            self.key.sign(&head(&json!({})), &self.claims(changes))
        }

        async fn present(&self, changes: &Value, fields: &[(&str, &str)]) -> Reply {
            present(&self.app, &self.jag(changes), fields).await
        }
    }

    fn head(changes: &Value) -> Value {
        let mut head = json!({ "alg": "ES256", "kid": "one", "typ": "oauth-id-jag+jwt" });
        for (name, value) in changes.as_object().into_iter().flatten() {
            match value {
                Value::Null => drop(head.as_object_mut().expect("an object").remove(name)),
                value => head[name] = value.clone(),
            }
        }
        head
    }

    both! {
        async fn id_jag_4_4_a_grant_of_a_trusted_issuer_brings_an_access_token(database) {
            let scene = scene(&database).await;
            let Scene { server, app, api, alice, .. } = &scene;
            let reply = scene.present(&json!({ "email": "x@example.com", "aud_sub": "x" }), &[]).await.ok();
            let answer = reply.json();
            assert_eq!((&answer["token_type"], &answer["scope"]), (&json!("Bearer"), &json!("orders:read")));
            assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none(), "{answer}");
            assert!(answer.get("issued_token_type").is_none());
            let token = reply.text("access_token");
            let claims = decode_claims(&token);
            let now = server.now().now().timestamp();
            assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(alice), &json!("app")));
            assert_eq!((&claims["aud"], &claims["scope"]), (&json!(ORDERS), &json!("orders:read")));
            assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["fed", "idp"]), &json!("1")));
            assert_eq!(claims["auth_time"], now - 100);
            assert!(api.is_active(&token).await);
            assert_eq!(app.userinfo(&token).await.status, 401);
            let evidence = server.evidence().await;
            let redeemed = evidence.events_of("assertion_grant.redeemed").await;
            assert_eq!(redeemed.len(), 1);
            assert_eq!((redeemed[0].user.as_deref(), redeemed[0].client.as_deref()), (Some(alice.as_str()), Some("app")));
            assert_eq!(redeemed[0].detail.as_deref(), Some(IDP));
            let started = evidence.events_of("family.started").await;
            assert_eq!(started.last().unwrap().family.as_deref(), claims["sid"].as_str());
            assert!(evidence.events_of("sign_in.succeeded").await.is_empty(), "nobody signed in");

            // The audience is a text or a list of one, and nothing needs to be there that is optional.
            let (list, bare) = (json!({ "aud": [server.issuer()] }), json!({ "auth_time": null, "resource": null }));
            scene.present(&list, &[]).await.ok();
            let claims = decode_claims(&scene.present(&bare, &[]).await.ok().text("access_token"));
            assert_eq!((&claims["aud"], &claims["auth_time"]), (&json!(STOCK), &json!(now)));
            // What it says of the time of the sign-in is never in the future.
            let ahead = scene.present(&json!({ "auth_time": now + 4000 }), &[]).await.ok();
            assert_eq!(decode_claims(&ahead.text("access_token"))["auth_time"], now);
            // It ends by itself.
            server.advance(600);
            assert!(!api.is_active(&token).await);
        }

        #[expect(clippy::too_many_lines, reason = "one list of faults")]
        async fn id_jag_4_4_1_a_grant_is_refused_for_one_reason_each(database) {
            let scene = scene(&database).await;
            let Scene { server, app, key, .. } = &scene;
            let (ours, now) = (server.issuer(), server.now().now().timestamp());
            server.client("other", |client| shows(client, IDP, None)).await;
            let jkt = Holder::new(server.now()).jkt();
            for (what, changes, reason) in [
                ("no issuer", json!({ "iss": null }), Reason::IdJagMalformed),
                ("a list of issuers", json!({ "iss": [IDP] }), Reason::IdJagMalformed),
                ("another issuer", json!({ "iss": "https://evil.example.com" }), Reason::IdJagIssuerUntrusted),
                ("a slash more", json!({ "iss": format!("{IDP}/") }), Reason::IdJagIssuerUntrusted),
                ("in capitals", json!({ "iss": IDP.to_uppercase() }), Reason::IdJagIssuerUntrusted),
                ("our own", json!({ "iss": ours }), Reason::IdJagIssuerUntrusted),
                ("no subject", json!({ "sub": null }), Reason::IdJagMalformed),
                ("an empty subject", json!({ "sub": "" }), Reason::IdJagMalformed),
                ("a stranger", json!({ "sub": "U2" }), Reason::IdJagPersonUnknown),
                ("the account itself", json!({ "sub": scene.alice }), Reason::IdJagPersonUnknown),
                ("a stranger with her address", json!({ "sub": "U2", "email": "alice@example.com", "email_verified": true, "aud_sub": scene.alice }), Reason::IdJagPersonUnknown),
                ("no audience", json!({ "aud": null }), Reason::IdJagMalformed),
                ("another audience", json!({ "aud": "https://as.example.com" }), Reason::IdJagAudienceMismatch),
                ("a slash more in the audience", json!({ "aud": format!("{ours}/") }), Reason::IdJagAudienceMismatch),
                ("the token endpoint", json!({ "aud": format!("{ours}/token") }), Reason::IdJagAudienceMismatch),
                ("two audiences", json!({ "aud": [ours, "https://as.example.com"] }), Reason::IdJagAudienceMismatch),
                ("twice us", json!({ "aud": [ours, ours] }), Reason::IdJagAudienceMismatch),
                ("an empty audience", json!({ "aud": [] }), Reason::IdJagAudienceMismatch),
                ("no client", json!({ "client_id": null }), Reason::IdJagMalformed),
                ("another client", json!({ "client_id": "other" }), Reason::IdJagClientMismatch),
                ("a client in capitals", json!({ "client_id": "APP" }), Reason::IdJagClientMismatch),
                ("no jti", json!({ "jti": null }), Reason::IdJagMalformed),
                ("an empty jti", json!({ "jti": "" }), Reason::IdJagMalformed),
                ("no end", json!({ "exp": null }), Reason::IdJagMalformed),
                ("an end that is text", json!({ "exp": "tomorrow" }), Reason::IdJagMalformed),
                ("for ever", json!({ "exp": 1e300 }), Reason::IdJagMalformed),
                ("expired", json!({ "exp": now }), Reason::IdJagExpired),
                ("more than an hour", json!({ "exp": now + 3601 }), Reason::IdJagLifetimeTooLong),
                ("nearly for ever", json!({ "exp": i64::MAX }), Reason::IdJagLifetimeTooLong),
                ("no iat", json!({ "iat": null }), Reason::IdJagMalformed),
                ("issued in the future", json!({ "iat": now + 120 }), Reason::IdJagNotYetValid),
                ("not valid yet", json!({ "nbf": now + 120 }), Reason::IdJagNotYetValid),
                ("a tenant", json!({ "tenant": "acme" }), Reason::IdJagClaimUnsupported),
                ("a tenant here", json!({ "aud_tenant": "acme" }), Reason::IdJagClaimUnsupported),
                ("an actor", json!({ "act": { "sub": "agent" } }), Reason::IdJagClaimUnsupported),
                ("details", json!({ "authorization_details": [{ "type": "x" }] }), Reason::IdJagClaimUnsupported),
                ("a scope that is a list", json!({ "scope": ["orders:read"] }), Reason::IdJagMalformed),
                ("a scope that is none", json!({ "scope": "a  b" }), Reason::IdJagMalformed),
                ("a scope that nobody registered", json!({ "scope": "orders:delete" }), Reason::IdJagScopeNotGranted),
                ("a scope that is never given", json!({ "scope": "openid offline_access" }), Reason::IdJagScopeNotGranted),
                ("a resource that nobody registered", json!({ "resource": "https://billing.example.com" }), Reason::ResourceUnregistered),
                ("one resource too many", json!({ "resource": [ORDERS, "https://billing.example.com"] }), Reason::ResourceUnregistered),
                ("bound to a key", json!({ "cnf": { "jkt": jkt } }), Reason::IdJagKeyUnproven),
                ("bound to a certificate", json!({ "cnf": { "x5t#S256": jkt } }), Reason::IdJagBindingUnsupported),
                ("bound to both", json!({ "cnf": { "jkt": jkt, "x5t#S256": jkt } }), Reason::IdJagBindingUnsupported),
                ("bound to nothing", json!({ "cnf": {} }), Reason::IdJagBindingUnsupported),
                ("bound to a text", json!({ "cnf": jkt }), Reason::IdJagBindingUnsupported),
            ] {
                refused_for(&scene.present(&changes, &[]).await, reason, what);
            }
            for (what, fields, reason) in [
                ("more scope than the grant", vec![("scope", "orders:read orders:write")], Reason::IdJagScopeNotGranted),
                ("openid", vec![("scope", "openid")], Reason::IdJagScopeNotGranted),
                ("another resource than the grant", vec![("resource", STOCK)], Reason::IdJagResourceNotGranted),
                ("a resource that nobody registered", vec![("resource", "https://billing.example.com")], Reason::ResourceUnregistered),
                ("no grant", vec![("assertion", "")], Reason::AssertionMissing),
            ] {
                refused_for(&scene.present(&json!({}), &fields).await, reason, what);
            }
            let right = || scene.claims(&json!({}));
            let stranger = Holder::new(server.now());
            let signature = |jag: &str| jag.rsplit_once('.').unwrap().1.to_owned();
            let good = scene.jag(&json!({}));
            let swapped = format!("{}.{}", scene.jag(&json!({})).rsplit_once('.').unwrap().0, signature(&good));
            for (what, jag, reason) in [
                ("by a stranger", stranger.sign(&head(&json!({})), &right()), Reason::IdJagSignatureInvalid),
                ("by a key that it brings along", stranger.sign(&head(&json!({ "jwk": stranger.jwk() })), &right()), Reason::IdJagSignatureInvalid),
                ("with the signature of another", swapped, Reason::IdJagSignatureInvalid),
                ("with another kid", key.sign(&head(&json!({ "kid": "two" })), &right()), Reason::IdJagSignatureInvalid),
                ("by another algorithm", key.sign(&head(&json!({ "alg": "RS256" })), &right()), Reason::IdJagSignatureInvalid),
                ("by no key", key.sign(&head(&json!({ "alg": "none" })), &right()), Reason::IdJagSignatureInvalid),
                ("with a critical extension", key.sign(&head(&json!({ "crit": ["x"], "x": 1 })), &right()), Reason::IdJagSignatureInvalid),
            ] {
                refused_for(&present(app, &jag, &[]).await, reason, what);
            }
            // What does not say that it is a grant is an id token of the provider, and a bad one.
            for typ in [json!("JWT"), json!("at+jwt"), json!("oauth-id-jag"), json!(7), json!(null)] {
                let reply = present(app, &key.sign(&head(&json!({ "typ": typ })), &right()), &[]).await;
                assert_ne!(reply.status, 200, "{typ} {}", reply.text);
            }
            refused_for(&present(app, "no-jwt", &[]).await, Reason::SubjectTokenInvalid, "no JWT");
            let evidence = server.evidence().await;
            assert!(evidence.events_of("assertion_grant.redeemed").await.is_empty());
            let told: Vec<_> = evidence.events_of("assertion_grant.refused").await.into_iter().filter_map(|event| event.detail).collect();
            assert!(told.contains(&format!("{IDP}: id_jag_person_unknown")), "{told:?}");
            assert_eq!(told.iter().filter(|one| one.ends_with("id_jag_audience_mismatch")).count(), 1, "once a minute");
            assert_eq!(evidence.count("SELECT count(*) AS n FROM identity").await, 1, "nothing was linked");
            // A refusal uses nothing up.
            present(app, &good, &[]).await.ok();
        }

        async fn rfc7523_3_a_grant_is_good_once(database) {
            let scene = scene(&database).await;
            let jag = scene.jag(&json!({}));
            let every = join_all((0..6).map(|_| present(&scene.app, &jag, &[]))).await;
            assert_eq!(every.iter().filter(|reply| reply.status == 200).count(), 1);
            for reply in every.iter().filter(|reply| reply.status != 200) {
                refused_for(reply, Reason::IdJagReused, "at once");
            }
            refused_for(&present(&scene.app, &jag, &[]).await, Reason::IdJagReused, "later");
            // The id counts, not the text.
            let jti = decode_claims(&jag)["jti"].clone();
            refused_for(&scene.present(&json!({ "jti": jti, "scope": "orders:write" }), &[]).await, Reason::IdJagReused, "by id");
            assert_eq!(scene.server.evidence().await.events_of("assertion_grant.redeemed").await.len(), 1);
            // As long as it has not expired, whatever is swept meanwhile.
            scene.server.advance(299);
            refused_for(&present(&scene.app, &jag, &[]).await, Reason::IdJagReused, "at its end");
        }

        async fn id_jag_4_4_1_a_token_has_what_grant_request_and_registration_have_in_common(database) {
            let scene = scene(&database).await;
            let has = async |changes: Value, fields: &[(&str, &str)]| {
                let claims = decode_claims(&scene.present(&changes, fields).await.ok().text("access_token"));
                (claims["scope"].as_str().unwrap_or_default().to_owned(), claims["aud"].clone())
            };
            let wide = json!({ "scope": "openid orders:read orders:write orders:delete", "resource": [STOCK, ORDERS] });
            assert_eq!(has(wide.clone(), &[]).await, ("orders:read orders:write".to_owned(), json!([STOCK, ORDERS])));
            let fields = [("scope", "orders:write"), ("resource", "https://orders.example.com/")];
            assert_eq!(has(wide, &fields).await, ("orders:write".to_owned(), json!(ORDERS)));
            // A grant without a scope gives none, and one without a resource does not choose.
            let none = json!({ "scope": null, "resource": null });
            assert_eq!(has(none.clone(), &[("resource", ORDERS)]).await, (String::new(), json!(ORDERS)));
            refused_for(&scene.present(&none, &[("scope", "orders:read")]).await, Reason::IdJagScopeNotGranted, "none");
            // What is for this server itself is for nobody who did not sign in.
            scene.server.change("app", |client| client.metadata.audiences = Vec::new()).await;
            refused_for(&scene.present(&none, &[]).await, Reason::IdJagResourceMissing, "no audience");
            let ours = scene.server.issuer().to_owned();
            scene.server.change("app", |client| client.metadata.audiences = vec![ours.clone(), format!("{ours}/admin/api")]).await;
            for resource in [json!(ours), json!(format!("{ours}/admin/api")), json!(null)] {
                let changes = json!({ "resource": resource });
                refused_for(&scene.present(&changes, &[]).await, Reason::IdJagResourceMissing, "ours");
            }
        }

        async fn who_has_no_place_here_gets_no_token_by_a_grant(database) {
            let scene = scene(&database).await;
            let Scene { server, app, api, alice, .. } = &scene;
            let evidence = server.evidence().await;
            let token = scene.present(&json!({}), &[]).await.ok().text("access_token");
            evidence.run("UPDATE account SET disabled_at = 1").await;
            refused_for(&scene.present(&json!({}), &[]).await, Reason::PersonNotAdmitted, "disabled");
            evidence.run("UPDATE account SET disabled_at = NULL, deletion_at = 9000000000000").await;
            refused_for(&scene.present(&json!({}), &[]).await, Reason::PersonNotAdmitted, "leaving");
            evidence.run("UPDATE account SET deletion_at = NULL").await;
            assert!(api.is_active(&token).await);

            // The client has it taken away, or is not the one that it was.
            server.change("app", |client| client.metadata.id_jag_issuers = Vec::new()).await;
            refused_for(&scene.present(&json!({}), &[]).await, Reason::IdJagIssuerUntrusted, "no trust");
            let jwks = json!({ "keys": [jwk(&scene.key, "one")] });
            server.change("app", |client| shows(client, IDP, Some(jwks))).await;
            server.change("app", |client| client.metadata.grant_types = vec![GrantType::ClientCredentials]).await;
            scene.present(&json!({}), &[]).await.refused(400, "unauthorized_client");
            server.change("app", |client| client.metadata.grant_types = vec![GrantType::JwtBearer]).await;
            let public = server.public_client("public").await;
            server.change("public", |client| client.metadata.grant_types.push(GrantType::JwtBearer)).await;
            refused_for(&present(&public, &scene.jag(&json!({ "client_id": "public" })), &[]).await, Reason::IdJagPublicClient, "public");
            App { secret: Some("mapae_cs_wrong".to_owned()), ..app.clone() }
                .token(&[("grant_type", JWT_BEARER), ("assertion", &scene.jag(&json!({})))]).await.refused(401, "invalid_client");

            // The person ends it, and disconnects the provider.
            let cli = server.cli().await;
            cli.json(&["user", "logout", "--username", USERNAME], None).await;
            assert!(!api.is_active(&token).await);
            scene.present(&json!({}), &[]).await.ok();
            evidence.run(&format!("DELETE FROM identity WHERE user_id = '{alice}'")).await;
            refused_for(&scene.present(&json!({}), &[]).await, Reason::IdJagPersonUnknown, "disconnected");
        }

        async fn a_grant_counts_as_long_as_its_provider_lets_people_in(database) {
            let mut scene = scene(&database).await;
            let token = scene.present(&json!({}), &[]).await.ok().text("access_token");
            for (off, reason) in [
                (provider(IDP, "disabled = true"), Reason::PersonNotAdmitted),
                (provider(IDP, "allowed_clients = [\"another\"]"), Reason::PersonNotAdmitted),
                (provider(IDP, "allowed_domains = [\"other.example.com\"]"), Reason::PersonNotAdmitted),
                // Another one has its name.
                (provider("https://other.example.com", ""), Reason::PersonNotAdmitted),
                (String::new(), Reason::PersonNotAdmitted),
            ] {
                scene.server.rewrite(&off);
                scene.server = scene.server.restart().await;
                let base = scene.server.issuer().to_owned();
                (scene.app, scene.api) = (scene.app.at(&base), scene.api.at(&base));
                // The issuer stays what it was, whatever the address.
                let issuer = scene.server.inner.services().url.as_str().to_owned();
                refused_for(&scene.present(&json!({ "aud": issuer }), &[]).await, reason, &off);
                if !off.contains("allowed_domains") {
                    assert!(!scene.api.is_active(&token).await, "{off}");
                }
            }
        }

        async fn what_grants_opened_ends_with_the_trust_in_their_issuer(database) {
            let scene = scene(&database).await;
            let Scene { server, app, api, .. } = &scene;
            let cli = server.cli().await;
            server.change("app", |client| client.metadata.grant_types.push(GrantType::Password)).await;
            let own = app.password("orders:read").await.ok().text("access_token");
            // As a device or a token of the provider opens one: by the same issuer, without a browser, and
            // without refresh tokens where the app may not use them.
            server.change("app", |client| client.metadata.grant_types = vec![GrantType::JwtBearer, GrantType::Password]).await;
            let other = app.password("orders:read").await.ok();
            assert!(other.json().get("refresh_token").is_none(), "{}", other.text);
            let other = other.text("access_token");
            let sid = decode_claims(&other)["sid"].as_str().unwrap().to_owned();
            let vouched = format!("UPDATE family SET provider_issuer = '{IDP}' WHERE id = '{sid}'");
            server.evidence().await.run(&vouched).await;
            let token = scene.present(&json!({}), &[]).await.ok().text("access_token");
            let second = "https://second.example.com";
            let verb = ["client", "trust-id-jag", "--id", "app", "--issuer"];
            cli.json(&[&verb[..], &[second]].concat(), None).await;
            cli.json(&[&verb[..], &[second, "--remove"]].concat(), None).await;
            assert!(api.is_active(&token).await, "another issuer");
            for way in ["verb", "file"] {
                let jwks = json!({ "keys": [jwk(&scene.key, "one")] });
                server.change("app", |client| shows(client, IDP, Some(jwks))).await;
                let token = scene.present(&json!({}), &[]).await.ok().text("access_token");
                assert!(api.is_active(&token).await, "{way}");
                if way == "verb" {
                    cli.json(&[&verb[..], &[IDP, "--remove"]].concat(), None).await;
                } else {
                    let file = cli.folder.path().join("objects.toml");
                    std::fs::write(&file, "[[client]]\nclient_id = \"app\"\nid_jag_issuers = []\n").unwrap();
                    let applied = cli.run(&["apply", &file.display().to_string()], None).await;
                    assert_eq!(applied.code, 0, "{applied:?}");
                }
                server.forget_clients();
                assert!(!api.is_active(&token).await, "{way}");
                assert!(api.is_active(&own).await, "nobody vouched for it");
                assert!(api.is_active(&other).await, "no grant opened it");
            }
        }

        async fn an_app_that_a_person_removes_does_not_come_back_by_a_grant(database) {
            let scene = scene(&database).await;
            let Scene { server, api, .. } = &scene;
            let token = scene.present(&json!({}), &[]).await.ok().text("access_token");
            let mut browser = server.browser();
            let login = browser.open("/account/apps").await;
            browser.sign_in(&login).await;
            let apps = browser.open("/account/apps").await;
            assert_eq!(apps.value_of("app-remove-1"), "app");
            let removed = browser.send_account(&apps, "/account/apps/remove", &[("client", "app")]).await;
            let apps = browser.follow(removed).await;
            assert!(apps.has("actor-allow-1") && !apps.has("app-remove-1"), "{}", apps.reply.text);
            assert!(!api.is_active(&token).await);
            refused_for(&scene.present(&json!({}), &[]).await, Reason::ActorStopped, "removed");
            let allowed = browser.send_account(&apps, "/account/apps/allow", &[("client", "app")]).await;
            assert_eq!(allowed.reply.status, 303);
            scene.present(&json!({}), &[]).await.ok();
            let evidence = server.evidence().await;
            for kind in ["consent.withdrawn", "delegation.stopped", "delegation.allowed"] {
                assert_eq!(evidence.events_of(kind).await.len(), 1, "{kind}");
            }
        }

        async fn a_grant_is_no_second_factor(database) {
            let settings = [ON, &[("mfa.required", "true")]].concat();
            let scene = scene_with(&database, &settings, "").await;
            let reply = scene.present(&json!({ "amr": ["mfa", "hwk"], "acr": "phr" }), &[]).await;
            refused_for(&reply, Reason::FactorDue, "mfa");
            assert!(scene.server.evidence().await.events_of("assertion_grant.redeemed").await.is_empty());
        }

        async fn id_jag_8_6_1_2_a_grant_that_is_bound_to_a_key_needs_its_proof(database) {
            let scene = scene(&database).await;
            let (holder, other) = (Holder::new(scene.server.now()), Holder::new(scene.server.now()));
            let bound = scene.jag(&json!({ "cnf": { "jkt": holder.jkt() } }));
            let fields = [("grant_type", JWT_BEARER), ("assertion", bound.as_str())];
            refused_for(&scene.app.token(&fields).await, Reason::IdJagKeyUnproven, "no proof");
            refused_for(&other.token(&scene.app, &fields).await, Reason::IdJagKeyMismatch, "another key");
            let reply = holder.token(&scene.app, &fields).await.ok();
            assert_eq!(reply.json()["token_type"], "DPoP");
            assert_eq!(decode_claims(&reply.text("access_token"))["cnf"], json!({ "jkt": holder.jkt() }));
            // One that is bound to none may bring a bound token.
            let free = scene.jag(&json!({}));
            let fields = [("grant_type", JWT_BEARER), ("assertion", free.as_str())];
            assert_eq!(holder.token(&scene.app, &fields).await.ok().json()["token_type"], "DPoP");
        }

        async fn id_jag_8_3_nothing_is_taken_while_it_is_off(database) {
            let scene = scene_with(&database, &ON[1..], "").await;
            refused_for(&scene.present(&json!({}), &[]).await, Reason::IdJagOff, "off");
            let evidence = scene.server.evidence().await;
            assert_eq!(evidence.count("SELECT count(*) AS n FROM family").await, 0);
        }

        async fn whose_grants_a_client_shows_is_made_listed_and_removed(database) {
            let scene = scene(&database).await;
            let cli = scene.server.cli().await;
            let folder = tempfile::tempdir().unwrap();
            let file = |name: &str, text: &str| {
                let path = folder.path().join(name);
                std::fs::write(&path, text).unwrap();
                path.display().to_string()
            };
            let keys = file("keys.json", &json!({ "keys": [jwk(&scene.key, "one")] }).to_string());
            let verb = |more: &[&str]| {
                ["client", "trust-id-jag", "--id", "app"].into_iter().chain(more.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
            };
            let said = async |more: &[&str]| {
                let verb = verb(more);
                cli.run(&verb.iter().map(String::as_str).collect::<Vec<_>>(), None).await
            };
            let second = "https://second.example.com";
            assert_eq!(said(&["--issuer", second]).await.code, 0);
            let verb_of = verb(&[]);
            let listed = cli.json(&verb_of.iter().map(String::as_str).collect::<Vec<_>>(), None).await;
            assert_eq!(listed["id_jag_issuers"][1], json!({ "issuer": second }));
            assert_eq!(said(&["--issuer", IDP, "--remove"]).await.code, 0);
            scene.server.forget_clients();
            refused_for(&scene.present(&json!({}), &[]).await, Reason::IdJagIssuerUntrusted, "removed");
            assert_eq!(said(&["--issuer", IDP, "--remove"]).await.code, 1);
            assert_eq!(said(&["--issuer", IDP, "--jwks", &keys]).await.code, 0);
            scene.server.forget_clients();
            scene.present(&json!({}), &[]).await.ok();
            let (no_json, no_keys) = (file("no.json", "{"), file("none.json", "{\"keys\":[]}"));
            for wrong in [
                vec!["--jwks", &keys],
                vec!["--issuer", "idp"],
                vec!["--issuer", scene.server.issuer()],
                vec!["--issuer", IDP, "--jwks", &no_json],
                vec!["--issuer", IDP, "--jwks", &no_keys],
                vec!["--remove"],
            ] {
                let said = said(&wrong).await;
                assert_eq!(said.code, 2, "{wrong:?} {said:?}");
            }
        }
    }

    #[test]
    fn rfc7523_3_a_grant_is_good_once_at_every_replica() {
        let Some(database) = crate::support::postgres_or_skip() else { return };
        crate::support::run(async move {
            let scene = scene(&database).await;
            let replica = scene.server.another().await;
            let there = scene.app.at(&format!("http://{}", replica.address()));
            for _ in 0..5 {
                let jag = scene.jag(&json!({}));
                let every = join_all(
                    [&scene.app, &there, &scene.app, &there].map(|app| present(app, &jag, &[])),
                );
                let every = every.await;
                assert_eq!(every.iter().filter(|reply| reply.status == 200).count(), 1);
            }
            replica.stop().await;
        });
    }
}

/// One server as the identity provider, and one that takes its grants.
struct Pair {
    idp: Server,
    server: Server,
    app: App,
    there: App,
    api: App,
}

/// The person signs in at the identity provider for both servers, and the account here is the one that
/// her first sign-in by the provider made.
async fn pair(database: &Database, sub_of: Option<&str>) -> Pair {
    let idp = Server::start_with(&Database::Sqlite, ON).await;
    idp.alice().await;
    let server = Server::start_of(database, ON, &provider(idp.issuer(), "")).await;
    let audience = IdJagAudience {
        audience: server.issuer().to_owned(),
        client_id: "app-there".to_owned(),
        scope: scope("orders:read orders:delete"),
        resources: vec![ORDERS.to_owned()],
        sub_of: sub_of.map(str::to_owned),
    };
    let app = idp
        .web_app("app", |client| {
            client.metadata.grant_types.extend([GrantType::Password, GrantType::TokenExchange]);
            client.metadata.scope = scope("openid offline_access");
            client.metadata.id_jag_audiences = vec![audience];
        })
        .await;
    // This server is an app of the identity provider, too.
    let sso = idp
        .web_app("mapae", |client| {
            client.metadata.grant_types.push(GrantType::Password);
            client.metadata.subject_type = SubjectType::Pairwise;
            client.metadata.redirect_uris = vec!["https://as.example.com/callback".to_owned()];
        })
        .await;
    let native = server
        .client("native", |client| {
            client.metadata.grant_types = vec![GrantType::TokenExchange];
            client.metadata.first_party = true;
        })
        .await;
    let id_token = sso.password("openid").await.ok().text("id_token");
    let fields = [
        ("grant_type", EXCHANGE),
        ("subject_token", id_token.as_str()),
        ("subject_token_type", ID_TOKEN),
        ("subject_issuer", "idp"),
    ];
    native.token(&fields).await.ok();
    let there = server.client("app-there", |client| shows(client, idp.issuer(), None)).await;
    let api = server
        .client("api", |client| client.metadata.resource_servers = vec![ORDERS.to_owned()])
        .await;
    Pair { idp, server, app, there, api }
}

impl Pair {
    async fn jag(&self) -> Reply {
        let id_token = self.app.password("openid offline_access").await.ok().text("id_token");
        self.app
            .token(&[
                ("grant_type", EXCHANGE),
                ("requested_token_type", ID_JAG),
                ("subject_token", &id_token),
                ("subject_token_type", ID_TOKEN),
                ("audience", self.server.issuer()),
                ("resource", ORDERS),
                ("scope", "orders:read"),
            ])
            .await
    }
}

both! {
    async fn id_jag_4_one_server_vouches_for_a_person_at_another(database) {
        let pair = Box::pin(pair(&database, Some("mapae"))).await;
        let jag = pair.jag().await.ok().text("access_token");
        let token = present(&pair.there, &jag, &[]).await.ok().text("access_token");
        let claims = decode_claims(&token);
        assert_eq!((&claims["iss"], &claims["client_id"]), (&json!(pair.server.issuer()), &json!("app-there")));
        assert_eq!((&claims["aud"], &claims["scope"]), (&json!(ORDERS), &json!("orders:read")));
        assert!(pair.api.is_active(&token).await);
        // The account is the one that the person has here already.
        let evidence = pair.server.evidence().await;
        let user = evidence.texts("SELECT user_id AS text FROM identity").await;
        assert_eq!(json!(user), json!([claims["sub"]]));
        assert_eq!(evidence.count("SELECT count(*) AS n FROM account").await, 1);
        // An id token is no grant, and the id token of one app is not good for another.
        let id_token = pair.app.password("openid").await.ok().text("id_token");
        refused_for(&present(&pair.there, &id_token, &[]).await, Reason::SubjectTokenAudienceMismatch, "an id token");
        // It is good once, here alone, and not at the server that made it.
        refused_for(&present(&pair.there, &jag, &[]).await, Reason::IdJagReused, "again");
        let fresh = pair.jag().await.ok().text("access_token");
        pair.idp.change("app", |client| client.metadata.grant_types.push(GrantType::JwtBearer)).await;
        refused_for(&present(&pair.app, &fresh, &[]).await, Reason::IdJagIssuerUntrusted, "its own");
        refused_for(&present(&pair.api, &fresh, &[]).await, Reason::GrantTypeUnregistered, "another client");
        // Five minutes are enough for the way.
        pair.server.advance(300);
        refused_for(&present(&pair.there, &fresh, &[]).await, Reason::IdJagExpired, "late");
    }

    async fn id_jag_3_1_a_person_by_another_subject_is_nobody(database) {
        let pair = Box::pin(pair(&database, None)).await;
        let jag = pair.jag().await.ok().text("access_token");
        refused_for(&present(&pair.there, &jag, &[]).await, Reason::IdJagPersonUnknown, "public");
    }

    async fn id_jag_4_4_the_keys_of_an_issuer_are_fetched_through_the_guard(database) {
        let pair = Box::pin(pair(&database, Some("mapae"))).await;
        let jag = pair.jag().await.ok().text("access_token");
        let closed = Server::start_with(&Database::Sqlite, &ON[..1]).await;
        let app = closed.client("app-there", |client| shows(client, pair.idp.issuer(), None)).await;
        let mut claims = decode_claims(&jag);
        claims["aud"] = json!(closed.issuer());
        let forged = Holder::new(closed.now()).sign(&json!({ "alg": "ES256", "kid": "x", "typ": "oauth-id-jag+jwt" }), &claims);
        // A private address is not called without the setting.
        let reply = present(&app, &forged, &[]).await;
        let told = reply.json()["error_description"].as_str().unwrap_or_default().to_owned();
        let reasons = [Reason::IdJagIssuerWrong, Reason::IdJagIssuerUnavailable];
        assert!(reasons.iter().any(|reason| told.starts_with(reason.sentence())), "{}", reply.text);
        // With it, the keys do not fit.
        claims["aud"] = json!(pair.server.issuer());
        let forged = Holder::new(closed.now()).sign(&json!({ "alg": "ES256", "kid": "x", "typ": "oauth-id-jag+jwt" }), &claims);
        refused_for(&present(&pair.there, &forged, &[]).await, Reason::IdJagSignatureInvalid, "forged");
        present(&pair.there, &jag, &[]).await.ok();
    }
}
