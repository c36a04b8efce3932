//! The conformance suite on every store of this crate. The name of the module
//! is the name of the backend.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use otp_auth::testing::conformance::Backend;
use otp_auth::{MemoryStore, OtpUser, SqliteStore};

#[derive(Clone, Debug, OtpUser)]
#[otp_user(table = "users", stores(sqlite))]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
}

struct Memory;

impl Backend for Memory {
    type User = User;
    type Store = MemoryStore<User>;

    async fn fresh(&self) -> MemoryStore<User> {
        MemoryStore::new(|new| User { id: new.number, email: new.email.to_owned(), is_verified: true })
    }

    async fn add_user(&self, store: &MemoryStore<User>, email: &str, verified: bool) -> User {
        let id = 1 + store.users().iter().map(|user| user.id).max().unwrap_or(0);
        let user = User { id, email: email.to_owned(), is_verified: verified };
        store.insert_user(user.clone());
        user
    }

    async fn unverify(&self, store: &MemoryStore<User>, user: &User) {
        store.remove_user(&user.id);
        store.insert_user(User { is_verified: false, ..user.clone() });
    }

    async fn remove_user(&self, store: &MemoryStore<User>, user: &User) {
        store.remove_user(&user.id);
    }

    async fn count_users(&self, store: &MemoryStore<User>, email: &str) -> usize {
        store.users().iter().filter(|user| user.email == email).count()
    }
}

/// A store whose file goes with it.
struct Sqlite;

impl Backend for Sqlite {
    type User = User;
    type Store = SqliteStore;

    async fn fresh(&self) -> SqliteStore {
        // The directory outlives the test; the operating system clears it.
        let path = tempfile::Builder::new().prefix("otp-auth").tempdir().unwrap().keep().join("conformance.db");
        let store = SqliteStore::connect(&format!("sqlite:{}?mode=rwc", path.display())).await.unwrap();
        store.migrate().await.unwrap();
        // No unique index on the address: the store must not need one.
        let table = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, is_verified BOOLEAN NOT NULL)";
        sqlx::raw_sql(table).execute(store.pool()).await.unwrap();
        store
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
        sqlx::query("UPDATE users SET is_verified = FALSE WHERE id = ?1").bind(user.id).execute(store.pool()).await.unwrap();
    }

    async fn remove_user(&self, store: &SqliteStore, user: &User) {
        sqlx::query("DELETE FROM users WHERE id = ?1").bind(user.id).execute(store.pool()).await.unwrap();
    }

    async fn count_users(&self, store: &SqliteStore, email: &str) -> usize {
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM users WHERE email = ?1").bind(email).fetch_one(store.pool()).await.unwrap();
        usize::try_from(count).unwrap()
    }
}

mod memory {
    otp_auth::store_conformance!(super::Memory);
}

mod sqlite {
    otp_auth::store_conformance!(super::Sqlite);
}
