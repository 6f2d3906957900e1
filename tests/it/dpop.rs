//! Proof of possession, RFC 9449: at the token endpoint, at userinfo and in introspection.

use futures_util::future::join_all;
use mapae::domain::client::{AuthMethod, ClientKind, RefreshPolicy};
use mapae::domain::grant_type::GrantType;
use mapae_verify::{Presented, Refusal, Verifier};
use serde_json::{Value, json};

use crate::support::{
    App, CALLBACK, Holder, Network, PASSWORD, Reply, Server, USERNAME, VERIFIER, both,
    decode_claims, eventually, form, postgres_or_skip, token_by, userinfo_by,
};

const OWN: &[(&str, &str)] = &[("grant_type", "client_credentials"), ("scope", "read")];

/// A public client that redirects browsers, whose people are asked for nothing.
async fn native(server: &Server) -> App {
    server
        .web_app("native", |client| {
            client.kind = ClientKind::Public;
            client.metadata.token_endpoint_auth_method = AuthMethod::None;
            client.metadata.first_party = true;
        })
        .await
}

fn redeeming(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

async fn code_of(server: &Server, app: &App, changes: &[(&str, &str)]) -> String {
    let mut browser = server.browser();
    browser.arrive(&app.authorization_url(changes)).await.authorization_response().code()
}

/// A push with these headers `DPoP`.
async fn push_by(app: &App, changes: &[(&str, &str)], proofs: &[&str]) -> Reply {
    let mut request = app.http.post(format!("{}/par", app.base));
    if let Some(secret) = &app.secret {
        request = request.basic_auth(&app.id, Some(secret));
    }
    for proof in proofs {
        request = request.header("DPoP", *proof);
    }
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.body(app.authorization_request(changes)).send().await.expect("an answer"))
        .await
}

/// All challenges of an answer.
fn challenges(reply: &Reply) -> Vec<&str> {
    let every = reply.headers.get_all("www-authenticate").iter();
    every.map(|value| value.to_str().expect("a text")).collect()
}

const PUSHED: &str = "SELECT count(*) AS n FROM pushed_request";

both! {
    async fn rfc9449_5_a_proof_binds_the_tokens_of_every_grant(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let holder = Holder::new(server.now());
        let bound = json!({ "jkt": holder.jkt() });

        let signed_in = holder.password(&app, "openid read").await.ok();
        assert_eq!(signed_in.json()["token_type"], "DPoP");
        let (access, refresh) = signed_in.pair();
        assert_eq!(decode_claims(&access)["cnf"], bound);
        let shown = app.introspect(&access).await;
        assert_eq!((&shown["token_type"], &shown["cnf"]), (&json!("DPoP"), &bound), "{shown}");

        // §5: the refresh token of a confidential client is bound to the client, not to the key.
        let other = Holder::new(server.now());
        let refreshed = other.refresh(&app, &refresh).await.ok();
        assert_eq!(refreshed.json()["token_type"], "DPoP");
        let (access, refresh) = refreshed.pair();
        assert_eq!(decode_claims(&access)["cnf"], json!({ "jkt": other.jkt() }));
        let plain = app.refresh(&refresh).await.ok();
        assert_eq!(plain.json()["token_type"], "Bearer");
        let plain = plain.text("access_token");
        assert!(decode_claims(&plain).get("cnf").is_none());
        assert!(app.introspect(&plain).await.get("cnf").is_none());
        assert_eq!(app.introspect(&plain).await["token_type"], "Bearer");

        let own = holder.token(&app, OWN).await.ok();
        assert_eq!(own.json()["token_type"], "DPoP");
        assert_eq!(decode_claims(&own.text("access_token"))["cnf"], bound);

        let native = native(&server).await;
        let code = code_of(&server, &native, &[]).await;
        let redeemed = holder.token(&native, &redeeming(&code)).await.ok();
        assert_eq!(redeemed.json()["token_type"], "DPoP");
        assert_eq!(decode_claims(&redeemed.text("access_token"))["cnf"], bound);
    }

    async fn rfc9449_5_1_the_metadata_names_the_algorithms_of_proofs(database) {
        let server = Server::start(&database).await;
        for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
            let document = Reply::of(server.http.get(server.url(path)).send().await.unwrap()).await.ok();
            let algs = &document.json()["dpop_signing_alg_values_supported"];
            assert_eq!(*algs, json!(["ES256", "EdDSA", "PS256"]));
        }
    }

    async fn rfc9449_5_the_refresh_token_of_a_public_client_needs_its_key(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.public_client("native").await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let (_, first) = holder.password(&app, "openid").await.pair();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", first.as_str())];
        thief.refresh(&app, &first).await.refused(400, "invalid_grant");
        app.refresh(&first).await.refused(400, "invalid_dpop_proof");
        holder.token_with(&app, &fields, &json!({ "htm": "GET" })).await.refused(400, "invalid_dpop_proof");
        // Nothing was spent: the holder goes on, and a lost answer is repeated to them alone.
        let (access, second) = holder.refresh(&app, &first).await.pair();
        assert_eq!(decode_claims(&access)["cnf"], json!({ "jkt": holder.jkt() }));
        let again = holder.refresh(&app, &first).await.ok();
        assert_eq!(again.text("refresh_token"), second);
        thief.refresh(&app, &first).await.refused(400, "invalid_grant");
        thief.refresh(&app, &second).await.refused(400, "invalid_grant");
        holder.refresh(&app, &second).await.ok();
    }

    async fn rfc9449_5_a_family_that_began_without_a_key_is_bound_by_the_first_proof(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        for (name, policy) in [
            ("rotate", RefreshPolicy::Rotate { grace: None }),
            ("strict", RefreshPolicy::Strict),
        ] {
            let app = server.public_client(name).await;
            server.change(name, |client| client.metadata.refresh = policy).await;
            let (_, plain) = app.password("openid").await.pair();
            let (_, plain) = app.refresh(&plain).await.pair();
            let (_, bound) = holder.refresh(&app, &plain).await.pair();
            app.refresh(&bound).await.refused(400, "invalid_dpop_proof");
            thief.refresh(&app, &bound).await.refused(400, "invalid_grant");
            holder.refresh(&app, &bound).await.ok();

            // Of many keys at once one gets the family.
            let (_, plain) = app.password("openid").await.pair();
            let keys: Vec<_> = (0..6).map(|_| Holder::new(server.now())).collect();
            let replies = join_all(keys.iter().map(|key| key.refresh(&app, &plain))).await;
            let good: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
            assert_eq!(good.len(), 1, "{name} {replies:?}");
            let bound = good[0].text("refresh_token");
            let owners = join_all(keys.iter().map(|key| key.refresh(&app, &bound))).await;
            // Where no token may be used twice, six uses of one end the family, with keys or without.
            let expected = usize::from(policy != RefreshPolicy::Strict);
            let going_on = owners.iter().filter(|reply| reply.status == 200).count();
            assert_eq!(going_on, expected, "{name}");
        }
        // The answer with the successor got lost, and the app comes back with a key.
        let app = server.public_client("late").await;
        let (_, first) = app.password("openid").await.pair();
        app.refresh(&first).await.ok();
        server.advance(60);
        let (_, replaced) = holder.refresh(&app, &first).await.pair();
        app.refresh(&replaced).await.refused(400, "invalid_dpop_proof");
        holder.refresh(&app, &replaced).await.ok();
        // A confidential client proves itself otherwise.
        let app = server.client("web", |_| {}).await;
        let (_, plain) = app.password("openid").await.pair();
        let (_, plain) = holder.refresh(&app, &plain).await.pair();
        app.refresh(&plain).await.ok();
    }

    async fn rfc9449_5_whoever_lacks_the_key_ends_no_family_by_an_old_token(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.public_client("native").await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let (_, first) = holder.password(&app, "openid").await.pair();
        let (_, second) = holder.refresh(&app, &first).await.pair();
        let (_, third) = holder.refresh(&app, &second).await.pair();
        for seconds in [0, 60] {
            server.advance(seconds);
            app.refresh(&first).await.refused(400, "invalid_dpop_proof");
            thief.refresh(&app, &first).await.refused(400, "invalid_grant");
        }
        let (_, fourth) = holder.refresh(&app, &third).await.pair();
        // Whoever has the key and an old token has stolen both, or was stolen from.
        holder.refresh(&app, &first).await.refused(400, "invalid_grant");
        holder.refresh(&app, &fourth).await.refused(400, "invalid_grant");
    }

    /// A token from before the binding was given to somebody who has proved nothing, so its owner
    /// is not told from the thief by a key: its next use after the grace says that there are two.
    async fn rfc9700_4_14_2_a_thief_who_binds_a_stolen_token_to_a_key_is_noticed(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let evidence = server.evidence().await;
        let (thief, owner) = (Holder::new(server.now()), Holder::new(server.now()));
        let mut noticed = 0;
        for (name, policy) in [
            ("rotate", RefreshPolicy::Rotate { grace: None }),
            ("strict", RefreshPolicy::Strict),
        ] {
            let app = server.public_client(name).await;
            server.change(name, |client| client.metadata.refresh = policy).await;
            for has_key in [false, true] {
                let (_, stolen) = app.password("openid").await.pair();
                let (_, bound) = thief.refresh(&app, &stolen).await.pair();
                if name == "rotate" {
                    // It may be an honest app's late request, so nothing ends yet.
                    app.refresh(&stolen).await.refused(400, "invalid_dpop_proof");
                    server.advance(60);
                }
                let (_, last) = thief.refresh(&app, &bound).await.pair();
                server.advance(60);
                let reply = if has_key {
                    owner.refresh(&app, &stolen).await
                } else {
                    app.refresh(&stolen).await
                };
                reply.refused(400, "invalid_grant");
                thief.refresh(&app, &last).await.refused(400, "invalid_grant");
                noticed += 1;
                let events = evidence.events_of("refresh.reused").await;
                assert_eq!(events.len(), noticed, "{name} {has_key}");
            }
        }
    }

    async fn rfc9449_10_1_a_pushed_request_with_a_proof_is_bound_to_its_key(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = native(&server).await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let url = server.url("/par");
        let prove = |changes: &Value| holder.prove("POST", &url, changes);
        let once = prove(&json!({}));
        let pushed = push_by(&app, &[], &[&once]).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text);
        let mut browser = server.browser();
        let code = browser.arrive(&app.pushed_url(&pushed)).await.authorization_response().code();
        app.exchange(&code).await.refused(400, "invalid_dpop_proof");
        thief.token(&app, &redeeming(&code)).await.refused(400, "invalid_grant");
        let (access, _) = holder.token(&app, &redeeming(&code)).await.pair();
        assert_eq!(decode_claims(&access)["cnf"]["jkt"], holder.jkt());

        // A proof and `dpop_jkt` name one key.
        let (own, other) = (holder.jkt(), thief.jkt());
        let both = push_by(&app, &[("dpop_jkt", &own)], &[&prove(&json!({}))]).await;
        assert_eq!(both.status, 201, "{}", both.text);
        let fresh = prove(&json!({}));
        push_by(&app, &[("dpop_jkt", &other)], &[&fresh]).await.refused(400, "invalid_request");
        // A request that was refused for another reason has not used its proof up.
        push_by(&app, &[("prompt", "none login")], &[&fresh]).await.refused(400, "invalid_request");
        assert_eq!(push_by(&app, &[], &[&fresh]).await.status, 201);

        let rows = server.evidence().await.count(PUSHED).await;
        for changes in [
            json!({ "htu": server.url("/token") }),
            json!({ "htm": "GET" }),
            json!({ "iat": server.now().now().timestamp() - 61 }),
        ] {
            push_by(&app, &[], &[&prove(&changes)]).await.refused(400, "invalid_dpop_proof");
        }
        push_by(&app, &[], &[&once]).await.refused(400, "invalid_dpop_proof");
        let two = [prove(&json!({})), prove(&json!({}))];
        push_by(&app, &[], &[&two[0], &two[1]]).await.refused(400, "invalid_dpop_proof");
        assert_eq!(server.evidence().await.count(PUSHED).await, rows);

        let server = Server::start_with(&database, &[("dpop.require_nonce", "true")]).await;
        let app = server.web_app("nonces", |_| {}).await;
        let url = server.url("/par");
        let asked = push_by(&app, &[], &[&holder.prove("POST", &url, &json!({}))]).await;
        asked.refused(400, "use_dpop_nonce");
        let nonce = json!({ "nonce": asked.header("dpop-nonce") });
        let pushed = push_by(&app, &[], &[&holder.prove("POST", &url, &nonce)]).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text);
        assert_eq!(pushed.header("dpop-nonce").len(), 32, "§8.2");
    }

    async fn rfc7523_3_a_proof_that_is_refused_uses_no_assertion_up(database) {
        let server = Server::start(&database).await;
        let (holder, key) = (Holder::new(server.now()), Holder::new(server.now()));
        let app = server.web_app("signer", |client| {
            client.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            client.metadata.jwks = Some(json!({ "keys": [key.jwk()] }));
            client.metadata.dpop_bound_access_tokens = true;
            client.metadata.grant_types.push(GrantType::ClientCredentials);
        }).await;
        let app = App { secret: None, ..app };
        let now = server.now().now().timestamp();
        let assertion = |jti: &str| {
            let claims = json!({ "iss": app.id, "sub": app.id, "aud": server.issuer(), "exp": now + 60, "jti": jti });
            key.sign(&json!({ "alg": "ES256" }), &claims)
        };
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let (first, second) = (assertion("first"), assertion("second"));
        let by = |assertion| [OWN[0], OWN[1], ("client_assertion_type", kind), ("client_assertion", assertion)];
        let url = server.url("/token");
        let used = holder.prove("POST", &url, &json!({}));
        token_by(&app, &by(&first), &[&used]).await.ok();
        // Without a proof, with a wrong one, and with one that was used.
        token_by(&app, &by(&second), &[]).await.refused(400, "invalid_dpop_proof");
        let wrong = holder.prove("POST", &url, &json!({ "htm": "GET" }));
        token_by(&app, &by(&second), &[&wrong]).await.refused(400, "invalid_dpop_proof");
        token_by(&app, &by(&second), &[&used]).await.refused(400, "invalid_dpop_proof");
        let pushing = [("client_assertion_type", kind), ("client_assertion", second.as_str())];
        push_by(&app, &pushing, &[&used]).await.refused(400, "invalid_dpop_proof");
        let at_par = holder.prove("POST", &server.url("/par"), &json!({}));
        let third = assertion("third");
        let other = [("client_assertion_type", kind), ("client_assertion", third.as_str())];
        assert_eq!(push_by(&app, &other, &[&at_par]).await.status, 201);
        push_by(&app, &pushing, &[&at_par]).await.refused(400, "invalid_dpop_proof");
        holder.token(&app, &by(&second)).await.ok();
        holder.token(&app, &by(&second)).await.refused(401, "invalid_client");
    }

    async fn rfc9449_5_2_a_client_that_is_registered_for_it_gets_bound_tokens_alone(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.dpop_bound_access_tokens = true).await;
        let holder = Holder::new(server.now());
        app.password("openid").await.refused(400, "invalid_dpop_proof");
        app.token(OWN).await.refused(400, "invalid_dpop_proof");
        let (_, refresh) = holder.password(&app, "openid").await.pair();
        app.refresh(&refresh).await.refused(400, "invalid_dpop_proof");
        let (access, _) = holder.refresh(&app, &refresh).await.pair();
        assert_eq!(decode_claims(&access)["cnf"], json!({ "jkt": holder.jkt() }));
        // Whoever does not authenticate learns nothing of it.
        let stranger = App { secret: Some("wrong".to_owned()), ..app.clone() };
        stranger.token(OWN).await.refused(401, "invalid_client");
    }

    async fn rfc9449_4_3_a_proof_that_is_refused_spends_nothing(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = native(&server).await;
        let holder = Holder::new(server.now());
        let code = code_of(&server, &app, &[]).await;
        let url = server.url("/token");
        let twice = holder.prove("POST", &url, &json!({}));
        let other = holder.prove("POST", &url, &json!({}));
        token_by(&app, &redeeming(&code), &[&twice, &other]).await.refused(400, "invalid_dpop_proof");
        let wrong = [
            json!({ "htm": "GET" }),
            json!({ "htu": server.url("/userinfo") }),
            json!({ "htu": "https://other.example/token" }),
            json!({ "iat": server.now().now().timestamp() - 61 }),
            json!({ "iat": server.now().now().timestamp() + 61 }),
            json!({ "jti": null }),
        ];
        for changes in &wrong {
            let reply = holder.token_with(&app, &redeeming(&code), changes).await;
            reply.refused(400, "invalid_dpop_proof");
            assert_eq!(reply.header("dpop-nonce"), "");
        }
        for text in ["", "x", "a.b.c"] {
            token_by(&app, &redeeming(&code), &[text]).await.refused(400, "invalid_dpop_proof");
        }
        // The address is compared after normalisation, and `Host` says nothing.
        let upper = server.url("/%74oken?a=b#c").replace("http:", "HTTP:");
        let (access, _) = holder.token_with(&app, &redeeming(&code), &json!({ "htu": upper })).await.pair();
        assert_eq!(decode_claims(&access)["cnf"]["jkt"], holder.jkt());

        // A wrong proof is no failed attempt of the person, and uses no assertion up.
        let trusted = server.client("trusted", |_| {}).await;
        let fields = [
            ("grant_type", "password"), ("username", USERNAME), ("password", "wrong"), ("scope", "read"),
        ];
        for _ in 0..15 {
            holder.token_with(&trusted, &fields, &json!({ "htm": "PUT" })).await.refused(400, "invalid_dpop_proof");
        }
        holder.password(&trusted, "read").await.ok();
    }

    async fn rfc9449_11_1_a_proof_counts_once(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let native = server.public_client("native").await;
        let holder = Holder::new(server.now());
        let url = server.url("/token");
        let proof = holder.prove("POST", &url, &json!({}));
        token_by(&app, OWN, &[&proof]).await.ok();
        token_by(&app, OWN, &[&proof]).await.refused(400, "invalid_dpop_proof");
        // Not at another grant either, and a refresh token that came with it stays good.
        let (_, refresh) = holder.password(&native, "openid").await.pair();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        token_by(&native, &fields, &[&proof]).await.refused(400, "invalid_dpop_proof");
        let fresh = holder.prove("POST", &url, &json!({}));
        let (_, next) = token_by(&native, &fields, &[&fresh]).await.pair();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", next.as_str())];
        token_by(&native, &fields, &[&fresh]).await.refused(400, "invalid_dpop_proof");
        // Many at once: one of them.
        let one = holder.prove("POST", &url, &json!({}));
        let one = [one.as_str()];
        let all = join_all((0..8).map(|_| token_by(&native, &fields, &one))).await;
        assert_eq!(all.iter().filter(|reply| reply.status == 200).count(), 1);
        // A code.
        let web = server.web_app("web", |client| client.metadata.first_party = true).await;
        let code = code_of(&server, &web, &[]).await;
        let used = holder.prove("POST", &url, &json!({}));
        token_by(&web, &redeeming(&code), &[&used]).await.ok();
        let code = code_of(&server, &web, &[]).await;
        token_by(&web, &redeeming(&code), &[&used]).await.refused(400, "invalid_dpop_proof");
        holder.token(&web, &redeeming(&code)).await.ok();
        // Another key may use the same jti.
        let same = json!({ "jti": "the same" });
        holder.token_with(&app, OWN, &same).await.ok();
        Holder::new(server.now()).token_with(&app, OWN, &same).await.ok();
        holder.token_with(&app, OWN, &same).await.refused(400, "invalid_dpop_proof");
        // It survives a restart.
        let again = holder.prove("POST", &url, &json!({}));
        token_by(&app, OWN, &[&again]).await.ok();
        let server = server.restart().await;
        let app = app.at(server.issuer());
        token_by(&app, OWN, &[&again]).await.refused(400, "invalid_dpop_proof");
    }

    async fn rfc9449_11_1_a_proof_is_known_after_a_clean_up(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let native = server.public_client("native").await;
        let holder = Holder::new(server.now());
        let (_, refresh) = holder.password(&native, "openid").await.pair();
        server.advance(600);
        // The clock of the device is ahead, so its proofs are good for longer than a minute.
        let ahead = json!({ "iat": server.now().now().timestamp() + 50 });
        let url = server.url("/token");
        let [used, own, fresh] = [(); 3].map(|()| holder.prove("POST", &url, &ahead));
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let (_, refresh) = token_by(&native, &fields, &[&used]).await.pair();
        token_by(&app, OWN, &[&own]).await.ok();
        server.advance(100);
        // The clean-up runs at every start.
        let server = server.restart().await;
        let (app, native) = (app.at(server.issuer()), native.at(server.issuer()));
        let evidence = server.evidence().await;
        let left = async || evidence.count("SELECT count(*) AS n FROM used_assertion").await;
        eventually("the one of the sign-in is deleted", async || left().await < 3).await;
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        token_by(&native, &fields, &[&used]).await.refused(400, "invalid_dpop_proof");
        token_by(&app, OWN, &[&own]).await.refused(400, "invalid_dpop_proof");
        // It is not because of the time or the address.
        token_by(&native, &fields, &[&fresh]).await.ok();
    }

    async fn rfc9449_7_userinfo_takes_a_bound_token_with_its_proof_alone(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let (access, _) = holder.password(&app, "openid").await.pair();
        assert_eq!(holder.userinfo(&app, &access).await.ok().json()["sub"], sub);
        let ath = json!({ "ath": hash(&access) });
        let url = server.url("/userinfo");
        let proof = holder.prove("GET", &url, &ath);
        assert_eq!(userinfo_by(&app, "dPoP", &access, &[&proof]).await.ok().json()["sub"], sub);

        // §7.2: a bound token is no bearer token, with a proof or without.
        let proof = holder.prove("GET", &url, &ath);
        for proofs in [&[][..], &[proof.as_str()]] {
            let reply = userinfo_by(&app, "Bearer", &access, proofs).await;
            reply.refused(401, "invalid_token");
            let [bearer, dpop] = challenges(&reply)[..] else { panic!("{:?}", reply.headers) };
            assert!(bearer.starts_with("Bearer realm=\"mapae\", error=\"invalid_token\""), "{bearer}");
            assert_eq!(dpop, "DPoP realm=\"mapae\", algs=\"ES256 EdDSA PS256\"");
        }
        let in_body = app.http.post(&url).header("content-type", "application/x-www-form-urlencoded")
            .body(form(&[("access_token", &access)])).send().await.unwrap();
        Reply::of(in_body).await.refused(401, "invalid_token");

        let wrong = |changes: Value| {
            let (holder, app, access) = (&holder, &app, &access);
            async move { holder.userinfo_with(app, access, &changes).await }
        };
        let now = server.now().now().timestamp();
        for changes in [
            json!({ "ath": null }),
            json!({ "ath": hash("another") }),
            json!({ "htm": "POST" }),
            json!({ "htu": server.url("/token") }),
            json!({ "iat": now - 3600 }),
            json!({ "iat": now + 3600 }),
            json!({ "jti": null }),
        ] {
            let reply = wrong(changes.clone()).await;
            reply.refused(401, "invalid_dpop_proof");
            let [challenge] = challenges(&reply)[..] else { panic!("{:?}", reply.headers) };
            assert!(challenge.starts_with("DPoP realm=\"mapae\", error=\"invalid_dpop_proof\", error_description=\""), "{challenge}");
            assert!(challenge.ends_with(", algs=\"ES256 EdDSA PS256\""), "{challenge}");
        }
        userinfo_by(&app, "DPoP", &access, &[]).await.refused(401, "invalid_dpop_proof");
        let two = [holder.prove("GET", &url, &ath), holder.prove("GET", &url, &ath)];
        userinfo_by(&app, "DPoP", &access, &[&two[0], &two[1]]).await.refused(401, "invalid_dpop_proof");
        let once = holder.prove("GET", &url, &ath);
        userinfo_by(&app, "DPoP", &access, &[&once]).await.ok();
        userinfo_by(&app, "DPoP", &access, &[&once]).await.refused(401, "invalid_dpop_proof");
        let reply = thief.userinfo(&app, &access).await;
        reply.refused(401, "invalid_token");
        assert!(challenges(&reply)[0].starts_with("DPoP realm=\"mapae\", error=\"invalid_token\""));

        // §7.1: a token without a key does not become one by its scheme.
        let plain = app.password("openid").await.ok().text("access_token");
        app.userinfo(&plain).await.ok();
        holder.userinfo(&app, &plain).await.refused(401, "invalid_token");
        // Nobody came with anything.
        let nothing = Reply::of(app.http.get(&url).send().await.unwrap()).await;
        assert_eq!(nothing.status, 401);
        assert_eq!(challenges(&nothing), ["Bearer realm=\"mapae\"", "DPoP realm=\"mapae\", algs=\"ES256 EdDSA PS256\""]);
        holder.userinfo(&app, &access).await.ok();
    }

    async fn rfc9449_8_a_nonce_is_asked_for_and_told(database) {
        let settings = [("dpop.require_nonce", "true")];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let app = native(&server).await;
        let holder = Holder::new(server.now());
        let code = code_of(&server, &app, &[]).await;
        let reply = holder.token(&app, &redeeming(&code)).await;
        reply.refused(400, "use_dpop_nonce");
        let nonce = reply.header("dpop-nonce").to_owned();
        assert_eq!(nonce.len(), 32, "{nonce}");
        holder.token_with(&app, &redeeming(&code), &json!({ "nonce": "mine" })).await.refused(400, "use_dpop_nonce");
        // §11.1: the nonce says the time, so the clock of the app does not matter.
        let wrong_clock = json!({ "nonce": nonce, "iat": 1_000_000_000 });
        let redeemed = holder.token_with(&app, &redeeming(&code), &wrong_clock).await.ok();
        assert_eq!(redeemed.header("dpop-nonce").len(), 32, "§8.2");
        let (access, refresh) = redeemed.pair();

        server.advance(61);
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let old = holder.token_with(&app, &fields, &json!({ "nonce": nonce })).await;
        old.refused(400, "use_dpop_nonce");
        let fresh = json!({ "nonce": old.header("dpop-nonce") });
        holder.token_with(&app, &fields, &fresh).await.ok();

        let reply = holder.userinfo(&app, &access).await;
        reply.refused(401, "use_dpop_nonce");
        assert!(challenges(&reply)[0].starts_with("DPoP realm=\"mapae\", error=\"use_dpop_nonce\""));
        let nonce = json!({ "nonce": reply.header("dpop-nonce") });
        holder.userinfo_with(&app, &access, &nonce).await.ok();
        // Whoever sends no proof is told no nonce.
        let bearer = server.client("bearer", |_| {}).await.token(OWN).await.ok();
        assert_eq!(bearer.header("dpop-nonce"), "");
    }

    async fn rfc9449_10_a_code_is_bound_to_the_key_that_was_named(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = native(&server).await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let jkt = holder.jkt();
        let code = code_of(&server, &app, &[("dpop_jkt", &jkt)]).await;
        app.exchange(&code).await.refused(400, "invalid_dpop_proof");
        thief.token(&app, &redeeming(&code)).await.refused(400, "invalid_grant");
        let (access, _) = holder.token(&app, &redeeming(&code)).await.pair();
        assert_eq!(decode_claims(&access)["cnf"]["jkt"], jkt);
        for bad in ["x", &jkt[1..], &format!("{jkt}=")] {
            let url = app.authorization_url(&[("dpop_jkt", bad)]);
            let reply = Reply::of(app.http.get(&url).send().await.unwrap()).await;
            assert!(reply.header("location").contains("error=invalid_request"), "{:?}", reply.headers);
        }
    }

    async fn rfc9449_5_scripts_may_send_a_proof_and_read_the_nonce(database) {
        let server = Server::start(&database).await;
        let origin = "https://spa.example.com";
        server.client("spa", |client| client.metadata.allowed_origins = vec![origin.to_owned()]).await;
        for path in ["/token", "/par", "/userinfo"] {
            let asked = server.http.request(reqwest::Method::OPTIONS, server.url(path))
                .header("origin", origin).header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization,dpop").send().await.unwrap();
            let asked = Reply::of(asked).await;
            assert_eq!(asked.header("access-control-allow-headers"), "authorization,dpop");
            let told = server.http.post(server.url(path)).header("origin", origin).send().await.unwrap();
            let told = Reply::of(told).await;
            assert!(told.header("access-control-expose-headers").contains("DPoP-Nonce"), "{:?}", told.headers);
        }
    }

    async fn rfc9449_7_1_a_resource_server_takes_a_bound_token_with_its_proof_alone(database) {
        const API: &str = "https://api.example.com";
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.audiences = vec![API.to_owned()]).await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let bound = holder.password(&app, "read").await.ok().text("access_token");
        let plain = app.password("read").await.ok().text("access_token");
        let verifier = Verifier::builder(server.issuer(), API).fetch(Network(app.http.clone())).build().expect("a verifier");
        let orders = format!("{API}/orders");
        let ask = |scheme: &str, token: &str, proof: Option<String>| {
            let mut headers = http::HeaderMap::new();
            headers.insert("authorization", format!("{scheme} {token}").parse().expect("a header"));
            headers.extend(proof.map(|proof| (http::HeaderName::from_static("dpop"), proof.parse().expect("a header"))));
            let (verifier, orders) = (&verifier, &orders);
            async move {
                let get = http::Method::GET;
                let presented = Presented::from_headers(&headers, &get, orders)?;
                verifier.verify(presented).await.map(drop)
            }
        };
        let prove = |by: &Holder| Some(by.prove("GET", &orders, &json!({ "ath": hash(&bound) })));
        ask("DPoP", &bound, prove(&holder)).await.expect("good");
        ask("Bearer", &plain, None).await.expect("good");
        for refused in [
            ask("DPoP", &bound, None).await,
            ask("Bearer", &bound, None).await,
            ask("Bearer", &bound, prove(&holder)).await,
            ask("DPoP", &bound, prove(&thief)).await,
            ask("DPoP", &plain, prove(&holder)).await,
        ] {
            let reason = refused.as_ref().err().map_or("good", Refusal::reason);
            assert!(["proof", "proof_missing"].contains(&reason), "{refused:?}");
        }
    }

    async fn rfc9449_7_2_endpoints_that_ask_for_no_proof_refuse_bound_tokens(database) {
        let server = Server::start(&database).await;
        let follower = server.client("follower", |client| {
            client.metadata.grant_types = vec![GrantType::ClientCredentials];
            client.metadata.scope = mapae::domain::scope::Scope::parse("revocations:read").unwrap();
        }).await;
        let holder = Holder::new(server.now());
        let fields = [("grant_type", "client_credentials"), ("scope", "revocations:read")];
        let bound = holder.token(&follower, &fields).await.ok().text("access_token");
        let plain = follower.token(&fields).await.ok().text("access_token");
        for (scheme, token, status) in [("Bearer", &plain, 200), ("Bearer", &bound, 401), ("DPoP", &bound, 401)] {
            let request = server.http.get(server.url("/revocations"));
            let request = request.header("authorization", format!("{scheme} {token}"));
            assert_eq!(request.send().await.unwrap().status().as_u16(), status, "{scheme}");
        }
    }
}

fn hash(token: &str) -> String {
    use base64::Engine;
    use sha2::Digest;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(token))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc9449_11_1_a_proof_counts_once_over_all_replicas() {
    let Some(database) = postgres_or_skip() else { return };
    let settings = [("dpop.require_nonce", "true")];
    let server = Server::start_with(&database, &settings).await;
    server.alice().await;
    let replica = server.another().await;
    let here = server.public_client("native").await;
    let there = here.at(&format!("http://{}", replica.address()));
    let holder = Holder::new(server.now());
    let url = server.url("/token");
    // A nonce of one replica is good at the other.
    let fields = [
        ("grant_type", "password"),
        ("username", USERNAME),
        ("password", PASSWORD),
        ("scope", "openid"),
    ];
    let first = token_by(&there, &fields, &[&holder.prove("POST", &url, &json!({}))]).await;
    first.refused(400, "use_dpop_nonce");
    let nonce = json!({ "nonce": first.header("dpop-nonce") });
    let (_, refresh) =
        token_by(&here, &fields, &[&holder.prove("POST", &url, &nonce)]).await.pair();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let proof = holder.prove("POST", &url, &nonce);
    let proof = [proof.as_str()];
    let asked = (0..6).map(|number| {
        let app = if number % 2 == 0 { &here } else { &there };
        token_by(app, &fields, &proof)
    });
    let replies = join_all(asked).await;
    let good: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(good.len(), 1, "{replies:?}");
    let refused = replies.iter().filter(|reply| reply.status != 200);
    refused.for_each(|reply| reply.refused(400, "invalid_dpop_proof"));
    replica.stop().await;
}
