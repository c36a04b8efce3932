//! What to keep of a database's error.
//!
//! Servers quote values in their messages: `Duplicate entry 'ann@x.com' for key 'email'`. User
//! input must not get into logs, so only the code and the names in such a message are kept.

use std::fmt;

use sqlx::error::DatabaseError;

use crate::error::StoreError;

/// An error from a server, without the values in it.
#[derive(Debug)]
struct Reported {
    /// The SQLSTATE, and the error number if the server has one.
    code: String,
    /// The message, if it names only schema objects.
    message: Option<String>,
    /// The constraint or the column.
    about: Option<String>,
}

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the database reported {}", self.code)?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(about) = &self.about {
            write!(f, " ({about})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Reported {}

/// A column that could not be read, without its value.
#[derive(Debug)]
struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {} has a value that does not fit the type of its field", self.0)
    }
}

impl std::error::Error for Unreadable {}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(ref reported) => match reduced(reported.as_ref()) {
                Some(reported) => Self::new(reported),
                None => Self::new(error),
            },
            // Keep messages about types. Other messages come from the type's own decoder and quote
            // the value.
            sqlx::Error::ColumnDecode { index, source } if !source.to_string().starts_with("mismatched types") => {
                Self::new(Unreadable(index))
            }
            other => Self::new(other),
        }
    }
}

/// The error without its values; `None` if it never has any.
fn reduced(error: &dyn DatabaseError) -> Option<Reported> {
    #[cfg(feature = "postgres")]
    if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return Some(postgres(error));
    }
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return Some(mysql(error));
    }
    // `SQLite` messages name constraints but no values.
    let _ = error;
    None
}

#[cfg(feature = "postgres")]
fn postgres(error: &sqlx::postgres::PgDatabaseError) -> Reported {
    /// Connections, schemas, privileges, limits and the server's own state: these messages contain
    /// no values.
    const HARMLESS: [&str; 11] = ["08", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58"];
    let class = error.code().get(..2).unwrap_or_default();
    let about = error.constraint().map(|name| format!("constraint {name}"));
    Reported {
        code: format!("SQLSTATE {}", error.code()),
        message: HARMLESS.contains(&class).then(|| error.message().to_owned()),
        about: about.or_else(|| error.column().map(|name| format!("column {name}"))),
    }
}

#[cfg(feature = "mysql")]
fn mysql(error: &sqlx::mysql::MySqlDatabaseError) -> Reported {
    /// Too many connections; access denied; no such database, table or column; no default; not
    /// null; too long; locks; read-only servers; shutdowns: these messages contain no values.
    const HARMLESS: [u16; 25] = [
        1040, 1044, 1045, 1046, 1048, 1049, 1053, 1054, 1142, 1143, 1146, 1205, 1213, 1226, 1290, 1305, 1317, 1364,
        1406, 1568, 1665, 1792, 1836, 1927, 4031,
    ];
    /// `Duplicate entry '…' for key 'name'`.
    const DUPLICATE: u16 = 1062;
    let about = match error.number() {
        DUPLICATE => error.message().trim_end_matches('\'').rsplit('\'').next().map(|name| format!("key {name}")),
        _ => None,
    };
    Reported {
        code: format!("error {}, SQLSTATE {}", error.number(), error.code().unwrap_or("unknown")),
        message: HARMLESS.contains(&error.number()).then(|| error.message().to_owned()),
        about,
    }
}

/// A user was inserted, but no row has the address.
pub(super) fn not_found_again() -> sqlx::Error {
    sqlx::Error::Configuration(
        "the row of a new user is not found by its address: the table, a view or a trigger has stored another \
         address, no id, or no row at all"
            .into(),
    )
}

/// Whether a retry of the same statements can succeed: a concurrent operation was in the way, and
/// nothing was changed.
pub(super) fn is_passing(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else {
        return false;
    };
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        // Record changed since the last read, lock wait timeout, deadlock.
        return matches!(error.number(), 1020 | 1205 | 1213);
    }
    // Serialization failure, deadlock.
    matches!(error.code().as_deref(), Some("40001" | "40P01"))
}

/// Whether a row could not be locked, because each row of its view comes from more than one row, or
/// because this role may not lock it.
pub(super) fn takes_no_lock(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else {
        return false;
    };
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        // No privilege on the table, or on a column; view not updatable.
        return matches!(error.number(), 1142 | 1143 | 1288);
    }
    // Unsupported feature, no privilege, wrong kind of object.
    matches!(error.code().as_deref(), Some("0A000" | "42501" | "42809"))
}

/// Whether a unique index already contains the value.
pub(super) fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
