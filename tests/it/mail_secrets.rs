//! The secrets that are sent by mail: each counts once, for one purpose, for one version of an
//! account, and a code in one browser. Security cases S076, S082, S083.

use chrono::Duration;
use futures_util::future::join_all;

use mapae::accounts::mail_limits::{AskedMail, MailLimits, MailTo};
use mapae::accounts::mail_secrets::{self, IssuedMailSecret, MailRecipient};
use mapae::admin::authority::May;
use mapae::admin::users::Target;
use mapae::admin::users::{self, ClaimsChange, NewEmail};
use mapae::domain::mail_secret::{MailCode, MailPurpose};
use mapae::domain::secret::{MailLink, Plain};
use mapae::domain::session::BrowserId;
use mapae::domain::user::UserId;
use mapae::settings::defaults;
use mapae::store;

use crate::support::{PASSWORD, Server, both};

fn browser(name: &str) -> BrowserId {
    BrowserId::from_stored(name.to_owned())
}

async fn issue(
    server: &Server,
    purpose: MailPurpose,
    recipient: MailRecipient<'_>,
    asking: Option<&BrowserId>,
) -> IssuedMailSecret {
    let tx = server.inner.services().store.begin(server.now().now()).await.expect("a transaction");
    let issued = mail_secrets::issue(&tx, purpose, recipient, asking, &"kept").await;
    tx.commit().await.expect("committed");
    issued.expect("issued")
}

/// Whether the link counted.
async fn link(server: &Server, purpose: MailPurpose, link: &Plain<MailLink>) -> bool {
    let tx = server.inner.services().store.begin(server.now().now()).await.expect("a transaction");
    let spent = mail_secrets::spend_link(&tx, purpose, link).await;
    let spent = tx.settle(spent).await;
    spent.is_ok_and(|secret| mail_secrets::payload::<String>(&secret).expect("it") == "kept")
}

/// Whether the code counted.
async fn code(server: &Server, purpose: MailPurpose, asking: &BrowserId, typed: &str) -> bool {
    let tx = server.inner.services().store.begin(server.now().now()).await.expect("a transaction");
    let spent = mail_secrets::spend_code(&tx, purpose, asking, typed).await;
    tx.settle(spent).await.is_ok()
}

const ADDRESS: MailRecipient<'_> = MailRecipient::Address("hana@example.com");

both! {
    async fn s083_of_32_uses_of_a_link_or_a_code_at_once_one_counts(database) {
        let server = Server::start(&database).await;
        let issued = issue(&server, MailPurpose::SignUp, ADDRESS, Some(&browser("a"))).await;
        let uses = (0..32).map(|_| link(&server, MailPurpose::SignUp, &issued.link));
        assert_eq!(join_all(uses).await.iter().filter(|counts| **counts).count(), 1);
        let issued = issue(&server, MailPurpose::SignUp, ADDRESS, Some(&browser("a"))).await;
        let typed = issued.code.expect("a code").expose().to_owned();
        let here = browser("a");
        let uses = (0..32).map(|_| code(&server, MailPurpose::SignUp, &here, &typed));
        assert_eq!(join_all(uses).await.iter().filter(|counts| **counts).count(), 1);
        assert!(!link(&server, MailPurpose::SignUp, &issued.link).await, "link and code are one secret");
    }

    async fn s076_of_wrong_codes_at_once_five_count_and_then_none(database) {
        let server = Server::start(&database).await;
        let issued = issue(&server, MailPurpose::SignInCode, ADDRESS, Some(&browser("a"))).await;
        let right = issued.code.expect("a code");
        let other = std::iter::repeat_with(MailCode::generate).take(99).find(|code| *code != right);
        let wrong = other.expect("another code");
        let here = browser("a");
        let tries = (0..32).map(|_| code(&server, MailPurpose::SignInCode, &here, wrong.expose()));
        assert!(join_all(tries).await.iter().all(|counts| !counts));
        let attempts = "SELECT attempts AS n FROM mail_secret";
        assert_eq!(server.evidence().await.count(attempts).await, 5);
        assert!(!code(&server, MailPurpose::SignInCode, &here, right.expose()).await);
    }

    async fn s082_a_secret_is_for_one_purpose_one_browser_and_a_time(database) {
        let server = Server::start(&database).await;
        let (here, there) = (browser("a"), browser("b"));
        let issued = issue(&server, MailPurpose::Recovery, ADDRESS, Some(&here)).await;
        assert!(issued.code.is_none(), "a new password takes the link");
        for other in MailPurpose::ALL.iter().filter(|other| **other != MailPurpose::Recovery) {
            assert!(!link(&server, *other, &issued.link).await, "{other:?}");
        }
        server.advance(30 * 60 - 1);
        assert!(link(&server, MailPurpose::Recovery, &issued.link).await);
        let late = issue(&server, MailPurpose::Recovery, ADDRESS, Some(&here)).await;
        server.advance(30 * 60);
        assert!(!link(&server, MailPurpose::Recovery, &late.link).await);
        let issued = issue(&server, MailPurpose::NewAddress, ADDRESS, Some(&here)).await;
        let typed = issued.code.expect("a code").expose().to_owned();
        assert!(!code(&server, MailPurpose::NewAddress, &there, &typed).await);
        assert!(!code(&server, MailPurpose::SignInCode, &here, &typed).await);
        assert!(!link(&server, MailPurpose::NewAddress, &Plain::generate()).await);
        // A newer one of the same purpose ends the older one of the same browser.
        let of_another = issue(&server, MailPurpose::NewAddress, ADDRESS, Some(&there)).await;
        issue(&server, MailPurpose::SignUp, ADDRESS, Some(&here)).await;
        assert!(code(&server, MailPurpose::NewAddress, &here, &typed.to_lowercase()).await);
        let older = issue(&server, MailPurpose::NewAddress, ADDRESS, Some(&here)).await;
        issue(&server, MailPurpose::NewAddress, ADDRESS, Some(&here)).await;
        assert!(!link(&server, MailPurpose::NewAddress, &older.link).await);
        assert!(link(&server, MailPurpose::NewAddress, &of_another.link).await);
        // Nothing of them can be read in the database.
        let plain = format!("SELECT count(*) AS n FROM mail_secret WHERE payload LIKE '%{}%'", older.link.expose());
        assert_eq!(server.evidence().await.count(&plain).await, 0);
    }

    /// S082: a changed password, address or state ends what was mailed before, and nothing else does.
    async fn s082_a_changed_account_ends_what_was_mailed_before(database) {
        let server = Server::start(&database).await;
        let sub = UserId::from_stored(server.alice().await);
        let app = server.client("app", |_| {}).await;
        let services = server.inner.services();
        let (store, clock) = (&*services.store, server.now());
        let mailed = async || issue(&server, MailPurpose::Recovery, MailRecipient::Account(&sub), None).await;
        let counts = async |issued: IssuedMailSecret| link(&server, MailPurpose::Recovery, &issued.link).await;
        let issued = mailed().await;
        app.password("openid").await.ok();
        let name = ClaimsChange { name: Some("Alice B.".to_owned()), ..ClaimsChange::default() };
        users::update(&May::operator(), store, clock, None, Target::named("alice"), name).await.unwrap();
        assert!(counts(issued).await, "a sign-in and another name end nothing");
        let issued = mailed().await;
        let password = format!("{PASSWORD} again").into();
        users::set_password(&May::operator(), store, clock, None, &services.hasher, Target::named("alice"), &password).await.unwrap();
        assert!(!counts(issued).await);
        let issued = mailed().await;
        let email = Some(NewEmail { address: "new@example.com".to_owned(), verified: true });
        users::update(&May::operator(), store, clock, None, Target::named("alice"), ClaimsChange { email, ..ClaimsChange::default() }).await.unwrap();
        assert!(!counts(issued).await);
        let issued = mailed().await;
        users::disable(&May::operator(), store, clock, Target::named("alice")).await.unwrap();
        users::enable(&May::operator(), store, clock, Target::named("alice")).await.unwrap();
        assert!(!counts(issued).await);
        let issued = mailed().await;
        let tx = store.begin(clock.now()).await.unwrap();
        store::users::bump_version(&tx, &sub).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!counts(issued).await);
        assert!(counts(mailed().await).await);
        let issued = mailed().await;
        users::delete(&May::operator(), store, clock, Target::named("alice")).await.unwrap();
        assert!(!counts(issued).await);
        assert_eq!(server.evidence().await.count("SELECT count(*) AS n FROM mail_secret").await, 0);
    }

    /// Of mails that are asked for at once, no more are sent than the limit allows, in any hour.
    async fn no_hour_has_more_mails_than_the_limits_allow(database) {
        let server = Server::start(&database).await;
        let limits: MailLimits = defaults();
        let allow = async |asking: &str, recipient: &str, place: &str| {
            let tx = server.inner.services().store.begin(server.now().now()).await.unwrap();
            let browser = browser(asking);
            let (purpose, known) = (MailPurpose::Recovery, None);
            let asked = AskedMail { purpose, browser: &browser, typed: recipient, place, known };
            let to = MailTo { purpose, address: recipient, is_held: true, known };
            let allowed = limits.admit(&tx, asked).await.unwrap()
                && limits.allow(&tx, to).await.unwrap();
            tx.commit().await.unwrap();
            allowed
        };
        let names: Vec<String> = (0..32).map(|n| format!("browser {n}")).collect();
        let at_once = names.iter().map(|name| allow(name, "hana@example.com", name));
        assert_eq!(join_all(at_once).await.iter().filter(|allowed| **allowed).count(), 5);
        // The hour slides: what is asked for in its middle counts until its own hour is over.
        let mut sent = Vec::new();
        let mut minutes = 0;
        server.advance(3600);
        for step in [0, 10, 20, 20, 5, 3, 2, 30, 30, 7, 53] {
            server.advance(step * 60);
            minutes += step;
            for n in 0..3 {
                if allow(&format!("late {minutes} {n}"), "hana@example.com", &format!("{minutes} {n}")).await {
                    sent.push(minutes);
                }
            }
        }
        assert!(sent.len() > 8, "{sent:?}");
        for from in 0..minutes {
            let within = sent.iter().filter(|at| (from..from + 60).contains(*at)).count();
            assert!(within <= 5, "{within} from {from}: {sent:?}");
        }
        // Asking again takes no slot and sends nothing; a minute later it does.
        assert!(allow("same", "kim@example.com", "here").await);
        assert!(!allow("same", "kim@example.com", "here").await);
        assert!(allow("same", "lee@example.com", "here").await, "another address is another question");
        server.clock.advance(Duration::seconds(60));
        assert!(allow("same", "kim@example.com", "here").await);
        let places = (0..30).map(|n| format!("guest{n}@example.com"));
        let mut allowed = 0;
        for recipient in places {
            allowed += u32::from(allow("one", &recipient, "one place").await);
        }
        assert_eq!(allowed, 20);
    }
}
