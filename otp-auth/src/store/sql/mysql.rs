//! The store for `MySQL` and `MariaDB`. An operation is one statement with its condition in it, or
//! one short transaction that locks rows in the order budget, challenge, user, session, realm,
//! blacklist. Where Rust code checks a rule, a row lock keeps everyone else out until the
//! transaction ends.
//!
//! # Statement by statement
//!
//! Transactions run at READ COMMITTED. REPEATABLE READ, the default, also locks the gaps between
//! rows, so unrelated first sign-ins would deadlock. After a deadlock, a lock timeout or a changed
//! record (1213, 1205, 1020) the operation is retried; it runs at most eight times. If a caller
//! goes away while a statement is being prepared, sqlx loses count of the server's responses and
//! waits forever for one that never comes. So every operation runs to completion in a task
//! (`Detached` in `store/erased.rs`); a sign-in whose caller is gone may still happen, completely.
//!
//! | operation | statements | why it is safe |
//! | --- | --- | --- |
//! | `open_challenge` | BEGIN, four, COMMIT; for a stranger six, because there is a total; resumed one less; rejected without the updates | `ON DUPLICATE KEY UPDATE` takes the write lock immediately, of the budget before the total; then `OpenChallenge::spend` decides |
//! | `count_attempt`, `count_exhausted` | two; one | `LAST_INSERT_ID(…)` returns the number of this attempt |
//! | `refund_send` | BEGIN, one or, with a total, two, COMMIT | a conditional UPDATE; the total follows only if it changed a row |
//! | `advance` | two | a conditional UPDATE, then a read |
//! | `revoke_session`, `revoke_user_sessions` | BEGIN, three or four, COMMIT | both tables in one transaction; the other statements name the sessions that the first one locked; a repetition changes a row too, because `InnoDB` shows a commit before it is durable, and a transaction without changes would not wait for that |
//! | `blacklist` | BEGIN, two, COMMIT | the number of the change, then the entry |
//! | reads, `current_user`, `recover`, `bind_session` | one | ids and addresses are compared exactly, whatever the collation |
//! | `sign_in`, known and verified | BEGIN, three, COMMIT | as on `PostgreSQL` |
//! | `sign_in`, new address | BEGIN, seven, COMMIT | as on `PostgreSQL` |
//! | `cleanup` | BEGIN, one, COMMIT per table | `DELETE … ORDER BY … LIMIT` |

mod blacklist;
mod challenges;
pub(crate) mod check;
mod sessions;
pub mod user;

use std::str::FromStr;

use sqlx::migrate::Migrate as _;
use sqlx::mysql::{MySql, MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlRow};
use sqlx::query::Query;
use sqlx::{Connection, Executor, MySqlPool, Transaction};

use super::retry::retrying;
use super::{Expired, MIGRATIONS, migrate, pool};
use crate::error::StoreError;
use crate::store::{Maintenance, Removed, StoreResult, Timestamp};

/// Stores everything in a `MySQL` or `MariaDB` database, next to the application's tables.
///
/// Acknowledged writes are durable if the server's `innodb_flush_log_at_trx_commit` is 1, the
/// default. If there is a binary log, its format must not be `STATEMENT`.
///
/// Do not drop a call before it has completed, because its connection would be lost.
/// [`OtpAuth`](crate::OtpAuth) takes care of that; if you call the store directly, use
/// [`Detached`](crate::store::Detached).
#[derive(Debug, Clone)]
pub struct MySqlStore {
    pool: MySqlPool,
}

impl MySqlStore {
    /// Opens a pool on the database of a URL such as
    /// `mysql://user:password@host/database?ssl-mode=VERIFY_IDENTITY`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the URL is not valid or the server cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        // The connections opened below are the first that need it.
        crate::store::tls::install_provider();
        let options = MySqlConnectOptions::from_str(url)?;
        // A single statement must not need a COMMIT, whatever the server's default.
        let pool = pool::options().after_connect(|connection: &mut MySqlConnection, _| {
            Box::pin(async move { connection.execute("SET autocommit = TRUE").await.map(drop) })
        });
        Ok(Self::from_pool(pool.connect_with(options).await?))
    }

    /// Uses the application's pool. Our calls time out after 5 seconds, so the pool's
    /// `acquire_timeout` should be shorter; sqlx's default is 30 seconds. Its connections must be
    /// in autocommit mode, which is the default.
    #[must_use]
    pub fn from_pool(pool: MySqlPool) -> Self {
        crate::store::tls::install_provider();
        Self { pool }
    }

    /// The pool, for the application's own queries.
    #[must_use]
    pub fn pool(&self) -> &MySqlPool {
        &self.pool
    }

    /// Creates or updates our tables. Safe to call at every start, and in several processes at the
    /// same time. What an earlier call left half done is done again. Applied migrations are
    /// recorded in `_otp_auth_migrations`; the application's own tables and migrations are not
    /// touched.
    ///
    /// The statements are also available as files, in `migrations/mysql` of this crate.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a statement fails, another process migrates for longer than a minute, or a
    /// newer version of this crate has already migrated the database.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // A lock for DDL must belong to a session, so this uses a separate connection, which is
        // closed in any case.
        let mut connection = self.pool.acquire().await?.detach();
        let locked: Option<i64> = sqlx::query_scalar(
            "SELECT IF(DATABASE() IS NULL, NULL, GET_LOCK(CONCAT('otp-auth:', LEFT(SHA2(DATABASE(), 256), 40)), 60))",
        )
        .fetch_one(&mut connection)
        .await?;
        if locked != Some(1) {
            return Err(StoreError::new("another process is migrating, or the URL names no database"));
        }
        connection.ensure_migrations_table(MIGRATIONS).await.map_err(StoreError::new)?;
        // No one else migrates now, so this is left over from a migration that was interrupted. The
        // statements can run again.
        sqlx::query("DELETE FROM _otp_auth_migrations WHERE success = FALSE").execute(&mut connection).await?;
        let files = [
            include_str!("../../../migrations/mysql/0001_otp_auth.sql"),
            include_str!("../../../migrations/mysql/0002_realms.sql"),
        ];
        migrate(&mut connection, files).await?;
        connection.close().await?;
        Ok(())
    }

    /// Begins a transaction at READ COMMITTED, in one round trip. Without waiting for the response,
    /// sqlx would not know about the transaction.
    async fn begin(&self) -> Result<Transaction<'static, MySql>, sqlx::Error> {
        self.pool.begin_with("SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION").await
    }

    async fn fetch_optional(
        &self,
        statement: Query<'_, MySql, MySqlArguments>,
    ) -> Result<Option<MySqlRow>, sqlx::Error> {
        statement.fetch_optional(&self.pool).await
    }

    /// Runs a statement that deletes at most `limit` rows by these times, and returns how many.
    async fn delete(&self, statement: &'static str, times: Vec<Timestamp>, limit: u32) -> StoreResult<u64> {
        let delete = || async {
            let mut transaction = self.begin().await?;
            let deletion = times.iter().fold(sqlx::query(statement), |query, time| query.bind(time.as_millis()));
            let deleted = deletion.bind(limit).execute(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(deleted.rows_affected())
        };
        retrying(delete).await
    }
}

impl Maintenance for MySqlStore {
    async fn cleanup(&self, now: Timestamp, limit: u32) -> StoreResult<Removed> {
        // One short transaction per table. Another process that cleans up waits for it, and then
        // continues with the next rows.
        let expired = Expired {
            challenges: "DELETE FROM otp_challenges WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
            budgets: "DELETE FROM otp_budgets WHERE (day_started_at <= ? OR day_started_at > ?) \
                 AND (hour_started_at <= ? OR hour_started_at > ?) AND (next_send_at <= ? OR next_send_at > ?) \
                 AND (failures = 0 OR day_started_at <= ?) \
                 ORDER BY day_started_at LIMIT ?",
            sessions: "DELETE FROM otp_sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
            blacklisted: "DELETE FROM token_blacklist WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
        };
        expired.delete(now, |statement, times| self.delete(statement, times, limit)).await
    }
}
