//! JSON bodies of every route, both ways: what is read is what the JSON says, and is written back
//! as it was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otp_auth::problem::Problem;
use otp_auth::session::Session;
use otp_auth::wire::{
    ChallengeIssued, ChallengeIssuedInBody, Message, NoBody, RefreshBody, RequestOtpBody, RequestOtpBodyWithDevice,
    TokensIssued, TokensIssuedInBody, VerifyBody, VerifyBodyWithChallenge,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fuzz_target!(|json: &[u8]| {
    both_ways::<RequestOtpBody>(json);
    both_ways::<RequestOtpBodyWithDevice>(json);
    both_ways::<VerifyBody>(json);
    both_ways::<VerifyBodyWithChallenge>(json);
    both_ways::<RefreshBody>(json);
    both_ways::<NoBody>(json);
    both_ways::<ChallengeIssued>(json);
    both_ways::<ChallengeIssuedInBody>(json);
    both_ways::<TokensIssued>(json);
    both_ways::<TokensIssuedInBody>(json);
    both_ways::<Message>(json);
    // Its members besides `code` and `detail` follow from them.
    if let Ok(problem) = serde_json::from_slice::<Problem>(json) {
        let written = serde_json::to_vec(&problem).expect("plain members");
        assert_eq!(serde_json::from_slice::<Problem>(&written).ok(), Some(problem));
    }
    if let Ok(session) = serde_json::from_slice::<Session>(json) {
        let written = serde_json::to_vec(&session).expect("plain members");
        assert_eq!(serde_json::from_slice::<Session>(&written).ok(), Some(session));
    }
});

fn both_ways<T: DeserializeOwned + Serialize>(json: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(json) else { return };
    let written = serde_json::to_value(&read).expect("plain members");
    // A list of the members in their order is a struct to serde, but the routes refuse it. Members
    // that nobody reads may have numbers and text that no value can hold.
    if let Ok(Value::Object(said)) = serde_json::from_slice(json) {
        for (name, value) in written.as_object().expect("an object") {
            assert!(value.is_null() || said.get(name) == Some(value), "{name}");
        }
    }
    let again: T = serde_json::from_value(written.clone()).expect("what is written is read");
    assert_eq!(serde_json::to_value(again).expect("plain members"), written);
}
