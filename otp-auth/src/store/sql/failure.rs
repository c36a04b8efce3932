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

#[cfg(all(test, feature = "postgres", feature = "mysql"))]
pub(super) mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
    use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
    use sqlx::{Connection as _, Error};

    use super::*;

    /// The port of a server that only sends this.
    fn sending(bytes: Vec<u8>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            connection.write_all(&bytes).unwrap();
            let _ = connection.read_to_end(&mut Vec::new());
        });
        port
    }

    /// An error of `PostgreSQL` with these fields, each after its letter.
    pub(in crate::store::sql) async fn of_postgres(fields: &[&str]) -> Error {
        let fields = format!("SERROR\0VERROR\0{}\0\0", fields.join("\0"));
        let length = u32::try_from(fields.len() + 4).unwrap();
        let port = sending([b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat());
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).ssl_mode(PgSslMode::Disable);
        PgConnection::connect_with(&options).await.unwrap_err()
    }

    /// An error of `MySQL`.
    pub(in crate::store::sql) async fn of_mysql(number: u16, state: &str, message: &str) -> Error {
        let error = [&[0xff][..], &number.to_le_bytes(), b"#", state.as_bytes(), message.as_bytes()].concat();
        let length = u32::try_from(error.len()).unwrap().to_le_bytes();
        let port = sending([&length[..], &error].concat());
        MySqlConnection::connect_with(&MySqlConnectOptions::new().host("127.0.0.1").port(port)).await.unwrap_err()
    }

    fn unreadable(source: &str) -> Error {
        Error::ColumnDecode { index: "\"age\"".to_owned(), source: source.into() }
    }

    #[tokio::test]
    async fn an_error_is_told_without_the_values_in_it() {
        for (error, told) in [
            (
                of_postgres(&["C23505", "MKey (email)=(ann@x.com) already exists", "nusers_email", "cemail"]).await,
                "the database reported SQLSTATE 23505 (constraint users_email)",
            ),
            (
                of_postgres(&["C23502", "Mann@x.com", "cemail"]).await,
                "the database reported SQLSTATE 23502 (column email)",
            ),
            (
                of_postgres(&["C42P01", "Mrelation \"users\" does not exist"]).await,
                "the database reported SQLSTATE 42P01: relation \"users\" does not exist",
            ),
            (
                of_mysql(1062, "23000", "Duplicate entry 'ann@x.com' for key 'users.email'").await,
                "the database reported error 1062, SQLSTATE 23000 (key users.email)",
            ),
            (of_mysql(1366, "HY000", "'ann@x.com'").await, "the database reported error 1366, SQLSTATE HY000"),
            (
                of_mysql(1146, "42S02", "Table 'app.users' doesn't exist").await,
                "the database reported error 1146, SQLSTATE 42S02: Table 'app.users' doesn't exist",
            ),
            (unreadable("ann@x.com"), "column \"age\" has a value that does not fit the type of its field"),
            (
                unreadable("mismatched types; TEXT is not i64"),
                "error occurred while decoding column \"age\": mismatched types; TEXT is not i64",
            ),
        ] {
            assert_eq!(StoreError::from(error).to_string(), format!("the store failed: {told}"));
        }
    }

    #[tokio::test]
    async fn an_error_says_what_may_succeed_next() {
        /// What an operation may do next.
        #[derive(Debug, PartialEq)]
        enum Next {
            Again,
            WithoutLock,
            FindDuplicate,
            Nothing,
        }
        let of = |error: &Error| match [is_passing(error), takes_no_lock(error), is_duplicate(error)] {
            [true, false, false] => Next::Again,
            [false, true, false] => Next::WithoutLock,
            [false, false, true] => Next::FindDuplicate,
            [false, false, false] => Next::Nothing,
            several => panic!("{several:?}"),
        };
        for (code, next) in [
            ("C40001", Next::Again),
            ("C40P01", Next::Again),
            ("C0A000", Next::WithoutLock),
            ("C42501", Next::WithoutLock),
            ("C42809", Next::WithoutLock),
            ("C23505", Next::FindDuplicate),
            ("C23502", Next::Nothing),
        ] {
            assert_eq!(of(&of_postgres(&[code, "Mx"]).await), next, "{code}");
        }
        for (number, next) in [
            (1020, Next::Again),
            (1205, Next::Again),
            (1213, Next::Again),
            (1142, Next::WithoutLock),
            (1143, Next::WithoutLock),
            (1288, Next::WithoutLock),
            (1062, Next::FindDuplicate),
            (1048, Next::Nothing),
        ] {
            assert_eq!(of(&of_mysql(number, "40001", "x").await), next, "{number}");
        }
        assert_eq!(of(&Error::RowNotFound), Next::Nothing);
    }
}
