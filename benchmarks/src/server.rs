//! What the servers of both sides have in common: the runtime, the database,
//! and where the codes go.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use serde::Serialize;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::net::TcpListener;

use crate::{Result, Side, byhand, core, ours};

/// Users who are in the table at the start: `user1@example.com` and so on.
pub(crate) const USERS: u64 = 100_000;

/// File with the secret, beside the database.
pub(crate) const SECRET: &str = "secret";

/// Every statement of otp-auth's own tables; the hand-written side has the
/// same tables and indexes.
pub(crate) const TABLES: [&str; 2] = [
    include_str!("../../otp-auth/migrations/sqlite/0001_otp_auth.sql"),
    include_str!("../../otp-auth/migrations/sqlite/0002_realms.sql"),
];

const USER_TABLE: &str = "CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email TEXT NOT NULL UNIQUE,
    is_verified BOOLEAN NOT NULL DEFAULT FALSE,
    username TEXT
)";

const FILL_USERS: &str = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1) \
    INSERT INTO users (email, is_verified, username) SELECT 'user' || n || '@example.com', TRUE, 'user' || n FROM numbers";

const FILL_BLACKLIST: &str = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000) \
    INSERT INTO token_blacklist (realm, id, type, blacklisted_at, expires_at) \
    SELECT 'users', randomblob(16), 'session', 0, 9000000000000 FROM numbers";

/// A user of the application, on both sides.
#[derive(Clone, Serialize, sqlx::FromRow, otp_auth::OtpUser)]
#[otp_user(table = "users", stores(sqlite))]
pub(crate) struct User {
    #[otp(id)]
    pub(crate) id: i64,
    #[otp(email)]
    pub(crate) email: String,
    #[otp(verified)]
    pub(crate) is_verified: bool,
    #[otp(claim)]
    pub(crate) username: Option<String>,
}

/// Serves one side until standard input ends, which it does with the
/// benchmark. The first line of the output is the port; all others are codes.
pub(crate) fn run(side: Side, directory: &Path, cpu: Option<usize>) -> Result<()> {
    if let Some(cpu) = cpu {
        core::pin(cpu)?;
    }
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let pool = pool(directory).await?;
        sqlx::raw_sql(USER_TABLE).execute(&pool).await?;
        let secret = std::fs::read(directory.join(SECRET))?;
        let app: Router = match side {
            Side::ByHand => byhand::app(pool.clone(), &secret).await?,
            _ => ours::app(side, pool.clone(), secret).await?,
        };
        sqlx::query(FILL_USERS).bind(i64::try_from(USERS)?).execute(&pool).await?;
        sqlx::query(FILL_BLACKLIST).execute(&pool).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
        Ok(())
    })
}

/// Like the pool of `SqliteStore::connect`.
async fn pool(directory: &Path) -> Result<SqlitePool> {
    let busy = Duration::from_secs(4);
    let options = SqliteConnectOptions::new()
        .filename(directory.join("app.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(busy);
    Ok(SqlitePoolOptions::new().acquire_timeout(busy).test_before_acquire(false).connect_with(options).await?)
}

/// Stands for the mail: hands the code to the client, through the pipe that
/// the standard output is.
pub(crate) fn send(address: &str, code: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{address} {code}")
}
