//! Lists of the administration API: what their filters find, page by page, and with which index.

use mapae::domain::admin_role::AdminRole;
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin_api::{Api, EVERY_SCOPE, etag, grant};
use crate::support::{Database, Server, both};
use crate::user_list::{many, plan};

/// The members of this name of everything in a list, read page by page.
async fn every(api: &Api, path: &str, member: &str, limit: u64) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let page = api.get(&format!("{path}{sign}limit={limit}{after}")).await.ok().json();
        let items = page["items"].as_array().expect("items");
        assert!(items.len() as u64 <= limit, "{page}");
        found.extend(items.iter().map(|one| one[member].as_str().expect("a text").to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", next.replace(' ', "%20")),
            None => return found,
        }
    }
}

async fn people(api: &Api, query: &str) -> Vec<String> {
    let mut found = every(api, &format!("/users?{query}"), "username", 2).await;
    let one_page = every(api, &format!("/users?{query}"), "username", 200).await;
    assert_eq!(found, one_page, "{query}");
    found.sort();
    found
}

async fn put(api: &Api, path: &str) -> u16 {
    api.send(Method::PUT, path, None, None).await.status.as_u16()
}

both! {
    async fn people_are_found_by_group_role_address_and_state_and_by_all_of_them_together(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let app = server.client("shop", |_| {}).await;
        assert_eq!(app.id, "shop");
        let group = api.post("/groups", json!({ "name": "팀 나/둘" })).await;
        let group = group.text("id");
        assert_eq!(api.post("/clients/shop/roles", json!({ "name": "editor" })).await.status, 201);
        for (number, name) in ["ant", "bee", "cat", "dog", "eel", "fox"].into_iter().enumerate() {
            let address = if number < 4 { "team@example.com".to_owned() } else { format!("{name}@example.com") };
            let made = api.post("/users", json!({ "username": name, "email": address })).await;
            let id = made.text("id");
            if number != 1 {
                assert_eq!(put(&api, &format!("/groups/{group}/members/{id}")).await, 204);
            }
            if number % 2 == 0 {
                assert_eq!(put(&api, &format!("/clients/shop/roles/editor/holders/{id}")).await, 204);
            }
            if number > 2 {
                let path = format!("/users/{id}/disable");
                assert_eq!(api.send(Method::POST, &path, Some("*"), None).await.status, 200);
            }
        }
        grant(&server, "cat", AdminRole::Auditor).await;
        let group = "group=%ED%8C%80%20%EB%82%98/%EB%91%98";
        for (query, names) in [
            (group.to_owned(), &["ant", "cat", "dog", "eel", "fox"][..]),
            ("email=TEAM@example.com".to_owned(), &["ant", "bee", "cat", "dog"]),
            ("role=auditor".to_owned(), &["cat"]),
            ("role=shop:editor".to_owned(), &["ant", "cat", "eel"]),
            ("disabled=true".to_owned(), &["dog", "eel", "fox"]),
            ("disabled=false".to_owned(), &["ant", "bee", "cat"]),
            ("search=e&disabled=true".to_owned(), &["eel"]),
            ("search=team&disabled=false".to_owned(), &["ant", "bee", "cat"]),
            (format!("{group}&disabled=true"), &["dog", "eel", "fox"]),
            (format!("{group}&role=shop:editor&disabled=false"), &["ant", "cat"]),
            (format!("{group}&email=team@example.com"), &["ant", "cat", "dog"]),
            (format!("{group}&search=f"), &["fox"]),
            (format!("{group}&search=team"), &["ant", "cat", "dog"]),
            ("role=owner".to_owned(), &[]),
            ("email=nobody@example.com".to_owned(), &[]),
        ] {
            assert_eq!(people(&api, &query).await, names, "{query}");
        }
        for bad in ["group=none", "role=none", "role=shop:none", "email=x", "disabled=yes"] {
            let reply = api.get(&format!("/users?{bad}")).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["reason"]), (400, &json!("admin_query_malformed")), "{bad}: {}", reply.text);
        }
        // A place of one list is none of another.
        let next = api.get("/users?limit=1").await.ok().text("next");
        let other = api.get(&format!("/users?{group}&after={next}")).await;
        assert_eq!(other.status, 400, "{}", other.text);
    }

    async fn a_group_is_made_filled_and_deleted_and_its_people_tell_of_it(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let made = api.post("/groups", json!({ "name": "staff" })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = format!("/groups/{}", made.text("id"));
        assert!(made.header("location").ends_with(&path));
        assert_eq!(etag(&api.get(&path).await.ok()), etag(&made));
        assert_eq!(api.post("/groups", json!({ "name": "staff" })).await.status, 409);
        assert_eq!(api.post("/groups", json!({ "name": "" })).await.status, 422);
        for name in ["stage", "Staff", "team"] {
            assert_eq!(api.post("/groups", json!({ "name": name })).await.status, 201);
        }
        assert_eq!(every(&api, "/groups", "name", 3).await, ["Staff", "staff", "stage", "team"]);
        assert_eq!(every(&api, "/groups?search=sta", "name", 1).await, ["staff", "stage"]);

        let person = api.post("/users", json!({ "username": "bora" })).await;
        let (id, before) = (person.text("id"), etag(&person));
        let member = format!("{path}/members/{id}");
        assert_eq!([put(&api, &member).await, put(&api, &member).await], [204, 204]);
        assert_eq!(put(&api, &format!("{path}/members/nobody")).await, 404);
        assert_eq!(put(&api, &format!("/groups/nobody/members/{id}")).await, 404);
        assert_eq!(every(&api, &format!("{path}/members"), "id", 10).await, std::slice::from_ref(&id));
        let shown = api.get(&format!("/users/{id}")).await.ok();
        assert_eq!(shown.json()["groups"], json!(["staff"]));
        // What is shown changed, so its version did, and a change that saw no group is late.
        assert_ne!(etag(&shown), before);
        let change = |seen: String| {
            let (api, id) = (&api, &id);
            async move { api.send(Method::PATCH, &format!("/users/{id}"), Some(&seen), Some(json!({ "name": "Bora" }))).await }
        };
        assert_eq!(change(etag(&shown)).await.status, 200);
        assert_eq!(change(before).await.status, 412);
        assert_eq!(api.send(Method::DELETE, &member, None, None).await.status, 204);
        assert_eq!(api.get(&format!("/users/{id}")).await.json()["groups"], json!([]));

        assert_eq!(put(&api, &member).await, 204);
        assert_eq!(api.send(Method::DELETE, &path, None, None).await.status, 428);
        assert_eq!(api.send(Method::DELETE, &path, Some("\"other\""), None).await.status, 412);
        assert_eq!(api.send(Method::DELETE, &path, Some(&etag(&made)), None).await.status, 204);
        assert_eq!(api.get(&path).await.status, 404);
        assert_eq!(api.get(&format!("/users/{id}")).await.json()["groups"], json!([]));
        let kinds = |events: Value| events["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let events = kinds(api.get(&format!("/audit?user={id}")).await.ok().json());
        assert_eq!(events, ["group.member_added", "group.member_removed", "user.updated", "group.member_added", "user.created"]);
    }

    async fn clients_are_found_by_the_beginning_of_their_id_or_name(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        for (id, name) in [
            ("grafana", "Dashboards"),
            ("App-1", "Grape"),
            ("app-2", "grafana of the other team"),
            ("x", "한글 앱"),
            ("z-long", &"Grain ".repeat(200)),
        ] {
            let made = api.post("/clients", json!({ "id": id, "metadata": { "client_name": name } })).await;
            assert_eq!(made.status, 201, "{}", made.text);
        }
        // Its metadata is JSON with a NUL, which no text of Postgres has.
        server.client("y", |client| "nul \u{0} inside".clone_into(&mut client.metadata.client_name)).await;
        for limit in [1, 2, 200] {
            assert_eq!(every(&api, "/clients", "id", limit).await, ["App-1", "app-2", "grafana", "robot", "x", "y", "z-long"]);
            // First the ids, then the names, each client once.
            assert_eq!(every(&api, "/clients?search=GRA", "id", limit).await, ["grafana", "app-2", "z-long", "App-1"], "{limit}");
            assert_eq!(every(&api, "/clients?search=app", "id", limit).await, ["App-1", "app-2"]);
            assert_eq!(every(&api, "/clients?search=%ED%95%9C", "id", limit).await, ["x"]);
            assert!(every(&api, "/clients?search=ra", "id", limit).await.is_empty());
        }
        assert_eq!(api.get("/clients?after=nonsense").await.status, 400);
        // Characters that are escaped in JSON are found, and a page ends behind them.
        for id in ["q1", "q2"] {
            let name = format!("\"Quoted\" \\ {id}");
            assert_eq!(api.post("/clients", json!({ "id": id, "metadata": { "client_name": name } })).await.status, 201);
        }
        for limit in [1, 200] {
            assert_eq!(every(&api, "/clients?search=%22quoted%22%20%5C", "id", limit).await, ["q1", "q2"]);
        }
        // A NUL is in no text that a database has.
        for (path, status) in [("/clients?search=%00", 400), ("/groups?after=a%00", 400), ("/users?search=%00", 400), ("/users/%00", 404), ("/clients/a%00/roles", 404)] {
            assert_eq!(api.get(path).await.status, status, "{path}");
        }
        let refused = api.post("/clients/x/token-preview", json!({ "user": "a\u{0}" })).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["reason"]), (400, &json!("admin_body_malformed")));
        assert_eq!(api.post("/clients", json!({ "id": "w", "metadata": { "client_name": "a\\u0000" } })).await.status, 201);
    }

    /// The statements of `store/user_filters.rs` and `store/clients.rs`. With many rows none of them
    /// may read them all.
    async fn an_index_answers_for_every_filter(database) {
        let server = Server::start(&database).await;
        let evidence = server.evidence().await;
        let insert = |into: &str, values: &str| many(&database, 20_000, into, values);
        for (into, values) in [
            ("account (id, username, username_key, email, email_key, email_verified, profile, disabled_at, created_at, updated_at)",
             "'id' || n, 'user' || n, 'user' || n, 'mail' || n || '@a', 'mail' || n || '@a', FALSE, '{}', CASE WHEN n % 4 = 0 THEN 1 END, 0, 0"),
            ("people_group (id, name, created_at)", "'group' || n, 'name' || n, 0"),
            ("group_member (user_id, group_id)", "'id' || n, 'group' || (n % 10)"),
            ("client (id, kind, metadata, created_at)", "'client' || n, 'public', '{\"client_name\":\"name' || n || '\"}', 0"),
            ("client_role (id, client_id, name, created_at)", "'role' || n, 'client' || n, 'editor', 0"),
            ("client_role_holder (user_id, role_id)", "'id' || n, 'role' || (n % 10 + 1)"),
            ("admin_role (user_id, role, granted_at)", "'id' || n, 'auditor', 0"),
        ] {
            let values = if into.starts_with("group_member") { values.replace("(n % 10)", "(n % 10 + 1)") } else { values.to_owned() };
            evidence.run(&insert(into, &values)).await;
        }
        evidence.run("ANALYZE").await;
        let client = match database {
            Database::Sqlite => ["substr(lower(id), 1, 200)", "CASE WHEN json_valid(metadata) THEN substr(lower(json_extract(metadata, '$.client_name')), 1, 200) END", "id"],
            Database::Postgres { .. } => [
                r#"(left(lower(id), 200) COLLATE "C")"#,
                r#"(left(lower(substring(metadata from '"client_name":"((?:[^"\\]|\\.)*)"')), 200) COLLATE "C")"#,
                r#"(id COLLATE "C")"#,
            ],
        };
        let of_clients = |key: &str, word: &str| {
            let id = client[2];
            format!("SELECT * FROM client WHERE {key} >= lower('{word}1') AND {key} < lower('{word}1\u{10ffff}') AND {key} >= lower('{word}15') AND ({key} > lower('{word}15') OR {id} > '{word}15') ORDER BY {key} ASC, {id} ASC LIMIT 51")
        };
        for (what, statement) in [
            ("group", "SELECT user_id FROM group_member WHERE group_id = 'group7' AND user_id > 'id15' ORDER BY user_id ASC LIMIT 51".to_owned()),
            ("role at a client", "SELECT user_id FROM client_role_holder WHERE role_id = 'role7' AND user_id > 'id15' ORDER BY user_id ASC LIMIT 51".to_owned()),
            ("role", "SELECT user_id FROM admin_role WHERE role = 'auditor' AND user_id > 'id15' ORDER BY user_id ASC LIMIT 51".to_owned()),
            ("address", "SELECT id AS user_id FROM account WHERE email_key = 'mail7@a' AND id > 'id15' ORDER BY id ASC LIMIT 51".to_owned()),
            ("disabled", "SELECT id FROM account WHERE disabled_at IS NOT NULL AND username_key > 'user15' ORDER BY username_key ASC LIMIT 51".to_owned()),
            ("disabled and named so", "SELECT id FROM account WHERE disabled_at IS NOT NULL AND username_key >= 'user1' AND username_key < 'user1\u{10ffff}' AND username_key > 'user15' ORDER BY username_key ASC LIMIT 51".to_owned()),
            ("name of a group", "SELECT id FROM people_group WHERE name >= 'name1' AND name < 'name1\u{10ffff}' AND name > 'name15' ORDER BY name ASC LIMIT 51".to_owned()),
            ("id of a client", of_clients(client[0], "client")),
            ("name of a client", of_clients(client[1], "name")),
        ] {
            let plan = plan(&database, &evidence, &statement).await;
            assert!(plan.to_lowercase().contains("index") || plan.contains("PRIMARY KEY"), "{what}: {plan}");
            for bad in ["Seq Scan", "Sort", "SCAN", "TEMP B-TREE"] {
                assert!(!plan.contains(bad), "{what}: {plan}");
            }
            assert!(!what.starts_with("disabled") || plan.contains("account_disabled"), "{what}: {plan}");
        }
    }
}
