//! How often a code may be sent to an address.

use std::time::Duration;

use crate::clock::{self, Timestamp};

/// The class of a requester. Each address has a budget for each network of strangers, one for all of
/// them together, and one for each known device, so strangers cannot lock out the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Requester {
    /// Anyone in one network.
    Stranger = 0,
    /// A device that has signed in to this identity before.
    KnownDevice = 1,
}

/// Stores also count how many challenges of an identity were exhausted, in place of a
/// [`Requester`].
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) const EXHAUSTED_CHALLENGES: u8 = 2;

/// Stores keep the [`Total`] of an address as a budget of this class, of which only the day counts,
/// and with it the failures of strangers since the last sign-in.
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) const ALL_STRANGERS: u8 = 3;

/// How long after the last day on which strangers requested codes for an address a cleanup may
/// forget their failures.
pub(crate) const FAILURES_KEPT: Duration = Duration::from_hours(365 * 24);

/// How much one network of strangers, or one known device, may send to one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendLimits {
    /// Minimum time between two sends.
    pub cooldown: Duration,
    /// Sends per hour.
    pub per_hour: u32,
    /// Sends per day.
    pub per_day: u32,
}

impl SendLimits {
    /// The shorter window.
    pub const HOUR: Duration = Duration::from_hours(1);
    /// The longer window.
    pub const DAY: Duration = Duration::from_hours(24);
    /// The maximum cooldown.
    pub const LONGEST_COOLDOWN: Duration = otp_auth_rules::setting::otp_rate_limit.longest;
    /// How far in the future a time in a budget may be. Queued requests, and processes with
    /// different clocks, do not agree to the millisecond. A time further ahead comes from a wrong
    /// clock and is ignored, because it would lock the address until then.
    pub const SKEW: Duration = clock::SKEW;

    /// These limits.
    #[must_use]
    pub const fn new(cooldown: Duration, per_hour: u32, per_day: u32) -> Self {
        Self { cooldown, per_hour, per_day }
    }

    /// When the cooldown of a send at this time ends.
    pub(crate) fn cooldown_from(self, now: Timestamp) -> Timestamp {
        now + self.cooldown
    }

    /// No limits.
    pub(crate) const NONE: Self = Self { cooldown: Duration::ZERO, per_hour: u32::MAX, per_day: u32::MAX };
}

/// What all strangers together have sent to an address in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Total {
    /// When the day began.
    pub started_at: Timestamp,
    /// Sends in that day.
    pub sends: u32,
}

impl Total {
    /// A total, as stored.
    #[must_use]
    pub const fn new(started_at: Timestamp, sends: u32) -> Self {
        Self { started_at, sends }
    }

    /// The total after one more send, or the wait if none of `per_day` is left.
    ///
    /// # Errors
    ///
    /// How long until a send is allowed.
    pub fn spend(total: Option<Self>, now: Timestamp, per_day: u32) -> Result<Self, Duration> {
        let Self { started_at, sends } = total.unwrap_or(Self::new(now, 0));
        let (started_at, sends) = window(started_at, sends, SendLimits::DAY, now);
        if sends < per_day {
            Ok(Self::new(started_at, sends + 1))
        } else {
            Err(now.until(started_at + SendLimits::DAY))
        }
    }

    /// The same as a budget, of which only the day counts.
    #[must_use]
    pub const fn to_budget(self) -> Budget {
        Budget { day_sends: self.sends, ..Budget::new(self.started_at) }
    }

    /// The total after refunding a send that was paid at this time. What began later did not pay.
    #[must_use]
    pub fn refund(self, refund: Refund, paid_at: Timestamp) -> Self {
        let sends = if self.started_at <= paid_at { refund.sends() } else { 0 };
        Self { sends: self.sends.saturating_sub(sends), ..self }
    }
}

/// How much of a send to refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refund {
    /// All of it: no e-mail was sent.
    Whole,
    /// Only the cooldown, so that the client can ask again at once. The hour and the day still
    /// count it, because the e-mail may have been sent.
    Cooldown,
}

impl Refund {
    /// How many sends to give back to the hour and the day.
    #[must_use]
    pub const fn sends(self) -> u32 {
        match self {
            Self::Whole => 1,
            Self::Cooldown => 0,
        }
    }
}

/// A budget, as stored. A window begins with its first send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget {
    /// When the cooldown ends.
    pub next_send_at: Timestamp,
    /// When the hour began.
    pub hour_started_at: Timestamp,
    /// Sends in that hour.
    pub hour_sends: u32,
    /// When the day began.
    pub day_started_at: Timestamp,
    /// Sends in that day.
    pub day_sends: u32,
}

impl Budget {
    /// A budget of which nothing is spent.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self { next_send_at: now, hour_started_at: now, hour_sends: 0, day_started_at: now, day_sends: 0 }
    }

    /// The budget after one more send, or the wait if none is left.
    ///
    /// Stores call it under their lock, or implement the same in one statement. The conformance
    /// suite compares the two.
    ///
    /// # Errors
    ///
    /// How long until a send is allowed.
    pub fn spend(budget: Option<Self>, now: Timestamp, limits: SendLimits) -> Result<Self, Duration> {
        let old = budget.unwrap_or(Self::new(now));
        match old.wait(now, limits) {
            Duration::ZERO => {
                let (hour_started_at, hour_sends) = window(old.hour_started_at, old.hour_sends, SendLimits::HOUR, now);
                let (day_started_at, day_sends) = window(old.day_started_at, old.day_sends, SendLimits::DAY, now);
                Ok(Self {
                    next_send_at: limits.cooldown_from(now),
                    hour_started_at,
                    hour_sends: hour_sends + 1,
                    day_started_at,
                    day_sends: day_sends + 1,
                })
            }
            wait => Err(wait),
        }
    }

    /// How long until a send is allowed; zero if it is allowed now. At most the cooldown or a
    /// window, plus [`SendLimits::SKEW`].
    #[must_use]
    pub fn wait(&self, now: Timestamp, limits: SendLimits) -> Duration {
        let until_window = |started_at, sends, allowed, length| {
            let (started_at, sends) = window(started_at, sends, length, now);
            if sends < allowed { Duration::ZERO } else { now.until(started_at + length) }
        };
        let cooldown = if is_damaged(self.next_send_at, limits.cooldown_from(now)) {
            Duration::ZERO
        } else {
            now.until(self.next_send_at)
        };
        cooldown
            .max(until_window(self.hour_started_at, self.hour_sends, limits.per_hour, SendLimits::HOUR))
            .max(until_window(self.day_started_at, self.day_sends, limits.per_day, SendLimits::DAY))
    }

    /// Whether it has no effect, whatever the limits: both windows and the cooldown are over, or
    /// implausibly far ahead.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        (self.next_send_at <= now || is_damaged(self.next_send_at, now + SendLimits::LONGEST_COOLDOWN))
            && is_outside(self.hour_started_at, SendLimits::HOUR, now)
            && is_outside(self.day_started_at, SendLimits::DAY, now)
    }

    /// The budget after refunding a failed send.
    #[must_use]
    pub fn refund(self, refund: Refund, now: Timestamp) -> Self {
        Self {
            next_send_at: now,
            hour_sends: self.hour_sends.saturating_sub(refund.sends()),
            day_sends: self.day_sends.saturating_sub(refund.sends()),
            ..self
        }
    }
}

/// The window that contains `now`: the old one, or a new and empty one.
pub(crate) fn window(started_at: Timestamp, sends: u32, length: Duration, now: Timestamp) -> (Timestamp, u32) {
    if is_outside(started_at, length, now) { (now, 0) } else { (started_at, sends) }
}

/// Whether a window that began at this time does not contain `now`.
fn is_outside(started_at: Timestamp, length: Duration, now: Timestamp) -> bool {
    started_at <= now - length || is_damaged(started_at, now)
}

/// Whether a clock that was ahead wrote this time, which can be at most `latest`.
fn is_damaged(time: Timestamp, latest: Timestamp) -> bool {
    time > latest + SendLimits::SKEW
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SendLimits = SendLimits { cooldown: Duration::from_mins(1), per_hour: 3, per_day: 5 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    /// Requests every `step` seconds for `span` seconds. Returns the seconds at which a send was
    /// granted.
    fn granted(step: i64, span: i64) -> Vec<i64> {
        let mut budget = None;
        let mut sends = Vec::new();
        for second in (0..span).step_by(usize::try_from(step).unwrap()) {
            if let Ok(spent) = Budget::spend(budget, at(second), LIMITS) {
                budget = Some(spent);
                sends.push(second);
            }
        }
        sends
    }

    #[test]
    fn rate_07_the_cooldown_is_exact_to_the_millisecond() {
        let spent = Budget::spend(None, at(0), LIMITS).unwrap();
        let early = Timestamp::from_millis(59_999);
        assert_eq!(Budget::spend(Some(spent), early, LIMITS), Err(Duration::from_millis(1)));
        assert!(Budget::spend(Some(spent), at(60), LIMITS).is_ok());
    }

    #[test]
    fn rate_08_hour_and_day_bound_the_sends() {
        assert_eq!(granted(1, 3_600), [0, 60, 120]);
        assert_eq!(granted(1, 2 * 86_400).len(), 10);
        assert_eq!(granted(600, 86_400), [0, 600, 1_200, 3_600, 4_200]);
    }

    /// A window begins with its first send, so two windows can meet: with the default settings, up
    /// to 19 sends fall into 24 hours, and never 20.
    #[test]
    fn rate_08_nearly_twice_the_limit_of_a_day_falls_into_24_hours() {
        const MINUTE: i64 = 60;
        const DAY: i64 = 24 * 60 * MINUTE;
        let limits = SendLimits { cooldown: Duration::from_mins(1), per_hour: 5, per_day: 10 };
        let mut most = 0;
        // One send begins the day, followed by a wait.
        for wait in (0..DAY).step_by(10 * 60) {
            let mut budget = Some(Budget::spend(None, at(0), limits).unwrap());
            let mut sends = vec![0];
            for second in (wait.max(MINUTE)..2 * DAY + wait).step_by(60) {
                if let Ok(spent) = Budget::spend(budget, at(second), limits) {
                    budget = Some(spent);
                    sends.push(second);
                }
            }
            let within = |begin: i64| sends.iter().filter(|at| (begin..begin + DAY).contains(*at)).count();
            most = most.max(sends.iter().map(|begin| within(*begin)).max().unwrap());
        }
        assert_eq!(most, 19);
    }

    #[test]
    fn http_04_the_wait_is_exactly_long_enough() {
        let mut budget = None;
        let mut now = at(0);
        for _ in 0..40 {
            match Budget::spend(budget, now, LIMITS) {
                Ok(spent) => budget = Some(spent),
                Err(wait) => {
                    let just_before = now + wait - Duration::from_millis(1);
                    assert!(Budget::spend(budget, just_before, LIMITS).is_err());
                    now = now + wait;
                    assert!(Budget::spend(budget, now, LIMITS).is_ok());
                }
            }
        }
    }

    #[test]
    fn http_13_a_refund_leaves_no_trace_of_the_send() {
        let first = Budget::spend(None, at(0), LIMITS).unwrap();
        let second = Budget::spend(Some(first), at(60), LIMITS).unwrap();
        let refunded = second.refund(Refund::Whole, at(61));
        assert_eq!((refunded.hour_sends, refunded.day_sends), (1, 1));
        assert_eq!(refunded.wait(at(61), LIMITS), Duration::ZERO);
    }

    #[test]
    fn rate_08_sends_of_which_only_the_cooldown_is_given_back_stay_within_the_hour() {
        let mut budget = None;
        for second in 0..3 {
            let spent = Budget::spend(budget, at(second), LIMITS).unwrap();
            budget = Some(spent.refund(Refund::Cooldown, at(second)));
        }
        assert_eq!(Budget::spend(budget, at(3), LIMITS), Err(Duration::from_secs(3_597)));
    }

    #[test]
    fn rate_08_a_clock_that_was_ahead_locks_no_address() {
        let year = 365 * 86_400;
        let mut ahead = None;
        for send in 0..3 {
            ahead = Some(Budget::spend(ahead, at(year + 60 * send), LIMITS).unwrap());
        }
        let fresh = Budget::spend(None, at(0), LIMITS);
        assert_eq!(Budget::spend(ahead, at(0), LIMITS), fresh);
        let forever = Timestamp::from_millis(i64::MAX);
        let worst =
            Budget { next_send_at: forever, hour_started_at: forever, day_started_at: forever, ..ahead.unwrap() };
        assert_eq!(Budget::spend(Some(worst), at(0), LIMITS), fresh);
        assert!(worst.is_over(at(0)) && ahead.unwrap().is_over(at(0)));
    }

    #[test]
    fn rate_08_each_part_of_a_budget_is_damaged_independently() {
        let mut budget = Budget::spend(None, at(0), LIMITS).unwrap();
        for second in [60, 120] {
            budget = Budget::spend(Some(budget), at(second), LIMITS).unwrap();
        }
        let cooldown = Budget { next_send_at: at(86_400), ..budget };
        assert_eq!(cooldown.wait(at(180), LIMITS), Duration::from_mins(57), "the hour is full all the same");
        let hour = Budget { hour_started_at: at(86_400), ..budget };
        let spent = Budget::spend(Some(hour), at(180), LIMITS).unwrap();
        assert_eq!((spent.hour_started_at, spent.hour_sends), (at(180), 1));
        assert_eq!((spent.day_started_at, spent.day_sends), (at(0), 4));
        let day = Budget { day_started_at: at(2 * 86_400), day_sends: 5, ..budget };
        let spent = Budget::spend(Some(day), at(3_600), LIMITS).unwrap();
        assert_eq!((spent.day_started_at, spent.day_sends), (at(3_600), 1));
        assert!(!hour.is_over(at(180)) && !day.is_over(at(180)), "the other window counts");
    }

    /// Two requests that read the time one after the other and reach the budget in reverse order
    /// are not damage.
    #[test]
    fn rate_07_a_request_that_was_overtaken_waits() {
        let spent = Budget::spend(None, at(100), LIMITS).unwrap();
        for early in [100_000 - 1, 100_000 - 60_000] {
            let early = Timestamp::from_millis(early);
            assert_eq!(Budget::spend(Some(spent), early, LIMITS), Err(early.until(at(160))));
            assert!(!spent.is_over(early));
        }
        assert!(Budget::spend(Some(spent), Timestamp::from_millis(39_999), LIMITS).is_ok());
    }
}
