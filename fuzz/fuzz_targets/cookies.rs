//! `Cookie` headers: values are those of the name, ours come before others, and nobody crowds ours
//! out.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use otp_auth::axum::http::{HeaderMap, HeaderValue, header::COOKIE};
use otp_auth::delivery::Cookie;
use otp_auth::fuzzing::{challenge_cookies, earlier_cookies, refresh_cookies};
use otp_auth::{MemoryStore, OtpAuth};
use otp_auth_fuzz::{Config, User, settings};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// Whether the path was another one once.
    moved: bool,
    fields: Vec<Field<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Field<'a> {
    Raw(&'a [u8]),
    Pairs(Vec<(Name<'a>, Value<'a>, Gap)>),
}

#[derive(Arbitrary, Debug)]
enum Name<'a> {
    Refresh,
    Challenge,
    Earlier,
    Other(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Value<'a> {
    Ours(u8),
    Other(&'a [u8]),
}

/// What stands between two cookies.
#[derive(Arbitrary, Debug, Clone, Copy)]
enum Gap {
    Usual,
    None,
    Tab,
    Empty,
}

/// Names of the refresh cookie now and before, and of the challenge.
const NAMES: [[&[u8]; 3]; 2] = [
    [b"__Host-refresh_token-users", b"__Host-otp_challenge-users", b"__Secure-refresh_token-users"],
    [b"__Secure-refresh_token-users", b"__Host-otp_challenge-users", b"__Host-refresh_token-users"],
];

static APPS: LazyLock<[OtpAuth<Config<Cookie>>; 2]> = LazyLock::new(|| {
    let settings = [settings(), settings().cookie_path("/auth").previous_cookie_path("/")];
    settings.map(|settings| OtpAuth::new(Config::new(settings), MemoryStore::new(User::first)).expect("good settings"))
});

fn is_ours(value: &str) -> bool {
    value.starts_with("ours")
}

fuzz_target!(|input: Input<'_>| {
    let settings = APPS[usize::from(input.moved)].settings();
    let names = NAMES[usize::from(input.moved)];
    assert_eq!(settings.cookie_name.as_bytes(), names[0]);
    let mut headers = HeaderMap::new();
    for field in &input.fields {
        let bytes = match field {
            Field::Raw(bytes) => bytes.to_vec(),
            Field::Pairs(pairs) => {
                pairs.iter().flat_map(|(name, value, gap)| written(names, name, value, *gap)).collect()
            }
        };
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { continue };
        headers.append(COOKIE, value);
    }
    let all = |name| values(&headers, name);

    let refresh = refresh_cookies(&headers, settings, is_ours);
    assert_values(&refresh, &all(names[0]), 8);
    let challenge = challenge_cookies(&headers, settings, is_ours);
    assert_values(&challenge, &all(names[1]), 1);
    let earlier = earlier_cookies(&headers, settings, is_ours);
    assert!(input.moved || earlier.is_empty());
    if input.moved {
        assert_values(&earlier, &all(names[2]), 8);
    }

    // One of ours at the very end is found, unless there are eight of ours already.
    let last = "ours at the end";
    let mut crowded = headers.clone();
    crowded.append(COOKIE, HeaderValue::from_str(&format!("{}={last}", settings.cookie_name)).expect("text"));
    let found = refresh_cookies(&crowded, settings, is_ours);
    assert!(found.contains(&last) || found.len() == 8);
    assert!(found.iter().all(|value| is_ours(value)));
});

fn written(names: [&[u8]; 3], name: &Name<'_>, value: &Value<'_>, gap: Gap) -> Vec<u8> {
    let name = match name {
        Name::Refresh => names[0],
        Name::Challenge => names[1],
        Name::Earlier => names[2],
        Name::Other(bytes) => bytes,
    };
    let value = match value {
        Value::Ours(number) => format!("ours{number}").into_bytes(),
        Value::Other(bytes) => bytes.to_vec(),
    };
    let gap: &[u8] = match gap {
        Gap::Usual => b"; ",
        Gap::None => b";",
        Gap::Tab => b" ;\t",
        Gap::Empty => b";;",
    };
    [name, b"=", &value, gap].concat()
}

/// Every value of a name, read in another way: with one search per name, from the front.
fn values(headers: &HeaderMap, name: &[u8]) -> Vec<String> {
    let fields = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    let pairs = fields.flat_map(|field| field.split(|byte| *byte == b';').map(<[u8]>::trim_ascii));
    let named = pairs.filter_map(|pair| {
        let rest = pair.strip_prefix(name)?.trim_ascii_start();
        Some(rest.strip_prefix(b"=")?.trim_ascii())
    });
    let readable = named.map(|value| String::from_utf8(value.to_vec()).unwrap_or_else(|_| "\u{fffd}".to_owned()));
    readable.filter(|value| !value.is_empty()).collect()
}

/// The first different values: ours, or if there are none, the others.
fn assert_values(found: &[&str], all: &[String], most: usize) {
    let any_is_ours = all.iter().any(|value| is_ours(value));
    let mut expected: Vec<&str> = Vec::new();
    for value in all {
        if is_ours(value) == any_is_ours && !expected.contains(&value.as_str()) {
            expected.push(value);
        }
    }
    expected.truncate(most);
    assert_eq!(found, expected);
}
