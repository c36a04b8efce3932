//! The application's users in `MySQL` and `MariaDB`.

use sqlx::mysql::{MySql, MySqlConnection};

use super::super::user::{SignInStatements, columns, same_statements};
use super::super::user_store::user_store;
use super::MySqlStore;
use crate::challenge::budget::ALL_STRANGERS;
use crate::store::{Realm, SignIn};
use crate::user::OtpUser;

columns!(MySql, sqlx::mysql::{MySqlArguments, MySqlRow}, json);

user_store!(MySqlStore, MySql, realm => realm.as_str().as_bytes(), store => async move { Ok(((), store.begin().await?)) });

impl SignInStatements for MySql {
    const ADDRESSES: usize = 2;

    same_statements!(MySqlConnection, str::as_bytes, sessions);

    /// Also takes the turn: if there is no total to lock, inserts an empty one, which has the same
    /// effect as none.
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
        .execute(&mut *connection)
        .await?;
        if accepted.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO otp_budgets \
             (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
             VALUES (?, ?, ?, 0, 0, 0, 0, 0) ON DUPLICATE KEY UPDATE failures = 0",
        )
        .bind(realm.as_str().as_bytes())
        .bind(sign_in.identity.as_bytes().as_slice())
        .bind(ALL_STRANGERS)
        .execute(connection)
        .await?;
        Ok(true)
    }
}
