//! SCIM 2.0: RFC 7643 and RFC 7644, and what Entra and Okta send.

use mapae::admin::authority::May;
use mapae::admin::scim_tokens;
use mapae::admin::{groups, roles, users::Who};
use mapae::domain::admin_role::AdminRole;
use mapae::domain::grant_type::GrantType;
use mapae::domain::scope::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::interop::toolchain;
use crate::support::{
    Database, PASSWORD, Reply, Server, both, decode_claims, http, required_or_skip,
};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A connector.
pub(crate) struct Connector {
    base: String,
    token: String,
}

impl Connector {
    pub(crate) async fn of(server: &Server) -> Self {
        let (may, store) = (May::operator(), &server.inner.services().store);
        let made = scim_tokens::create(&may, store, server.now(), "entra", None).await;
        let token = made.expect("a token").1.expose().to_owned();
        Self { base: server.url("/scim/v2"), token }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        self.send_seen(method, path, None, body).await
    }

    async fn send_seen(
        &self,
        method: Method,
        path: &str,
        seen: Option<&str>,
        body: Option<&Value>,
    ) -> Reply {
        let mut request =
            http().request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(seen) = seen {
            request = request.header("if-match", seen);
        }
        if let Some(body) = body {
            request =
                request.header("content-type", "application/scim+json").body(body.to_string());
        }
        Reply::of(request.send().await.expect("an answer")).await
    }

    async fn get(&self, path: &str) -> Value {
        let reply = self.send(Method::GET, path, None).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        assert_eq!(reply.header("content-type"), "application/scim+json");
        reply.json()
    }

    async fn list(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.get(&format!("{path}?{query}")).await
    }

    async fn person(&self, name: &str) -> Value {
        let body = json!({ "schemas": [USER], "userName": name, "active": true });
        let made = self.send(Method::POST, "/Users", Some(&body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()
    }

    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Reply {
        let mut body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"] });
        body["Operations"] = operations;
        self.send(Method::PATCH, path, Some(&body)).await
    }

    /// The names of the people that a filter finds.
    async fn finds(&self, filter: &str) -> Vec<String> {
        let found = self.list("/Users", &[("filter", filter)]).await;
        let names = found["Resources"].as_array().expect("a list").iter();
        let names: Vec<_> = names.map(|one| one["userName"].as_str().unwrap().to_owned()).collect();
        assert_eq!(found["totalResults"], names.len(), "{filter}");
        names
    }
}

#[track_caller]
fn refused(reply: &Reply, status: u16, kind: &str) {
    let body = reply.json();
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(body["status"], status.to_string());
    assert_eq!(body["scimType"].as_str().unwrap_or_default(), kind, "{}", reply.text);
}

fn at(person: &Value) -> String {
    format!("/Users/{}", person["id"].as_str().expect("an id"))
}

both! {
    async fn rfc7644_3_3_a_person_is_made_shown_replaced_and_deleted(database) {
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        let body = json!({
            "schemas": [USER, ENTERPRISE],
            "userName": "mina@example.com",
            "externalId": "ext-1",
            "name": { "formatted": "ignored", "givenName": "Mina", "familyName": "Kim" },
            "displayName": "Mina Kim",
            "locale": "ko-KR",
            "active": true,
            "emails": [{ "value": "mina@example.com", "type": "work", "primary": true }, { "value": "m@home.org", "type": "home" }],
            "password": PASSWORD,
            "title": "Engineer",
            ENTERPRISE: { "department": "Sales" },
        });
        let made = connector.send(Method::POST, "/Users", Some(&body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let person = made.json();
        assert_eq!(made.header("location"), person["meta"]["location"]);
        assert_eq!(made.header("etag"), person["meta"]["version"]);
        assert!(made.header("etag").starts_with("W/\""));
        assert_eq!(person["meta"]["location"], format!("{}{}", connector.base, at(&person)));
        assert_eq!(person["emails"], json!([{ "value": "mina@example.com", "type": "work", "primary": true }]));
        assert_eq!((&person["name"], &person["locale"]), (&json!({ "givenName": "Mina", "familyName": "Kim" }), &json!("ko-KR")));
        assert!(person.get("password").is_none() && person.get("title").is_none());
        assert_eq!(connector.get(&at(&person)).await, person);
        // The connector vouches for the address: the person signs in with it, and it is verified.
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.grant_types.push(GrantType::Password);
        }).await;
        let tokens = app.password_as("mina@example.com", PASSWORD, "openid email profile").await.ok();
        let claims = app.userinfo(&tokens.text("access_token")).await.ok().json();
        assert_eq!((&claims["email_verified"], &claims["name"]), (&json!(true), &json!("Mina Kim")));

        // PUT replaces what it can: what is missing is cleared, the password and the state stay.
        let body = json!({ "schemas": [USER], "userName": "mina@example.com", "nickName": "Mi" });
        let replaced = connector.send(Method::PUT, &at(&person), Some(&body)).await.ok().json();
        for gone in ["externalId", "displayName", "name", "locale", "emails"] {
            assert!(replaced.get(gone).is_none(), "{gone}");
        }
        assert_eq!((&replaced["nickName"], &replaced["active"]), (&json!("Mi"), &json!(true)));
        app.password_as("mina@example.com", PASSWORD, "openid").await.ok();

        let gone = connector.send(Method::DELETE, &at(&person), None).await;
        assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
        refused(&connector.send(Method::GET, &at(&person), None).await, 404, "");
        refused(&connector.send(Method::DELETE, &at(&person), None).await, 404, "");
        assert!(server.evidence().await.events_of("user.created").await.len() == 1);
    }

    async fn a_name_that_is_another_persons_is_not_given(database) {
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        let mina = connector.person("mina@example.com").await;
        let jun = json!({ "userName": "jun", "emails": [{ "value": "jun@example.com" }] });
        let jun = connector.send(Method::POST, "/Users", Some(&jun)).await.json();
        // However it is written, and whether it is a name or an address.
        for taken in [
            json!({ "userName": "MINA@example.com" }),
            json!({ "userName": "other", "emails": [{ "value": "mina@EXAMPLE.com" }] }),
            json!({ "userName": "jun@example.com" }),
        ] {
            refused(&connector.send(Method::POST, "/Users", Some(&taken)).await, 409, "uniqueness");
            refused(&connector.send(Method::PUT, &at(&connector.person(&format!("p{}", mapae::domain::random::identifier())).await), Some(&taken)).await, 409, "uniqueness");
        }
        let renamed = connector.patch(&at(&jun), json!([{ "op": "replace", "path": "userName", "value": "mina@example.com" }])).await;
        refused(&renamed, 409, "uniqueness");
        assert_eq!(connector.get(&at(&jun)).await["userName"], "jun");
        assert_eq!(connector.get(&at(&mina)).await["userName"], "mina@example.com");
        for bad in [json!({}), json!({ "userName": "" }), json!({ "userName": "a b" }), json!({ "userName": 5 }), json!({ "userName": "x", "emails": [{ "value": "no address" }] }), json!({ "userName": "x", "password": "" , "active": "maybe" })] {
            refused(&connector.send(Method::POST, "/Users", Some(&bad)).await, 400, "invalidValue");
        }
    }

    async fn rfc7644_3_4_2_a_list_is_filtered_sorted_and_paged(database) {
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        for (name, family, active) in [("ana", "Zhou", true), ("bo", "Young", false), ("cho", "Xu", true)] {
            let body = json!({
                "userName": name, "externalId": format!("E-{name}"), "active": active,
                "name": { "familyName": family }, "emails": [{ "value": format!("{name}@example.com"), "type": "work" }],
            });
            assert_eq!(connector.send(Method::POST, "/Users", Some(&body)).await.status, 201);
        }
        for (filter, found) in [
            ("userName eq \"ANA\"", &["ana"][..]),
            ("userName eq \"nobody\"", &[]),
            ("externalId eq \"E-bo\"", &["bo"]),
            ("externalId eq \"e-bo\"", &[]),
            ("emails eq \"cho@EXAMPLE.com\"", &["cho"]),
            ("emails[type eq \"work\" and value eq \"cho@example.com\"]", &["cho"]),
            ("name.familyName co \"o\"", &["ana", "bo"]),
            ("active eq false", &["bo"]),
            ("active eq \"False\"", &["bo"]),
            ("userName eq \"ana\" or externalId eq \"E-cho\"", &["ana", "cho"]),
            ("not (active eq true) or userName sw \"c\"", &["bo", "cho"]),
            ("userName gt \"ana\" and userName le \"bo\"", &["bo"]),
            ("displayName pr", &[]),
            ("meta.created gt \"2000-01-01T00:00:00Z\" and emails pr", &["ana", "bo", "cho"]),
        ] {
            assert_eq!(connector.finds(filter).await, found, "{filter}");
        }
        for bad in ["userName", "userName eq", "unknown eq \"x\"", "password sw \"a\"", "active gt true"] {
            let reply = connector.send(Method::GET, &format!("/Users?{}", crate::support::form(&[("filter", bad)])), None).await;
            refused(&reply, 400, "invalidFilter");
        }
        let page = connector.list("/Users", &[("startIndex", "2"), ("count", "1")]).await;
        assert_eq!((&page["totalResults"], &page["startIndex"], &page["itemsPerPage"]), (&json!(3), &json!(2), &json!(1)));
        assert_eq!(page["Resources"][0]["userName"], "bo");
        let none = connector.list("/Users", &[("count", "0")]).await;
        assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(3), &json!([])));
        let beyond = connector.list("/Users", &[("startIndex", "9"), ("filter", "active eq true")]).await;
        assert_eq!((&beyond["totalResults"], &beyond["Resources"]), (&json!(2), &json!([])));
        for (sort, order, first) in [("name.familyName", "ascending", "cho"), ("name.familyName", "descending", "ana"), ("userName", "descending", "cho"), ("emails.value", "ascending", "ana")] {
            let sorted = connector.list("/Users", &[("sortBy", sort), ("sortOrder", order)]).await;
            assert_eq!(sorted["Resources"][0]["userName"], first, "{sort} {order}");
        }
        let some = connector.list("/Users", &[("attributes", "userName,name.familyName"), ("count", "1")]).await;
        let one = some["Resources"][0].as_object().unwrap();
        let mut names: Vec<_> = one.keys().collect();
        names.sort_unstable();
        assert_eq!(names, ["id", "name", "schemas", "userName"]);
        let some = connector.list("/Users", &[("excludedAttributes", "emails,meta"), ("count", "1")]).await;
        assert!(some["Resources"][0].get("emails").is_none() && some["Resources"][0].get("meta").is_none());
        // RFC 7644 §3.4.3
        let search = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": "active eq true", "attributes": ["userName"], "count": 1, "startIndex": 2,
        });
        let found = connector.send(Method::POST, "/Users/.search", Some(&search)).await.ok().json();
        assert_eq!((&found["totalResults"], &found["Resources"][0]["userName"]), (&json!(2), &json!("cho")));
        groups::create(&May::operator(), &server.inner.services().store, server.now(), "Team").await.unwrap();
        let everything = connector.send(Method::POST, "/.search", Some(&json!({ "filter": "displayName eq \"Team\"" }))).await.ok().json();
        assert_eq!((&everything["totalResults"], &everything["Resources"][0]["schemas"]), (&json!(1), &json!([GROUP])));
    }

    async fn disabled_there_is_disabled_here_within_the_request(database) {
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.grant_types.push(GrantType::Password);
            client.metadata.backchannel_logout_uri = Some("https://app.example/logout".to_owned());
        }).await;
        let entra = json!([{ "op": "Replace", "path": "active", "value": "False" }]);
        let entra_without_path = json!([{ "op": "Replace", "value": { "active": "False" } }]);
        let okta = json!([{ "op": "replace", "value": { "active": false } }]);
        for (name, operations) in [("entra", Some(entra)), ("entra2", Some(entra_without_path)), ("okta", Some(okta)), ("put", None)] {
            let body = json!({ "userName": name, "password": PASSWORD });
            let person = connector.send(Method::POST, "/Users", Some(&body)).await.json();
            let tokens = app.password_as(name, PASSWORD, "openid offline_access").await.ok();
            let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
            app.userinfo(&access).await.ok();
            let changed = match operations {
                Some(operations) => connector.patch(&at(&person), operations).await,
                // Okta with PUT.
                None => connector.send(Method::PUT, &at(&person), Some(&json!({ "userName": name, "active": false }))).await,
            }.ok();
            assert_eq!(changed.json()["active"], false);
            // The very next request of anybody sees it.
            assert!(!app.is_active(&access).await, "{name}");
            app.refresh(&refresh).await.refused(400, "invalid_grant");
            app.password_as(name, PASSWORD, "openid").await.refused(400, "invalid_grant");
            let family = decode_claims(&access)["sid"].as_str().unwrap().to_owned();
            let told = format!("SELECT count(*) AS n FROM outbox WHERE kind = 'logout' AND payload LIKE '%{family}%'");
            assert_eq!(server.evidence().await.count(&told).await, 1, "{name}");
            let back = connector.patch(&at(&person), json!([{ "op": "Add", "path": "active", "value": "True" }])).await.ok();
            assert_eq!(back.json()["active"], true);
            app.password_as(name, PASSWORD, "openid").await.ok();
            app.refresh(&refresh).await.refused(400, "invalid_grant");
        }
        let kinds = server.evidence().await.events_of("user.disabled").await;
        assert_eq!(kinds.len(), 4);
        // A new password ends what was opened with the old one.
        let person = connector.finds("userName eq \"put\"").await;
        assert_eq!(person, ["put"]);
        let found = connector.list("/Users", &[("filter", "userName eq \"put\"")]).await;
        let tokens = app.password_as("put", PASSWORD, "openid").await.ok();
        let another = "another long enough password";
        connector.patch(&at(&found["Resources"][0]), json!([{ "op": "replace", "path": "password", "value": another }])).await.ok();
        assert!(!app.is_active(&tokens.text("access_token")).await);
        app.password_as("put", another, "openid").await.ok();
    }

    async fn what_entra_sends_is_understood(database) {
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        let body = json!({
            "schemas": [USER, ENTERPRISE],
            "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
            "userName": "Test_User_ab6490ee@testuser.com",
            "active": true,
            "emails": [{ "primary": true, "type": "work", "value": "Test_User_fd0ea19b@testuser.com" }],
            "meta": { "resourceType": "User" },
            "name": { "formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName" },
            "roles": [],
        });
        let made = connector.send(Method::POST, "/Users", Some(&body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let person = made.json();
        assert_eq!(connector.finds("userName eq \"test_user_AB6490ee@testuser.com\"").await.len(), 1);
        assert_eq!(connector.finds("externalId eq \"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef\"").await.len(), 1);
        // Nobody is found: an empty list, not 404.
        assert_eq!(connector.finds("userName eq \"non-existent user\"").await.len(), 0);
        let operations = json!([
            { "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "updatedEmail@microsoft.com" },
            { "op": "Replace", "path": "name.familyName", "value": "updatedFamilyName" },
            { "op": "Add", "path": "name.formatted", "value": "Somebody" },
            { "op": "Add", "path": format!("{ENTERPRISE}:department"), "value": "Sales" },
            { "op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": [{ "$ref": "x", "value": "1" }] },
            { "op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+82 10" },
            { "op": "Replace", "path": format!("{USER}:nickName"), "value": "T" },
        ]);
        let changed = connector.patch(&at(&person), operations).await.ok().json();
        assert_eq!(changed["emails"][0]["value"], "updatedEmail@microsoft.com");
        assert_eq!((&changed["name"]["familyName"], &changed["name"]["givenName"], &changed["nickName"]), (&json!("updatedFamilyName"), &json!("givenName"), &json!("T")));
        // The form without a path, with dotted names.
        let operations = json!([{ "op": "Replace", "value": { "userName": "renamed@testuser.com", "name.givenName": "G", "displayName": "D", format!("{ENTERPRISE}:employeeNumber"): "7" } }]);
        let changed = connector.patch(&at(&person), operations).await.ok().json();
        assert_eq!((&changed["userName"], &changed["name"]["givenName"], &changed["displayName"]), (&json!("renamed@testuser.com"), &json!("G"), &json!("D")));

        let body = json!({ "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"], "externalId": "8aa1a0c0", "displayName": "displayName", "meta": { "resourceType": "Group" } });
        let group = connector.send(Method::POST, "/Groups", Some(&body)).await;
        assert_eq!(group.status, 201, "{}", group.text);
        let (group, id) = (group.json(), person["id"].clone());
        let path = format!("/Groups/{}", group["id"].as_str().unwrap());
        let found = connector.list("/Groups", &[("excludedAttributes", "members"), ("filter", "displayName eq \"displayName\"")]).await;
        assert_eq!(found["Resources"][0]["id"], group["id"]);
        assert_eq!(connector.list("/Groups", &[("filter", "externalId eq \"8aa1a0c0\"")]).await["totalResults"], 1);
        let added = connector.patch(&path, json!([{ "op": "Add", "path": "members", "value": [{ "$ref": null, "value": id }] }])).await;
        assert_eq!((added.status.as_u16(), added.text.as_str()), (204, ""));
        assert_eq!(connector.get(&path).await["members"][0]["value"], id);
        assert_eq!(connector.get(&at(&person)).await["groups"][0]["display"], "displayName");
        connector.patch(&path, json!([{ "op": "Replace", "path": "displayName", "value": "renamed" }])).await;
        assert_eq!(connector.get(&path).await["displayName"], "renamed");
        // A removal names the member in its value, and removes nobody else.
        let other = connector.person("other").await;
        connector.patch(&path, json!([{ "op": "Add", "path": "members", "value": [{ "value": other["id"] }] }])).await;
        connector.patch(&path, json!([{ "op": "Remove", "path": "members", "value": [{ "$ref": null, "value": id }] }])).await;
        assert_eq!(connector.get(&path).await["members"], json!([{ "value": other["id"], "type": "User", "$ref": other["meta"]["location"] }]));
        let chosen = format!("members[value eq \"{}\"]", other["id"].as_str().unwrap());
        connector.patch(&path, json!([{ "op": "Remove", "path": chosen }])).await;
        assert!(connector.get(&path).await.get("members").is_none());
        // Removed twice is removed.
        assert_eq!(connector.patch(&path, json!([{ "op": "Remove", "path": chosen }])).await.status, 204);
        assert_eq!(connector.send(Method::DELETE, &path, None).await.status, 204);
        refused(&connector.send(Method::GET, &path, None).await, 404, "");
    }

    async fn what_okta_sends_is_understood(database) {
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        let found = connector.list("/Users", &[("filter", "userName eq \"mina@okta.example\""), ("startIndex", "1"), ("count", "100")]).await;
        assert_eq!((&found["totalResults"], &found["Resources"]), (&json!(0), &json!([])));
        let body = json!({
            "schemas": [USER], "userName": "mina@okta.example",
            "name": { "givenName": "Mina", "familyName": "Kim" },
            "emails": [{ "primary": true, "value": "mina@okta.example", "type": "work" }],
            "displayName": "Mina Kim", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7",
            "groups": [], "password": "1mz050nq-long-enough", "active": true,
        });
        let mina = connector.send(Method::POST, "/Users", Some(&body)).await.json();
        let jun = connector.person("jun@okta.example").await;
        // Group push: the group with its members, then the whole list again.
        let members = json!([{ "value": mina["id"], "display": "mina@okta.example" }]);
        let body = json!({ "schemas": [GROUP], "displayName": "Okta Group", "members": members });
        let group = connector.send(Method::POST, "/Groups", Some(&body)).await;
        assert_eq!(group.status, 201, "{}", group.text);
        let path = format!("/Groups/{}", group.json()["id"].as_str().unwrap());
        refused(&connector.send(Method::POST, "/Groups", Some(&body)).await, 409, "uniqueness");
        connector.patch(&path, json!([{ "op": "replace", "path": "members", "value": [{ "value": jun["id"] }] }])).await;
        assert_eq!(connector.get(&path).await["members"][0]["value"], jun["id"]);
        connector.patch(&path, json!([{ "op": "replace", "value": { "id": group.json()["id"], "displayName": "Renamed" } }])).await;
        let shown = connector.get(&path).await;
        assert_eq!((&shown["displayName"], shown["members"].as_array().unwrap().len()), (&json!("Renamed"), 1));
        let body = json!({ "schemas": [GROUP], "id": group.json()["id"], "displayName": "Renamed", "members": [{ "value": mina["id"] }, { "value": jun["id"] }] });
        let replaced = connector.send(Method::PUT, &path, Some(&body)).await.ok().json();
        assert_eq!(replaced["members"].as_array().unwrap().len(), 2);
        let of_mina = connector.list("/Groups", &[("filter", &format!("members eq \"{}\"", mina["id"].as_str().unwrap()))]).await;
        assert_eq!(of_mina["totalResults"], 1);
        // A change is made whole or not at all.
        let nobody = connector.patch(&path, json!([
            { "op": "replace", "path": "displayName", "value": "Third" },
            { "op": "add", "path": "members", "value": [{ "value": "nobody" }] },
        ])).await;
        refused(&nobody, 400, "invalidValue");
        assert_eq!(connector.get(&path).await["displayName"], "Renamed");
    }

    async fn rfc7644_3_14_a_change_of_what_was_not_seen_is_refused(database) {
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        let person = connector.person("mina").await;
        let (path, seen) = (at(&person), person["meta"]["version"].as_str().unwrap().to_owned());
        let body = json!({ "userName": "mina", "nickName": "M" });
        let unchanged = http().get(format!("{}{path}", connector.base)).bearer_auth(&connector.token).header("if-none-match", &seen).send().await.unwrap();
        assert_eq!(unchanged.status(), 304);
        let changed = connector.send_seen(Method::PUT, &path, Some(&seen), Some(&body)).await.ok();
        refused(&connector.send_seen(Method::PUT, &path, Some(&seen), Some(&body)).await, 412, "");
        refused(&connector.send_seen(Method::DELETE, &path, Some(&seen), None).await, 412, "");
        refused(&connector.send_seen(Method::DELETE, &path, Some("nonsense"), None).await, 412, "");
        // A strong tag of the same version counts as well.
        let strong = changed.header("etag").trim_start_matches("W/").to_owned();
        assert_eq!(connector.send_seen(Method::DELETE, &path, Some(&strong), None).await.status, 204);
        let group = connector.send(Method::POST, "/Groups", Some(&json!({ "displayName": "Team" }))).await;
        let path = format!("/Groups/{}", group.json()["id"].as_str().unwrap());
        let body = json!({ "displayName": "Other" });
        connector.send_seen(Method::PUT, &path, Some(group.header("etag")), Some(&body)).await.ok();
        refused(&connector.send_seen(Method::PUT, &path, Some(group.header("etag")), Some(&body)).await, 412, "");
        assert_eq!(connector.send_seen(Method::DELETE, &path, Some("*"), None).await.status, 204);
        // Of changes that saw the same one is made, and a deletion that saw less is none.
        let person = connector.person("noa").await;
        let group = connector.send(Method::POST, "/Groups", Some(&json!({ "displayName": "Races" }))).await;
        let (path, seen) = (format!("/Groups/{}", group.json()["id"].as_str().unwrap()), group.header("etag").to_owned());
        let bodies: Vec<_> = (0..8).map(|number| json!({ "displayName": format!("Races {number}"), "members": [{ "value": person["id"] }] })).collect();
        let sent = bodies.iter().map(|body| connector.send_seen(Method::PUT, &path, Some(&seen), Some(body)));
        let replies = futures_util::future::join_all(sent).await;
        let mut statuses: Vec<_> = replies.iter().map(|reply| reply.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!((statuses[0], statuses.iter().filter(|status| **status == 412).count()), (200, 7), "{statuses:?}");
        refused(&connector.send_seen(Method::DELETE, &path, Some(&seen), None).await, 412, "");
        assert_eq!(connector.get(&path).await["members"].as_array().map(Vec::len), Some(1));
    }

    async fn rfc7644_3_7_a_bulk_request_makes_what_refers_to_each_other(database) {
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        let bulk = |operations: Value, fails: u64| json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "failOnErrors": fails, "Operations": operations,
        });
        let body = bulk(json!([
            { "method": "POST", "path": "/Groups", "bulkId": "g", "data": { "displayName": "Tour", "members": [{ "type": "User", "value": "bulkId:u" }] } },
            { "method": "POST", "path": "/Users", "bulkId": "u", "data": { "userName": "alice" } },
            { "method": "PATCH", "path": "/Users/bulkId:u", "data": { "Operations": [{ "op": "add", "path": "nickName", "value": "Al" }] } },
            { "method": "POST", "path": "/Users", "bulkId": "twice", "data": { "userName": "ALICE" } },
            { "method": "DELETE", "path": "/Users/nobody" },
            { "method": "POST", "path": "/Groups", "bulkId": "x", "data": { "displayName": "X", "members": [{ "value": "bulkId:missing" }] } },
        ]), 10);
        let done = connector.send(Method::POST, "/Bulk", Some(&body)).await.ok().json();
        let said = done["Operations"].as_array().unwrap();
        let statuses: Vec<_> = said.iter().map(|one| (one["bulkId"].as_str().unwrap_or_default(), one["status"].as_str().unwrap())).collect();
        assert_eq!(statuses, [("u", "201"), ("", "200"), ("twice", "409"), ("", "404"), ("g", "201"), ("x", "409")]);
        assert_eq!(said[2]["response"]["scimType"], "uniqueness");
        assert!(said[0]["location"].as_str().unwrap().starts_with(&connector.base));
        let found = connector.list("/Groups", &[("filter", "displayName eq \"Tour\"")]).await;
        let alice = said[0]["location"].as_str().unwrap();
        assert_eq!(found["Resources"][0]["members"][0]["$ref"], alice);
        assert_eq!(connector.finds("nickName eq \"al\"").await, ["alice"]);
        // It stops after so many errors.
        let body = bulk(json!([
            { "method": "DELETE", "path": "/Users/nobody" },
            { "method": "POST", "path": "/Users", "bulkId": "u", "data": { "userName": "bob" } },
        ]), 1);
        let done = connector.send(Method::POST, "/Bulk", Some(&body)).await.ok().json();
        assert_eq!(done["Operations"].as_array().unwrap().len(), 1);
        assert!(connector.finds("userName eq \"bob\"").await.is_empty());
        let many: Vec<_> = (0..101).map(|_| json!({ "method": "DELETE", "path": "/Users/x" })).collect();
        refused(&connector.send(Method::POST, "/Bulk", Some(&bulk(json!(many), 1))).await, 413, "");
        refused(&connector.send(Method::POST, "/Bulk", Some(&bulk(json!([{ "method": "GET", "path": "/Users" }]), 1))).await, 400, "invalidSyntax");
    }

    async fn an_address_that_nobody_has_proven_is_not_vouched_for_by_a_change_of_something_else(database) {
        let server = Server::start(&database).await;
        let (connector, cli) = (Connector::of(&server).await, server.cli().await);
        cli.json(&["user", "create", "--username", "mallory", "--email", "ceo@example.com"], None).await;
        cli.json(&["user", "create", "--username", "boss", "--email", "ceo@example.com", "--email-verified"], None).await;
        let found = connector.list("/Users", &[("filter", "userName eq \"mallory\"")]).await;
        let mallory = at(&found["Resources"][0]);
        assert_eq!(found["Resources"][0].get("emails"), None);
        assert_eq!(connector.finds("emails eq \"ceo@example.com\"").await, ["boss"]);
        for operation in [
            json!([{ "op": "add", "path": "title", "value": "x" }]),
            json!([{ "op": "replace", "path": "displayName", "value": "M" }]),
            json!([{ "op": "replace", "path": "active", "value": false }]),
        ] {
            let reply = connector.patch(&mallory, operation).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
        let shown = cli.json(&["user", "show", "--username", "mallory"], None).await;
        assert_eq!((&shown["email"], &shown["email_verified"]), (&json!("ceo@example.com"), &json!(false)));
        assert!(shown["disabled_at"].is_string());
        // What it says itself counts, and belongs to one person.
        let said = json!([{ "op": "replace", "path": "emails", "value": [{ "value": "ceo@example.com" }] }]);
        refused(&connector.patch(&mallory, said).await, 409, "uniqueness");
    }

    async fn what_would_be_too_much_or_is_no_text_is_refused(database) {
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        let alice = at(&connector.person("alice").await);
        let many: Vec<_> = (0..201).map(|n| format!("a{n}@example.com")).collect();
        refused(&connector.patch(&alice, json!([{ "op": "add", "path": "emails", "value": many }])).await, 400, "invalidValue");
        let strangers: Vec<_> = (0..5001).map(|n| n.to_string()).collect();
        let group = connector.send(Method::POST, "/Groups", Some(&json!({ "displayName": "Team" }))).await.json();
        let group = format!("/Groups/{}", group["id"].as_str().unwrap());
        refused(&connector.patch(&group, json!([{ "op": "remove", "path": "members", "value": strangers }])).await, 413, "");
        for (path, body) in [
            ("/Groups", json!({ "displayName": "X", "externalId": "a\u{0}" })),
            ("/Users", json!({ "userName": "a\u{0}b" })),
        ] {
            refused(&connector.send(Method::POST, path, Some(&body)).await, 400, "invalidSyntax");
        }
        let long = json!({ "displayName": "X", "externalId": "한".repeat(400) });
        refused(&connector.send(Method::POST, "/Groups", Some(&long)).await, 400, "invalidValue");
        for (path, filter, kind) in [
            ("/Users", "id eq \"\\u0000\"", "invalidFilter"),
            ("/Groups", "externalId eq \"\\u0000\"", "invalidFilter"),
            ("/Groups", "members pr", "tooMany"),
        ] {
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
            refused(&connector.send(Method::GET, &format!("{path}?{query}"), None).await, 400, kind);
        }
    }

    async fn a_connector_has_people_and_groups_alone_and_nobody_with_a_role(database) {
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        let store = &server.inner.services().store;
        let group = connector.send(Method::POST, "/Groups", Some(&json!({ "displayName": "Team" }))).await.json();
        let group = format!("/Groups/{}", group["id"].as_str().unwrap());
        for role in AdminRole::ALL {
            let id = server.user(role.as_str(), Some(PASSWORD)).await;
            roles::grant(&May::operator(), store, server.now(), Who::Id(&id), *role).await.unwrap();
            let path = format!("/Users/{id}");
            // They are seen, and left alone.
            assert_eq!(connector.get(&path).await["userName"], role.as_str());
            refused(&connector.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }])).await, 403, "");
            refused(&connector.patch(&path, json!([{ "op": "replace", "path": "password", "value": "a new password for you" }])).await, 403, "");
            refused(&connector.send(Method::PUT, &path, Some(&json!({ "userName": "mine" }))).await, 403, "");
            refused(&connector.send(Method::DELETE, &path, None).await, 403, "");
            refused(&connector.patch(&group, json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }])).await, 403, "");
        }
        // Nor is a group changed that one of them is in; one that is sent as it is changes nothing.
        groups::add_member(&May::operator(), store, server.now(), mapae::admin::users::Target::named("owner"), "Team").await.unwrap();
        refused(&connector.patch(&group, json!([{ "op": "replace", "path": "displayName", "value": "admins" }])).await, 403, "");
        refused(&connector.send(Method::DELETE, &group, None).await, 403, "");
        let as_it_is = connector.get(&group).await;
        assert_eq!((as_it_is["displayName"].as_str(), as_it_is["members"].as_array().map(Vec::len)), (Some("Team"), Some(1)));
        let whole = json!({ "schemas": [GROUP], "displayName": "Team", "members": as_it_is["members"] });
        assert_eq!(connector.send(Method::PUT, &group, Some(&whole)).await.status, 200);
        for (member, value) in [("displayName", json!("admins")), ("members", json!([]))] {
            let mut other = whole.clone();
            other[member] = value;
            refused(&connector.send(Method::PUT, &group, Some(&other)).await, 403, "");
        }
        assert_eq!(connector.get(&group).await["members"], as_it_is["members"]);
        // The token is good for SCIM alone, and nothing else is good for SCIM.
        for path in ["/admin/api/v1/users", "/userinfo"] {
            let reply = http().get(server.url(path)).bearer_auth(&connector.token).send().await.unwrap();
            assert_eq!(reply.status(), 401, "{path}");
        }
        let anonymous = Reply::of(http().get(server.url("/scim/v2/Users")).send().await.unwrap()).await;
        assert_eq!((anonymous.status.as_u16(), anonymous.header("www-authenticate")), (401, "Bearer realm=\"mapae\""));
        refused(&anonymous, 401, "");
        let events = server.evidence().await.events_of("group.created").await;
        assert_eq!(events.len(), 1);
    }

    async fn a_client_with_the_scope_and_the_audience_is_a_connector(database) {
        let server = Server::start(&database).await;
        let client = async |id: &str, audience: &str, scope: &str| {
            let audience = format!("{}{audience}", server.issuer());
            let app = server.client(id, |client| {
                client.metadata.audiences = vec![audience];
                client.metadata.scope = Scope::parse(scope).expect("a scope");
            }).await;
            let token = app.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token");
            Connector { base: server.url("/scim/v2"), token }
        };
        let good = client("good", "/scim/v2", "scim").await;
        good.person("mina").await;
        let events = server.cli().await.json(&["audit", "list", "--kind", "user.created"], None).await;
        assert_eq!(events["events"][0]["actor"], "client:good");
        let elsewhere = client("elsewhere", "/admin/api", "scim").await;
        refused(&elsewhere.send(Method::GET, "/Users", None).await, 401, "");
        let unscoped = client("unscoped", "/scim/v2", "admin:users").await;
        refused(&unscoped.send(Method::GET, "/Users", None).await, 403, "");
        // The scope gives nothing at the administration API.
        let reply = http().get(server.url("/admin/api/v1/users")).bearer_auth(&elsewhere.token).send().await.unwrap();
        assert_eq!(reply.status(), 403);
        // A person's token is none of a connector.
        server.user("jun", Some(PASSWORD)).await;
        let audience = format!("{}/scim/v2", server.issuer());
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.grant_types.push(GrantType::Password);
            client.metadata.audiences = vec![audience];
            client.metadata.scope = Scope::parse("openid scim").expect("a scope");
        }).await;
        let token = app.password_as("jun", PASSWORD, "scim").await.ok().text("access_token");
        let person = Connector { base: server.url("/scim/v2"), token };
        refused(&person.send(Method::GET, "/Users", None).await, 403, "");
    }

    async fn a_token_is_shown_once_ends_by_itself_and_is_revoked(database) {
        let server = Server::start(&database).await;
        let cli = server.cli().await;
        let made = cli.json(&["scim", "token", "create", "--name", "okta", "--expires", "365d"], None).await;
        let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
        let listed = cli.json(&["scim", "token", "list"], None).await;
        assert_eq!((&listed["tokens"][0]["id"], &listed["tokens"][0]["name"]), (&json!(id), &json!("okta")));
        assert!(!listed.to_string().contains(token));
        let connector = Connector { base: server.url("/scim/v2"), token: token.to_owned() };
        connector.person("mina").await;
        let events = cli.json(&["audit", "list", "--kind", "user.created"], None).await;
        assert_eq!(events["events"][0]["actor"], format!("scim:{id}"));
        assert_eq!(cli.run(&["scim", "token", "create", "--name", "x", "--expires", "soon"], None).await.code, 2);
        cli.json(&["scim", "token", "revoke", id], None).await;
        refused(&connector.send(Method::GET, "/Users", None).await, 401, "");
        assert_eq!(cli.run(&["scim", "token", "revoke", id], None).await.code, 1);
        let (may, store) = (May::operator(), &server.inner.services().store);
        let day = Some(chrono::Duration::days(1));
        let short = scim_tokens::create(&may, store, server.now(), "short", day).await.unwrap().1;
        let connector = Connector { base: server.url("/scim/v2"), token: short.expose().to_owned() };
        connector.get("/Users").await;
        server.advance(86_400);
        refused(&connector.send(Method::GET, "/Users", None).await, 401, "");
    }

    async fn rfc7644_4_the_service_describes_itself(database) {
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        let config = connector.get("/ServiceProviderConfig").await;
        for feature in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
            assert_eq!(config[feature]["supported"], true, "{feature}");
        }
        let types = connector.get("/ResourceTypes").await;
        assert_eq!((&types["totalResults"], &types["Resources"][0]["endpoint"]), (&json!(2), &json!("/Users")));
        assert_eq!(connector.get("/ResourceTypes/Group").await["schema"], GROUP);
        let schema = connector.get(&format!("/Schemas/{USER}")).await;
        let names: Vec<_> = schema["attributes"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        for name in ["userName", "name", "displayName", "locale", "active", "password", "emails", "groups"] {
            assert!(names.contains(&name), "{name}");
        }
        refused(&connector.send(Method::GET, "/Schemas/nothing", None).await, 404, "");
        refused(&connector.send(Method::GET, "/Schemas?filter=x", None).await, 403, "");
        refused(&connector.send(Method::GET, "/Me", None).await, 501, "");
        refused(&connector.send(Method::GET, "/Nothing", None).await, 404, "");
        refused(&connector.send(Method::GET, "/Nothing/at/all", None).await, 404, "");
        refused(&connector.send(Method::DELETE, "/Users", None).await, 405, "");
        refused(&connector.send(Method::POST, "/Schemas", Some(&json!({}))).await, 405, "");
        // What is no JSON.
        let url = format!("{}/Users", connector.base);
        let post = |kind: &'static str, body: &'static str| http().post(&url).bearer_auth(&connector.token).header("content-type", kind).body(body);
        refused(&Reply::of(post("application/scim+json", "{").send().await.unwrap()).await, 400, "invalidSyntax");
        refused(&Reply::of(post("application/json; charset=utf-8", "[]").send().await.unwrap()).await, 400, "invalidSyntax");
        refused(&Reply::of(post("text/plain", "{}").send().await.unwrap()).await, 415, "");
    }

    async fn scim2_tester_finds_nothing(database) {
        let mut tester = match toolchain::scim2_tester().await {
            Ok(command) => command,
            Err(why) => return required_or_skip(&why),
        };
        let server = Server::start(&database).await;
        let connector = Connector::of(&server).await;
        tester.args([&connector.base, &connector.token]);
        let checked = tester.output().await.unwrap();
        let said = String::from_utf8_lossy(&checked.stdout);
        assert!(checked.status.success(), "{said}\n{}", String::from_utf8_lossy(&checked.stderr));
    }
}

/// On one database: each of its commands takes seconds, and what a database changes is seen by the
/// tests above and by `scim2-tester`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scim2_cli_provisions_people_and_groups() {
    let mut cli = match toolchain::scim2_cli().await {
        Ok(command) => command,
        Err(why) => return required_or_skip(&why),
    };
    let server = Server::start(&Database::Sqlite).await;
    let connector = Connector::of(&server).await;
    cli.args([&connector.base, &connector.token]);
    let ran = cli.output().await.unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}\n{said}", String::from_utf8_lossy(&ran.stdout));
    // It left what it made last, and nothing else.
    assert_eq!(connector.finds("userName pr").await, ["noa"]);
}
