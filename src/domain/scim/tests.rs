//! Filters, paths and changes: tables and properties.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::filter::Filter;
use super::patch::{self, operations};
use super::path::Path;
use super::people_group::GroupChange;
use super::person::WantedPerson;
use super::projection::Projection;
use super::refusal::ScimType;
use super::schema::ResourceType;

fn person() -> Value {
    json!({
        "id": "u1",
        "userName": "Bjensen@example.com",
        "externalId": "Ab1",
        "displayName": "Barbara Jensen",
        "name": { "familyName": "Jensen", "givenName": "Barbara" },
        "active": true,
        "emails": [{ "value": "bjensen@example.com", "type": "work", "primary": true }],
        "groups": [{ "value": "g1", "display": "Staff" }, { "value": "g2", "display": "Tour" }],
        "meta": { "created": "2026-01-01T00:00:00Z", "lastModified": "2026-05-13T04:42:34.5Z" },
    })
}

#[test]
fn rfc7644_3_4_2_2_a_filter_matches() {
    for (filter, expected) in [
        ("userName eq \"bjensen@EXAMPLE.com\"", true),
        ("USERNAME Eq \"bjensen@example.com\"", true),
        ("userName ne \"bjensen@example.com\"", false),
        ("userName ne \"x\"", true),
        ("externalId eq \"Ab1\"", true),
        ("externalId eq \"ab1\"", false),
        ("name.familyName co \"ENS\"", true),
        ("name.familyName sw \"Je\"", true),
        ("name.familyName sw \"en\"", false),
        ("name.familyName ew \"sen\"", true),
        ("name.middleName pr", false),
        ("name.givenName pr", true),
        ("displayName pr", true),
        ("nickName eq null", true),
        ("nickName ne null", false),
        ("nickName ne \"x\"", true),
        ("active eq true", true),
        ("active eq \"True\"", true),
        ("active eq false", false),
        ("active ne true", false),
        ("meta.lastModified gt \"2026-05-13T04:42:34Z\"", true),
        ("meta.lastModified ge \"2026-05-13T04:42:34.5Z\"", true),
        ("meta.lastModified lt \"2026-05-13T04:42:34Z\"", false),
        ("meta.created le \"2026-01-01T01:00:00+01:00\"", true),
        ("userName gt \"a\"", true),
        ("emails eq \"bjensen@example.com\"", true),
        ("emails.value co \"example.com\"", true),
        ("emails.type eq \"work\"", true),
        ("emails[type eq \"work\" and value co \"@example.com\"]", true),
        ("emails[type eq \"home\" or not (value pr)]", false),
        ("groups.display eq \"tour\"", true),
        ("groups[value eq \"g1\" and display eq \"Tour\"]", false),
        ("userName eq \"x\" or active eq true", true),
        ("userName eq \"x\" and active eq true", false),
        // `and` binds closer than `or`.
        ("active eq true or userName eq \"x\" and userName eq \"y\"", true),
        ("(active eq true or userName eq \"x\") and userName eq \"y\"", false),
        ("not (userName eq \"x\")", true),
        ("not(active eq true)", false),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"bj\"", true),
        // What is standard and not kept has no value.
        ("title pr", false),
        ("title eq \"x\"", false),
        ("title ne \"x\"", true),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"x\"", false),
        ("displayName eq \"a\\\"b\\u0041\"", false),
    ] {
        let read = Filter::parse(filter, ResourceType::User);
        let read = read.unwrap_or_else(|why| panic!("{filter}: {why}"));
        assert_eq!(read.matches(&person()), expected, "{filter}");
    }
}

#[test]
fn rfc7644_3_4_2_2_what_is_no_filter_is_refused() {
    let deep = format!("{}active eq true{}", "(".repeat(50), ")".repeat(50));
    let long = format!("userName eq \"{}\"", "x".repeat(5000));
    for filter in [
        "",
        " ",
        "userName",
        "userName eq",
        "eq \"x\"",
        "userName eq x",
        "userName eq \"x",
        "userName is \"x\"",
        "(userName pr",
        "userName pr)",
        "userName pr and",
        "not userName pr",
        "userName pr userName pr",
        "unknown eq \"x\"",
        "name.unknown pr",
        "active gt true",
        "active co \"t\"",
        "active eq \"maybe\"",
        "userName eq 5",
        "meta.created co \"2026\"",
        "meta.created eq \"yesterday\"",
        "userName gt null",
        "name eq \"x\"",
        "name eq true",
        "emails[type eq \"work\"",
        "emails[emails[value pr]]",
        "userName[value pr]",
        "emails[unknown pr]",
        "password eq \"secret\"",
        "password pr",
        "1name pr",
        "a b c d",
        &deep,
        &long,
    ] {
        let refused = Filter::parse(filter, ResourceType::User).expect_err(filter);
        assert_eq!(
            (refused.status, refused.kind),
            (400, Some(ScimType::InvalidFilter)),
            "{filter}"
        );
    }
}

#[test]
fn an_index_finds_what_a_filter_needs() {
    let needs = |filter: &str| {
        let filter = Filter::parse(filter, ResourceType::User).unwrap();
        let found = filter.needs(&["userName", "externalId", "emails"])?;
        Some(found.into_iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>())
    };
    let some = |all: &[&str]| Some(all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
    assert_eq!(needs("userName eq \"a\""), some(&["userName=a"]));
    assert_eq!(
        needs("userName eq \"a\" or externalId eq \"b\""),
        some(&["userName=a", "externalId=b"])
    );
    assert_eq!(needs("active eq true and userName eq \"a\""), some(&["userName=a"]));
    assert_eq!(needs("emails[type eq \"work\" and value eq \"a\"]"), some(&["emails=a"]));
    assert_eq!(needs("emails.value eq \"a\""), some(&["emails=a"]));
    assert_eq!(needs("emails.type eq \"work\""), None);
    assert_eq!(needs("userName eq \"a\" or active eq true"), None);
    assert_eq!(needs("not (userName eq \"a\")"), None);
    assert_eq!(needs("userName sw \"a\""), None);
}

/// The person after these changes, or the `scimType` of the refusal.
fn patched(body: &Value) -> Result<Value, Option<ScimType>> {
    let Value::Object(mut resource) = person() else { panic!("an object") };
    resource.remove("groups");
    let read = operations(body).map_err(|refused| refused.kind)?;
    patch::apply(ResourceType::User, &mut resource, &read).map_err(|refused| refused.kind)?;
    Ok(Value::Object(resource))
}

fn op(op: &str, path: Option<&str>, value: Value) -> Value {
    let mut one = Map::new();
    one.insert("op".to_owned(), json!(op));
    one.insert("value".to_owned(), value);
    one.extend(path.map(|path| ("path".to_owned(), json!(path))));
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [one] })
}

#[test]
#[expect(clippy::too_many_lines, reason = "one line for each change")]
fn rfc7644_3_5_2_changes_reach_what_they_name() {
    for (body, pointer, expected) in [
        (op("replace", Some("displayName"), json!("Babs")), "/displayName", json!("Babs")),
        (op("replace", Some("DISPLAYNAME"), json!("Babs")), "/displayName", json!("Babs")),
        (op("add", Some("nickName"), json!("B")), "/nickName", json!("B")),
        (op("replace", Some("name.familyName"), json!("J")), "/name/familyName", json!("J")),
        (op("replace", Some("name.familyName"), json!("J")), "/name/givenName", json!("Barbara")),
        (
            op("replace", Some("name"), json!({ "familyName": "J" })),
            "/name/givenName",
            json!("Barbara"),
        ),
        (op("remove", Some("displayName"), Value::Null), "/displayName", Value::Null),
        (op("replace", Some("displayName"), Value::Null), "/displayName", Value::Null),
        (op("remove", Some("name.givenName"), Value::Null), "/name/givenName", Value::Null),
        (op("remove", Some("emails"), Value::Null), "/emails/0", Value::Null),
        (op("remove", Some("emails[type eq \"work\"]"), Value::Null), "/emails/0", Value::Null),
        (
            op("replace", Some("emails"), json!([{ "value": "n@x.org" }])),
            "/emails/0/value",
            json!("n@x.org"),
        ),
        (
            op("replace", Some("emails[type eq \"work\"].value"), json!("n@x.org")),
            "/emails/0/value",
            json!("n@x.org"),
        ),
        (op("add", Some("emails.value"), json!("n@x.org")), "/emails/0/value", json!("n@x.org")),
        (
            op("add", Some("emails"), json!([{ "value": "n@x.org", "primary": true }])),
            "/emails/0/primary",
            json!(false),
        ),
        // Without a path.
        (op("replace", None, json!({ "active": false })), "/active", json!(false)),
        (
            op("add", None, json!({ "nickName": "B", "name": { "givenName": "Babs" } })),
            "/name/givenName",
            json!("Babs"),
        ),
        // Entra.
        (op("Replace", Some("active"), json!("False")), "/active", json!(false)),
        (op("Add", Some("active"), json!("True")), "/active", json!(true)),
        (
            op("Replace", None, json!({ "name.givenName": "Babs", "active": "False" })),
            "/name/givenName",
            json!("Babs"),
        ),
        (
            op("Replace", None, json!({ "emails[type eq \"work\"].value": "n@x.org" })),
            "/emails/0/value",
            json!("n@x.org"),
        ),
        (
            op(
                "Add",
                Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"),
                json!("Sales"),
            ),
            "/displayName",
            json!("Barbara Jensen"),
        ),
        (
            op(
                "Add",
                None,
                json!({ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Sales" } }),
            ),
            "/displayName",
            json!("Barbara Jensen"),
        ),
        (
            op("Add", Some("urn:ietf:params:scim:schemas:core:2.0:User:nickName"), json!("B")),
            "/nickName",
            json!("B"),
        ),
        (
            op("Replace", Some("name.formatted"), json!("Somebody Else")),
            "/displayName",
            json!("Barbara Jensen"),
        ),
        (
            op("Add", Some("addresses[type eq \"work\"].locality"), json!("Seoul")),
            "/displayName",
            json!("Barbara Jensen"),
        ),
        (
            op("Add", Some("phoneNumbers[type eq \"mobile\"].value"), json!("1")),
            "/displayName",
            json!("Barbara Jensen"),
        ),
        (
            op("Add", Some("emails[type eq \"home\"].value"), json!("n@x.org")),
            "/emails/1",
            json!({ "type": "home", "value": "n@x.org" }),
        ),
        (
            op("replace", None, json!({ "id": "u1", "schemas": [], "title": "x", "unknown": 1 })),
            "/id",
            json!("u1"),
        ),
    ] {
        let after = patched(&body).unwrap_or_else(|why| panic!("{body}: {why:?}"));
        assert_eq!(after.pointer(pointer).unwrap_or(&Value::Null), &expected, "{body}");
    }
}

#[test]
fn rfc7644_3_5_2_a_change_that_cannot_be_made_says_why() {
    use ScimType::{InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget};
    for (body, kind) in [
        (json!({}), InvalidSyntax),
        (json!({ "Operations": [] }), InvalidSyntax),
        (json!({ "Operations": [{ "op": "move", "path": "active" }] }), InvalidSyntax),
        (op("remove", None, Value::Null), NoTarget),
        (op("replace", None, json!("x")), InvalidValue),
        (op("replace", Some("unknown"), json!("x")), InvalidPath),
        (op("replace", Some("name.unknown"), json!("x")), InvalidPath),
        (op("replace", Some("emails[type eq \"work\""), json!("x")), InvalidPath),
        (op("replace", Some("emails[type eq \"work\"]value"), json!("x")), InvalidPath),
        (op("replace", Some("emails[kind eq \"work\"].value"), json!("x")), InvalidFilter),
        (op("replace", Some("userName[value eq \"x\"]"), json!("x")), InvalidFilter),
        (op("replace", Some("emails[type eq \"home\"].value"), json!("x")), NoTarget),
        (op("replace", Some("id"), json!("x")), Mutability),
        (op("add", Some("groups"), json!([{ "value": "g" }])), Mutability),
        (op("replace", Some("meta.created"), json!("x")), Mutability),
        (op("remove", Some("userName"), Value::Null), Mutability),
        (op("replace", Some("active"), json!("maybe")), InvalidValue),
        (op("replace", Some("active"), json!(1)), InvalidValue),
        (op("replace", Some("displayName"), json!({ "a": 1 })), InvalidValue),
        (op("replace", Some("name"), json!("x")), InvalidValue),
    ] {
        assert_eq!(patched(&body), Err(Some(kind)), "{body}");
    }
}

#[test]
fn the_address_that_is_kept_is_the_primary_one_or_that_of_work() {
    let kept = |emails: Value| {
        let read =
            patch::resource(ResourceType::User, &json!({ "userName": "a", "emails": emails }));
        WantedPerson::read(&read.unwrap()).unwrap().email
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(kept(json!([{ "value": "a" }, { "value": "b", "primary": true }])), some("b"));
    assert_eq!(kept(json!([{ "value": "a" }, { "value": "b", "type": "Work" }])), some("b"));
    assert_eq!(kept(json!([{ "value": "a" }, { "value": "b" }])), some("a"));
    assert_eq!(kept(json!([{ "value": "a", "primary": "True" }])), some("a"));
    assert_eq!(kept(json!(["a"])), some("a"));
    assert_eq!(kept(json!([])), None);
    assert_eq!(kept(Value::Null), None);
    assert_eq!(kept(json!([{ "type": "work" }])), None);
}

#[test]
fn changes_of_members_are_added_up() {
    let of = |operations_of: Value| {
        let body = json!({ "Operations": operations_of });
        operations(&body).and_then(|read| GroupChange::of(&read))
    };
    let set = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
    // Entra: one by one, removed by a filter or by a value.
    let change = of(json!([
        { "op": "Add", "path": "members", "value": [{ "value": "a" }, { "value": "b" }] },
        { "op": "Remove", "path": "members[value eq \"b\"]" },
        { "op": "Remove", "path": "members", "value": [{ "value": "c" }] },
        { "op": "Replace", "path": "displayName", "value": "Team" },
    ]))
    .unwrap();
    assert_eq!(change.name.as_deref(), Some("Team"));
    assert_eq!(
        (change.adds, change.removes, change.clears),
        (set(&["a"]), set(&["b", "c"]), false)
    );
    // Okta: the whole list, and without a path.
    let change = of(json!([
        { "op": "remove", "path": "members[value eq \"x\" or value eq \"y\"]" },
        { "op": "replace", "path": "members", "value": [{ "value": "a", "display": "A" }] },
        { "op": "replace", "value": { "id": "g", "displayName": "Team" } },
    ]))
    .unwrap();
    assert_eq!((change.adds, change.removes, change.clears), (set(&["a"]), set(&[]), true));
    let cleared = of(json!([{ "op": "remove", "path": "members" }])).unwrap();
    assert!(cleared.clears && cleared.adds.is_empty());
    for bad in [
        json!([{ "op": "remove", "path": "displayName" }]),
        json!([{ "op": "add", "path": "members", "value": [{ "display": "x" }] }]),
        json!([{ "op": "add", "path": "members", "value": [{ "value": "g", "type": "Group" }] }]),
        json!([{ "op": "remove", "path": "members[value sw \"x\"]" }]),
        json!([{ "op": "replace", "path": "members[value eq \"x\"].value", "value": "y" }]),
        json!([{ "op": "replace", "path": "displayName", "value": 5 }]),
    ] {
        assert!(of(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn rfc7644_3_9_an_answer_has_the_attributes_that_were_asked_for() {
    let shown = |attributes: &[&str], excluded: &[&str]| {
        let list = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let projection = Projection { attributes: list(attributes), excluded: list(excluded) };
        projection.of(json!({
            "schemas": ["s"], "id": "1", "userName": "a", "active": true,
            "name": { "givenName": "A", "familyName": "B" },
            "emails": [{ "value": "a@x", "type": "work" }],
        }))
    };
    let with = |mut more: Value| {
        more["schemas"] = json!(["s"]);
        more["id"] = json!("1");
        more
    };
    assert_eq!(shown(&["userName"], &[]), with(json!({ "userName": "a" })));
    assert_eq!(shown(&["NAME.givenname"], &[]), with(json!({ "name": { "givenName": "A" } })));
    assert_eq!(shown(&["emails.value"], &[]), with(json!({ "emails": [{ "value": "a@x" }] })));
    assert_eq!(
        shown(&[], &["emails", "name.familyName", "id", "active"]),
        with(json!({ "name": { "givenName": "A" }, "userName": "a" }))
    );
    let urn = "urn:ietf:params:scim:schemas:core:2.0:User:userName";
    assert_eq!(shown(&[urn], &[]), with(json!({ "userName": "a" })));
}

proptest! {
    /// Whatever somebody sends is read or refused, and never makes the server fail.
    #[test]
    fn any_text_is_read_or_refused(text in "(userName|emails|active|name\\.x|eq|co|and|or|not|pr|\"a\"|true|\\(|\\)|\\[|\\]|\\.| ){0,12}", other in "\\PC{0,40}") {
        for text in [text, other] {
            if let Ok(filter) = Filter::parse(&text, ResourceType::User) {
                let _ = filter.matches(&person());
                // What an index needs holds for everything that matches.
                let _ = filter.needs(&["userName", "emails"]);
            }
            let _ = Path::parse(&text, ResourceType::User);
            let _ = patched(&op("replace", Some(&text), json!("x")));
            let _ = patched(&op("add", Some(&text), json!([{ "value": "x" }])));
        }
    }

    /// `not` turns the answer around, and the operators are those of logic.
    #[test]
    fn filters_obey_the_laws_of_logic(one in 0..4_usize, other in 0..4_usize) {
        let all = ["active eq true", "userName eq \"x\"", "nickName pr", "emails.value co \"example\""];
        let matches = |text: &str| Filter::parse(text, ResourceType::User).unwrap().matches(&person());
        let (a, b) = (all[one], all[other]);
        prop_assert_eq!(matches(&format!("not ({a})")), !matches(a));
        prop_assert_eq!(matches(&format!("{a} and {b}")), matches(a) && matches(b));
        prop_assert_eq!(matches(&format!("{a} or {b}")), matches(a) || matches(b));
        prop_assert_eq!(matches(&format!("not ({a} and {b})")), matches(&format!("not ({a}) or not ({b})")));
    }
}
