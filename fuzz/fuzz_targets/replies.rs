//! What a mail server replies, as the log shows it: one short line without addresses, codes and
//! tokens, however the server quotes them.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use otp_auth::{OtpMessage, SendError, fuzzing};

#[derive(Arbitrary, Debug)]
struct Reply<'a> {
    before: &'a str,
    between: &'a str,
    after: &'a str,
    /// What stands after each digit of the code.
    gaps: [Gap; 6],
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Gap {
    None,
    Space,
    Dash,
}

const CODE: &str = "918273";
const ADDRESS: &str = "zq.Ann@example.com";
const UNLOCK: &str = "zqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzq";

fuzz_target!(|reply: Reply<'_>| {
    let Reply { before, between, after, gaps } = reply;
    let gaps = gaps.map(|gap| match gap {
        Gap::None => "",
        Gap::Space => " ",
        Gap::Dash => "-",
    });
    let code: String = CODE.chars().zip(gaps).flat_map(|(digit, gap)| [digit.to_string(), gap.to_owned()]).collect();
    let text = format!("{before} {code} {between} <{ADDRESS}> {UNLOCK} {after}");
    let error = SendError::new(text);
    let message = OtpMessage::new(ADDRESS, CODE, Duration::from_secs(600)).unlock(UNLOCK);
    let logged = fuzzing::summary(&error, &message);
    for line in [&logged, &error.to_string()] {
        assert!(line.chars().count() <= 340);
        assert!(!line.contains('@') && !line.contains(char::is_control));
        let mut runs = line.split(|c: char| !c.is_numeric());
        assert!(runs.all(|run| run.chars().count() <= 5), "{line}");
    }
    // What the rest of the reply says by itself is not ours to judge.
    let rest = [before, between, after].concat();
    if !rest.contains(char::is_numeric) {
        let bare = logged.replace([' ', '-'], "");
        assert!(!bare.contains(CODE), "{logged}");
    }
    if !rest.to_lowercase().contains(['z', 'q']) {
        assert!(!logged.to_lowercase().contains("zq"), "{logged}");
    }
});
