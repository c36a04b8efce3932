//! Tasks that outlive their request: limits how many run at once, and waits for them at shutdown.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Tasks of one kind.
pub(super) struct InFlight {
    places: Arc<Semaphore>,
    most: u32,
    closed: watch::Sender<bool>,
}

/// One task. Dropping it frees its place.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    closed: watch::Receiver<bool>,
}

impl Place {
    /// Waits this long, or until [`close`](InFlight::close). Returns whether there is time left.
    pub(super) async fn pause(&mut self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.closed.wait_for(|closed| *closed)).await.is_err()
    }
}

impl InFlight {
    /// At most this many at once.
    pub(super) fn new(most: u32) -> Self {
        Self { places: Arc::new(Semaphore::new(most as usize)), most, closed: watch::Sender::new(false) }
    }

    /// A place; `None` if all are taken, or after [`close`](Self::close).
    pub(super) fn enter(&self) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        // Checked after taking the place: `close` waits for anyone who does not see it.
        (!*self.closed.borrow()).then(|| Place { _permit: permit, closed: self.closed.subscribe() })
    }

    /// Admits no new tasks, and waits for the others up to `timeout`. Returns how many are left.
    /// Can be repeated.
    pub(super) async fn close(&self, timeout: Duration) -> usize {
        self.closed.send_replace(true);
        let everybody = tokio::time::timeout(timeout, self.places.acquire_many(self.most)).await;
        if everybody.is_ok() { 0 } else { (self.most as usize).saturating_sub(self.places.available_permits()) }
    }
}
