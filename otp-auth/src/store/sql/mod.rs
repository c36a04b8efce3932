//! Stores in SQL databases: one file a backend, with its statements written
//! out in place.

pub(crate) mod sqlite;

use crate::error::StoreError;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::new(error)
    }
}
