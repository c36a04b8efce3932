//! Durations: `"10m"`, `"90s"`, `"1h30m"`.

use std::time::Duration;

use otp_auth_rules::{Time, spell, unit};

/// Parses numbers with units and returns their sum. `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit());
        let (word, after) = split(after.trim_start(), char::is_alphabetic);
        let part = number.parse::<u64>().ok()?.checked_mul(unit(word)?)?;
        total = total.checked_add(part)?;
        rest = after.trim_start();
    }
    (!text.trim().is_empty()).then(|| Duration::from_millis(total))
}

/// The longest prefix of these characters, and the rest.
fn split(text: &str, of: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !of(c)).unwrap_or(text.len()))
}

/// What to write instead of text that is not a duration.
pub(crate) fn advice(rule: &Time, text: &str) -> String {
    let key = rule.key;
    if let Ok(number) = text.trim().replace('_', "").parse::<u64>() {
        let units = [("s", "seconds"), ("m", "minutes"), ("h", "hours"), ("d", "days"), ("ms", "milliseconds")];
        let fits = units
            .into_iter()
            .filter(|(short, _)| parse(&format!("{number}{short}")).is_some_and(|length| rule.fault(length).is_none()));
        let meanings: Vec<_> =
            fits.take(2).map(|(short, long)| format!("`{key} = \"{number}{short}\"` for {long}")).collect();
        if !meanings.is_empty() {
            return format!("`{key}` needs a unit, in a string: write {}", meanings.join(" or "));
        }
    }
    match meant(text) {
        Some(length) => match rule.fault(length) {
            Some(fault) => format!("`{key}` {fault}"),
            None => {
                format!("`{key}` takes whole numbers with units, in a string: write `{key} = \"{}\"`", spell(length))
            }
        },
        None => format!(
            "`{key}` takes a number and a unit (`ms`, `s`, `m`, `h` or `d`), in a string: write `{key} = \"{}\"`",
            spell(rule.default)
        ),
    }
}

/// The duration that text in another notation means: `1.5h`, `01:00:00`, `PT1H`, `half an hour`.
fn meant(text: &str) -> Option<Duration> {
    let text = text.trim().to_lowercase().replace('_', "");
    if let Some(clock) = clock(&text) {
        return Some(clock);
    }
    let iso = text.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c == 't' || c.is_ascii_digit()));
    let mut rest = &*iso.map_or_else(|| text.clone(), |rest| rest.replace('t', ""));
    let (mut total, mut number, mut last) = (0.0, None, None);
    while let Some(start) = rest.find(|c: char| c.is_alphanumeric() || c == '.') {
        let in_number = |c: char| c.is_ascii_digit() || c == '.';
        let token;
        (token, rest) = if rest[start..].starts_with(in_number) {
            split(&rest[start..], in_number)
        } else {
            split(&rest[start..], char::is_alphabetic)
        };
        if let Some(factor) = factor(token) {
            total += number.take()? * factor;
            last = Some(factor);
        } else if let Some(value) = quantity(token) {
            // `half an hour` is half of one.
            number = Some(if matches!(token, "a" | "an") { number.unwrap_or(value) } else { value });
        } else if token != "and" {
            return None;
        }
    }
    // In `1h30`, the rest is in the next smaller unit.
    match (number, last) {
        (Some(number), Some(last)) if (60_000.0..=3_600_000.0).contains(&last) => total += number * last / 60.0,
        (Some(_), _) | (None, None) => return None,
        (None, Some(_)) => {}
    }
    Duration::try_from_secs_f64(total.round() / 1_000.0).ok()
}

/// `01:30` and `01:30:00`.
fn clock(text: &str) -> Option<Duration> {
    let parts = text.split(':').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>()?;
    let seconds = match parts[..] {
        [hours, minutes] => hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?,
        [hours, minutes, seconds] => {
            hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?
        }
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// A unit in milliseconds, by any of its names.
fn factor(word: &str) -> Option<f64> {
    const DAY: f64 = 86_400_000.0;
    Some(match word {
        "us" | "µs" | "μs" | "micros" | "microseconds" => 0.001,
        "ms" | "millisecond" | "milliseconds" | "millis" | "msec" | "msecs" => 1.0,
        "s" | "second" | "seconds" | "sec" | "secs" => 1_000.0,
        "m" | "minute" | "minutes" | "min" | "mins" => 60_000.0,
        "h" | "hour" | "hours" | "hr" | "hrs" => 3_600_000.0,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" | "wk" => 7.0 * DAY,
        "mo" | "month" | "months" => 30.0 * DAY,
        "y" | "year" | "years" => 365.0 * DAY,
        _ => return None,
    })
}

fn quantity(word: &str) -> Option<f64> {
    const WORDS: [(&str, f64); 16] = [
        ("a", 1.0),
        ("an", 1.0),
        ("one", 1.0),
        ("half", 0.5),
        ("quarter", 0.25),
        ("two", 2.0),
        ("three", 3.0),
        ("four", 4.0),
        ("five", 5.0),
        ("six", 6.0),
        ("seven", 7.0),
        ("eight", 8.0),
        ("nine", 9.0),
        ("ten", 10.0),
        ("fifteen", 15.0),
        ("thirty", 30.0),
    ];
    WORDS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value).or_else(|| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use otp_auth_rules::setting;

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
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(spell(Duration::from_mins(90)), "1h30m");
        assert_eq!(spell(Duration::from_secs(90)), "1m30s");
        assert_eq!(spell(Duration::ZERO), "0s");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", " ", "10", "m", "10 parsecs", "-5s", "1.5h", "99999999999999999999s", "१s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn other_notations_are_understood() {
        for (text, meant) in [
            ("1.5h", "1h30m"),
            ("01:00:00", "1h"),
            ("00:10", "10m"),
            ("1 hour and 30 minutes", "1h30m"),
            ("1h, 30m", "1h30m"),
            ("1h30", "1h30m"),
            ("1 H", "1h"),
            ("PT1H30M", "1h30m"),
            ("P1D", "1d"),
            ("half an hour", "30m"),
            ("a quarter of an hour", ""),
            ("ten minutes", "10m"),
            ("1_000s", "16m40s"),
            ("0.1h", "6m"),
            ("5000000us", "5s"),
            ("90min", "1h30m"),
            ("2 weeks", "14d"),
            ("soon", ""),
            ("5", ""),
            ("", ""),
        ] {
            assert_eq!(super::meant(text).map(spell).unwrap_or_default(), meant, "{text}");
        }
    }

    #[test]
    fn what_is_advised_is_accepted() {
        let rule = setting::access_token_lifetime;
        for text in ["1.5h", "01:00:00", "3600", "3600000", "1 month", "soon", "", "-1h", "half an hour"] {
            let advice = advice(&rule, text);
            let quoted = advice.split("= \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            let length = parse(quoted);
            assert!(length.is_some_and(|length| rule.fault(length).is_none()), "{advice}");
        }
    }
}
