//! Forged tokens of every kind: what is accepted is, byte for byte, what was issued.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use otp_auth::auth::ChallengeKey;
use otp_auth::config::LocalPartCase;
use otp_auth::delivery::Body;
use otp_auth::fuzzing::Readers;
use otp_auth::store::Timestamp;
use otp_auth::user::Address;
use otp_auth_fuzz::{ANN, Config, Edit, Issued, base64url, edited, settings};
use serde_json::{Map, Value};

#[derive(Arbitrary, Debug)]
enum Forgery<'a> {
    Raw(&'a str),
    Edited { kind: u8, edits: Vec<Edit<'a>> },
    Parts([Part<'a>; 3]),
}

/// A part of a compact token.
#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Of { kind: u8, part: u8 },
    Raw(&'a str),
    Encoded(&'a [u8]),
}

struct State {
    issued: Issued,
    readers: Readers,
    ann: Address,
    now: Timestamp,
}

static STATE: LazyLock<State> = LazyLock::new(|| {
    let issued = Issued::by(settings());
    let readers = Readers::of(&Config::<Body>::new(settings())).expect("good settings");
    let ann = Address::parse(ANN, LocalPartCase::Lower).expect("an address");
    let now = issued.clock.now();
    State { issued, readers, ann, now }
});

fuzz_target!(|forgery: Forgery<'_>| {
    let State { issued, readers, ann, now } = &*STATE;
    let of = |kind: u8| issued.all()[usize::from(kind) % 5];
    let token = match forgery {
        Forgery::Raw(text) => text.to_owned(),
        Forgery::Edited { kind, edits } => match edited(of(kind), &edits) {
            Some(text) => text,
            None => return,
        },
        Forgery::Parts(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Of { kind, part } => {
                    of(*kind).split('.').cycle().nth(usize::from(part % 3)).unwrap_or("").to_owned()
                }
                Part::Raw(text) => (*text).to_owned(),
                Part::Encoded(bytes) => base64url(bytes),
            })
            .collect::<Vec<_>>()
            .join("."),
    };
    assert_eq!(readers.access::<Map<String, Value>>(&token, *now).is_some(), token == issued.access);
    assert_eq!(readers.refresh(&token, *now).is_some(), token == issued.refresh);
    assert_eq!(readers.device(&token).is_some(), token == issued.device);
    assert_eq!(readers.unlock(ann, &token, *now).is_some(), token == issued.unlock);
    if token != issued.challenge {
        assert!(ChallengeKey::of(&token) != ChallengeKey::of(&issued.challenge));
    }
});
