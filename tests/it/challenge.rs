//! Sign-in without a browser: the grant `password` of an account with a second factor, and the
//! challenge endpoint (OAuth 2.0 for First-Party Applications). Security cases S028, S076, S077.

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::tokens;
use mapae::admin::users;
use mapae::admin::users::Target;
use serde_json::json;

use crate::support::{
    App, CHALLENGE, Holder, PASSWORD, Reply, Server, USERNAME, VERIFIER, both, decode_claims,
    eventually, form, postgres_or_skip,
};

/// A public app of the operator, with the right to the challenge endpoint.
async fn native(server: &Server) -> App {
    let app = server.public_client("native").await;
    let change = |client: &mut mapae::domain::client::Client| {
        client.metadata.first_party = true;
        client.metadata.first_party_challenge = true;
    };
    server.change("native", change).await;
    app
}

const PKCE: [(&str, &str); 2] = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
const ALICE: [(&str, &str); 2] = [("username", USERNAME), ("password", PASSWORD)];

async fn challenge(app: &App, fields: &[&[(&str, &str)]]) -> Reply {
    app.post("/authorize-challenge", &fields.concat()).await
}

/// Redeems a code of the challenge endpoint.
async fn redeem(app: &App, reply: Reply) -> Reply {
    let code = reply.ok().text("authorization_code");
    app.exchange_with(&code, &[("redirect_uri", "")]).await
}

/// A request to the challenge endpoint with a proof of this key.
async fn challenge_by(holder: &Holder, app: &App, fields: &[&[(&str, &str)]]) -> Reply {
    holder.challenge(app, &fields.concat()).await
}

/// Redeems a code of the challenge endpoint that is good with the key of this holder alone.
async fn redeem_by(app: &App, reply: Reply, (holder, thief): (&Holder, &Holder)) {
    let code = reply.ok().text("authorization_code");
    let fields =
        [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
    app.token(&fields).await.refused(400, "invalid_dpop_proof");
    thief.token(app, &fields).await.refused(400, "invalid_grant");
    let access = holder.token(app, &fields).await.ok().text("access_token");
    assert_eq!(decode_claims(&access)["cnf"], json!({ "jkt": holder.jkt() }));
}

#[track_caller]
fn insufficient(reply: &Reply) -> String {
    reply.refused(400, "insufficient_authorization");
    let body = reply.json();
    assert_eq!(
        (&body["otp_required"], &body["recovery_code_possible"]),
        (&json!(true), &json!(true))
    );
    reply.text("auth_session")
}

both! {
    async fn rfc9449_10_a_code_of_the_challenge_endpoint_is_bound_to_the_key_that_was_named(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = native(&server).await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let jkt = holder.jkt();
        let bad = [("dpop_jkt", "x")];
        challenge(&app, &[&ALICE, &PKCE, &bad]).await.refused(400, "invalid_request");
        let named = [("dpop_jkt", jkt.as_str())];
        let reply = challenge(&app, &[&ALICE, &PKCE, &named]).await;
        redeem_by(&app, reply, (&holder, &thief)).await;
    }

    async fn rfc9449_10_1_a_proof_at_the_challenge_endpoint_binds_the_code(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = native(&server).await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let url = server.url("/authorize-challenge");
        let ask = async |fields: &[(&str, &str)], proof: &str| {
            let named = [("client_id", app.id.as_str())];
            let body = form(&[&named, &ALICE[..], &PKCE, fields].concat());
            let request = app.http.post(&url).header("DPoP", proof);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            Reply::of(request.body(body).send().await.expect("an answer")).await
        };
        let once = holder.prove("POST", &url, &json!({}));
        let reply = ask(&[], &once).await.ok();
        ask(&[], &once).await.refused(400, "invalid_dpop_proof");
        let wrong = holder.prove("POST", &server.url("/token"), &json!({}));
        ask(&[], &wrong).await.refused(400, "invalid_dpop_proof");
        let other = thief.jkt();
        let fresh = holder.prove("POST", &url, &json!({}));
        ask(&[("dpop_jkt", &other)], &fresh).await.refused(400, "invalid_request");
        redeem_by(&app, reply, (&holder, &thief)).await;
    }

    async fn an_auth_session_goes_on_with_the_key_alone_that_was_proven(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let codes = server.browser().enroll(&server).await.recovery_codes;
        let app = native(&server).await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let (own, other) = (holder.jkt(), thief.jkt());
        let session = insufficient(&challenge_by(&holder, &app, &[&ALICE, &PKCE]).await);
        let fields = [("auth_session", session.as_str()), ("recovery_code", codes[0].as_str())];
        for named in [vec![], vec![("dpop_jkt", own.as_str())], vec![("dpop_jkt", other.as_str())]] {
            challenge(&app, &[&fields, &named]).await.refused(400, "invalid_dpop_proof");
        }
        challenge_by(&thief, &app, &[&fields]).await.refused(400, "invalid_session");
        // Nothing was used up by this.
        let nothing = [("auth_session", session.as_str())];
        challenge(&app, &[&nothing]).await.refused(400, "invalid_dpop_proof");
        let again = challenge_by(&holder, &app, &[&nothing]).await;
        assert_eq!(insufficient(&again), session);
        let reply = challenge_by(&holder, &app, &[&fields]).await;
        redeem_by(&app, reply, (&holder, &thief)).await;
        // It is the same if a wrong code came with the password.
        let wrong = challenge_by(&holder, &app, &[&ALICE, &PKCE, &[("otp", "000000")]]).await;
        wrong.refused(400, "invalid_grant");
        let session = wrong.text("auth_session");
        let fields = [("auth_session", session.as_str()), ("recovery_code", codes[1].as_str())];
        challenge(&app, &[&fields]).await.refused(400, "invalid_dpop_proof");
        let reply = challenge_by(&holder, &app, &[&fields]).await;
        redeem_by(&app, reply, (&holder, &thief)).await;
    }

    async fn a_key_that_was_named_stays_with_the_auth_session(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let codes = server.browser().enroll(&server).await.recovery_codes;
        let app = native(&server).await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let (own, other) = (holder.jkt(), thief.jkt());
        let (named, others) = ([("dpop_jkt", own.as_str())], [("dpop_jkt", other.as_str())]);
        let session = insufficient(&challenge(&app, &[&ALICE, &PKCE, &named]).await);
        let fields = [("auth_session", session.as_str()), ("recovery_code", codes[0].as_str())];
        challenge(&app, &[&fields, &others]).await.refused(400, "invalid_session");
        challenge_by(&thief, &app, &[&fields]).await.refused(400, "invalid_session");
        // It is proven when the code is redeemed.
        let reply = challenge(&app, &[&fields]).await;
        redeem_by(&app, reply, (&holder, &thief)).await;
        // Once it was proven here, a proof is needed from then on.
        let session = insufficient(&challenge(&app, &[&ALICE, &PKCE, &named]).await);
        let proven = challenge_by(&holder, &app, &[&[("auth_session", &session)]]).await;
        let session = insufficient(&proven);
        let fields = [("auth_session", session.as_str()), ("recovery_code", codes[1].as_str())];
        challenge(&app, &[&fields, &named]).await.refused(400, "invalid_dpop_proof");
        let reply = challenge_by(&holder, &app, &[&fields]).await;
        redeem_by(&app, reply, (&holder, &thief)).await;
    }

    async fn an_auth_session_without_a_key_is_bound_by_the_first_proof(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let codes = server.browser().enroll(&server).await.recovery_codes;
        let app = native(&server).await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let begun = insufficient(&challenge(&app, &[&ALICE, &PKCE]).await);
        let wrong = [("auth_session", begun.as_str()), ("otp", "000000")];
        let wrong = challenge_by(&holder, &app, &[&wrong]).await;
        wrong.refused(400, "invalid_grant");
        let session = wrong.text("auth_session");
        let fields = [("auth_session", session.as_str()), ("recovery_code", codes[0].as_str())];
        challenge(&app, &[&fields]).await.refused(400, "invalid_dpop_proof");
        challenge_by(&thief, &app, &[&fields]).await.refused(400, "invalid_session");
        let reply = challenge_by(&holder, &app, &[&fields]).await;
        redeem_by(&app, reply, (&holder, &thief)).await;
        // Both are one sign-in, which has given its code.
        let fields = [("auth_session", begun.as_str()), ("recovery_code", codes[1].as_str())];
        challenge(&app, &[&fields]).await.refused(400, "invalid_session");
        challenge_by(&holder, &app, &[&fields]).await.refused(400, "invalid_session");
        // The request that binds it may be the last one.
        let begun = insufficient(&challenge(&app, &[&ALICE, &PKCE]).await);
        let fields = [("auth_session", begun.as_str()), ("recovery_code", codes[1].as_str())];
        let reply = challenge_by(&holder, &app, &[&fields]).await;
        redeem_by(&app, reply, (&holder, &thief)).await;
        let fields = [("auth_session", begun.as_str()), ("recovery_code", codes[2].as_str())];
        challenge(&app, &[&fields]).await.refused(400, "invalid_session");
    }

    async fn the_key_of_the_password_grant_is_needed_at_the_challenge_endpoint(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let codes = server.browser().enroll(&server).await.recovery_codes;
        let app = native(&server).await;
        let (holder, thief) = (Holder::new(server.now()), Holder::new(server.now()));
        let session = insufficient(&holder.password(&app, "openid").await);
        let fields = [("auth_session", session.as_str()), ("recovery_code", codes[0].as_str())];
        challenge(&app, &[&fields, &PKCE]).await.refused(400, "invalid_dpop_proof");
        challenge_by(&thief, &app, &[&fields, &PKCE]).await.refused(400, "invalid_session");
        let reply = challenge_by(&holder, &app, &[&fields, &PKCE]).await;
        redeem_by(&app, reply, (&holder, &thief)).await;
    }

    async fn s077_the_password_grant_gives_no_tokens_while_a_factor_is_due(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let plain = server.client("plain", |_| ()).await;
        plain.password("openid").await.ok();
        let authenticator = server.browser().enroll(&server).await;
        let refused = plain.password("openid").await;
        refused.refused(400, "insufficient_authorization");
        assert!(refused.json().get("auth_session").is_none(), "{}", refused.text);
        // A wrong password is answered as ever, whether there is a second factor or not.
        server.user("bob", Some(PASSWORD)).await;
        let wrong = plain.password_as(USERNAME, "wrong", "openid").await;
        let others = plain.password_as("bob", "wrong", "openid").await;
        let nobody = plain.password_as("nobody", "wrong", "openid").await;
        for reply in [&wrong, &others, &nobody] {
            reply.refused(400, "invalid_grant");
            assert_eq!(reply.text, wrong.text);
        }
        // A client with the right goes on, with the scope that it asked for.
        let app = native(&server).await;
        let session = insufficient(&app.password("openid email").await);
        let code = authenticator.code(&server, 0);
        let fields = [("auth_session", session.as_str()), ("otp", &code)];
        let without = challenge(&app, &[&fields]).await;
        without.refused(400, "invalid_request");
        let reply = challenge(&app, &[&fields, &PKCE]).await;
        let tokens = redeem(&app, reply).await.ok();
        let claims = decode_claims(&tokens.text("access_token"));
        assert_eq!((&claims["acr"], &claims["scope"]), (&json!("2"), &json!("email openid")));
        assert_eq!(claims["amr"], json!(["pwd", "otp", "mfa"]));
        let id = decode_claims(&tokens.text("id_token"));
        assert_eq!(id["acr"], "2");
        app.refresh(&tokens.text("refresh_token")).await.ok();
    }

    async fn a_first_party_app_signs_people_in_by_password_and_code(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = native(&server).await;
        // Without a second factor the password is enough.
        let reply = challenge(&app, &[&ALICE, &PKCE, &[("response_type", "code")]]).await;
        assert_eq!(reply.header("cache-control"), "no-store");
        let tokens = redeem(&app, reply).await.ok();
        assert_eq!(decode_claims(&tokens.text("access_token"))["acr"], "1");
        let authenticator = server.browser().enroll(&server).await;
        // Step by step, and both at once.
        let reply = challenge(&app, &[&ALICE, &PKCE, &[("scope", "openid")]]).await;
        let session = insufficient(&reply);
        let wrong = challenge(&app, &[&[("auth_session", &session), ("otp", "000000")]]).await;
        wrong.refused(400, "invalid_grant");
        assert_eq!(wrong.text("auth_session"), session, "it may try again");
        let nothing = challenge(&app, &[&[("auth_session", &session)]]).await;
        assert_eq!(insufficient(&nothing), session);
        let code = authenticator.code(&server, 0);
        let reply = challenge(&app, &[&[("auth_session", &session), ("otp", &code)]]).await;
        let tokens = redeem(&app, reply).await.ok();
        assert_eq!(decode_claims(&tokens.text("id_token"))["acr"], "2");
        let next = authenticator.code(&server, 30);
        let again = challenge(&app, &[&[("auth_session", &session), ("otp", &next)]]).await;
        again.refused(400, "invalid_session");
        server.advance(90);
        let code = authenticator.code(&server, 0);
        let reply = challenge(&app, &[&ALICE, &PKCE, &[("otp", &code)]]).await;
        redeem(&app, reply).await.ok();
        let recovery = [("recovery_code", authenticator.recovery_codes[0].as_str())];
        let reply = challenge(&app, &[&ALICE, &PKCE, &recovery]).await;
        redeem(&app, reply).await.ok();
        let used = challenge(&app, &[&ALICE, &PKCE, &recovery]).await;
        used.refused(400, "invalid_grant");
        // The code is bound to its verifier, and goes nowhere with a redirect URI.
        let code = authenticator.code(&server, 30);
        let reply = challenge(&app, &[&ALICE, &PKCE, &[("otp", &code)]]).await.ok();
        let code = reply.text("authorization_code");
        app.exchange(&code).await.refused(400, "invalid_grant");
        let other = [("redirect_uri", ""), ("code_verifier", &*VERIFIER.replace('d', "e"))];
        app.exchange_with(&code, &other).await.refused(400, "invalid_grant");
        app.exchange_with(&code, &[("redirect_uri", "")]).await.ok();
        app.exchange_with(&code, &[("redirect_uri", "")]).await.refused(400, "invalid_grant");
    }

    async fn only_the_operators_own_clients_have_the_challenge_endpoint(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let other = server.public_client("other").await;
        challenge(&other, &[&ALICE, &PKCE]).await.refused(400, "unauthorized_client");
        let app = native(&server).await;
        for (fields, error) in [
            (vec![], "invalid_request"),
            (vec![("username", USERNAME)], "invalid_request"),
            (vec![ALICE[0], ALICE[1]], "invalid_request"),
            (vec![ALICE[0], ALICE[1], PKCE[0]], "invalid_request"),
            (vec![ALICE[0], ALICE[1], PKCE[0], PKCE[1], ("scope", "admin")], "invalid_scope"),
            (vec![ALICE[0], ALICE[1], PKCE[0], PKCE[1], ("resource", "https://x")], "invalid_target"),
            (vec![("auth_session", "x")], "invalid_session"),
            (vec![("auth_session", "mapae_as_AAAA"), ("otp", "1")], "invalid_session"),
        ] {
            challenge(&app, &[&fields]).await.refused(400, error);
        }
        // The right is no grant type.
        let right = "urn:mapae:params:oauth:first-party";
        app.token(&[("grant_type", right)]).await.refused(400, "unsupported_grant_type");
        let metadata = server.browser().get("/.well-known/oauth-authorization-server").await;
        let metadata = metadata.reply.json();
        assert_eq!(metadata["authorization_challenge_endpoint"], server.url("/authorize-challenge"));
        assert!(!metadata["grant_types_supported"].to_string().contains("first-party"));
        // A session is for its client alone, and lives ten minutes.
        let authenticator = server.browser().enroll(&server).await;
        let session = insufficient(&challenge(&app, &[&ALICE, &PKCE]).await);
        let change = |client: &mut mapae::domain::client::Client| {
            client.metadata.first_party = true;
            client.metadata.first_party_challenge = true;
        };
        server.change("other", change).await;
        let code = authenticator.code(&server, 0);
        let fields = [("auth_session", session.as_str()), ("otp", &code)];
        challenge(&other, &[&fields, &PKCE]).await.refused(400, "invalid_session");
        server.advance(600);
        let code = authenticator.code(&server, 0);
        let fields = [("auth_session", session.as_str()), ("otp", &code)];
        challenge(&app, &[&fields]).await.refused(400, "invalid_session");
    }

    /// RFC 6749 §4.1.3: only a code of the challenge endpoint has no redirect URI.
    async fn the_redirect_uri_of_a_browsers_code_may_not_be_left_out_by_an_app_with_both(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.first_party_challenge = true;
        })
        .await;
        let code = server.browser().code(&app).await;
        app.exchange_with(&code, &[("redirect_uri", "")]).await.refused(400, "invalid_grant");
        app.exchange(&code).await.ok();
    }

    async fn who_can_go_on_in_a_browser_only_is_sent_there(database) {
        let server = Server::start_with(&database, &[("mfa.required", "true")]).await;
        server.alice().await;
        let app = native(&server).await;
        // Nothing that the app could send would be enough.
        for more in [vec![], vec![("otp", "123456")], vec![("recovery_code", "ABCD-EFGH-JKLM-NPQR")]] {
            let reply = challenge(&app, &[&ALICE, &PKCE, &more]).await;
            reply.refused(400, "redirect_to_web");
            assert!(reply.json().get("auth_session").is_none(), "{}", reply.text);
        }
        let wrong = [("username", USERNAME), ("password", "wrong")];
        challenge(&app, &[&wrong, &PKCE]).await.refused(400, "invalid_grant");
        let begun = app.password("openid").await;
        begun.refused(400, "insufficient_authorization");
        assert_eq!(begun.json()["otp_required"], false);
        let session = begun.text("auth_session");
        let fields = [("auth_session", session.as_str()), ("otp", "123456")];
        challenge(&app, &[&fields, &PKCE]).await.refused(400, "redirect_to_web");
        assert_eq!(server.evidence().await.events_of("factor.asked").await.len(), 4);
    }

    async fn a_code_of_the_challenge_endpoint_ends_with_the_password_and_the_factor(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = native(&server).await;
        let issuer = server.inner.services();
        let code = async || {
            let reply = challenge(&app, &[&ALICE, &PKCE]).await;
            reply.ok().text("authorization_code")
        };
        let before = code().await;
        let (store, now, hasher) = (&issuer.store, server.now(), &issuer.hasher);
        let password = PASSWORD.to_owned().into();
        users::set_password(&May::operator(), store, now, None, hasher, Target::named(USERNAME), &password).await.expect("set");
        let fields = [("redirect_uri", "")];
        app.exchange_with(&before, &fields).await.refused(400, "invalid_grant");
        let before = code().await;
        let mut home = server.browser();
        let authenticator = home.enroll(&server).await;
        app.exchange_with(&before, &fields).await.refused(400, "invalid_grant");
        let otp = authenticator.code(&server, 0);
        let reply = challenge(&app, &[&ALICE, &PKCE, &[("otp", &otp)]]).await;
        let before = reply.ok().text("authorization_code");
        let account = home.open("/account/security").await;
        home.send_account(&account, "/account/security/one-time-codes/remove", &[]).await;
        app.exchange_with(&before, &fields).await.refused(400, "invalid_grant");
        app.exchange_with(&code().await, &fields).await.ok();
    }

    /// What was begun with an old password is not finished with it.
    async fn s077_a_sign_in_that_has_begun_ends_with_the_password(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let authenticator = server.browser().enroll(&server).await;
        let app = native(&server).await;
        let issuer = server.inner.services();
        let session = insufficient(&challenge(&app, &[&ALICE, &PKCE]).await);
        let (store, now, hasher) = (&issuer.store, server.now(), &issuer.hasher);
        let password = PASSWORD.to_owned().into();
        users::set_password(&May::operator(), store, now, None, hasher, Target::named(USERNAME), &password).await.expect("set");
        let code = authenticator.code(&server, 0);
        let reply = challenge(&app, &[&[("auth_session", &session), ("otp", &code)]]).await;
        reply.refused(400, "invalid_session");
        let code = authenticator.code(&server, 30);
        let reply = challenge(&app, &[&ALICE, &PKCE, &[("otp", &code)]]).await;
        redeem(&app, reply).await.ok();
    }

    async fn s028_the_challenge_endpoint_tells_nobody_whether_there_is_an_account(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        server.user("carol", None).await;
        server.browser().enroll(&server).await;
        let app = native(&server).await;
        let mut answers = Vec::new();
        for (username, otp) in [
            (USERNAME, None),
            (USERNAME, Some("000000")),
            ("bob", None),
            ("bob", Some("000000")),
            ("carol", None),
            ("nobody", None),
            ("nobody", Some("000000")),
        ] {
            let typed = [("username", username), ("password", "wrong")];
            let otp: Vec<_> = otp.map(|otp| ("otp", otp)).into_iter().collect();
            answers.push(challenge(&app, &[&typed, &PKCE, &otp]).await);
        }
        for reply in &answers {
            reply.refused(400, "invalid_grant");
            assert_eq!(reply.text, answers[0].text);
        }
        // Neither a wrong nor a right code says anything without the password.
        let kinds = server.evidence().await.events_of("factor.failed").await;
        assert!(kinds.is_empty(), "{kinds:?}");
    }

    async fn s076_guesses_at_the_challenge_endpoint_fill_the_buckets_of_the_password(database) {
        let server = Server::start_with(&database, &[("throttle.account.failures", "6")]).await;
        server.alice().await;
        let authenticator = server.browser().enroll(&server).await;
        server.evidence().await.run("DELETE FROM known_address").await;
        let app = native(&server).await;
        let session = insufficient(&challenge(&app, &[&ALICE, &PKCE]).await);
        let mut statuses = Vec::new();
        for _ in 0..8 {
            let fields = [("auth_session", session.as_str()), ("otp", "000000")];
            statuses.push(challenge(&app, &[&fields]).await.status.as_u16());
        }
        assert_eq!(statuses, [400, 400, 400, 400, 400, 400, 429, 429]);
        let code = authenticator.code(&server, 0);
        let fields = [("auth_session", session.as_str()), ("otp", &code)];
        assert_eq!(challenge(&app, &[&fields]).await.status, 429);
        assert_eq!(app.password("openid").await.status, 429);
    }

    async fn of_two_uses_of_a_session_at_once_one_gets_a_code(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let authenticator = server.browser().enroll(&server).await;
        let app = native(&server).await;
        let session = insufficient(&challenge(&app, &[&ALICE, &PKCE]).await);
        let recovery: Vec<_> = authenticator.recovery_codes.iter().take(4).collect();
        let fields: Vec<_> = recovery
            .iter()
            .map(|code| [("auth_session", session.as_str()), ("recovery_code", code.as_str())])
            .collect();
        let sent: Vec<Vec<&[(&str, &str)]>> =
            fields.iter().map(|fields| vec![fields.as_slice()]).collect();
        let answers = join_all(sent.iter().map(|fields| challenge(&app, fields))).await;
        let won = answers.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(won, 1, "{answers:?}");
    }
}

/// A code of the challenge endpoint needs no session. When it is redeemed, the sessions and the families
/// have ended already, and the codes are not deleted yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_is_redeemed_while_everything_older_ends_leaves_nothing_open() {
    let Some(database) = postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    server.alice().await;
    let app = native(&server).await;
    let code = async || challenge(&app, &[&ALICE, &PKCE]).await.ok().text("authorization_code");
    code().await;
    server.advance(1);
    let late = code().await;
    server.advance(2);
    // Somebody else has locked the first one, for which the deletion of both waits.
    let (other, evidence) = (server.evidence().await, server.evidence().await);
    let first = "SELECT hash FROM authorization_code ORDER BY expires_at LIMIT 1 FOR UPDATE";
    other.run(&format!("BEGIN; {first}")).await;
    let services = server.inner.services();
    let (may, store, clock) = (May::operator(), &services.store, server.now());
    let (before, lifetime) = (clock.now(), services.lifetimes.access_token);
    let revoking = tokens::revoke_issued_before(&may, store, clock, before, lifetime);
    let redeeming = async {
        let waiting = "SELECT count(*) AS n FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock' \
                       AND query LIKE 'DELETE FROM \"authorization_code\"%'";
        eventually("the deletion waits", async || evidence.count(waiting).await == 1).await;
        let redeemed = app.exchange_with(&late, &[("redirect_uri", "")]).await.ok();
        other.run("COMMIT").await;
        redeemed
    };
    let (revoked, redeemed) = tokio::join!(revoking, redeeming);
    let revoked = revoked.expect("revoked");
    assert_eq!((revoked.ended.families, revoked.codes), (1, 1), "{revoked:?}");
    let (access, refresh) = redeemed.pair();
    app.refresh(&refresh).await.refused(400, "invalid_grant");
    app.userinfo(&access).await.refused(401, "invalid_token");
}
