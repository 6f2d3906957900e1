//! Several secrets of a client at once, so that an app changes from one to the next without an
//! outage.

use serde_json::{Value, json};

use crate::support::{App, Cli, Server, both};

async fn rotate(cli: &Cli, more: &[&str]) -> String {
    let arguments = [&["client", "rotate-secret", "--id", "app"][..], more].concat();
    cli.json(&arguments, None).await["client_secret"].as_str().unwrap().to_owned()
}

async fn listed(cli: &Cli) -> Vec<Value> {
    let list = cli.json(&["client", "secrets", "--id", "app"], None).await;
    list["secrets"].as_array().unwrap().clone()
}

fn by(app: &App, secret: &str) -> App {
    App {
        secret: Some(secret.to_owned()),
        id: app.id.clone(),
        base: app.base.clone(),
        http: app.http.clone(),
    }
}

async fn is_taken(app: &App, secret: &str) -> bool {
    let answer = by(app, secret).token(&[("grant_type", "client_credentials")]).await;
    if answer.status != 200 {
        answer.refused(401, "invalid_client");
        return false;
    }
    true
}

both! {
    async fn an_earlier_secret_counts_until_the_overlap_is_over(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let cli = server.cli().await;
        let first = app.secret.clone().unwrap();
        let second = rotate(&cli, &["--overlap", "24h"]).await;
        assert!(is_taken(&app, &first).await && is_taken(&app, &second).await);
        let list = listed(&cli).await;
        assert_eq!((list.len(), &list[0]["expires_at"]), (2, &Value::Null), "{list:?}");
        assert!(list[1]["expires_at"].is_string() && list[0]["id"] != list[1]["id"]);
        for secret in [&first, &second] {
            assert!(!json!(list).to_string().contains(secret.as_str()));
        }
        server.advance(25 * 3600);
        assert!(!is_taken(&app, &first).await && is_taken(&app, &second).await);
        // Without an overlap everything before ends at once.
        let third = rotate(&cli, &[]).await;
        server.forget_clients();
        assert!(!is_taken(&app, &second).await && is_taken(&app, &third).await);
        assert_eq!(listed(&cli).await.len(), 1);
    }

    async fn a_secret_that_is_dropped_ends_and_the_last_one_stays(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let cli = server.cli().await;
        let first = app.secret.clone().unwrap();
        let second = rotate(&cli, &["--overlap", "1h"]).await;
        let list = listed(&cli).await;
        let drop = async |id: &Value| {
            let arguments = ["client", "drop-secret", "--id", "app", "--secret", id.as_str().unwrap()];
            cli.run(&arguments, None).await
        };
        assert_eq!(drop(&list[1]["id"]).await.code, 0);
        server.forget_clients();
        assert!(!is_taken(&app, &first).await && is_taken(&app, &second).await);
        let said = drop(&list[1]["id"]).await;
        assert!(said.code == 1 && said.err.contains("no secret"), "{said:?}");
        let said = drop(&list[0]["id"]).await;
        assert!(said.code == 1 && said.err.contains("only secret"), "{said:?}");
        assert!(is_taken(&app, &second).await);
        for _ in 0..9 {
            rotate(&cli, &["--overlap", "1h"]).await;
        }
        let more = ["client", "rotate-secret", "--id", "app", "--overlap", "1h"];
        let said = cli.run(&more, None).await;
        assert!(said.code == 1 && said.err.contains("at most 10"), "{said:?}");
        assert_eq!(listed(&cli).await.len(), 10);
        // A change of the client keeps its secrets.
        cli.json(&["client", "update", "--id", "app", "--name", "Another"], None).await;
        assert_eq!(listed(&cli).await.len(), 10);
        assert_eq!(server.evidence().await.events_of("client.secret_dropped").await.len(), 1);
    }

    /// Servers of the version before know the column `secret_hash` alone.
    async fn a_secret_that_an_earlier_version_wrote_is_the_only_one(database) {
        let server = Server::start(&database).await;
        let app = server.client("app", |_| {}).await;
        let cli = server.cli().await;
        let second = rotate(&cli, &["--overlap", "1h"]).await;
        let other = server.client("other", |_| {}).await;
        let copied = "UPDATE client SET secret_hash = (SELECT o.secret_hash FROM client o WHERE o.id = 'other') WHERE id = 'app'";
        server.evidence().await.run(copied).await;
        server.forget_clients();
        assert!(is_taken(&app, other.secret.as_deref().unwrap()).await);
        assert!(!is_taken(&app, &second).await);
        let list = listed(&cli).await;
        assert_eq!((list.len(), &list[0]["created_at"]), (1, &Value::Null));
    }
}
