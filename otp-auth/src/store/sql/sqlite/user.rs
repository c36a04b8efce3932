//! The application's users in `SQLite`.

use std::convert::identity;

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteConnection};

use super::super::user::{SignInStatements, columns, same_statements};
use super::super::user_store::user_store;
use super::SqliteStore;
use crate::store::{Identity, Realm, SignIn};
use crate::user::OtpUser;

columns!(Sqlite, sqlx::sqlite::{SqliteArguments, SqliteRow}, json);

user_store!(SqliteStore, Sqlite, realm => realm.as_str(), store => store.begin());

impl SignInStatements for Sqlite {
    const WRITES_ALONE: bool = true;

    same_statements!(SqliteConnection, identity, sessions);

    /// Nothing to do: the transaction already holds the write lock.
    async fn take_turn(_: &mut SqliteConnection, _: &Realm, _: &Identity) -> Result<(), Error> {
        Ok(())
    }

    fn accepting<'q, U: OtpUser>(realm: &'q Realm, sign_in: &'q SignIn<U>) -> Query<'q, Sqlite, Arguments> {
        sqlx::query(
            "UPDATE otp_challenges SET consumed_at = ?1, nonce = NULL, code_mac = NULL \
             WHERE realm = ?2 AND key = ?3 AND code_mac = ?4 AND consumed_at IS NULL AND expires_at > ?1 AND identity = ?5",
        )
        .bind(sign_in.revocation.now.as_millis())
        .bind(realm.as_str())
        .bind(sign_in.challenge.as_bytes().as_slice())
        .bind(sign_in.code_mac.as_bytes().as_slice())
        .bind(sign_in.identity.as_bytes().as_slice())
    }
}
