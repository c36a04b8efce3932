//! `MySQL` and `MariaDB`. An operation is one statement with its condition in
//! it, or one short transaction that locks rows in one order: budget,
//! challenge, user, session, realm, blacklist. Where a rule is kept in Rust, a row
//! lock keeps everybody else out until the transaction ends.
//!
//! Transactions run at READ COMMITTED. At REPEATABLE READ, the default, the
//! gaps between rows are locked as well, and two first sign-ins would wait
//! for each other in a circle.
//!
//! A call must run to its end: when its caller goes away while a statement is
//! prepared, sqlx loses count of the server's answers, and waits for ever for
//! one that never comes.
//!
//! # Statement by statement
//!
//! Transactions run at READ COMMITTED: at the default, REPEATABLE READ, gap locks between
//! strangers cause deadlocks. Deadlocks and lock timeouts (1213, 1205, 1020) are tried
//! again, eight times at most. sqlx waits for ever when a caller goes away while a statement
//! is prepared, so every operation runs to its end in a task (`Detached` in `store/erased.rs`); a
//! sign-in that nobody waits for any more may still happen, whole.
//!
//! | operation | statements | why it is safe |
//! | --- | --- | --- |
//! | `open_challenge` | BEGIN, four, COMMIT; resumed three; refused two | `ON DUPLICATE KEY UPDATE` takes the write lock at once; then `Budget::spend` decides |
//! | `count_attempt`, `count_exhausted` | two; one | `LAST_INSERT_ID(…)` hands back the number of this attempt |
//! | `refund_send` | one | a conditional UPDATE |
//! | `advance` | two | a conditional UPDATE, then a read |
//! | `revoke_session`, `revoke_user_sessions` | BEGIN, three or four, COMMIT | both tables in one transaction; the sessions that the first statement has locked are named to the others; a repetition changes a row as well, because `InnoDB` shows a commit before it is durable, and a transaction that changed nothing would not wait for that |
//! | `blacklist` | BEGIN, two, COMMIT | the number of the change, then the entry |
//! | reads, `current_user`, `recover`, `bind_session` | one | ids and addresses are compared exactly, whatever the collation |
//! | `sign_in`, known and verified | BEGIN, three, COMMIT | as on `PostgreSQL` |
//! | `sign_in`, new address | BEGIN, seven, COMMIT | as on `PostgreSQL` |
//! | `cleanup` | BEGIN, one, COMMIT a table | `DELETE … ORDER BY … LIMIT` |

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
use crate::store::{Maintenance, Removed, SendLimits, StoreResult, Timestamp};

/// Keeps everything in a `MySQL` or `MariaDB` database, beside the
/// application's tables.
///
/// Durable as far as the server's `innodb_flush_log_at_trx_commit` is 1, its
/// default. The binary log, if there is one, must not have the format
/// `STATEMENT`.
///
/// A call must not be dropped: its connection would be lost. [`OtpAuth`](crate::OtpAuth)
/// sees to that; whoever calls the store directly needs
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
    /// [`StoreError`] when the URL cannot be read or the server not be
    /// reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        // The connections that come now are the first that need it.
        crate::store::tls::install_provider();
        let options = MySqlConnectOptions::from_str(url)?;
        // A statement that stands alone must not wait for a COMMIT, whatever
        // the default of the server is.
        let pool = pool::options().after_connect(|connection: &mut MySqlConnection, _| {
            Box::pin(async move { connection.execute("SET autocommit = TRUE").await.map(drop) })
        });
        Ok(Self::from_pool(pool.connect_with(options).await?))
    }

    /// Uses a pool of the application. A call of ours is given up after 5
    /// seconds, so the pool's `acquire_timeout` should be below that; sqlx
    /// sets 30. Its connections must be in autocommit mode, as they are unless
    /// somebody has changed that.
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

    /// Creates our tables, or brings them up to date. Safe to call at every
    /// start and in several processes at once; what an earlier call left half
    /// done is done again. What was applied is recorded in a table of its
    /// own, `_otp_auth_migrations`; the application's tables and migrations
    /// are not touched.
    ///
    /// The statements are also files, in `migrations/mysql` of this crate.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a statement fails, another process migrates for
    /// longer than a minute, or a newer version of this crate has migrated
    /// the database before.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // A lock for DDL can only be one of the session. So the session is
        // one of its own that ends here, however this ends.
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
        // Nobody migrates now, so this was left by somebody who was stopped
        // in the middle. The statements may be run again.
        sqlx::query("DELETE FROM _otp_auth_migrations WHERE success = FALSE").execute(&mut connection).await?;
        let files = [
            include_str!("../../../migrations/mysql/0001_otp_auth.sql"),
            include_str!("../../../migrations/mysql/0002_realms.sql"),
        ];
        migrate(&mut connection, files).await?;
        connection.close().await?;
        Ok(())
    }

    /// Begins a transaction at READ COMMITTED, in one round trip. Whoever did not wait for
    /// the answer would leave a transaction that sqlx does not know of.
    async fn begin(&self) -> Result<Transaction<'static, MySql>, sqlx::Error> {
        self.pool.begin_with("SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION").await
    }

    /// Runs one statement that reads.
    async fn fetch_optional(
        &self,
        statement: Query<'_, MySql, MySqlArguments>,
    ) -> Result<Option<MySqlRow>, sqlx::Error> {
        statement.fetch_optional(&self.pool).await
    }

    /// Runs a statement that deletes at most `limit` rows by these times; how
    /// many it was.
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
        // One short transaction a table. Another process that cleans up waits
        // for it, and then goes on with the rows after these.
        let expired = Expired {
            challenges: "DELETE FROM otp_challenges WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
            budgets: (
                "DELETE FROM otp_budgets WHERE (day_started_at <= ? OR day_started_at > ?) \
                 AND (hour_started_at <= ? OR hour_started_at > ?) AND (next_send_at <= ? OR next_send_at > ?) \
                 ORDER BY day_started_at LIMIT ?",
                vec![
                    now - SendLimits::DAY,
                    now + SendLimits::SKEW,
                    now - SendLimits::HOUR,
                    now + SendLimits::SKEW,
                    now,
                    now + SendLimits::LONGEST_COOLDOWN + SendLimits::SKEW,
                ],
            ),
            sessions: "DELETE FROM otp_sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
            blacklisted: "DELETE FROM token_blacklist WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
        };
        expired.delete(now, |statement, times| self.delete(statement, times, limit)).await
    }
}
