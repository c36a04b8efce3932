//! The rule of each key that takes a number or a length of time.

use std::time::Duration;

use crate::value::{CountRule, NO_LIMIT, TimeRule};

const DAY: Duration = Duration::from_hours(24);

macro_rules! time_rules {
    ($($rule:ident: $key:literal, $shortest:expr, $longest:expr, $default:expr, $reason:literal;)*) => {$(
        #[doc = concat!("`", $key, "`")]
        pub(crate) struct $rule;

        impl TimeRule for $rule {
            const KEY: &'static str = $key;
            const SHORTEST: Duration = $shortest;
            const LONGEST: Duration = $longest;
            const DEFAULT: Duration = $default;
            const REASON: &'static str = $reason;
        }
    )*};
}

time_rules! {
    AccessLifetime: "access_token_lifetime",
        Duration::from_secs(1), DAY, Duration::from_hours(1),
        "an access token is for hours, the refresh token carries the session";
    RefreshLifetime: "refresh_token_lifetime",
        Duration::from_secs(1), DAY.saturating_mul(400), DAY.saturating_mul(7),
        "a browser forgets a cookie after 400 days";
    RefreshGrace: "refresh_grace",
        Duration::ZERO, Duration::from_secs(30), Duration::from_secs(10),
        "it only covers two refreshes at the same moment";
    OtpExpiry: "otp_expiry",
        Duration::from_mins(1), Duration::from_mins(10), Duration::from_mins(10),
        "a mail takes a moment to arrive, and a code that lives long can be guessed";
    OtpRateLimit: "otp_rate_limit",
        Duration::ZERO, DAY, Duration::from_mins(1),
        "it is the time between two mails to one address";
    SendTimeout: "send_timeout",
        Duration::from_secs(1), Duration::from_mins(1), Duration::from_secs(10),
        "a request waits for the sender that long";
}

macro_rules! count_rules {
    ($($rule:ident: $key:literal, $least:expr, $most:expr, $default:expr, $unit:literal, $reason:expr;)*) => {$(
        #[doc = concat!("`", $key, "`")]
        pub(crate) struct $rule;

        impl CountRule for $rule {
            const KEY: &'static str = $key;
            const LEAST: u64 = $least;
            const MOST: u64 = $most;
            const DEFAULT: u64 = $default;
            const UNIT: &'static str = $unit;

            fn reason(number: u64) -> String {
                let reason: fn(u64) -> String = $reason;
                reason(number)
            }
        }
    )*};
}

count_rules! {
    OtpLength: "otp_length", 6, 10, 6, "digits", |number| {
        if number < 6 {
            format!("a code of {number} digits can be guessed")
        } else {
            format!("nobody types {number} digits without a slip")
        }
    };
    MaxOtpAttempts: "max_otp_attempts", 1, 10, 5, "tries", |number| {
        if number == 0 {
            "nobody could sign in".into()
        } else {
            "every try is a guess at the code".into()
        }
    };
    MaxSendsPerHour: "max_sends_per_hour", 1, NO_LIMIT, 5, "mail", |_| {
        "nobody could sign in".into()
    };
    MaxSendsPerDay: "max_sends_per_day", 1, NO_LIMIT, 10, "mail", |_| {
        "nobody could sign in".into()
    };
}
