//! Arbitrary contents under the right key: the tokens of devices and of messages.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use otp_auth::config::LocalPartCase;
use otp_auth::delivery::Body;
use otp_auth::fuzzing::{Readers, folded};
use otp_auth::store::Timestamp;
use otp_auth::user::Address;
use otp_auth_fuzz::{ANN, Config, Key, base64url, settings};

#[derive(Arbitrary, Debug)]
enum Token<'a> {
    Device(&'a [u8]),
    Unlock { id: [u8; 16], owner: Option<[u8; 16]>, expires_at: i64, rest: &'a [u8], now: i64 },
}

struct State {
    readers: Readers,
    device: Key,
    unlock: Key,
    ann: Address,
    /// The first half of the identity of the address, and the identity of its mailbox.
    identity: Vec<u8>,
    mailbox: Vec<u8>,
}

static STATE: LazyLock<State> = LazyLock::new(|| {
    let ann = Address::parse(ANN, LocalPartCase::Lower).expect("an address");
    let key = Key::of("identity");
    State {
        readers: Readers::of(&Config::<Body>::new(settings())).expect("good settings"),
        device: Key::of("known device"),
        unlock: Key::of("unlock"),
        identity: key.mac(&[ann.canonical().as_bytes()])[..16].to_vec(),
        mailbox: key.mac(&[folded(&ann).as_bytes()]),
        ann,
    }
});

fuzz_target!(|token: Token<'_>| {
    let State { readers, device, unlock, ann, identity, mailbox } = &*STATE;
    match token {
        Token::Device(body) => {
            let token = base64url(&[body, &device.mac(&[body])].concat());
            let sign_ins = body.len().saturating_sub(16);
            let is_whole = sign_ins % 40 == 0 && (1..=5).contains(&(sign_ins / 40));
            let read = readers.device(&token);
            assert_eq!(read.is_some(), is_whole);
            if let Some(read) = read {
                assert_eq!(read.expose(), token);
            }
        }
        Token::Unlock { id, owner, expires_at, rest, now } => {
            let owner = owner.map_or(identity.clone(), |owner| owner.to_vec());
            let body = [&id[..], &owner, &expires_at.to_be_bytes(), rest].concat();
            let token = base64url(&[&body[..], &unlock.mac(&[mailbox, &body])].concat());
            let read = readers.unlock(ann, &token, Timestamp::from_millis(now));
            let is_valid = rest.is_empty() && now < expires_at;
            let expected = if owner == *identity { id } else { [0; 16] };
            assert_eq!(read, is_valid.then_some(expected));
        }
    }
});
