//! How many bytes one row of each table takes, with its indexes: the figures of the list in
//! docs/architecture.md. `cargo test --test it row_sizes -- --ignored --nocapture` measures them.

use std::collections::BTreeMap;

use reqwest::Method;
use sea_orm::{ConnectOptions, ConnectionTrait, Database as Sea, DatabaseConnection, Statement};
use serde_json::{Value, json};

use crate::admin_api::{Api, EVERY_SCOPE, grant};
use crate::passkeys;
use crate::social::table;
use crate::support::upstream::{CLIENT_ID, Oidc};
use crate::support::{
    Authenticator, Browser, Database, LOCALHOST, Mailbox, PASSWORD, Server, USERNAME,
    decode_claims, eventually, postgres_or_skip,
};
use mapae::accounts::mail_secrets::{self, MailRecipient};
use mapae::admin::authority::May;
use mapae::admin::providers::{self, Addition};
use mapae::domain::account_page::AccountPage;
use mapae::domain::admin_role::AdminRole;
use mapae::domain::audit::Origin;
use mapae::domain::ending::{Ending, EndingScope};
use mapae::domain::grant_type::GrantType;
use mapae::domain::interaction::Purpose;
use mapae::domain::mail_secret::MailPurpose;
use mapae::domain::provider::{Credential, Preset, ProviderMetadata, Registration, Slug};
use mapae::domain::random;
use mapae::domain::secret::Secret;
use mapae::domain::session::BrowserId;
use mapae::domain::sign_up_request::SignUpRequest;
use mapae::domain::status_list::StatusListMode;
use mapae::domain::terms::{Acceptance, TermsAnswer};
use mapae::domain::user::UserId;
use mapae::keys::seal::{MasterKey, Sealer};
use mapae::store::{Tx, endings, terms_acceptances};

/// So many rows are added to each table.
const ROWS: i64 = 5000;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// A mail that a person asks for at sign-up, and a document that they accept.
async fn sign_up(tx: &Tx, user: &UserId) {
    let asking = BrowserId::from_stored(random::identifier());
    let kept = SignUpRequest {
        email: "mina@example.com".to_owned(),
        purpose: Some(Purpose::Account { page: AccountPage::default().into(), ui_locales: None }),
        client: None,
    };
    let recipient = MailRecipient::Address("mina@example.com");
    let asked = mail_secrets::issue(tx, MailPurpose::SignUp, recipient, Some(&asking), &kept);
    asked.await.expect("issued");
    let asked = Acceptance { document: "tos".to_owned(), version: "2026-11-01".to_owned() };
    let answer = TermsAnswer { asked, is_accepted: true };
    terms_acceptances::insert(tx, user, &answer, Some("203.0.113.7")).await.expect("accepted");
}

/// What is administered: each kind of object once, with people in it.
async fn administer(server: &Server, alice: &UserId) {
    let api = Api::machine(server, "robot", EVERY_SCOPE).await;
    let person = format!("/users/{}", alice.as_str());
    let made = async |path: &str, body: Value| {
        let made = api.post(path, body).await;
        assert_eq!(made.status, 201, "{path}: {}", made.text);
        made
    };
    let group = made("/groups", json!({ "name": "developers" })).await;
    let member = format!("/groups/{}/members/{}", group.text("id"), alice.as_str());
    assert_eq!(api.send(Method::PUT, &member, None, None).await.status, 204);
    made("/clients/shop/roles", json!({ "name": "editor" })).await;
    let holder = format!("/clients/shop/roles/editor/holders/{}", alice.as_str());
    assert_eq!(api.send(Method::PUT, &holder, None, None).await.status, 204);
    let texts = json!({ "en": "Your department", "ko": "부서" });
    let attribute = json!({ "name": "department", "type": "string", "scope": "hr", "editable": true, "texts": texts });
    made("/attributes", attribute).await;
    let values = json!({ "name": "Alice Kim", "attributes": { "department": "Design" } });
    api.send(Method::PATCH, &person, Some("*"), Some(values)).await.ok();
    made(
        "/scopes",
        json!({ "name": "orders:read", "texts": { "en": "See your orders", "ko": "주문 보기" } }),
    )
    .await;
    made(
        "/resources",
        json!({ "id": "https://api.example.com/orders", "metadata": { "scope": "orders:read" } }),
    )
    .await;
    made("/webhooks", json!({ "url": "https://hooks.example.com/mapae", "events": ["user.*"] }))
        .await;
    let token = made("/scim-tokens", json!({ "name": "entra", "expires": "365d" })).await;
    // A creation that may be asked for again.
    let again = server.http.post(server.url("/admin/api/v1/groups")).bearer_auth(&api.token);
    let again = again.header("idempotency-key", "one").json(&json!({ "name": "staff" })).send();
    assert_eq!(again.await.expect("an answer").status(), 201);
    // What a connector sends.
    for (path, body) in [
        (
            "Users",
            json!({ "userName": "joon", "externalId": "6f8f1c9a-4d5e-4b0e-9d0e-7a1d2c3b4a5f", "emails": [{ "value": "joon@example.com" }] }),
        ),
        (
            "Groups",
            json!({ "displayName": "Team", "externalId": "6f8f1c9a-4d5e-4b0e-9d0e-7a1d2c3b4a5e" }),
        ),
    ] {
        let sent = server
            .http
            .post(server.url(&format!("/scim/v2/{path}")))
            .bearer_auth(token.text("token"));
        let sent =
            sent.header("content-type", "application/scim+json").body(body.to_string()).send();
        assert_eq!(sent.await.expect("an answer").status(), 201, "{path}");
    }
    grant(server, USERNAME, AdminRole::Auditor).await;
    // A token that a client got for itself, which is revoked in a status list.
    let listed =
        server.client("listed", |client| client.metadata.status_list = StatusListMode::Each).await;
    let token =
        listed.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token");
    listed.revoke(&token).await.ok();
}

/// Does everything that leaves a row behind, once.
async fn use_everything(database: &Database) -> (Server, Vec<Browser>) {
    let idp = Oidc::start().await;
    let mails = Mailbox::new();
    let groups = "group_claim = \"groups\"\ngroup_map = [\"engineering=developers\"]";
    let social = table("idp", "oidc", idp.base(), groups);
    let settings =
        [("outbound.allow_private", "true"), ("issuer", LOCALHOST), ("mail.url", &*mails.url())];
    let server = Server::start_of(database, &settings, &social).await;
    idp.follows(server.now());
    let alice = UserId::from_stored(server.alice().await);
    let app = server.web_app("shop", |client| {
        client.metadata.backchannel_logout_uri =
            Some("https://shop.example.com/backchannel".to_owned());
    });
    let app = app.await;
    // A consent, a code, a family, a session; an access token that ends alone.
    let mut browser = server.browser();
    let page = browser.open(&app.authorization_url(&[])).await;
    let page = browser.sign_in_as(&page, USERNAME, PASSWORD).await;
    let page = browser.consent(&page, "allow").await;
    let (access, refresh) = app.exchange(&page.authorization_response().code()).await.pair();
    app.refresh(&refresh).await.ok();
    app.revoke(&access).await.ok();
    // A program that fetches the keys.
    let jwks = server.http.get(server.url("/.well-known/jwks.json"));
    jwks.header("user-agent", "billing-api/2.4 (jose 6.0)").send().await.expect("the keys");
    administer(&server, &alice).await;
    // A wrong password, an identity.
    let page = server.browser().open(&app.authorization_url(&[])).await;
    server.browser().sign_in_as(&page, USERNAME, "wrong").await;
    let mut by_provider = server.browser();
    let page = by_provider.open(&app.authorization_url(&[])).await;
    by_provider.sign_in_by(&page, "idp", &idp).await;
    // An id token of the provider that an app presents.
    let grants = vec![GrantType::TokenExchange];
    let native = server.client("native", |client| client.metadata.grant_types = grants).await;
    let presented = idp.id_token_with(CLIENT_ID, Some("nonce-of-the-app"), |claims| {
        claims["groups"] = json!(["engineering"]);
    });
    native
        .token(&[
            ("grant_type", EXCHANGE),
            ("subject_token", &presented),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("subject_issuer", "idp"),
            ("nonce", "nonce-of-the-app"),
            ("scope", "openid"),
        ])
        .await
        .ok();
    // A provider in the database, and an ending that is not due yet.
    let (store, now) = (&server.inner.services().store, server.now());
    let slug = Slug::parse("idp-of-the-database").expect("a slug");
    let metadata = ProviderMetadata {
        issuer: Some("https://id.example.com/realms/staff".to_owned()),
        ..ProviderMetadata::new(Preset::Oidc, CLIENT_ID)
    };
    let credential = Credential::Secret(Secret::text("a-secret-of-thirty-two-characters"));
    let registration = Registration { slug, metadata, credential, disabled: false };
    let addition = Addition::new(registration, &[], false).expect("a good registration");
    let sealer = Sealer::new(&MasterKey::generate()).expect("a sealer");
    providers::add(&May::operator(), store, now, &sealer, addition).await.expect("added");
    let user = UserId::from_stored(uuid::Uuid::now_v7().to_string());
    let origin = Origin { address: Some("203.0.113.7".to_owned()), ..Origin::default() };
    let issuer = EndingScope::ByIssuer("https://id.example.com".to_owned());
    let ending = Ending::new(&user, issuer, now.now(), &origin);
    let tx = store.begin(now.now()).await.expect("a transaction");
    endings::insert(&tx, &ending, now.now() + chrono::Duration::days(1)).await.expect("written");
    sign_up(&tx, &alice).await;
    tx.commit().await.expect("committed");
    // A session that ends, of which the app is to be told.
    let mut other = server.browser();
    let page = other.open(&app.authorization_url(&[])).await;
    let page = other.sign_in_as(&page, USERNAME, PASSWORD).await;
    let id_token = app.exchange(&page.authorization_response().code()).await.ok().text("id_token");
    assert!(decode_claims(&id_token)["sid"].is_string());
    other.get(&format!("/logout?id_token_hint={id_token}")).await;
    // A passkey, and last, since they are asked for from then on, one-time codes with recovery codes.
    let mut authenticator = Authenticator::at(server.issuer());
    let (mut protected, _) = passkeys::add(&server, USERNAME, &mut authenticator).await;
    protected.enroll(&server).await;
    (server, vec![browser, by_provider, other, protected])
}

struct Tables(DatabaseConnection);

impl Tables {
    async fn rows<T: sea_orm::TryGetable>(&self, sql: &str) -> Vec<T> {
        let statement = Statement::from_string(self.0.get_database_backend(), sql);
        let rows =
            self.0.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.iter().map(|row| row.try_get("", "n").expect("a value")).collect()
    }

    async fn one<T: sea_orm::TryGetable>(&self, sql: &str) -> T {
        self.rows(sql).await.remove(0)
    }
}

/// A statement that adds copies of one row, with other ids, hashes and sealed bytes of the same
/// length. Columns of an index get other numbers as well.
async fn copies(tables: &Tables, is_sqlite: bool, table: &str) -> String {
    let columns = if is_sqlite {
        format!(
            "SELECT name || ' ' || lower(type) || ' ' || (EXISTS (SELECT 1 FROM pragma_index_list('{table}') AS list, \
             pragma_index_info(list.name) AS info WHERE list.\"unique\" AND info.name = columns.name) OR pk > 0) AS n \
             FROM pragma_table_info('{table}') AS columns"
        )
    } else {
        format!(
            "SELECT column_name || ' ' || replace(data_type, ' ', '_') || ' ' || EXISTS (SELECT 1 FROM pg_index AS i \
             JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indisunique \
             AND i.indrelid = '{table}'::regclass AND a.attname = column_name)::int AS n \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY ordinal_position"
        )
    };
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in tables.rows::<String>(&columns).await {
        let mut parts = column.split(' ');
        let (name, kind) =
            (parts.next().expect("a name").to_owned(), parts.next().unwrap_or_default());
        let unique = parts.next() == Some("1");
        let of = format!("one.\"{name}\"");
        let least = if unique { 1 } else { 16 };
        values.push(match (kind, is_sqlite) {
            ("blob", true) => format!("CASE WHEN length({of}) >= {least} THEN randomblob(length({of})) ELSE {of} END"),
            ("bytea", false) => format!(
                "CASE WHEN length({of}) >= {least} THEN substr(sha512(gen_random_uuid()::text::bytea) || \
                 sha512(gen_random_uuid()::text::bytea) || {of}, 1, length({of})) ELSE {of} END"
            ),
            (kind, true) if kind.contains("char") || kind.contains("text") => format!(
                "CASE WHEN length({of}) >= {least} THEN lower(substr(hex(randomblob(64)) || {of}, 1, max(12, length({of})))) ELSE {of} END"
            ),
            (kind, false) if kind.contains("char") || kind == "text" => format!(
                "CASE WHEN length({of}) >= {least} THEN substr(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') \
                 || {of}, 1, greatest(12, length({of}))) ELSE {of} END"
            ),
            ("uuid", false) => "gen_random_uuid()".to_owned(),
            _ if unique => format!("{of} + number.n"),
            _ => of,
        });
        names.push(format!("\"{name}\""));
    }
    let numbers = if is_sqlite {
        format!(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {ROWS}) "
        )
    } else {
        format!("WITH number (n) AS (SELECT generate_series(1, {ROWS})) ")
    };
    format!(
        "{numbers} INSERT INTO \"{table}\" ({}) SELECT {} FROM number, (SELECT * FROM \"{table}\" LIMIT 1) AS one",
        names.join(", "),
        values.join(", ")
    )
}

async fn measured(database: &Database) -> BTreeMap<String, String> {
    let is_sqlite = matches!(database, Database::Sqlite);
    let (server, _browsers) = Box::pin(use_everything(database)).await;
    let url = server.database_url().to_owned();
    // One connection, since references are turned off for a connection.
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let tables = Tables(Sea::connect(options).await.expect("the database"));
    eventually("an event is written", async || {
        tables.one::<i64>("SELECT count(*) AS n FROM audit_event").await > 3
    })
    .await;
    server.inner.stop().await;
    let off = if is_sqlite {
        "PRAGMA foreign_keys = OFF"
    } else {
        "SET session_replication_role = replica"
    };
    tables.0.execute_unprepared(off).await.expect("no references");
    let every = if is_sqlite {
        "SELECT name AS n FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    } else {
        "SELECT tablename::text AS n FROM pg_tables WHERE schemaname = 'public'"
    };
    let mut found = BTreeMap::new();
    for table in tables.rows::<String>(every).await {
        let rows: i64 = tables.one(&format!("SELECT count(*) AS n FROM \"{table}\"")).await;
        if rows == 0 {
            found.insert(table, "no row".to_owned());
            continue;
        }
        let size = if is_sqlite {
            format!(
                "SELECT sum(pgsize) AS n FROM dbstat WHERE name IN \
                 (SELECT name FROM sqlite_master WHERE tbl_name = '{table}')"
            )
        } else {
            format!("SELECT pg_total_relation_size('\"{table}\"') AS n")
        };
        let before: i64 = tables.one(&size).await;
        let said =
            match tables.0.execute_unprepared(&copies(&tables, is_sqlite, &table).await).await {
                Ok(_) => {
                    let after: i64 = tables.one(&size).await;
                    ((after - before) / ROWS).to_string()
                }
                Err(error) => error.to_string(),
            };
        found.insert(table, said);
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures: its figures stand in docs/architecture.md"]
async fn bytes_of_one_row_of_each_table_with_its_indexes() {
    let Some(postgres) = postgres_or_skip() else { return };
    let sqlite = Box::pin(measured(&Database::Sqlite)).await;
    let postgres = Box::pin(measured(&postgres)).await;
    for (table, bytes) in &sqlite {
        eprintln!("| `{table}` | {bytes} | {} |", postgres[table]);
    }
}
