//! The application's users in `MySQL`: what `stores(mysql)` makes of a user
//! type, and how the store uses it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::mysql::{MySql, MySqlConnection};
use sqlx::types::Json;
use sqlx::{Arguments as _, Row as _, ValueRef as _};

use super::super::failure::{is_duplicate, not_found_again};
use super::super::pool::{Hold, retrying_sign_in};
use super::MySqlStore;
use super::challenges::lock_budget;
use super::sessions::{insert_session, revoke, revoke_all};
use crate::store::{
    Account, Decision, Finding, Proof, Realm, Requester, SignIn, SignInOutcome, SignUps, StoreResult, Timestamp,
    TokenRef, UserStore,
};
use crate::user::OtpUser;

pub use crate::store::sql::shape::{Filter, Given, Unknown};
pub use sqlx::Error;
pub use sqlx::mysql::{MySqlArguments as Arguments, MySqlRow as Row};

/// A table of users, as the derive describes it.
pub type Table = crate::store::sql::shape::Table<sqlx::MySql>;
/// A column of it.
pub type Column = crate::store::sql::shape::Column<sqlx::MySql>;
/// What a field reads.
pub type FieldOf<T> = crate::store::sql::shape::FieldOf<sqlx::MySql, T>;

/// A user in a `MySQL` or `MariaDB` table. `#[derive(OtpUser)]` implements it for
/// `stores(mysql)`.
///
/// Every statement that returns rows returns all columns in the order that
/// [`from_row`](Self::from_row) reads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not connected to MySQL",
    label = "`MySqlStore` cannot load this type",
    note = "write `#[otp_user(table = \"…\", stores(mysql))]` on the struct"
)]
pub trait MySqlUser: OtpUser {
    /// The user with this id, as far as the collation of the column tells ids
    /// apart.
    const SELECT_BY_ID: &'static str;
    /// The same user, unless `token_blacklist` has an entry in the realm of the
    /// second value for the third, fourth or fifth that ends after the sixth,
    /// and, if it is one of a user, is of a moment after the seventh.
    const SELECT_CURRENT: &'static str;
    /// The user with exactly this canonical address, whatever the collation of
    /// the column. It is bound twice: for the index of the column, and to be
    /// compared byte by byte.
    const SELECT_BY_EMAIL: &'static str;
    /// The user with this id, if they have exactly this canonical address,
    /// which is bound twice as well; nobody else changes or removes the row
    /// until the transaction ends.
    const SELECT_LOCKED: &'static str;
    /// Whether a row that the application's filter excludes has the address
    /// that is bound, as a unique index of the column compares; `None` without a filter.
    const SELECT_EXCLUDED: Option<&'static str> = None;
    /// Adds a user with the values of [`bind_new`](Self::bind_new).
    const INSERT: &'static str;
    /// Marks the user with this id as verified, if they are not; `None` when
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
    T: sqlx::Encode<'t, MySql> + sqlx::Type<MySql>,
{
    arguments.add(value).map_err(Error::Encode)
}

/// Binds one value as JSON.
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
    T: for<'r> sqlx::Decode<'r, MySql> + sqlx::Type<MySql>,
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
    T: Default + for<'r> sqlx::Decode<'r, MySql> + sqlx::Type<MySql>,
{
    Ok(row.try_get::<Option<T>, _>(index)?.unwrap_or_default())
}

/// Reads one column of type `json`, or of JSON text.
///
/// # Errors
///
/// When it is not JSON of this type.
pub fn get_json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T, Error> {
    row.try_get(index).map(|Json(value)| value)
}

/// The arguments of a statement whose first parameter is a user's id.
fn with_id<U: MySqlUser>(id: &U::Id) -> Result<Arguments, Error> {
    let mut arguments = Arguments::default();
    U::bind_id(id, &mut arguments)?;
    Ok(arguments)
}

/// The user of a row, if it is one.
fn read<U: MySqlUser>(row: Option<&Row>) -> Result<Option<U>, Error> {
    Ok(row.map(U::from_row).transpose()?.flatten())
}

/// The user of a row, if their id is this one: a collation may take another
/// text for equal.
fn exactly<U: MySqlUser>(row: Option<&Row>, id: &U::Id) -> StoreResult<Option<U>> {
    Ok(read::<U>(row)?.filter(|user| user.id() == id))
}

fn with_email<U: MySqlUser>(email: &str) -> Result<Arguments, Error> {
    let mut arguments = Arguments::default();
    U::bind_email(email, &mut arguments)?;
    U::bind_email(email, &mut arguments)?;
    Ok(arguments)
}

async fn user_by_email<U: MySqlUser>(connection: &mut MySqlConnection, email: &str) -> Result<Option<U>, Error> {
    let row = sqlx::query_with(U::SELECT_BY_EMAIL, with_email::<U>(email)?).fetch_optional(connection).await?;
    read(row.as_ref())
}

/// The user with this id, if they have this address. The row is locked.
async fn locked_user<U: MySqlUser>(
    connection: &mut MySqlConnection,
    id: &U::Id,
    email: &str,
) -> Result<Option<U>, Error> {
    let mut arguments = with_id::<U>(id)?;
    U::bind_email(email, &mut arguments)?;
    U::bind_email(email, &mut arguments)?;
    let row = sqlx::query_with(U::SELECT_LOCKED, arguments).fetch_optional(connection).await?;
    read(row.as_ref())
}

/// Whether a row that the filter excludes has this address.
async fn is_excluded<U: MySqlUser>(connection: &mut MySqlConnection, email: &str) -> Result<bool, Error> {
    let Some(statement) = U::SELECT_EXCLUDED else {
        return Ok(false);
    };
    let mut arguments = Arguments::default();
    U::bind_email(email, &mut arguments)?;
    Ok(sqlx::query_with(statement, arguments).fetch_optional(connection).await?.is_some())
}

impl<U: MySqlUser> UserStore<U> for MySqlStore {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<U>> {
        let mut connection = self.pool.acquire().await?;
        Ok(user_by_email(&mut connection, email).await?)
    }

    async fn user_by_id(&self, id: &U::Id) -> StoreResult<Option<U>> {
        let arguments = with_id::<U>(id)?;
        let row = sqlx::query_with(U::SELECT_BY_ID, arguments).fetch_optional(&self.pool).await?;
        exactly(row.as_ref(), id)
    }

    async fn current_user(&self, realm: &Realm, id: &U::Id, token: TokenRef, now: Timestamp) -> StoreResult<Option<U>> {
        let arguments = with_id::<U>(id)?;
        let row = sqlx::query_with(U::SELECT_CURRENT, arguments)
            .bind(realm.as_str().as_bytes())
            .bind(token.session.as_bytes().as_slice())
            .bind(token.token.as_bytes().as_slice())
            .bind(token.subject.as_bytes().as_slice())
            .bind(now.as_millis())
            .bind(token.authenticated_at.as_millis())
            .fetch_optional(&self.pool)
            .await?;
        exactly(row.as_ref(), id)
    }

    async fn sign_in(&self, realm: &Realm, sign_in: SignIn<U>) -> StoreResult<SignInOutcome<U>> {
        retrying_sign_in(|hold| self.accept(realm, &sign_in, hold)).await
    }

    async fn check(&self, sign_ups: SignUps) -> StoreResult<Vec<Finding>> {
        self.check_tables::<U>(sign_ups).await
    }
}

impl MySqlStore {
    /// One attempt to sign in, as one transaction.
    async fn accept<U: MySqlUser>(
        &self,
        realm: &Realm,
        sign_in: &SignIn<U>,
        hold: Hold,
    ) -> Result<SignInOutcome<U>, Error> {
        let SignIn { challenge, identity, code_mac, account, session, replaces, revocation } = sign_in;
        let mut transaction = self.begin().await?;
        if let Account::New(_) = account {
            // The first sign-ins of one address take turns.
            lock_budget(&mut transaction, realm, identity, Requester::Stranger).await?;
        }
        let accepted = sqlx::query(
            "UPDATE otp_challenges SET consumed_at = ?, nonce = NULL, code_mac = NULL \
             WHERE realm = ? AND `key` = ? AND code_mac = ? AND consumed_at IS NULL AND expires_at > ? AND identity = ?",
        )
        .bind(revocation.now.as_millis())
        .bind(realm.as_str().as_bytes())
        .bind(challenge.as_bytes().as_slice())
        .bind(code_mac.as_bytes().as_slice())
        .bind(revocation.now.as_millis())
        .bind(identity.as_bytes().as_slice())
        .execute(&mut *transaction)
        .await?;
        if accepted.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(SignInOutcome::CodeSpent);
        }
        let email = account.email();
        let found = match account {
            Account::Existing { user, .. } if hold == Hold::Locked => {
                locked_user(&mut transaction, user.id(), email).await?
            }
            _ => user_by_email::<U>(&mut transaction, email).await?,
        };
        let (mut user, created) = match account.decide(found) {
            Decision::SignIn(user) => (user, false),
            Decision::AccountChanged => {
                transaction.rollback().await?;
                return Ok(SignInOutcome::AccountChanged);
            }
            Decision::Create => match insert_user::<U>(&mut transaction, email, revocation.now).await {
                Ok(Some(user)) => (user, true),
                Ok(None) => {
                    transaction.rollback().await?;
                    return Ok(SignInOutcome::Excluded);
                }
                Err(error) if is_duplicate(&error) && U::SELECT_EXCLUDED.is_some() => {
                    transaction.rollback().await?;
                    let excluded = self.is_in_the_way::<U>(email).await?;
                    return if excluded { Ok(SignInOutcome::Excluded) } else { Err(error) };
                }
                Err(error) => return Err(error),
            },
        };
        let session = session.of_user(user.id().to_string());
        let proof = Proof::of(&user, created);
        if proof.marks_user {
            mark_verified(&mut transaction, &user, revocation.now).await?;
        }
        let mut ended = if proof.ends_sessions {
            revoke_all(&mut transaction, realm, &session.user_id, *revocation).await?
        } else {
            Vec::new()
        };
        user.mark_verified(revocation.now);
        if let Some(older) = replaces
            && revoke(&mut transaction, realm, *older, *revocation).await?
        {
            ended.push(*older);
        }
        insert_session(&mut transaction, realm, &session).await?;
        if hold == Hold::ReadAgain
            && !user_by_email::<U>(&mut transaction, email).await?.is_some_and(|again| again.id() == user.id())
        {
            transaction.rollback().await?;
            return Ok(SignInOutcome::AccountChanged);
        }
        transaction.commit().await?;
        Ok(SignInOutcome::SignedIn { user, session, created, ended })
    }

    /// Whether a unique index refused a new user because of a row that is
    /// none. Looked at afresh, and in this order: a user who is there by the
    /// second look is found by the next attempt.
    async fn is_in_the_way<U: MySqlUser>(&self, email: &str) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let excluded = is_excluded::<U>(&mut transaction, email).await?
            && user_by_email::<U>(&mut transaction, email).await?.is_none();
        transaction.rollback().await?;
        Ok(excluded)
    }
}

/// Adds a user, and reads the row: there is no `RETURNING`. No other sign-in
/// adds one with the same address since the look-up, because this one has the
/// turn. Where the application did, and its table has a unique index, this is
/// a duplicate, and the next attempt finds the row. `None` when the filter
/// excludes it.
async fn insert_user<U: MySqlUser>(
    connection: &mut MySqlConnection,
    email: &str,
    now: Timestamp,
) -> Result<Option<U>, Error> {
    let mut arguments = Arguments::default();
    U::bind_new(email, now, &mut arguments)?;
    sqlx::query_with(U::INSERT, arguments).execute(&mut *connection).await?;
    let found = user_by_email(connection, email).await?;
    if found.is_none() && !is_excluded::<U>(connection, email).await? {
        return Err(not_found_again());
    }
    Ok(found)
}

/// Marks the user, who was unverified when the row was locked.
async fn mark_verified<U: MySqlUser>(connection: &mut MySqlConnection, user: &U, now: Timestamp) -> Result<(), Error> {
    if let Some(statement) = U::MARK_VERIFIED {
        let mut arguments = Arguments::default();
        U::bind_proof(user.id(), now, &mut arguments)?;
        sqlx::query_with(statement, arguments).execute(connection).await?;
    }
    Ok(())
}
