//! The console of the administration: who may open which page and send which form, and what the
//! forms do.

use mapae::admin::attributes::NewAttribute;
use mapae::admin::authority::May;
use mapae::admin::users::{Target, Who};
use mapae::admin::{attributes, groups, roles, scopes};
use mapae::domain::admin_right::{AdminRight, Rights};
use mapae::domain::admin_role::AdminRole;
use mapae::domain::attribute::AttributeType;
use mapae::web::console::OPERATIONS;

use crate::support::{App, Browser, PASSWORD, Page, Server, both, eventually, http};

/// Every page and every form: its method, its path, and the right that it needs.
const RIGHTS: &[(&str, &str, &str)] = &[
    ("get", "/admin", "read people"),
    ("get", "/admin/", "read people"),
    ("get", "/admin/people", "read people"),
    ("post", "/admin/people", "change people"),
    ("get", "/admin/people/new", "change people"),
    ("post", "/admin/people/invite", "change people"),
    ("get", "/admin/people/{id}", "read people"),
    ("get", "/admin/people/{id}/disable", "change people"),
    ("post", "/admin/people/{id}/disable", "change people"),
    ("post", "/admin/people/{id}/enable", "change people"),
    ("post", "/admin/people/{id}/logout", "change people"),
    ("post", "/admin/people/{id}/end", "change people"),
    ("post", "/admin/people/{id}/reset-factors", "change people"),
    ("post", "/admin/people/{id}/recover", "change people"),
    ("post", "/admin/people/{id}/roles", "grant roles"),
    ("post", "/admin/people/{id}/groups", "change people"),
    ("post", "/admin/people/{id}/attributes", "change people"),
    ("get", "/admin/people/{id}/delete", "change people"),
    ("post", "/admin/people/{id}/delete", "change people"),
    ("get", "/admin/groups", "read people"),
    ("post", "/admin/groups", "change people"),
    ("get", "/admin/groups/members", "read people"),
    ("get", "/admin/groups/delete", "change people"),
    ("post", "/admin/groups/delete", "change people"),
    ("get", "/admin/apps", "read clients"),
    ("get", "/admin/new-app", "change clients"),
    ("get", "/admin/new-app/{kind}", "change clients"),
    ("post", "/admin/new-app/{kind}", "change clients"),
    ("get", "/admin/apps/{id}", "read clients"),
    ("post", "/admin/apps/{id}", "change clients"),
    ("get", "/admin/apps/{id}/snippets", "read clients"),
    ("get", "/admin/apps/{id}/preview", "read clients"),
    ("post", "/admin/apps/{id}/secret", "change secrets"),
    ("post", "/admin/apps/{id}/secret/drop", "change secrets"),
    ("post", "/admin/apps/{id}/roles", "change clients"),
    ("get", "/admin/apps/{id}/disable", "change clients"),
    ("post", "/admin/apps/{id}/disable", "change clients"),
    ("post", "/admin/apps/{id}/enable", "change clients"),
    ("get", "/admin/apps/{id}/delete", "change clients"),
    ("post", "/admin/apps/{id}/delete", "change clients"),
    ("get", "/admin/resources", "read clients"),
    ("get", "/admin/new-resource", "change clients"),
    ("post", "/admin/new-resource", "change clients"),
    ("get", "/admin/resources/{id}", "read clients"),
    ("post", "/admin/resources/{id}", "change clients"),
    ("get", "/admin/resources/{id}/delete", "change clients"),
    ("post", "/admin/resources/{id}/delete", "change clients"),
    ("get", "/admin/registration-tokens", "read clients"),
    ("post", "/admin/registration-tokens", "change clients"),
    ("post", "/admin/registration-tokens/revoke", "change clients"),
    ("get", "/admin/providers", "read providers"),
    ("get", "/admin/new-provider", "change providers"),
    ("get", "/admin/new-provider/{preset}", "change providers"),
    ("post", "/admin/new-provider/{preset}", "change providers"),
    ("get", "/admin/providers/{slug}", "read providers"),
    ("post", "/admin/providers/{slug}", "change providers"),
    ("post", "/admin/providers/{slug}/check", "change providers"),
    ("get", "/admin/providers/{slug}/disable", "change providers"),
    ("post", "/admin/providers/{slug}/disable", "change providers"),
    ("post", "/admin/providers/{slug}/enable", "change providers"),
    ("get", "/admin/providers/{slug}/delete", "change providers"),
    ("post", "/admin/providers/{slug}/delete", "change providers"),
    ("get", "/admin/keys", "read keys"),
    ("get", "/admin/keys/rotate", "change keys"),
    ("post", "/admin/keys/rotate", "change keys"),
    ("get", "/admin/keys/{kid}/drop", "change keys"),
    ("post", "/admin/keys/{kid}/drop", "change keys"),
    ("get", "/admin/audit", "read the audit"),
    ("get", "/admin/audit/export", "read the audit"),
    ("get", "/admin/settings", "read settings"),
    ("get", "/debug/token", "read clients"),
    ("post", "/debug/token", "read clients"),
    ("get", "/admin/webhooks", "read clients"),
    ("get", "/admin/new-webhook", "change clients"),
    ("post", "/admin/new-webhook", "change clients"),
    ("get", "/admin/webhooks/{id}", "read clients"),
    ("post", "/admin/webhooks/{id}/secret", "change secrets"),
    ("post", "/admin/webhooks/{id}/replay", "change clients"),
    ("get", "/admin/webhooks/{id}/delete", "change clients"),
    ("post", "/admin/webhooks/{id}/delete", "change clients"),
    ("get", "/admin/scim-tokens", "read clients"),
    ("post", "/admin/scim-tokens", "change secrets"),
    ("get", "/admin/scim-tokens/{id}/revoke", "change secrets"),
    ("post", "/admin/scim-tokens/{id}/revoke", "change secrets"),
    ("get", "/admin/scopes", "read clients"),
    ("get", "/admin/new-scope", "change clients"),
    ("post", "/admin/new-scope", "change clients"),
    ("get", "/admin/scopes/{name}", "read clients"),
    ("post", "/admin/scopes/{name}", "change clients"),
    ("get", "/admin/scopes/{name}/delete", "change clients"),
    ("post", "/admin/scopes/{name}/delete", "change clients"),
    ("get", "/admin/attributes", "read clients"),
    ("get", "/admin/new-attribute", "change clients"),
    ("post", "/admin/new-attribute", "change clients"),
    ("get", "/admin/attributes/{name}", "read clients"),
    ("post", "/admin/attributes/{name}", "change clients"),
    ("get", "/admin/attributes/{name}/delete", "change clients"),
    ("post", "/admin/attributes/{name}/delete", "change clients"),
];

/// Gives a person a role.
pub(crate) async fn grant(server: &Server, name: &str, role: AdminRole) {
    let store = &server.inner.services().store;
    roles::grant(&May::operator(), store, server.now(), Who::Name(name), role)
        .await
        .expect("granted");
}

/// A browser in which somebody with this role is signed in, and the page that they asked for.
pub(crate) async fn visitor(
    server: &Server,
    name: &str,
    role: Option<AdminRole>,
    path: &str,
) -> (Browser, Page) {
    server.user(name, Some(PASSWORD)).await;
    if let Some(role) = role {
        grant(server, name, role).await;
    }
    let mut browser = server.browser();
    let login = browser.open(path).await;
    assert!(login.has("login-submit"), "{path}: {}", login.reply.text);
    let page = browser.sign_in_as(&login, name, PASSWORD).await;
    (browser, page)
}

/// An owner in the console.
pub(crate) async fn owner(server: &Server) -> Browser {
    visitor(server, "boss", Some(AdminRole::Owner), "/admin/").await.0
}

/// Sends a form that is on a page of the console, and follows the answer.
pub(crate) async fn send(
    browser: &mut Browser,
    page: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> Page {
    let page = browser.open(page).await;
    let sent = browser.send_account(&page, path, fields).await;
    browser.follow(sent).await
}

#[test]
fn the_table_has_every_page_and_every_form() {
    let listed: Vec<_> = RIGHTS.iter().map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(listed, OPERATIONS);
    for (_, path) in OPERATIONS {
        assert_eq!(mapae::domain::urls::template(path, ""), Some(*path));
    }
}

both! {
    async fn every_page_and_form_is_open_to_exactly_the_roles_that_have_its_right(database) {
        let server = Server::start(&database).await;
        let mut visitors = Vec::new();
        for role in AdminRole::ALL {
            let (browser, page) = visitor(&server, role.as_str(), Some(*role), "/admin/").await;
            assert_eq!(page.reply.status, 200, "{role:?}: {}", page.reply.text);
            visitors.push((role.as_str(), role.rights(), browser));
        }
        let (mut nobody, page) = visitor(&server, "nobody", None, "/admin/").await;
        page.is_error("forbidden");
        assert!(page.reply.status == 403 && page.reply.text.contains("has no role here"), "{}", page.reply.text);
        nobody.open("/account").await;
        visitors.push(("nobody", Rights::default(), nobody));
        for (method, template, right) in RIGHTS {
            let right: AdminRight = right.parse().expect("a right");
            let path = template
                .replace("{id}", "00000000-0000-7000-8000-000000000000")
                .replace("{kind}", "web").replace("{preset}", "google")
                .replace("{slug}", "google").replace("{kid}", "nobody");
            for (name, rights, browser) in &mut visitors {
                let page = if *method == "get" {
                    browser.get(&path).await
                } else {
                    let account = browser.open("/account").await;
                    browser.send_account(&account, &path, &[]).await
                };
                let is_open = page.reply.status != 403;
                assert_eq!(is_open, rights.contains(right), "{name} {method} {path}: {} {}", page.reply.status, page.reply.text);
                assert!(!page.reply.status.is_server_error(), "{name} {method} {path}: {}", page.reply.text);
            }
            // Without a session: to the sign-in page, which comes back to the page of the form.
            let mut stranger = server.browser();
            let page = match *method {
                "get" => stranger.get(&path).await,
                _ => stranger.post(&path, &[("csrf", "x")]).await,
            };
            assert_eq!(page.reply.status, 303, "{method} {path}: {}", page.reply.text);
            assert!(page.location().expect("a redirect").starts_with("/login?"), "{path}");
        }
    }
}

both! {
    async fn a_form_of_the_console_needs_the_token_of_its_page(database) {
        let server = Server::start(&database).await;
        let alice = server.alice().await;
        let mut browser = owner(&server).await;
        let page = browser.open(&format!("/admin/people/{alice}")).await;
        let session = page.hidden("session");
        let path = format!("/admin/people/{alice}/disable");
        let forged = [("session", session.as_str()), ("csrf", "x")];
        browser.post(&path, &forged).await.is_error("forbidden");
        let csrf = page.hidden("csrf");
        let other_site = browser.clone().saying("sec-fetch-site", "cross-site");
        let fields = [("session", session.as_str()), ("csrf", csrf.as_str())];
        { other_site }.post(&path, &fields).await.is_error("forbidden");
        assert!(server.evidence().await.events_of("user.disabled").await.is_empty());
    }
}

both! {
    async fn people_are_searched_and_read_page_by_page(database) {
        let server = Server::start(&database).await;
        let mut browser = owner(&server).await;
        for number in 0..30 {
            server.user(&format!("ant{number:02}"), None).await;
        }
        let bee = server.user("bee", None).await;
        let page = browser.open("/admin/people?search=ANT").await;
        assert!(page.has("admin-search") && page.reply.text.contains("ant00"));
        assert!(!page.reply.text.contains(">bee<") && !page.reply.text.contains("ant29"));
        assert_eq!(page.field("search").as_deref(), Some("ANT"));
        let next = page.attribute_of("id=\"people-next\"", "href").expect("a next page");
        let last = browser.open(&next.replace("&#38;", "&")).await;
        assert!(last.reply.text.contains("ant29") && !last.has("people-next"), "{}", last.reply.text);
        // What logs name is an id.
        let found = browser.open(&format!("/admin/people?search={bee}")).await;
        assert!(found.reply.text.contains(&format!("/admin/people/{bee}?session=")));
        let none = browser.open("/admin/people?search=zebra").await;
        assert!(none.reply.text.contains("Nobody was found."));
        let bad = browser.open("/admin/people?after=nonsense").await;
        assert_eq!(bad.reply.status, 422, "{}", bad.reply.text);
        for path in ["/admin/people/%00", "/admin/people/%FF", "/admin/apps/%FF", "/admin/new-app/%FF", "/admin/apps/a%00b", "/admin/people?search=%00", "/admin/audit?kind=%00&user=%00", "/admin/groups?after=%00", "/admin/groups/members?name=%00"] {
            let page = browser.open(path).await;
            assert!(!page.reply.status.is_server_error(), "{path}: {}", page.reply.text);
        }
        let gone = browser.open("/admin/people/nobody").await;
        assert_eq!(gone.reply.status, 404, "{}", gone.reply.text);
    }
}

both! {
    async fn a_person_is_disabled_after_a_page_that_says_what_ends(database) {
        let server = Server::start(&database).await;
        let alice = server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (_, first) = app.password("openid").await.pair();
        let (_, second) = app.password("openid").await.pair();
        let mut browser = owner(&server).await;
        let path = format!("/admin/people/{alice}");
        let page = browser.open(&path).await;
        assert!(page.has("user-disable") && page.has("user-logout") && page.has("session-end-2"));
        assert!(page.reply.text.contains("2 sessions at apps · One app"), "{}", page.reply.text);
        let ask = browser.open(&format!("{path}/disable")).await;
        assert!(ask.has("user-disable-confirm") && ask.reply.text.contains("2 sessions at apps"));
        app.refresh(&first).await.ok();
        // One session ends, then every one.
        let sid = page.hidden("sid");
        let ended = send(&mut browser, &path, &format!("{path}/end"), &[("sid", &sid)]).await;
        assert!(ended.reply.text.contains("The session has ended."), "{}", ended.reply.text);
        let done = send(&mut browser, &format!("{path}/disable"), &format!("{path}/disable"), &[]).await;
        assert!(done.url.contains(&path) && done.has("user-enable"), "{}", done.reply.text);
        assert!(done.reply.text.contains("It is disabled, and what was open has ended."));
        assert_eq!(app.refresh(&second).await.status, 400);
        // A link that somebody else made says nothing.
        let said = browser.open(&format!("{path}?done=deleted&said=x")).await;
        assert!(!said.reply.text.contains("It is deleted."));
        let enabled = send(&mut browser, &path, &format!("{path}/enable"), &[]).await;
        assert!(enabled.has("user-disable"));
        app.password("openid").await.ok();
        let out = send(&mut browser, &path, &format!("{path}/logout"), &[]).await;
        assert!(out.reply.text.contains("Every session has ended."));
        let events = server.evidence().await.events_of("user.disabled").await;
        assert!(events.len() == 1 && events[0].address.is_some());
        let deleted = send(&mut browser, &format!("{path}/delete"), &format!("{path}/delete"), &[]).await;
        assert!(deleted.reply.text.contains("It is deleted.") && deleted.has("admin-search"));
        assert_eq!(browser.open(&path).await.reply.status, 404);
    }
}

both! {
    async fn people_are_made_invited_recovered_and_put_into_groups(database) {
        let server = Server::start(&database).await;
        let mut browser = owner(&server).await;
        let new = [("username", "bora"), ("name", "Bora Kim"), ("email", "bora@example.com"), ("email_verified", "yes")];
        let made = send(&mut browser, "/admin/people/new", "/admin/people", &new).await;
        assert!(made.reply.text.contains("Bora Kim") && made.reply.text.contains("bora@example.com (verified)"), "{}", made.reply.text);
        let path = made.url.split('?').next().unwrap().to_owned();
        let path = &path[path.find("/admin").unwrap()..];
        let again = send(&mut browser, "/admin/people/new", "/admin/people", &new).await;
        assert_eq!(again.reply.status, 409);
        assert!(again.has("console-problem") && again.field("username").as_deref() == Some("bora"));
        // Without mail, links are shown.
        let link = send(&mut browser, path, &format!("{path}/recover"), &[]).await;
        assert!(link.value_of("person-link").contains("/recover?"), "{}", link.reply.text);
        let invited = send(&mut browser, "/admin/people/new", "/admin/people/invite", &[("guest", "guest@example.com")]).await;
        assert!(invited.value_of("person-link").contains("/sign-up/invitation?"), "{}", invited.reply.text);
        let unknown = send(&mut browser, path, &format!("{path}/groups"), &[("group", "staff")]).await;
        assert_eq!(unknown.reply.status, 404, "{}", unknown.reply.text);
        let store = &server.inner.services().store;
        groups::create(&May::operator(), store, server.now(), "staff").await.expect("a group");
        let added = send(&mut browser, path, &format!("{path}/groups"), &[("group", "staff")]).await;
        assert!(added.has("group-remove-1"), "{}", added.reply.text);
        let removed = send(&mut browser, path, &format!("{path}/groups"), &[("remove", "staff")]).await;
        assert!(!removed.has("group-remove-1"));
    }
}

both! {
    async fn roles_are_given_within_ones_own_rights_and_after_a_fresh_proof(database) {
        let server = Server::start(&database).await;
        let alice = server.alice().await;
        let (mut admin, _) = visitor(&server, "manager", Some(AdminRole::Admin), "/admin/").await;
        let path = format!("/admin/people/{alice}");
        let roles = format!("{path}/roles");
        let granted = send(&mut admin, &path, &roles, &[("role", "support")]).await;
        assert!(granted.has("role-revoke-1") && granted.has("role-grant"), "{}", granted.reply.text);
        let refused = send(&mut admin, &path, &roles, &[("role", "owner")]).await;
        assert_eq!(refused.reply.status, 403, "{}", refused.reply.text);
        assert!(refused.has("console-problem"));
        // Sixteen minutes later they prove again who they are, and come back to the same person.
        server.advance(16 * 60);
        let login = send(&mut admin, &path, &roles, &[("revoke", "support")]).await;
        assert!(login.has("login-submit"), "{}", login.reply.text);
        let back = admin.sign_in_as(&login, "manager", PASSWORD).await;
        assert!(back.url.contains(&path), "{}", back.url);
        assert!(back.reply.text.contains("You can make the change now."), "{}", back.reply.text);
        let revoked = send(&mut admin, &path, &roles, &[("revoke", "support")]).await;
        assert!(!revoked.has("role-revoke-1"));
        // What is not dangerous needs no fresh proof.
        server.advance(16 * 60);
        assert!(send(&mut admin, &path, &format!("{path}/logout"), &[]).await.has("user-logout"));
    }
}

both! {
    async fn a_support_person_gets_nothing_of_an_owner(database) {
        let server = Server::start(&database).await;
        let boss = server.user("boss", Some(PASSWORD)).await;
        grant(&server, "boss", AdminRole::Owner).await;
        let (mut support, page) = visitor(&server, "helper", Some(AdminRole::Support), "/admin/people").await;
        assert!(page.has("admin-search") && !page.has("to-audit"), "{}", page.reply.text);
        let path = format!("/admin/people/{boss}");
        for form in ["disable", "logout", "recover", "reset-factors", "delete", "roles"] {
            let page = send(&mut support, &path, &format!("{path}/{form}"), &[("role", "owner")]).await;
            assert_eq!(page.reply.status, 403, "{form}: {}", page.reply.text);
        }
        assert!(!support.open(&path).await.has("role-grant"));
    }
}

both! {
    async fn a_support_person_deletes_no_group_that_an_owner_is_in(database) {
        let server = Server::start(&database).await;
        let boss = server.user("boss", Some(PASSWORD)).await;
        grant(&server, "boss", AdminRole::Owner).await;
        let (store, clock, target) = (&server.inner.services().store, server.now(), Target::named("boss"));
        groups::create(&May::operator(), store, clock, "staff").await.expect("a group");
        groups::add_member(&May::operator(), store, clock, target, "staff").await.expect("added");
        let (mut support, _) = visitor(&server, "helper", Some(AdminRole::Support), "/admin/groups").await;
        let (page, form, fields) = ("/admin/groups/delete?name=staff", "/admin/groups/delete", [("name", "staff")]);
        let refused = send(&mut support, page, form, &fields).await;
        assert_eq!(refused.reply.status, 403, "{}", refused.reply.text);
        assert!(refused.has("console-problem") && refused.reply.text.contains("more rights than yours"));
        assert!(support.open("/admin/groups/members?name=staff").await.reply.text.contains(&boss));
        // Without the owner it is deleted.
        groups::remove_member(&May::operator(), store, clock, target, "staff").await.expect("removed");
        let gone = send(&mut support, page, form, &fields).await;
        assert!(gone.reply.text.contains("It is deleted."), "{}", gone.reply.text);
    }
}

both! {
    async fn a_change_needs_the_second_factor_of_who_has_one(database) {
        let server = Server::start(&database).await;
        let bee = server.user("bee", None).await;
        server.alice().await;
        grant(&server, "alice", AdminRole::Owner).await;
        let mut browser = server.browser();
        let authenticator = browser.enroll(&server).await;
        let mut other = server.browser();
        let login = other.open("/admin/people").await;
        let factor = other.sign_in(&login).await;
        assert!(factor.has("totp-submit"), "{}", factor.reply.text);
        let page = other.second_factor(&factor, &[("code", &authenticator.code(&server, 0))]).await;
        assert!(page.has("admin-search"), "{}", page.reply.text);
        let path = format!("/admin/people/{bee}");
        let done = send(&mut other, &path, &format!("{path}/logout"), &[]).await;
        assert!(done.reply.text.contains("Every session has ended."), "{}", done.reply.text);
    }
}

both! {
    async fn the_audit_is_filtered_read_page_by_page_and_exported(database) {
        let server = Server::start(&database).await;
        let mut browser = owner(&server).await;
        for number in 0..60 {
            server.user(&format!("ant{number:02}"), None).await;
        }
        let page = browser.open("/admin/audit?kind=user.created").await;
        assert!(page.reply.text.contains("user.created") && !page.reply.text.contains("role.granted"));
        let next = page.attribute_of("id=\"audit-next\"", "href").expect("a next page");
        assert!(!browser.open(&next.replace("&#38;", "&")).await.has("audit-next"));
        // Who follows gets the first page again, with the same filter, by a link or by the script.
        let link = |page: &Page, id: &str| {
            let href = page.attribute_of(&format!("id=\"{id}\""), "href").expect("a link");
            href.replace("&#38;", "&")
        };
        let plain = browser.open("/admin/audit?kind=user.created").await;
        assert!(!plain.has("audit-refresh") && !plain.has("audit-stop"));
        let followed = browser.open(&link(&plain, "audit-follow")).await;
        let refresh = link(&followed, "audit-refresh");
        assert!(refresh.contains("kind=user.created") && refresh.contains("follow=yes"), "{refresh}");
        let later = server.user("later", None).await;
        let refreshed = browser.open(&refresh).await;
        assert!(refreshed.reply.text.contains(&later) && !followed.reply.text.contains(&later));
        assert!(refreshed.has("audit-refresh") && !browser.open(&link(&refreshed, "audit-stop")).await.has("audit-refresh"));
        let of_boss = browser.open("/admin/audit?user=boss").await;
        assert!(of_boss.reply.text.contains("role.granted") && !of_boss.has("audit-next"));
        let file = browser.open("/admin/audit/export?kind=user.created").await.reply;
        assert_eq!(file.header("content-type"), "application/x-ndjson");
        assert_eq!(file.text.lines().count(), 62, "{}", file.text);
        for line in file.text.lines() {
            let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(event["event"], "user.created");
        }
        assert_eq!(browser.open("/admin/audit?since=yesterday").await.reply.status, 422);
    }
}

both! {
    async fn the_console_speaks_korean_and_stands_below_the_path_of_the_issuer(database) {
        let server = Server::start(&database).await;
        let mut browser = owner(&server).await;
        let page = browser.open("/admin/people?lang=ko").await;
        assert!(page.language() == "ko" && page.reply.text.contains("새 사람"), "{}", page.reply.text);
        let policy = page.reply.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.reply.header("cross-origin-opener-policy"), "same-origin");
    }
}

both! {
    async fn an_app_is_made_by_a_wizard_and_ends_with_code_that_names_it(database) {
        let server = Server::start(&database).await;
        let mut browser = owner(&server).await;
        let choice = browser.open("/admin/new-app").await;
        for kind in ["web", "single-page", "native", "service", "resource", "mcp"] {
            assert!(choice.reply.text.contains(&format!("/admin/new-app/{kind}?session=")), "{kind}");
        }
        let path = "/admin/new-app/web";
        let fields = [("client_name", "Books"), ("client_id", "books"), ("redirect_uris", "https://books.example/cb"), ("scope", "openid email")];
        let made = send(&mut browser, path, path, &fields).await;
        assert_eq!(made.reply.status, 200, "{}", made.reply.text);
        let secret = made.value_of("client-secret");
        assert!(secret.len() > 30 && made.value_of("client-id") == "books");
        let code = browser.open("/admin/apps/books/snippets?language=node").await;
        assert!(code.reply.text.contains("&#39;books&#39;") && code.reply.text.contains(server.issuer()), "{}", code.reply.text);
        assert!(!code.reply.text.contains(&secret));
        // The secret works, and is not shown again.
        let page = browser.open("/admin/apps/books").await;
        assert!(page.has("client-secret-rotate") && !page.reply.text.contains(&secret));
        // A wrong address is said beside what was typed.
        let fields = [("client_name", "Bad"), ("client_id", "bad"), ("redirect_uris", "javascript:alert(1)")];
        let bad = send(&mut browser, path, path, &fields).await;
        assert_eq!(bad.reply.status, 422, "{}", bad.reply.text);
        assert!(bad.has("console-problem") && bad.field("client_name").as_deref() == Some("Bad"));
        // A single-page app keeps no secret, and its origin may read answers.
        let path = "/admin/new-app/single-page";
        let fields = [("client_name", "Single"), ("redirect_uris", "https://spa.example/cb"), ("scope", "openid")];
        let made = send(&mut browser, path, path, &fields).await;
        assert!(!made.has("client-secret"), "{}", made.reply.text);
        let id = made.value_of("client-id");
        assert!(id.starts_with("single-"), "{id}");
        let page = browser.open(&format!("/admin/apps/{id}")).await;
        assert!(page.reply.text.contains(">\nhttps://spa.example</textarea>"), "{}", page.reply.text);
        for (kind, field) in [("service", ("scope", "read")), ("resource", ("audience", "https://api.example")), ("mcp", ("audience", "https://mcp.example"))] {
            let path = format!("/admin/new-app/{kind}");
            let made = send(&mut browser, &path, &path, &[("client_name", kind), ("client_id", kind), field]).await;
            assert!(made.has("client-secret"), "{kind}: {}", made.reply.text);
        }
    }
}

both! {
    async fn an_app_is_changed_and_its_secret_rotated_without_an_outage(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        server.alice().await;
        let mut browser = owner(&server).await;
        let page = browser.open("/admin/apps/app").await;
        let version = page.hidden("version");
        let change = [("version", version.as_str()), ("client_name", "New name"), ("redirect_uris", "https://a.example/cb\n https://b.example/cb \n"), ("scope", "email openid")];
        let saved = send(&mut browser, "/admin/apps/app", "/admin/apps/app", &change).await;
        assert!(saved.reply.text.contains("Saved.") && saved.reply.text.contains("https://b.example/cb"), "{}", saved.reply.text);
        // Whoever saw it before that changes nothing.
        let late = send(&mut browser, "/admin/apps/app", "/admin/apps/app", &change).await;
        assert_eq!(late.reply.status, 409, "{}", late.reply.text);
        let made = send(&mut browser, "/admin/apps/app", "/admin/apps/app/secret", &[("overlap", "1")]).await;
        let secret = made.value_of("client-secret");
        let newer = App { secret: Some(secret), ..app.clone() };
        newer.password("openid").await.ok();
        app.password("openid").await.ok();
        let page = browser.open("/admin/apps/app").await;
        assert!(page.has("client-secret-drop-2"));
        server.advance(3601);
        app.password("openid").await.refused(401, "invalid_client");
        newer.password("openid").await.ok();
        // Sixteen minutes after the sign-in a secret needs a fresh proof.
        let login = send(&mut browser, "/admin/apps/app", "/admin/apps/app/secret", &[]).await;
        assert!(login.has("login-submit"), "{}", login.reply.text);
        let back = browser.sign_in_as(&login, "boss", PASSWORD).await;
        assert!(back.url.contains("/admin/apps/app?"), "{}", back.url);
        let roles = send(&mut browser, "/admin/apps/app", "/admin/apps/app/roles", &[("role", "editor")]).await;
        assert!(roles.has("client-role-delete-1"));
        let shown = browser.open("/admin/apps/app/preview?user=alice&scope=openid").await;
        assert!(shown.has("preview-access-token") && shown.has("preview-id-token"), "{}", shown.reply.text);
        let unknown = browser.open("/admin/apps/app/preview?user=nobody").await;
        assert_eq!(unknown.reply.status, 404, "{}", unknown.reply.text);
        // Closed after a page that says what ends.
        let (_, refresh) = newer.password("openid").await.pair();
        let ask = browser.open("/admin/apps/app/disable").await;
        assert!(ask.has("client-disable-confirm") && ask.reply.text.contains("sessions of people"), "{}", ask.reply.text);
        let done = send(&mut browser, "/admin/apps/app/disable", "/admin/apps/app/disable", &[]).await;
        assert!(done.has("client-enable"), "{}", done.reply.text);
        assert_ne!(newer.refresh(&refresh).await.status, 200);
        assert!(send(&mut browser, "/admin/apps/app", "/admin/apps/app/enable", &[]).await.has("client-disable"));
        let deleted = send(&mut browser, "/admin/apps/app/delete", "/admin/apps/app/delete", &[]).await;
        assert!(deleted.has("apps-search"), "{}", deleted.reply.text);
        assert_eq!(browser.open("/admin/apps/app").await.reply.status, 404);
    }
}

both! {
    async fn an_app_gets_lifetimes_of_its_own_and_loses_them(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        server.alice().await;
        let mut browser = owner(&server).await;
        let path = "/admin/apps/app";
        let usual = app.password("openid").await.ok().json()["expires_in"].clone();
        let mut version = browser.open(path).await.hidden("version");
        let typed = [("version", &*version), ("access_lifetime", "90"), ("refresh_idle", "2h"), ("refresh_absolute", "1d")];
        let saved = send(&mut browser, path, path, &typed).await;
        let shown = ["access_lifetime", "refresh_idle", "refresh_absolute"].map(|name| saved.field(name).unwrap());
        assert_eq!(shown, ["90s", "2h", "1d"], "{}", saved.reply.text);
        server.forget_clients();
        assert_eq!(app.password("openid").await.ok().json()["expires_in"], 90);
        version = saved.hidden("version");
        for (name, bad, why) in [
            ("access_lifetime", "soon", "access_lifetime is not a duration"),
            ("access_lifetime", "90d", "access_lifetime"),
            ("session_lifetime", "59s", "session_lifetime"),
        ] {
            let refused = send(&mut browser, path, path, &[("version", &*version), (name, bad)]).await;
            assert!(refused.reply.status == 422 && refused.reply.text.contains(why), "{bad}: {}", refused.reply.text);
        }
        let logout = [("version", &*version), ("backchannel_logout_uri", "https://app.example/out")];
        version = send(&mut browser, path, path, &logout).await.hidden("version");
        // A browser sends every field of a form, those that somebody emptied too.
        let cleared = [("version", &*version), ("access_lifetime", ""), ("refresh_idle", " "), ("refresh_absolute", ""), ("backchannel_logout_uri", "")];
        let cleared = send(&mut browser, path, path, &cleared).await;
        assert_eq!(cleared.field("backchannel_logout_uri").as_deref(), Some(""), "{}", cleared.reply.text);
        assert_eq!(cleared.field("refresh_idle").as_deref(), Some(""), "{}", cleared.reply.text);
        server.forget_clients();
        assert_eq!(app.password("openid").await.ok().json()["expires_in"], usual);
    }
}

both! {
    async fn keys_are_rotated_after_a_page_that_says_what_happens(database) {
        let server = Server::start(&database).await;
        let mut browser = owner(&server).await;
        http().get(server.url("/.well-known/jwks.json")).header("user-agent", "Verifier/1").send().await.expect("keys");
        let page = browser.open("/admin/keys").await;
        assert!(page.has("key-rotate") && page.reply.text.contains("Signing"), "{}", page.reply.text);
        let before = page.reply.text.matches("class=\"bar\"").count();
        let ask = browser.open("/admin/keys/rotate").await;
        assert!(ask.has("key-rotate-confirm") && ask.reply.text.contains("sign in 2 hours"), "{}", ask.reply.text);
        let done = send(&mut browser, "/admin/keys/rotate", "/admin/keys/rotate", &[("alg", "ES256")]).await;
        assert!(done.reply.text.contains("There are new keys."), "{}", done.reply.text);
        assert_eq!(done.reply.text.matches("class=\"bar\"").count(), before + 1);
        let bad = send(&mut browser, "/admin/keys/rotate", "/admin/keys/rotate", &[("alg", "HS256")]).await;
        assert_eq!(bad.reply.status, 422);
        let drop = done.attribute_of("id=\"key-drop-1\"", "href").expect("a link");
        let ask = browser.open(&drop.replace("&#38;", "&")).await;
        assert!(ask.has("key-drop-confirm"));
        server.advance(16 * 60);
        assert!(browser.open("/admin/keys/rotate").await.has("login-submit"));
    }
}

both! {
    async fn groups_are_made_filled_and_deleted(database) {
        let server = Server::start(&database).await;
        let bee = server.user("bee", None).await;
        let mut browser = owner(&server).await;
        let name = "a/b & <c> é";
        let made = send(&mut browser, "/admin/groups", "/admin/groups", &[("name", name)]).await;
        assert!(made.reply.text.contains("a/b &#38; &#60;c&#62; é"), "{}", made.reply.text);
        let twice = send(&mut browser, "/admin/groups", "/admin/groups", &[("name", name)]).await;
        assert_eq!(twice.reply.status, 409);
        let path = format!("/admin/people/{bee}");
        send(&mut browser, &path, &format!("{path}/groups"), &[("group", name)]).await;
        let query: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let members = browser.open(&format!("/admin/groups/members?name={query}")).await;
        assert!(members.reply.text.contains(&bee) && members.has("group-delete"), "{}", members.reply.text);
        let page = format!("/admin/groups/delete?name={query}");
        assert!(browser.open(&page).await.reply.text.contains("One member"));
        let gone = send(&mut browser, &page, "/admin/groups/delete", &[("name", name)]).await;
        assert!(gone.reply.text.contains("It is deleted.") && !gone.reply.text.contains("a/b"), "{}", gone.reply.text);
    }
}

both! {
    async fn a_provider_is_chosen_added_turned_off_and_deleted(database) {
        let server = Server::start(&database).await;
        let mut browser = owner(&server).await;
        assert!(browser.open("/admin/new-provider").await.reply.text.contains("/admin/new-provider/kakao?session="));
        let form = browser.open("/admin/new-provider/kakao").await;
        assert_eq!(form.value_of("provider-redirect-uri"), format!("{}/login/callback/kakao", server.issuer()));
        let path = "/admin/new-provider/kakao";
        let keys = [("slug", "kakao"), ("client_id", "rest-api-key"), ("client_secret", "Canary-of-a-provider")];
        let made = send(&mut browser, path, path, &keys).await;
        assert!(made.has("provider-check") && made.has("provider-disable"), "{}", made.reply.text);
        assert!(!made.reply.text.contains("Canary-of-a-provider"));
        let twice = send(&mut browser, path, path, &keys).await;
        assert_eq!(twice.reply.status, 409, "{}", twice.reply.text);
        assert!(!twice.reply.text.contains("Canary-of-a-provider") && twice.field("client_id").as_deref() == Some("rest-api-key"));
        let bad = send(&mut browser, path, path, &[("slug", "NO NO"), ("client_id", "x")]).await;
        assert_eq!(bad.reply.status, 422);
        let ask = browser.open("/admin/providers/kakao/disable").await;
        assert!(ask.has("provider-disable-confirm") && ask.reply.text.contains("0 connected accounts"), "{}", ask.reply.text);
        let off = send(&mut browser, "/admin/providers/kakao/disable", "/admin/providers/kakao/disable", &[]).await;
        assert!(off.has("provider-enable"), "{}", off.reply.text);
        assert!(send(&mut browser, "/admin/providers/kakao", "/admin/providers/kakao/enable", &[]).await.has("provider-disable"));
        let gone = send(&mut browser, "/admin/providers/kakao/delete", "/admin/providers/kakao/delete", &[]).await;
        assert!(gone.reply.text.contains("It is deleted."), "{}", gone.reply.text);
    }
}

both! {
    async fn the_groups_of_a_provider_are_mapped_to_ours(database) {
        let server = Server::start(&database).await;
        let mut browser = owner(&server).await;
        let (new, path) = ("/admin/new-provider/oidc", "/admin/providers/work");
        let typed = [("slug", "work"), ("client_id", "x"), ("client_secret", "y"), ("issuer", "https://work.example")];
        let page = send(&mut browser, new, new, &typed).await;
        let version = page.hidden("version");
        let change = [("version", &*version), ("group_claim", "groups"), ("group_map", "cn=staff=Staff\n\n admins=Administrators ")];
        let none = send(&mut browser, path, path, &change).await;
        assert!(none.reply.status == 422 && none.reply.text.contains("there is no group"), "{}", none.reply.text);
        for name in ["Staff", "Administrators"] {
            send(&mut browser, "/admin/groups", "/admin/groups", &[("name", name)]).await;
        }
        let saved = send(&mut browser, path, path, &change).await;
        assert!(saved.reply.text.contains("cn=staff=Staff\nadmins=Administrators"), "{}", saved.reply.text);
        assert_eq!(saved.field("group_claim").as_deref(), Some("groups"));
        // Whoever saw it before that changes nothing.
        assert_eq!(send(&mut browser, path, path, &change).await.reply.status, 409);
        let version = saved.hidden("version");
        let bad = send(&mut browser, path, path, &[("version", &*version), ("group_claim", "groups"), ("group_map", "staff")]).await;
        assert_eq!(bad.reply.status, 422, "{}", bad.reply.text);
        let cleared = send(&mut browser, path, path, &[("version", &*version), ("group_claim", ""), ("group_map", "")]).await;
        assert_eq!(cleared.field("group_claim").as_deref(), Some(""), "{}", cleared.reply.text);
        // A provider that cannot list groups has no such form.
        let kakao = "/admin/new-provider/kakao";
        let made = send(&mut browser, kakao, kakao, &[("slug", "kakao"), ("client_id", "x"), ("client_secret", "y")]).await;
        assert!(made.has("provider-check") && !made.has("provider-groups-save"), "{}", made.reply.text);
    }
}

both! {
    async fn settings_are_shown_without_secrets_and_the_overview_counts(database) {
        let file = "[mail]\nurl = \"smtp://user:Canary-of-mail@127.0.0.1:1\"\nfrom = \"id@example.com\"\n";
        let server = Server::start_of(&database, &[], file).await;
        let mut browser = owner(&server).await;
        let page = browser.open("/admin/settings").await;
        assert!(page.reply.text.contains("token.access_lifetime") && page.reply.text.contains("Settings file, line 2"), "{}", page.reply.text);
        assert!(!page.reply.text.contains("Canary-of-mail"));
        let overview = browser.open("/admin/").await;
        assert!(overview.has("chart-sign-ins") && overview.has("chart-refusals"), "{}", overview.reply.text);
        assert!(overview.reply.text.contains("at most one a day"), "{}", overview.reply.text);
        let app = server.client("app", |_| {}).await;
        server.alice().await;
        app.password("openid").await.ok();
        app.password_as("alice", "wrong", "openid").await;
        let tokens = app.password("openid offline_access").await.ok();
        app.refresh(&tokens.text("refresh_token")).await.ok();
        // What is counted is written a little later.
        eventually("the refresh is counted", async || browser.open("/admin/").await.reply.text.contains("Used 1")).await;
        let overview = browser.open("/admin/").await;
        assert!(overview.reply.text.contains("Password 3, Passkey 0, Provider 0"), "{}", overview.reply.text);
        assert!(overview.reply.text.contains("Refused 1"), "{}", overview.reply.text);
    }
}

both! {
    async fn a_refused_token_is_explained_to_people_with_a_role_alone(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (token, _) = app.password("openid").await.pair();
        let (mut auditor, _) = visitor(&server, "reader", Some(AdminRole::Auditor), "/debug/token").await;
        let good = send(&mut auditor, "/debug/token", "/debug/token", &[("token", &token)]).await;
        assert!(good.reply.text.contains("A strict verifier takes it."), "{}", good.reply.text);
        assert!(!good.reply.text.contains(&token));
        server.advance(3600);
        let old = send(&mut auditor, "/debug/token", "/debug/token", &[("token", &token)]).await;
        assert!(old.reply.text.contains("token_expired"), "{}", old.reply.text);
        let (_, page) = visitor(&server, "plain", None, "/debug/token").await;
        page.is_error("forbidden");
    }
}

/// Texts that people, apps, groups, providers, operators and settings bring are shown as texts on every
/// page.
mod hostile {
    use mapae::domain::scope::Scope;

    use super::*;

    const TEXT: &str = "\"><img src=x onerror=alert(1)>'{{7*7}}";

    /// A scope that nobody described is shown by its code.
    const SCOPE: &str = "openid said raw<b>";

    fn settings() -> String {
        format!(
            "[mail]\nfrom = \"<img src=x> <id@example.com>\"\n[[social]]\nslug = \"work\"\n\
             preset = \"oidc\"\nname = {TEXT:?}\nissuer = \"https://work.example\"\n\
             client_id = \"x<b>\"\nclient_secret = \"y\"\n"
        )
    }

    /// What operators name: a registration token, an attribute and its value, a scope, a resource, a
    /// webhook. Then the pages that show them, where each of them is.
    async fn named_by_operators(server: &Server, browser: &mut Browser) -> Vec<Page> {
        let tokens = "/admin/registration-tokens";
        let typed = [("name", TEXT), ("lifetime", "2h"), ("uses", "2")];
        send(browser, tokens, tokens, &typed).await;
        let (cli, value) = (server.cli().await, format!("desk={TEXT}"));
        let texts = ["--text-en", TEXT, "--text-ko", TEXT];
        let attribute = ["attribute", "create", "--name", "desk", "--type", "string"];
        let (resource, webhook) =
            ("https://api.example/?<img/src=x>", "https://hook.example/?<img/src=x>");
        for verb in [
            [&attribute[..], &["--scope", "hr", "--editable"], &texts].concat(),
            [&["scope", "create", "--name", "said"][..], &texts].concat(),
            vec!["user", "update", "--username", "boss", "--attribute", &value],
            vec!["resource", "create", "--id", resource, "--name", TEXT],
            vec!["webhook", "create", "--url", webhook, "--event", "user.deleted"],
        ] {
            cli.json(&verb, None).await;
        }
        let app = server.web_app("asking", |client| {
            client.metadata.scope = Scope::parse(SCOPE).expect("a scope");
        });
        let ask = app.await.authorization_url(&[("scope", SCOPE), ("prompt", "consent")]);
        let consent = browser.open(&ask).await;
        assert!(
            consent.reply.text.contains("<code>raw&#60;b&#62;</code>"),
            "{}",
            consent.reply.text
        );
        let mut pages = vec![server.browser().open(&ask).await, consent];
        for path in
            [tokens, "/account", "/admin/settings", "/admin/providers", "/admin/providers/work"]
        {
            pages.push(browser.open(path).await);
        }
        for page in &pages {
            assert!(
                page.reply.text.contains("&#60;img src=x"),
                "{}: {}",
                page.url,
                page.reply.text
            );
        }
        pages
    }

    both! {
        async fn no_stored_text_becomes_markup(database) {
            let server = Server::start_of(&database, &[("registration.mode", "token")], &settings()).await;
            let mut browser = owner(&server).await;
            let new = [("username", "bora"), ("name", TEXT), ("email", "bora@example.com")];
            let made = send(&mut browser, "/admin/people/new", "/admin/people", &new).await;
            let person = made.url[made.url.find("/admin").unwrap()..].split('?').next().unwrap().to_owned();
            send(&mut browser, "/admin/groups", "/admin/groups", &[("name", TEXT)]).await;
            send(&mut browser, &person, &format!("{person}/groups"), &[("group", TEXT)]).await;
            let kind = "/admin/new-app/web";
            let app = [("client_name", TEXT), ("client_id", "x\"><b>"), ("redirect_uris", "https://a.example/cb")];
            let made = send(&mut browser, kind, kind, &app).await;
            let role = "/admin/apps/x%22%3E%3Cb%3E/roles";
            send(&mut browser, "/admin/apps/x%22%3E%3Cb%3E", role, &[("role", "r\"><img src=x>")]).await;
            http().get(server.url("/.well-known/jwks.json")).header("user-agent", TEXT).send().await.expect("keys");
            let mut filled = vec![made];
            let store = &server.inner.services().store;
            let texts = std::collections::BTreeMap::from([("en".to_owned(), TEXT.to_owned())]);
            let new = NewAttribute { name: "motto".to_owned(), kind: AttributeType::String, scope: "hr".to_owned(), editable: true, texts: texts.clone() };
            attributes::create(&May::operator(), store, server.now(), new).await.expect("an attribute");
            filled.push(send(&mut browser, &person, &format!("{person}/attributes"), &[("attribute-motto", TEXT)]).await);
            scopes::create(&May::operator(), store, server.now(), "<b>", texts).await.expect("words");
            let app = "/admin/apps/x%22%3E%3Cb%3E";
            filled.push(send(&mut browser, app, app, &[("claims", &format!("motto={TEXT}"))]).await);
            let new = "/admin/new-resource";
            let resource = [("id", "https://a.example/\"><b>"), ("resource_name", TEXT), ("scope", "<b>")];
            filled.push(send(&mut browser, new, new, &resource).await);
            filled.push(send(&mut browser, new, new, &[("id", TEXT), ("access_lifetime", TEXT)]).await);
            assert!(filled.iter().all(|page| page.reply.text.contains("onerror=alert(1)&#62;")), "{filled:?}");
            let mut pages = named_by_operators(&server, &mut browser).await;
            pages.extend(filled);
            let query: String = url::form_urlencoded::byte_serialize(TEXT.as_bytes()).collect();
            for path in [
                "/admin/".to_owned(), "/admin/people".to_owned(), person.clone(), format!("{person}/disable"), format!("{person}/delete"),
                format!("/admin/people?search={query}"), "/admin/groups".to_owned(), format!("/admin/groups/members?name={query}"),
                format!("/admin/groups/delete?name={query}"), "/admin/apps".to_owned(), "/admin/apps/x%22%3E%3Cb%3E".to_owned(),
                "/admin/resources".to_owned(), "/admin/resources/https%3A%2F%2Fa.example%2F%22%3E%3Cb%3E".to_owned(),
                "/admin/resources/https%3A%2F%2Fa.example%2F%22%3E%3Cb%3E/delete".to_owned(), "/admin/apps/x%22%3E%3Cb%3E/snippets".to_owned(), "/admin/apps/x%22%3E%3Cb%3E/disable".to_owned(),
                format!("/admin/apps/x%22%3E%3Cb%3E/preview?user={query}"), "/admin/keys".to_owned(), "/admin/audit".to_owned(),
                format!("/admin/audit?kind={query}&user={query}&client={query}"), format!("/admin/new-app/{query}"),
                format!("/admin/people?lang={query}"), format!("/admin/people?session={query}"),
                "/admin/new-provider".to_owned(), format!("/admin/new-provider/{query}"), format!("/admin/providers/{query}"),
                "/admin/providers/work/disable".to_owned(), "/admin/providers/work/delete".to_owned(), "/account/apps".to_owned(),
            ] {
                pages.push(browser.open(&path).await);
            }
            for page in pages {
                for markup in ["<img src=x", "<img/src=x", "<b>"] {
                    assert!(!page.reply.text.contains(markup), "{}: {}", page.url, page.reply.text);
                }
                let policy = page.reply.header("content-security-policy");
                assert!(policy.contains("script-src 'self'") && policy.contains("default-src 'none'"), "{}: {policy}", page.url);
            }
        }
    }
}

both! {
    async fn registration_tokens_are_made_listed_and_ended(database) {
        let server = Server::start_with(&database, &[("registration.mode", "token")]).await;
        let mut browser = owner(&server).await;
        let (apps, page) = ("/admin/apps", "/admin/registration-tokens");
        let listed = browser.open(apps).await;
        assert!(listed.has("registration-tokens"), "{}", listed.reply.text);
        assert!(browser.open(page).await.reply.text.contains("There is no registration token."));
        let typed = [("name", "<b>Partner</b>"), ("lifetime", "2h"), ("uses", "2")];
        let made = send(&mut browser, page, page, &typed).await;
        let token = made.value_of("registration-token");
        assert!(token.starts_with("mapae_it_"), "{}", made.reply.text);
        let register = async || {
            let document = serde_json::json!({ "redirect_uris": ["https://app.example.com/cb"] });
            let sent = http().post(server.url("/register")).bearer_auth(&token).json(&document).send();
            sent.await.unwrap().status().as_u16()
        };
        assert_eq!(register().await, 201);
        let listed = browser.open(page).await;
        assert!(listed.reply.text.contains("One app may still be registered"), "{}", listed.reply.text);
        assert!(!listed.reply.text.contains(&token) && !listed.reply.text.contains("<b>Partner"));
        let korean = browser.open(&format!("{page}?lang=ko")).await;
        assert!(korean.reply.text.contains("앱을 1개 더 등록할 수 있어요"), "{}", korean.reply.text);
        browser.open(&format!("{page}?lang=en")).await;
        for (name, value) in [("lifetime", "soon"), ("lifetime", "0s"), ("uses", "0"), ("uses", "x"), ("uses", "10001")] {
            let bad = send(&mut browser, page, page, &[(name, value)]).await;
            assert!(bad.has("console-problem"), "{name} {value} {}", bad.reply.text);
        }
        let id = browser.open(page).await.hidden("id");
        let ended = send(&mut browser, page, &format!("{page}/revoke"), &[("id", &id)]).await;
        assert!(ended.reply.text.contains("No app can be registered with this token any more."), "{}", ended.reply.text);
        assert!(!ended.has("registration-token-revoke-1"));
        assert_eq!(register().await, 401);
        assert_eq!(send(&mut browser, page, &format!("{page}/revoke"), &[("id", &id)]).await.reply.status, 404);
        // Whoever only reads sees no form.
        let (mut auditor, _) = visitor(&server, "auditor", Some(AdminRole::Auditor), apps).await;
        let read = auditor.open(page).await;
        assert!(read.reply.status == 200 && !read.has("registration-token-create"), "{}", read.reply.text);
    }

    async fn the_page_of_registration_tokens_says_when_no_app_registers_itself(database) {
        let server = Server::start(&database).await;
        let mut browser = owner(&server).await;
        let page = browser.open("/admin/registration-tokens").await;
        assert!(page.reply.text.contains("registration.mode is off"), "{}", page.reply.text);
    }
}
