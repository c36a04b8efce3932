//! The application's users in `MySQL` and `MariaDB`.

use sqlx::mysql::{MySql, MySqlConnection};
use sqlx::query::Query;

use super::super::user::{SignInStatements, columns, same_statements};
use super::super::user_store::user_store;
use super::MySqlStore;
use super::challenges::lock_budget;
use crate::store::{Identity, Realm, Requester, SignIn};
use crate::user::OtpUser;

columns!(MySql, sqlx::mysql::{MySqlArguments, MySqlRow}, json);

user_store!(MySqlStore, MySql, realm => realm.as_str().as_bytes(), store => async move { Ok(((), store.begin().await?)) });

impl SignInStatements for MySql {
    const ADDRESSES: usize = 2;

    same_statements!(MySqlConnection, str::as_bytes, sessions);

    /// Locks the budget of the address.
    async fn take_turn(connection: &mut MySqlConnection, realm: &Realm, identity: &Identity) -> Result<(), Error> {
        lock_budget(connection, realm, identity, Requester::Stranger as u8).await
    }

    fn accepting<'q, U: OtpUser>(realm: &'q Realm, sign_in: &'q SignIn<U>) -> Query<'q, MySql, Arguments> {
        sqlx::query(
            "UPDATE otp_challenges SET consumed_at = ?, nonce = NULL, code_mac = NULL \
             WHERE realm = ? AND `key` = ? AND code_mac = ? AND consumed_at IS NULL AND expires_at > ? AND identity = ?",
        )
        .bind(sign_in.revocation.now.as_millis())
        .bind(realm.as_str().as_bytes())
        .bind(sign_in.challenge.as_bytes().as_slice())
        .bind(sign_in.code_mac.as_bytes().as_slice())
        .bind(sign_in.revocation.now.as_millis())
        .bind(sign_in.identity.as_bytes().as_slice())
    }
}
