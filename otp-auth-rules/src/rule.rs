//! The kinds of rules: the default of a key, and the values it accepts.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{Display, Write as _};
use core::time::Duration;

use crate::rate::{InvalidRate, MOST, Rate};

/// A key of `#[otp_config]`.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The name.
    pub name: &'static str,
    /// What it accepts.
    pub form: Form,
    /// What it means, in one sentence.
    pub doc: &'static str,
    /// An addition for the reference.
    pub note: &'static str,
}

/// What a key accepts.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// A type, which is required.
    Type(&'static str),
    /// No value.
    Word(&'static str),
    /// A path, with its default.
    Path(&'static str),
    /// One of [`DELIVERIES`](crate::DELIVERIES), as a literal.
    Delivery,
    /// A secret.
    Secret(&'static str),
    /// Any number of secrets.
    Secrets(&'static str),
    /// A duration.
    Time(Time),
    /// A number.
    Count(Count<u32>),
    /// `true` or `false`.
    Flag(Flag),
    /// A string.
    Text(Text),
    /// A list of strings.
    List(List),
    /// One of a few words.
    Choice(Choice),
    /// A rate.
    Limit(Limit),
}

impl Key {
    /// An example value, as written.
    #[must_use]
    pub fn value(&self) -> String {
        match self.form {
            Form::Type(example) | Form::Path(example) | Form::Secret(example) => example.to_owned(),
            Form::Word(_) => String::new(),
            Form::Delivery => quoted(crate::DELIVERIES[0].0),
            Form::Secrets(example) => format!("[{example}]"),
            Form::Time(time) => quoted(&spell(time.default)),
            Form::Count(count) => count.default.to_string(),
            Form::Flag(flag) => flag.example.to_owned(),
            Form::Text(text) => quoted(text.example),
            Form::List(list) => format!("[{}]", quoted(list.example)),
            Form::Choice(choice) => quoted(&choice.words[0].to_ascii_lowercase()),
            Form::Limit(limit) => quoted(&limit.default.to_string()),
        }
    }

    /// The key with an example value.
    #[must_use]
    pub fn example(&self) -> String {
        let name = self.name;
        match self.form {
            Form::Word(_) => name.to_owned(),
            _ => format!("{name} = {}", self.value()),
        }
    }

    /// The default, as the reference shows it.
    #[must_use]
    pub fn default(&self) -> String {
        match self.form {
            Form::Type(_) => "required".to_owned(),
            Form::Secret(_) => "required outside developer mode".to_owned(),
            Form::Secrets(_) | Form::List(_) => "none".to_owned(),
            Form::Word(default) => default.to_owned(),
            Form::Path(_) => "`::otp_auth`".to_owned(),
            Form::Flag(flag) => format!("`{}`", flag.default),
            Form::Text(text) => text.default.to_owned(),
            Form::Delivery | Form::Time(_) | Form::Count(_) | Form::Choice(_) | Form::Limit(_) => {
                format!("`{}`", self.value())
            }
        }
    }

    /// The values it accepts, if they can be described briefly.
    #[must_use]
    pub fn limits(&self) -> Option<String> {
        match self.form {
            Form::Time(time) => Some(time.limits()),
            Form::Count(count) => Some(count.limits()),
            _ => None,
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// The rule for a duration.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// The key.
    pub key: &'static str,
    /// The shortest accepted.
    pub shortest: Duration,
    /// The longest accepted.
    pub longest: Duration,
    /// The default.
    pub default: Duration,
    /// The reason for the limits.
    pub reason: &'static str,
}

impl Time {
    /// What is wrong with this duration, and what to write.
    #[must_use]
    pub fn fault(&self, length: Duration) -> Option<String> {
        let nearest = length.clamp(self.shortest, self.longest);
        let (limits, key) = (self.limits(), self.key);
        (nearest != length)
            .then(|| format!("must be {limits}: {}; write `{key} = \"{}\"`", self.reason, spell(nearest)))
    }

    fn limits(&self) -> String {
        format!("{} to {}", spell(self.shortest), spell(self.longest))
    }
}

/// The rule for a number.
#[derive(Debug, Clone, Copy)]
pub struct Count<T> {
    /// The key.
    pub key: &'static str,
    /// The smallest accepted.
    pub least: T,
    /// The largest accepted. `u32::MAX` means no limit.
    pub most: T,
    /// The default.
    pub default: T,
    /// The unit.
    pub unit: &'static str,
    /// Why a number is too small. `{}` stands for the number.
    pub too_small: &'static str,
    /// Why a number is too large. `{}` stands for the number.
    pub too_large: &'static str,
}

impl<T: Copy + Ord + Display + Into<u64>> Count<T> {
    /// What is wrong with this number, and what to write.
    #[must_use]
    pub fn fault(&self, number: u64) -> Option<String> {
        let (reason, nearest) = if number < self.least.into() {
            (self.too_small, self.least)
        } else if number > u32::MAX.into() {
            return Some(format!("must be at most {}; write `{} = {}`", self.most, self.key, self.most));
        } else if number > self.most.into() {
            (self.too_large, self.most)
        } else {
            return None;
        };
        let (limits, reason) = (self.limits(), reason.replace("{}", &number.to_string()));
        Some(format!("must be {limits}: {reason}; write `{} = {nearest}`", self.key))
    }

    /// The accepted range.
    #[must_use]
    pub fn limits(&self) -> String {
        let (least, most, unit) = (self.least, self.most, self.unit);
        if most.into() == u64::from(u32::MAX) {
            format!("at least {least} {unit}")
        } else {
            format!("{least} to {most} {unit}")
        }
    }
}

/// The rule for `true` or `false`.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// The key.
    pub key: &'static str,
    /// The default.
    pub default: bool,
    /// An example value, as written.
    pub example: &'static str,
}

/// The rule for a string.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The key.
    pub key: &'static str,
    /// The default, if it is always the same string.
    pub value: Option<&'static str>,
    /// The default, as the reference shows it.
    pub default: &'static str,
    /// An example value.
    pub example: &'static str,
    /// What is wrong with a string.
    pub rule: fn(&str) -> Option<&'static str>,
}

impl Text {
    /// What is wrong with this string, and what to write.
    #[must_use]
    pub fn fault(&self, text: &str) -> Option<String> {
        let (key, example) = (self.key, self.example);
        (self.rule)(text).map(|fault| format!("{fault}: write `{key} = \"{example}\"`"))
    }
}

/// The rule for a list of strings.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// The key.
    pub key: &'static str,
    /// The setter that adds one.
    pub one: &'static str,
    /// An example element.
    pub example: &'static str,
    /// What is wrong with an element, and what to write.
    pub rule: fn(&str) -> Option<String>,
}

impl List {
    /// What is wrong with this element, and what to write.
    #[must_use]
    pub fn fault(&self, text: &str) -> Option<String> {
        (self.rule)(text)
    }
}

/// The rule for one of a few words.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The key.
    pub key: &'static str,
    /// The runtime type.
    pub name: &'static str,
    /// The variants of the type, the default first. Attributes may use any case.
    pub words: &'static [&'static str],
}

/// The rule for a rate.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The key.
    pub key: &'static str,
    /// The default.
    pub default: Rate,
}

impl Limit {
    /// What is wrong with this rate, and what to write.
    #[must_use]
    pub fn fault(&self, rate: Rate) -> Option<String> {
        let nearest = rate.nearest();
        let key = self.key;
        (nearest != rate).then(|| {
            format!("must have a count and a burst of 1 to {MOST}; write `{key} = \"{nearest}\"`, or `\"unlimited\"`")
        })
    }

    /// What is wrong with text that is not a rate, and what to write.
    #[must_use]
    pub fn not_a_rate(&self) -> String {
        format!("{InvalidRate}, in a string: write `{} = \"{}\"`", self.key, self.default)
    }
}

/// Units of duration, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A duration as it is written in an attribute.
#[must_use]
pub fn spell(length: Duration) -> String {
    let mut rest = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, factor) in UNITS {
        let count = rest / factor;
        if count > 0 {
            let _ = write!(text, "{count}{unit}");
            rest %= factor;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

/// A unit of duration in milliseconds.
#[must_use]
pub fn unit(name: &str) -> Option<u64> {
    UNITS.iter().find(|(unit, _)| *unit == name).map(|(_, factor)| *factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KEYS, setting};

    #[test]
    fn the_example_of_a_key_is_what_one_writes() {
        for (name, example) in [
            ("user", "user = User"),
            ("secret_key", r#"secret_key = env("OTP_AUTH_SECRET")"#),
            ("previous_secret_keys", r#"previous_secret_keys = [env("OTP_AUTH_OLD_SECRET")]"#),
            ("otp_expiry", r#"otp_expiry = "10m""#),
            ("otp_length", "otp_length = 6"),
            ("cookie_secure", "cookie_secure = true"),
            ("cookie_path", r#"cookie_path = "/auth""#),
            ("trusted_proxies", r#"trusted_proxies = ["10.0.0.0/8"]"#),
            ("cookie_same_site", r#"cookie_same_site = "lax""#),
            ("request_limit", r#"request_limit = "60/hour burst 20""#),
            ("refresh_token_delivery", r#"refresh_token_delivery = "cookie""#),
            ("hooks", "hooks"),
            ("crate", "crate = path::to::otp_auth"),
        ] {
            let key = KEYS.iter().find(|key| key.name == name).unwrap();
            assert_eq!(key.example(), example);
        }
    }

    #[test]
    fn a_number_outside_its_limits_is_told_the_nearest_inside() {
        const MAX: u64 = u32::MAX as u64;
        for (number, fault) in [
            (5, Some("must be 6 to 10 digits: a 5-digit code is too easy to guess; write `otp_length = 6`")),
            (6, None),
            (10, None),
            (11, Some("must be 6 to 10 digits: 11 digits are hard to type without a mistake; write `otp_length = 10`")),
            (
                MAX,
                Some(
                    "must be 6 to 10 digits: 4294967295 digits are hard to type without a mistake; write `otp_length = 10`",
                ),
            ),
            (MAX + 1, Some("must be at most 10; write `otp_length = 10`")),
        ] {
            assert_eq!(setting::otp_length.fault(number).as_deref(), fault, "{number}");
        }
        assert_eq!(setting::max_sends_per_hour.fault(MAX), None);
        assert_eq!(
            setting::max_sends_per_hour.fault(MAX + 1).as_deref(),
            Some("must be at most 4294967295; write `max_sends_per_hour = 4294967295`")
        );
    }

    #[test]
    fn what_is_not_a_rate_is_told_the_form_of_one() {
        assert_eq!(
            setting::verify_limit.not_a_rate(),
            "takes a count, a unit (`second`, `minute`, `hour` or `day`) and a burst, or `unlimited`, in a string: \
             write `verify_limit = \"240/hour burst 80\"`"
        );
    }

    #[test]
    fn the_units_of_a_duration_have_their_length() {
        for (name, length) in [
            ("d", Some(86_400_000)),
            ("h", Some(3_600_000)),
            ("m", Some(60_000)),
            ("s", Some(1_000)),
            ("ms", Some(1)),
            ("w", None),
        ] {
            assert_eq!(unit(name), length, "{name}");
        }
    }
}
