//! The store for `PostgreSQL`. Every operation is one statement, or one short transaction that
//! locks rows in the order budget, challenge, user, session, blacklist. At READ COMMITTED, a
//! statement that waits for a row sees it as the other transaction left it, and checks its
//! condition again. All contracts rest on that.
//!
//! # Statement by statement
//!
//! Transactions begin with `BEGIN ISOLATION LEVEL READ COMMITTED`, whatever the server's default.
//! After a serialization failure or a deadlock (40001, 40P01) the operation is retried; it runs at
//! most eight times. If a caller goes away during `BEGIN`, sqlx would return the connection to the
//! pool with an open transaction, so a separate task waits for `BEGIN`.
//!
//! Behind a pooler in transaction mode, a prepared statement may belong to another client on the
//! next server connection. `postgres/pooler.rs` is the only way to the pool. It finds out once
//! whether the server itself responds (it knows a setting that was sent with the connection), or a
//! pooler that renames statements. If neither, each operation, even a single statement, is a
//! transaction that begins with `BEGIN …; DEALLOCATE ALL` as one simple query, and nothing is
//! cached beyond it. Unnamed statements would not work: sqlx looks up unknown types between Parse
//! and Bind, which destroys them. It is an error if the pooler rejects or drops the `options` of
//! the URL: without the schema in them, the tables would be created elsewhere.
//!
//! | operation | statements | why it is safe |
//! | --- | --- | --- |
//! | `open_challenge` | one; rejected: a second read, and a refund if only the total rejects | the upsert waits for the row of the budget and checks its condition on the row as it is then; the total pays only if the budget has |
//! | `refund_send`, `count_attempt`, `count_exhausted` | one | a conditional UPDATE, or an upsert; `RETURNING` returns the number |
//! | `advance` | one; the loser reads once more | compare-and-swap on the generation; the loser reads in a new snapshot |
//! | `revoke_session`, `revoke_user_sessions` | one, on both tables | both or neither; rows are locked in the order of their ids |
//! | `blacklist`, reads, `current_user`, `recover`, `bind_session` | one | the upsert keeps the later expiry |
//! | `sign_in`, known and verified | BEGIN, three, COMMIT | the row lock on the challenge lets one through; the user is read by id and address and locked, so whoever changes or deletes the row waits for the commit, and then finds the session |
//! | `sign_in`, new address | BEGIN, seven, COMMIT | the row of the identity's budget is locked first, so sign-ups of one address take turns; after a duplicate the whole transaction runs again |
//! | `revocations` | one; on another server two | each entry has the number of its transaction; the reader continues from the lowest number that was open, so a late commit is not missed |
//! | `cleanup` | one per table | rows are chosen with `FOR UPDATE SKIP LOCKED`, so processes share the work |
//!
//! Marking a user as verified adds two statements, a replaced session one. Migrations run in one
//! transaction under their own advisory lock.
//!
//! Text ids and addresses are sent without a type, so that the column decides how they are
//! compared: as `text`, a padded `CHAR(n)` would not equal what was read from it.

mod blacklist;
mod challenges;
pub(crate) mod check;
mod pooler;
mod sessions;
pub mod user;

use std::str::FromStr;
use std::sync::Arc;

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::OnceCell;

use self::pooler::Route;
use super::retry::retrying;
use super::{Expired, migrate, pool};
use crate::error::StoreError;
use crate::store::{Maintenance, Removed, StoreResult, Timestamp};

/// Stores everything in a `PostgreSQL` database, next to the application's tables, in the first
/// schema of the search path.
///
/// Acknowledged writes are durable if the server's `synchronous_commit` is on, the default.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    pool: PgPool,
    route: Arc<OnceCell<Route>>,
}

impl PostgresStore {
    /// Opens a pool on the database of a URL such as
    /// `postgres://user:password@host/database?sslmode=verify-full`. For a schema other than
    /// `public`, name it in the URL: `?options[search_path]=app`.
    ///
    /// Detects a pooler in transaction mode, such as `pgbouncer`. If it does not support
    /// prepared statements, every operation becomes a transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the URL is not valid or the server cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        // The connections opened below are the first that need it.
        crate::store::tls::install_provider();
        // By default, sqlx requests a number of digits that has been the default of `PostgreSQL`
        // since version 12 and that `pgbouncer` rejects.
        let mut options = PgConnectOptions::from_str(url)?.extra_float_digits(None::<i8>);
        let route = Route::find(&options).await?;
        if route == Route::Pooled {
            options = options.statement_cache_capacity(0);
        }
        let pool = pool::options().connect_with(options).await?;
        Ok(Self { route: Arc::new(OnceCell::new_with(Some(route))), ..Self::from_pool(pool) })
    }

    /// Uses the application's pool. Our calls time out after 5 seconds, so the pool's
    /// `acquire_timeout` should be shorter; sqlx's default is 30 seconds.
    ///
    /// The first use detects whether there is a pooler. It takes the options of the pool, and at
    /// most two connections outside it.
    #[must_use]
    pub fn from_pool(pool: PgPool) -> Self {
        crate::store::tls::install_provider();
        Self { pool, route: Arc::default() }
    }

    /// The pool, for the application's own queries.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Creates or updates our tables, in one transaction: all or nothing. Safe to call at every
    /// start, and in several processes at the same time. Applied migrations are recorded in
    /// `_otp_auth_migrations`; the application's own tables and migrations are not touched.
    ///
    /// The statements are also available as files, in `migrations/postgres` of this crate.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a statement fails, or a newer version of this crate has already migrated
    /// the database.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // Our lock ends with the transaction. A lock with two keys never conflicts with a lock with
        // one.
        let mut transaction = self.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock(1869901869, 1635087464)").execute(&mut *transaction).await?;
        let files = [
            include_str!("../../../migrations/postgres/0001_otp_auth.sql"),
            include_str!("../../../migrations/postgres/0002_realms.sql"),
        ];
        migrate(&mut *transaction, files).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Runs a statement that deletes at most `limit` rows by these times, and returns how many.
    async fn delete(&self, statement: &'static str, times: Vec<Timestamp>, limit: u32) -> StoreResult<u64> {
        let delete = || {
            let deletion = times.iter().fold(sqlx::query(statement), |query, time| query.bind(time.as_millis()));
            self.execute(deletion.bind(i64::from(limit)))
        };
        Ok(retrying(delete).await?.rows_affected())
    }
}

impl Maintenance for PostgresStore {
    const CANCEL_SAFE: bool = true;

    async fn cleanup(&self, now: Timestamp, limit: u32) -> StoreResult<Removed> {
        // Skips rows that another process is deleting, so that processes share the work. A row that
        // is in use stays until the next cleanup.
        let expired = Expired {
            challenges: "DELETE FROM otp_challenges WHERE ctid = ANY (ARRAY( \
                 SELECT ctid FROM otp_challenges WHERE expires_at <= $1 \
                 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
            budgets: "DELETE FROM otp_budgets WHERE ctid = ANY (ARRAY( \
                 SELECT ctid FROM otp_budgets WHERE (day_started_at <= $1 OR day_started_at > $2) \
                 AND (hour_started_at <= $3 OR hour_started_at > $4) AND (next_send_at <= $5 OR next_send_at > $6) \
                 AND (failures = 0 OR day_started_at <= $7) \
                 ORDER BY day_started_at LIMIT $8 FOR UPDATE SKIP LOCKED))",
            sessions: "DELETE FROM otp_sessions WHERE ctid = ANY (ARRAY( \
                 SELECT ctid FROM otp_sessions WHERE expires_at <= $1 \
                 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
            blacklisted: "DELETE FROM token_blacklist WHERE ctid = ANY (ARRAY( \
                 SELECT ctid FROM token_blacklist WHERE expires_at <= $1 \
                 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
        };
        expired.delete(now, |statement, times| self.delete(statement, times, limit)).await
    }
}
