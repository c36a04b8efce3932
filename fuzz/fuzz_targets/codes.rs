//! What people type and what clients hold: codes, challenges and ids.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otp_auth::auth::ChallengeKey;
use otp_auth::fuzzing;
use otp_auth::session::{AuthMethods, SessionId, SubjectId, TokenId};

fuzz_target!(|text: &str| {
    if let Some(code) = fuzzing::code(text) {
        let digits = code.expose();
        assert!((1..=64).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(fuzzing::code(digits).as_ref(), Some(&code));
        // No letter was dropped, and every ASCII digit is there, in its place.
        assert!(!text.contains(|c: char| c.is_ascii_alphabetic()));
        let ascii: String = text.chars().filter(char::is_ascii_digit).collect();
        let mut rest = digits.chars();
        assert!(ascii.chars().all(|digit| rest.any(|other| other == digit)));
        if text.is_ascii() {
            assert_eq!(ascii, digits);
        }
        let spaced: String = digits.chars().flat_map(|digit| [digit, ' ', '-']).collect();
        assert_eq!(fuzzing::code(&spaced).as_ref(), Some(&code));
    }
    if ChallengeKey::of(text).is_some() {
        assert!(matches!(text.len(), 22 | 43));
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        // It has one spelling: the other values of its last character are refused.
        let (head, last) = text.split_at(text.len() - 1);
        let others = "AQgwBCDEFGHIJKLMNOPRSTUVWXYZ".chars().filter(|c| !last.contains(*c));
        for other in others.take(8) {
            let twin = format!("{head}{other}");
            assert!(ChallengeKey::of(&twin).is_none() || ChallengeKey::of(&twin) != ChallengeKey::of(text));
        }
    }
    if let Ok(id) = text.parse::<SessionId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(id) = text.parse::<TokenId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(id) = text.parse::<SubjectId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(methods) = text.parse::<AuthMethods>() {
        assert_eq!(methods.iter().next(), Some("otp"));
        assert!(methods.iter().count() <= 9 && methods.iter().all(|method| (1..=32).contains(&method.len())));
        assert_eq!(methods.as_str().parse().as_ref(), Ok(&methods));
    }
});
