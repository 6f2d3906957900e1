//! The attributes of a person in the console.

use mapae::admin::attributes::{self, NewAttribute};
use mapae::admin::authority::May;
use mapae::domain::admin_role::AdminRole;
use mapae::domain::attribute::AttributeType;
use serde_json::{Value, json};

use crate::console::{owner, visitor};
use crate::support::{Browser, Page, Server, both};

both! {
    async fn the_attributes_of_a_person_are_changed_and_a_refusal_is_said_at_its_field(database) {
        let server = Server::start(&database).await;
        let alice = server.alice().await;
        let mut browser = owner(&server).await;
        let path = format!("/admin/people/{alice}");
        assert!(!browser.open(&path).await.has("attributes-save-1"));
        declare(&server, "department", AttributeType::String, "Where they work").await;
        for (name, kind) in [("level", AttributeType::Integer), ("on_call", AttributeType::Boolean), ("since", AttributeType::Date)] {
            declare(&server, name, kind, name).await;
        }
        for number in 0..20 {
            declare(&server, &format!("z{number:02}"), AttributeType::String, "More").await;
        }
        let shown = browser.open(&path).await;
        assert!(shown.reply.text.contains("Where they work") && shown.has("attributes-save-2"), "{}", shown.reply.text);
        for (field, kind) in [("department", "text"), ("level", "number"), ("since", "date")] {
            let field = format!("id=\"console-attribute-{field}\"");
            assert_eq!(shown.attribute_of(&field, "type").as_deref(), Some(kind), "{field}");
        }
        let values = [("attribute-department", " 디자인 "), ("attribute-level", "3"), ("attribute-on_call", "true"), ("attribute-since", "2026-11-28")];
        let saved = save(&mut browser, &path, &values).await;
        assert!(saved.reply.text.contains("Saved.") && saved.field("attribute-level").as_deref() == Some("3"), "{}", saved.reply.text);
        let every = ["department=\"디자인\"", "level=3", "on_call=true", "since=\"2026-11-28\""];
        assert_eq!(stored(&server).await, every);
        // The same again is no change.
        let again = save(&mut browser, &path, &values).await;
        assert!(again.reply.text.contains("Nothing was to be done."), "{}", again.reply.text);
        let events = server.evidence().await.events_of("user.updated").await;
        assert!(events.len() == 1 && events[0].address.is_some());
        let replaced = "SELECT members AS text FROM audit_change WHERE event_id IN (SELECT id FROM audit_event WHERE kind = 'user.updated')";
        let replaced = server.evidence().await.texts(replaced).await;
        let replaced: Vec<Value> = replaced.iter().map(|one| serde_json::from_str(one).unwrap()).collect();
        let given = json!({ "department": "디자인", "level": 3, "on_call": true, "since": "2026-11-28" });
        assert_eq!(replaced, [json!({ "before": {}, "after": { "attributes": given } })]);
        // What is no value of its type changes nothing, nor what was sent with it, which stays typed.
        let long = "x".repeat(201);
        for (name, typed, why) in [
            ("level", "high", "is a whole number"), ("since", "yesterday", "is a date like"), ("on_call", "yes", "is true or false"),
            ("z01", long.as_str(), "is a text of 1 to 200 characters"),
        ] {
            let field = format!("attribute-{name}");
            let refused = save(&mut browser, &path, &[("attribute-department", "Board"), (&field, typed)]).await;
            assert!(refused.reply.status == 422 && refused.reply.text.contains(why), "{name}: {}", refused.reply.text);
            assert!(refused.has(&format!("console-{field}-problem")) && refused.has("console-problem"), "{name}: {}", refused.reply.text);
            assert_eq!(refused.reply.text.matches(" aria-invalid=").count(), 1, "{name}");
            assert_eq!(refused.field("attribute-department").as_deref(), Some("Board"), "{name}");
            assert_eq!(stored(&server).await, every);
        }
        // A form leaves alone what it has not, and an empty field takes a value back.
        save(&mut browser, &path, &[("attribute-z19", "last"), ("attribute-level", " ")]).await;
        assert_eq!(stored(&server).await, ["department=\"디자인\"", "on_call=true", "since=\"2026-11-28\"", "z19=\"last\""]);
        // Whoever saw the person before that changes nothing.
        let late = [("version", saved.hidden("version")), ("attribute-department", "Board".to_owned())];
        let late = late.each_ref().map(|(name, value)| (*name, value.as_str()));
        let page = browser.send_account(&saved, &format!("{path}/attributes"), &late).await;
        assert_eq!(page.reply.status, 409, "{}", page.reply.text);
        assert_eq!(stored(&server).await.first().map(String::as_str), Some("department=\"디자인\""));
        // Support changes people without seeing apps, and an auditor reads.
        let (mut support, page) = visitor(&server, "helper", Some(AdminRole::Support), &path).await;
        assert!(page.has("attributes-save-1"), "{}", page.reply.text);
        let saved = save(&mut support, &path, &[("attribute-on_call", "false")]).await;
        assert!(saved.reply.text.contains("Saved."), "{}", saved.reply.text);
        let (_, read) = visitor(&server, "reader", Some(AdminRole::Auditor), &path).await;
        assert!(read.reply.text.contains("디자인") && !read.has("attributes-save-1"), "{}", read.reply.text);
    }
}

async fn declare(server: &Server, name: &str, kind: AttributeType, label: &str) {
    let texts = [("en".to_owned(), label.to_owned())].into_iter().collect();
    let (name, scope) = (name.to_owned(), "hr".to_owned());
    let new = NewAttribute { name, kind, scope, editable: false, texts };
    let store = &server.inner.services().store;
    attributes::create(&May::operator(), store, server.now(), new).await.expect("declared");
}

/// Sends these fields of the form as the page shows it.
async fn save(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    let page = browser.open(path).await;
    let version = page.hidden("version");
    let fields = [fields, &[("version", version.as_str())][..]].concat();
    let sent = browser.send_account(&page, &format!("{path}/attributes"), &fields).await;
    browser.follow(sent).await
}

/// The values in the database.
async fn stored(server: &Server) -> Vec<String> {
    let sql = "SELECT name || '=' || value AS text FROM attribute_value ORDER BY name";
    server.evidence().await.texts(sql).await
}
