//! What `stores(sqlite)` makes of a user: statements and how to read a row.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::Sqlite;
use sqlx::types::Json;
use sqlx::{Arguments as _, Row as _};

use crate::user::OtpUser;

pub use sqlx::Error;
pub use sqlx::sqlite::{SqliteArguments as Arguments, SqliteRow as Row};

/// A user in an `SQLite` table. `#[derive(OtpUser)]` implements it for
/// `stores(sqlite)`.
///
/// Every statement that returns rows returns all columns in the order that
/// [`from_row`](Self::from_row) reads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not connected to SQLite",
    label = "`SqliteStore` cannot load this type",
    note = "write `#[otp_user(table = \"…\", stores(sqlite))]` on the struct"
)]
pub trait SqliteUser: OtpUser {
    /// The user with id `?1`.
    const SELECT_BY_ID: &'static str;
    /// The user with id `?1`, unless `token_blacklist` has an entry for `?2`
    /// or `?3` that ends after `?4`.
    const SELECT_CURRENT: &'static str;
    /// The user with the canonical address `?1`.
    const SELECT_BY_EMAIL: &'static str;
    /// Adds a user with the values of [`bind_new`](Self::bind_new), and
    /// returns the row.
    const INSERT: &'static str;
    /// Marks the user with id `?1` as verified, if they are not; `None` when
    /// the table keeps no such flag.
    const MARK_VERIFIED: Option<&'static str>;

    /// Reads a row.
    ///
    /// # Errors
    ///
    /// When a column does not have the type of its field.
    fn from_row(row: &Row) -> Result<Self, Error>;

    /// Binds an id.
    ///
    /// # Errors
    ///
    /// When the id cannot be encoded.
    fn bind_id(id: &Self::Id, arguments: &mut Arguments) -> Result<(), Error>;

    /// Binds the values of a new user.
    ///
    /// # Errors
    ///
    /// When a value cannot be encoded.
    fn bind_new(email: &str, arguments: &mut Arguments) -> Result<(), Error>;
}

/// Binds one value.
///
/// # Errors
///
/// When the value cannot be encoded.
pub fn bind<'t, T>(arguments: &mut Arguments, value: T) -> Result<(), Error>
where
    T: sqlx::Encode<'t, Sqlite> + sqlx::Type<Sqlite>,
{
    arguments.add(value).map_err(Error::Encode)
}

/// Binds one value as JSON text.
///
/// # Errors
///
/// When the value cannot be written as JSON.
pub fn bind_json<T: Serialize>(arguments: &mut Arguments, value: T) -> Result<(), Error> {
    bind(arguments, Json(value))
}

/// Reads one column.
///
/// # Errors
///
/// When it does not have this type.
pub fn get<T>(row: &Row, index: usize) -> Result<T, Error>
where
    T: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    row.try_get(index)
}

/// Reads one column of JSON text.
///
/// # Errors
///
/// When it is not JSON of this type.
pub fn get_json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T, Error> {
    row.try_get(index).map(|Json(value)| value)
}
