//! Deleting expired rows.

use std::sync::Arc;
use std::time::Duration;

use super::OtpAuth;
use super::error::AuthError;
use crate::config::OtpConfig;
use crate::context::Caller;
use crate::store::Removed;

impl<C: OtpConfig> OtpAuth<C> {
    /// Deletes what has expired, in batches, and returns how many rows were deleted. Safe to run in
    /// every process at once. Pauses after each batch for as long as the batch took.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`]. Earlier batches stay deleted.
    pub async fn cleanup(&self) -> Result<Removed, AuthError> {
        const MAX_ROWS: u32 = 500;
        let now = self.now();
        self.inner.following.revoked.forget_expired(now);
        let mut removed = Removed::default();
        loop {
            let began = tokio::time::Instant::now();
            let batch = self.inner.store().cleanup(now, MAX_ROWS).await?;
            removed += batch;
            if !batch.any_reached(MAX_ROWS) {
                return Ok(removed);
            }
            // Leave half of the time to sign-ins.
            tokio::time::sleep(began.elapsed()).await;
        }
    }

    /// Runs [`cleanup`](Self::cleanup) now and after every interval, on the current Tokio runtime,
    /// until the last clone of this value is dropped or you abort the returned task. Failures are
    /// logged and retried after the interval, which is at least one second.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    #[allow(clippy::must_use_candidate, reason = "the task continues after its handle is dropped")]
    pub fn spawn_cleanup(&self, every: Duration) -> tokio::task::JoinHandle<()> {
        let weak = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            // The first tick is immediate. A zero interval would spin.
            let mut ticks = tokio::time::interval(every.max(Duration::from_secs(1)));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(inner) = weak.upgrade() else { return };
                // The store has logged the failure.
                let _ = Self { inner, caller: Caller::default() }.cleanup().await;
            }
        })
    }
}
