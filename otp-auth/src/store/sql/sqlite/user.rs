//! The application's users in `SQLite`.

use sqlx::sqlite::{Sqlite, SqliteConnection};

use super::super::user::{Dialect, columns, same_statements};
use super::super::user_store::user_store;
use super::SqliteStore;
use crate::store::{Identity, Realm, SignIn};
use crate::user::OtpUser;

pub use super::super::user::SqlUser;
pub use crate::store::sql::shape::{Filter, Given, Unknown};
pub use sqlx::Error;
pub use sqlx::Sqlite as Database;
pub use sqlx::sqlite::{SqliteArguments as Arguments, SqliteRow as Row};

/// A table of users, as the derive describes it.
pub type Table = crate::store::sql::shape::Table<Sqlite>;
/// A column of it.
pub type Column = crate::store::sql::shape::Column<Sqlite>;
/// What a field reads.
pub type FieldOf<T> = crate::store::sql::shape::FieldOf<Sqlite, T>;

columns!(Sqlite, json);

user_store!(SqliteStore, Sqlite, realm => realm.as_str(), store => store.begin());

impl Dialect for Sqlite {
    const WRITES_ALONE: bool = true;

    same_statements!(SqliteConnection, sessions);

    /// The transaction holds the write lock.
    async fn take_turn(_: &mut SqliteConnection, _: &Realm, _: &Identity) -> Result<(), Error> {
        Ok(())
    }

    async fn accept_code<U: OtpUser>(
        connection: &mut SqliteConnection,
        realm: &Realm,
        sign_in: &SignIn<U>,
    ) -> Result<bool, Error> {
        let accepted = sqlx::query(
            "UPDATE otp_challenges SET consumed_at = ?3, nonce = NULL, code_mac = NULL \
             WHERE realm = ?5 AND key = ?1 AND code_mac = ?2 AND consumed_at IS NULL AND expires_at > ?3 AND identity = ?4",
        )
        .bind(sign_in.challenge.as_bytes().as_slice())
        .bind(sign_in.code_mac.as_bytes().as_slice())
        .bind(sign_in.revocation.now.as_millis())
        .bind(sign_in.identity.as_bytes().as_slice())
        .bind(realm.as_str())
        .execute(connection)
        .await?;
        Ok(accepted.rows_affected() > 0)
    }
}
