//! Passkeys: adding and removing them, and proving with one who one is (Web Authentication Level 3
//! §7). Security case S078.

use serde_json::Value;

use crate::support::{
    App, Authenticator, Browser, LOCALHOST, PASSWORD, Page, Server, both, decode_claims,
};

/// A server for whose host browsers have passkeys.
pub(crate) async fn start(database: &crate::support::Database) -> Server {
    let server = Server::start_with(database, &[("issuer", LOCALHOST)]).await;
    server.alice().await;
    server
}

/// Sends a form of the account page, and follows redirects.
pub(crate) async fn send(
    browser: &mut Browser,
    page: &Page,
    path: &str,
    more: &[(&str, &str)],
) -> Page {
    let page = browser.send_account(page, path, more).await;
    browser.follow(page).await
}

/// Signs in with a password and adds the passkey of this authenticator.
pub(crate) async fn add(
    server: &Server,
    username: &str,
    authenticator: &mut Authenticator,
) -> (Browser, Page) {
    let mut browser = server.browser();
    let login = browser.open(SECURITY).await;
    browser.sign_in_as(&login, username, PASSWORD).await;
    let page = browser.open(SECURITY).await;
    let answer = authenticator.create(&page.passkey_options("create"));
    let page = finish_adding(&mut browser, &page, &answer).await;
    (browser, page)
}

pub(crate) async fn finish_adding(browser: &mut Browser, page: &Page, answer: &str) -> Page {
    let challenge = page.hidden("challenge");
    let fields = [("challenge", challenge.as_str()), ("credential", answer)];
    send(browser, page, "/account/passkeys/add", &fields).await
}

/// Sends the answer of an authenticator to a page of an interaction.
pub(crate) async fn prove(browser: &mut Browser, page: &Page, answer: &str) -> Page {
    let fields = ["interaction", "csrf", "challenge"].map(|name| (name, page.hidden(name)));
    let mut fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("credential", answer));
    let page = browser.post("/login/passkey", &fields).await;
    browser.follow(page).await
}

pub(crate) const SECURITY: &str = "/account/security";

pub(crate) fn is_signed_in(page: &Page) -> bool {
    page.has("account-sign-out") || page.location().is_some_and(|to| to.contains("?code="))
}

pub(crate) async fn first_party(server: &Server) -> App {
    server.web_app("app", |client| client.metadata.first_party = true).await
}

/// An answer of the first of these authenticators that is wrong in one way.
type Wrong = (&'static str, Answer);
/// What the first of these authenticators answers to these options.
type Answer = Box<dyn Fn(&mut Vec<Authenticator>, &Value) -> String>;
/// A change of an authenticator or of what it is asked for.
type Twist<'a> = (&'static str, Box<dyn Fn(&mut Authenticator, &mut Value) + 'a>);

/// An answer for which one field of the first authenticator has another value.
fn with<T: Clone + 'static>(field: fn(&mut Authenticator) -> &mut T, value: T) -> Answer {
    Box::new(move |all, options| {
        let own = std::mem::replace(field(&mut all[0]), value.clone());
        let answer = all[0].get(options);
        *field(&mut all[0]) = own;
        answer
    })
}

/// Everything that may be wrong in an answer of the first of three authenticators; the second is
/// that of another person, and the third that of a disabled account.
fn wrong_answers(issuer: &str) -> Vec<Wrong> {
    let of_another = |all: &mut Vec<Authenticator>, options: &Value| {
        let (first, second) = all.split_at_mut(1);
        std::mem::swap(&mut first[0].id, &mut second[0].id);
        let answer = first[0].get(options);
        std::mem::swap(&mut first[0].id, &mut second[0].id);
        answer
    };
    let by_handle_of_another = |all: &mut Vec<Authenticator>, options: &Value| {
        let (first, second) = all.split_at_mut(1);
        std::mem::swap(&mut first[0].user_handle, &mut second[0].user_handle);
        let answer = first[0].get(options);
        std::mem::swap(&mut first[0].user_handle, &mut second[0].user_handle);
        answer
    };
    let to_another_challenge = |all: &mut Vec<Authenticator>, options: &Value| {
        let mut options = options.clone();
        options["challenge"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into();
        all[0].get(&options)
    };
    let unknown = Authenticator::at(issuer).id;
    vec![
        ("wrong origin", with(|it| &mut it.origin, "https://evil.example".to_owned())),
        ("another port", with(|it| &mut it.origin, "http://localhost:1".to_owned())),
        ("wrong relying party", with(|it| &mut it.rp_id, "evil.example".to_owned())),
        ("no user verification", with(|it| &mut it.verifies, false)),
        ("another challenge", Box::new(to_another_challenge)),
        ("the passkey of another person", Box::new(of_another)),
        ("another person's user handle", Box::new(by_handle_of_another)),
        ("no user handle", with(|it| &mut it.user_handle, None)),
        ("a disabled account", Box::new(|all, options| all[2].get(options))),
        ("an unknown passkey", with(|it| &mut it.id, unknown)),
        ("made for another device", with(|it| &mut it.backed_up, false)),
        ("no JSON", Box::new(|_, _| "{".to_owned())),
        ("nothing", Box::new(|_, _| String::new())),
    ]
}

both! {
    async fn webauthn_7_2_a_passkey_signs_in_without_a_user_name(database) {
        let server = start(&database).await;
        let app = first_party(&server).await;
        for (backed_up, amr) in [(true, "swk"), (false, "hwk")] {
            let mut authenticator = Authenticator::at(server.issuer());
            authenticator.backed_up = backed_up;
            add(&server, "alice", &mut authenticator).await;
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            assert!(page.has("passkey-signin") && page.reply.text.contains("autocomplete=\"username webauthn\""));
            let options = page.passkey_options("get");
            assert_eq!(options["allowCredentials"], Value::Array(vec![]));
            let answer = authenticator.get(&options);
            let page = prove(&mut browser, &page, &answer).await;
            let code = page.authorization_response().code();
            let tokens = app.exchange(&code).await.ok();
            for token in ["id_token", "access_token"] {
                let claims = decode_claims(&tokens.text(token));
                let methods = claims["amr"].as_array().unwrap();
                for method in [amr, "user", "mfa"] {
                    assert!(methods.contains(&method.into()), "{token} {claims}");
                }
                assert_eq!(claims["acr"], "phr", "{token}");
            }
        }
        let events = server.evidence().await.events_of("sign_in.succeeded").await;
        assert_eq!(events.iter().filter(|event| event.detail.as_deref().is_some_and(|text| text.starts_with("passkey "))).count(), 2);
    }

    /// One answer for all of them: nobody learns which passkeys and accounts there are.
    async fn s078_what_is_wrong_with_a_passkey_is_not_told(database) {
        let server = start(&database).await;
        server.user("bob", Some(PASSWORD)).await;
        let disabled = server.user("carol", Some(PASSWORD)).await;
        let mut passkeys = Vec::new();
        for username in ["alice", "bob", "carol"] {
            let mut authenticator = Authenticator::at(server.issuer());
            add(&server, username, &mut authenticator).await;
            passkeys.push(authenticator);
        }
        server.evidence().await.run(&format!("UPDATE account SET disabled_at = 1 WHERE id = '{disabled}'")).await;
        let wrong = wrong_answers(server.issuer());
        let mut answers = Vec::new();
        for (what, make) in &wrong {
            let mut browser = server.browser();
            let page = browser.open(SECURITY).await;
            let answer = make(&mut passkeys, &page.passkey_options("get"));
            let refused = prove(&mut browser, &page, &answer).await;
            assert_eq!(refused.reply.status, 400, "{what}: {}", refused.reply.text);
            assert!(refused.has("passkey-problem") && !is_signed_in(&refused), "{what}");
            answers.push((*what, refused));
        }
        let said = |page: &Page| {
            let text = page.reply.text.split("id=\"passkey-problem\"").nth(1).unwrap_or_default();
            text.split('<').next().unwrap_or_default().to_owned()
        };
        let (_, first) = &answers[0];
        for (what, page) in &answers {
            assert_eq!(said(page), said(first), "{what}");
        }
        // The same authenticator, doing it right.
        let mut browser = server.browser();
        let page = browser.open(SECURITY).await;
        let answer = passkeys[0].get(&page.passkey_options("get"));
        assert!(is_signed_in(&prove(&mut browser, &page, &answer).await));
    }

    async fn s078_an_answer_counts_once_in_its_interaction_and_browser_and_in_time(database) {
        let server = start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        let mut authenticator = Authenticator::at(server.issuer());
        add(&server, "alice", &mut authenticator).await;
        // Of another interaction of this browser, and of another browser.
        let (mut browser, mut stranger) = (server.browser(), server.browser());
        let page = browser.open(SECURITY).await;
        let other = browser.open(&app.authorization_url(&[])).await;
        let foreign = stranger.open(SECURITY).await;
        for from in [&other, &foreign] {
            let answer = authenticator.get(&from.passkey_options("get"));
            let fields = ["interaction", "csrf"].map(|name| (name, page.hidden(name)));
            let challenge = from.hidden("challenge");
            let fields = [
                ("interaction", fields[0].1.as_str()), ("csrf", fields[1].1.as_str()),
                ("challenge", &challenge), ("credential", &answer),
            ];
            let refused = browser.post("/login/passkey", &fields).await;
            assert_eq!(refused.reply.status, 400, "{}", refused.reply.text);
            assert!(refused.has("passkey-problem"));
        }
        // Too late, and then with the challenge of the page that says so.
        let answer = authenticator.get(&page.passkey_options("get"));
        server.advance(5 * 60);
        let late = prove(&mut browser, &page, &answer).await;
        assert_eq!(late.reply.status, 400);
        assert!(late.has("passkey-problem") && late.reply.text.contains("took too long"));
        let answer = authenticator.get(&late.passkey_options("get"));
        assert!(is_signed_in(&prove(&mut browser, &late, &answer).await));
        // Replayed: at a consent page, the interaction still waits.
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        let answer = authenticator.get(&page.passkey_options("get"));
        let consent = prove(&mut browser, &page, &answer).await;
        assert!(consent.has("consent-allow"), "{}", consent.reply.text);
        let sessions = "SELECT COUNT(*) AS n FROM session";
        let before = server.evidence().await.count(sessions).await;
        let replayed = prove(&mut browser, &page, &answer).await;
        assert!(replayed.reply.status.is_client_error(), "{:?}", replayed.reply.status);
        assert_eq!(replayed.reply.header("set-cookie"), "");
        assert_eq!(server.evidence().await.count(sessions).await, before);
    }

    async fn s078_a_counter_that_goes_back_is_an_event_and_refused(database) {
        let server = start(&database).await;
        let mut authenticator = Authenticator::at(server.issuer());
        authenticator.counter = Some(7);
        add(&server, "alice", &mut authenticator).await;
        for (counter, counts) in [(9, true), (20, true), (20, false), (4, false), (0, false), (21, true)] {
            // The authenticator counts before it signs; 0 is what one says that does not count.
            authenticator.counter = u32::checked_sub(counter, 1);
            let mut browser = server.browser();
            let page = browser.open(SECURITY).await;
            let answer = authenticator.get(&page.passkey_options("get"));
            let page = prove(&mut browser, &page, &answer).await;
            assert_eq!(is_signed_in(&page), counts, "{counter}");
            assert!(counts || page.has("passkey-problem"), "{counter}");
        }
        let evidence = server.evidence().await;
        let times = "SELECT SUM(times) AS n FROM audit_event WHERE kind = 'passkey.counter_went_back'";
        let times = if server.database_url().starts_with("postgres") { times.replace("SUM(times)", "SUM(times)::bigint") } else { times.to_owned() };
        assert_eq!(evidence.count(&times).await, 3);
        assert!(evidence.events_of("passkey.counter_went_back").await.iter().all(|event| event.user.is_some()));
    }
}

/// The handles of the passkeys on the page, in their order.
pub(crate) fn handles(page: &Page) -> Vec<String> {
    (1..)
        .map_while(|n| {
            let id = format!("passkey-remove-{n}");
            page.has(&format!("passkey-name-{n}"))
                .then(|| if page.has(&id) { page.value_of(&id) } else { String::new() })
        })
        .collect()
}

both! {
    async fn webauthn_7_1_a_passkey_is_added_named_and_removed(database) {
        let server = start(&database).await;
        let mut authenticator = Authenticator::at(server.issuer());
        let (mut browser, page) = add(&server, "alice", &mut authenticator).await;
        // It has the name of its kind until the person gives it another one.
        assert_eq!(page.value_of("passkey-name-1"), "Bitwarden");
        let first = handles(&page).remove(0);
        let renamed = send(&mut browser, &page, "/account/passkeys/rename", &[("passkey", &first), ("name", " My <b>key</b> \u{7} ")]).await;
        assert_eq!(renamed.value_of("passkey-name-1"), "My <b>key</b>");
        assert!(!renamed.reply.text.contains("<b>key"));
        // An authenticator that has one is not asked for another; one of another kind is. The oldest
        // passkey stands first.
        server.advance(1);
        let excluded = &renamed.passkey_options("create")["excludeCredentials"];
        assert_eq!(excluded.as_array().unwrap().len(), 1);
        let mut other = Authenticator::at(server.issuer());
        other.aaguid = [0; 16];
        let answer = other.create(&renamed.passkey_options("create"));
        let both = finish_adding(&mut browser, &renamed, &answer).await;
        assert_eq!(handles(&both).len(), 2);
        // The same answer again adds nothing.
        let again = finish_adding(&mut browser, &renamed, &answer).await;
        assert_eq!(handles(&again).len(), 2);
        // A passkey of somebody else is not theirs to change.
        server.user("bob", Some(PASSWORD)).await;
        let (mut bob, bobs) = add(&server, "bob", &mut Authenticator::at(server.issuer())).await;
        for path in ["/account/passkeys/rename", "/account/passkeys/remove"] {
            send(&mut bob, &bobs, path, &[("passkey", &first), ("name", "mine")]).await;
        }
        let page = browser.open(SECURITY).await;
        assert_eq!((handles(&page).len(), page.value_of("passkey-name-1")), (2, "My <b>key</b>".to_owned()));
        let removed = send(&mut browser, &page, "/account/passkeys/remove", &[("passkey", &first)]).await;
        assert_eq!(handles(&removed).len(), 1);
        let mut stranger = server.browser();
        let login = stranger.open(SECURITY).await;
        let answer = authenticator.get(&login.passkey_options("get"));
        assert!(prove(&mut stranger, &login, &answer).await.has("passkey-problem"));
        let kinds: Vec<_> = server.evidence().await.events().await.into_iter().filter(|event| event.kind.starts_with("passkey.")).collect();
        let count = |kind: &str| kinds.iter().filter(|event| event.kind == kind && event.user.is_some()).count();
        assert_eq!((count("passkey.added"), count("passkey.renamed"), count("passkey.removed")), (3, 1, 1));
    }

    async fn webauthn_7_1_what_is_wrong_with_a_new_passkey_adds_nothing(database) {
        let server = start(&database).await;
        let mut taken = Authenticator::at(server.issuer());
        server.user("bob", Some(PASSWORD)).await;
        add(&server, "bob", &mut taken).await;
        let mut browser = server.browser();
        let login = browser.open(SECURITY).await;
        browser.sign_in_as(&login, "alice", PASSWORD).await;
        let twists: Vec<Twist<'_>> = vec![
            ("wrong origin", Box::new(|it, _| "https://evil.example".clone_into(&mut it.origin))),
            ("no user verification", Box::new(|it, _| it.verifies = false)),
            ("another challenge", Box::new(|_, options| options["challenge"] = "AAAA".into())),
            ("the passkey of another person", Box::new(|it, _| it.id.clone_from(&taken.id))),
            ("wrong relying party", Box::new(|it, options| {
                "evil.example".clone_into(&mut it.rp_id);
                options["rp"]["id"] = "evil.example".into();
            })),
        ];
        for (what, twist) in twists {
            let page = browser.open(SECURITY).await;
            let mut authenticator = Authenticator::at(server.issuer());
            let mut options = page.passkey_options("create");
            twist(&mut authenticator, &mut options);
            let answer = authenticator.create(&options);
            let page = finish_adding(&mut browser, &page, &answer).await;
            assert!(handles(&page).is_empty(), "{what}");
            assert!(page.reply.text.contains("role=\"alert\""), "{what}");
        }
        // With the page of another session; too late; and without a recent proof.
        let page = browser.open(SECURITY).await;
        let mut other = server.browser();
        let login = other.open(SECURITY).await;
        other.sign_in_as(&login, "alice", PASSWORD).await;
        let foreign = other.open(SECURITY).await;
        let answer = Authenticator::at(server.issuer()).create(&foreign.passkey_options("create"));
        let challenge = foreign.hidden("challenge");
        let fields = [("challenge", challenge.as_str()), ("credential", answer.as_str())];
        let refused = send(&mut browser, &page, "/account/passkeys/add", &fields).await;
        assert!(handles(&refused).is_empty());
        let answer = Authenticator::at(server.issuer()).create(&page.passkey_options("create"));
        server.advance(5 * 60);
        let late = finish_adding(&mut browser, &page, &answer).await;
        assert!(late.has("login-submit"), "who they are is asked again: {}", late.reply.text);
        let page = browser.open(SECURITY).await;
        assert!(page.has("passkey-add") && !page.reply.text.contains("excludeCredentials"));
    }

    async fn the_last_way_in_stays(database) {
        let server = start(&database).await;
        let mut authenticator = Authenticator::at(server.issuer());
        let (mut browser, page) = add(&server, "alice", &mut authenticator).await;
        let first = handles(&page).remove(0);
        // The password is gone: the passkey is the only way in.
        server.evidence().await.run("UPDATE account SET password_hash = NULL").await;
        let page = browser.open(SECURITY).await;
        assert!(page.has("passkey-name-1") && !page.has("passkey-remove-1"));
        let kept = send(&mut browser, &page, "/account/passkeys/remove", &[("passkey", &first)]).await;
        assert_eq!(handles(&kept).len(), 1);
        let mut other = Authenticator::at(server.issuer());
        let answer = other.create(&kept.passkey_options("create"));
        let both = finish_adding(&mut browser, &kept, &answer).await;
        let left = send(&mut browser, &both, "/account/passkeys/remove", &[("passkey", &first)]).await;
        assert_eq!(handles(&left).len(), 1);
        assert!(!left.has("passkey-remove-1"));
    }

    async fn a_person_confirms_with_their_own_passkey_who_they_are(database) {
        let server = start(&database).await;
        server.user("bob", Some(PASSWORD)).await;
        let (mut alices, mut bobs) = (Authenticator::at(server.issuer()), Authenticator::at(server.issuer()));
        let (mut browser, _) = add(&server, "alice", &mut alices).await;
        add(&server, "bob", &mut bobs).await;
        server.advance(6 * 60);
        let page = browser.open(SECURITY).await;
        let confirm = send(&mut browser, &page, "/account/passkeys/add", &[]).await;
        assert!(confirm.has("passkey-signin") && confirm.has("login-submit"), "{}", confirm.reply.text);
        let options = confirm.passkey_options("get");
        assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
        let answer = bobs.get(&options);
        let refused = prove(&mut browser, &confirm, &answer).await;
        assert!(refused.has("passkey-problem"), "{}", refused.reply.text);
        // An authenticator may leave the user handle out where it was told which passkey to use.
        alices.user_handle = None;
        let answer = alices.get(&refused.passkey_options("get"));
        let page = prove(&mut browser, &refused, &answer).await;
        assert!(page.has("passkey-add") && page.has("passkey-name-1"), "{}", page.reply.text);
        page.passkey_options("create");
    }

    async fn nothing_is_written_for_who_is_only_asked(database) {
        let server = start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        let evidence = server.evidence().await;
        let rows = "SELECT (SELECT COUNT(*) FROM used_assertion) + (SELECT COUNT(*) FROM interaction) + (SELECT COUNT(*) FROM throttle) AS n";
        for _ in 0..3 {
            let page = server.browser().open(&app.authorization_url(&[])).await;
            assert!(page.has("passkey-signin"));
        }
        assert_eq!(evidence.count(rows).await, 0);
    }

    /// Who guesses at passkeys is slowed down; who is known in this browser is not held up by that.
    async fn refused_passkeys_fill_the_bucket_of_their_address(database) {
        let settings = [("issuer", LOCALHOST), ("throttle.address.failures", "3")];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let mut authenticator = Authenticator::at(server.issuer());
        let (mut known, _) = add(&server, "alice", &mut authenticator).await;
        let mut stranger = Authenticator::at(server.issuer());
        stranger.user_handle.clone_from(&authenticator.user_handle);
        for status in [400, 400, 400, 429] {
            let mut browser = server.browser();
            let page = browser.open(SECURITY).await;
            let answer = stranger.get(&page.passkey_options("get"));
            assert_eq!(prove(&mut browser, &page, &answer).await.reply.status, status);
        }
        known.forget();
        let page = known.open(SECURITY).await;
        let answer = authenticator.get(&page.passkey_options("get"));
        assert!(is_signed_in(&prove(&mut known, &page, &answer).await));
        assert_eq!(server.evidence().await.events_of("sign_in.throttled").await.len(), 1);
    }

    async fn an_address_has_no_passkeys(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let mut browser = server.browser();
        let login = browser.open(SECURITY).await;
        assert!(!login.has("passkey-signin") && !login.reply.text.contains("passkeys."));
        let fields = ["interaction", "csrf"].map(|name| (name, login.hidden(name)));
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let back = browser.post("/login/passkey", &fields).await;
        assert!(browser.follow(back).await.has("login-submit"));
        let page = browser.sign_in(&login).await;
        assert!(page.has("account-sign-out"));
        let page = browser.open(SECURITY).await;
        assert!(!page.has("passkey-add"));
        assert_eq!(browser.get("/.well-known/webauthn").await.reply.status, 404);
    }

    async fn webauthn_5_11_related_origins_are_published_at_the_root_of_the_origin(database) {
        let related = "https://id.example.net,https://login.example.org:8443";
        let settings = [("issuer", "https://id.example.com/tenant"), ("webauthn.related_origins", related)];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let local = format!("http://{}", server.inner.address());
        for path in ["/.well-known/webauthn", "/tenant/.well-known/webauthn"] {
            let answer = server.http.get(format!("{local}{path}")).send().await.unwrap();
            assert_eq!(answer.headers()["content-type"], "application/json");
            let document: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
            assert_eq!(document, serde_json::json!({ "origins": ["https://id.example.net", "https://login.example.org:8443"] }));
        }
    }
}
