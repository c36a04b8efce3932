//! Turns at a store: how many calls run at the same time, and how many wait for how long. Whatever
//! exceeds that fails at once, without having done anything.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::{ANSWER_TIMEOUT, StoreError, StoreResult};

/// How long a call waits for its turn: short enough that a call with a turn is answered in time.
/// Under more load than the store can handle, some calls fail instead of all being late.
const TURN_TIMEOUT: Duration = Duration::from_secs(3);

/// The turns of one kind of call.
pub(super) struct Turns {
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

/// One turn. Dropping it lets the next call run.
pub(crate) struct Turn {
    /// When its caller stops waiting.
    pub(super) until: Instant,
    _running: OwnedSemaphorePermit,
}

impl Turns {
    /// At most this many calls run, and this many wait.
    pub(super) fn new(running: usize, waiting: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(running)), waiting: Semaphore::new(waiting) }
    }

    /// Turns are taken in order. A caller who goes away while waiting leaves nothing behind.
    pub(super) async fn take(&self) -> StoreResult<Turn> {
        let until = Instant::now() + ANSWER_TIMEOUT;
        if let Ok(running) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(Turn { until, _running: running });
        }
        let busy = || StoreError::new("too many calls to the store are in progress");
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let running = timeout(TURN_TIMEOUT, Arc::clone(&self.running).acquire_owned()).await;
        Ok(Turn { until, _running: running.map_err(|_| busy())?.map_err(StoreError::new)? })
    }

    /// How many more calls could run now.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.running.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::{FutureExt as _, join_all};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_without_a_turn_fails_in_time() {
        let turns = Turns::new(1, 1);
        let first = turns.take().await.unwrap();
        let begun = Instant::now();
        let error = turns.take().await.err().unwrap();
        // Nothing has happened, so this is not a timeout error.
        assert!(!error.is_timeout() && begun.elapsed() == TURN_TIMEOUT && TURN_TIMEOUT < ANSWER_TIMEOUT);
        drop(first);
        assert!(turns.take().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_those_who_may_wait_a_call_fails_at_once() {
        let turns = Turns::new(2, 3);
        let _running = join_all([turns.take(), turns.take()]).await;
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(turns.take())).collect();
        assert!(waiting.iter_mut().all(|call| call.now_or_never().is_none()));
        assert!(turns.take().now_or_never().is_some_and(|turn| turn.is_err()));
        // Somebody who goes away makes room.
        waiting.pop();
        assert!(turns.take().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_is_given_up_at_the_same_moment_as_who_has_not() {
        let turns = Turns::new(1, 1);
        let first = turns.take().await.unwrap();
        let expected = Instant::now() + ANSWER_TIMEOUT;
        let (second, ()) = tokio::join!(turns.take(), async {
            tokio::time::sleep(TURN_TIMEOUT / 2).await;
            drop(first);
        });
        assert_eq!(second.unwrap().until, expected);
    }
}
