//! `[[terms]]`: documents that people accept when they make an account, and again when there is a
//! new version.

use crate::sign_up::{EMAIL, confirm, fill, form_for, send};
use crate::support::{Cli, Database, Mailbox, Page, Server, both};
use mapae::admin::authority::May;
use mapae::admin::users::Target;

pub(crate) fn terms(id: &str, version: &str, required: bool) -> String {
    format!(
        "[[terms]]\nid = \"{id}\"\nversion = \"{version}\"\nrequired = {required}\n\
         title = {{ en = \"Terms {id}\", ko = \"약관 {id}\" }}\n\
         url = {{ en = \"https://example.com/{id}\", ko = \"https://example.com/ko/{id}\" }}\n"
    )
}

async fn acceptances(server: &Server) -> i64 {
    server
        .evidence()
        .await
        .count("SELECT count(*) AS n FROM terms_acceptance WHERE is_accepted")
        .await
}

#[track_caller]
fn asks(page: &Page) {
    assert!(page.has("terms-submit"), "{}", page.reply.text);
}

both! {
    async fn documents_are_accepted_at_sign_up_and_each_is_a_row(database) {
        let mailbox = Mailbox::new();
        let file = [terms("tos", "1", true), terms("news", "1", false)].concat();
        let url = mailbox.url();
        let settings = [("mail.url", url.as_str()), ("signup.mode", "open")];
        let server = Server::start_of(&database, &settings, &file).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser().saying("accept-language", "ko");
        let form = form_for(&mut browser, &app.authorization_url(&[])).await;
        send(&mut browser, &form, "/sign-up", &[("email", EMAIL)]).await;
        let account = confirm(&mut browser, &mailbox.first_to(EMAIL).await).await;
        assert!(account.has("terms-accept-tos") && account.has("terms-accept-news"), "{}", account.reply.text);
        assert!(account.reply.text.contains("https://example.com/ko/tos"), "in the language of the page");
        for accepted in [vec![], vec![("terms-news", "1")], vec![("terms-tos", "0")]] {
            let page = fill(&mut browser, &account, &accepted).await;
            assert_eq!(page.reply.status, 400, "{accepted:?}");
            assert!(page.has("terms-problem"));
        }
        let made = fill(&mut browser, &account, &[("terms-tos", "1")]).await;
        made.authorization_response().code();
        assert_eq!(acceptances(&server).await, 1);
        let placed = "SELECT count(*) AS n FROM terms_acceptance WHERE document = 'tos' AND version = '1' AND address = '127.0.0.1' AND answered_at > 0 AND is_accepted";
        assert_eq!(server.evidence().await.count(placed).await, 1);
        let events = server.evidence().await.events_of("terms.accepted").await;
        assert_eq!(events.iter().map(|event| event.detail.as_deref()).collect::<Vec<_>>(), [Some("tos 1")]);
        // What may be left out is not asked for again.
        browser.get(&app.authorization_url(&[])).await.authorization_response().code();
    }

    async fn a_new_version_is_a_step_at_the_next_sign_in_before_anything_is_allowed(database) {
        let server = Server::start_of(&database, &[], &terms("tos", "1", true)).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let page = browser.sign_in(&login).await;
        asks(&page);
        assert!(page.has("terms-accept"), "one document, one box");
        let silent = [("prompt", "none")];
        browser.get(&app.authorization_url(&silent)).await.error_response("interaction_required");
        let missing = send(&mut browser, &page, "/terms", &[]).await;
        assert_eq!(missing.reply.status, 400);
        assert!(missing.has("terms-problem"));
        let old = send(&mut browser, &page, "/terms", &[("terms-tos", "0")]).await;
        asks(&old);
        let consent = send(&mut browser, &page, "/terms", &[("terms-tos", "1")]).await;
        assert!(consent.has("consent-allow"), "{}", consent.reply.text);
        // The browser dropped the answer to the first click.
        let again = send(&mut browser, &page, "/terms", &[("terms-tos", "1")]).await;
        assert!(again.has("consent-allow"), "{}", again.reply.text);
        browser.consent(&consent, "allow").await.authorization_response().code();
        browser.get(&app.authorization_url(&[])).await.authorization_response().code();
        // A new version, and a document that nobody has to accept.
        server.rewrite(&[terms("tos", "2", true), terms("news", "1", false)].concat());
        let server = server.restart().await;
        let app = app.at(server.issuer());
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let page = browser.sign_in(&login).await;
        asks(&page);
        assert!(page.has("terms-accept-tos") && page.has("terms-accept-news"));
        let fields = [("terms-tos", "2"), ("terms-news", "1")];
        let done = send(&mut browser, &page, "/terms", &fields).await;
        done.authorization_response().code();
        assert_eq!(acceptances(&server).await, 3);
        // Whoever says no turns back, and the app hears so.
        let sub = server.user("bob", Some(crate::support::PASSWORD)).await;
        let mut other = server.browser();
        let login = other.open(&app.authorization_url(&[])).await;
        let page = other.sign_in_as(&login, "bob", crate::support::PASSWORD).await;
        asks(&page);
        send(&mut other, &page, "/login/cancel", &[]).await.error_response("access_denied");
        let of_bob = format!("SELECT count(*) AS n FROM terms_acceptance WHERE user_id = '{sub}'");
        assert_eq!(server.evidence().await.count(&of_bob).await, 0);
    }

    /// What is not required is asked for once, also when nothing that is required changed.
    async fn a_new_version_of_what_is_not_required_is_asked_for_once(database) {
        let server = Server::start_of(&database, &[], &terms("news", "1", false)).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let page = browser.sign_in(&login).await;
        asks(&page);
        // No app waits for what is not required.
        let silent = [("prompt", "none")];
        browser.get(&app.authorization_url(&silent)).await.authorization_response().code();
        send(&mut browser, &page, "/terms", &[]).await.authorization_response().code();
        browser.get(&app.authorization_url(&[])).await.authorization_response().code();
        assert_eq!(acceptances(&server).await, 0);
        server.rewrite(&terms("news", "2", false));
        let server = server.restart().await;
        let app = app.at(server.issuer());
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let page = browser.sign_in(&login).await;
        asks(&page);
        send(&mut browser, &page, "/terms", &[("terms-news", "2")]).await.authorization_response().code();
        assert_eq!(acceptances(&server).await, 1);
        // It is asked for again when it is required now and was left out before.
        server.rewrite(&[terms("news", "2", true), terms("tos", "1", false)].concat());
        let server = server.restart().await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        let page = browser.sign_in(&login).await;
        asks(&page);
        assert!(page.has("terms-accept-tos") || page.has("terms-accept"));
        assert!(send(&mut browser, &page, "/terms", &[]).await.has("account-sign-out"));
        server.rewrite(&terms("tos", "1", true));
        let server = server.restart().await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        let page = browser.sign_in(&login).await;
        asks(&page);
        assert_eq!(send(&mut browser, &page, "/terms", &[]).await.reply.status, 400);
    }

    async fn the_own_account_waits_for_the_terms_as_well(database) {
        let server = Server::start_of(&database, &[], &terms("tos", "1", true)).await;
        server.alice().await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        let page = browser.sign_in(&login).await;
        asks(&page);
        assert!(send(&mut browser, &page, "/terms", &[("terms-tos", "1")]).await.has("account-sign-out"));
        // The rows go with the account.
        assert_eq!(acceptances(&server).await, 1);
        let issuer = server.inner.services();
        mapae::admin::users::delete(&May::operator(), &issuer.store, server.now(), Target::named("alice")).await.unwrap();
        assert_eq!(acceptances(&server).await, 0);
    }

    /// Nobody accepts in the name of another: the form belongs to its interaction and browser.
    async fn s055_nobody_accepts_by_a_form_of_another_browser(database) {
        let server = Server::start_of(&database, &[], &terms("tos", "1", true)).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let page = browser.sign_in(&login).await;
        let mut other = server.browser();
        other.open(&app.authorization_url(&[])).await;
        send(&mut other, &page, "/terms", &[("terms-tos", "1")]).await.is_error("wrong_browser");
        let forged = [("interaction", page.hidden("interaction")), ("csrf", "x".to_owned()), ("terms-tos", "1".to_owned())];
        let forged: Vec<_> = forged.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post("/terms", &forged).await.is_error("forbidden");
        assert_eq!(acceptances(&server).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn config_check_names_what_is_wrong_with_a_document() {
    for (file, problem) in [
        (terms("T O S", "1", true), "terms.T O S.id"),
        (terms("tos", "", true), "terms.tos.version"),
        (terms("tos", "1", true).repeat(2), "terms.tos.id is taken"),
        (
            terms("tos", "1", true).replace("https://example.com/tos", "javascript:alert(1)"),
            "terms.tos.url",
        ),
        (terms("tos", "1", true).replace("ko =", "xx ="), "terms.tos.title has no language"),
        (terms("tos", "1", true).replace("id =", "name ="), "unknown field"),
        ("[terms]\nid = \"tos\"\n".to_owned(), "is a list of tables"),
    ] {
        let mut cli = Cli::new(&Database::Sqlite).await;
        let path = cli.folder.path().join("mapae.toml");
        std::fs::write(&path, &file).unwrap();
        cli.set("MAPAE_CONFIG", path.to_str().unwrap());
        let said = cli.run(&["config", "check"], None).await;
        assert!(
            said.code != 0 && format!("{}{}", said.out, said.err).contains(problem),
            "{problem}: {said:?}"
        );
    }
}
