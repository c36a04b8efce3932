//! Origins, hosts and credentials in headers, and origins and hosts in settings.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use otp_auth::axum::http::header::{AUTHORIZATION, HOST};
use otp_auth::axum::http::{HeaderMap, HeaderValue, Uri};
use otp_auth::fuzzing::{is_at, target, token};
use otp_auth_rules::origin::{host_fault, is_loopback, origin_fault};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    origin: &'a str,
    host: &'a str,
    uri: &'a str,
    authorization: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    assert_same(input.origin, input.host);
    assert_same(&format!("https://{}", input.host), input.host);
    assert_same(&format!("http://{}:80", input.host), input.host);
    assert_target(input.uri, input.host);
    assert_token(input.authorization);
    assert_settings(input.origin);
    assert_settings(input.host);
});

/// What counts as the origin of a host is that host, with the scheme and nothing else.
fn assert_same(origin: &str, host: &str) {
    if !is_at(origin, host) {
        return;
    }
    let (scheme, authority) = origin.split_once("://").expect("a scheme");
    let (scheme, authority, host) =
        (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase(), host.to_ascii_lowercase());
    let default = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        other => panic!("{other} is no scheme of a page"),
    };
    for text in [&authority, &host] {
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte)), "{text}");
    }
    if !authority.contains('[') {
        let bare = |text: &str| text.strip_suffix(default).unwrap_or(text).to_owned();
        assert_eq!(bare(&authority), bare(&host));
    }
    // Another host, port or scheme is another origin.
    for other in [format!("{origin}.evil.test"), format!("{scheme}://evil.{authority}"), format!("x{origin}")] {
        assert!(!is_at(&other, &host), "{other} at {host}");
    }
}

/// The host of a request is the one that it names, and it names one.
fn assert_target(uri: &str, host: &str) {
    let (Ok(uri), Ok(host)) = (uri.parse::<Uri>(), HeaderValue::from_str(host)) else { return };
    let mut headers = HeaderMap::new();
    let without = target(&uri, &headers);
    assert_eq!(
        without.is_some(),
        uri.authority().is_some_and(|authority| is_at(&format!("http://{authority}"), authority.as_str()))
    );
    headers.append(HOST, host.clone());
    if let Some(found) = target(&uri, &headers) {
        assert!(without.is_none_or(|without| without == found));
        let text = host.to_str().expect("parsed").to_ascii_lowercase();
        assert!(
            found.starts_with('[')
                || text == found
                || text.strip_prefix(&found).is_some_and(|port| port.starts_with(':'))
        );
    }
    headers.append(HOST, host);
    assert_eq!(target(&uri, &headers), None);
}

fn assert_token(field: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(field) else { return };
    let mut headers = HeaderMap::new();
    headers.append(AUTHORIZATION, value.clone());
    if let Some(Some(token)) = token(&headers) {
        assert!(value.as_bytes()[..7].eq_ignore_ascii_case(b"bearer "));
        assert!(!token.is_empty() && token.is_ascii() && !token.contains([' ', '\t', ',']));
        assert_eq!(value.as_bytes()[7..].trim_ascii(), token.as_bytes());
    }
    headers.append(AUTHORIZATION, value);
    assert_eq!(token(&headers), None);
}

/// What a setting accepts is what browsers send, and what it suggests instead is accepted.
fn assert_settings(text: &str) {
    match origin_fault(text) {
        None => {
            let (scheme, authority) = text.split_once("://").expect("a scheme");
            assert!(!authority.contains(['/', '?', '#', '\\', '@', '*', ' ']) && text.is_ascii());
            if scheme == "https" || scheme == "http" {
                assert!(is_at(text, authority), "{text}");
                assert!(!authority.ends_with(if scheme == "http" { ":80" } else { ":443" }));
            }
        }
        Some(fault) => assert!(suggested(&fault).is_none_or(|better| origin_fault(better).is_none()), "{fault}"),
    }
    match host_fault(text) {
        None => assert!(is_at(&format!("https://{text}"), text)),
        Some(fault) => assert!(suggested(&fault).is_none_or(|better| host_fault(better).is_none()), "{fault}"),
    }
    assert!(!is_loopback(text) || text.is_ascii() || text.ends_with(".localhost"));
}

fn suggested(fault: &str) -> Option<&str> {
    let is_example = fault.contains("write, for example, ");
    fault.strip_suffix('`')?.rsplit_once(": write `").map(|(_, better)| better).filter(|_| !is_example)
}
