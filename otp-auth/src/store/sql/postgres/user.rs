//! The application's users in `PostgreSQL`: what `stores(postgres)` makes of
//! a user type, and how the store uses it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgConnection, PgTypeInfo, Postgres};
use sqlx::types::Json;
use sqlx::{Arguments as _, Row as _, TypeInfo as _, ValueRef as _};

use super::super::failure::{is_duplicate, not_found_again};
use super::super::pool::{Hold, retrying_sign_in};
use super::PostgresStore;
use super::sessions::{insert_session, revoke, revoke_all};
use crate::store::sql::row::session_ids;
use crate::store::{
    Account, Decision, Finding, Identity, Proof, Realm, SignIn, SignInOutcome, SignUps, StoreResult, Timestamp,
    TokenRef, UserStore,
};
use crate::user::OtpUser;

pub use crate::store::sql::shape::{Filter, Given, Unknown};
pub use sqlx::Error;
pub use sqlx::postgres::{PgArguments as Arguments, PgRow as Row};

/// A table of users, as the derive describes it.
pub type Table = crate::store::sql::shape::Table<sqlx::Postgres>;
/// A column of it.
pub type Column = crate::store::sql::shape::Column<sqlx::Postgres>;
/// What a field reads.
pub type FieldOf<T> = crate::store::sql::shape::FieldOf<sqlx::Postgres, T>;

/// A user in a `PostgreSQL` table. `#[derive(OtpUser)]` implements it for
/// `stores(postgres)`.
///
/// Every statement that returns rows returns all columns in the order that
/// [`from_row`](Self::from_row) reads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not connected to PostgreSQL",
    label = "`PostgresStore` cannot load this type",
    note = "write `#[otp_user(table = \"…\", stores(postgres))]` on the struct"
)]
pub trait PostgresUser: OtpUser {
    /// The user with id `$1`.
    const SELECT_BY_ID: &'static str;
    /// The user with id `$1`, unless `token_blacklist` has an entry in the
    /// realm `$2` for `$3`, `$4` or `$5` that ends after `$6`, and, if it is
    /// one of a user, is of a moment after `$7`.
    const SELECT_CURRENT: &'static str;
    /// The user with exactly the canonical address `$1`, whatever the
    /// collation of the column.
    const SELECT_BY_EMAIL: &'static str;
    /// The user with id `$1`, if they have exactly the canonical address `$2`;
    /// nobody else changes or removes the row until the transaction ends.
    const SELECT_LOCKED: &'static str;
    /// Whether a row that the application's filter excludes has the address
    /// `$1`, as a unique index of the column or of `lower` of it compares;
    /// `None` without a filter.
    const SELECT_EXCLUDED: Option<&'static str> = None;
    /// Adds a user with the values of [`bind_new`](Self::bind_new).
    const INSERT: &'static str;
    /// Marks the user with id `$1` as verified, if they are not; `None` when
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
    T: sqlx::Encode<'t, Postgres> + sqlx::Type<Postgres>,
{
    arguments.add(value).map_err(Error::Encode)
}

/// Binds one value that is compared with a column.
///
/// Text is sent without a type, so it gets that of the column. As `text` it
/// would not equal what was read from a column of type `character(n)`, which
/// is padded, and not what a column of type `citext` takes for equal.
///
/// # Errors
///
/// When the value cannot be encoded.
pub fn bind_compared<'t, T>(arguments: &mut Arguments, value: T) -> Result<(), Error>
where
    T: sqlx::Encode<'t, Postgres> + sqlx::Type<Postgres>,
{
    bind(arguments, Compared(value))
}

/// A value that has the type of what it is compared with, if it is text.
struct Compared<T>(T);

impl<T> Compared<T> {
    fn of(own: PgTypeInfo) -> PgTypeInfo {
        /// `unknown`.
        const UNKNOWN: Oid = Oid(705);
        if own == <str as sqlx::Type<Postgres>>::type_info() { PgTypeInfo::with_oid(UNKNOWN) } else { own }
    }
}

impl<T: sqlx::Type<Postgres>> sqlx::Type<Postgres> for Compared<T> {
    fn type_info() -> PgTypeInfo {
        Self::of(T::type_info())
    }
}

impl<'t, T: sqlx::Encode<'t, Postgres>> sqlx::Encode<'t, Postgres> for Compared<T> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        self.0.encode_by_ref(buffer)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        self.0.produces().map(Self::of)
    }
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
    T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
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
    T: Default + for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    Ok(row.try_get::<Option<T>, _>(index)?.unwrap_or_default())
}

/// Reads one column of type `jsonb` or `json`, or of JSON text.
///
/// # Errors
///
/// When it is not JSON of this type.
pub fn get_json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T, Error> {
    let is_text = {
        let raw = row.try_get_raw(index)?;
        let kind = raw.type_info();
        !kind.is_null() && <String as sqlx::Type<Postgres>>::compatible(&kind)
    };
    if !is_text {
        return row.try_get(index).map(|Json(value)| value);
    }
    let text: &str = row.try_get(index)?;
    serde_json::from_str(text).map_err(|error| Error::ColumnDecode { index: index.to_string(), source: error.into() })
}

/// The arguments of a statement whose first parameter is a user's id.
fn with_id<U: PostgresUser>(id: &U::Id) -> Result<Arguments, Error> {
    let mut arguments = Arguments::default();
    U::bind_id(id, &mut arguments)?;
    Ok(arguments)
}

/// The user of a row, if it is one.
fn read<U: PostgresUser>(row: Option<&Row>) -> Result<Option<U>, Error> {
    Ok(row.map(U::from_row).transpose()?.flatten())
}

fn with_email<U: PostgresUser>(email: &str) -> Result<Arguments, Error> {
    let mut arguments = Arguments::default();
    U::bind_email(email, &mut arguments)?;
    Ok(arguments)
}

/// The user of a row, if their id is this one: a column of type `citext` may
/// take another text for equal.
fn exactly<U: PostgresUser>(row: Option<&Row>, id: &U::Id) -> StoreResult<Option<U>> {
    Ok(read::<U>(row)?.filter(|user| user.id() == id))
}

async fn user_by_email<U: PostgresUser>(connection: &mut PgConnection, email: &str) -> Result<Option<U>, Error> {
    let row = sqlx::query_with(U::SELECT_BY_EMAIL, with_email::<U>(email)?).fetch_optional(connection).await?;
    read(row.as_ref())
}

/// The user with this id, if they have this address. The row is locked.
async fn locked_user<U: PostgresUser>(
    connection: &mut PgConnection,
    id: &U::Id,
    email: &str,
) -> Result<Option<U>, Error> {
    let mut arguments = with_id::<U>(id)?;
    U::bind_email(email, &mut arguments)?;
    let row = sqlx::query_with(U::SELECT_LOCKED, arguments).fetch_optional(connection).await?;
    read(row.as_ref())
}

/// Whether a row that the filter excludes has this address.
async fn is_excluded<U: PostgresUser>(connection: &mut PgConnection, email: &str) -> Result<bool, Error> {
    let Some(statement) = U::SELECT_EXCLUDED else {
        return Ok(false);
    };
    Ok(sqlx::query_with(statement, with_email::<U>(email)?).fetch_optional(connection).await?.is_some())
}

impl<U: PostgresUser> UserStore<U> for PostgresStore {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<U>> {
        let mut arguments = Arguments::default();
        U::bind_email(email, &mut arguments)?;
        let row = self.fetch_optional(sqlx::query_with(U::SELECT_BY_EMAIL, arguments)).await?;
        Ok(read(row.as_ref())?)
    }

    async fn user_by_id(&self, id: &U::Id) -> StoreResult<Option<U>> {
        let arguments = with_id::<U>(id)?;
        let row = self.fetch_optional(sqlx::query_with(U::SELECT_BY_ID, arguments)).await?;
        exactly(row.as_ref(), id)
    }

    async fn current_user(&self, realm: &Realm, id: &U::Id, token: TokenRef, now: Timestamp) -> StoreResult<Option<U>> {
        let arguments = with_id::<U>(id)?;
        let row = self
            .fetch_optional(
                sqlx::query_with(U::SELECT_CURRENT, arguments)
                    .bind(realm.as_str())
                    .bind(token.session.as_bytes().as_slice())
                    .bind(token.token.as_bytes().as_slice())
                    .bind(token.subject.as_bytes().as_slice())
                    .bind(now.as_millis())
                    .bind(token.authenticated_at.as_millis()),
            )
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

impl PostgresStore {
    /// One attempt to sign in, as one transaction.
    async fn accept<U: PostgresUser>(
        &self,
        realm: &Realm,
        sign_in: &SignIn<U>,
        mut hold: Hold,
    ) -> Result<SignInOutcome<U>, Error> {
        let SignIn { challenge, identity, code_mac, account, session, replaces, revocation } = sign_in;
        let mut transaction = self.begin().await?;
        if let Account::New(_) = account {
            take_turn(&mut transaction, realm, identity).await?;
        }
        let accepted = sqlx::query(
            "UPDATE otp_challenges SET consumed_at = $3, nonce = NULL, code_mac = NULL \
             WHERE realm = $5 AND key = $1 AND code_mac = $2 AND consumed_at IS NULL AND expires_at > $3 AND identity = $4",
        )
        .bind(challenge.as_bytes().as_slice())
        .bind(code_mac.as_bytes().as_slice())
        .bind(revocation.now.as_millis())
        .bind(identity.as_bytes().as_slice())
        .bind(realm.as_str())
        .execute(&mut *transaction)
        .await?;
        if accepted.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(SignInOutcome::CodeSpent);
        }
        let email = account.email();
        let found = match account {
            Account::Existing { user, .. } if hold == Hold::Locked => {
                match locked_user(&mut transaction, user.id(), email).await? {
                    // A policy of the table may hide a row from a statement
                    // that locks it, and show it to one that reads.
                    None => {
                        hold = Hold::ReadAgain;
                        user_by_email(&mut transaction, email).await?
                    }
                    locked => locked,
                }
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
            session_ids(&revoke_all(realm, &session.user_id, *revocation).fetch_all(&mut *transaction).await?)?
        } else {
            Vec::new()
        };
        user.mark_verified(revocation.now);
        if let Some(older) = replaces
            && revoke(realm, *older, *revocation).fetch_one(&mut *transaction).await?.try_get::<i64, _>(0)? > 0
        {
            ended.push(*older);
        }
        insert_session(&mut *transaction, realm, &session).await?;
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
    async fn is_in_the_way<U: PostgresUser>(&self, email: &str) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let excluded = is_excluded::<U>(&mut transaction, email).await?
            && user_by_email::<U>(&mut transaction, email).await?.is_none();
        transaction.rollback().await?;
        Ok(excluded)
    }
}

/// Lets the first sign-ins of one address take turns, until the transaction
/// ends: locks the identity's budget. It is there as a rule; where it was
/// cleaned up a moment ago, an empty one takes its place, which allows and
/// forbids what none does.
async fn take_turn(connection: &mut PgConnection, realm: &Realm, identity: &Identity) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO otp_budgets AS old \
         (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
         VALUES ($1, $2, 0, 0, 0, 0, 0, 0) \
         ON CONFLICT (realm, identity, requester) DO UPDATE SET next_send_at = old.next_send_at",
    )
    .bind(realm.as_str())
    .bind(identity.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds a user, and reads the row: what `RETURNING` gives is not what the
/// trigger of a view or one after the insert has made of it. No other sign-in
/// adds one with the same address since the look-up, because this one has the
/// turn. Where the application did, and its table has a unique index, this is
/// a duplicate, and the next attempt finds the row. `None` when the filter
/// excludes it.
async fn insert_user<U: PostgresUser>(
    connection: &mut PgConnection,
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

/// Marks the user, who was unverified when the row was locked. How many rows
/// that changed does not tell: the trigger of a view may count for none.
async fn mark_verified<U: PostgresUser>(connection: &mut PgConnection, user: &U, now: Timestamp) -> Result<(), Error> {
    if let Some(statement) = U::MARK_VERIFIED {
        let mut arguments = Arguments::default();
        U::bind_proof(user.id(), now, &mut arguments)?;
        sqlx::query_with(statement, arguments).execute(connection).await?;
    }
    Ok(())
}
