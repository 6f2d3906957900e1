//! Reads the database beside the server.

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database as Sea, DatabaseConnection, DbBackend, Statement,
};

/// A connection that looks at the rows of the database.
pub(crate) struct Evidence(DatabaseConnection);

/// An audit event as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) kind: String,
    pub(crate) client: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) family: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) request: Option<String>,
    pub(crate) detail: Option<String>,
}

impl Evidence {
    /// Connects to the database at this URL.
    pub(crate) async fn at(url: &str) -> Self {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        Self(Sea::connect(options).await.expect("the database"))
    }

    /// Every audit event, oldest first.
    pub(crate) async fn events(&self) -> Vec<Recorded> {
        let sql = "SELECT kind, client_id, user_id, family_id, address, request_id, detail \
                   FROM audit_event ORDER BY at, id";
        let rows = self.0.query_all_raw(self.statement(sql)).await.expect("the events");
        let rows = rows.iter().map(|row| {
            let text = |name: &str| row.try_get("", name).expect("a column");
            Recorded {
                kind: row.try_get("", "kind").expect("a kind"),
                client: text("client_id"),
                user: text("user_id"),
                family: text("family_id"),
                address: text("address"),
                request: text("request_id"),
                detail: text("detail"),
            }
        });
        rows.collect()
    }

    /// The events of one kind.
    pub(crate) async fn events_of(&self, kind: &str) -> Vec<Recorded> {
        self.events().await.into_iter().filter(|event| event.kind == kind).collect()
    }

    /// The result of a query that counts, as the column `n`.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        let row = self.0.query_one_raw(self.statement(sql)).await.expect("a count").expect("a row");
        row.try_get("", "n").expect("a number")
    }

    /// The texts of a query, in the column `text`.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let rows = self.0.query_all_raw(self.statement(sql)).await.expect("the rows");
        rows.iter().map(|row| row.try_get("", "text").expect("a text")).collect()
    }

    /// The texts in one column of the rows of a query.
    pub(crate) async fn column(&self, sql: &str, name: &str) -> Vec<String> {
        let rows = self.0.query_all_raw(self.statement(sql)).await.expect("the rows");
        rows.iter().map(|row| row.try_get("", name).expect("a text")).collect()
    }

    /// Changes the database without the server's knowledge.
    pub(crate) async fn run(&self, sql: &str) {
        self.0.execute_unprepared(sql).await.expect("changed");
    }

    /// Gives a person a passkey that nobody can use: it was added at this instant.
    pub(crate) async fn put_passkey(&self, user: &str, name: &str, at: i64) {
        let postgres = self.0.get_database_backend() == DbBackend::Postgres;
        let bytes = |text: &str| {
            let hex = text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
            if postgres { format!("'\\x{hex}'") } else { format!("x'{hex}'") }
        };
        let (id, aaguid) = (bytes(name), bytes("sixteen bytes id"));
        let columns = "id, user_id, credential, counter, backed_up, aaguid, name, created_at";
        let values = format!("{id}, '{user}', '{{}}', 0, FALSE, {aaguid}, '{name}', {at}");
        self.run(&format!("INSERT INTO passkey ({columns}) VALUES ({values})")).await;
    }

    /// Connects a person with an identity at a provider: it was linked at this instant.
    pub(crate) async fn put_identity(&self, user: &str, subject: &str, at: i64) {
        let columns = "issuer, subject, user_id, provider, linked_at, used_at";
        let values = format!("'https://idp.example', '{subject}', '{user}', 'idp', {at}, {at}");
        self.run(&format!("INSERT INTO identity ({columns}) VALUES ({values})")).await;
    }

    fn statement(&self, sql: &str) -> Statement {
        Statement::from_string(self.0.get_database_backend(), sql)
    }
}
