//! One-time codes: challenges, and whether a presented code opens one. Pure rules without I/O; the
//! time is passed in.

pub(crate) mod budget;
pub(crate) mod code;
pub(crate) mod device;
pub(crate) mod unlock;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::crypto;
use crate::email::Address;
use crate::error::RandomError;
use crate::id;
use crate::keys::Keys;
use crate::secret::{Secret, redacted};

macro_rules! bytes32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The value with these bytes, as stored.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes to store.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        redacted!($name);
    };
}

bytes32! {
    /// An address as stores know it: an HMAC of its canonical form, which reveals the address only
    /// to those who have the secret.
    Identity
}

bytes32! {
    /// The key of a challenge in a store: a hash of what the client holds, so a copy of the table
    /// is useless.
    ChallengeKey
}

bytes32! {
    /// The MAC of a code, bound to its challenge and identity.
    CodeMac
}

impl ChallengeKey {
    /// The key of a challenge that a client holds, the `challenge` in the response to
    /// `POST /request-otp`. `None` if it is not a challenge.
    #[must_use]
    pub fn of(challenge: &str) -> Option<Self> {
        Challenge::parse(challenge).map(|challenge| challenge.key())
    }
}

impl Identity {
    pub(crate) fn of(keys: &Keys, address: &Address) -> Self {
        Self(keys.identity.mac(&[address.canonical().as_bytes()]))
    }

    /// The identity of the mailbox behind an address, so that its aliases share what they may
    /// receive.
    pub(crate) fn of_mailbox(keys: &Keys, address: &Address) -> Self {
        Self(keys.identity.mac(&[address.folded().as_bytes()]))
    }

    /// The key of the budget that a network of strangers has for this mailbox.
    pub(crate) fn payer_in(&self, keys: &Keys, network: &str) -> Self {
        Self(keys.identity.mac(&[self.as_bytes(), b"network ", network.as_bytes()]))
    }

    /// For logs: enough to find related lines, too little to find the address.
    pub(crate) fn short(&self) -> impl fmt::Display {
        let [a, b, c, d, ..] = self.0;
        fmt::from_fn(move |f| [a, b, c, d].iter().try_for_each(|byte| write!(f, "{byte:02x}")))
    }
}

/// The id of a device. Random, and useless without the MAC of its token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeviceId([u8; 16]);

impl DeviceId {
    /// Stands for whoever reads any alias of a mailbox.
    pub(crate) const OF_ALIASES: Self = Self([0; 16]);

    pub(crate) fn random() -> Result<Self, RandomError> {
        crypto::random().map(Self)
    }

    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The key of this device's budget for an address.
    pub(crate) fn payer(&self, keys: &Keys, identity: &Identity) -> Identity {
        Identity(keys.identity.mac(&[identity.as_bytes(), &self.0]))
    }
}

redacted!(DeviceId);

/// The secret that ties a code to the client that requested it (ASVS 5.0 6.6.2): 128 random bits
/// that only this client holds.
///
/// Includes the known device that paid for it, if any, so that the sign-in belongs to that device.
/// Otherwise a device could get new devices, each with its own budget, for as long as it can read
/// the mailbox. The key covers both, so a client cannot change the device.
#[derive(Clone, Copy)]
pub(crate) struct Challenge {
    secret: [u8; 16],
    device: Option<DeviceId>,
}

impl Challenge {
    pub(crate) fn random(device: Option<DeviceId>) -> Result<Self, RandomError> {
        Ok(Self { secret: crypto::random()?, device })
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(secret) = id::decode(text) {
            return Some(Self { secret, device: None });
        }
        // 32 bytes. Check the length first, so that a huge text costs nothing.
        let bytes = (text.len() == 43).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
        let (secret, device) = bytes.split_first_chunk()?;
        let device = device.try_into().ok().map(DeviceId::from_bytes)?;
        Some(Self { secret: *secret, device: Some(device) })
    }

    /// The device that paid.
    pub(crate) fn device(&self) -> Option<DeviceId> {
        self.device
    }

    pub(crate) fn key(&self) -> ChallengeKey {
        ChallengeKey(crypto::hash(&self.to_bytes()))
    }

    pub(crate) fn to_secret(self) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.to_bytes().as_slice()))
    }

    fn to_bytes(self) -> Zeroizing<Vec<u8>> {
        let device = self.device.as_ref().map_or(&[][..], |device| device.as_bytes());
        Zeroizing::new([&self.secret[..], device].concat())
    }
}

redacted!(Challenge);

/// A challenge after another attempt was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CountedAttempt {
    /// The number of this attempt, starting at 1. Up to the limit, no two callers get the same
    /// number.
    pub number: u32,
    /// The identity that the challenge is for.
    pub identity: Identity,
    /// The MAC of the correct code; `None` after it was accepted.
    pub code_mac: Option<CodeMac>,
    /// When the challenge expires.
    pub expires_at: Timestamp,
    /// How often strangers have failed for this identity since the last sign-in, with this attempt.
    /// Zero for a known device.
    pub failures: u32,
}

impl CountedAttempt {
    /// Attempt `number` on a challenge.
    #[must_use]
    pub const fn new(number: u32, identity: Identity, code_mac: Option<CodeMac>, expires_at: Timestamp) -> Self {
        Self { number, identity, code_mac, expires_at, failures: 0 }
    }

    /// Whether this attempt is one of those below `cap` on a challenge that was not accepted.
    pub(crate) fn is_compared(&self, cap: u32) -> bool {
        self.code_mac.is_some() && self.number < cap
    }
}

/// How often strangers may fail for an address, over all its challenges, before they need a sign-in
/// of a known device, or the administrator (NIST SP 800-63B-4 section 3.2.2).
pub(crate) const MAX_FAILURES: u32 = 100;

/// What a presented code is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The code is correct, within the allowed attempts.
    Right,
    /// The code is wrong, late or used.
    Wrong,
    /// The code is wrong, and this was the last allowed attempt. Exactly one attempt per challenge
    /// gets this verdict.
    WrongAtLast,
    /// No attempts were left. Nothing was compared.
    Exhausted,
    /// Strangers have failed too often for this address. Nothing was compared.
    Locked,
}

/// Checks an attempt. `mac_of_code` returns the MAC of the presented code for the challenge's
/// identity, or `None` for another identity. It is called only for allowed attempts, so at most
/// `max_attempts` codes are ever compared, and at most [`MAX_FAILURES`] of strangers in a row.
pub(crate) fn check_attempt(
    counted: &CountedAttempt,
    now: Timestamp,
    max_attempts: u32,
    mac_of_code: impl FnOnce(&Identity) -> Option<CodeMac>,
) -> Verdict {
    let Some(right) = counted.code_mac.filter(|_| now < counted.expires_at) else {
        return Verdict::Wrong;
    };
    if counted.number > max_attempts {
        return Verdict::Exhausted;
    }
    if counted.failures > MAX_FAILURES {
        return Verdict::Locked;
    }
    match mac_of_code(&counted.identity) {
        Some(mac) if crypto::same(mac.as_bytes(), right.as_bytes()) => Verdict::Right,
        _ if counted.number == max_attempts => Verdict::WrongAtLast,
        _ => Verdict::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: CodeMac = CodeMac([1; 32]);
    const WRONG: CodeMac = CodeMac([2; 32]);

    fn counted(number: u32) -> CountedAttempt {
        CountedAttempt {
            number,
            identity: Identity([0; 32]),
            code_mac: Some(RIGHT),
            expires_at: Timestamp::from_millis(1_000),
            failures: 0,
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn rate_01_every_allowed_try_is_compared_and_no_other() {
        for max in 1..=10 {
            for number in 1..=12 {
                let mut compared = false;
                let verdict = check_attempt(&counted(number), at(0), max, |_| {
                    compared = true;
                    Some(RIGHT)
                });
                let expected = if number <= max { Verdict::Right } else { Verdict::Exhausted };
                assert_eq!((verdict, compared), (expected, number <= max));
            }
        }
    }

    #[test]
    fn the_last_allowed_try_is_told_apart_when_it_was_wrong() {
        for max in 1..=10 {
            for number in 1..=12 {
                for presented in [Some(WRONG), None] {
                    let verdict = check_attempt(&counted(number), at(0), max, |_| presented);
                    assert_eq!(verdict == Verdict::WrongAtLast, number == max, "{number} of {max}");
                }
            }
        }
        // Without a comparison there is no guess.
        let used = CountedAttempt { code_mac: None, ..counted(5) };
        assert_eq!(check_attempt(&used, at(0), 5, |_| Some(WRONG)), Verdict::Wrong);
        assert_eq!(check_attempt(&counted(5), at(1_000), 5, |_| Some(WRONG)), Verdict::Wrong);
    }

    #[test]
    fn rate_04_a_hundred_failures_in_a_row_are_compared_and_no_more() {
        for failures in 0..=2 * MAX_FAILURES {
            let mut compared = false;
            let counted = CountedAttempt { failures, ..counted(1) };
            let verdict = check_attempt(&counted, at(0), 5, |_| {
                compared = true;
                Some(RIGHT)
            });
            let expected = if failures <= 100 { Verdict::Right } else { Verdict::Locked };
            assert_eq!((verdict, compared), (expected, failures <= 100));
        }
        // What could not be compared anyway is answered as ever.
        let locked = CountedAttempt { failures: 101, ..counted(6) };
        assert_eq!(check_attempt(&locked, at(0), 5, |_| Some(RIGHT)), Verdict::Exhausted);
        assert_eq!(check_attempt(&locked, at(1_000), 5, |_| Some(RIGHT)), Verdict::Wrong);
    }

    #[test]
    fn otp_05_t23_the_expiry_is_exact_to_the_millisecond() {
        assert_eq!(check_attempt(&counted(1), at(999), 5, |_| Some(RIGHT)), Verdict::Right);
        assert_eq!(check_attempt(&counted(1), at(1_000), 5, |_| Some(RIGHT)), Verdict::Wrong);
    }

    #[test]
    fn a_wrong_mac_another_identity_and_a_used_code_are_wrong() {
        assert_eq!(check_attempt(&counted(1), at(0), 5, |_| Some(WRONG)), Verdict::Wrong);
        assert_eq!(check_attempt(&counted(1), at(0), 5, |_| None), Verdict::Wrong);
        let used = CountedAttempt { code_mac: None, ..counted(1) };
        assert_eq!(check_attempt(&used, at(0), 5, |_| Some(RIGHT)), Verdict::Wrong);
        // A used or expired challenge does not become "too many attempts".
        let used = CountedAttempt { code_mac: None, ..counted(9) };
        assert_eq!(check_attempt(&used, at(0), 5, |_| Some(RIGHT)), Verdict::Wrong);
        assert_eq!(check_attempt(&counted(9), at(1_000), 5, |_| Some(RIGHT)), Verdict::Wrong);
    }

    #[test]
    fn otp_12_a_challenge_has_one_text_form() {
        for device in [None, Some(DeviceId::from_bytes([7; 16]))] {
            let challenge = Challenge::random(device).unwrap();
            let text = challenge.to_secret();
            let parsed = Challenge::parse(text.expose()).unwrap();
            assert_eq!((parsed.key(), parsed.device()), (challenge.key(), device));
            for text in [format!("{}=", text.expose()), format!("{}A", text.expose())] {
                assert!(Challenge::parse(&text).is_none());
            }
        }
        for text in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA==", "!!!!!!!!!!!!!!!!!!!!!!", &"!".repeat(43), &"_".repeat(43)]
        {
            assert!(Challenge::parse(text).is_none());
        }
    }

    #[test]
    fn a_challenge_with_another_device_is_another_challenge() {
        let challenge = Challenge::random(Some(DeviceId::from_bytes([7; 16]))).unwrap();
        for device in [None, Some(DeviceId::from_bytes([8; 16]))] {
            assert_ne!(Challenge { device, ..challenge }.key(), challenge.key());
        }
    }
}
