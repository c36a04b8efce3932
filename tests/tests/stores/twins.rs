//! Tests shared by several SQL databases. The module of a database defines the differences under
//! the names that the macros use.

pub(crate) mod check;
pub(crate) mod migrations;
pub(crate) mod sign_in;

use otp_auth::{MySqlStore, PostgresStore, SqliteStore};
use sqlx::AssertSqlSafe;

/// Generates these tests on a subject, which is a module of this one.
macro_rules! twins {
    ($(#[$ignored:meta])? $subject:ident: $test:ident $(,)?) => {
        $crate::twins::$subject::twin!($test $(#[$ignored])?);
    };
    ($(#[$ignored:meta])? $subject:ident: $test:ident, $($more:ident),+ $(,)?) => {
        $crate::twins::twins!($(#[$ignored])? $subject: $test);
        $crate::twins::twins!($(#[$ignored])? $subject: $($more),+);
    };
}
pub(crate) use twins;

/// Implements `Backend` with these statements; `insert` of the module adds a row of users.
macro_rules! backend {
    ($backend:ident, $store:ty, $unverify:literal, $remove:literal, $count:literal) => {
        impl Backend for $backend {
            type User = User;
            type Store = $store;

            /// The address has no unique index, because a store must not need one.
            async fn fresh(&self) -> $store {
                store_with(USERS).await
            }

            async fn add_user(&self, store: &$store, email: &str, verified: bool) -> User {
                let id = insert(store, email, verified).await;
                User { id, email: email.to_owned(), is_verified: verified }
            }

            async fn unverify(&self, store: &$store, user: &User) {
                sqlx::query($unverify).bind(user.id).execute(store.pool()).await.unwrap();
            }

            async fn remove_user(&self, store: &$store, user: &User) {
                sqlx::query($remove).bind(user.id).execute(store.pool()).await.unwrap();
            }

            async fn count_users(&self, store: &$store, email: &str) -> usize {
                let count: i64 = sqlx::query_scalar($count).bind(email).fetch_one(store.pool()).await.unwrap();
                usize::try_from(count).unwrap()
            }
        }
    };
}
pub(crate) use backend;

/// A store, for what the application does in its database.
pub(crate) trait Run {
    /// Runs statements of the application.
    async fn run(&self, statements: &str);
}

macro_rules! run {
    ($($store:ty)+) => {
        $(impl Run for $store {
            async fn run(&self, statements: &str) {
                sqlx::raw_sql(AssertSqlSafe(statements)).execute(self.pool()).await.unwrap();
            }
        })+
    };
}

run!(SqliteStore PostgresStore MySqlStore);
