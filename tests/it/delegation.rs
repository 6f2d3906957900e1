//! Token exchange between clients of this server: who acts for whom at what, RFC 8693.

use futures_util::future::join_all;
use mapae::domain::client::SubjectType;
use mapae::domain::grant_type::GrantType;
use mapae::domain::may_act::MayAct;
use mapae::domain::scope::Scope;
use mapae::domain::status_list::StatusListMode;
use serde_json::{Value, json};

use crate::status_lists::Verifier;
use crate::support::{App, Holder, Page, Reply, Server, both, decode_claims};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const CHAT: &str = "https://chat.example.com";
const ORDERS: &str = "https://orders.example.com";
const STOCK: &str = "https://stock.example.com";

fn rule(for_client: &str, resource: &str, scope: &str) -> MayAct {
    let (for_client, resource) = (for_client.to_owned(), resource.to_owned());
    MayAct { for_client, resource, scope: Scope::parse(scope).expect("a scope") }
}

/// The app of the person: its tokens are for the chat.
async fn app(server: &Server) -> App {
    server
        .web_app("app", |client| {
            client.metadata.grant_types.extend([GrantType::Password, GrantType::TokenExchange]);
            client.metadata.audiences = vec![CHAT.to_owned()];
            client.metadata.scope =
                Scope::parse("openid offline_access orders:read orders:write").expect("a scope");
            "The App".clone_into(&mut client.metadata.client_name);
        })
        .await
}

/// A client that acts: tokens for this audience are sent to it.
async fn agent(server: &Server, id: &str, audience: &str, rules: &[MayAct]) -> App {
    server
        .client(id, |client| {
            client.metadata.grant_types =
                vec![GrantType::ClientCredentials, GrantType::TokenExchange];
            client.metadata.resource_servers = vec![audience.to_owned()];
            client.metadata.scope = Scope::parse("act").expect("a scope");
            client.metadata.may_act = rules.to_vec();
            client.metadata.client_name = format!("Agent {id}");
        })
        .await
}

async fn own(app: &App) -> String {
    app.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token")
}

/// The parameters of an exchange. `changes` replaces or adds some; an empty one is left out.
fn asked<'a>(
    subject: &'a str,
    actor: &'a str,
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("grant_type", EXCHANGE),
        ("subject_token", subject),
        ("subject_token_type", ACCESS_TOKEN),
        ("actor_token", actor),
        ("actor_token_type", ACCESS_TOKEN),
        ("resource", ORDERS),
    ];
    let kept = usual.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    kept.chain(changes).filter(|(_, value)| !value.is_empty()).copied().collect()
}

async fn exchange(by: &App, subject: &str, actor: &str, changes: &[(&str, &str)]) -> Reply {
    by.token(&asked(subject, actor, changes)).await
}

/// The app, an agent that may act with its tokens at the orders, and the agent's own token.
async fn scene(server: &Server) -> (App, App, String) {
    let app = app(server).await;
    let rules = [rule("app", ORDERS, "orders:read")];
    let agent = agent(server, "agent", CHAT, &rules).await;
    let own = own(&agent).await;
    (app, agent, own)
}

const SCOPE: &str = "openid orders:read orders:write";

/// Sends a form of the account page.
async fn send(
    browser: &mut crate::support::Browser,
    page: &Page,
    path: &str,
    client: &str,
) -> Page {
    let (csrf, session) = (page.hidden("csrf"), page.hidden("session"));
    let fields = [("csrf", csrf.as_str()), ("session", &session), ("client", client)];
    let sent = browser.post(path, &fields).await;
    browser.follow(sent).await
}

both! {
    async fn rfc8693_4_1_a_client_acts_for_a_person_with_less_and_no_longer(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let subject = app.password(SCOPE).await.ok().text("access_token");
        server.advance(60);
        let reply = exchange(&agent, &subject, &own, &[]).await.ok();
        let answer = reply.json();
        assert_eq!(answer["issued_token_type"], ACCESS_TOKEN);
        assert_eq!((&answer["token_type"], &answer["scope"]), (&json!("Bearer"), &json!("orders:read")));
        assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none(), "{answer}");
        let (token, had) = (reply.text("access_token"), decode_claims(&subject));
        let claims = decode_claims(&token);
        assert_eq!(claims["sub"], sub.as_str());
        assert_eq!(claims["act"], json!({ "sub": "agent" }));
        assert_eq!((&claims["client_id"], &claims["aud"]), (&json!("agent"), &json!(ORDERS)));
        assert_eq!(claims["exp"], had["exp"], "no longer than the token that was exchanged");
        assert_ne!(claims["sid"], had["sid"]);
        assert_eq!((&claims["auth_time"], &claims["amr"]), (&had["auth_time"], &had["amr"]));
        let shown = agent.introspect(&token).await;
        assert_eq!((&shown["active"], &shown["act"]), (&json!(true), &json!({ "sub": "agent" })), "{shown}");

        // What it got for the person does not prove who acts, though it is its own.
        exchange(&agent, &subject, &token, &[]).await.refused(400, "invalid_grant");

        // Again it is the same family, and one event.
        let again = exchange(&agent, &subject, &own, &[("scope", "orders:read")]).await.ok();
        assert_eq!(decode_claims(&again.text("access_token"))["sid"], claims["sid"]);
        let started = server.evidence().await.events_of("delegation.started").await;
        assert_eq!(started.len(), 1);
        assert_eq!((started[0].user.as_deref(), started[0].client.as_deref()), (Some(sub.as_str()), Some("agent")));

        // The app itself may let the agent act with its own token, by the name `audience`, too.
        let by_app = [("resource", ""), ("audience", ORDERS)];
        let token = exchange(&app, &subject, &own, &by_app).await.ok().text("access_token");
        let claims = decode_claims(&token);
        assert_eq!((&claims["client_id"], &claims["act"]["sub"]), (&json!("app"), &json!("agent")));
        // Where one rule alone says where, nobody has to.
        exchange(&agent, &subject, &own, &[("resource", "")]).await.ok();
    }

    async fn rfc8693_2_1_an_exchange_that_no_rule_allows_is_refused(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let signed_in = app.password(SCOPE).await.ok();
        let (subject, id_token) = (signed_in.text("access_token"), signed_in.text("id_token"));
        let tampered = format!("{}x", &subject[..subject.len() - 4]);
        let narrow = app.password("openid").await.ok().text("access_token");
        for (change, error) in [
            (vec![("actor_token", ""), ("actor_token_type", "")], "invalid_request"),
            (vec![("actor_token_type", "")], "invalid_request"),
            (vec![("actor_token_type", ID_TOKEN)], "invalid_request"),
            (vec![("actor_token", "")], "invalid_request"),
            (vec![("actor_token", "no-token")], "invalid_grant"),
            // A person's token says who the person is, not which client acts.
            (vec![("actor_token", subject.as_str())], "invalid_grant"),
            (vec![("subject_token", own.as_str())], "invalid_grant"),
            (vec![("subject_token", tampered.as_str())], "invalid_grant"),
            (vec![("subject_token", id_token.as_str())], "invalid_grant"),
            (vec![("subject_token", id_token.as_str()), ("subject_token_type", ID_TOKEN)], "invalid_request"),
            (vec![("requested_token_type", ID_TOKEN)], "invalid_request"),
            (vec![("resource", STOCK)], "invalid_target"),
            (vec![("audience", STOCK)], "invalid_target"),
            (vec![("resource", server.issuer())], "invalid_target"),
            // Beyond the rule, beyond the token, and what is never for whoever acts.
            (vec![("scope", "orders:write")], "invalid_scope"),
            (vec![("scope", "orders:read"), ("subject_token", narrow.as_str())], "invalid_scope"),
            (vec![("scope", "openid")], "invalid_scope"),
            (vec![("scope", "orders:read offline_access")], "invalid_scope"),
        ] {
            let reply = exchange(&agent, &subject, &own, &change).await;
            assert_eq!(reply.json()["error"], error, "{change:?} {}", reply.text);
            reply.refused(400, error);
        }
        // Nobody exchanges a token that was neither issued to them nor sent to them, and nobody acts in
        // the name of another client.
        let rules = [rule("app", ORDERS, "orders:read")];
        let stranger = agent_at(&server, "stranger", STOCK, &rules).await;
        exchange(&stranger.0, &subject, &stranger.1, &[]).await.refused(400, "invalid_grant");
        exchange(&stranger.0, &subject, &own, &[]).await.refused(400, "invalid_grant");
        exchange(&agent, &subject, &stranger.1, &[]).await.refused(400, "invalid_grant");
        // The audience of this server opens nothing.
        server.change("app", |client| client.metadata.audiences = Vec::new()).await;
        let ours = app.password(SCOPE).await.ok().text("access_token");
        assert_eq!(decode_claims(&ours)["aud"], server.issuer());
        exchange(&agent, &ours, &own, &[]).await.refused(400, "invalid_grant");
        assert!(server.evidence().await.events_of("delegation.started").await.is_empty());
        // A rule that is taken away lets nobody act.
        server.change("agent", |client| client.metadata.may_act = Vec::new()).await;
        exchange(&agent, &subject, &own, &[]).await.refused(400, "invalid_target");
        // A client without the grant does not exchange.
        server.change("agent", |client| {
            client.metadata.may_act = rules.to_vec();
            client.metadata.grant_types = vec![GrantType::ClientCredentials];
        }).await;
        exchange(&agent, &subject, &own, &[]).await.refused(400, "unauthorized_client");
    }

    async fn what_grew_out_of_a_token_ends_with_it(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let (subject, refresh) = app.password(&format!("{SCOPE} offline_access")).await.pair();
        let acting = exchange(&agent, &subject, &own, &[]).await.ok().text("access_token");
        assert!(agent.is_active(&acting).await);
        // The family ends, by its refresh token.
        app.revoke(&refresh).await.ok();
        assert!(!agent.is_active(&acting).await);
        exchange(&agent, &subject, &own, &[]).await.refused(400, "invalid_grant");

        // An access token that was revoked alone is exchanged no more.
        let subject = app.password(SCOPE).await.ok().text("access_token");
        exchange(&agent, &subject, &own, &[]).await.ok();
        app.revoke(&subject).await.ok();
        exchange(&agent, &subject, &own, &[]).await.refused(400, "invalid_grant");
        // Nor one that has expired.
        let subject = app.password(SCOPE).await.ok().text("access_token");
        let acting = exchange(&agent, &subject, &own, &[]).await.ok().text("access_token");
        server.advance(600);
        let fresh = crate::delegation::own(&agent).await;
        exchange(&agent, &subject, &fresh, &[]).await.refused(400, "invalid_grant");
        assert!(!agent.is_active(&acting).await);

        // The agent is turned away.
        let subject = app.password(SCOPE).await.ok().text("access_token");
        let acting = exchange(&app, &subject, &fresh, &[]).await.ok().text("access_token");
        let cli = server.cli().await;
        cli.json(&["client", "disable", "--id", "agent"], None).await;
        server.forget_clients();
        assert!(!app.is_active(&acting).await, "although it was issued to the app");
        assert!(app.is_active(&subject).await);
        exchange(&app, &subject, &fresh, &[]).await.refused(400, "invalid_grant");
    }

    async fn a_person_ends_what_acts_for_them_with_everything_else(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        for path in ["/account/sign-out", "/account/apps/remove", "/account/devices/end"] {
            let mut browser = server.browser();
            let url = app.authorization_url(&[("scope", SCOPE), ("prompt", "consent")]);
            let code = code_after_login(&mut browser, &url).await;
            let subject = app.exchange(&code).await.ok().text("access_token");
            let acting = exchange(&agent, &subject, &own, &[]).await.ok().text("access_token");
            assert!(agent.is_active(&acting).await, "{path}");
            let page = browser.open("/account").await;
            let (csrf, session) = (page.hidden("csrf"), page.hidden("session"));
            let fields = [("csrf", csrf.as_str()), ("session", &session), ("client", "app"), ("device", "all")];
            browser.post(path, &fields).await;
            assert!(!agent.is_active(&acting).await, "{path}");
        }
    }

    async fn a_person_stops_who_acts_for_them_and_it_stays_stopped(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let mut browser = server.browser();
        let code = code_after_login(&mut browser, &app.authorization_url(&[("scope", SCOPE)])).await;
        let subject = app.exchange(&code).await.ok().text("access_token");
        let page = browser.open("/account/apps").await;
        assert!(!page.has("actor-stop-1") && page.has("app-remove-1"));
        let acting = exchange(&agent, &subject, &own, &[]).await.ok().text("access_token");
        let page = browser.open("/account/apps").await;
        assert_eq!(page.value_of("actor-stop-1"), "agent");
        assert!(!page.has("app-remove-2"), "it is no app of theirs");
        for said in ["Agent agent acts for you", "By way of The App", "orders:read", ORDERS] {
            assert!(page.reply.text.contains(said), "{said}: {}", page.reply.text);
        }
        let korean = browser.open("/account/apps?lang=ko").await;
        assert!(korean.reply.text.contains("나를 대신하는 앱"), "{}", korean.reply.text);

        let page = browser.open("/account/apps?lang=en").await;
        let page = send(&mut browser, &page, "/account/apps/stop", "agent").await;
        assert!(page.has("actor-allow-1") && !page.has("actor-stop-1"), "{}", page.reply.text);
        assert!(!agent.is_active(&acting).await);
        assert!(app.is_active(&subject).await, "the app itself goes on");
        exchange(&agent, &subject, &own, &[]).await.refused(400, "invalid_grant");
        // Not by a new sign-in either.
        let later = app.password(SCOPE).await.ok().text("access_token");
        exchange(&agent, &later, &own, &[]).await.refused(400, "invalid_grant");
        // What does not act cannot be stopped, and is no event.
        for client in ["app", "nobody", "", "agent"] {
            send(&mut browser, &page, "/account/apps/stop", client).await;
        }
        let evidence = server.evidence().await;
        assert_eq!(evidence.events_of("delegation.stopped").await.len(), 1);
        let activity = browser.open("/account/activity").await;
        assert!(activity.reply.text.contains("You stopped an app that acted for you"));

        let page = browser.open("/account/apps").await;
        let page = send(&mut browser, &page, "/account/apps/allow", "agent").await;
        assert!(!page.has("actor-allow-1"));
        let acting = exchange(&agent, &subject, &own, &[]).await.ok().text("access_token");
        assert!(agent.is_active(&acting).await);
        assert_eq!(evidence.events_of("delegation.allowed").await.len(), 1);
    }

    async fn who_does_not_act_right_now_is_stopped_as_well(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let mut browser = server.browser();
        let code = code_after_login(&mut browser, &app.authorization_url(&[("scope", SCOPE)])).await;
        let subject = app.exchange(&code).await.ok().text("access_token");
        // It may act, and has not yet.
        let page = browser.open("/account/apps").await;
        let page = send(&mut browser, &page, "/account/apps/stop", "agent").await;
        assert!(page.has("actor-allow-1"), "{}", page.reply.text);
        exchange(&agent, &subject, &own, &[]).await.refused(400, "invalid_grant");
        let page = send(&mut browser, &page, "/account/apps/allow", "agent").await;
        // It acted, what it had has ended, and it has no rule any more.
        let (signed_in, refresh) = app.password(&format!("{SCOPE} offline_access")).await.pair();
        exchange(&agent, &signed_in, &own, &[]).await.ok();
        app.revoke(&refresh).await.ok();
        server.change("agent", |client| client.metadata.may_act = Vec::new()).await;
        let page = send(&mut browser, &page, "/account/apps/stop", "agent").await;
        assert!(page.has("actor-allow-1"), "{}", page.reply.text);
        let rules = [rule("app", ORDERS, "orders:read")];
        server.change("agent", |client| client.metadata.may_act = rules.to_vec()).await;
        exchange(&agent, &subject, &own, &[]).await.refused(400, "invalid_grant");
        assert_eq!(server.evidence().await.events_of("delegation.stopped").await.len(), 2);
    }

    async fn core_8_1_who_acted_hears_that_the_sub_changed_at_the_app(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let uri = "https://agent.example/logout".to_owned();
        server.change("agent", |client| client.metadata.backchannel_logout_uri = Some(uri)).await;
        let subject = app.password(SCOPE).await.ok().text("access_token");
        let token = exchange(&agent, &subject, &own, &[]).await.ok().text("access_token");
        let cli = server.cli().await;
        let update = ["client", "update", "--id", "app", "--subject-type", "pairwise"];
        assert_eq!(cli.run(&update, None).await.code, 0);
        let sid = decode_claims(&token)["sid"].as_str().unwrap().to_owned();
        let told = server.evidence().await.column("SELECT payload FROM outbox WHERE kind = 'logout'", "payload").await;
        assert!(told.len() == 1 && told[0].contains(&sid), "{told:?}");
    }

    async fn an_actor_token_for_something_else_lets_no_app_act_with_it(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let subject = app.password(SCOPE).await.ok().text("access_token");
        exchange(&app, &subject, &own, &[]).await.ok();
        let holder = Holder::new(server.now());
        let bound = holder.token(&agent, &[("grant_type", "client_credentials")]).await.ok().text("access_token");
        holder.token(&app, &asked(&subject, &bound, &[])).await.refused(400, "invalid_grant");
        // One that the agent sends to an API is for the agent alone.
        server.change("agent", |client| client.metadata.audiences = vec![STOCK.to_owned()]).await;
        let elsewhere = crate::delegation::own(&agent).await;
        assert_eq!(decode_claims(&elsewhere)["aud"], STOCK);
        exchange(&app, &subject, &elsewhere, &[]).await.refused(400, "invalid_grant");
        exchange(&agent, &subject, &elsewhere, &[]).await.ok();
    }

    async fn an_exchange_sees_the_clients_as_they_are_now(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let subject = app.password(SCOPE).await.ok().text("access_token");
        exchange(&agent, &subject, &own, &[]).await.ok();
        // The server still has in memory what the commands change.
        let cli = server.cli().await;
        cli.json(&["client", "may-act", "--id", "agent", "--for-client", "app", "--remove"], None).await;
        exchange(&agent, &subject, &own, &[]).await.refused(400, "invalid_target");
        cli.json(&["client", "may-act", "--id", "agent", "--for-client", "app", "--resource", ORDERS, "--scope", "orders:read"], None).await;
        server.forget_clients();
        exchange(&app, &subject, &own, &[]).await.ok();
        cli.json(&["client", "disable", "--id", "agent"], None).await;
        exchange(&app, &subject, &own, &[]).await.refused(400, "invalid_grant");
    }

    async fn exchanges_at_once_grow_one_family(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let subject = app.password(SCOPE).await.ok().text("access_token");
        let every = join_all((0..8).map(|_| exchange(&agent, &subject, &own, &[]))).await;
        let sids: Vec<_> = every.into_iter().map(|reply| decode_claims(&reply.ok().text("access_token"))["sid"].clone()).collect();
        assert!(sids.iter().all(|sid| *sid == sids[0]), "{sids:?}");
        assert_eq!(server.evidence().await.events_of("delegation.started").await.len(), 1);
    }

    async fn rfc8693_4_1_a_rule_names_who_acted_last(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, _, own) = scene(&server).await;
        let second = agent_at(&server, "second", ORDERS, &[rule("agent", STOCK, "orders:read")]).await;
        let subject = app.password(SCOPE).await.ok().text("access_token");
        // The app exchanges, and the agent acts.
        let one = exchange(&app, &subject, &own, &[]).await.ok().text("access_token");
        assert_eq!(decode_claims(&one)["client_id"], "app");
        let two = exchange(&second.0, &one, &second.1, &[("resource", STOCK)]).await.ok();
        assert_eq!(decode_claims(&two.text("access_token"))["act"], json!({ "sub": "second", "act": { "sub": "agent" } }));
        server.change("second", |client| client.metadata.may_act = vec![rule("app", STOCK, "orders:read")]).await;
        exchange(&second.0, &one, &second.1, &[("resource", STOCK)]).await.refused(400, "invalid_target");
    }

    async fn rfc8707_2_an_exchanged_token_is_for_the_registered_spelling_and_for_an_mcp_server_only_by_name(database) {
        let server = Server::start_with(&database, &[("mcp.enabled", "true")]).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let (slash, mcp) = (format!("{ORDERS}/"), "https://mcp.example.com/mcp");
        let cli = server.cli().await;
        cli.json(&["resource", "create", "--id", &slash], None).await;
        cli.json(&["mcp", "resource", "add", mcp, "--scope", "orders:read"], None).await;
        server.forget_clients();
        let subject = app.password(SCOPE).await.ok().text("access_token");
        let both = [("resource", ORDERS), ("audience", slash.as_str())];
        for change in [&both[..], &both[..1], &[("resource", slash.as_str())], &[("resource", "")]] {
            let token = exchange(&agent, &subject, &own, change).await.ok().text("access_token");
            assert_eq!(decode_claims(&token)["aud"], slash, "{change:?}");
        }
        server.change("agent", |client| client.metadata.may_act = vec![rule("app", mcp, "orders:read")]).await;
        exchange(&agent, &subject, &own, &[("resource", "")]).await.refused(400, "invalid_target");
        let named = [("resource", "https://mcp.example.com/mcp/")];
        let token = exchange(&agent, &subject, &own, &named).await.ok().text("access_token");
        assert_eq!(decode_claims(&token)["aud"], mcp);
    }

    async fn rfc8693_2_1_one_token_is_for_several_audiences_where_a_rule_allows_each(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let rules = [rule("app", ORDERS, "orders:read orders:write"), rule("app", STOCK, "orders:read")];
        server.change("agent", |client| client.metadata.may_act = rules.to_vec()).await;
        let subject = app.password(SCOPE).await.ok().text("access_token");
        for changes in [
            vec![("resource", ""), ("audience", ORDERS), ("audience", STOCK)],
            vec![("audience", STOCK)],
            vec![("resource", ORDERS), ("resource", STOCK), ("audience", STOCK), ("audience", ORDERS)],
        ] {
            let reply = exchange(&agent, &subject, &own, &changes).await.ok();
            assert_eq!(reply.json()["scope"], "orders:read", "what the rules have in common");
            assert_eq!(decode_claims(&reply.text("access_token"))["aud"], json!([ORDERS, STOCK]), "{changes:?}");
        }
        // One that no rule allows is refused, wherever it stands.
        for audiences in [[ORDERS, "https://billing.example.com"], ["https://billing.example.com", ORDERS]] {
            let changes = audiences.map(|audience| ("audience", audience));
            exchange(&agent, &subject, &own, &changes).await.refused(400, "invalid_target");
        }
        // Elsewhere it is a parameter like any other: once.
        let twice = [("grant_type", "client_credentials"), ("audience", ORDERS), ("audience", STOCK)];
        agent.token(&twice).await.refused(400, "invalid_request");
        agent.post("/introspect", &[("token", subject.as_str()), ("audience", ORDERS), ("audience", STOCK)]).await.refused(400, "invalid_request");
        // And so is any other one in an exchange.
        let twice = [("scope", "orders:read"), ("scope", "orders:read")];
        exchange(&agent, &subject, &own, &twice).await.refused(400, "invalid_request");
    }

    async fn what_acts_for_more_is_an_event(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let rules = [rule("app", ORDERS, "orders:read"), rule("app", STOCK, "orders:write")];
        server.change("agent", |client| client.metadata.may_act = rules.to_vec()).await;
        let subject = app.password(SCOPE).await.ok().text("access_token");
        for resource in [ORDERS, STOCK, STOCK, ORDERS] {
            exchange(&agent, &subject, &own, &[("resource", resource)]).await.ok();
        }
        let evidence = server.evidence().await;
        assert_eq!(evidence.events_of("delegation.started").await.len(), 1);
        let widened = evidence.events_of("delegation.widened").await;
        assert_eq!(widened.len(), 1);
        assert_eq!(widened[0].client.as_deref(), Some("agent"));
    }

    async fn rfc8693_4_1_a_chain_names_everybody_who_acts_and_ends_from_its_beginning(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, first, own_of_first) = scene(&server).await;
        let rules = [rule("agent", STOCK, "orders:read"), rule("app", STOCK, "orders:read")];
        let second = agent_at(&server, "second", ORDERS, &rules).await;
        let subject = app.password(SCOPE).await.ok().text("access_token");
        let one = exchange(&first, &subject, &own_of_first, &[]).await.ok().text("access_token");
        let two = exchange(&second.0, &one, &second.1, &[("resource", STOCK)]).await.ok();
        let two = two.text("access_token");
        let claims = decode_claims(&two);
        assert_eq!(claims["act"], json!({ "sub": "second", "act": { "sub": "agent" } }));
        assert_eq!(claims["exp"], decode_claims(&subject)["exp"]);
        // A rule for the tokens of the app is none for those of the agent.
        server.change("second", |client| {
            client.metadata.may_act.retain(|rule| rule.for_client == "app");
        }).await;
        exchange(&second.0, &one, &second.1, &[("resource", STOCK)]).await.refused(400, "invalid_target");
        // Its length is bounded: the two hand a token to and fro.
        let to_and_fro = |of: &str| vec![rule(of, ORDERS, "orders:read"), rule("app", ORDERS, "orders:read")];
        server.change("second", |client| client.metadata.may_act = to_and_fro("agent")).await;
        server.change("agent", |client| {
            client.metadata.may_act = to_and_fro("second");
            client.metadata.resource_servers.push(ORDERS.to_owned());
        }).await;
        let mut token = one.clone();
        for round in 0..4 {
            let (by, own) = if round % 2 == 0 { (&second.0, &second.1) } else { (&first, &own_of_first) };
            let reply = exchange(by, &token, own, &[]).await;
            if round == 3 {
                reply.refused(400, "invalid_grant");
            } else {
                token = reply.ok().text("access_token");
            }
        }
        assert!(second.0.is_active(&two).await && second.0.is_active(&token).await);
        app.revoke(&subject).await.ok();
        assert!(second.0.is_active(&two).await, "one token alone ends alone");
        let cli = server.cli().await;
        cli.json(&["user", "logout", "--username", "alice"], None).await;
        assert!(!second.0.is_active(&two).await && !second.0.is_active(&token).await);
    }

    async fn rfc9449_5_a_bound_token_never_becomes_one_that_anybody_may_use(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let (holder, other) = (Holder::new(server.now()), Holder::new(server.now()));
        let subject = holder.password(&app, SCOPE).await.ok().text("access_token");
        exchange(&agent, &subject, &own, &[]).await.refused(400, "invalid_dpop_proof");
        exchange(&app, &subject, &own, &[]).await.refused(400, "invalid_dpop_proof");
        // Whoever it was sent to proves its own key; whom it was issued to, the same.
        let fields = asked(&subject, &own, &[]);
        let acting = other.token(&agent, &fields).await.ok();
        assert_eq!(acting.json()["token_type"], "DPoP");
        assert_eq!(decode_claims(&acting.text("access_token"))["cnf"]["jkt"], other.jkt());
        other.token(&app, &fields).await.refused(400, "invalid_grant");
        let acting = holder.token(&app, &fields).await.ok().text("access_token");
        assert_eq!(decode_claims(&acting)["cnf"]["jkt"], holder.jkt());
        // The token of the client that acts is bound as well.
        let bound = holder.token(&agent, &[("grant_type", "client_credentials")]).await.ok().text("access_token");
        let plain = app.password(SCOPE).await.ok().text("access_token");
        exchange(&agent, &plain, &bound, &[]).await.refused(400, "invalid_dpop_proof");
        other.token(&agent, &asked(&plain, &bound, &[])).await.refused(400, "invalid_grant");
        holder.token(&agent, &asked(&plain, &bound, &[])).await.ok();
    }

    async fn resource_servers_learn_of_the_end_of_what_acts(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let (app, agent, own) = scene(&server).await;
        server.change("agent", |client| client.metadata.status_list = StatusListMode::Families).await;
        let follower = server.client("orders", |client| {
            client.metadata.resource_servers = vec![ORDERS.to_owned()];
            client.metadata.scope = Scope::parse("revocations:read").unwrap();
        }).await;
        let reading = crate::delegation::own(&follower).await;
        let ask = async |query: &str| -> Value {
            let url = format!("{}/revocations{query}", server.issuer());
            let reply = server.http.get(url).bearer_auth(&reading).send().await.unwrap();
            Reply::of(reply).await.ok().json()
        };
        let start = ask("").await["next"].as_str().unwrap().to_owned();
        let (subject, refresh) = app.password(&format!("{SCOPE} offline_access")).await.pair();
        let acting = exchange(&agent, &subject, &own, &[]).await.ok().text("access_token");
        let verifier = Verifier::at(server.issuer());
        assert!(!verifier.refuses(&acting).await);
        app.revoke(&refresh).await.ok();
        verifier.learns(&acting).await;
        let told = ask(&format!("?after={start}&wait=30")).await;
        assert_eq!(told["events"][0]["value"], decode_claims(&acting)["sid"], "{told}");
    }

    async fn rules_are_made_listed_and_removed(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server).await;
        let agent = agent(&server, "agent", CHAT, &[]).await;
        let cli = server.cli().await;
        let verb = |more: &[&'static str]| [&["client", "may-act", "--id", "agent"], more].concat();
        let made = cli.json(&verb(&["--for-client", "app", "--resource", ORDERS, "--scope", "orders:read"]), None).await;
        let one = json!({ "for_client": "app", "resource": ORDERS, "scope": "orders:read" });
        assert_eq!(made, json!({ "client_id": "agent", "may_act": [one] }));
        // The same again replaces it.
        cli.json(&verb(&["--for-client", "app", "--resource", ORDERS, "--scope", "orders:read orders:write"]), None).await;
        cli.json(&verb(&["--for-client", "app", "--resource", STOCK, "--scope", "stock:read"]), None).await;
        let listed = cli.json(&verb(&[]), None).await;
        assert_eq!(listed["may_act"][0]["scope"], "orders:read orders:write");
        assert_eq!(listed["may_act"].as_array().unwrap().len(), 2);
        server.forget_clients();
        let subject = app.password(SCOPE).await.ok().text("access_token");
        let own = own(&agent).await;
        exchange(&agent, &subject, &own, &[("scope", "orders:write")]).await.ok();
        for wrong in [
            vec!["--for-client", "app"],
            vec!["--for-client", "app", "--resource", ORDERS],
            vec!["--for-client", "app", "--resource", "orders", "--scope", "a"],
            vec!["--for-client", "app", "--resource", ORDERS, "--scope", "openid"],
            vec!["--for-client", "app", "--resource", ORDERS, "--scope", "a\"b"],
            vec!["--resource", ORDERS],
        ] {
            assert_eq!(cli.run(&verb(&wrong), None).await.code, 2, "{wrong:?}");
        }
        let said = cli.run(&verb(&["--for-client", "nobody", "--remove"]), None).await;
        assert_eq!(said.code, 1, "{said:?}");
        let removed = cli.json(&verb(&["--for-client", "app", "--resource", ORDERS, "--remove"]), None).await;
        assert_eq!(removed["may_act"][0]["resource"], STOCK);
        server.forget_clients();
        exchange(&agent, &subject, &own, &[]).await.refused(400, "invalid_target");
        cli.json(&verb(&["--for-client", "app", "--remove"]), None).await;
        assert_eq!(cli.json(&verb(&[]), None).await["may_act"], json!([]));
        // A public client cannot say who it is.
        server.public_client("phone").await;
        let public = ["client", "may-act", "--id", "phone", "--for-client", "app", "--resource", ORDERS, "--scope", "a"];
        assert_eq!(cli.run(&public, None).await.code, 2);
    }

    async fn whoever_makes_a_rule_over_two_sectors_is_warned(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let (app, agent, own) = scene(&server).await;
        let cli = server.cli().await;
        let rule = ["client", "may-act", "--id", "agent", "--for-client", "app", "--resource", ORDERS, "--scope", "orders:read"];
        let warns = async || {
            let said = cli.run(&rule, None).await;
            assert_eq!(said.code, 0, "{said:?}");
            said.err.contains("the two are one person")
        };
        assert!(!warns().await, "both know people by the same sub");
        server.change("app", |client| client.metadata.subject_type = SubjectType::Pairwise).await;
        assert!(warns().await);
        let subject = app.password(SCOPE).await.ok().text("access_token");
        let acting = exchange(&agent, &subject, &own, &[]).await.ok().text("access_token");
        assert_ne!(decode_claims(&subject)["sub"], sub.as_str());
        assert_eq!(decode_claims(&acting)["sub"], sub.as_str());
        // The sector is the host of the redirect URIs.
        for (uri, is_another) in [("https://app.example.com/agent", false), ("https://agent.example.com/callback", true)] {
            server.change("agent", |client| {
                client.metadata.subject_type = SubjectType::Pairwise;
                client.metadata.redirect_uris = vec![uri.to_owned()];
                client.metadata.grant_types =
                    vec![GrantType::AuthorizationCode, GrantType::ClientCredentials, GrantType::TokenExchange];
            }).await;
            assert_eq!(warns().await, is_another, "{uri}");
        }
        // A rule that is taken away shows nothing.
        let removed = cli.run(&[&rule[..8], &["--remove"]].concat(), None).await;
        assert!(removed.code == 0 && !removed.err.contains("one person"), "{removed:?}");
    }
}

async fn agent_at(server: &Server, id: &str, audience: &str, rules: &[MayAct]) -> (App, String) {
    let agent = agent(server, id, audience, rules).await;
    let own = own(&agent).await;
    (agent, own)
}

async fn code_after_login(browser: &mut crate::support::Browser, url: &str) -> String {
    let page = browser.arrive(url).await;
    page.authorization_response().code()
}
