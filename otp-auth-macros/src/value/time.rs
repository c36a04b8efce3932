//! Lengths of time: `"10m"`, `"90s"`, `"1h30m"`.

use std::fmt::Write as _;
use std::marker::PhantomData;
use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Expr;

use super::{Literal, Written, written};
use crate::diag::mistake;

/// The rule of one key that takes a length of time.
pub(crate) trait TimeRule {
    const KEY: &'static str;
    const SHORTEST: Duration;
    const LONGEST: Duration;
    /// What the key is when it is not written.
    const DEFAULT: Duration;
    /// Why there is a limit, as the end of a sentence.
    const REASON: &'static str;
}

/// A length of time that obeys the rule `R`.
pub(crate) struct Time<R> {
    pub(crate) length: Duration,
    rule: PhantomData<R>,
}

impl<R: TimeRule> Literal for Time<R> {
    fn read(expr: &Expr) -> Option<darling::Result<Self>> {
        let key = R::KEY;
        let length = match written(expr)? {
            Written::Text(text) => parse(&text).map_err(|what| format!("`{key}` takes a length of time: {what}")),
            Written::Integer(integer) => Err(format!(
                "`{key}` needs a unit, in a string: write `{key} = \"{}s\"` for seconds or \
                 `{key} = \"{}m\"` for minutes",
                integer.base10_digits(),
                integer.base10_digits(),
            )),
            Written::Negative | Written::Bytes(_) | Written::Bool(_) | Written::Other => {
                Err(format!("`{key}` takes a length of time: write `{key} = \"{}\"`", spell(R::DEFAULT)))
            }
        };
        Some(length.and_then(Self::check).map_err(|message| mistake(expr, message)))
    }

    fn expand(&self, private: &TokenStream) -> TokenStream {
        if self.length.subsec_nanos() == 0 {
            let seconds = self.length.as_secs();
            quote!(#private::Duration::from_secs(#seconds))
        } else {
            let milliseconds = u64::try_from(self.length.as_millis()).unwrap_or(u64::MAX);
            quote!(#private::Duration::from_millis(#milliseconds))
        }
    }
}

impl<R: TimeRule> Time<R> {
    fn check(length: Duration) -> Result<Self, String> {
        if (R::SHORTEST..=R::LONGEST).contains(&length) {
            return Ok(Self { length, rule: PhantomData });
        }
        let nearest = length.clamp(R::SHORTEST, R::LONGEST);
        let key = R::KEY;
        let reason = R::REASON;
        let limits = format!("{} to {}", spell(R::SHORTEST), spell(R::LONGEST));
        Err(format!("`{key}` must be {limits}: {reason}; write `{key} = \"{}\"`", spell(nearest)))
    }
}

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads numbers with units, added up. The error says what to write instead.
fn parse(text: &str) -> Result<Duration, String> {
    const HELP: &str = "write a number and a unit, such as \"90s\", \"10m\", \"1h30m\" or \"7d\"";
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("\"{text}\" is empty; {HELP}"));
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_alphabetic()).len();
        let (unit, after) = after.split_at(letters);
        if number.is_empty() {
            return Err(format!("\"{text}\" does not read; {HELP}"));
        }
        if unit.is_empty() {
            return Err(format!(
                "\"{text}\" has no unit; write \"{number}s\" for seconds or \"{number}m\" for minutes"
            ));
        }
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            let help = match meant_unit(unit) {
                Some(meant) => format!("write \"{number}{meant}\""),
                None => "the units are `ms`, `s`, `m`, `h` and `d`".to_owned(),
            };
            return Err(format!("`{unit}` is no unit; {help}"));
        };
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*factor))
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| format!("\"{text}\" is too long"))?;
        rest = after.trim_start();
    }
    Ok(Duration::from_millis(total))
}

/// The unit that a longer word stands for.
fn meant_unit(word: &str) -> Option<&'static str> {
    match word.to_lowercase().as_str() {
        "day" | "days" => Some("d"),
        "hour" | "hours" | "hr" | "hrs" => Some("h"),
        "minute" | "minutes" | "min" | "mins" => Some("m"),
        "second" | "seconds" | "sec" | "secs" => Some("s"),
        "millisecond" | "milliseconds" | "millis" | "msec" | "msecs" => Some("ms"),
        _ => None,
    }
}

/// A length of time as it is written in an attribute.
pub(crate) fn spell(length: Duration) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_and_spell_the_same() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h", 3_600_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("7d", 604_800_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(spell(Duration::from_mins(90)), "1h30m");
        assert_eq!(spell(Duration::from_secs(90)), "1m30s");
        assert_eq!(spell(Duration::ZERO), "0s");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", " ", "10", "m", "10 parsecs", "-5s", "1.5h", "99999999999999999999s", "१s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
