//! A forgotten password: the link by mail, the new password, and what ends then. Security cases
//! S071, S080, S082, S083.

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::users::Target;
use mapae::admin::users::{self, NewUser};
use mapae::domain::user::Profile;

use crate::my_account::{first_party, is_signed_in, send, signed_in};
use crate::support::{
    Binary, Browser, Cli, Database, Letter, Mailbox, PASSWORD, Page, Server, both, eventually, http,
};

pub(crate) const NEW: &str = "seven green kettles 41";

/// A server that sends mails, and its mails.
pub(crate) async fn with_mail(
    database: &Database,
    settings: &[(&'static str, &str)],
) -> (Server, Mailbox) {
    let mails = Mailbox::new();
    let url = mails.url();
    let mut given = vec![("mail.url", url.as_str())];
    given.extend(settings);
    (Server::start_with(database, &given).await, mails)
}

/// Every mail to this address.
pub(crate) fn mails_to(mails: &Mailbox, address: &str) -> Vec<Letter> {
    mails.letters().into_iter().filter(|letter| letter.to.eq_ignore_ascii_case(address)).collect()
}

/// Waits until there are so many mails to this address; there are no more than that.
pub(crate) async fn has(mails: &Mailbox, address: &str, number: usize) {
    let what = format!("{number} mails to {address}");
    eventually(&what, async || mails_to(mails, address).len() >= number).await;
    assert_eq!(mails_to(mails, address).len(), number, "{address}");
}

/// Waits for a mail to this address that is none of these, and whose text contains this.
pub(crate) async fn next(mails: &Mailbox, address: &str, known: &[Letter], with: &str) -> Letter {
    let find = || {
        let is_new = |mail: &Letter| known.iter().all(|known| known.raw != mail.raw);
        let found = mails_to(mails, address).into_iter();
        found.filter(is_new).find(|mail| mail.text.contains(with))
    };
    eventually(&format!("a mail to {address} with {with}"), async || find().is_some()).await;
    find().expect("a mail")
}

/// Waits for a code to this address that is in none of these mails.
pub(crate) async fn next_code(mails: &Mailbox, address: &str, known: &[Letter]) -> String {
    let is_code = |line: &&str| line.len() == 9 && line.as_bytes().get(4) == Some(&b'-');
    let find = || {
        let is_new = |mail: &Letter| known.iter().all(|known| known.raw != mail.raw);
        let mut found = mails_to(mails, address).into_iter().filter(is_new);
        found.find_map(|mail| mail.text.lines().find(is_code).map(str::to_owned))
    };
    eventually(&format!("a code to {address}"), async || find().is_some()).await;
    find().expect("a code")
}

/// Creates a person with an address.
pub(crate) async fn person(server: &Server, username: &str, email: &str, verified: bool) -> String {
    let issuer = server.inner.services();
    let new = NewUser {
        username: username.to_owned(),
        email: Some(email.to_owned()),
        email_verified: verified,
        profile: Profile::default(),
        password: Some(PASSWORD.to_owned().into()),
    };
    let user =
        users::create(&May::operator(), &issuer.store, server.now(), &issuer.hasher, new).await;
    user.unwrap_or_else(|error| panic!("made: {error}")).id.as_str().to_owned()
}

pub(crate) const EMAIL: &str = "alice@example.com";

/// Asks for a link on the page behind "forgot".
pub(crate) async fn forget(browser: &mut Browser, name: &str) -> Page {
    let login = browser.open("/account").await;
    let forgot = browser.open(&link_of(&login, "forgot-link")).await;
    submit(browser, &forgot, "/login/forgot", &[("identifier", name)]).await
}

/// The address of the link of this id.
#[track_caller]
pub(crate) fn link_of(page: &Page, id: &str) -> String {
    let named = format!("id=\"{id}\" href=\"");
    let behind = page.reply.text.split(&named).nth(1);
    let behind = behind.unwrap_or_else(|| panic!("{id} in {}", page.reply.text));
    behind.split('"').next().unwrap_or_default().replace("&#38;", "&").replace("&amp;", "&")
}

/// Sends a form of an interaction and follows redirects.
pub(crate) async fn submit(
    browser: &mut Browser,
    page: &Page,
    path: &str,
    more: &[(&str, &str)],
) -> Page {
    let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
    let mut fields = vec![("interaction", interaction.as_str()), ("csrf", &csrf)];
    fields.extend(more);
    let page = browser.post(path, &fields).await;
    browser.follow(page).await
}

/// Opens the link of a mail and presses its button.
pub(crate) async fn press(browser: &mut Browser, server: &Server, mail: &Letter) -> Page {
    let link = mail.link();
    let page = browser.open(&link).await;
    assert!(page.has("mail-confirm"), "{}", page.reply.text);
    let path = link.strip_prefix(server.issuer()).expect("a link to this server");
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let secret = page.hidden("secret");
    let page = browser.post(&path, &[("secret", &secret)]).await;
    browser.follow(page).await
}

async fn set(browser: &mut Browser, page: &Page, new: &str, keep: bool) -> Page {
    let mut fields = vec![("new-password", new)];
    fields.extend(keep.then_some(("keep-sessions", "1")));
    submit(browser, page, "/recover/password", &fields).await
}

both! {
    async fn s082_a_mailed_link_leads_to_a_new_password_and_everything_else_ends(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (there, access, refresh) = signed_in(&server, &app).await;
        let mut browser = server.browser();
        let sent = forget(&mut browser, "Alice@Example.com").await;
        assert!(sent.reply.status == 200 && sent.has("forgot-back"), "{}", sent.reply.text);
        let mail = next(&mails, EMAIL, &[], "/recover").await;
        // To open a link changes nothing, however often it is done and by whom.
        let link = mail.link();
        for _ in 0..3 {
            assert!(server.browser().open(&link).await.has("mail-confirm"));
        }
        let mut elsewhere = server.browser();
        let page = press(&mut elsewhere, &server, &mail).await;
        assert!(page.has("new-password-submit") && page.has("keep-sessions"), "{}", page.reply.text);
        assert!(is_signed_in(&there, &app).await && app.is_active(&access).await);
        for (new, said) in [("", "new-password-problem"), ("short", "new-password-problem"), ("password1234", "new-password-problem")] {
            let again = set(&mut elsewhere, &page, new, false).await;
            assert!(again.reply.status == 400 && again.has(said), "{new}: {}", again.reply.text);
            assert!(new.is_empty() || !again.reply.text.contains(new));
        }
        let account = set(&mut elsewhere, &page, NEW, false).await;
        assert!(account.has("account-sign-out"), "{}", account.reply.text);
        assert!(!is_signed_in(&there, &app).await && !app.is_active(&access).await);
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        assert!(is_signed_in(&elsewhere, &app).await);
        // Neither the link nor the form counts again.
        press(&mut elsewhere, &server, &mail).await.is_error("unknown_interaction");
        set(&mut elsewhere, &page, "another good password 7", false).await.is_error("already_done");
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert_eq!(other.sign_in(&login).await.reply.status, 400);
        assert!(other.sign_in_as(&login, "alice", NEW).await.has("account-sign-out"));
        // The person is told.
        next(&mails, EMAIL, &[mail], "").await;
        let evidence = server.evidence().await;
        for kind in ["recovery.requested", "recovery.link_used", "recovery.completed"] {
            assert_eq!(evidence.events_of(kind).await.len(), 1, "{kind}");
        }
    }

    async fn a_second_factor_is_asked_for_in_a_remembered_browser_too(database) {
        let (server, mails) = with_mail(&database, &[("mfa.remember", "true")]).await;
        person(&server, "alice", EMAIL, true).await;
        let authenticator = server.browser().enroll(&server).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        let asked = browser.sign_in(&login).await;
        let code = authenticator.code(&server, 0);
        browser.second_factor(&asked, &[("code", &code), ("remember", "1")]).await;
        let account = browser.open("/account").await;
        let out = send(&mut browser, &account, "/account/sign-out", &[]).await;
        browser.follow(out).await;
        server.advance(60);
        // Whoever can read the mails has not the factor yet.
        forget(&mut browser, "alice").await;
        let mail = next(&mails, EMAIL, &[], "/recover").await;
        let page = press(&mut browser, &server, &mail).await;
        let asked = set(&mut browser, &page, NEW, false).await;
        assert!(asked.has("totp-submit") && !asked.has("account-sign-out"), "{}", asked.reply.text);
        assert!(browser.open("/account").await.has("login-submit"));
        let code = authenticator.code(&server, 0);
        let account = browser.second_factor(&asked, &[("code", &code)]).await;
        assert!(account.has("account-sign-out"), "{}", account.reply.text);
    }

    async fn who_says_so_stays_signed_in_elsewhere(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (there, access, refresh) = signed_in(&server, &app).await;
        let mut browser = server.browser();
        forget(&mut browser, "alice").await;
        let mail = next(&mails, EMAIL, &[], "/recover").await;
        let page = press(&mut browser, &server, &mail).await;
        assert!(set(&mut browser, &page, NEW, true).await.has("account-sign-out"));
        assert!(is_signed_in(&there, &app).await && app.is_active(&access).await);
        app.refresh(&refresh).await.pair();
    }

    async fn a_recovery_in_the_browser_of_an_app_ends_at_the_app(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let forgot = browser.open(&link_of(&login, "forgot-link")).await;
        submit(&mut browser, &forgot, "/login/forgot", &[("identifier", EMAIL)]).await;
        let mail = next(&mails, EMAIL, &[], "/recover").await;
        let page = press(&mut browser, &server, &mail).await;
        let code = set(&mut browser, &page, NEW, false).await.authorization_response().code();
        app.exchange(&code).await.pair();
    }

    async fn s071_nobody_learns_whether_there_is_an_account(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        person(&server, "bob", "bob@example.com", false).await;
        person(&server, "carol", "carol@example.com", true).await;
        let issuer = server.inner.services();
        users::disable(&May::operator(), &issuer.store, server.now(), Target::named("carol")).await.unwrap();
        let mut said = Vec::new();
        for name in ["alice", "bob", "carol", "nobody", "no body", EMAIL, "bob@example.com", "dave@example.com"] {
            let mut browser = server.browser();
            let page = forget(&mut browser, name).await;
            assert_eq!(page.reply.status, 200);
            let handle = link_of(&page, "forgot-back");
            let text = page.reply.text.replace(handle.split('=').nth(1).unwrap_or_default(), "…");
            let mut headers: Vec<_> = page.reply.headers.keys().map(ToString::to_string).collect();
            headers.sort();
            said.push((text, headers));
        }
        assert!(said.iter().all(|one| one == &said[0]), "{said:?}");
        has(&mails, EMAIL, 2).await;
        for nobody in ["bob@example.com", "carol@example.com", "dave@example.com"] {
            assert!(mails_to(&mails, nobody).is_empty(), "{nobody}");
        }
    }

    async fn s082_a_link_ends_with_its_time_and_with_a_change_of_the_account(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        let issuer = server.inner.services();
        let (store, clock) = (&issuer.store, server.now());
        for change in ["time", "password", "address", "disabled", "newer"] {
            let (name, email) = (format!("user-{change}"), format!("{change}@example.com"));
            person(&server, &name, &email, true).await;
            let mut browser = server.browser();
            forget(&mut browser, &name).await;
            let mail = next(&mails, &email, &[], "/recover").await;
            match change {
                "time" => server.advance(30 * 60),
                "password" => {
                    let password = "another good password 7".to_owned().into();
                    users::set_password(&May::operator(), store, clock, None, &issuer.hasher, Target::named(&name), &password).await.map(drop).unwrap();
                }
                "address" => {
                    let email = users::NewEmail { address: "other@example.com".to_owned(), verified: true };
                    let change = users::ClaimsChange { email: Some(email), ..Default::default() };
                    users::update(&May::operator(), store, clock, None, Target::named(&name), change).await.map(drop).unwrap();
                }
                "disabled" => {
                    users::disable(&May::operator(), store, clock, Target::named(&name)).await.map(drop).unwrap();
                    users::enable(&May::operator(), store, clock, Target::named(&name)).await.unwrap();
                }
                // Only the same browser replaces its own link.
                _ => {
                    server.advance(61);
                    forget(&mut server.browser(), &name).await;
                    let others = next(&mails, &email, std::slice::from_ref(&mail), "/recover").await;
                    forget(&mut browser, &name).await;
                    let known = [mail.clone(), others.clone()];
                    let newest = next(&mails, &email, &known, "/recover").await;
                    for good in [others, newest] {
                        assert!(press(&mut server.browser(), &server, &good).await.has("new-password-submit"));
                    }
                }
            }
            press(&mut browser, &server, &mail).await.is_error("unknown_interaction");
        }
        // The page behind the button ends with a change, too.
        person(&server, "late", "late@example.com", true).await;
        let mut browser = server.browser();
        forget(&mut browser, "late").await;
        let mail = next(&mails, "late@example.com", &[], "/recover").await;
        let page = press(&mut browser, &server, &mail).await;
        let password = "another good password 7".to_owned().into();
        users::set_password(&May::operator(), store, clock, None, &issuer.hasher, Target::named("late"), &password).await.map(drop).unwrap();
        set(&mut browser, &page, NEW, false).await.is_error("expired");
        // And it is bound to its browser.
        set(&mut server.browser(), &page, NEW, false).await.is_error("wrong_browser");
    }

    async fn s083_of_many_uses_of_a_link_one_counts(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        forget(&mut server.browser(), "alice").await;
        let mail = next(&mails, EMAIL, &[], "/recover").await;
        let uses = (0..16).map(|_| async {
            let mut browser = server.browser();
            let page = press(&mut browser, &server, &mail).await;
            page.has("new-password-submit").then_some((browser, page))
        });
        let opened: Vec<_> = join_all(uses).await.into_iter().flatten().collect();
        assert_eq!(opened.len(), 1);
        // Of two forms at once one counts.
        let (browser, page) = &opened[0];
        let forms = [NEW, "another good password 7"].map(|new| {
            let (mut tab, page) = (browser.clone(), page.clone());
            async move { set(&mut tab, &page, new, false).await.has("account-sign-out") }
        });
        let counted = join_all(forms).await;
        assert_eq!(counted.iter().filter(|counted| **counted).count(), 1, "{counted:?}");
        assert_eq!(server.evidence().await.events_of("recovery.completed").await.len(), 1);
    }

    async fn s082_a_second_factor_stays_asked_for(database) {
        let (server, mails) = with_mail(&database, &[("signin.mail_code", "true")]).await;
        person(&server, "alice", EMAIL, true).await;
        let authenticator = server.browser().enroll(&server).await;
        let mut browser = server.browser();
        forget(&mut browser, "alice").await;
        let mail = next(&mails, EMAIL, &[], "/recover").await;
        let page = press(&mut browser, &server, &mail).await;
        let asked = set(&mut browser, &page, NEW, false).await;
        assert!(asked.has("totp-code") && !asked.has("account-sign-out"), "{}", asked.reply.text);
        assert!(browser.open("/account").await.has("login-submit"));
        let code = authenticator.code(&server, 30);
        let account = browser.second_factor(&asked, &[("code", &code)]).await;
        assert!(account.has("account-sign-out"), "{}", account.reply.text);
        // A code by mail is one factor, too.
        let known = mails_to(&mails, EMAIL);
        let mut other = server.browser();
        let login = other.open("/account").await;
        let page = submit(&mut other, &login, "/login/code/send", &[("username", "alice")]).await;
        let code = next_code(&mails, EMAIL, &known).await;
        let asked = submit(&mut other, &page, "/login/code", &[("code", &code)]).await;
        assert!(asked.has("totp-code") && !asked.has("account-sign-out"), "{}", asked.reply.text);
    }

    async fn without_mail_nothing_of_it_is_shown(database) {
        let server = Server::start_with(&database, &[("signin.mail_code", "true")]).await;
        server.alice().await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        assert!(!login.has("forgot-link") && !login.has("login-mail-code"));
        let address = format!("/login/forgot?interaction={}", login.hidden("interaction"));
        assert!(browser.open(&address).await.has("login-submit"));
        submit(&mut browser, &login, "/login/forgot", &[("identifier", "alice")]).await.is_error("unknown_interaction");
        submit(&mut browser, &login, "/login/code/send", &[("username", "alice")]).await.is_error("unknown_interaction");
        let account = browser.sign_in(&login).await;
        assert!(!account.has("email-new"));
        let page = send(&mut browser, &account, "/account/email", &[("email", "new@example.com")]).await;
        assert_ne!(page.reply.status, 200);
    }
}

both! {
    /// Where mails are sent, a link goes to the person; `--print` gives it to the operator instead.
    async fn an_operator_mails_links_or_prints_them(database) {
        let mails = Mailbox::new();
        let mut cli = Cli::prepared(&database).await;
        cli.set("MAPAE_MAIL_URL", mails.url());
        let binary = cli.serve().await;
        let create = ["user", "create", "--username", "alice", "--email", EMAIL, "--email-verified"];
        binary.cli(&create, None).await;
        let guest = "guest@example.com";
        for (verb, to, path) in [
            (["user", "recover", "--username", "alice"], EMAIL, "/recover?"),
            (["user", "invite", "--email", guest], guest, "/sign-up/invitation?"),
        ] {
            let printed = binary.cli(&[&verb[..], &["--print"]].concat(), None).await;
            let link = printed["link"].as_str().expect("a link");
            assert!(link.contains(path) && printed.get("mailed_to").is_none(), "{printed}");
            assert!(Browser::new(&binary.issuer(), &http()).open(link).await.has("mail-confirm"));
            let mailed = binary.cli(&verb, None).await;
            assert_eq!(mailed, serde_json::json!({ "mailed_to": to }));
            let mail = next(&mails, to, &[], path).await;
            assert!(mail.link().starts_with(&binary.issuer()) && mail.link() != link);
            has(&mails, to, 1).await;
        }
        // Without a proven address the operator hands it over.
        binary.cli(&["user", "create", "--username", "bob", "--email", "bob@example.com"], None).await;
        let printed = binary.cli(&["user", "recover", "--username", "bob"], None).await;
        assert!(printed["link"].is_string(), "{printed}");
    }
}

/// The command line makes a link where there is no mail, and for whom the operator knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s082_an_operator_makes_a_link_that_works_once() {
    let binary = Binary::start(&Database::Sqlite).await;
    let create = ["user", "create", "--username", "alice", "--password-stdin"];
    binary.cli(&create, Some(PASSWORD)).await;
    let recover = ["user", "recover", "--username", "alice"];
    let made = binary.cli(&recover, None).await;
    let link = made["link"].as_str().expect("a link").to_owned();
    assert!(link.contains("/recover?secret=mapae_ml_"), "{link}");
    let said = binary.cli.run(&["user", "recover", "--username", "nobody"], None).await;
    assert_eq!(said.code, 1);
    let mut browser = Browser::new(&binary.issuer(), &http());
    let page = browser.open(&link).await;
    let secret = page.hidden("secret");
    let page = browser.post("/recover", &[("secret", &secret)]).await;
    let page = browser.follow(page).await;
    assert!(set(&mut browser, &page, NEW, false).await.has("account-sign-out"));
    browser.post("/recover", &[("secret", &secret)]).await.is_error("unknown_interaction");
    binary.cli(&["user", "disable", "--username", "alice"], None).await;
    assert_eq!(binary.cli.run(&recover, None).await.code, 1);
}
