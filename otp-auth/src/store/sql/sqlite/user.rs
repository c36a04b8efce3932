//! The application's users in `SQLite`.

use std::convert::identity;

use sqlx::sqlite::{Sqlite, SqliteConnection};

use super::super::user::{SignInStatements, columns, same_statements};
use super::super::user_store::user_store;
use super::SqliteStore;
use crate::challenge::budget::ALL_STRANGERS;
use crate::store::{Realm, SignIn};
use crate::user::OtpUser;

columns!(Sqlite, sqlx::sqlite::{SqliteArguments, SqliteRow}, json);

user_store!(SqliteStore, Sqlite, realm => realm.as_str(), store => store.begin());

impl SignInStatements for Sqlite {
    const WRITES_ALONE: bool = true;

    same_statements!(SqliteConnection, identity, sessions);

    async fn accept_code<U: OtpUser>(
        connection: &mut SqliteConnection,
        realm: &Realm,
        sign_in: &SignIn<U>,
    ) -> Result<bool, Error> {
        let accepted = sqlx::query(
            "UPDATE otp_challenges SET consumed_at = ?4, nonce = NULL, code_mac = NULL \
             WHERE realm = ?1 AND key = ?5 AND code_mac = ?6 AND consumed_at IS NULL AND expires_at > ?4 AND identity = ?2; \
             UPDATE otp_budgets SET failures = 0 \
             WHERE realm = ?1 AND identity = ?2 AND requester = ?3 AND changes() = 1",
        )
        .bind(realm.as_str())
        .bind(sign_in.identity.as_bytes().as_slice())
        .bind(ALL_STRANGERS)
        .bind(sign_in.revocation.now.as_millis())
        .bind(sign_in.challenge.as_bytes().as_slice())
        .bind(sign_in.code_mac.as_bytes().as_slice())
        .execute(connection)
        .await?;
        Ok(accepted.rows_affected() > 0)
    }
}
