//! The conformance suite. The name of a module is the name of its backend.

use std::sync::Arc;

use otp_auth::store::Maintenance;
use otp_auth::testing::conformance::Backend;
use otp_auth::{MemoryStore, SqliteStore};

use super::two_processes::{Reopen, Twice};
use super::users::{User, sqlite_store, sqlite_url};

/// In an `Arc`, which is itself a store.
struct Memory;

const _: () = assert!(<Arc<MemoryStore<User>> as Maintenance>::CANCEL_SAFE);

impl Backend for Memory {
    type User = User;
    type Store = Arc<MemoryStore<User>>;

    async fn fresh(&self) -> Self::Store {
        Arc::new(MemoryStore::new(|new| User { id: new.number, email: new.email.to_owned(), is_verified: true }))
    }

    async fn add_user(&self, store: &Self::Store, email: &str, verified: bool) -> User {
        let id = 1 + store.users().iter().map(|user| user.id).max().unwrap_or(0);
        let user = User { id, email: email.to_owned(), is_verified: verified };
        store.insert_user(user.clone());
        user
    }

    async fn unverify(&self, store: &Self::Store, user: &User) {
        store.remove_user(&user.id);
        store.insert_user(User { is_verified: false, ..user.clone() });
    }

    async fn remove_user(&self, store: &Self::Store, user: &User) {
        store.remove_user(&user.id);
    }

    async fn count_users(&self, store: &Self::Store, email: &str) -> usize {
        store.users().iter().filter(|user| user.email == email).count()
    }
}

struct Sqlite;

impl Backend for Sqlite {
    type User = User;
    type Store = SqliteStore;

    async fn fresh(&self) -> SqliteStore {
        sqlite_store(&sqlite_url()).await
    }

    async fn add_user(&self, store: &SqliteStore, email: &str, verified: bool) -> User {
        let id = sqlx::query_scalar("INSERT INTO users (email, is_verified) VALUES (?1, ?2) RETURNING id")
            .bind(email)
            .bind(verified)
            .fetch_one(store.pool())
            .await
            .unwrap();
        User { id, email: email.to_owned(), is_verified: verified }
    }

    async fn unverify(&self, store: &SqliteStore, user: &User) {
        sqlx::query("UPDATE users SET is_verified = FALSE WHERE id = ?1")
            .bind(user.id)
            .execute(store.pool())
            .await
            .unwrap();
    }

    async fn remove_user(&self, store: &SqliteStore, user: &User) {
        sqlx::query("DELETE FROM users WHERE id = ?1").bind(user.id).execute(store.pool()).await.unwrap();
    }

    async fn count_users(&self, store: &SqliteStore, email: &str) -> usize {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM users WHERE email = ?1")
            .bind(email)
            .fetch_one(store.pool())
            .await
            .unwrap();
        usize::try_from(count).unwrap()
    }
}

impl Reopen for Sqlite {
    async fn reopen(&self, store: &SqliteStore) -> SqliteStore {
        let file = store.pool().connect_options().get_filename().display().to_string();
        SqliteStore::connect(&format!("sqlite:{file}")).await.unwrap()
    }
}

mod memory {
    otp_auth::store_conformance!(super::Memory);
}

mod sqlite {
    otp_auth::store_conformance!(super::Sqlite);
}

mod sqlite_in_two_processes {
    otp_auth::store_conformance!(super::Twice(super::Sqlite));
}

mod postgres {
    otp_auth::store_conformance!(
        #[ignore = "needs PostgreSQL: scripts/test starts one"]
        crate::postgres::Postgres
    );
}

mod postgres_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs PostgreSQL: scripts/test starts one"]
        crate::postgres::TWICE
    );
}

mod pgbouncer {
    otp_auth::store_conformance!(
        #[ignore = "needs pgbouncer: scripts/test starts one"]
        crate::pgbouncer::PgBouncer
    );
}

mod pgbouncer_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs pgbouncer: scripts/test starts one"]
        crate::pgbouncer::TWICE
    );
}

mod mysql {
    otp_auth::store_conformance!(
        #[ignore = "needs MariaDB: scripts/test starts one"]
        crate::mysql::MySql
    );
}

mod mysql_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs MariaDB: scripts/test starts one"]
        crate::mysql::TWICE
    );
}

mod mongodb {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        crate::mongo::REPLICA_SET
    );
}

mod mongodb_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        crate::mongo::REPLICA_SET_TWICE
    );
}

mod mongodb_with_a_filter {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        crate::mongo::MEMBERS
    );
}

mod mongodb_standalone {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        crate::mongo::STANDALONE
    );
}

mod mongodb_standalone_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        crate::mongo::STANDALONE_TWICE
    );
}
