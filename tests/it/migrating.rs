//! Migrations of databases that hold rows of the previous schema.

use mapae_migrations::Migrator;
use sea_orm::{ConnectionTrait, Database as Sea};
use sea_orm_migration::MigratorTrait;
use serde_json::json;

use mapae::domain::authentication::Acr;
use mapae::domain::family::FamilyId;
use mapae::domain::logout_notice::LogoutNotice;
use mapae::domain::session::BrowserId;
use mapae::store::{families, outbox, sessions};

use crate::support::{Cli, both};

/// The migration that brings `client.pkce` in place of `client.require_pkce`.
const APPS: &str = "m0015_apps";
/// The migration that brings `client.metadata` in place of a column for each attribute.
const CLIENT_METADATA: &str = "m0019_client_metadata";
/// The migration that brings `outbox` in place of `logout_notice`.
const OUTBOX: &str = "m0023_outbox";

/// The migration that brings `first_sign_in`.
const FIRST_SIGN_INS: &str = "m0026_sign_ins";
/// The migration that brings `registration_token.id`.
const REGISTRATION_TOKENS: &str = "m0079_registration_tokens";
/// The migration that brings `session.proofs` in place of `session.amr`.
const STRENGTH: &str = "m0027_strength";

/// Makes the database as it was before this migration, with what these statements write.
async fn before(cli: &Cli, migration: &str, statements: &[String]) {
    let url = cli.get("MAPAE_DATABASE_URL").to_owned();
    let file = url.starts_with("sqlite:");
    let before = Sea::connect(if file { format!("{url}?mode=rwc") } else { url }).await.unwrap();
    let names: Vec<_> = Migrator::migrations().iter().map(|one| one.name().to_owned()).collect();
    let older = names.iter().position(|name| name == migration).expect("it is there");
    Migrator::up(&before, Some(u32::try_from(older).unwrap())).await.expect("the older schema");
    for statement in statements {
        before.execute_unprepared(statement).await.expect("a row of the older schema");
    }
    before.close().await.expect("closed");
}

both! {
    async fn registration_tokens_that_were_made_before_m0079_are_listed_and_ended(database) {
        let cli = Cli::new(&database).await;
        let hash = "ab".repeat(32);
        let is_sqlite = cli.get("MAPAE_DATABASE_URL").starts_with("sqlite:");
        let bytes = if is_sqlite { format!("X'{hash}'") } else { format!("'\\x{hash}'") };
        let insert = format!(
            "INSERT INTO registration_token (hash, uses_left, created_at, expires_at) \
             VALUES ({bytes}, 2, 1000, 4102444800000)"
        );
        before(&cli, REGISTRATION_TOKENS, &[insert]).await;
        cli.json(&["migrate", "up"], None).await;
        let listed = cli.json(&["client", "registration-tokens"], None).await;
        let id = "ab".repeat(16);
        assert_eq!((&listed["tokens"][0]["id"], &listed["tokens"][0]["uses_left"]), (&json!(id), &json!(2)));
        cli.json(&["client", "revoke-registration-token", "--id", &id], None).await;
        assert_eq!(cli.json(&["client", "registration-tokens"], None).await["tokens"], json!([]));
    }

    async fn clients_that_were_registered_before_m0015_keep_what_they_had(database) {
        let cli = Cli::new(&database).await;
        let inserts = [("strict", true), ("lax", false)].map(|(id, require_pkce)| {
            format!(
                "INSERT INTO client (id, name, kind, auth_method, grants, scope, audiences, \
                 resource_servers, redirect_uris, token_alg, refresh_policy, \
                 require_access_token_proof, created_at, require_pkce) \
                 VALUES ('{id}', 'Shop', 'confidential', 'client_secret_basic', \
                 '[\"authorization_code\"]', 'openid', '[]', '[]', \
                 '[\"https://app.example.com/cb\"]', 'RS256', 'rotate', FALSE, 1000, \
                 {require_pkce})"
            )
        });
        before(&cli, APPS, &inserts).await;
        cli.json(&["migrate", "up"], None).await;
        for (id, require_pkce) in [("strict", "auto"), ("lax", "false")] {
            let shown = cli.json(&["client", "show", "--id", id], None).await;
            assert_eq!(shown["require_pkce"], require_pkce, "{id}");
            assert_eq!(shown["client_name"], "Shop");
            assert_eq!(shown["redirect_uris"], json!(["https://app.example.com/cb"]));
            // What is new has its default.
            assert_eq!(shown["access_token_typ"], "at+jwt");
            assert_eq!(shown["id_token_claims"], false);
            assert_eq!(shown["access_token_claims"], json!([]));
            assert_eq!(shown["assertions"], "tolerant");
        }
    }

    #[expect(clippy::too_many_lines, reason = "one list of attributes")]
    async fn clients_that_were_registered_before_m0019_keep_every_attribute(database) {
        let cli = Cli::new(&database).await;
        let columns = "id, name, kind, auth_method, jwks, grants, scope, audiences, \
                       resource_servers, redirect_uris, post_logout_redirect_uris, \
                       backchannel_logout_uri, allowed_origins, refresh_delivery, pkce, first_party, \
                       trust_user_ip, logo_uri, policy_uri, tos_uri, token_alg, access_token_typ, \
                       id_token_claims, access_token_claims, assertions, refresh_policy, \
                       refresh_grace_ms, require_access_token_proof, disabled_at, created_at";
        let full = "'full', 'A \"quoted\" shop', 'confidential', 'private_key_jwt', '{\"keys\":[]}', \
                    '[\"authorization_code\",\"refresh_token\"]', 'email openid', \
                    '[\"https://a\",\"https://b\"]', '[\"https://c\"]', '[\"https://app.test/cb\"]', \
                    '[\"https://app.test/bye\"]', 'https://app.test/out', '[\"https://app.test\"]', \
                    'cookie', 'true', TRUE, TRUE, 'https://app.test/logo', 'https://app.test/p', \
                    'https://app.test/t', 'ES256', 'JWT', TRUE, '[\"email\"]', 'strict', 'rotate', \
                    5000, TRUE, 2000, 1000";
        let plain = "'plain', 'Plain', 'public', 'none', NULL, '[]', '', '[]', '[]', '[]', '[]', \
                     NULL, '[]', 'body', 'auto', FALSE, FALSE, NULL, NULL, NULL, 'RS256', 'at+jwt', \
                     FALSE, '[]', 'tolerant', 'static', NULL, FALSE, NULL, 1000";
        let inserts =
            [full, plain].map(|row| format!("INSERT INTO client ({columns}) VALUES ({row})"));
        before(&cli, CLIENT_METADATA, &inserts).await;
        cli.json(&["migrate", "up"], None).await;
        let shown = async |id| {
            let mut shown = cli.json(&["client", "show", "--id", id], None).await;
            for (name, default) in [
                ("dpop_bound_access_tokens", json!(false)),
                ("tls_client_certificate_bound_access_tokens", json!(false)),
                ("tls_client_auth_subject_dn", json!(null)),
                ("tls_client_auth_san_dns", json!(null)),
                ("tls_client_auth_san_uri", json!(null)),
                ("tls_client_auth_san_ip", json!(null)),
                ("tls_client_auth_san_email", json!(null)),
                ("require_pushed_authorization_requests", json!(false)),
                ("require_signed_request_object", json!(false)),
                ("request_object_signing_alg", json!(null)),
                ("authorization_signed_response_alg", json!(null)),
                ("userinfo_signed_response_alg", json!(null)),
                ("introspection_signed_response_alg", json!(null)),
                ("jwks_uri", json!(null)),
                ("client_uri", json!(null)),
                ("contacts", json!([])),
                ("software_id", json!(null)),
                ("software_version", json!(null)),
                ("application_type", json!(null)),
                ("registered_by", json!("operator")),
                ("subject_type", json!("public")),
                ("sector_identifier_uri", json!(null)),
                ("profile", json!(null)),
                ("may_act", json!([])),
                ("trusted_issuers", json!([])),
                ("id_jag_audiences", json!([])),
                ("id_jag_issuers", json!([])),
            ] {
                assert_eq!(shown.as_object_mut().unwrap().remove(name), Some(default), "{name}");
            }
            shown
        };
        assert_eq!(
            shown("full").await,
            json!({
                "client_id": "full", "client_name": "A \"quoted\" shop", "kind": "confidential",
                "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [] },
                "grant_types": ["authorization_code", "refresh_token"], "scope": "email openid",
                "audiences": ["https://a", "https://b"], "resource_servers": ["https://c"],
                "redirect_uris": ["https://app.test/cb"],
                "post_logout_redirect_uris": ["https://app.test/bye"],
                "backchannel_logout_uri": "https://app.test/out",
                "allowed_origins": ["https://app.test"], "refresh_delivery": "cookie",
                "require_pkce": "true", "first_party": true, "trust_user_ip": true,
                "logo_uri": "https://app.test/logo", "policy_uri": "https://app.test/p",
                "tos_uri": "https://app.test/t", "token_alg": "ES256", "access_token_typ": "JWT",
                "id_token_claims": true, "access_token_claims": ["email"], "claims": [], "assertions": "strict",
                "refresh_policy": "rotate", "refresh_grace": 5, "require_access_token_proof": true, "first_party_challenge": false,
                "default_acr_values": null, "signup": null, "status_list": "false",
                "access_lifetime": null, "device_max_age": null, "id_lifetime": null, "refresh_idle": null, "refresh_absolute": null, "session_lifetime": null, "id_token_signed_response_alg": null,
                "disabled_at": "1970-01-01T00:00:02Z", "created_at": "1970-01-01T00:00:01Z",
            })
        );
        assert_eq!(
            shown("plain").await,
            json!({
                "client_id": "plain", "client_name": "Plain", "kind": "public",
                "token_endpoint_auth_method": "none", "jwks": null, "grant_types": [],
                "scope": "", "audiences": [], "resource_servers": [], "redirect_uris": [],
                "post_logout_redirect_uris": [], "backchannel_logout_uri": null,
                "allowed_origins": [], "refresh_delivery": "body", "require_pkce": "auto",
                "first_party": false, "trust_user_ip": false, "logo_uri": null,
                "policy_uri": null, "tos_uri": null, "token_alg": "RS256",
                "access_token_typ": "at+jwt", "id_token_claims": false,
                "access_token_claims": [], "claims": [], "assertions": "tolerant", "refresh_policy": "static",
                "refresh_grace": null, "require_access_token_proof": false, "first_party_challenge": false,
                "default_acr_values": null, "signup": null, "status_list": "false", "access_lifetime": null, "device_max_age": null, "id_lifetime": null,
            "refresh_idle": null, "refresh_absolute": null, "session_lifetime": null, "id_token_signed_response_alg": null, "disabled_at": null,
                "created_at": "1970-01-01T00:00:01Z",
            })
        );
    }

    /// Who was signed in stays signed in, by what they had proven.
    async fn sessions_that_were_opened_before_m0027_keep_what_was_proven(database) {
        let cli = Cli::new(&database).await;
        let account = "INSERT INTO account (id, username, username_key, email_verified, profile, \
                       created_at, updated_at) VALUES ('alice', 'alice', 'alice', FALSE, '{}', 1, 1)";
        let session = |browser: &str, amr: &str, issuer: &str| {
            format!(
                "INSERT INTO session (id, browser_id, user_id, auth_time, amr, provider_issuer, kept, \
                 idle_ms, idle_ends_at, expires_at) VALUES ('{browser}', '{browser}', 'alice', \
                 1700000000123, '{amr}', {issuer}, FALSE, 1, 4000000000000, 4000000000000)"
            )
        };
        let family = "INSERT INTO family (id, user_id, client_id, scope, resources, auth_time, amr, \
                      expires_at) VALUES ('f', 'alice', 'app', 'openid', '[]', 1, '[\"pwd\"]', 5000)";
        let odd = "https://idp.example/a\\b\"c";
        let client = "INSERT INTO client (id, kind, metadata, created_at) \
                      VALUES ('app', 'public', '{}', 1)";
        let rows = [
            account.to_owned(),
            client.to_owned(),
            session("password", r#"["pwd"]"#, "NULL"),
            session("provider", r#"["fed","my-idp"]"#, &format!("'{odd}'")),
            session("older", r#"["fed","idp"]"#, "NULL"),
            family.to_owned(),
        ];
        before(&cli, STRENGTH, &rows).await;
        cli.json(&["migrate", "up"], None).await;
        let options = mapae::store::Options::default();
        let store = mapae::store::Store::open(cli.get("MAPAE_DATABASE_URL"), &options).await.unwrap();
        let at = mapae::domain::clock::from_millis(1_700_000_000_123);
        for (browser, amr, issuer) in [
            ("password", vec!["pwd"], None),
            ("provider", vec!["fed", "my-idp"], Some(odd)),
            ("older", vec!["fed", "idp"], Some("")),
        ] {
            let browser = BrowserId::from_stored(browser.to_owned());
            let found = sessions::of_browser(&store, &browser, at).await.unwrap();
            let proven = &found.first().expect("the session").authentication;
            assert_eq!(proven.amr(), amr);
            assert_eq!((proven.acr(), proven.signed_in_at()), (Acr::One, at));
            assert_eq!(proven.provider_issuer(), issuer);
        }
        let id = FamilyId::from_stored("f".to_owned());
        let family = families::find(&store, &id).await.unwrap().expect("the family");
        assert_eq!(family.acr, Acr::One);
        store.close().await;
    }

    /// After an upgrade, a sign-in on a new device is told to everybody who signed in before.
    async fn accounts_that_were_used_before_m0026_have_had_their_first_sign_in(database) {
        let cli = Cli::new(&database).await;
        let columns = "id, username, username_key, email_verified, profile, created_at, updated_at";
        let names = ["by-place", "by-session", "by-provider", "by-all", "never"];
        let mut rows: Vec<_> = names
            .iter()
            .map(|name| format!("INSERT INTO account ({columns}) VALUES ('{name}', '{name}', '{name}', FALSE, '{{}}', 0, 0)"))
            .collect();
        for (name, at) in [("by-place", 1), ("by-all", 4)] {
            rows.push(format!("INSERT INTO known_address (user_id, address, seen_at) VALUES ('{name}', 'a', {at})"));
            rows.push(format!("INSERT INTO known_address (user_id, address, seen_at) VALUES ('{name}', 'b', 9)"));
        }
        for (name, at) in [("by-session", 2), ("by-all", 5)] {
            let columns = "id, browser_id, user_id, auth_time, proofs, kept, idle_ms, idle_ends_at, expires_at";
            rows.push(format!("INSERT INTO session ({columns}) VALUES ('{name}', 'b', '{name}', {at}, '[]', FALSE, 0, 0, 0)"));
        }
        for (name, at) in [("by-provider", 3), ("by-all", 6)] {
            let columns = "issuer, subject, user_id, provider, linked_at, used_at";
            rows.push(format!("INSERT INTO identity ({columns}) VALUES ('i', '{name}', '{name}', 'idp', {at}, 9)"));
        }
        before(&cli, FIRST_SIGN_INS, &rows).await;
        cli.json(&["migrate", "up"], None).await;
        let evidence = crate::support::Evidence::at(cli.get("MAPAE_DATABASE_URL")).await;
        let at = "CAST(at AS TEXT)";
        let known = evidence.texts(&format!("SELECT user_id || ' ' || {at} AS text FROM first_sign_in ORDER BY at")).await;
        assert_eq!(known, ["by-place 1", "by-session 2", "by-provider 3", "by-all 4"]);
    }

    /// What apps were to be told before is what they are told after it.
    async fn notices_that_waited_before_m0023_wait_in_the_outbox(database) {
        let cli = Cli::new(&database).await;
        let columns = "id, client_id, user_id, family_id, attempts, due_at";
        let rows = ["'first', 'shop \"1\"', 'alice', 'sid-1', 0, 1000", "'second', 'app', 'bob', 'sid-2', 3, 2000"];
        let mut rows = rows.map(str::to_owned).to_vec();
        if matches!(database, crate::support::Database::Sqlite) {
            // SQLite holds anything in any column: it keeps back nobody.
            rows.push("'third', 'app', x'ff', 'sid-3', 0, 1000".to_owned());
        }
        let inserts = rows.iter().map(|row| format!("INSERT INTO logout_notice ({columns}) VALUES ({row})"));
        before(&cli, OUTBOX, &inserts.collect::<Vec<_>>()).await;
        cli.json(&["migrate", "up"], None).await;
        let evidence = crate::support::Evidence::at(cli.get("MAPAE_DATABASE_URL")).await;
        let all = evidence.count("SELECT count(*) AS n FROM outbox").await;
        assert_eq!(all, i64::try_from(rows.len()).unwrap());
        let options = mapae::store::Options::default();
        let store = mapae::store::Store::open(cli.get("MAPAE_DATABASE_URL"), &options).await.unwrap();
        let due = mapae::domain::clock::from_millis(2000);
        let tx = store.begin(due).await.unwrap();
        for (target, id, user, sid, attempts) in
            [("shop \"1\"", "first", "alice", "sid-1", 1), ("app", "second", "bob", "sid-2", 4)]
        {
            let lease = chrono::Duration::seconds(30);
            let taken = outbox::take_due::<LogoutNotice>(&tx, target, lease, 9).await.unwrap();
            let taken: Vec<_> = taken.into_iter().filter_map(|one| one.row.ok()).collect();
            let notice = taken.iter().find(|one| one.id == id).expect("it waits");
            assert_eq!((notice.attempts, notice.expires_at), (attempts, None));
            assert_eq!(notice.message.client.as_str(), target);
            assert_eq!((notice.message.user.as_str(), notice.message.family.as_str()), (user, sid));
        }
        tx.abandon().await;
        store.close().await;
    }

    async fn an_attribute_that_nobody_knows_makes_a_row_unreadable(database) {
        let cli = Cli::new(&database).await;
        cli.json(&["client", "create", "--id", "app", "--kind", "public"], None).await;
        let evidence = crate::support::Evidence::at(cli.get("MAPAE_DATABASE_URL")).await;
        for (metadata, why) in [
            ("replace(metadata, '{\"', '{\"of_a_later_version\":true,\"')", "not an attribute of a client"),
            ("'{}'", "missing field"),
            ("'nonsense'", "expected"),
        ] {
            evidence.run(&format!("UPDATE client SET metadata = {metadata}")).await;
            let said = cli.run(&["client", "show", "--id", "app"], None).await;
            assert!(said.code == 1 && said.err.contains(why), "{metadata} {said:?}");
        }
    }
}
