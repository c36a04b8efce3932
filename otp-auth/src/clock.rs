//! Timestamps, and the clock. Only this file reads the system time.

use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A point in time in UTC, in whole milliseconds since the Unix epoch.
///
/// Stores keep it as an integer, so no time zone setting can shift it. Serde writes the same
/// integer, which JavaScript's `new Date(…)` accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time this many milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down, as `iat` and `exp` use them (RFC 7519
    /// `NumericDate`).
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The standard library's form, if it can represent this time.
    pub(crate) fn to_system_time(self) -> Option<SystemTime> {
        let distance = Duration::from_millis(self.0.unsigned_abs());
        if self.0 < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
    }

    /// The duration from `self` until `later`, or zero if that has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

/// Rounded down to the millisecond.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(millis(since)),
            Err(before) => {
                let before = before.duration();
                let part = i64::from(before.subsec_nanos() % 1_000_000 > 0);
                Self(millis(before).saturating_neg().saturating_sub(part))
            }
        }
    }
}

/// The Unix epoch if the system cannot represent the time, which never happens to a clock reading.
impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.to_system_time().unwrap_or(UNIX_EPOCH)
    }
}

/// How far ahead the clock of another process may be. Only times further ahead are wrong.
pub(crate) const SKEW: Duration = Duration::from_mins(1);

/// A duration in the unit of [`Timestamp`]. Saturates.
pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Seconds, rounded up, so that waiting this long is always enough.
pub(crate) fn ceil_secs(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }
}

/// Where an [`OtpAuth`](crate::OtpAuth) gets the time: from the system, or in tests from a
/// `TestClock` (feature `testing`).
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    #[cfg(feature = "testing")]
    Test(std::sync::Arc<std::sync::atomic::AtomicI64>),
}

impl Clock {
    /// The operating system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn test(millis: std::sync::Arc<std::sync::atomic::AtomicI64>) -> Self {
        Self(Source::Test(millis))
    }

    /// The current time.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => SystemTime::now().into(),
            #[cfg(feature = "testing")]
            Source::Test(now) => Timestamp(now.load(std::sync::atomic::Ordering::SeqCst)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_converts_to_system_time_and_back_rounded_down() {
        for millis in [-62_135_596_800_000, -1_500, -1, 0, 1, 1_767_225_600_123] {
            let moment = Timestamp::from_millis(millis);
            assert_eq!(Timestamp::from(SystemTime::from(moment)), moment);
        }
        for (nanos, millis) in [(0, 0), (999_999, 0), (1_000_000, 1), (1_999_999, 1)] {
            assert_eq!(Timestamp::from(UNIX_EPOCH + Duration::from_nanos(nanos)).as_millis(), millis);
        }
        for (nanos, millis) in [(1, -1), (1_000_000, -1), (1_000_001, -2)] {
            assert_eq!(Timestamp::from(UNIX_EPOCH - Duration::from_nanos(nanos)).as_millis(), millis);
        }
    }

    #[test]
    fn until_is_zero_for_a_time_that_has_passed() {
        let now = Timestamp::from_millis(1_000);
        assert_eq!(now.until(Timestamp::from_millis(999)), Duration::ZERO);
        assert_eq!(now.until(Timestamp::from_millis(1_001)), Duration::from_millis(1));
    }

    #[test]
    fn seconds_of_a_token_round_down_and_waits_round_up() {
        assert_eq!(Timestamp::from_millis(1_999).as_secs(), 1);
        assert_eq!(Timestamp::from_millis(-1).as_secs(), -1);
        assert_eq!(ceil_secs(Duration::from_millis(1_001)), 2);
        assert_eq!(ceil_secs(Duration::from_secs(2)), 2);
    }

    #[test]
    fn spans_saturate() {
        let end = Timestamp::from_millis(i64::MAX) + Duration::MAX;
        assert_eq!(end.as_millis(), i64::MAX);
    }
}
