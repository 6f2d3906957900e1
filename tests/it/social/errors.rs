//! Providers that answer with an error, or with something that cannot be used: security case S128,
//! RFC 6749 §4.1.2.1.

use mapae::domain::client::RegisteredBy;
use mapae::domain::grant_type::GrantType;

use super::row_counts::{DISCOVERY, RowCounts, left, refusals, shows_notice};
use super::{table, with_idp};
use crate::support::upstream::{Answer, Callback, Fields, Oidc};
use crate::support::{STATE, Server, both};

/// An answer with these fields, the state that somebody left with, and the issuer (RFC 9207 §2).
fn answer(server: &Server, location: &str, fields: &[(&str, &str)]) -> Callback {
    let query = Fields::parse(location.split_once('?').expect("a query").1);
    let (issuer, _) = location.split_once("/authorize?").expect("the authorization endpoint");
    Callback {
        uri: server.url("/login/callback/idp"),
        fields: Fields::of(fields).with("state", query.get("state")).with("iss", issuer),
        posted: false,
        fragment: "",
    }
}

const HTML: &str = "<script>alert(1)</script>";

/// Errors, and what the page says of them.
const ERRORS: [(&str, &str); 9] = [
    ("access_denied", "cancelled"),
    ("user_cancelled_login", "cancelled"),
    ("login_required", "cancelled"),
    ("server_error", "unavailable"),
    ("temporarily_unavailable", "unavailable"),
    ("invalid_scope", "failed"),
    ("unauthorized_client", "failed"),
    ("an_error_that_nobody_knows", "failed"),
    (HTML, "failed"),
];

both! {
    async fn s128_an_error_of_a_provider_leads_back_to_the_page_with_a_kind_word(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        server.alice().await;
        let evidence = server.evidence().await;
        let before = RowCounts::of(&evidence).await;
        for (error, note) in ERRORS {
            let (mut browser, location) = left(&server, &app, "idp").await;
            let more = [("error_description", HTML), ("error_uri", "javascript:alert(1)")];
            // A code beside an error is not one.
            let fields = [&[("error", error), ("code", "a-code")][..], &more].concat();
            let page = browser.complete_upstream_login(&answer(&server, &location, &fields)).await;
            shows_notice(&page, "idp", note);
            for theirs in [HTML, "alert(1)", "nobody_knows", "a-code"] {
                assert!(!page.reply.text.contains(theirs), "{theirs} of {error}");
                assert!(!page.url.contains(theirs), "{theirs} of {error}");
            }
            assert_eq!(RowCounts::of(&evidence).await, before, "{error}");
            // Nothing is lost: the same page still leads on.
            browser.sign_in(&page).await.authorization_response().code();
            evidence.run("DELETE FROM authorization_code").await;
            evidence.run("DELETE FROM session").await;
        }
        assert_eq!(idp.count("/token"), 0);
    }

    async fn s128_an_error_without_its_state_is_nobodys(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        let (mut browser, location) = left(&server, &app, "idp").await;
        let denied = answer(&server, &location, &[("error", "access_denied")]);
        browser.get(&denied.clone().without("state").url()).await.is_error("unknown_interaction");
        server.browser().get(&denied.url()).await.is_error("wrong_browser");
        shows_notice(&browser.complete_upstream_login(&denied).await, "idp", "cancelled");
        browser.get(&denied.url()).await.is_error("unknown_interaction");
    }

    /// The app sent them past our page, so it hears that they turned back.
    async fn s128_who_turns_back_at_a_hinted_provider_is_heard_of_by_the_app(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let evidence = server.evidence().await;
        for hint in [("idp_hint", "idp"), ("acr_values", "urn:other idp:idp")] {
            let url = app.authorization_url(&[hint]);
            for (error, note) in ERRORS {
                let mut browser = server.browser();
                let sent = browser.open(&url).await;
                let location = sent.location().expect("sent away").to_owned();
                assert!(location.starts_with(&idp.url("/authorize?")), "{hint:?}");
                let page = answer(&server, &location, &[("error", error)]);
                let page = browser.complete_upstream_login(&page).await;
                if note == "cancelled" {
                    let heard = page.error_response("access_denied");
                    assert_eq!(heard.get("state"), STATE);
                    assert_eq!(heard.get("iss"), server.issuer());
                    assert_eq!(heard.get("code"), "");
                    // It is over: there is no second answer.
                    let denied = answer(&server, &location, &[("error", error)]);
                    browser.get(&denied.url()).await.is_error("unknown_interaction");
                } else {
                    shows_notice(&page, "idp", note);
                    // The hint has had its turn: the page stays.
                    assert!(browser.open(&page.url).await.has("login-with-idp"));
                }
            }
        }
        assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE);
        // Where the button was pressed, the page is what they turn back to.
        let (mut browser, location) = left(&server, &app, "idp").await;
        shows_notice(&browser.complete_upstream_login(&idp.cancel(&location)).await, "idp", "cancelled");
        // A hint that leads nowhere is none.
        for hint in ["unknown", "IDP", "../idp", HTML] {
            let page = server.browser().open(&app.authorization_url(&[("idp_hint", hint)])).await;
            assert!(page.has("login-with-idp"), "{hint}");
        }
    }

    async fn rfc9700_4_11_2_a_provider_leads_nobody_to_an_app_that_nobody_checked(database) {
        let idp = Oidc::start().await;
        let (server, _) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let app = server.web_app("strange", |client| {
            client.registered_by = RegisteredBy::Itself;
            client.metadata.grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
        }).await;
        let mut browser = server.browser();
        let sent = browser.open(&app.authorization_url(&[("idp_hint", "idp")])).await;
        let location = sent.location().expect("sent away").to_owned();
        let page = answer(&server, &location, &[("error", "access_denied")]);
        browser.complete_upstream_login(&page).await.is_error("access_denied");
    }

    async fn s128_who_cannot_leave_is_told_and_may_give_up(database) {
        let idp = Oidc::start().await;
        let tables = [
            table("idp", "oidc", idp.base(), ""),
            table("other", "oidc", "http://127.0.0.1:9", ""),
        ];
        let server = Server::start_social(&database, &tables.concat()).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        idp.answers_with(DISCOVERY, Answer::html(503, HTML));
        for hint in [None, Some(("idp_hint", "idp")), Some(("idp_hint", "other"))] {
            let mut browser = server.browser();
            let url = app.authorization_url(hint.as_slice());
            let mut page = browser.open(&url).await;
            if hint.is_none() {
                page = browser.cannot_start_upstream_login(&page, "idp").await;
            }
            // By GET, at an address that can be opened again.
            assert_eq!(page.reply.status, 200, "{hint:?}");
            assert!(page.reply.text.contains("right now") && page.has("login-submit"), "{hint:?}");
            assert!(page.reply.text.contains("class=\"note\""), "it is not the person's fault");
            let last = page.reply.text.rsplit("id=\"login-with-").next().unwrap();
            assert!(last.starts_with(hint.map_or("idp", |(_, slug)| slug)), "what is down is last");
            // Another language says the same.
            let korean = page.reply.text.split("id=\"lang-ko\" href=\"").nth(1).unwrap();
            let korean = korean.split('"').next().unwrap().replace("&#38;", "&");
            let korean = browser.clone().open(&korean).await;
            assert!(korean.reply.text.contains("연결할 수 없어요"), "{}", korean.reply.text);
            assert!(!page.reply.text.contains("alert(1)"));
            assert_eq!(page.hidden("why"), "unavailable");
            let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
            let fields =
                [("interaction", interaction.as_str()), ("csrf", &csrf), ("why", "unavailable")];
            let gone = browser.post("/login/cancel", &fields).await;
            let heard = gone.error_response("temporarily_unavailable");
            assert_eq!(heard.get("state"), STATE);
            assert_eq!(heard.get("iss"), server.issuer());
        }
        // Who turns back for another reason, or for one that nobody knows, says no.
        for why in ["", "because", "cancelled"] {
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            assert_eq!(page.field("why"), None);
            let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
            let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("why", why)];
            let gone = browser.post("/login/cancel", &fields).await;
            assert_eq!(gone.error_response("access_denied").get("state"), STATE);
        }
        let evidence = server.evidence().await;
        assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE);
        assert_eq!(refusals(&evidence).await, Vec::<String>::new());
    }

    /// What the page says of a provider comes from a list, and the provider must be one.
    async fn s052_a_note_in_an_address_is_one_of_ours(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        let plain = page.reply.text.len();
        let said = [("idp", HTML), (HTML, "failed"), ("unknown", "failed"), ("idp", "")];
        for (provider, note) in said {
            let more = crate::support::form(&[("provider", provider), ("note", note)]);
            let shown = browser.open(&format!("{}&{more}", page.url)).await;
            assert!(!shown.reply.text.contains("alert(1)"), "{provider} {note}");
            assert!(!shown.reply.text.contains("class=\"alert\""), "{provider} {note}");
            assert_eq!(shown.reply.text.len(), plain, "{provider} {note}");
        }
    }
}
