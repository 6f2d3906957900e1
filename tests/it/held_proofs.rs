//! A change of how a person signs in counts only if their session and their proof still count when it
//! is written, and a session does not count from the commit of its ending on. Security case S071.

use futures_util::future::join_all;
use mapae::accounts::session_endings;
use mapae::domain::audit::Origin;
use mapae::domain::ending::{Ending, EndingScope};
use mapae::domain::session::SessionId;
use mapae::domain::user::UserId;
use mapae::store::{Tx, users};

use crate::my_account::{first_party, is_signed_in, signed_in};
use crate::recovery::{EMAIL, person, with_mail};
use crate::support::{
    Authenticator, Browser, Database, LOCALHOST, PASSWORD, Page, Server, both, eventually,
};

const SECURITY: &str = "/account/security";
/// Everything of an account by which its person signs in, as texts that can be compared.
const METHODS: [&str; 6] = [
    "SELECT COALESCE(password_hash, '') AS text FROM account",
    "SELECT CAST(COALESCE(deletion_at, 0) AS TEXT) AS text FROM account",
    "SELECT CAST(COALESCE(totp_since, 0) AS TEXT) AS text FROM account",
    "SELECT COALESCE(name, '-') AS text FROM passkey ORDER BY id",
    "SELECT issuer AS text FROM identity",
    "SELECT purpose AS text FROM mail_secret",
];

async fn methods(server: &Server) -> Vec<Vec<String>> {
    let evidence = server.evidence().await;
    let mut all = Vec::new();
    for sql in METHODS {
        all.push(evidence.texts(sql).await);
    }
    let codes = "SELECT count(*) AS n FROM recovery_code";
    all.push(vec![evidence.count(codes).await.to_string()]);
    all
}

/// What the owner of the account does elsewhere, up to its commit: from then on it ends everything.
async fn ends_everything(server: &Server, tx: &Tx, sub: &str, but: Option<&str>) {
    let user = UserId::from_stored(sub.to_owned());
    users::lock(tx, &user).await.expect("locked");
    let ending =
        Ending::new(&user, EndingScope::Everything, server.now().now(), &Origin::default());
    let but = but.map(|but| SessionId::from_stored(but.to_owned()));
    session_endings::begin(tx, &ending.but(but.as_ref())).await.expect("begun");
}

/// Waits until so many requests wait for the transaction of a test: on SQLite for the one connection
/// that writes, on Postgres for the row of the account.
pub(crate) async fn wait_for(server: &Server, database: &Database, requests: u8) {
    let evidence = server.evidence().await;
    let waiting = "SELECT count(*) AS n FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("they wait", async || match database {
        Database::Sqlite => server.inner.services().store.load().waiting >= usize::from(requests),
        Database::Postgres { .. } => evidence.count(waiting).await >= i64::from(requests),
    })
    .await;
}

/// Settings with which nothing gives up while a test holds what is waited for.
pub(crate) const PATIENT: [(&str, &str); 6] = [
    ("database.pool_size", "20"),
    ("database.pool_wait", "2m"),
    ("database.statement_timeout", "2m"),
    ("database.lock_timeout", "2m"),
    ("database.idle_in_transaction_timeout", "2m"),
    ("http.request_timeout", "2m"),
];

/// A form of the account page that was filled in before the session ended.
struct Change {
    path: &'static str,
    fields: Vec<(&'static str, String)>,
}

/// Every change that this person can make on their account page, ready to be sent.
async fn changes(
    server: &Server,
    browser: &mut Browser,
    passkey: &mut Authenticator,
    with_codes: bool,
) -> (Page, Vec<Change>) {
    let account = browser.open(SECURITY).await;
    let begun = browser.send_account(&account, "/account/security/one-time-codes/add", &[]).await;
    let codes = browser.follow(begun).await;
    let app = crate::support::factors::Authenticator::of(&codes);
    let handle = account.hidden("passkey");
    let challenge = account.hidden("challenge");
    let credential = passkey.create(&account.passkey_options("create"));
    let new = ("new-password", "seven green kettles 42".to_owned());
    let mut changes = vec![
        (
            "/account/security/one-time-codes",
            vec![("new", codes.hidden("new")), ("code", app.code(server, 0))],
        ),
        ("/account/passkeys/add", vec![("challenge", challenge), ("credential", credential)]),
        (
            "/account/passkeys/rename",
            vec![("passkey", handle.clone()), ("name", "mine".to_owned())],
        ),
        ("/account/passkeys/remove", vec![("passkey", handle)]),
        ("/account/password", vec![("current-password", PASSWORD.to_owned()), new]),
        ("/account/email", vec![("email", "thief@example.org".to_owned())]),
        ("/account/delete/confirm", vec![]),
    ];
    if with_codes {
        let carried = crate::second_factors::renewal(&account);
        changes.push(("/account/security/one-time-codes/remove", vec![]));
        changes.push(("/account/security/recovery-codes", vec![("new", carried)]));
    }
    let changes = changes.into_iter().map(|(path, fields)| Change { path, fields });
    (account, changes.collect())
}

/// A person with a passkey at their account page.
async fn with_passkey(server: &Server) -> (Browser, Authenticator) {
    let mut browser = server.browser();
    let login = browser.open(SECURITY).await;
    let account = browser.sign_in(&login).await;
    let mut authenticator = Authenticator::at(server.issuer());
    let credential = authenticator.create(&account.passkey_options("create"));
    let challenge = account.hidden("challenge");
    let fields = [("challenge", challenge.as_str()), ("credential", credential.as_str())];
    let added = browser.send_account(&account, "/account/passkeys/add", &fields).await;
    assert!(browser.follow(added).await.has("passkey-remove-1"));
    (browser, authenticator)
}

both! {
    async fn s071_a_change_that_waits_for_the_account_finds_that_the_session_has_ended(database) {
        let (server, _mails) = with_mail(&database, &[&PATIENT[..], &[("issuer", LOCALHOST)]].concat()).await;
        let sub = person(&server, "alice", EMAIL, true).await;
        let (mut thief, mut passkey) = with_passkey(&server).await;
        for with_codes in [false, true] {
            if with_codes {
                // The ending covers what is opened within a minute, too.
                server.advance(120);
                let login = thief.open(SECURITY).await;
                thief.sign_in(&login).await;
                thief.enroll(&server).await;
            }
            let (page, changes) = changes(&server, &mut thief, &mut passkey, with_codes).await;
            let before = methods(&server).await;
            let tx = server.inner.services().store.begin(server.now().now()).await.expect("a transaction");
            ends_everything(&server, &tx, &sub, None).await;
            // Each of them finds the session as it was, and waits.
            let sent = changes.iter().map(|change| {
                let (mut browser, page) = (thief.clone(), &page);
                let fields: Vec<(&str, &str)> =
                    change.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                async move { (change.path, browser.send_account(page, change.path, &fields).await) }
            });
            let committed = async {
                wait_for(&server, &database, 5).await;
                tx.commit().await.expect("committed");
            };
            let (answers, ()) = tokio::join!(join_all(sent), committed);
            for (path, answer) in &answers {
                assert!(answer.reply.status != 200 || !answer.has("recovery-show"), "{path}");
            }
            assert_eq!(methods(&server).await, before, "{answers:?}");
            // The session is there still, and opens nothing.
            assert!(thief.open(SECURITY).await.has("login-submit"));
        }
    }

    async fn s071_a_session_and_its_codes_do_not_count_from_the_commit_of_an_ending_on(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = first_party(&server).await;
        let (mut thief, ..) = signed_in(&server, &app).await;
        let (mut owner, ..) = signed_in(&server, &app).await;
        let (of_thief, of_owner) = (thief.code(&app).await, owner.code(&app).await);
        let page = owner.open("/account/devices").await;
        assert_eq!(crate::my_account::devices(&page), 2);
        let here = page.hidden("session");
        let tx = server.inner.services().store.begin(server.now().now()).await.expect("a transaction");
        ends_everything(&server, &tx, &sub, Some(&here)).await;
        tx.commit().await.expect("committed");
        // No step was taken yet.
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM session").await, 2);
        assert!(!is_signed_in(&thief, &app).await && is_signed_in(&owner, &app).await);
        assert!(thief.open("/account").await.has("login-submit"));
        let page = owner.open("/account/devices").await;
        assert_eq!(crate::my_account::devices(&page), 1);
        app.exchange(&of_thief).await.refused(400, "invalid_grant");
        app.exchange(&of_owner).await.ok();
        // Whoever signs in afterwards is signed in.
        server.advance(1);
        assert!(thief.sign_in(&thief.clone().open("/account").await).await.has("account-sign-out"));
    }

    async fn a_step_up_of_a_session_that_ends_at_that_moment_opens_nothing(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let sub = server.alice().await;
        let app = first_party(&server).await;
        let (mut thief, ..) = signed_in(&server, &app).await;
        let authenticator = server.browser().enroll(&server).await;
        let asked = thief.open(SECURITY).await;
        assert!(asked.has("totp-submit"), "{}", asked.reply.text);
        let code = authenticator.code(&server, 0);
        let tx = server.inner.services().store.begin(server.now().now()).await.expect("a transaction");
        ends_everything(&server, &tx, &sub, None).await;
        let committed = async {
            wait_for(&server, &database, 1).await;
            tx.commit().await.expect("committed");
        };
        let fields = [("code", code.as_str())];
        let (answer, ()) = tokio::join!(thief.send_factor(&asked, &fields), committed);
        assert!(!answer.has("account-sign-out"), "{answer:?}");
        assert!(thief.open(SECURITY).await.has("login-submit"));
    }
}
