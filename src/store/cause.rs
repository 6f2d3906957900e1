//! What a database error means: whether a retry may help, and its cause in words. The words contain
//! no secret and name each cause once. They leave out the place in the source of Postgres where the
//! error was raised.

use sea_orm::{DbErr, RuntimeErr};
use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

use crate::domain::verdict::Fault;

/// Turns a database error into a fault. `doing` says what was being done.
pub(super) fn while_doing(doing: &'static str) -> impl Fn(DbErr) -> Fault {
    move |error| match &error {
        DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause) => match cause {
            RuntimeErr::SqlxError(cause) => fault(doing, cause),
            // Our own errors: no connection, or the deadline has passed.
            RuntimeErr::Internal(cause) => Fault::unavailable(doing, cause.as_str()),
        },
        _ => Fault::internal(doing, error.to_string()),
    }
}

/// Turns an error of the driver into a fault. `doing` says what was being done.
pub(super) fn fault(doing: &'static str, error: &sqlx::Error) -> Fault {
    if is_conflict(error) {
        Fault::conflict(doing, words(error))
    } else if is_passing(error) {
        Fault::unavailable(doing, words(error))
    } else {
        Fault::internal(doing, words(error))
    }
}

/// An error of our own, in the form of a database error.
pub(super) fn unavailable(cause: impl Into<String>) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(cause.into()))
}

/// Whether the error has nothing to do with the statement, so that the same statement may succeed
/// in a moment.
pub(super) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(error) => match Code::of(&**error) {
            Code::Postgres(code) => is_passing_state(&code),
            Code::Sqlite(code) => is_passing_result(code),
        },
        _ => false,
    }
}

/// Whether the database undid the transaction in favour of another one: `serialization_failure` or
/// `deadlock_detected`. Nothing of it took effect, so it can be done again at once.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error)
        if matches!(Code::of(&**error), Code::Postgres(code) if ["40001", "40P01"].contains(&&*code)))
}

/// How often the work of a transaction is done again after such an error.
pub(super) const REPEATS: u32 = 3;

/// Whether the connection cannot be used any more: it is gone, or its server cannot be written to.
pub(super) fn is_of_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => match Code::of(&**error) {
            Code::Postgres(code) => {
                ["08", "57P", "25P03", "25006", "F0", "XX"].iter().any(|it| code.starts_with(it))
            }
            // SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_FULL, SQLITE_CANTOPEN, SQLITE_NOTADB: SQLite may
            // have rolled back on its own.
            Code::Sqlite(code) => [10, 11, 13, 14, 26].contains(&code),
        },
        // All other errors come from the driver and its socket, or concern a value that was
        // received correctly.
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::Encode(_)
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::RowNotFound
        | sqlx::Error::TypeNotFound { .. } => false,
        _ => true,
    }
}

/// Whether the connection was already dead before it was used. With another connection the same
/// statement works.
pub(super) fn was_dead(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => match Code::of(&**error) {
            Code::Postgres(code) => code.starts_with("57P") || code == "25P03" || code == "25006",
            // SQLITE_ERROR: at BEGIN, "cannot start a transaction within a transaction".
            Code::Sqlite(code) => code == 1,
        },
        _ => false,
    }
}

enum Code {
    /// SQLSTATE.
    Postgres(String),
    /// The primary result code.
    Sqlite(i32),
}

impl Code {
    fn of(error: &dyn DatabaseError) -> Self {
        let code = error.code().unwrap_or_default();
        if error.try_downcast_ref::<SqliteError>().is_some() {
            Self::Sqlite(code.parse::<i32>().unwrap_or_default() & 0xff)
        } else {
            Self::Postgres(code.into_owned())
        }
    }
}

/// The classes of SQLSTATE: connections, serialization and deadlocks, resources, objects in the
/// wrong state (locks, read-only), operator intervention, system errors.
fn is_passing_state(code: &str) -> bool {
    ["08", "40", "53", "55", "57", "58", "25006", "25P03"].iter().any(|it| code.starts_with(it))
}

/// The result codes of SQLite: permission, busy, locked, memory, read-only, interrupted, input and
/// output, full, cannot open, lock protocol, no support for large files.
fn is_passing_result(code: i32) -> bool {
    [3, 5, 6, 7, 8, 9, 10, 13, 14, 15, 22].contains(&code)
}

/// The cause in words.
pub(super) fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
            Some(error) => format!("{} (SQLSTATE {})", error.message(), error.code()),
            None => error.message().to_owned(),
        },
        sqlx::Error::Io(error) => of_socket(&error.to_string()),
        sqlx::Error::Tls(error) => format!("TLS: {error}"),
        sqlx::Error::WorkerCrashed => "the connection was closed".to_owned(),
        other => other.to_string(),
    }
}

/// The error of a socket in words. The driver reports a bad certificate as such an error, too.
fn of_socket(error: &str) -> String {
    let Some(problem) = error.strip_prefix("invalid peer certificate: ") else {
        return error.to_owned();
    };
    let meaning = match problem {
        "UnknownIssuer" | "BadSignature" => {
            "its certificate is from an authority that is not trusted"
        }
        problem if problem.contains("not valid for name") => "its certificate is for another host",
        _ => "its certificate is not good",
    };
    format!("TLS: {meaning} ({problem})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_is_wrong() {
        for code in ["08006", "40P01", "53300", "53100", "55P03", "57014", "57P01", "25006"] {
            assert!(is_passing_state(code), "{code}");
        }
        for code in ["23505", "42601", "42P01", "22P02", "28P01", "3D000", "XX000"] {
            assert!(!is_passing_state(code), "{code}");
        }
        assert!([5, 8, 10, 13, 14].into_iter().all(is_passing_result));
        assert!(![1, 11, 19, 20, 26].into_iter().any(is_passing_result));
    }
}
