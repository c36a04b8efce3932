//! The store for `SQLite`.
//!
//! # Statement by statement
//!
//! `SQLite` has one writer at a time. Each operation that writes is either one statement, or a
//! transaction that takes the write lock at its start (`BEGIN IMMEDIATE`), so what it reads cannot
//! change before it writes. The contracts rest on this serialization. The writers of one process
//! also take turns in memory, so that they do not hold connections while they wait. `connect` sets
//! WAL mode and `synchronous = FULL`, so acknowledged writes survive a power loss.
//!
//! | operation | statements | why it is safe |
//! | --- | --- | --- |
//! | `open_challenge` | transaction: INSERT a first budget, a first total and a challenge; if one of the two exists, or something is to be resumed, SELECT them; upsert of both, and INSERT of a challenge unless one is resumed | `Budget::spend` and `Total::spend` decide under the lock |
//! | `refund_send` | transaction: UPDATE of the budget, and of the total if that changed a row | its condition identifies the send, so a later one is not affected |
//! | `count_exhausted` | one upsert … RETURNING | its row is in the table of the budgets |
//! | `count_attempt` | one UPDATE … RETURNING | no two callers get the same number; all rows are read, because the statement commits only then |
//! | `user_by_email`, `user_by_id`, `session`, `user_sessions` | one SELECT | read only |
//! | `sign_in` | transaction: UPDATE challenge; SELECT user by address; INSERT user if there is none, and SELECT it; UPDATE user if not verified; on creation or first proof UPDATE sessions and upsert blacklist; for a replaced session UPDATE and upsert blacklist; INSERT session | the UPDATE requires the MAC, the identity, the expiry and that the code is unused; if it changes no row, or the user has changed, everything is rolled back |
//! | `current_user` | one SELECT with the blacklist in its condition | one snapshot |
//! | `advance` | one UPDATE … RETURNING, and a SELECT if it changed no row | compare-and-swap on the generation |
//! | `revoke_session` | transaction: UPDATE, upsert blacklist | both or neither |
//! | `revoke_user_sessions` | transaction: UPDATE … RETURNING, an upsert into the blacklist for each | the same rows, under the lock |
//! | `blacklist` | transaction: replace | an entry is never shortened |
//! | `recover`, `bind_session` | one UPDATE … RETURNING | compare-and-swap; a condition |
//! | `revocations` | two SELECTs | numbers come from one sequence, under the write lock: whoever has seen one has seen all before it. The sequence goes back only if the whole file does, and then every unexpired entry is returned, unless as many changes as were lost have been made since |
//! | `cleanup` | one DELETE per table, at most 500 rows each | only what has expired |
//!
//! So a sign-in of an existing, verified user costs three statements to request the code, one to
//! count the attempt, one to find the user, and three to sign in. A refresh costs three.

mod blacklist;
mod challenges;
pub(crate) mod check;
mod sessions;
pub mod user;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::query::Query;
use sqlx::sqlite::{
    Sqlite, SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{SqlitePool, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::super::{DRIVER_TIMEOUT, Maintenance, Removed, StoreResult, Timestamp};
use super::{Expired, migrate};
use crate::error::StoreError;

/// Stores everything in an `SQLite` database, next to the application's tables.
///
/// With `synchronous = FULL`, which [`connect`](Self::connect) sets, acknowledged writes survive a
/// power loss.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pool: SqlitePool,
    /// The writers of this process take turns here, in order. Otherwise they would poll for the
    /// lock of the database, each holding a connection that readers need.
    turn: Arc<Mutex<()>>,
}

impl SqliteStore {
    /// Opens the database of a URL such as `sqlite:app.db?mode=rwc`, in WAL mode and with a busy
    /// timeout. An in-memory database (`sqlite::memory:`) has a single connection, which stays
    /// open.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the URL is not valid or the file cannot be opened.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let in_memory = url.contains(":memory:") || url.contains("mode=memory");
        let options = SqliteConnectOptions::from_str(url)?
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(DRIVER_TIMEOUT)
            .optimize_on_close(true, None);
        let pool = SqlitePoolOptions::new().acquire_timeout(DRIVER_TIMEOUT).test_before_acquire(false);
        let pool = if in_memory {
            pool.min_connections(1).max_connections(1).idle_timeout(None).max_lifetime(None)
        } else {
            pool
        };
        // When two processes start at the same time, switching a new file to WAL mode takes a lock
        // that `SQLite` does not wait for, whatever the busy timeout.
        let mut attempts = 0..200;
        loop {
            match pool.clone().connect_with(options.clone()).await {
                Ok(pool) => return Ok(Self::from_pool(pool)),
                Err(error) if is_busy(&error) && attempts.next().is_some() => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Uses the application's pool. It should have a busy timeout (sqlx's default is 5 seconds),
    /// and WAL mode, so that readers do not wait for writers.
    #[must_use]
    pub fn from_pool(pool: SqlitePool) -> Self {
        Self { pool, turn: Arc::default() }
    }

    /// The pool, for the application's own queries.
    #[must_use]
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Creates or updates our tables. Safe to call at every start, and in several processes at the
    /// same time. Applied migrations are recorded in `_otp_auth_migrations`; the application's own
    /// tables and migrations are not touched.
    ///
    /// The statements are also available as files, in `migrations/sqlite` of this crate.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a statement fails, or a newer version of this crate has already migrated
    /// the database.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // In a transaction that holds the write lock, so a second process waits and then has
        // nothing to do.
        let (_turn, mut transaction) = self.begin().await?;
        let files = [
            include_str!("../../../migrations/sqlite/0001_otp_auth.sql"),
            include_str!("../../../migrations/sqlite/0002_realms.sql"),
        ];
        migrate(&mut *transaction, files).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Begins a transaction that may write, and returns it with its turn, which must outlive it. It
    /// takes the lock now: a transaction that reads first and writes later would fail if another
    /// one wrote in between. A dropped transaction is rolled back too, but only after the next
    /// writer has got its turn.
    async fn begin(&self) -> Result<(OwnedMutexGuard<()>, Transaction<'static, Sqlite>), sqlx::Error> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        Ok((turn, self.pool.begin_with("BEGIN IMMEDIATE").await?))
    }

    async fn fetch_optional(
        &self,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Option<SqliteRow>, sqlx::Error> {
        statement.fetch_optional(&self.pool).await
    }

    /// Runs one statement that writes, and returns its first row.
    ///
    /// Reads all rows, because the statement commits only when it has run to completion: the first
    /// row alone proves nothing.
    async fn write(&self, statement: Query<'_, Sqlite, SqliteArguments>) -> Result<Option<SqliteRow>, sqlx::Error> {
        let _turn = self.turn.lock().await;
        Ok(statement.fetch_all(&self.pool).await?.into_iter().next())
    }

    /// Runs a statement that deletes at most `limit` rows by these times, and returns how many.
    async fn delete(&self, statement: &'static str, times: Vec<Timestamp>, limit: u32) -> StoreResult<u64> {
        let _turn = self.turn.lock().await;
        let deletion = times.iter().fold(sqlx::query(statement), |query, time| query.bind(time.as_millis()));
        Ok(deletion.bind(limit).execute(&self.pool).await?.rows_affected())
    }
}

/// Whether another connection holds a lock (`SQLITE_BUSY`, with any extended code).
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

impl Maintenance for SqliteStore {
    const CANCEL_SAFE: bool = true;

    async fn cleanup(&self, now: Timestamp, limit: u32) -> StoreResult<Removed> {
        let expired = Expired {
            challenges: "DELETE FROM otp_challenges WHERE (realm, key) IN \
                 (SELECT realm, key FROM otp_challenges WHERE expires_at <= ?1 LIMIT ?2)",
            // A compound SELECT directly after IN would make SQLite read the whole table.
            budgets: "DELETE FROM otp_budgets WHERE (realm, identity, requester) IN (SELECT realm, identity, requester FROM \
                 (SELECT realm, identity, requester FROM otp_budgets WHERE day_started_at <= ?1 \
                  AND (hour_started_at <= ?3 OR hour_started_at > ?4) AND (next_send_at <= ?5 OR next_send_at > ?6) \
                  AND (failures = 0 OR day_started_at <= ?7) \
                  UNION ALL \
                  SELECT realm, identity, requester FROM otp_budgets WHERE day_started_at > ?2 AND failures = 0 \
                  AND (hour_started_at <= ?3 OR hour_started_at > ?4) AND (next_send_at <= ?5 OR next_send_at > ?6) \
                  LIMIT ?8))",
            sessions: "DELETE FROM otp_sessions WHERE (realm, id) IN \
                 (SELECT realm, id FROM otp_sessions WHERE expires_at <= ?1 LIMIT ?2)",
            blacklisted: "DELETE FROM token_blacklist WHERE changed IN \
                 (SELECT changed FROM token_blacklist WHERE expires_at <= ?1 LIMIT ?2)",
        };
        expired.delete(now, |statement, times| self.delete(statement, times, limit)).await
    }
}
