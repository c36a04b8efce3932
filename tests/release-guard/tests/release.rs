//! Requirements OTP-13, CK-09, KEY-03: developer mode cannot slip into a
//! build without debug assertions.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::process::Command;

use otp_auth::testing::CapturingSender;
use otp_auth::{OtpAuth, OtpConfig, auth::CodeRequest};
use otp_auth_release_guard::{Allowed, AsDocumented, ByValue, store};

/// The codes of a few requests.
async fn codes<C: OtpConfig<User = otp_auth_release_guard::User>>(
    auth: &OtpAuth<C>,
    sender: &CapturingSender,
) -> Vec<String> {
    for number in 0..5 {
        let email = format!("user{number}@example.com");
        auth.request_code(CodeRequest::new(&email)).await.unwrap();
    }
    sender.messages().into_iter().map(|message| message.code).collect()
}

#[test]
fn this_package_is_built_without_debug_assertions() {
    const { assert!(!AsDocumented::DEBUG_BUILD) };
}

#[tokio::test]
async fn otp_13_the_documented_setting_gives_random_codes() {
    let sender = CapturingSender::new();
    let auth = OtpAuth::new(AsDocumented { sender: sender.clone() }, store()).unwrap();
    assert!(!auth.settings().developer_mode && auth.settings().cookie_secure);
    let codes = codes(&auth, &sender).await;
    // The chance of five codes of zeros is 1 in 10^30.
    assert!(codes.len() == 5 && codes.iter().any(|code| code != "000000"));
}

#[test]
fn otp_13_a_value_that_turns_it_on_stops_the_start() {
    let error = OtpAuth::new(ByValue { on: true, secure: true, ..ByValue::default() }, store()).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.faults().len(), 1, "{text}");
    assert!(text.contains("`developer_mode` is on in a build without debug assertions"), "{text}");
    assert!(OtpAuth::new(ByValue { on: false, secure: true, ..ByValue::default() }, store()).is_ok());
}

#[test]
fn ck_09_insecure_cookies_stop_the_start() {
    let error = OtpAuth::new(ByValue { on: false, secure: false, ..ByValue::default() }, store()).unwrap_err();
    assert!(error.to_string().contains("`cookie_secure` is off in a build without debug assertions"), "{error}");
}

#[tokio::test]
async fn developer_mode_in_release_takes_an_explicit_word() {
    let sender = CapturingSender::new();
    let auth = OtpAuth::new(Allowed { sender: sender.clone() }, store()).unwrap();
    assert_eq!(codes(&auth, &sender).await, ["000000"; 5]);
    // It allows insecure cookies, too, because developers have no HTTPS.
    assert!(!auth.settings().cookie_secure);
}

#[test]
fn otp_13_a_literal_true_does_not_compile() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["rustc", "--offline", "--lib", "--manifest-path", manifest, "--", "--cfg", "literal_developer_mode"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("allow_in_release(true)"), "{text}");
    assert!(text.contains("developer_mode = true"), "{text}");
}
