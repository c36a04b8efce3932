//! The application's users in `SQLite`: what `stores(sqlite)` makes of a user
//! type, and how the store uses it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::types::Json;
use sqlx::{Arguments as _, Row as _, ValueRef as _};

use super::super::failure::{is_duplicate, not_found_again};
use super::SqliteStore;
use super::sessions::{insert_session, revoke, revoke_all};
use crate::store::{
    Decision, Finding, Proof, Realm, SignIn, SignInOutcome, SignUps, StoreResult, Timestamp, TokenRef, UserStore,
};
use crate::user::OtpUser;

pub use crate::store::sql::shape::{Filter, Given, Unknown};
pub use sqlx::Error;
pub use sqlx::sqlite::{SqliteArguments as Arguments, SqliteRow as Row};

/// A table of users, as the derive describes it.
pub type Table = crate::store::sql::shape::Table<sqlx::Sqlite>;
/// A column of it.
pub type Column = crate::store::sql::shape::Column<sqlx::Sqlite>;
/// What a field reads.
pub type FieldOf<T> = crate::store::sql::shape::FieldOf<sqlx::Sqlite, T>;

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
    /// The user with id `?1`, unless `token_blacklist` has an entry in the
    /// realm `?2` for `?3`, `?4` or `?5` that ends after `?6`, and, if it is
    /// one of a user, is of a moment after `?7`.
    const SELECT_CURRENT: &'static str;
    /// The user with exactly the canonical address `?1`, whatever the
    /// collation of the column.
    const SELECT_BY_EMAIL: &'static str;
    /// Whether a row that the application's filter excludes has the address
    /// `?1`, as a unique index of the column or of `lower` of it compares;
    /// `None` without a filter.
    const SELECT_EXCLUDED: Option<&'static str> = None;
    /// Adds a user with the values of [`bind_new`](Self::bind_new).
    const INSERT: &'static str;
    /// Marks the user with id `?1` as verified, if they are not; `None` when
    /// the table keeps no such flag.
    const MARK_VERIFIED: Option<&'static str>;

    /// Reads a row. One without an id or without an address is no user.
    ///
    /// # Errors
    ///
    /// When a column does not have the type of its field.
    fn from_row(row: &Row) -> Result<Option<Self>, Error>;

    /// Binds an id.
    ///
    /// # Errors
    ///
    /// When the id cannot be encoded.
    fn bind_id(id: &Self::Id, arguments: &mut Arguments) -> Result<(), Error>;

    /// Binds an address.
    ///
    /// # Errors
    ///
    /// When the address cannot be encoded.
    fn bind_email(email: &str, arguments: &mut Arguments) -> Result<(), Error>;

    /// Binds the values of a new user.
    ///
    /// # Errors
    ///
    /// When a value cannot be encoded.
    fn bind_new(email: &str, now: Timestamp, arguments: &mut Arguments) -> Result<(), Error>;

    /// Binds the values of [`MARK_VERIFIED`](Self::MARK_VERIFIED): the id, and
    /// the time where the column holds one.
    ///
    /// # Errors
    ///
    /// When a value cannot be encoded.
    fn bind_proof(id: &Self::Id, now: Timestamp, arguments: &mut Arguments) -> Result<(), Error>;

    /// The table, for the check at the start; without it nothing of the table
    /// is checked.
    #[must_use]
    fn table() -> Option<Table> {
        None
    }
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

/// Whether a column is `NULL`.
///
/// # Errors
///
/// When there is no such column.
pub fn is_null(row: &Row, index: usize) -> Result<bool, Error> {
    Ok(row.try_get_raw(index)?.is_null())
}

/// Reads one column, where `NULL` is the type's default.
///
/// # Errors
///
/// When it does not have this type.
pub fn or_default<T>(row: &Row, index: usize) -> Result<T, Error>
where
    T: Default + for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    Ok(row.try_get::<Option<T>, _>(index)?.unwrap_or_default())
}

/// Reads one column of JSON text.
///
/// # Errors
///
/// When it is not JSON of this type.
pub fn get_json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T, Error> {
    row.try_get(index).map(|Json(value)| value)
}

/// The arguments of a statement whose first parameter is a user's id.
fn with_id<U: SqliteUser>(id: &U::Id) -> Result<Arguments, Error> {
    let mut arguments = Arguments::default();
    U::bind_id(id, &mut arguments)?;
    Ok(arguments)
}

/// The user of a row, if it is one.
fn read<U: SqliteUser>(row: Option<&Row>) -> Result<Option<U>, Error> {
    Ok(row.map(U::from_row).transpose()?.flatten())
}

fn with_email<U: SqliteUser>(email: &str) -> Result<Arguments, Error> {
    let mut arguments = Arguments::default();
    U::bind_email(email, &mut arguments)?;
    Ok(arguments)
}

async fn user_by_email<U: SqliteUser>(connection: &mut SqliteConnection, email: &str) -> Result<Option<U>, Error> {
    let row = sqlx::query_with(U::SELECT_BY_EMAIL, with_email::<U>(email)?).fetch_optional(connection).await?;
    read(row.as_ref())
}

/// Whether a row that the filter excludes has this address.
async fn is_excluded<U: SqliteUser>(connection: &mut SqliteConnection, email: &str) -> Result<bool, Error> {
    let Some(statement) = U::SELECT_EXCLUDED else {
        return Ok(false);
    };
    Ok(sqlx::query_with(statement, with_email::<U>(email)?).fetch_optional(connection).await?.is_some())
}

impl<U: SqliteUser> UserStore<U> for SqliteStore {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<U>> {
        let mut connection = self.pool.acquire().await?;
        Ok(user_by_email(&mut connection, email).await?)
    }

    async fn user_by_id(&self, id: &U::Id) -> StoreResult<Option<U>> {
        let arguments = with_id::<U>(id)?;
        let row = sqlx::query_with(U::SELECT_BY_ID, arguments).fetch_optional(&self.pool).await?;
        Ok(read(row.as_ref())?)
    }

    async fn current_user(&self, realm: &Realm, id: &U::Id, token: TokenRef, now: Timestamp) -> StoreResult<Option<U>> {
        let arguments = with_id::<U>(id)?;
        let row = sqlx::query_with(U::SELECT_CURRENT, arguments)
            .bind(realm.as_str())
            .bind(token.session.as_bytes().as_slice())
            .bind(token.token.as_bytes().as_slice())
            .bind(token.subject.as_bytes().as_slice())
            .bind(now.as_millis())
            .bind(token.authenticated_at.as_millis())
            .fetch_optional(&self.pool)
            .await?;
        Ok(read(row.as_ref())?)
    }

    async fn sign_in(&self, realm: &Realm, sign_in: SignIn<U>) -> StoreResult<SignInOutcome<U>> {
        let SignIn { challenge, identity, code_mac, account, session, replaces, revocation } = sign_in;
        let mut write = self.begin().await?;
        let accepted = sqlx::query(
            "UPDATE otp_challenges SET consumed_at = ?3, nonce = NULL, code_mac = NULL \
             WHERE realm = ?5 AND key = ?1 AND code_mac = ?2 AND consumed_at IS NULL AND expires_at > ?3 AND identity = ?4",
        )
        .bind(challenge.as_bytes().as_slice())
        .bind(code_mac.as_bytes().as_slice())
        .bind(revocation.now.as_millis())
        .bind(identity.as_bytes().as_slice())
        .bind(realm.as_str())
        .execute(&mut *write.transaction)
        .await?;
        if accepted.rows_affected() == 0 {
            write.rollback().await?;
            return Ok(SignInOutcome::CodeSpent);
        }
        let email = account.email();
        let found = user_by_email::<U>(&mut write.transaction, email).await?;
        let (mut user, created) = match account.decide(found) {
            Decision::SignIn(user) => (user, false),
            Decision::AccountChanged => {
                write.rollback().await?;
                return Ok(SignInOutcome::AccountChanged);
            }
            Decision::Create => {
                let new = insert_user::<U>(&mut write.transaction, email, revocation.now).await?;
                let Some(user) = new else {
                    write.rollback().await?;
                    return Ok(SignInOutcome::Excluded);
                };
                (user, true)
            }
        };
        let session = session.of_user(user.id().to_string());
        let proof = Proof::of(&user, created);
        if proof.marks_user {
            mark_verified(&mut write.transaction, &user, revocation.now).await?;
        }
        let mut ended = if proof.ends_sessions {
            revoke_all(&mut write.transaction, realm, &session.user_id, revocation).await?
        } else {
            Vec::new()
        };
        user.mark_verified(revocation.now);
        if let Some(older) = replaces
            && revoke(&mut write.transaction, realm, older, revocation).await?
        {
            ended.push(older);
        }
        insert_session(&mut write.transaction, realm, &session).await?;
        write.commit().await?;
        Ok(SignInOutcome::SignedIn { user, session, created, ended })
    }

    async fn check(&self, sign_ups: SignUps) -> StoreResult<Vec<Finding>> {
        self.check_tables::<U>(sign_ups).await
    }
}

/// Adds a user, and reads the row: what `RETURNING` gives is not what a view or
/// a trigger has made of it. That nobody added one with the same address since
/// the look-up is sure, because this transaction holds the write lock. `None`
/// when the filter excludes the row, or the one that is in its way.
async fn insert_user<U: SqliteUser>(
    connection: &mut SqliteConnection,
    email: &str,
    now: Timestamp,
) -> Result<Option<U>, Error> {
    let mut arguments = Arguments::default();
    U::bind_new(email, now, &mut arguments)?;
    let failed = match sqlx::query_with(U::INSERT, arguments).execute(&mut *connection).await {
        Ok(_) => match user_by_email(connection, email).await? {
            Some(user) => return Ok(Some(user)),
            None => not_found_again(),
        },
        Err(error) if is_duplicate(&error) => error,
        Err(error) => return Err(error),
    };
    if is_excluded::<U>(connection, email).await? { Ok(None) } else { Err(failed) }
}

/// Marks the user, who was unverified under this transaction's write lock. How
/// many rows that changed does not tell: the triggers of a view count for none.
async fn mark_verified<U: SqliteUser>(
    connection: &mut SqliteConnection,
    user: &U,
    now: Timestamp,
) -> Result<(), Error> {
    if let Some(statement) = U::MARK_VERIFIED {
        let mut arguments = Arguments::default();
        U::bind_proof(user.id(), now, &mut arguments)?;
        sqlx::query_with(statement, arguments).execute(connection).await?;
    }
    Ok(())
}
