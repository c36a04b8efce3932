//! Stores in SQL databases: one file a backend, with its statements written
//! out in place.
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

/// A file of `migrations`, which `migrate` applies in order. One that has been
/// released is never changed.
fn migration(version: i64, name: &'static str, statements: &'static str) -> sqlx::migrate::Migration {
    use sqlx::SqlSafeStr;
    use sqlx::migrate::{Migration, MigrationType};
    Migration::new(version, name.into(), MigrationType::Simple, statements.into_sql_str(), false)
}
