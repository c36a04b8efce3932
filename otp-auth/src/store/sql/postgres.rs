//! `PostgreSQL`. Every operation is one statement, or one short transaction
//! that locks rows in one order: budget, challenge, user, session, blacklist.
//! At READ COMMITTED a statement that waits for a row sees it as the other
//! one left it, and checks its condition again; each contract rests on that.
//!
//! # Statement by statement
//!
//! Transactions say `BEGIN ISOLATION LEVEL READ COMMITTED`, whatever the default of the
//! server is. A serialization failure or a deadlock (40001, 40P01) is tried again, eight
//! times at most. sqlx would give a connection back with an open transaction when a caller
//! goes away during `BEGIN`, so `BEGIN` is waited for in a task of its own.
//!
//! Behind a pooler in transaction mode a prepared statement may be another client's on the
//! next server connection. `postgres/pooler.rs` is the only way to the pool. It finds out
//! once whether the server itself answers (a setting that came with the connection is known
//! there), or a pooler that renames statements. If neither, each operation, a single statement
//! too, is a transaction that begins with `BEGIN …; DEALLOCATE ALL`, one simple query, and
//! nothing is cached beyond it. Unnamed statements would not do: sqlx looks up unknown types
//! between Parse and Bind, which destroys them. `options` of the URL that the pooler refuses
//! or drops are an error: without the schema in them the tables would be made elsewhere.
//!
//! | operation | statements | why it is safe |
//! | --- | --- | --- |
//! | `open_challenge` | one; refused: a second read | the upsert waits for the row of the budget and checks its condition on the row as it is then |
//! | `refund_send`, `count_attempt`, `count_exhausted` | one | a conditional UPDATE, or an upsert; `RETURNING` gives the number |
//! | `advance` | one; the loser reads once more | compare-and-swap on the generation; the loser reads in a new snapshot |
//! | `revoke_session`, `revoke_user_sessions` | one, on both tables | both or neither; rows are locked in the order of their ids |
//! | `blacklist`, reads, `current_user`, `recover`, `bind_session` | one | the upsert keeps the later end |
//! | `sign_in`, known and verified | BEGIN, three, COMMIT | the row lock on the challenge lets one through; the user is read by id and address and locked, so whoever changes or removes the row waits for the commit, and then finds the session |
//! | `sign_in`, new address | BEGIN, seven, COMMIT | the row of the identity's budget is locked first, so sign-ups of one address take turns; on a duplicate the whole transaction runs again |
//! | `revocations` | one; on another server two | each entry has the number of its transaction; the reader goes on from the lowest number that was open, so a late commit is not missed |
//! | `cleanup` | one a table | rows are chosen with `FOR UPDATE SKIP LOCKED`, so processes share the work |
//!
//! Marking a user as verified adds two statements, a replaced session one. Migrations run in
//! one transaction under an advisory lock of their own.
//!
//! Ids and addresses that are text are sent without a type, so that the column decides how
//! they are compared: as `text`, a padded `CHAR(n)` would not equal what was read from it.

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

/// Keeps everything in a `PostgreSQL` database, beside the application's
/// tables, in the first schema of the search path.
///
/// Durable as far as the server's `synchronous_commit` is on, its default.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    pool: PgPool,
    route: Arc<OnceCell<Route>>,
}

impl PostgresStore {
    /// Opens a pool on the database of a URL such as
    /// `postgres://user:password@host/database?sslmode=verify-full`. Another
    /// schema than `public` is named in the URL:
    /// `?options[search_path]=app`.
    ///
    /// A pooler in transaction mode, such as `pgbouncer`, is noticed, and
    /// every operation is then a transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the URL cannot be read or the server not be
    /// reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        // The connections that come now are the first that need it.
        crate::store::tls::install_provider();
        // sqlx would ask for a number of digits that `PostgreSQL` has as its
        // default since version 12, and that `pgbouncer` refuses.
        let mut options = PgConnectOptions::from_str(url)?.extra_float_digits(None::<i8>);
        let route = Route::find(&options).await?;
        if route == Route::Pooled {
            options = options.statement_cache_capacity(0);
        }
        let pool = pool::options().connect_with(options).await?;
        Ok(Self { route: Arc::new(OnceCell::new_with(Some(route))), ..Self::from_pool(pool) })
    }

    /// Uses a pool of the application. A call of ours is given up after 5
    /// seconds, so the pool's `acquire_timeout` should be below that; sqlx
    /// sets 30.
    ///
    /// Whether a pooler is in between is found out at the first use, with the
    /// options of the pool and two connections beside it at most.
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

    /// Creates our tables, or brings them up to date. Safe to call at every
    /// start and in several processes at once. What was applied is recorded
    /// in a table of its own, `_otp_auth_migrations`; the application's
    /// tables and migrations are not touched. All or nothing: it is one
    /// transaction.
    ///
    /// The statements are also files, in `migrations/postgres` of this crate.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a statement fails, or a newer version of this crate
    /// has migrated the database before.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // Our lock ends with the transaction, and a pair of keys never meets a
        // single one.
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

    /// Runs a statement that deletes at most `limit` rows by these times; how
    /// many it was.
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
        // Rows that another process deletes at the moment are passed over, so
        // several share the work. A row that is in use is left for next time.
        let expired = Expired {
            challenges: "DELETE FROM otp_challenges WHERE ctid = ANY (ARRAY( \
                 SELECT ctid FROM otp_challenges WHERE expires_at <= $1 \
                 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
            budgets: (
                "DELETE FROM otp_budgets WHERE ctid = ANY (ARRAY( \
                 SELECT ctid FROM otp_budgets WHERE (day_started_at <= $1 - 86400000 OR day_started_at > $1 + 60000) \
                 AND (hour_started_at <= $1 - 3600000 OR hour_started_at > $1 + 60000) \
                 AND (next_send_at <= $1 OR next_send_at > $1 + 86460000) \
                 ORDER BY day_started_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
                vec![now],
            ),
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
