//! `PostgreSQL` through `pgbouncer` in transaction mode. Each case has a
//! database of its own; what a test does beside the store, it does on a direct
//! connection.

use std::str::FromStr;

use otp_auth::PostgresStore;
use otp_auth::store::{ChallengeStore, SessionStore as _};
use otp_auth::testing::conformance::Backend;
use otp_auth::testing::conformance::fixtures::{NOW, key, realm};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::postgres::{self, Postgres, USERS};
use super::servers::{open, unique_name, url};
use super::two_processes::{Reopen, Twice};
use super::users::User;

/// The URL of a database of its own, through the pooler.
pub(crate) async fn fresh_url() -> String {
    let name = unique_name();
    let mut connection = PgConnection::connect(&url("OTP_AUTH_POSTGRES_URL")).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    let pooler = url("OTP_AUTH_PGBOUNCER_URL");
    let (server, _) = pooler.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// The database of a store, without the pooler.
async fn direct(store: &PostgresStore) -> PostgresStore {
    let options = PgConnectOptions::from_str(&url("OTP_AUTH_POSTGRES_URL")).unwrap();
    postgres::store(options.database(store.pool().connect_options().get_database().unwrap())).await
}

pub(crate) struct PgBouncer;

/// Two stores on one database.
pub(crate) const TWICE: Twice<PgBouncer> = Twice(PgBouncer);

impl Backend for PgBouncer {
    type User = User;
    type Store = PostgresStore;

    async fn fresh(&self) -> PostgresStore {
        let store = PostgresStore::connect(&fresh_url().await).await.unwrap();
        store.migrate().await.unwrap();
        sqlx::raw_sql(USERS).execute(store.pool()).await.unwrap();
        store
    }

    async fn add_user(&self, store: &PostgresStore, email: &str, verified: bool) -> User {
        Postgres.add_user(&direct(store).await, email, verified).await
    }

    async fn unverify(&self, store: &PostgresStore, user: &User) {
        Postgres.unverify(&direct(store).await, user).await;
    }

    async fn remove_user(&self, store: &PostgresStore, user: &User) {
        Postgres.remove_user(&direct(store).await, user).await;
    }

    async fn count_users(&self, store: &PostgresStore, email: &str) -> usize {
        Postgres.count_users(&direct(store).await, email).await
    }
}

impl Reopen for PgBouncer {
    /// A pool of the application, which caches statements.
    async fn reopen(&self, store: &PostgresStore) -> PostgresStore {
        let options = PgConnectOptions::clone(&store.pool().connect_options()).statement_cache_capacity(100);
        PostgresStore::from_pool(PgPoolOptions::new().max_connections(5).connect_with(options).await.unwrap())
    }
}

/// More clients than server connections, all with different statements: each
/// has the answer to its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs pgbouncer: scripts/test starts one"]
async fn no_client_executes_the_statement_of_another_one() {
    let first = PgBouncer.fresh().await;
    let stores = [PgBouncer.reopen(&first).await, PgBouncer.reopen(&first).await, first];
    for challenge in 0..12 {
        open(&stores[0], challenge).await;
    }
    let tasks: Vec<_> = (0..12_u8)
        .map(|task| {
            let store = stores[usize::from(task) % 3].clone();
            tokio::spawn(async move {
                for round in 1..=20 {
                    let counted = store.count_try(realm(), &key(task.into()), 1000).await.unwrap();
                    assert_eq!(counted.map(|counted| counted.number), Some(round));
                    assert!(store.user_sessions(realm(), "1", NOW).await.unwrap().is_empty());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
