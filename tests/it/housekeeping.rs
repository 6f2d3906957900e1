//! What has expired counts as expired at once, and its rows are deleted later, also when a server
//! starts.

use mapae::store::leaders::{self, Job};
use mapae::store::{self, Options, Store, throttles};
use sea_orm::{ConnectionTrait, Database as Sea, TransactionTrait};

use crate::support::{App, Browser, Evidence, Page, Server, both, eventually, postgres_or_skip};

const DAY: i64 = 86_400;

async fn first_party(server: &Server) -> App {
    server.web_app("app", |client| client.metadata.first_party = true).await
}

async fn rows(evidence: &Evidence, table: &str) -> i64 {
    evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await
}

/// Signs in and asks to stay signed in.
async fn keep(browser: &mut Browser, login: &Page) -> Page {
    let (interaction, csrf) = (login.hidden("interaction"), login.hidden("csrf"));
    let fields = [
        ("interaction", interaction.as_str()),
        ("csrf", &csrf),
        ("username", "alice"),
        ("password", crate::support::PASSWORD),
        ("keep", "1"),
    ];
    browser.post("/login", &fields).await
}

both! {
    async fn failed_sign_ins_are_kept_for_a_month_and_everything_else_for_a_year(database) {
        let mut server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        for _ in 0..10 {
            app.password_as("alice", "wrong", "read").await.refused(400, "invalid_grant");
        }
        app.password("read").await.refused(429, "temporarily_unavailable");
        server.advance(300);
        app.password("read").await.ok();
        let failures = ["sign_in.failed", "sign_in.throttled"];
        let count = async |evidence: &Evidence, kind: &str| evidence.events_of(kind).await.len();
        for (days, left) in [(29, 1), (2, 0)] {
            server.advance(days * DAY);
            server = server.restart().await;
            let evidence = server.evidence().await;
            for kind in failures {
                eventually(kind, async || count(&evidence, kind).await == left).await;
            }
            assert_eq!(count(&evidence, "sign_in.succeeded").await, 1);
        }
    }

    async fn what_ended_is_cleaned_up_and_what_lives_is_not(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let asking = server.web_app("asking", |_| {}).await;
        let mut usual = server.browser();
        let (_, bound) = app.exchange(&usual.code(&app).await).await.pair();
        let offline = [("scope", "openid offline_access"), ("prompt", "consent")];
        let code = usual.get(&app.authorization_url(&offline)).await.authorization_response().code();
        let (_, offline) = app.exchange(&code).await.pair();
        usual.code(&asking).await;
        let mut kept = server.browser();
        let login = kept.open(&app.authorization_url(&[])).await;
        let kept_code = keep(&mut kept, &login).await.authorization_response().code();
        let (_, kept_refresh) = app.exchange(&kept_code).await.pair();
        let mut stranger = server.browser();
        let left_open = stranger.open(&app.authorization_url(&[])).await;
        stranger.sign_in_as(&left_open, "nobody", "x").await;
        let evidence = server.evidence().await;
        // Of the stranger, who proved nothing, nothing is written but that they failed.
        assert_eq!((rows(&evidence, "session").await, rows(&evidence, "browser").await), (2, 2));
        assert!(rows(&evidence, "interaction").await >= 2);
        assert_eq!(rows(&evidence, "authorization_code").await, 4);
        assert!(rows(&evidence, "throttle").await > 0);

        server.advance(2 * DAY);
        let server = server.restart().await;
        let (app, asking) = (app.at(server.issuer()), asking.at(server.issuer()));
        let evidence = server.evidence().await;
        for (table, left) in [("session", 1), ("browser", 1), ("interaction", 0), ("authorization_code", 0), ("throttle", 0)] {
            eventually(table, async || rows(&evidence, table).await == left).await;
        }
        assert_eq!(rows(&evidence, "consent").await, 1);
        // The browsers remember another address.
        let move_to = |browser: &Browser| {
            let mut same = server.browser();
            same.cookies.clone_from(&browser.cookies);
            same
        };
        let (mut kept, mut usual, mut stranger) = (move_to(&kept), move_to(&usual), move_to(&stranger));
        kept.get(&app.authorization_url(&[])).await.authorization_response().code();
        app.refresh(&kept_refresh).await.pair();
        app.refresh(&offline).await.pair();
        app.refresh(&bound).await.refused(400, "invalid_grant");
        let login = usual.open(&asking.authorization_url(&[])).await;
        // What was allowed is remembered for longer than anybody stays signed in.
        usual.sign_in(&login).await.authorization_response().code();
        let old = format!("/login?interaction={}", left_open.hidden("interaction"));
        stranger.get(&old).await.is_error("expired");
        // A replay of a code that is gone is refused like any unknown one, and harms nobody.
        app.exchange(&kept_code).await.refused(400, "invalid_grant");
        kept.get(&app.authorization_url(&[("prompt", "none")])).await.authorization_response().code();
    }

    /// S013: nothing waits for a job to be over.
    async fn what_is_over_is_over_before_it_is_cleaned_up(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        server.advance(30 * 60 - 1);
        let again = format!("/login?interaction={}", login.hidden("interaction"));
        assert!(browser.get(&again).await.has("login-submit"));
        server.advance(1);
        browser.get(&again).await.is_error("expired");
        // A cookie in which nobody is signed in any more is forgotten after an hour.
        browser.code(&app).await;
        let account = browser.open("/account").await;
        crate::my_account::send(&mut browser, &account, "/account/sign-out", &[]).await;
        let nobody = browser.cookie().map(str::to_owned);
        let login = browser.open(&app.authorization_url(&[])).await;
        assert_eq!(browser.cookie().map(str::to_owned), nobody);
        server.advance(61 * 60);
        let again = format!("/login?interaction={}", login.hidden("interaction"));
        browser.get(&again).await.is_error("wrong_browser");
        let fresh = browser.open(&app.authorization_url(&[])).await;
        assert_ne!(fresh.hidden("interaction"), login.hidden("interaction"));
        assert_ne!(browser.cookie().map(str::to_owned), nobody);
        let evidence = server.evidence().await;
        assert_eq!(rows(&evidence, "interaction").await, 1, "it is still there");
        assert_eq!(rows(&evidence, "browser").await, 1);
    }

    /// How long people stay signed in is the operator's to say.
    async fn lives_of_sessions_are_settings(database) {
        let settings = [
            ("session.idle_lifetime", "10m"),
            ("session.absolute_lifetime", "20m"),
            ("session.kept.idle_lifetime", "1h"),
            ("session.kept.absolute_lifetime", "2h"),
        ];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let app = first_party(&server).await;
        let silent = app.authorization_url(&[("prompt", "none")]);
        let mut usual = server.browser();
        usual.code(&app).await;
        let mut kept = server.browser();
        let login = kept.open(&app.authorization_url(&[])).await;
        let cookie = keep(&mut kept, &login).await.reply.header("set-cookie").to_owned();
        assert!(cookie.ends_with("; Max-Age=7200"), "{cookie}");
        for _ in 0..2 {
            server.advance(599);
            usual.get(&silent).await.authorization_response().code();
        }
        server.advance(2);
        usual.get(&silent).await.error_response("login_required");
        kept.get(&silent).await.authorization_response().code();
        server.advance(3599);
        kept.get(&silent).await.authorization_response().code();
        server.advance(3600);
        kept.get(&silent).await.error_response("login_required");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replica_leads_a_job_at_a_time_and_nobody_waits_for_it() {
    let Some(database) = postgres_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (url, options) = (database.fresh(&folder).await, Options::default());
    store::migrate(&url, &options).await.unwrap();
    let here = Store::open(&url, &options).await.unwrap();
    let there = Store::open(&url, &options).await.unwrap();
    let evidence = Evidence::at(&url).await;
    let job = Job::CleanUp;
    assert!(leaders::lead(&here, job, "here").await.unwrap());
    assert!(!leaders::lead(&there, job, "there").await.unwrap());
    let left =
        "SELECT ends_at - (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS n FROM leader";
    assert!((1..=15_000).contains(&evidence.count(left).await), "a lease of fifteen seconds");
    // The leases are those of the database's clock: it does not matter how far theirs are off.
    let now = mapae::domain::clock::Clock::system().now();
    let early = there.begin(now + chrono::TimeDelta::minutes(2)).await.unwrap();
    assert!(!leaders::lead_in(&early, job, "there").await.unwrap());
    early.abandon().await;
    // The holder died: fifteen seconds later another one leads.
    let passed = "UPDATE leader SET ends_at = ends_at - 15000";
    evidence.run(passed).await;
    assert!(leaders::lead(&there, job, "there").await.unwrap());
    // The first one was only stopped for a while: it notices in its next step.
    let step = here.begin(now).await.unwrap();
    assert!(!leaders::lead_in(&step, job, "here").await.unwrap());
    step.abandon().await;
    leaders::resign(&here, job, "here").await.unwrap();
    assert!(!leaders::lead(&here, job, "here").await.unwrap(), "it had nothing to give back");
    leaders::resign(&there, job, "there").await.unwrap();
    // During a step nobody else takes the lease, even if it ends meanwhile, and nobody waits.
    let step = here.begin(now).await.unwrap();
    assert!(leaders::lead_in(&step, job, "here").await.unwrap());
    let empty_for_an_hour = -3_600_000;
    throttles::set(&step, &[([7; 32], empty_for_an_hour)]).await.unwrap();
    assert!(!leaders::lead(&there, job, "there").await.unwrap());
    step.commit().await.unwrap();
    evidence.run("UPDATE leader SET ends_at = ends_at + 3600000").await;
    let is_free = leaders::lead(&there, job, "there").await.unwrap();
    assert!(is_free, "that lease is from before the clock of the database went back");
    // Somebody works with the row.
    let other = there.begin(now).await.unwrap();
    let busy = Sea::connect(&url).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "another session")]
    let lock = busy.begin().await.unwrap();
    lock.execute_unprepared("SELECT key FROM throttle FOR UPDATE").await.unwrap();
    assert_eq!(throttles::forget(&other, now, 500).await.unwrap(), 0);
    lock.rollback().await.unwrap();
    assert_eq!(throttles::forget(&other, now, 500).await.unwrap(), 1);
    other.commit().await.unwrap();
    here.close().await;
    there.close().await;
}
