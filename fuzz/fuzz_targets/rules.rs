//! Values of settings: rates, networks, secrets, names of cookies and realms.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use otp_auth::axum::http::HeaderValue;
use otp_auth_rules::{Rate, cookie, network, secret, setting, text};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Rate(&'a str),
    Network(&'a str),
    Secret(&'a [u8]),
    Text(&'a str),
}

fuzz_target!(|input: Input<'_>| match input {
    Input::Rate(text) => assert_rate(text),
    Input::Network(text) => assert_network(text),
    Input::Secret(bytes) => assert_secret(bytes),
    Input::Text(text) => assert_text(text),
});

fn assert_rate(text: &str) {
    let Ok(rate) = text.parse::<Rate>() else { return };
    assert_eq!(rate.to_string().parse(), Ok(rate));
    let fault = setting::request_limit.fault(rate);
    match rate.parts() {
        None => assert!(rate == Rate::UNLIMITED && rate.interval().is_none() && fault.is_none()),
        Some((_, count, burst)) => {
            let is_good = (1..=100_000).contains(&count) && (1..=100_000).contains(&burst);
            assert_eq!(fault.is_none(), is_good);
            assert!((1..=100_000).contains(&rate.burst_size()));
            assert!(rate.interval().is_some_and(|interval| !interval.is_zero()));
        }
    }
}

fn assert_network(text: &str) {
    let fault = network::proxy_fault(text);
    let Some(network) = network::parse(text) else {
        assert!(fault.is_some());
        return;
    };
    match fault {
        None => {
            assert!(network.prefix_len() > 0 && network.contains(&network.addr()));
            assert_eq!(network.trunc(), network);
            assert_eq!(network::parse(&network.to_string()), Some(network));
        }
        Some(fault) => {
            let better = fault.strip_suffix('`').and_then(|fault| fault.rsplit_once(": write `"));
            assert!(better.is_none_or(|(_, better)| network::proxy_fault(better).is_none()), "{fault}");
        }
    }
}

fn assert_secret(bytes: &[u8]) {
    let is_weak = secret::weakness(bytes).is_some();
    assert!(is_weak || bytes.len() >= secret::MIN_BYTES);
    if bytes.len() <= 256 {
        assert!(secret::weakness(&bytes.repeat(2)).is_some());
        assert!(secret::weakness(&[b"changeme", bytes].concat()).is_some());
    }
}

fn assert_text(value: &str) {
    let is_header = |text: &str| HeaderValue::from_str(text).is_ok();
    if cookie::name(value).is_none() {
        assert!(is_header(value) && !value.contains(['=', ';', ' ', ',', '"']));
    }
    if cookie::path(value).is_none() {
        assert!(value.starts_with('/') && is_header(value) && !value.contains(';'));
    }
    if cookie::domain(value).is_none() {
        assert!(is_header(value) && !value.contains(['=', ';', ' ', ',']) && value.contains('.'));
    }
    if text::realm(value).is_none() {
        assert!((1..=64).contains(&value.len()) && !value.contains(char::is_control));
    }
    if network::client_ip(value).is_none() {
        assert!(value.parse::<otp_auth::axum::http::HeaderName>().is_ok());
    }
    let _ = text::token_name(value);
}
