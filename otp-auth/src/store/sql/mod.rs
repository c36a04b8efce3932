//! Stores in SQL databases: one file per backend, with its statements written
//! out in place. The order of a sign-in is the same for all (`sign_in.rs`).
//!
//! Where a `filter` says which rows are users, it stands in every statement on the user table
//! but the insert, and a new row is read back through it. If a unique index refuses the insert,
//! one statement without the filter tells whether an excluded row is in the way, on `SQLite` and
//! `PostgreSQL` also one that an index on `lower(…)` takes for the same. A new row is always read:
//! what `RETURNING` gives is not what a trigger has made of it.
//!
//! Some users' rows take no lock: those of a `PostgreSQL` view with `DISTINCT` or the like, and
//! those that the role, or a policy, lets only be read. Then the sign-in goes on without the lock, and reads the
//! user a second time after all that it writes; what is changed between that and its COMMIT is
//! missed. So is, on `MySQL`, a change below a view that the server has to materialise.
//!
//! On both, locks are taken in the order budget, challenge, user, session, blacklist; on `MySQL`
//! the counter of the realm comes before the blacklist, and is held until the transaction ends:
//! so numbers appear in the order in which they were given. `revocations` reads the last 256
//! again each time, because a crash can take back what was seen.

mod failure;
mod findings;
mod listed;
#[cfg(feature = "mysql")]
pub(crate) mod mysql;
mod own;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod pool;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod retry;
mod row;
pub(crate) mod shape;
mod sign_in;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod unique;
pub(crate) mod user;
mod user_store;
mod words;

use std::future::Future;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};

use crate::error::StoreError;
use crate::store::{CLOCK_MARGIN, Removed, StoreResult, Timestamp};

/// Where it is recorded which migrations were applied.
const MIGRATIONS: &str = "_otp_auth_migrations";

/// What the migrations are called there.
const NAMES: [&str; 2] = ["otp auth", "realms"];

/// Applies the files of `migrations` in order, over a connection that keeps
/// others from doing the same. One that has been released is never changed.
async fn migrate<C: Migrate + Send>(connection: &mut C, files: [&'static str; NAMES.len()]) -> Result<(), StoreError> {
    let named = (1..).zip(NAMES).zip(files);
    let migrations = named.map(|((version, name), statements)| {
        Migration::new(version, name.into(), MigrationType::Simple, statements.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(MIGRATIONS);
    // The migrator's own lock is one of the session, and the one that the
    // application's migrations take.
    migrator.set_locking(false);
    migrator.run_direct(None, connection, false).await.map_err(StoreError::new)
}

/// The statements that delete what has expired, one a table. Each takes its
/// times and a limit.
struct Expired {
    challenges: &'static str,
    budgets: (&'static str, Vec<Timestamp>),
    sessions: &'static str,
    blacklisted: &'static str,
}

impl Expired {
    /// Runs each of them, one short transaction a table, so that writers get in
    /// between.
    async fn delete<F>(
        self,
        now: Timestamp,
        delete: impl Fn(&'static str, Vec<Timestamp>) -> F + Send,
    ) -> StoreResult<Removed>
    where
        F: Future<Output = StoreResult<u64>> + Send,
    {
        Ok(Removed {
            challenges: delete(self.challenges, vec![now]).await?,
            budgets: delete(self.budgets.0, self.budgets.1).await?,
            sessions: delete(self.sessions, vec![now - CLOCK_MARGIN]).await?,
            blacklisted: delete(self.blacklisted, vec![now - CLOCK_MARGIN]).await?,
        })
    }
}
