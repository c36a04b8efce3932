//! The application's users in `MySQL` and `MariaDB`.

use sqlx::mysql::{MySql, MySqlConnection};

use super::super::user::{Dialect, columns, same_statements};
use super::super::user_store::user_store;
use super::MySqlStore;
use super::challenges::lock_budget;
use crate::store::{Identity, Realm, Requester, SignIn};
use crate::user::OtpUser;

pub use super::super::user::SqlUser;
pub use crate::store::sql::shape::{Filter, Given, Unknown};
pub use sqlx::Error;
pub use sqlx::MySql as Database;
pub use sqlx::mysql::{MySqlArguments as Arguments, MySqlRow as Row};

/// A table of users, as the derive describes it.
pub type Table = crate::store::sql::shape::Table<MySql>;
/// A column of it.
pub type Column = crate::store::sql::shape::Column<MySql>;
/// What a field reads.
pub type FieldOf<T> = crate::store::sql::shape::FieldOf<MySql, T>;

columns!(MySql, json);

user_store!(MySqlStore, MySql, realm => realm.as_str().as_bytes(), store => async move { Ok(((), store.begin().await?)) });

impl Dialect for MySql {
    const ADDRESSES: usize = 2;

    same_statements!(MySqlConnection, sessions);

    /// Locks the budget of the address.
    async fn take_turn(connection: &mut MySqlConnection, realm: &Realm, identity: &Identity) -> Result<(), Error> {
        lock_budget(connection, realm, identity, Requester::Stranger).await
    }

    async fn accept_code<U: OtpUser>(
        connection: &mut MySqlConnection,
        realm: &Realm,
        sign_in: &SignIn<U>,
    ) -> Result<bool, Error> {
        let accepted = sqlx::query(
            "UPDATE otp_challenges SET consumed_at = ?, nonce = NULL, code_mac = NULL \
             WHERE realm = ? AND `key` = ? AND code_mac = ? AND consumed_at IS NULL AND expires_at > ? AND identity = ?",
        )
        .bind(sign_in.revocation.now.as_millis())
        .bind(realm.as_str().as_bytes())
        .bind(sign_in.challenge.as_bytes().as_slice())
        .bind(sign_in.code_mac.as_bytes().as_slice())
        .bind(sign_in.revocation.now.as_millis())
        .bind(sign_in.identity.as_bytes().as_slice())
        .execute(connection)
        .await?;
        Ok(accepted.rows_affected() > 0)
    }
}
