//! Resources in the console.

use std::collections::BTreeMap;

use mapae::admin::authority::May;
use mapae::admin::{resources, scopes};
use mapae::domain::admin_role::AdminRole;
use mapae::domain::console_urls::{RESOURCE, of};
use serde_json::{Map, Value, json};

use crate::console::{owner, send, visitor};
use crate::support::{Browser, Server, both};

const ID: &str = "https://orders.example.com/api?v=1";

/// Twenty-five are on a page.
async fn page_by_page(server: &Server, browser: &mut Browser) {
    let (store, list) = (&server.inner.services().store, "/admin/resources");
    let lifetimes = &server.inner.services().lifetimes;
    for number in 0..26 {
        let id = format!("https://api.example.com/{number:02}");
        resources::create(&May::operator(), store, server.now(), lifetimes, &id, &Map::new())
            .await
            .expect("a resource");
    }
    let page = browser.open(list).await;
    assert!(
        page.reply.text.contains("/24<") && !page.reply.text.contains("/25<"),
        "{}",
        page.reply.text
    );
    let next = page.attribute_of("id=\"resources-next\"", "href").expect("a next page");
    let last = browser.open(&next.replace("&#38;", "&")).await;
    assert!(last.reply.text.contains("/25<") && !last.has("resources-next"), "{}", last.reply.text);
}

both! {
    async fn a_resource_is_made_changed_and_deleted_and_a_refusal_is_said_at_its_field(database) {
        let server = Server::start(&database).await;
        let mut browser = owner(&server).await;
        let (list, new) = ("/admin/resources", "/admin/new-resource");
        assert!(browser.open("/admin/apps").await.has("resources"));
        let none = browser.open(list).await;
        assert!(none.reply.text.contains("There is no resource.") && none.has("resource-new"), "{}", none.reply.text);
        let usual = [("version", ""), ("id", ID), ("resource_name", "Orders"), ("scope", "orders:read"), ("status_list", "yes")];
        for (field, typed, wrong, why) in [
            ("id", "orders", "id", "is an absolute URI without a fragment"),
            ("scope", "a\"b", "scope", "a scope is a list of tokens"),
            ("access_lifetime", "soon", "access_lifetime", "access_lifetime is not a duration"),
            ("access_lifetime", "90d", "access_lifetime", "is at most what token.access_lifetime says"),
            // It has a query.
            ("mcp", "yes", "id", "the identifier of an MCP server"),
        ] {
            let refused = send(&mut browser, new, new, &with(&usual, field, typed)).await;
            assert!(refused.reply.status == 422 && refused.reply.text.contains(why), "{field} {typed}: {}", refused.reply.text);
            assert!(refused.has(&format!("console-{wrong}-problem")) && refused.has("console-problem"), "{field} {typed}: {}", refused.reply.text);
            assert_eq!(refused.reply.text.matches(" aria-invalid=").count(), 1, "{field} {typed}");
            assert_eq!(refused.field("resource_name").as_deref(), Some("Orders"), "{field} {typed}");
            assert!(field == "mcp" || refused.field(field).as_deref() == Some(typed), "{field} {typed}: {}", refused.reply.text);
            let tick = refused.reply.text.split("id=\"console-status_list\"").nth(1).and_then(|rest| rest.split('>').next());
            assert!(tick.is_some_and(|tick| tick.contains(" checked")), "{field} {typed}: {}", refused.reply.text);
        }
        assert_eq!(registered(&server).await, Vec::<Value>::new());
        let more = [("scope", "orders:read orders:write"), ("access_lifetime", "2m"), ("token_alg", "ES256")];
        let made = [&usual[..3], &more[..], &usual[4..]].concat();
        let page = send(&mut browser, new, new, &made).await;
        assert!(page.reply.text.contains("It is made.") && page.has("resource-save"), "{}", page.reply.text);
        let first = json!({ "resource_name": "Orders", "scope": "orders:read orders:write", "token_alg": "ES256",
            "access_lifetime": 120, "status_list": true, "mcp": false });
        assert_eq!(registered(&server).await, [first]);
        let twice = send(&mut browser, new, new, &made).await;
        assert!(twice.reply.status == 409 && twice.has("console-id-problem"), "{}", twice.reply.text);
        // Its page says what people read about its scopes.
        let path = of(RESOURCE, ID);
        assert!(page.url.contains(&path) && page.reply.text.matches("Nobody has described it").count() == 2, "{}", page.reply.text);
        let store = &server.inner.services().store;
        let texts = BTreeMap::from([("en".to_owned(), "See your orders".to_owned())]);
        scopes::create(&May::operator(), store, server.now(), "orders:read", texts).await.expect("words");
        let shown = browser.open(&path).await;
        assert!(shown.reply.text.contains("See your orders"), "{}", shown.reply.text);
        let version = shown.hidden("version");
        for (field, typed, why) in [
            ("access_lifetime", "90d", "is at most what token.access_lifetime says"),
            ("mcp", "yes", "the identifier of an MCP server"),
        ] {
            let fields = [("version", version.as_str()), ("resource_name", "New"), (field, typed)];
            let refused = send(&mut browser, &path, &path, &fields).await;
            assert!(refused.reply.status == 422 && refused.reply.text.contains(why), "{field}: {}", refused.reply.text);
            assert!(refused.has(&format!("console-{field}-problem")), "{field}: {}", refused.reply.text);
            assert_eq!((refused.field("resource_name").as_deref(), refused.hidden("version")), (Some("New"), version.clone()));
        }
        // What is emptied has its default again. Whoever saw it before that changes nothing.
        let cleared = [("version", version.as_str()), ("resource_name", "주문"), ("scope", ""), ("access_lifetime", " "), ("token_alg", "")];
        let saved = send(&mut browser, &path, &path, &cleared).await;
        assert!(saved.reply.text.contains("Saved."), "{}", saved.reply.text);
        let second = json!({ "resource_name": "주문", "scope": "", "token_alg": null, "access_lifetime": null, "status_list": false, "mcp": false });
        assert_eq!(registered(&server).await, [second]);
        let late = send(&mut browser, &path, &path, &cleared).await;
        assert!(late.reply.status == 409 && !late.has("resource-save"), "{}", late.reply.text);
        let events = server.evidence().await.events_of("resource.updated").await;
        assert!(events.len() == 1 && events[0].address.is_some());
        // Whoever only reads sees no form.
        let (mut auditor, read) = visitor(&server, "auditor", Some(AdminRole::Auditor), &path).await;
        assert!(read.reply.text.contains("주문") && !read.has("resource-save") && !read.has("resource-delete"), "{}", read.reply.text);
        assert!(!auditor.open(list).await.has("resource-new"));
        let delete = format!("{path}/delete");
        let ask = browser.open(&delete).await;
        assert!(ask.has("resource-delete-confirm") && saved.has("resource-delete"), "{}", ask.reply.text);
        assert_eq!(send(&mut browser, &delete, &delete, &[("version", version.as_str())]).await.reply.status, 409);
        let seen = ask.hidden("version");
        let gone = send(&mut browser, &delete, &delete, &[("version", seen.as_str())]).await;
        assert!(gone.reply.text.contains("It is deleted.") && gone.reply.text.contains("There is no resource."), "{}", gone.reply.text);
        assert_eq!(browser.open(&path).await.reply.status, 404);
        page_by_page(&server, &mut browser).await;
    }
}

/// These fields with another value of this one.
fn with<'a>(
    fields: &[(&'a str, &'a str)],
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let others = fields.iter().filter(|(other, _)| *other != name).copied();
    others.chain([(name, value)]).collect()
}

/// What the database has of every resource.
async fn registered(server: &Server) -> Vec<Value> {
    let sql = "SELECT CAST(metadata AS TEXT) AS text FROM resource ORDER BY id";
    let rows = server.evidence().await.texts(sql).await;
    rows.iter().map(|row| serde_json::from_str(row).expect("JSON")).collect()
}
