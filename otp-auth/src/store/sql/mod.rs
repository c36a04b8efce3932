//! Stores in SQL databases: one file a backend, with its statements written
//! out in place.

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
pub(crate) mod shape;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod unique;

/// A file of `migrations`, which `migrate` applies in order. One that has been
/// released is never changed.
fn migration(version: i64, name: &'static str, statements: &'static str) -> sqlx::migrate::Migration {
    use sqlx::SqlSafeStr;
    use sqlx::migrate::{Migration, MigrationType};
    Migration::new(version, name.into(), MigrationType::Simple, statements.into_sql_str(), false)
}
