//! `docs/limits.md` has the limits of the code.

use std::collections::BTreeSet;
use std::time::Duration;

use otp_auth::limit::Rate;
use otp_auth_rules::pairs::Guessing;

use super::{defaults, flowing, read, section, table_rows};

/// A constant of the library: a number, or a duration in seconds.
fn constant(file: &str, name: &str) -> u64 {
    let code = read(&format!("otp-auth/src/{file}"));
    let line = code.lines().map(str::trim).find(|line| line.contains(&format!("const {name}: ")));
    let line = line.unwrap_or_else(|| panic!("{file} has no {name}"));
    let value = line.split_once(" = ").unwrap().1.trim_end_matches(';');
    let (unit, value) = match value.strip_prefix("Duration::from_").and_then(|value| value.split_once('(')) {
        Some(("secs", seconds)) => (1, seconds),
        Some(("mins", minutes)) => (60, minutes),
        Some(("hours", hours)) => (3_600, hours),
        None => (1, value),
        other => panic!("{name}: {other:?}"),
    };
    let factors =
        value.trim_end_matches(')').split(" * ").map(|factor| factor.replace('_', "").parse::<u64>().unwrap());
    unit * factors.product::<u64>()
}

/// With a comma before every three digits.
fn grouped(number: u64) -> String {
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", grouped(number / 1_000), number % 1_000) }
}

/// In the largest unit that is used for it in the document.
fn spelled(span: Duration) -> String {
    let count = |number: u64, unit: &str| format!("{number} {unit}{}", if number == 1 { "" } else { "s" });
    match span.as_secs() {
        seconds if seconds > 86_400 && seconds % 86_400 == 0 => count(seconds / 86_400, "day"),
        seconds if seconds % 3_600 == 0 => count(seconds / 3_600, "hour"),
        seconds if seconds > 60 && seconds % 60 == 0 => count(seconds / 60, "minute"),
        seconds => count(seconds, "second"),
    }
}

fn seconds(seconds: u64) -> String {
    spelled(Duration::from_secs(seconds))
}

/// `"60/hour burst 20"` as the document says it, both divided.
fn rate(rate: Rate, divided: u64) -> String {
    let text = rate.to_string();
    let (count, rest) = text.split_once('/').unwrap();
    let (unit, burst) = rest.split_once(" burst ").unwrap();
    let [count, burst] = [count, burst].map(|number| grouped(number.parse::<u64>().unwrap() / divided));
    format!("{burst} at once, then {count} per {unit}")
}

#[test]
fn doc_06_doc_07_the_limits_have_the_defaults_of_the_code() {
    let settings = defaults();
    let in_store = |running, waiting| {
        let [running, waiting] = [running, waiting].map(|name| grouped(constant("store/erased.rs", name)));
        format!("{running}, and {waiting} wait")
    };
    let of_anybody = in_store("MAX_RUNNING_OF_ANYBODY", "MAX_WAITING_OF_ANYBODY");
    let sends_to_devices = constant("auth/mod.rs", "MAX_SENDS_TO_KNOWN_DEVICES");
    let failure = constant("auth/limit.rs", "FAILURE");
    let short = settings.short_codes_per_day();
    let guessing = Guessing {
        strangers: settings.max_sends_per_day_total,
        device: settings.max_sends_per_day,
        attempts: settings.max_otp_attempts,
        digits: settings.otp_length,
    };
    let guesses = guessing.hundredths(short);
    let codes = grouped(10_u64.pow(settings.otp_length.into()));
    assert_eq!(settings.strangers_limit, Rate::UNLIMITED);
    let expected = [
        ("digits", settings.otp_length.to_string()),
        ("codes that are compared, right or wrong", settings.max_otp_attempts.to_string()),
        ("lifetime", spelled(settings.otp_expiry)),
        ("uses", "1".to_owned()),
        ("time between two e-mails", spelled(settings.otp_rate_limit)),
        ("e-mails per hour", settings.max_sends_per_hour.to_string()),
        ("e-mails per day", settings.max_sends_per_day.to_string()),
        ("e-mails per day", settings.max_sends_per_day_total.to_string()),
        (
            "of them with a code of `otp_length` digits; the later ones have two more",
            format!("{short}, and {short} for each known device"),
        ),
        (
            "guesses in any 24 hours, for strangers and one known device together",
            format!("{}.{} of {codes} codes", guesses / 100, guesses % 100 / 10),
        ),
        ("failures of strangers in a row", constant("challenge/mod.rs", "MAX_FAILURES").to_string()),
        ("requests for a code", rate(settings.request_limit, 1)),
        ("failed sign-ins", rate(settings.verify_limit, failure)),
        ("sign-ins", format!("{}, less {failure} for each failure", rate(settings.verify_limit, 1))),
        ("refreshes", rate(settings.refresh_limit, 1)),
        ("sign-outs", rate(settings.logout_limit, 1)),
        ("code requests by strangers of all networks together", "none".to_owned()),
        (
            "e-mails being sent",
            format!(
                "{}, and {sends_to_devices} more to [known devices](http.md#known-devices)",
                constant("auth/mod.rs", "MAX_SENDS")
            ),
        ),
        ("requests for a code in the store, by strangers", of_anybody.clone()),
        (
            "requests for a code in the store, by known devices",
            in_store("MAX_RUNNING_OF_KNOWN_DEVICES", "MAX_WAITING_OF_ANYBODY"),
        ),
        ("attempts in the store", of_anybody),
        ("other calls in the store", in_store("MAX_RUNNING", "MAX_WAITING")),
        ("bodies of requests that have not arrived", grouped(constant("auth/mod.rs", "MAX_ARRIVING"))),
        ("length of its body", format!("{} KiB", constant("web/json.rs", "MAX_BODY_BYTES") / 1_024)),
        ("until its body has arrived", seconds(constant("web/json.rs", "BODY_TIMEOUT"))),
        (
            "until a call has its turn in the store",
            format!("{}, and none if the client has hung up", seconds(constant("store/turns.rs", "TURN_TIMEOUT"))),
        ),
        ("until the store has answered a call", seconds(constant("store/mod.rs", "ANSWER_TIMEOUT"))),
        ("until the sender has accepted an e-mail", format!("{} (`send_timeout`)", spelled(settings.send_timeout))),
        ("until a hook has answered", seconds(constant("auth/hooks.rs", "HOOK_TIMEOUT"))),
    ];
    let document = read("docs/limits.md");
    let rows = table_rows(section(&document, "## Limits"));
    let found: BTreeSet<_> = rows.iter().map(|row| (row[0], row[1].to_owned())).collect();
    let expected = BTreeSet::from(expected);
    let only_in =
        |one: &BTreeSet<_>, other: &BTreeSet<_>| one.difference(other).cloned().collect::<Vec<(&str, String)>>();
    assert_eq!(only_in(&found, &expected), only_in(&expected, &found), "in docs/limits.md, and in the code");
    assert_eq!(rows.len(), expected.len(), "a row stands twice");

    let lifetime = spelled(settings.refresh_token_lifetime);
    let grace = spelled(settings.refresh_grace);
    assert_eq!(constant("session.rs", "RECOVERY_WINDOW"), 86_400);
    let sessions = table_rows(section(&document, "## Sessions"));
    for (rule, default) in [
        ("Idle timeout", "none".to_owned()),
        ("Absolute lifetime", format!("{lifetime} from sign-in (`refresh_token_lifetime`)")),
        ("Access token", format!("{} (`access_token_lifetime`)", spelled(settings.access_token_lifetime))),
        ("Refresh token", format!("for {grace} (`refresh_grace`), and once more within a day")),
        ("Concurrent sessions", "any number".to_owned()),
        ("Known device", seconds(constant("challenge/device.rs", "DEVICE_LIFETIME"))),
        ("`unlock` token in an e-mail", seconds(constant("challenge/unlock.rs", "UNLOCK_LIFETIME"))),
    ] {
        let row = sessions.iter().find(|row| row[0] == rule).unwrap_or_else(|| panic!("no row for {rule}"));
        assert!(row[1].contains(&default), "{rule}: {default}");
        assert!(!row[2].is_empty(), "{rule} has no reason");
    }

    let networks = constant("limit/memory.rs", "SHARDS") * constant("limit/memory.rs", "MAX_ENTRIES");
    assert!(flowing("docs/limits.md").contains(&format!("at most {} networks", grouped(networks))));
}
