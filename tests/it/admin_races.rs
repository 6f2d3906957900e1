//! Two people administer at the same time: no change is lost, the last owner stays, and a role that was
//! taken away counts for nothing that begins later.

use futures_util::future::{join, join_all};
use mapae::domain::admin_role::AdminRole;
use reqwest::Method;
use serde_json::json;

use crate::admin_api::{Api, EVERY_SCOPE, etag, grant, registered};
use crate::support::{Reply, Server, both};

const AT_ONCE: usize = 12;

fn statuses(replies: &[Reply]) -> Vec<u16> {
    let mut statuses: Vec<_> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    statuses
}

both! {
    async fn of_changes_that_saw_the_same_one_is_made(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let person = api.post("/users", json!({ "username": "bora" })).await;
        let person = (format!("/users/{}", person.json()["id"].as_str().unwrap()), etag(&person));
        let scope = api.post("/scopes", json!({ "name": "orders", "texts": { "en": "Orders" } })).await;
        let attribute = api.post("/attributes", json!({ "name": "desk", "type": "string", "scope": "hr" })).await;
        let client = api.post("/clients", json!({ "id": "shop", "metadata": { "grant_types": ["client_credentials"] } })).await;
        for (path, seen, member) in [
            (person.0, person.1, "name"), ("/scopes/orders".to_owned(), etag(&scope), "texts"),
            ("/attributes/desk".to_owned(), etag(&attribute), "scope"), ("/clients/shop".to_owned(), etag(&client), "metadata"),
        ] {
            let change = |number: usize| match member {
                "texts" => json!({ "texts": { "en": format!("Orders {number}") } }),
                "metadata" => json!({ "metadata": { "client_name": format!("Shop {number}") } }),
                member => json!({ member: format!("x{number}") }),
            };
            let sent = (0..AT_ONCE).map(|number| api.send(Method::PATCH, &path, Some(&seen), Some(change(number))));
            let replies = join_all(sent).await;
            let expected = [&[200][..], &[412; AT_ONCE - 1]].concat();
            assert_eq!(statuses(&replies), expected, "{path}");
            // What is there is what the one answer said.
            let won = replies.iter().find(|reply| reply.status == 200).unwrap();
            assert_eq!(api.get(&path).await.ok().json(), won.json(), "{path}");
        }
    }

    async fn of_a_change_and_a_deletion_that_saw_the_same_one_is_made(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        for number in 0..6 {
            let name = format!("desk{number}");
            let made = api.post("/attributes", json!({ "name": name, "type": "string", "scope": "hr" })).await;
            let (path, seen) = (format!("/attributes/{name}"), etag(&made));
            let change = api.send(Method::PATCH, &path, Some(&seen), Some(json!({ "editable": true })));
            let deletion = api.send(Method::DELETE, &path, Some(&seen), None);
            let (changed, deleted) = join(change, deletion).await;
            let both = (changed.status.as_u16(), deleted.status.as_u16());
            assert!([(200, 412), (404, 204)].contains(&both), "{both:?}");
            assert_eq!(api.get(&path).await.status == 200, both.0 == 200);
        }
    }

    async fn two_owners_who_take_the_role_from_each_other_leave_one(database) {
        let server = Server::start(&database).await;
        let app = registered(&server, "console", EVERY_SCOPE).await;
        for round in 0..4 {
            let names = [format!("a{round}"), format!("b{round}")];
            let a = Api::person(&server, &app, &names[0], Some(AdminRole::Owner)).await;
            let b = Api::person(&server, &app, &names[1], Some(AdminRole::Owner)).await;
            let store = &server.inner.services().store;
            let id = async |name: &str| {
                let found = a.get(&format!("/users?search={name}")).await.ok().json();
                found["items"][0]["id"].as_str().unwrap().to_owned()
            };
            let (of_a, of_b) = (id(&names[0]).await, id(&names[1]).await);
            let role = |id: &str| format!("/users/{id}/roles/owner");
            let (from_b, from_a) = (role(&of_b), role(&of_a));
            let (one, other) = join(
                a.send(Method::DELETE, &from_b, None, None),
                b.send(Method::DELETE, &from_a, None, None),
            )
            .await;
            let evidence = server.evidence().await;
            let left = evidence.count("SELECT count(*) AS n FROM admin_role WHERE role = 'owner'").await;
            assert!(left >= 1, "{} {}", one.text, other.text);
            let done = [&one, &other].iter().filter(|reply| reply.status == 204).count();
            assert_eq!(i64::try_from(done).unwrap(), 2 - left, "{} {}", one.text, other.text);
            for reply in [&one, &other] {
                assert!([204, 403, 409].contains(&reply.status.as_u16()), "{}", reply.text);
            }
            // For the next round nobody is left.
            for id in [&of_a, &of_b] {
                let who = mapae::admin::users::Who::Id(id);
                let may = mapae::admin::authority::May::operator();
                mapae::admin::roles::revoke(&may, store, server.now(), who, (AdminRole::Owner, true)).await.unwrap();
            }
        }
    }

    async fn a_role_that_was_taken_away_counts_for_nothing_that_begins_later(database) {
        let server = Server::start(&database).await;
        let app = registered(&server, "console", EVERY_SCOPE).await;
        let owner = Api::person(&server, &app, "owner", Some(AdminRole::Owner)).await;
        let admin = Api::person(&server, &app, "admin", Some(AdminRole::Admin)).await;
        let found = owner.get("/users?search=admin").await.ok().json();
        let role = format!("/users/{}/roles/admin", found["items"][0]["id"].as_str().unwrap());
        let made = join_all((0..AT_ONCE).map(|number| {
            let admin = &admin;
            async move { admin.post("/groups", json!({ "name": format!("g{number}") })).await }
        }));
        let (made, taken) = join(made, owner.send(Method::DELETE, &role, None, None)).await;
        assert_eq!(taken.status, 204, "{}", taken.text);
        assert_eq!(admin.post("/groups", json!({ "name": "late" })).await.status, 403);
        let good = made.iter().filter(|reply| reply.status == 201).count();
        assert!(made.iter().all(|reply| [201, 403].contains(&reply.status.as_u16())), "{:?}", statuses(&made));
        let groups = server.evidence().await.count("SELECT count(*) AS n FROM people_group").await;
        assert_eq!(usize::try_from(groups).unwrap(), good);
        // Given again, it counts at once.
        grant(&server, "admin", AdminRole::Admin).await;
        assert_eq!(admin.post("/groups", json!({ "name": "late" })).await.status, 201);
    }
}
