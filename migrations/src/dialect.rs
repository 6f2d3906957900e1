//! One text of a statement for both databases.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Executes statements in the dialect of the database.
pub(crate) async fn execute(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let backend = manager.get_database_backend();
    for statement in statements {
        connection.execute_unprepared(&written_for(backend, statement)).await?;
    }
    Ok(())
}

/// The two dialects differ here in the name of a byte string, and in what clusters a table by its
/// primary key.
fn written_for(backend: DbBackend, statement: &str) -> String {
    match backend {
        DbBackend::Postgres => statement.replace("BYTES", "BYTEA").replace(" BY_KEY", ""),
        _ => statement.replace("BYTES", "BLOB").replace(" BY_KEY", " WITHOUT ROWID"),
    }
}
