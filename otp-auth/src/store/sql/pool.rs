//! The pools of the databases with a server.

use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::{Connection as _, Database};

/// How long a call waits for a connection. Below the limit of the caller, so
/// that the error says what happened.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);

/// A connection that rested longer than this is asked whether it still lives.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// The options of a pool that this crate opens.
///
/// sqlx would ask every connection whether it lives, which doubles the round
/// trips of most operations. Only one that has rested is asked: a server that
/// went away meanwhile is noticed, and a busy pool pays nothing.
pub(super) fn options<DB: Database>() -> PoolOptions<DB> {
    PoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT).test_before_acquire(false).before_acquire(
        |connection: &mut DB::Connection, about| {
            Box::pin(async move {
                if about.idle_for > CHECK_AFTER_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        },
    )
}
