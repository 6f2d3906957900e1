//! Sessions, families and accounts end completely, however many rows they have, in steps of a
//! bounded size.

use mapae::accounts::session_endings;
use mapae::admin::authority::May;
use mapae::admin::users;
use mapae::admin::users::Target;
use mapae::domain::audit::Origin;
use mapae::domain::grant_type::GrantType;
use mapae::domain::session::SessionId;
use mapae::domain::user::UserId;

use crate::my_account::{devices, first_party, send, signed_in};
use crate::support::{App, Database, Evidence, PASSWORD, Server, USERNAME, both, eventually};

/// More than a statement has room for parameters, whatever each row needs of them.
const VERY_MANY: i64 = 66_000;
/// More than fit in one statement with a notice for each: Postgres takes 65 535 parameters, SQLite half of
/// them, and a notice has eight.
const MANY: i64 = 8_500;

const OPEN: &str = "SELECT count(*) AS n FROM family WHERE revoked_at IS NULL";
const SESSIONS: &str = "SELECT count(*) AS n FROM session";

/// Families as an app opens them that signs in again and again, and browser sessions beside them.
async fn open(server: &Server, user: &str, count: i64, session: Option<&str>) {
    let evidence = server.evidence().await;
    let now = server.now().now().timestamp_millis();
    let ends = now + 86_400_000;
    let many = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    );
    let of = session.map_or("NULL".to_owned(), |session| format!("'{session}'"));
    let round = uuid::Uuid::new_v4();
    evidence
        .run(&format!(
            "INSERT INTO family (id, user_id, client_id, scope, resources, auth_time, amr, session_id, \
                                 claims, expires_at, provider_issuer) \
             {many} SELECT '{round}-' || i, '{user}', 'app', 'openid', '[]', {now}, '[\"fed\",\"idp\"]', \
                           {of}, '[]', {ends}, 'https://idp' FROM n"
        ))
        .await;
    evidence
        .run(&format!(
            "INSERT INTO session (id, browser_id, user_id, auth_time, proofs, kept, idle_ms, \
                                  idle_ends_at, expires_at, provider_issuer) \
             {many} SELECT '{round}-' || i, '{round}-' || i, '{user}', {now}, \
                           '[{{\"method\":\"provider\",\"slug\":\"idp\",\"issuer\":\"https://idp\",\"at\":{now}}}]', \
                           FALSE, 86400000, {ends}, {ends}, 'https://idp' FROM n"
        ))
        .await;
}

/// An app that is told of what ends, and that nobody can reach.
async fn app(server: &Server) -> App {
    server
        .web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.backchannel_logout_uri = Some("http://127.0.0.1:9/logout".to_owned());
        })
        .await
}

/// Whether nothing is open but so much, and the app is told of so many ends.
async fn ended(evidence: &Evidence, families: i64, sessions: i64) -> bool {
    evidence.count(OPEN).await == families
        && evidence.count(SESSIONS).await == sessions
        && evidence.count("SELECT count(*) AS n FROM ending").await == 0
}

async fn told(evidence: &Evidence) -> i64 {
    evidence.count("SELECT count(*) AS n FROM outbox").await
}

both! {
    async fn a_person_with_very_much_open_is_disabled(database) {
        let server = Server::start(&database).await;
        let (sub, issuer) = (server.alice().await, server.inner.services());
        app(&server).await;
        open(&server, &sub, VERY_MANY, None).await;
        let ended_now = users::disable(&May::operator(), &issuer.store, server.now(), Target::named(USERNAME)).await.expect("disabled");
        assert_eq!(ended_now, VERY_MANY as u64);
        let evidence = server.evidence().await;
        assert!(ended(&evidence, 0, 0).await);
        assert_eq!(told(&evidence).await, VERY_MANY);
        let events = "SELECT count(*) AS n FROM audit_event WHERE kind = 'session.ended'";
        assert_eq!(evidence.count(events).await, VERY_MANY);
    }

    async fn every_verb_ends_what_a_person_with_much_open_has(database) {
        let server = Server::start(&database).await;
        let (sub, issuer) = (server.alice().await, server.inner.services());
        let (store, now) = (&*issuer.store, server.now());
        app(&server).await;
        let evidence = server.evidence().await;
        for verb in ["logout", "set password", "delete"] {
            open(&server, &sub, MANY, None).await;
            let before = told(&evidence).await;
            let ended_now = match verb {
                "logout" => users::logout(&May::operator(), store, now, Target::named(USERNAME)).await,
                "set password" => {
                    let password = PASSWORD.to_owned().into();
                    users::set_password(&May::operator(), store, now, None, &issuer.hasher, Target::named(USERNAME), &password).await
                }
                _ => users::delete(&May::operator(), store, now, Target::named(USERNAME)).await.map(|()| MANY as u64),
            };
            assert_eq!(ended_now.expect(verb), MANY as u64, "{verb}");
            assert!(ended(&evidence, 0, 0).await, "{verb}");
            assert_eq!(told(&evidence).await - before, MANY, "{verb}");
        }
        assert_eq!(evidence.count("SELECT count(*) AS n FROM family").await, 0);
        assert_eq!(evidence.count("SELECT count(*) AS n FROM account").await, 0);
        assert_eq!(evidence.events_of("user.deleted").await.len(), 1);
    }

    /// A step of many rows is not done within the deadline; one of fewer rows is.
    async fn a_slow_database_ends_in_smaller_steps_what_a_person_has_open(database) {
        // SQLite cannot be told to be slow.
        if matches!(database, Database::Sqlite) {
            return;
        }
        let server = Server::start_with(&database, &[("database.statement_timeout", "1s")]).await;
        let (sub, issuer) = (server.alice().await, server.inner.services());
        app(&server).await;
        let evidence = server.evidence().await;
        open(&server, &sub, 2_000, None).await;
        for slow in [
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END'",
            "CREATE TRIGGER slow BEFORE UPDATE ON family FOR EACH ROW EXECUTE FUNCTION slow()",
        ] {
            evidence.run(slow).await;
        }
        let ended_now = users::logout(&May::operator(), &issuer.store, server.now(), Target::named(USERNAME)).await.expect("ended");
        assert_eq!(ended_now, 2_000);
        assert!(ended(&evidence, 0, 0).await);
    }

    /// The page answers after the first step; the server carries the rest on.
    async fn every_page_ends_what_a_person_with_much_open_has(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = app(&server).await;
        let evidence = server.evidence().await;
        for way in ["remove app", "sign out", "password", "everywhere"] {
            let (mut browser, ..) = signed_in(&server, &app).await;
            let account = browser.open("/account").await;
            let here = account.hidden("session");
            // By the session of this browser, where that is what ends.
            open(&server, &sub, MANY, (way == "sign out").then_some(here.as_str())).await;
            let before = told(&evidence).await;
            let (path, fields): (_, &[_]) = match way {
                "remove app" => ("/account/apps/remove", &[("client", "app")]),
                "sign out" => ("/account/sign-out", &[]),
                "password" => ("/account/password", &[("current-password", PASSWORD), ("new-password", "a much better one 7!")]),
                _ => ("/account/devices/end", &[("device", "all")]),
            };
            let page = send(&mut browser, &account, path, fields).await;
            assert!(page.reply.status == 200 || page.reply.status == 303, "{way}: {page:?}");
            eventually(way, async || {
                // What is bound to this session stays when its password changes.
                let (families, sessions) = match way {
                    "remove app" => (0, MANY + 1),
                    "sign out" => (0, MANY),
                    "password" => (1, 1),
                    _ => (0, 0),
                };
                ended(&evidence, families, sessions).await
            })
            .await;
            assert!(told(&evidence).await - before >= MANY, "{way}");
            let issuer = server.inner.services();
            let password = PASSWORD.to_owned().into();
            users::set_password(&May::operator(), &issuer.store, server.now(), None, &issuer.hasher, Target::named(USERNAME), &password)
                .await
                .expect("set");
        }
    }

    async fn an_ending_that_cannot_be_read_is_put_off_and_the_others_go_on(database) {
        let server = Server::start(&database).await;
        let (sub, evidence) = (server.alice().await, server.evidence().await);
        let app = app(&server).await;
        signed_in(&server, &app).await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM session").await, 1);
        let asked_at = server.now().now().timestamp_millis();
        for (id, what, due_at) in [("broken", "nonsense", 0), ("good", "everything", 1)] {
            let row = format!("('{id}', '{sub}', '{what}', {asked_at}, {due_at})");
            let columns = "(id, user_id, what, asked_at, due_at)";
            evidence.run(&format!("INSERT INTO ending {columns} VALUES {row}")).await;
        }
        eventually("the other one is carried out", async || {
            evidence.count("SELECT count(*) AS n FROM ending WHERE id = 'good'").await == 0
        })
        .await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM session").await, 0);
        let put_off = format!("SELECT count(*) AS n FROM ending WHERE due_at > {asked_at}");
        assert_eq!(evidence.count(&put_off).await, 1);
    }

    async fn what_a_provider_opened_ends_however_much_it_is(database) {
        let server = Server::start(&database).await;
        let (sub, issuer) = (UserId::from_stored(server.alice().await), server.inner.services());
        let app = app(&server).await;
        signed_in(&server, &app).await;
        open(&server, sub.as_str(), MANY, None).await;
        let tx = issuer.store.begin(server.now().now()).await.unwrap();
        let (here, origin) = (SessionId::from_stored("none".to_owned()), Origin::default());
        session_endings::end_at_provider(&tx, &sub, "https://idp", &here, &origin).await.unwrap();
        tx.commit().await.unwrap();
        let evidence = server.evidence().await;
        // What came by the password stays.
        eventually("it ended", async || ended(&evidence, 1, 1).await).await;
    }

    /// Whatever becomes of the rest: here it fails, and goes on when it can.
    async fn a_new_password_and_a_disabled_account_stand_whatever_the_rest_does(database) {
        let server = Server::start(&database).await;
        let (sub, issuer) = (server.alice().await, server.inner.services());
        let (store, now) = (&*issuer.store, server.now());
        let app = app(&server).await;
        let (_, access, _) = signed_in(&server, &app).await;
        let evidence = server.evidence().await;
        evidence.run("ALTER TABLE outbox RENAME TO elsewhere").await;
        let hash = format!("SELECT count(*) AS n FROM account WHERE id = '{sub}' AND password_hash = ");
        let old = store_hash(&server, &sub).await;
        let password = "another one entirely".to_owned().into();
        let said = users::set_password(&May::operator(), store, now, None, &issuer.hasher, Target::named(USERNAME), &password).await.unwrap_err();
        assert!(said.to_string().contains("not everything that was open has ended yet"), "{said}");
        assert_eq!(evidence.count(&format!("{hash}'{old}'")).await, 0);
        users::disable(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap_err();
        assert!(!app.is_active(&access).await);
        assert_eq!(evidence.count(OPEN).await, 1);
        evidence.run("ALTER TABLE elsewhere RENAME TO outbox").await;
        server.advance(31);
        eventually("the server carried it on", async || ended(&evidence, 0, 0).await).await;
        assert!(told(&evidence).await >= 1);
    }

    /// Who signs in once more than there is room for loses what was not used for longest.
    async fn a_person_has_no_more_families_at_a_client_than_there_is_room_for(database) {
        let server = Server::start_with(&database, &[("token.families_per_client", "3")]).await;
        let sub = server.alice().await;
        let listens = |client: &mut mapae::domain::client::Client| {
            client.metadata.first_party = true;
            client.metadata.grant_types.push(GrantType::Password);
            client.metadata.backchannel_logout_uri = Some("http://127.0.0.1:9/logout".to_owned());
        };
        let app = server.web_app("app", listens).await;
        let other = server.web_app("other", listens).await;
        let (elsewhere, _) = other.password("openid").await.pair();
        let mut tokens: Vec<(String, String)> = Vec::new();
        for number in 0..5 {
            if number == 3 {
                // Who uses the oldest one keeps it.
                app.refresh(&tokens[0].1).await.pair();
            }
            tokens.push(app.password("openid").await.pair());
            server.advance(1);
        }
        let mut active = Vec::new();
        for (access, _) in &tokens {
            active.push(app.is_active(access).await);
        }
        assert_eq!(active, [true, false, false, true, true]);
        assert!(other.is_active(&elsewhere).await);
        app.refresh(&tokens[1].1).await.refused(400, "invalid_grant");
        let evidence = server.evidence().await;
        assert_eq!(told(&evidence).await, 2);
        let events = evidence.events_of("family.over_limit").await;
        assert!(events.iter().all(|event| {
            event.user.as_deref() == Some(&sub) && event.client.as_deref() == Some("app") && event.family.is_some()
        }));
        assert_eq!(events.len(), 2);
    }

    /// Where there were more when the limit came, a sign-in ends some of them at a time.
    async fn a_lower_limit_takes_effect_little_by_little(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = app(&server).await;
        open(&server, &sub, 1000, None).await;
        let evidence = server.evidence().await;
        let mut left = evidence.count(OPEN).await;
        for _ in 0..10 {
            server.advance(1);
            signed_in(&server, &app).await;
            let now = evidence.count(OPEN).await;
            assert!(now < left && now >= left - 100, "{left} → {now}");
            left = now;
        }
        assert_eq!(left, 100);
    }

    async fn my_account_shows_a_part_of_what_somebody_with_much_open_has(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        assert!(!browser.open("/account/devices").await.has("devices-more"));
        assert!(!browser.open("/account/apps").await.has("apps-more"));
        open(&server, &sub, 5000, None).await;
        for number in 0..35 {
            let client = format!("app-{number:02}");
            server.web_app(&client, |client| client.metadata.first_party = true).await;
            let family = format!("UPDATE family SET client_id = '{client}' WHERE id IN \
                                  (SELECT id FROM family WHERE client_id = 'app' AND session_id IS NULL LIMIT 2)");
            server.evidence().await.run(&family).await;
        }
        let mut page = browser.open("/account/devices").await;
        assert!(page.has("device-end-21") && !page.has("device-end-22"));
        let mut seen = names(&page, "device");
        let here = page.hidden("session");
        assert!(seen.contains(&here));
        for _ in 0..2 {
            page = browser.open(&link(&page, "devices-more")).await;
            let more = names(&page, "device");
            assert_eq!(devices(&page), 20);
            assert!(more.iter().all(|name| name == "all" || !seen.contains(name)));
            seen.extend(more);
        }
        let mut page = browser.open("/account/apps").await;
        let mut apps = names(&page, "client");
        assert_eq!(apps.len(), 30);
        page = browser.open(&link(&page, "apps-more")).await;
        assert!(!page.has("apps-more"));
        apps.extend(names(&page, "client"));
        apps.sort();
        apps.dedup();
        assert_eq!(apps.len(), 36);
        // A form of such a part works like any other.
        let gone = send(&mut browser, &page, "/account/apps/remove", &[("client", "app-34")]).await;
        assert_eq!(gone.reply.status, 303);
        // What nobody could have asked for is the first part.
        for query in ["devices?devices=x", "devices?devices=9.", "devices?devices=9.%00",
            "devices?devices=99999999999999999999.x", "apps?apps=%00", "activity?behind=x", "activity?behind=9.%00"] {
            let page = browser.open(&format!("/account/{query}&session={here}")).await;
            assert!(page.has("account-sign-out"), "{query}");
        }
    }
}

async fn store_hash(server: &Server, sub: &str) -> String {
    let id = UserId::from_stored(sub.to_owned());
    let user = mapae::store::users::find(&*server.inner.services().store, &id).await.unwrap();
    user.unwrap().password_hash.unwrap()
}

/// The values of the buttons of this name.
fn names(page: &crate::support::Page, name: &str) -> Vec<String> {
    let before = format!("name=\"{name}\" value=\"");
    let buttons = page.reply.text.split(&before).skip(1);
    let values = buttons.filter_map(|rest| rest.split('"').next());
    values.filter(|value| *value != "all").map(str::to_owned).collect()
}

/// Where the link of this id leads.
fn link(page: &crate::support::Page, id: &str) -> String {
    let rest = page.reply.text.split(&format!("id=\"{id}\" href=\"")).nth(1).expect("a link");
    let href = rest.split('"').next().expect("an end").replace("&#38;", "&");
    href.split('#').next().expect("a path").to_owned()
}
