//! The current time in the time type of an application.

use std::time::SystemTime;

use crate::clock::Timestamp;

/// A time type that can be made from the current time: one with a time zone, of chrono, jiff, time
/// or BSON, or your own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold the current time",
    label = "a sign-in sets the `verified` field to the current time",
    note = "use a type that implements `From<SystemTime>`, or wrap this one in your own type that does"
)]
pub trait Moment: Sized {
    /// This time; `None` if the type cannot represent it.
    fn at(time: SystemTime) -> Option<Self>;
}

impl<T: TryFrom<SystemTime>> Moment for T {
    fn at(time: SystemTime) -> Option<Self> {
        Self::try_from(time).ok()
    }
}

/// The current time.
#[must_use]
pub fn moment<T: Moment>(now: Timestamp) -> Option<T> {
    T::at(now.to_system_time()?)
}

/// The current time, in the type of a sample value.
#[must_use]
#[allow(clippy::needless_pass_by_value, reason = "generated code makes the sample in place")]
pub fn moment_like<T: Moment>(_: T, now: Timestamp) -> Option<T> {
    moment(now)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_moment_is_the_same_in_every_type() {
        let now = Timestamp::from_millis(1_767_225_600_123);
        let expected = UNIX_EPOCH + Duration::from_millis(1_767_225_600_123);
        assert_eq!(moment::<SystemTime>(now), Some(expected));
        assert_eq!(moment_like(UNIX_EPOCH, now), Some(expected));
        let before = Timestamp::from_millis(-1);
        assert_eq!(moment::<SystemTime>(before), Some(UNIX_EPOCH - Duration::from_millis(1)));
    }
}
