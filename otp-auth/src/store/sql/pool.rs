//! The connection pools of the databases that have a server.

use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::{Connection as _, Database};

use crate::store::DRIVER_TIMEOUT;

/// A connection that has been idle for longer than this is pinged.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(1);

/// The options of a pool that this crate opens.
///
/// By default, sqlx pings every connection before use, which doubles the round trips of most
/// operations. This pool pings only idle connections: it notices that a server is gone, and costs a
/// busy pool nothing.
pub(super) fn options<DB: Database>() -> PoolOptions<DB> {
    PoolOptions::new().acquire_timeout(DRIVER_TIMEOUT).test_before_acquire(false).before_acquire(
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

#[cfg(all(test, feature = "postgres"))]
mod tests {
    #[test]
    fn a_pool_gives_up_in_time_and_does_not_ping_every_connection() {
        let options = super::options::<sqlx::Postgres>();
        assert_eq!((options.get_acquire_timeout(), options.get_test_before_acquire()), (super::DRIVER_TIMEOUT, false));
    }
}
