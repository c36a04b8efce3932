//! A clock that stands still until a test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Timestamp, millis};

/// A clock that stands still until it is moved. Clones share the time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// A clock that shows this moment.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(moment.as_millis())))
    }

    /// Moves the time on.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(millis(span), Ordering::SeqCst);
    }

    /// Puts the clock to another moment, also an earlier one.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.as_millis(), Ordering::SeqCst);
    }

    /// What the clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// The clock for [`OtpAuth::with_clock`](crate::OtpAuth::with_clock).
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::test(Arc::clone(&self.0))
    }
}

/// Begins at a fixed moment, 2026-01-01 00:00:00 UTC.
impl Default for TestClock {
    fn default() -> Self {
        Self::at(Timestamp::from_millis(1_767_225_600_000))
    }
}
