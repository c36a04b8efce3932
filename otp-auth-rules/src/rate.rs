//! Rates: `"60/hour burst 20"`.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// The largest count and the largest burst.
pub(crate) const MOST: u32 = 100_000;

/// How many requests are admitted: a number per unit of time, of which a burst may come at once.
///
/// ```
/// # use otp_auth_rules::Rate;
/// let rate = Rate::per_hour(60).burst(20);
/// assert_eq!("60/hour burst 20".parse(), Ok(rate));
/// ```
///
/// After a burst, one request is admitted whenever its share of the unit has passed: here, one per
/// minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate(Option<Limit>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Limit {
    count: u32,
    unit: Unit,
    burst: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Unit {
    const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::Hour, Self::Day];

    const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    const fn constructor(self) -> &'static str {
        match self {
            Self::Second => "per_second",
            Self::Minute => "per_minute",
            Self::Hour => "per_hour",
            Self::Day => "per_day",
        }
    }

    const fn length(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_mins(1),
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
        }
    }
}

impl Rate {
    /// No limit.
    pub const UNLIMITED: Self = Self(None);

    /// This many requests per second, all of which may come at once.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self::of(count, Unit::Second)
    }

    /// This many requests per minute, all of which may come at once.
    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        Self::of(count, Unit::Minute)
    }

    /// This many requests per hour, all of which may come at once.
    #[must_use]
    pub const fn per_hour(count: u32) -> Self {
        Self::of(count, Unit::Hour)
    }

    /// This many requests per day, all of which may come at once.
    #[must_use]
    pub const fn per_day(count: u32) -> Self {
        Self::of(count, Unit::Day)
    }

    const fn of(count: u32, unit: Unit) -> Self {
        Self(Some(Limit { count, unit, burst: count }))
    }

    /// At most `burst` requests at once.
    #[must_use]
    pub const fn burst(self, burst: u32) -> Self {
        match self.0 {
            Some(limit) => Self(Some(Limit { burst, ..limit })),
            None => self,
        }
    }

    /// The time after which one more request is admitted, rounded up to the nanosecond. `None` if
    /// there is no limit.
    #[must_use]
    pub fn interval(self) -> Option<Duration> {
        let Limit { count, unit, .. } = self.nearest().0?;
        let nanos = u64::try_from(unit.length().as_nanos()).unwrap_or(u64::MAX);
        Some(Duration::from_nanos(nanos.div_ceil(count.into())))
    }

    /// How many requests may come at once. `u32::MAX` if there is no limit.
    #[must_use]
    pub fn burst_size(self) -> u32 {
        self.nearest().0.map_or(u32::MAX, |limit| limit.burst)
    }

    /// The constructor, its argument and the burst, for generated code.
    #[doc(hidden)]
    #[must_use]
    pub fn parts(self) -> Option<(&'static str, u32, u32)> {
        self.0.map(|Limit { count, unit, burst }| (unit.constructor(), count, burst))
    }

    /// The accepted rate that is closest.
    pub(crate) fn nearest(self) -> Self {
        Self(self.0.map(|limit| Limit {
            count: limit.count.clamp(1, MOST),
            burst: limit.burst.clamp(1, MOST),
            ..limit
        }))
    }
}

/// The text is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidRate;

impl fmt::Display for InvalidRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("takes a count, a unit (`second`, `minute`, `hour` or `day`) and a burst, or `unlimited`")
    }
}

impl core::error::Error for InvalidRate {}

/// Reads the form in which it is written in attributes: `60/hour burst 20`, `60/hour` (all of them
/// may come at once) or `unlimited`.
impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        if text.trim() == "unlimited" {
            return Ok(Self::UNLIMITED);
        }
        let (count, rest) = text.split_once('/').ok_or(InvalidRate)?;
        let mut words = rest.split_whitespace();
        let name = words.next().ok_or(InvalidRate)?;
        let unit = Unit::ALL.into_iter().find(|unit| unit.name() == name).ok_or(InvalidRate)?;
        let rate = Self::of(number(count.trim())?, unit);
        match (words.next(), words.next(), words.next()) {
            (None, ..) => Ok(rate),
            (Some("burst"), Some(burst), None) => Ok(rate.burst(number(burst)?)),
            _ => Err(InvalidRate),
        }
    }
}

/// Reads digits. A number that is too large becomes the largest, which no rule accepts.
fn number(digits: &str) -> Result<u32, InvalidRate> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidRate);
    }
    Ok(digits.parse().unwrap_or(u32::MAX))
}

/// Writes the form that is read back.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Limit { count, unit, burst }) = self.0 else { return f.write_str("unlimited") };
        write!(f, "{count}/{}", unit.name())?;
        if burst == count { Ok(()) } else { write!(f, " burst {burst}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_rate_is_read_back_as_it_is_written() {
        for (rate, text, parts) in [
            (Rate::per_second(7), "7/second", Some(("per_second", 7, 7))),
            (Rate::per_minute(100).burst(10), "100/minute burst 10", Some(("per_minute", 100, 10))),
            (Rate::per_hour(60).burst(200), "60/hour burst 200", Some(("per_hour", 60, 200))),
            (Rate::per_day(1), "1/day", Some(("per_day", 1, 1))),
            (Rate::UNLIMITED, "unlimited", None),
            (Rate::UNLIMITED.burst(3), "unlimited", None),
        ] {
            assert_eq!((rate.to_string().as_str(), rate.parts()), (text, parts));
            assert_eq!(rate.burst_size(), parts.map_or(u32::MAX, |(.., burst)| burst), "{text}");
            assert_eq!(text.parse(), Ok(rate));
        }
        assert_eq!(" 60 / hour  burst  20 ".parse(), Ok(Rate::per_hour(60).burst(20)));
    }

    #[test]
    fn anything_else_is_not_a_rate() {
        for text in [
            "",
            "60",
            "60/",
            "/hour",
            "60/h",
            "60/hours",
            "-1/hour",
            "1.5/hour",
            "60/hour burst",
            "60/hour 20",
            "60/hour burst x",
            "60/hour burst 20 x",
            "60/hour/20",
            "+60/hour",
            "none",
            "6 0/hour",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(InvalidRate), "{text:?}");
        }
    }

    #[test]
    fn the_interval_never_admits_more_than_the_rate() {
        assert_eq!(Rate::per_hour(60).interval(), Some(Duration::from_mins(1)));
        assert_eq!(Rate::per_second(3).interval(), Some(Duration::from_nanos(333_333_334)));
        assert_eq!(Rate::per_minute(6).interval(), Some(Duration::from_secs(10)));
        assert_eq!(Rate::per_day(1).burst(5).interval(), Some(Duration::from_hours(24)));
        assert_eq!(Rate::UNLIMITED.interval(), None);
        // No panic before startup has rejected it.
        assert_eq!(Rate::per_hour(0).interval(), Some(Duration::from_hours(1)));
    }
}
