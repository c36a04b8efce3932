//! Every key in the table of `otp-auth-rules`.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use otp_auth_rules::{Form, KEYS, secret, setting, spell};

use super::attribute;
use crate::testing::{errors, source};

#[macro_use]
#[path = "../../../../tests/shared/every_key.rs"]
mod list;
#[path = "../../../../tests/shared/origins.rs"]
mod texts;

/// A key, a literal, an expression, and rejected texts.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

macro_rules! rows {
    ($($key:ident: $literal:expr, $expression:expr, [$($refused:literal),*];)*) => {
        const ROWS: &[Row] = &[$((stringify!($key), stringify!($literal), stringify!($expression), &[$($refused),*])),*];
    };
}

every_key!(rows);

/// The mistakes in a configuration with these arguments.
fn mistakes(arguments: &str) -> Vec<(String, String)> {
    errors(&attribute(source(arguments), source("struct Auth { #[otp(sender)] sender: ConsoleSender }")))
}

fn row(key: &str) -> &'static Row {
    ROWS.iter().find(|row| row.0 == key).unwrap_or_else(|| panic!("`{key}` is not in tests/shared/every_key.rs"))
}

/// The required arguments, without the key itself, and with the one that it needs.
fn frame(key: &str) -> &'static str {
    match key {
        "secret_key" => "user = User",
        "client_ip" => "user = User, secret_key = env(\"S\"), trusted_proxies = [\"192.0.2.1\"]",
        "trusted_proxies" => "user = User, secret_key = env(\"S\"), client_ip = \"x-real-ip\"",
        _ => "user = User, secret_key = env(\"S\")",
    }
}

#[test]
fn every_key_takes_a_literal_and_an_expression() {
    for key in KEYS.iter().filter(|key| !["user", "hooks", "crate"].contains(&key.name)) {
        let (name, literal, expression, _) = row(key.name);
        let developing = if name.contains("secret") { ", developer_mode = cfg!(debug_assertions)" } else { "" };
        for value in [literal, expression] {
            assert_eq!(mistakes(&format!("{}{developing}, {name} = {value}", frame(name))), [], "{name} = {value}");
        }
        // Messages suggest this.
        assert_eq!(mistakes(&format!("{}, {}", frame(name), key.example())), [], "{}", key.example());
    }
    assert_eq!(ROWS.len() + 3, KEYS.len());
}

/// The literals that a key rejects, each with the fault.
fn refused(key: &otp_auth_rules::Key) -> Vec<(String, String)> {
    let texts = row(key.name).3;
    let quoted = |fault: &dyn Fn(&str) -> Option<String>| -> Vec<_> {
        assert!(!texts.is_empty(), "tests/shared/every_key.rs has nothing that `{}` refuses", key.name);
        texts.iter().map(|text| (format!("{text:?}"), fault(text).unwrap_or_default())).collect()
    };
    match key.form {
        Form::Time(rule) => {
            let step = Duration::from_millis(1);
            let outside = [rule.shortest.checked_sub(step), rule.longest.checked_add(step)];
            let literal = |length| (format!("\"{}\"", spell(length)), rule.fault(length).unwrap_or_default());
            outside.into_iter().flatten().map(literal).collect()
        }
        Form::Count(rule) => {
            let outside = [u64::from(rule.least).checked_sub(1), u64::from(rule.most).checked_add(1)];
            let literal = |number: u64| (number.to_string(), rule.fault(number).unwrap_or_default());
            outside.into_iter().flatten().map(literal).collect()
        }
        Form::Text(rule) => quoted(&|text| rule.fault(text)),
        Form::List(rule) => quoted(&|text| rule.fault(text)),
        Form::Limit(rule) => {
            quoted(&|text| text.parse().map_or_else(|_| Some(rule.not_a_rate()), |rate| rule.fault(rate)))
        }
        Form::Secret(_) | Form::Secrets(_) => {
            let fault = |text: &str| secret::weakness(text.as_bytes()).map(str::to_owned);
            quoted(&fault)
        }
        Form::Type(_) | Form::Word(_) | Form::Path(_) | Form::Delivery | Form::Flag(_) | Form::Choice(_) => Vec::new(),
    }
}

#[test]
fn every_literal_outside_its_range_is_refused_in_the_words_of_the_rule() {
    for key in KEYS.iter().filter(|key| !["user", "hooks", "crate"].contains(&key.name)) {
        for (literal, fault) in refused(key) {
            let name = key.name;
            let list = matches!(key.form, Form::List(_) | Form::Secrets(_));
            let value = if list { format!("[{literal}]") } else { literal.clone() };
            let found = mistakes(&format!("{}, {name} = {value}", frame(name)));
            let [(place, message)] = &found[..] else { panic!("{name} = {value}: {found:?}") };
            assert_eq!(*place, literal);
            assert!(!fault.is_empty() && message.starts_with(&format!("`{name}` ")), "{message}");
            assert!(message.contains(&fault), "{message}: {fault}");
        }
    }
}

#[test]
fn origins_and_hosts_are_refused_alike_as_literals_and_as_expressions() {
    let literals = |texts: &[&str]| texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
    for (key, good, bad, rule) in [
        ("trusted_origins", texts::GOOD_ORIGINS, texts::BAD_ORIGINS, setting::trusted_origins),
        ("developer_hosts", texts::GOOD_HOSTS, texts::BAD_HOSTS, setting::developer_hosts),
    ] {
        assert_eq!(mistakes(&format!("{}, {key} = [{}]", frame(key), literals(good))), []);
        let bad: Vec<_> = bad.iter().map(|(text, _)| *text).collect();
        // `tests/behaviour/origins.rs` expects the same of expressions.
        let fault = |text: &&str| (format!("{text:?}"), format!("`{key}` {}", rule.fault(text).unwrap_or_default()));
        let found = mistakes(&format!("{}, {key} = [{}]", frame(key), literals(&bad)));
        assert_eq!(found, bad.iter().map(fault).collect::<Vec<_>>());
    }
}
