//! What the console sets up for the whole installation, in the section of the settings.

use mapae::domain::admin_role::AdminRole;
use serde_json::json;

use crate::console::{owner, send, visitor};
use crate::support::{Browser, Server, both, eventually, http};

both! {
    async fn what_is_set_up_for_the_whole_installation_is_made_changed_and_ended(database) {
        let server = Server::start_with(&database, &[("outbound.allow_private", "true")]).await;
        let mut browser = owner(&server).await;
        let (mut auditor, _) = visitor(&server, "reader", Some(AdminRole::Auditor), "/admin/settings").await;
        webhooks(&server, &mut browser, &mut auditor).await;
        scopes(&mut browser, &mut auditor).await;
        attribute_definitions(&server, &mut browser, &mut auditor).await;
        scim_tokens(&server, &mut browser, &mut auditor).await;
    }
}

/// The path of the first thing on a list.
async fn first(browser: &mut Browser, list: &str) -> String {
    let listed = browser.open(list).await;
    let href = listed.attribute_of("class=\"title\"", "href");
    let href = href.unwrap_or_else(|| panic!("no link: {}", listed.reply.text));
    href.split('?').next().expect("a path").to_owned()
}

async fn webhooks(server: &Server, browser: &mut Browser, auditor: &mut Browser) {
    let (list, new, url) = ("/admin/webhooks", "/admin/new-webhook", "http://127.0.0.1:1/hook");
    assert!(browser.open("/admin/settings").await.has("settings-webhooks"));
    let none = browser.open(list).await;
    assert!(none.reply.text.contains("There is no webhook yet."), "{}", none.reply.text);
    for (url, events) in [("nonsense", "*"), (url, "user.creatd"), (url, "")] {
        let bad = send(browser, new, new, &[("url", url), ("events", events)]).await;
        assert_eq!(bad.reply.status, 422, "{url} {events}: {}", bad.reply.text);
        assert!(bad.has("console-problem") && bad.field("url").as_deref() == Some(url));
    }
    let typed = [("url", url), ("events", "group.*\n sign_in.failed ")];
    let made = send(browser, new, new, &typed).await;
    let secret = made.value_of("webhook-secret");
    assert!(secret.starts_with("whsec_"), "{}", made.reply.text);
    let path = first(browser, list).await;
    let page = browser.open(&path).await;
    assert!(page.reply.text.contains("group.* sign_in.failed"), "{}", page.reply.text);
    assert!(page.reply.text.contains("0 messages wait") && !page.reply.text.contains(&secret));

    // What nobody took.
    let (id, evidence) = (path.rsplit('/').next().expect("an id"), server.evidence().await);
    let payload = json!({ "webhook": id, "event": "e", "body": "{}" });
    let due = server.now().now().timestamp_millis() + 3_600_000;
    let columns = "id, kind, target, payload, attempts, created_at, due_at";
    let values = format!("'m', 'webhook', '{id}', '{payload}', 2, 0, {due}");
    evidence.run(&format!("INSERT INTO outbox ({columns}) VALUES ({values})")).await;
    let page = browser.open(&path).await;
    for words in ["One message waits", "Not taken", "was sent 2 times"] {
        assert!(page.reply.text.contains(words), "{words}: {}", page.reply.text);
    }
    assert!(browser.open(list).await.reply.text.contains("Not taken"));
    let overview = browser.open("/admin/").await;
    assert!(overview.reply.text.contains("One message waits for its webhook"));
    let replay = format!("{path}/replay");
    let sent = send(browser, &path, &replay, &[]).await;
    assert!(sent.reply.text.contains("It is sent again."), "{}", sent.reply.text);
    eventually("the page says why it is not taken", async || {
        let page = browser.open(&path).await.reply.text;
        let words = ["connection refused", "Failed in a row", "Failing since"];
        words.iter().all(|it| page.contains(it))
    })
    .await;
    let unknown = send(browser, &path, &replay, &[("message", "nothing")]).await;
    assert_eq!(unknown.reply.status, 404, "{}", unknown.reply.text);
    let event = evidence.texts("SELECT CAST(id AS TEXT) AS text FROM audit_event LIMIT 1").await;
    send(browser, &path, &replay, &[("message", &event[0])]).await;
    let waiting = format!("SELECT count(*) AS n FROM outbox WHERE target = '{id}'");
    assert_eq!(evidence.count(&waiting).await, 2);

    let rotated = send(browser, &path, &format!("{path}/secret"), &[]).await;
    assert_ne!(rotated.value_of("webhook-secret"), secret);
    let page = browser.open(&path).await;
    assert!(page.reply.text.contains("The old secret signs until"), "{}", page.reply.text);
    // Whoever only reads sees no form.
    assert!(!auditor.open(list).await.has("webhook-new"));
    let read = auditor.open(&path).await;
    assert_eq!(read.reply.status, 200, "{}", read.reply.text);
    for id in ["webhook-secret-rotate", "webhook-replay", "webhook-delete"] {
        assert!(page.has(id) && !read.has(id), "{id}");
    }
    let delete = format!("{path}/delete");
    let ask = browser.open(&delete).await;
    assert!(ask.has("webhook-delete-confirm"), "{}", ask.reply.text);
    assert!(ask.reply.text.contains("2 messages wait"), "{}", ask.reply.text);
    let gone = send(browser, &delete, &delete, &[]).await;
    assert!(gone.reply.text.contains("It is deleted."), "{}", gone.reply.text);
    assert_eq!(evidence.count(&waiting).await, 0);
    assert_eq!(browser.open(&path).await.reply.status, 404);
}

async fn scim_tokens(server: &Server, browser: &mut Browser, auditor: &mut Browser) {
    let page = "/admin/scim-tokens";
    assert!(browser.open(page).await.reply.text.contains("There is no SCIM token."));
    for typed in [("", "365d"), ("entra", "soon"), ("entra", "0s")] {
        let bad = send(browser, page, page, &[("name", typed.0), ("lifetime", typed.1)]).await;
        assert!(bad.reply.status == 422 && bad.has("console-problem"), "{typed:?}");
    }
    let typed = [("name", "<b>entra</b>"), ("lifetime", "")];
    let made = send(browser, page, page, &typed).await;
    assert_eq!(made.value_of("scim-address"), format!("{}/scim/v2", server.issuer()));
    let token = made.value_of("scim-token");
    let people = async || {
        let sent = http().get(server.url("/scim/v2/Users")).bearer_auth(&token).send().await;
        sent.expect("an answer").status().as_u16()
    };
    assert_eq!(people().await, 200);
    let listed = browser.open(page).await;
    assert!(listed.reply.text.contains("Does not end by itself"), "{}", listed.reply.text);
    assert!(!listed.reply.text.contains(&token) && !listed.reply.text.contains("<b>entra"));
    let read = auditor.open(page).await;
    assert!(read.reply.text.contains("Does not end by itself"), "{}", read.reply.text);
    assert!(!read.has("scim-token-create") && !read.has("scim-token-revoke-1"));
    let href = listed.attribute_of("id=\"scim-token-revoke-1\"", "href").expect("a link");
    let revoke = href.split('?').next().expect("a path");
    assert!(browser.open(revoke).await.has("scim-token-revoke-confirm"));
    assert_eq!(people().await, 200);
    let ended = send(browser, revoke, revoke, &[]).await;
    assert!(ended.reply.text.contains("The token counts no longer."), "{}", ended.reply.text);
    assert_eq!(people().await, 401);
    assert_eq!(browser.open(revoke).await.reply.status, 404);
    // It outlives the session of whoever makes it.
    let form = browser.open(page).await;
    server.advance(16 * 60);
    let asked = browser.send_account(&form, page, &typed).await;
    assert!(browser.follow(asked).await.has("login-submit"));
}

async fn scopes(browser: &mut Browser, auditor: &mut Browser) {
    let (list, new) = ("/admin/scopes", "/admin/new-scope");
    assert!(browser.open(list).await.reply.text.contains("No scope has words yet."));
    let name = "https://api.example/orders";
    for (name, en) in [("openid", "x"), ("a b", "x"), (name, "")] {
        let bad = send(browser, new, new, &[("name", name), ("en", en)]).await;
        assert_eq!(bad.reply.status, 422, "{name} {en}: {}", bad.reply.text);
        assert!(bad.has("console-problem") && bad.field("name").as_deref() == Some(name));
    }
    let typed = [("name", name), ("en", "See <b>orders</b>"), ("ko", "")];
    let made = send(browser, new, new, &typed).await;
    assert!(made.reply.text.contains("It is made."), "{}", made.reply.text);
    assert_eq!(send(browser, new, new, &typed).await.reply.status, 409);
    let path = first(browser, list).await;
    let page = browser.open(&path).await;
    let version = page.hidden("version");
    let change = [("version", &*version), ("en", "See orders"), ("ko", "주문 보기")];
    let saved = send(browser, &path, &path, &change).await;
    assert!(saved.reply.text.contains("Saved."), "{}", saved.reply.text);
    assert_eq!(saved.field("ko").as_deref(), Some("주문 보기"));
    // Whoever saw it before that changes nothing.
    assert_eq!(send(browser, &path, &path, &change).await.reply.status, 409);
    let emptied = send(browser, &path, &path, &[("en", "Read orders"), ("ko", "")]).await;
    assert_eq!(emptied.reply.status, 422, "{}", emptied.reply.text);
    assert_eq!(emptied.field("en").as_deref(), Some("Read orders"));
    let listed = browser.open(list).await;
    for words in [name, "See orders", "주문 보기"] {
        assert!(listed.reply.text.contains(words), "{words}: {}", listed.reply.text);
    }
    assert!(!auditor.open(list).await.has("scope-new"));
    let read = auditor.open(&path).await;
    assert!(read.reply.text.contains("See orders") && !read.has("scope-save"));
    let delete = format!("{path}/delete");
    assert!(browser.open(&delete).await.has("scope-delete-confirm"));
    let gone = send(browser, &delete, &delete, &[]).await;
    assert!(gone.reply.text.contains("No scope has words yet."), "{}", gone.reply.text);
    assert_eq!(browser.open(&path).await.reply.status, 404);
}

async fn attribute_definitions(server: &Server, browser: &mut Browser, auditor: &mut Browser) {
    let (list, new) = ("/admin/attributes", "/admin/new-attribute");
    assert!(browser.open(list).await.reply.text.contains("No attribute is declared yet."));
    for (name, kind, scope) in [("email", "string", "hr"), ("a", "colour", "hr"), ("a", "date", "")]
    {
        let typed = [("name", name), ("type", kind), ("scope", scope)];
        let bad = send(browser, new, new, &typed).await;
        assert_eq!(bad.reply.status, 422, "{typed:?}: {}", bad.reply.text);
        assert!(bad.has("console-problem") && bad.field("name").as_deref() == Some(name));
    }
    let typed = [("name", "level"), ("type", "integer"), ("scope", "hr"), ("ko", "<b>직급")];
    let made = send(browser, new, new, &typed).await;
    assert!(made.reply.text.contains("It is made.") && !made.reply.text.contains("<b>직급"));
    assert_eq!(send(browser, new, new, &typed).await.reply.status, 409);
    let path = first(browser, list).await;
    let page = browser.open(&path).await;
    assert!(page.reply.text.contains("Whole number"), "{}", page.reply.text);
    assert_eq!(page.field("ko").as_deref(), Some("<b>직급"));
    let version = page.hidden("version");
    let seen = ("version", version.as_str());
    let change = [seen, ("scope", "staff"), ("editable", "yes"), ("en", "Level"), ("ko", "")];
    let saved = send(browser, &path, &path, &change).await;
    assert!(saved.reply.text.contains("Saved."), "{}", saved.reply.text);
    assert_eq!((saved.hidden("scope").as_str(), saved.field("ko").as_deref()), ("staff", Some("")));
    // Whoever saw it before that changes nothing.
    assert_eq!(send(browser, &path, &path, &change).await.reply.status, 409);
    let bad = send(browser, &path, &path, &[("scope", "a b"), ("en", "Rank")]).await;
    assert_eq!(bad.reply.status, 422, "{}", bad.reply.text);
    assert_eq!(bad.field("en").as_deref(), Some("Rank"));
    let listed = browser.open(list).await;
    assert!(listed.reply.text.contains("Changed by people themselves"), "{}", listed.reply.text);
    assert!(!auditor.open(list).await.has("attribute-new"));
    let read = auditor.open(&path).await;
    assert!(read.reply.text.contains("staff") && !read.has("attribute-save"));
    let (user, evidence) = (server.user("bee", None).await, server.evidence().await);
    let columns = "user_id, name, value";
    let put = format!("INSERT INTO attribute_value ({columns}) VALUES ('{user}', 'level', '7')");
    evidence.run(&put).await;
    let delete = format!("{path}/delete");
    let ask = browser.open(&delete).await;
    assert!(ask.reply.text.contains("The value of one person"), "{}", ask.reply.text);
    let gone = send(browser, &delete, &delete, &[]).await;
    assert!(gone.reply.text.contains("No attribute is declared yet."), "{}", gone.reply.text);
    assert_eq!(evidence.count("SELECT count(*) AS n FROM attribute_value").await, 0);
    assert_eq!(browser.open(&path).await.reply.status, 404);
}
