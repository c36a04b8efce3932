//! Operations that are not cut off when their caller goes away.

use std::future::Future;
use std::time::Duration;

use tracing::Instrument;

use super::{StoreError, StoreResult};

/// A server that has not answered for so long is not the one that was asked:
/// its host is gone, and what waits for it would wait for ever. Longer than
/// `MySQL` lets a statement wait for a lock.
const GONE: Duration = Duration::from_mins(1);

/// Runs an operation to its end, whether or not its caller waits for that.
///
/// Two drivers lose their connections when they are cut off:
///
/// - When a caller goes away while a statement is prepared, sqlx loses count
///   of the answers of a `MySQL` server, and waits for ever for one that never
///   comes.
/// - When a caller goes away while it waits for a connection, the pool of
///   `MongoDB`'s driver keeps its place in the queue, and serves those that
///   are gone one every half second before all others.
///
/// A task of its own is not dropped.
pub(super) async fn to_the_end<T: Send + 'static>(
    operation: impl Future<Output = StoreResult<T>> + Send + 'static,
) -> StoreResult<T> {
    // What the driver says of slow statements belongs to the request.
    match tokio::spawn(tokio::time::timeout(GONE, operation.in_current_span())).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(StoreError::timeout()),
        Err(_) => Err(StoreError::new("the operation was cut off")),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn an_operation_goes_on_when_its_caller_has_gone() {
        let (begun, go_on, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let operation = {
            let (begun, go_on, done) = (Arc::clone(&begun), Arc::clone(&go_on), Arc::clone(&done));
            async move {
                begun.notify_one();
                go_on.notified().await;
                done.notify_one();
                Ok(())
            }
        };
        tokio::select! {
            biased;
            _ = to_the_end(operation) => unreachable!("it waits"),
            () = begun.notified() => {}
        }
        go_on.notify_one();
        done.notified().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_gone_is_not_waited_for() {
        let begun = tokio::time::Instant::now();
        let result = to_the_end(pending::<StoreResult<()>>()).await;
        assert!(result.is_err_and(|error| error.is_timeout()));
        assert_eq!(begun.elapsed(), GONE);
    }
}
