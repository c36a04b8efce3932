//! The application's users in an SQL database: what `stores(…)` generates for a user type, and how
//! the stores use it.

use std::future::Future;

use sqlx::{Database, Error};

use super::check::user_table::Table;
use super::failure::not_found_again;
use crate::store::{Realm, Revocation, Session, SessionId, SignIn, StoreResult, Timestamp};
use crate::user::OtpUser;

/// A user in a table of the database `DB`. `#[derive(OtpUser)]` implements this for each of
/// `stores(…)`.
///
/// Bind parameters in the order in which they are listed here. Every statement that returns rows
/// returns all columns, in the order in which [`from_row`](Self::from_row) reads them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not connected to `{DB}`",
    label = "this store cannot load this type",
    note = "write `#[otp_user(table = \"…\", stores(…))]` on the struct, with `sqlite`, `postgres` or `mysql`"
)]
pub trait SqlUser<DB: Database>: OtpUser {
    /// Selects the user with this id. The column's collation may consider other ids equal.
    const SELECT_BY_ID: &'static str;
    /// Selects the same user, unless their token is blacklisted. The other parameters are the
    /// realm, the ids of the session, the token and the subject, the current time and the time of
    /// the sign-in. An entry of `token_blacklist` for one of these ids counts if it expires after
    /// the current time and, if its type is `user`, if its `blacklisted_at` is after the sign-in.
    const SELECT_CURRENT: &'static str;
    /// Selects the user with exactly this canonical address, whatever the column's collation.
    /// `MySQL` has the address twice, once for the column's index and once to compare it byte by
    /// byte.
    const SELECT_BY_EMAIL: &'static str;
    /// Selects the user with this id if they have exactly this canonical address (twice on
    /// `MySQL`), and locks the row: no one else changes or deletes it until the transaction ends.
    /// Without this statement the user is read again before the commit, except where no one else
    /// can write anyway.
    const SELECT_LOCKED: Option<&'static str> = None;
    /// Selects whether a row that the application's filter excludes has this address, compared as
    /// by a unique index on the column or on `lower` of it; on `MySQL`, on the column only. `None`
    /// without a filter.
    const SELECT_EXCLUDED: Option<&'static str> = None;
    /// Inserts a user with the values of [`bind_new`](Self::bind_new).
    const INSERT: &'static str;
    /// Marks a user as verified if they are not; `None` if the table has no such flag.
    const MARK_VERIFIED: Option<&'static str>;

    /// Reads a row. A row without an id or an address is not a user.
    ///
    /// # Errors
    ///
    /// If a column does not have the type of its field.
    fn from_row(row: &DB::Row) -> Result<Option<Self>, Error>;

    /// Binds an id.
    ///
    /// # Errors
    ///
    /// If the id cannot be encoded.
    fn bind_id(id: &Self::Id, arguments: &mut DB::Arguments) -> Result<(), Error>;

    /// Binds an address.
    ///
    /// # Errors
    ///
    /// If the address cannot be encoded.
    fn bind_email(email: &str, arguments: &mut DB::Arguments) -> Result<(), Error>;

    /// Binds the values of a new user.
    ///
    /// # Errors
    ///
    /// If a value cannot be encoded.
    fn bind_new(email: &str, now: Timestamp, arguments: &mut DB::Arguments) -> Result<(), Error>;

    /// Binds the values of [`MARK_VERIFIED`](Self::MARK_VERIFIED): the id, and the time if the
    /// column stores one.
    ///
    /// # Errors
    ///
    /// If a value cannot be encoded.
    fn bind_proof(id: &Self::Id, now: Timestamp, arguments: &mut DB::Arguments) -> Result<(), Error>;

    /// The table, for the startup check. If `None`, the table is not checked.
    #[must_use]
    fn table() -> Option<Table<DB>> {
        None
    }
}

/// What a database contributes to a sign-in: statements, which [`sign_in`](super::sign_in) runs in
/// order.
pub(super) trait SignInStatements: Database {
    /// How often an exact comparison binds the address.
    const ADDRESSES: usize = 1;
    /// Whether no one else writes until the transaction ends. If so, the transaction is still
    /// usable after a statement fails, and a retry would fail again.
    const WRITES_ALONE: bool = false;
    /// Whether a row can be hidden from statements that lock it.
    const HAS_POLICIES: bool = false;

    fn execute(
        connection: &mut Self::Connection,
        statement: &'static str,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    fn fetch_optional(
        connection: &mut Self::Connection,
        statement: &'static str,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Option<Self::Row>, Error>> + Send;

    /// Accepts the code, if it has not been accepted. Returns whether this call did. Also forgets the
    /// failures of strangers, which serializes the sign-ins of one address until the transaction
    /// ends.
    fn accept_code<U: OtpUser>(
        connection: &mut Self::Connection,
        realm: &Realm,
        sign_in: &SignIn<U>,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    fn insert_session(
        connection: &mut Self::Connection,
        realm: &Realm,
        session: &Session,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Revokes a session and blacklists its id. Returns whether this call revoked it.
    fn revoke(
        connection: &mut Self::Connection,
        realm: &Realm,
        id: SessionId,
        revocation: Revocation,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Revokes every session of a user and blacklists their ids. Returns the ids.
    fn revoke_all(
        connection: &mut Self::Connection,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> impl Future<Output = Result<Vec<SessionId>, Error>> + Send;
}

/// What generated code names of a database. Includes `get_json`, unless the database has its own.
macro_rules! columns {
    ($database:ident, sqlx::$module:ident::{$arguments:ident, $row:ident}) => {
        pub use sqlx::{Error, $database as Database};
        pub use sqlx::$module::{$arguments as Arguments, $row as Row};
        pub use $crate::store::sql::check::user_table::{Filter, Given, Unknown};
        pub use $crate::store::sql::user::SqlUser;

        /// A table of users, as described by the derive.
        pub type Table = $crate::store::sql::check::user_table::Table<$database>;
        /// A column of the table.
        pub type Column = $crate::store::sql::check::user_table::Column<$database>;
        /// What a field reads.
        pub type FieldOf<T> = $crate::store::sql::check::user_table::FieldOf<$database, T>;

        /// Binds a value.
        ///
        /// # Errors
        ///
        /// If the value cannot be encoded.
        pub fn bind<'t, T>(arguments: &mut Arguments, value: T) -> Result<(), Error>
        where
            T: sqlx::Encode<'t, $database> + sqlx::Type<$database>,
        {
            sqlx::Arguments::add(arguments, value).map_err(Error::Encode)
        }

        /// Binds a value as JSON.
        ///
        /// # Errors
        ///
        /// If the value cannot be written as JSON.
        pub fn bind_json<T: serde::Serialize>(arguments: &mut Arguments, value: T) -> Result<(), Error> {
            bind(arguments, sqlx::types::Json(value))
        }

        /// Whether a column is `NULL`.
        ///
        /// # Errors
        ///
        /// If the column does not exist.
        pub fn is_null(row: &Row, index: usize) -> Result<bool, Error> {
            Ok(sqlx::ValueRef::is_null(&sqlx::Row::try_get_raw(row, index)?))
        }
    };
    ($database:ident, sqlx::$module:ident::{$arguments:ident, $row:ident}, json) => {
        columns!($database, sqlx::$module::{$arguments, $row});

        /// Reads a column of JSON, or of JSON text.
        ///
        /// # Errors
        ///
        /// If the value is not JSON of this type.
        pub fn get_json<T: serde::de::DeserializeOwned>(row: &Row, index: usize) -> Result<T, Error> {
            sqlx::Row::try_get(row, index).map(|sqlx::types::Json(value)| value)
        }
    };
}
pub(super) use columns;

/// The methods of a [`SignInStatements`] that differ only in types; `$text` is how it binds text of our own
/// tables. With `sessions`, includes those that end sessions with what the modules `sessions` and
/// `blacklist` have.
macro_rules! same_statements {
    ($connection:ty, $text:path) => {
        async fn execute(
            connection: &mut $connection,
            statement: &'static str,
            arguments: Arguments,
        ) -> Result<(), Error> {
            sqlx::query_with(statement, arguments).execute(connection).await.map(drop)
        }

        async fn fetch_optional(
            connection: &mut $connection,
            statement: &'static str,
            arguments: Arguments,
        ) -> Result<Option<Row>, Error> {
            sqlx::query_with(statement, arguments).fetch_optional(connection).await
        }

        async fn insert_session(
            connection: &mut $connection,
            realm: &$crate::store::Realm,
            session: &$crate::store::Session,
        ) -> Result<(), Error> {
            let insert = sqlx::query(super::sessions::INSERT)
                .bind($text(realm.as_str()))
                .bind(session.id.as_bytes().as_slice())
                .bind($text(session.user_id.as_str()))
                .bind(session.binding.as_bytes().as_slice())
                .bind(i64::from(session.generation))
                .bind(session.created_at.as_millis())
                .bind(session.refreshed_at.as_millis())
                .bind(session.expires_at.as_millis())
                .bind(session.methods.as_str())
                .bind(&session.client.user_agent)
                .bind(session.client.address.map(|address| address.to_string()));
            insert.execute(connection).await.map(drop)
        }
    };
    ($connection:ty, $text:path, sessions) => {
        same_statements!($connection, $text);

        async fn revoke(
            connection: &mut $connection,
            realm: &$crate::store::Realm,
            id: $crate::store::SessionId,
            revocation: $crate::store::Revocation,
        ) -> Result<bool, Error> {
            let revoked = sqlx::query(super::sessions::REVOKE)
                .bind(revocation.now.as_millis())
                .bind($text(realm.as_str()))
                .bind(id.as_bytes().as_slice())
                .execute(&mut *connection)
                .await?;
            super::blacklist::blacklist(connection, realm, &revocation.of_session(id)).await?;
            Ok(revoked.rows_affected() > 0)
        }

        async fn revoke_all(
            connection: &mut $connection,
            realm: &$crate::store::Realm,
            user_id: &str,
            revocation: $crate::store::Revocation,
        ) -> Result<Vec<$crate::store::SessionId>, Error> {
            super::sessions::revoke_all(connection, realm, user_id, revocation).await
        }
    };
}
pub(super) use same_statements;

/// The arguments of a statement whose first parameter is a user's id.
pub(super) fn with_id<U: SqlUser<DB>, DB: Database>(id: &U::Id) -> Result<DB::Arguments, Error> {
    let mut arguments = DB::Arguments::default();
    U::bind_id(id, &mut arguments)?;
    Ok(arguments)
}

fn bind_address<U: SqlUser<DB>, DB: SignInStatements>(email: &str, arguments: &mut DB::Arguments) -> Result<(), Error> {
    (0..DB::ADDRESSES).try_for_each(|_| U::bind_email(email, arguments))
}

/// The arguments of a statement that compares an address exactly.
pub(super) fn with_email<U: SqlUser<DB>, DB: SignInStatements>(email: &str) -> Result<DB::Arguments, Error> {
    let mut arguments = DB::Arguments::default();
    bind_address::<U, DB>(email, &mut arguments)?;
    Ok(arguments)
}

/// The user in a row, if it is one.
pub(super) fn read<U: SqlUser<DB>, DB: Database>(row: Option<&DB::Row>) -> Result<Option<U>, Error> {
    Ok(row.map(U::from_row).transpose()?.flatten())
}

/// The user in a row, if they have exactly this id: a collation, or a `citext` column, may consider
/// other text equal.
pub(super) fn exactly<U: SqlUser<DB>, DB: Database>(row: Option<&DB::Row>, id: &U::Id) -> StoreResult<Option<U>> {
    Ok(read::<U, DB>(row)?.filter(|user| user.id() == id))
}

pub(super) async fn by_email<U: SqlUser<DB>, DB: SignInStatements>(
    connection: &mut DB::Connection,
    email: &str,
) -> Result<Option<U>, Error> {
    let row = DB::fetch_optional(connection, U::SELECT_BY_EMAIL, with_email::<U, DB>(email)?).await?;
    read::<U, DB>(row.as_ref())
}

/// The user with this id, if they have this address. `statement` locks the row.
pub(super) async fn locked<U: SqlUser<DB>, DB: SignInStatements>(
    connection: &mut DB::Connection,
    statement: &'static str,
    id: &U::Id,
    email: &str,
) -> Result<Option<U>, Error> {
    let mut arguments = with_id::<U, DB>(id)?;
    bind_address::<U, DB>(email, &mut arguments)?;
    let row = DB::fetch_optional(connection, statement, arguments).await?;
    read::<U, DB>(row.as_ref())
}

/// Whether a row that the filter excludes has this address; `false` without a filter.
pub(super) async fn is_excluded<U: SqlUser<DB>, DB: SignInStatements>(
    connection: &mut DB::Connection,
    email: &str,
) -> Result<bool, Error> {
    let Some(statement) = U::SELECT_EXCLUDED else {
        return Ok(false);
    };
    let mut arguments = DB::Arguments::default();
    U::bind_email(email, &mut arguments)?;
    Ok(DB::fetch_optional(connection, statement, arguments).await?.is_some())
}

/// Inserts a user and reads the row, because `RETURNING`, where it exists, does not include what a
/// view or a trigger changed. No other sign-in has inserted the same address since the lookup,
/// because this one has the turn. If the application did, and its table has a unique index, this is
/// a duplicate, and the next attempt finds the row. `None` if the filter excludes the row.
pub(super) async fn insert<U: SqlUser<DB>, DB: SignInStatements>(
    connection: &mut DB::Connection,
    email: &str,
    now: Timestamp,
) -> Result<Option<U>, Error> {
    let mut arguments = DB::Arguments::default();
    U::bind_new(email, now, &mut arguments)?;
    DB::execute(connection, U::INSERT, arguments).await?;
    let found = by_email::<U, DB>(connection, email).await?;
    if found.is_none() && !is_excluded::<U, DB>(connection, email).await? {
        return Err(not_found_again());
    }
    Ok(found)
}

/// Marks the user, who was unverified when read under the lock. The number of changed rows says
/// nothing, because a view's trigger may report none.
pub(super) async fn mark_verified<U: SqlUser<DB>, DB: SignInStatements>(
    connection: &mut DB::Connection,
    user: &U,
    now: Timestamp,
) -> Result<(), Error> {
    if let Some(statement) = U::MARK_VERIFIED {
        let mut arguments = DB::Arguments::default();
        U::bind_proof(user.id(), now, &mut arguments)?;
        DB::execute(connection, statement, arguments).await?;
    }
    Ok(())
}
