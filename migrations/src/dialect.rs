//! Statements that are written once for both databases.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Executes statements in the dialect of the database.
pub(crate) async fn execute(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let backend = manager.get_database_backend();
    for statement in statements {
        if let Some(statement) = written_for(backend, statement) {
            connection.execute_unprepared(&statement).await?;
        }
    }
    Ok(())
}

/// The two dialects differ in the type of a byte string, and in how a table is clustered by its
/// primary key. A statement that begins with `POSTGRES` or `SQLITE` is only for that database.
fn written_for(backend: DbBackend, statement: &str) -> Option<String> {
    let only_postgres = statement.strip_prefix("POSTGRES ");
    let only_sqlite = statement.strip_prefix("SQLITE ");
    match backend {
        DbBackend::Postgres if only_sqlite.is_some() => None,
        DbBackend::Postgres => {
            let statement = only_postgres.unwrap_or(statement);
            Some(statement.replace("BYTES", "BYTEA").replace(" BY_KEY", ""))
        }
        _ if only_postgres.is_some() => None,
        _ => Some(
            only_sqlite
                .unwrap_or(statement)
                .replace("BYTES", "BLOB")
                .replace(" BY_KEY", " WITHOUT ROWID"),
        ),
    }
}
