//! A database that hangs: no client that used a refresh token meanwhile is logged out, and a
//! statement that was given up is not carried out later.

use std::time::Duration;

use futures_util::future::join_all;
use mapae::domain::client::RefreshPolicy;

use crate::support::{App, Database, Evidence, Server, both, plain_http};

const PEOPLE: usize = 40;

/// Nothing can be moved until the lock is let go.
async fn lock(evidence: &Evidence, database: &Database) {
    evidence
        .run(match database {
            Database::Sqlite => "BEGIN IMMEDIATE",
            Database::Postgres { .. } => "BEGIN; LOCK TABLE family IN ACCESS EXCLUSIVE MODE",
        })
        .await;
}

async fn unlock(evidence: &Evidence) {
    evidence.run("COMMIT").await;
}

/// The same app; it hangs up when there is no answer for a moment.
fn impatient(app: &App) -> App {
    let http = plain_http().timeout(Duration::from_millis(300)).build().unwrap();
    App { http, ..app.clone() }
}

both! {
    async fn forty_apps_that_gave_up_in_an_outage_go_on_after_it(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let mut tokens = Vec::new();
        for _ in 0..PEOPLE {
            tokens.push(app.password("read").await.pair().1);
        }
        let evidence = server.evidence().await;
        lock(&evidence, &database).await;
        let gone = impatient(&app);
        for reply in join_all(tokens.iter().map(|token| gone.try_refresh(token))).await {
            assert!(reply.is_none_or(|reply| reply.status == 503));
        }
        unlock(&evidence).await;
        for reply in join_all(tokens.iter().map(|token| app.refresh(token))).await {
            app.refresh(&reply.pair().1).await.ok();
        }
        assert!(evidence.events_of("refresh.reused").await.is_empty());
    }

    async fn what_waited_too_long_spends_nothing(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |client| client.metadata.refresh = RefreshPolicy::Strict).await;
        let (_, token) = app.password("read").await.pair();
        let evidence = server.evidence().await;
        lock(&evidence, &database).await;
        let reply = app.refresh(&token).await;
        reply.refused(503, "temporarily_unavailable");
        assert!(!reply.header("retry-after").is_empty());
        // The statement still waits for the lock; when it gets it, its time is over.
        unlock(&evidence).await;
        let (_, next) = app.refresh(&token).await.pair();
        app.refresh(&next).await.ok();
        assert!(evidence.events_of("refresh.reused").await.is_empty());
    }

    async fn one_row_that_cannot_be_read_faults_its_own_request_alone(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (_, bad) = app.password("read").await.pair();
        let mut good = Vec::new();
        for _ in 0..8 {
            good.push(app.password("read").await.pair().1);
        }
        let evidence = server.evidence().await;
        evidence.run("UPDATE family SET amr = 'no list' WHERE id = (SELECT min(id) FROM family)").await;
        let (bad, good) =
            tokio::join!(app.refresh(&bad), join_all(good.iter().map(|token| app.refresh(token))));
        assert_eq!(bad.status, 500);
        for reply in good {
            app.refresh(&reply.pair().1).await.ok();
        }
    }
}
