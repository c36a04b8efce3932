//! The kinds of rules: what a key is by default, and which values it takes.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{Display, Write as _};
use core::time::Duration;

/// A key of `#[otp_config]`.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key as it is written.
    pub name: &'static str,
    /// What it takes.
    pub form: Form,
    /// What it means, in one sentence.
    pub doc: &'static str,
    /// What the reference adds.
    pub note: &'static str,
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// A type, without which there is no configuration.
    Type(&'static str),
    /// No value.
    Word(&'static str),
    /// A path; by default the one here.
    Path(&'static str),
    /// One of [`DELIVERIES`](crate::DELIVERIES), as a literal.
    Delivery,
    /// A secret.
    Secret(&'static str),
    /// Any number of secrets.
    Secrets(&'static str),
    /// A length of time.
    Time(Time),
    /// A number.
    Count(Count<u32>),
    /// `true` or `false`.
    Flag(Flag),
    /// A text.
    Text(Text),
    /// Any number of texts.
    List(List),
    /// One of a few words.
    Choice(Choice),
}

impl Key {
    /// A value, as it is written.
    #[must_use]
    pub fn value(&self) -> String {
        match self.form {
            Form::Type(example) | Form::Path(example) | Form::Secret(example) => example.to_owned(),
            Form::Word(_) => String::new(),
            Form::Delivery => quoted(crate::DELIVERIES[0]),
            Form::Secrets(example) => format!("[{example}]"),
            Form::Time(time) => quoted(&spell(time.default)),
            Form::Count(count) => count.default.to_string(),
            Form::Flag(flag) => flag.example.to_owned(),
            Form::Text(text) => quoted(text.example),
            Form::List(list) => format!("[{}]", quoted(list.example)),
            Form::Choice(choice) => quoted(&choice.words[0].to_ascii_lowercase()),
        }
    }

    /// The key with a value, as it is written.
    #[must_use]
    pub fn example(&self) -> String {
        let name = self.name;
        match self.form {
            Form::Word(_) => name.to_owned(),
            _ => format!("{name} = {}", self.value()),
        }
    }

    /// What the key is when it is not written, as the reference has it.
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
            Form::Delivery | Form::Time(_) | Form::Count(_) | Form::Choice(_) => format!("`{}`", self.value()),
        }
    }

    /// Which values it takes, where that can be said in a few words.
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

/// The rule of a length of time.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// The key.
    pub key: &'static str,
    /// The shortest that it takes.
    pub shortest: Duration,
    /// The longest that it takes.
    pub longest: Duration,
    /// What it is when it is not written.
    pub default: Duration,
    /// Why there are limits.
    pub reason: &'static str,
}

impl Time {
    /// What is wrong with this length, and what to write.
    #[must_use]
    pub fn fault(&self, length: Duration) -> Option<String> {
        let nearest = self.clamp(length);
        let (limits, key) = (self.limits(), self.key);
        (nearest != length)
            .then(|| format!("must be {limits}: {}; write `{key} = \"{}\"`", self.reason, spell(nearest)))
    }

    /// The nearest length that it takes.
    #[must_use]
    pub fn clamp(&self, length: Duration) -> Duration {
        length.clamp(self.shortest, self.longest)
    }

    fn limits(&self) -> String {
        format!("{} to {}", spell(self.shortest), spell(self.longest))
    }
}

/// The rule of a number.
#[derive(Debug, Clone, Copy)]
pub struct Count<T> {
    /// The key.
    pub key: &'static str,
    /// The least that it takes.
    pub least: T,
    /// The most that it takes. That of `u32` is no limit.
    pub most: T,
    /// What it is when it is not written.
    pub default: T,
    /// What is counted.
    pub unit: &'static str,
    /// Why a number, in place of `{}`, is too small.
    pub too_small: &'static str,
    /// Why a number, in place of `{}`, is too large.
    pub too_large: &'static str,
}

impl<T: Copy + Ord + Display + Into<u64>> Count<T> {
    /// What is wrong with this number, and what to write.
    #[must_use]
    pub fn fault(&self, number: u64) -> Option<String> {
        let (reason, nearest) = if number < self.least.into() {
            (self.too_small, self.least)
        } else if number > u32::MAX.into() {
            ("this number is too large", self.most)
        } else if number > self.most.into() {
            (self.too_large, self.most)
        } else {
            return None;
        };
        let (limits, reason) = (self.limits(), reason.replace("{}", &number.to_string()));
        Some(format!("must be {limits}: {reason}; write `{} = {nearest}`", self.key))
    }

    /// The nearest number that it takes.
    #[must_use]
    pub fn clamp(&self, number: T) -> T {
        number.clamp(self.least, self.most)
    }

    /// What it takes.
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

/// The rule of `true` or `false`.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// The key.
    pub key: &'static str,
    /// What it is when it is not written.
    pub default: bool,
    /// A value, as it is written.
    pub example: &'static str,
}

/// The rule of a text.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The key.
    pub key: &'static str,
    /// What it is when it is not written, as the reference has it.
    pub default: &'static str,
    /// A value.
    pub example: &'static str,
    /// What is wrong with a text.
    pub rule: fn(&str) -> Option<&'static str>,
}

impl Text {
    /// What is wrong with this text, and what to write.
    #[must_use]
    pub fn fault(&self, text: &str) -> Option<String> {
        let (key, example) = (self.key, self.example);
        (self.rule)(text).map(|fault| format!("{fault}: write `{key} = \"{example}\"`"))
    }
}

/// The rule of any number of texts.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// The key.
    pub key: &'static str,
    /// The setter that takes one.
    pub one: &'static str,
    /// One of them.
    pub example: &'static str,
    /// What is wrong with one of them, and what to write.
    pub rule: fn(&str) -> Option<String>,
}

impl List {
    /// What is wrong with one of the texts, and what to write.
    #[must_use]
    pub fn fault(&self, text: &str) -> Option<String> {
        (self.rule)(text)
    }
}

/// The rule of one of a few words.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The key.
    pub key: &'static str,
    /// The type that the runtime has for it.
    pub name: &'static str,
    /// The variants of the type, the first of which is the default. In an attribute they are
    /// written in any case.
    pub words: &'static [&'static str],
}

/// The units of a length of time, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A length of time as it is written in an attribute.
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

/// What a unit of time is, in milliseconds.
#[must_use]
pub fn unit(name: &str) -> Option<u64> {
    UNITS.iter().find(|(unit, _)| *unit == name).map(|(_, factor)| *factor)
}
