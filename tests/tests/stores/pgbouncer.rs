//! `PostgreSQL` through `pgbouncer` in transaction mode. Each case has its own database. Whatever a
//! test does beside the store uses a direct connection.

use std::str::FromStr;

use otp_auth::PostgresStore;
use otp_auth::store::{ChallengeStore, Requester, SessionId, SessionStore as _};
use otp_auth::testing::conformance::Backend;
use otp_auth::testing::conformance::fixtures::{NOW, key, realm};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::postgres::{self, Postgres, USERS};
use super::servers::{open, said, unique_name, url};
use super::twins::{Run, twins};
use super::two_processes::{Reopen, Twice};
use super::users::User;

/// The URL of a new database, through the pooler.
pub(crate) async fn fresh_url() -> String {
    through("OTP_AUTH_PGBOUNCER_URL").await
}

async fn through(pooler: &str) -> String {
    let name = unique_name();
    let mut connection = PgConnection::connect(&url("OTP_AUTH_POSTGRES_URL")).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    let pooler = url(pooler);
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
        store.run(USERS).await;
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

/// More clients than server connections, all with different statements: each gets the answer to its
/// own.
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
                    let counted =
                        store.count_attempt(realm(), &key(task.into()), Requester::Stranger, 1000).await.unwrap();
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

/// A schema named in the URL does not reach the server. The store must not use another schema,
/// whether or not the pooler reports this.
#[tokio::test]
#[ignore = "needs pgbouncer: scripts/test starts one"]
async fn a_schema_that_does_not_get_through_is_refused() {
    for (pooler, why) in [
        ("OTP_AUTH_PGBOUNCER_URL", "unsupported startup parameter"),
        ("OTP_AUTH_PGBOUNCER_DROPPING_URL", "ignore_startup_parameters"),
    ] {
        let url = format!("{}?options[search_path]=app", through(pooler).await);
        let error = said(&PostgresStore::connect(&url).await.unwrap_err());
        for part in ["`options`", why, "ALTER ROLE"] {
            assert!(error.contains(part), "{pooler}: {error}");
        }
    }
    // An application's pool is not checked before its first use.
    let options = PgConnectOptions::from_str(&through("OTP_AUTH_PGBOUNCER_DROPPING_URL").await).unwrap();
    let options = options.extra_float_digits(None::<i8>);
    let with_schema = PgPoolOptions::new().connect_lazy_with(options.clone().options([("search_path", "app")]));
    let error = said(&PostgresStore::from_pool(with_schema).migrate().await.unwrap_err());
    assert!(error.contains("`options`") && error.contains("ALTER ROLE"), "{error}");
    // Nothing was created anywhere, and without a schema, the store works.
    let store = PostgresStore::from_pool(PgPoolOptions::new().connect_lazy_with(options));
    assert!(store.session(realm(), SessionId::from_bytes([1; 16])).await.is_err(), "there is a table");
    store.migrate().await.unwrap();
    open(&store, 1).await;
    assert_eq!(
        store.count_attempt(realm(), &key(1), Requester::Stranger, 7).await.unwrap().map(|counted| counted.number),
        Some(1)
    );
}

/// The schema is set for the role, as docs/stores.md says.
#[tokio::test]
#[ignore = "needs pgbouncer: scripts/test starts one"]
async fn the_schema_of_the_role_is_used() {
    let pooled = fresh_url().await;
    let (_, name) = pooled.rsplit_once('/').unwrap();
    let options = PgConnectOptions::from_str(&url("OTP_AUTH_POSTGRES_URL")).unwrap().database(name);
    let mut direct = PgConnection::connect_with(&options).await.unwrap();
    let set = format!("CREATE SCHEMA app; ALTER ROLE otp IN DATABASE {name} SET search_path = app");
    sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut direct).await.unwrap();
    PostgresStore::connect(&pooled).await.unwrap().migrate().await.unwrap();
    let schemas: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT table_schema::text FROM information_schema.tables WHERE table_name LIKE 'otp%'",
    )
    .fetch_all(&mut direct)
    .await
    .unwrap();
    assert_eq!(schemas, ["app"]);
}

twins! {
    #[ignore = "needs pgbouncer: scripts/test starts one"]
    migrations:
    several_processes_may_migrate_at_once,
}

use self::fresh_url as fresh_options;

async fn store(url: String) -> PostgresStore {
    PostgresStore::connect(&url).await.unwrap()
}
