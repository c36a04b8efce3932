//! Lengths of time: `"10m"`, `"90s"`, `"1h30m"`.

use std::time::Duration;

use otp_auth_rules::unit;

/// Reads numbers with units, added up. The error says what to write instead.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
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
        let (word, after) = after.split_at(letters);
        if number.is_empty() {
            return Err(format!("\"{text}\" does not read; {HELP}"));
        }
        if word.is_empty() {
            return Err(format!(
                "\"{text}\" has no unit; write \"{number}s\" for seconds or \"{number}m\" for minutes"
            ));
        }
        let Some(factor) = unit(word) else {
            let help = match meant_unit(word) {
                Some(meant) => format!("write \"{number}{meant}\""),
                None => "the units are `ms`, `s`, `m`, `h` and `d`".to_owned(),
            };
            return Err(format!("`{word}` is no unit; {help}"));
        };
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(factor))
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

#[cfg(test)]
mod tests {
    use otp_auth_rules::spell;

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
