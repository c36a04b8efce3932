//! Work that goes on when nobody waits for it any more: how much of it there
//! may be at once, and waiting for it at the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Tasks of one kind.
pub(super) struct InFlight {
    places: Arc<Semaphore>,
    most: u32,
    closed: watch::Sender<bool>,
}

/// One task. Its place is free again when this is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    closed: watch::Receiver<bool>,
}

impl Place {
    /// Waits for so long, but not after [`close`](InFlight::close). Returns
    /// whether there is still time.
    pub(super) async fn pause(&mut self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.closed.wait_for(|closed| *closed)).await.is_err()
    }
}

impl InFlight {
    /// At most so many at once.
    pub(super) fn new(most: u32) -> Self {
        Self { places: Arc::new(Semaphore::new(most as usize)), most, closed: watch::Sender::new(false) }
    }

    /// A place; `None` when all are taken, and after [`close`](Self::close).
    pub(super) fn enter(&self) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        // Looked at when the place is taken: `close` waits for whoever does
        // not see it.
        (!*self.closed.borrow()).then(|| Place { _permit: permit, closed: self.closed.subscribe() })
    }

    /// Lets nobody in any more, and waits until everybody is out, but not for
    /// longer than this. Returns how many are still in. May be repeated.
    pub(super) async fn close(&self, timeout: Duration) -> usize {
        self.closed.send_replace(true);
        let everybody = tokio::time::timeout(timeout, self.places.acquire_many(self.most)).await;
        if everybody.is_ok() { 0 } else { (self.most as usize).saturating_sub(self.places.available_permits()) }
    }
}
