//! Stores in SQL databases: one file per backend, with its statements written out in place. All
//! share one order of a sign-in (`sign_in.rs`).
//!
//! A `filter` that says which rows are users is part of every statement on the user table except
//! the insert, and a new row is read back through it. If a unique index rejects the insert, one
//! statement without the filter finds out whether an excluded row is in the way. On `SQLite` and
//! `PostgreSQL` that includes a row that an index on `lower(…)` considers equal. A new row is
//! always read, because `RETURNING` does not include what a trigger changed.
//!
//! Some rows of users cannot be locked: those of a `PostgreSQL` view with `DISTINCT` or the like,
//! and those that the role or a policy lets us only read. Then the sign-in proceeds without the
//! lock and reads the user a second time after all its writes; a change between that and the COMMIT
//! is missed. So is, on `MySQL`, a change below a view that the server must materialize.
//!
//! On `PostgreSQL` and `MySQL`, rows are locked in the order budget, challenge, total, user, session,
//! blacklist. On `MySQL` the counter of the realm comes before the blacklist and stays locked until
//! the transaction ends, so numbers become visible in the order in which they were assigned.
//! `revocations` always reads the last 256 again, because a crash can undo changes that were
//! already visible.

pub(crate) mod check;
mod failure;
#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod pool;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod retry;
mod row;
mod sign_in;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub(crate) mod user;
mod user_store;

use std::future::Future;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};

use crate::challenge::budget::FAILURES_KEPT;
use crate::error::StoreError;
use crate::store::{CLOCK_MARGIN, Removed, SendLimits, StoreResult, Timestamp};

/// The table that records which migrations were applied.
const MIGRATIONS: &str = "_otp_auth_migrations";

/// The versions and names in it, in order.
const VERSIONS: [(i64, &str); 2] = [(1, "otp auth"), (2, "realms")];

/// Applies the files of `migrations` in order, over a connection that locks out concurrent calls. A
/// released migration never changes.
async fn migrate<C: Migrate + Send>(
    connection: &mut C,
    files: [&'static str; VERSIONS.len()],
) -> Result<(), StoreError> {
    let migrations = VERSIONS.into_iter().zip(files).map(|((version, name), statements)| {
        Migration::new(version, name.into(), MigrationType::Simple, statements.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(MIGRATIONS);
    // The migrator's own lock belongs to the session, and the application's migrations use the same
    // one.
    migrator.set_locking(false);
    migrator.run_direct(None, connection, false).await.map_err(StoreError::new)
}

/// The statements that delete expired rows, one per table. Each has times and a limit as
/// parameters.
struct Expired {
    challenges: &'static str,
    /// Takes the times that bound the day, the hour and the cooldown of a budget that has no
    /// effect (`Budget::is_over`): each the last one in the past and the first one too far ahead.
    /// Then the last day whose failures are forgotten.
    budgets: &'static str,
    sessions: &'static str,
    blacklisted: &'static str,
}

impl Expired {
    /// Runs each statement in its own short transaction, so that other writers can run in between.
    async fn delete<F>(
        self,
        now: Timestamp,
        delete: impl Fn(&'static str, Vec<Timestamp>) -> F + Send,
    ) -> StoreResult<Removed>
    where
        F: Future<Output = StoreResult<u64>> + Send,
    {
        let latest = now + SendLimits::SKEW;
        let over = [
            now - SendLimits::DAY,
            latest,
            now - SendLimits::HOUR,
            latest,
            now,
            latest + SendLimits::LONGEST_COOLDOWN,
            now - FAILURES_KEPT,
        ];
        Ok(Removed {
            challenges: delete(self.challenges, vec![now]).await?,
            budgets: delete(self.budgets, over.to_vec()).await?,
            sessions: delete(self.sessions, vec![now - CLOCK_MARGIN]).await?,
            blacklisted: delete(self.blacklisted, vec![now - CLOCK_MARGIN]).await?,
        })
    }
}
