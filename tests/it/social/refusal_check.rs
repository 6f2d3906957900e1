//! Checks that a refused request changes nothing but the audit log.

use crate::support::{Evidence, Page, Reply, Server};

/// What a person could come of.
const TABLES: [&str; 5] = ["account", "identity", "family", "session", "used_assertion"];

/// Watches that a refusal leaves nothing behind but its event.
pub(super) struct RefusalCheck {
    evidence: Evidence,
    rows: [i64; TABLES.len()],
    refusals: Vec<String>,
}

impl RefusalCheck {
    /// Begins to watch.
    pub(super) async fn of(server: &Server) -> Self {
        let mut refusal_check =
            Self { evidence: server.evidence().await, rows: [0; TABLES.len()], refusals: vec![] };
        refusal_check.rows = refusal_check.count().await;
        let written = refusal_check.evidence.events_of("federation.refused").await;
        refusal_check.refusals = written.into_iter().map(|event| event.detail.unwrap()).collect();
        refusal_check
    }

    async fn count(&self) -> [i64; TABLES.len()] {
        let mut rows = [0; TABLES.len()];
        for (table, count) in TABLES.iter().zip(&mut rows) {
            *count = self.evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await;
        }
        rows
    }

    /// How many rows there are of a table.
    pub(super) async fn rows_of(&self, table: &str) -> i64 {
        self.evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await
    }

    /// How many identities there are of this issuer and subject at this provider.
    pub(super) async fn identities(&self, issuer: &str, subject: &str, slug: &str) -> i64 {
        let sql = format!(
            "SELECT count(*) AS n FROM identity \
             WHERE issuer = '{issuer}' AND subject = '{subject}' AND provider = '{slug}'"
        );
        self.evidence.count(&sql).await
    }

    /// That nothing came of it, and that these refusals were written down, each as
    /// `provider: reason`.
    pub(super) async fn saw_nothing_but(&mut self, refusals: &[&str], what: &str) {
        assert_eq!(self.count().await, self.rows, "{what}: {TABLES:?}");
        let events = self.evidence.events_of("federation.refused").await;
        // Those of one instant have no order.
        let mut details: Vec<_> = events.into_iter().map(|event| event.detail.unwrap()).collect();
        details.sort_unstable();
        let mut expected = self.refusals.clone();
        expected.extend(refusals.iter().map(|refusal| (*refusal).to_owned()));
        expected.sort_unstable();
        assert_eq!(details, expected, "{what}");
        self.refusals = details;
    }

    /// That the token endpoint refused the grant for this reason, and that nothing came of it.
    pub(super) async fn refused(&mut self, reply: &Reply, refusal: &str, what: &str) {
        assert_eq!(reply.status, 400, "{what}: {}", reply.text);
        reply.refused(400, "invalid_grant");
        self.saw_nothing_but(&[refusal], what).await;
    }

    /// That somebody is back at the sign-in page with this note, and that nothing came of it.
    pub(super) async fn noted(&mut self, page: &Page, note: &str, refusals: &[&str]) {
        assert_eq!(page.reply.status, 200, "{page:?}");
        assert!(page.url.ends_with(&format!("&note={note}")), "{note}, not {}", page.url);
        assert!(page.has("login-submit"), "{}", page.reply.text);
        self.saw_nothing_but(refusals, &page.url).await;
    }
}
