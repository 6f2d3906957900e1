//! Migrations of databases that hold rows of the schema before.

use mapae_migrations::Migrator;
use sea_orm::{ConnectionTrait, Database as Sea};
use sea_orm_migration::MigratorTrait;

use crate::support::{Cli, both};

/// The migration that brings `client.pkce` in place of `client.require_pkce`.
const APPS: &str = "m0015_apps";

both! {
    async fn clients_that_were_registered_before_m0015_keep_what_they_had(database) {
        let cli = Cli::new(&database).await;
        let url = cli.get("MAPAE_DATABASE_URL").to_owned();
        let file = url.starts_with("sqlite:");
        let before = Sea::connect(if file { format!("{url}?mode=rwc") } else { url }).await.unwrap();
        let names: Vec<_> =
            Migrator::migrations().iter().map(|one| one.name().to_owned()).collect();
        let older = names.iter().position(|name| name == APPS).expect("it is there");
        Migrator::up(&before, Some(u32::try_from(older).unwrap())).await.expect("the older schema");
        for (id, require_pkce) in [("strict", true), ("lax", false)] {
            let insert = format!(
                "INSERT INTO client (id, name, kind, auth_method, grants, scope, audiences, \
                 resource_servers, redirect_uris, token_alg, refresh_policy, \
                 require_access_token_proof, created_at, require_pkce) \
                 VALUES ('{id}', 'Shop', 'confidential', 'client_secret_basic', \
                 '[\"authorization_code\"]', 'openid', '[]', '[]', \
                 '[\"https://app.example.com/cb\"]', 'RS256', 'rotate', FALSE, 1000, \
                 {require_pkce})"
            );
            before.execute_unprepared(&insert).await.expect("a row of the older schema");
        }
        before.close().await.expect("closed");
        cli.json(&["migrate", "up"], None).await;
        for (id, require_pkce) in [("strict", "auto"), ("lax", "false")] {
            let shown = cli.json(&["client", "show", "--id", id], None).await;
            assert_eq!(shown["require_pkce"], require_pkce, "{id}");
            assert_eq!(shown["name"], "Shop");
            assert_eq!(shown["redirect_uris"], serde_json::json!(["https://app.example.com/cb"]));
            // What is new has its default.
            assert_eq!(shown["access_token_typ"], "at+jwt");
            assert_eq!(shown["id_token_claims"], false);
            assert_eq!(shown["access_token_claims"], serde_json::json!([]));
            assert_eq!(shown["assertions"], "tolerant");
        }
    }
}
