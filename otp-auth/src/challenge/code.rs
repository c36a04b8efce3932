//! Codes: derived from a challenge's nonce, parsed as typed, bound by a MAC.

use super::{ChallengeKey, CodeMac, Identity};
use crate::crypto;
use crate::error::RandomError;
use crate::keys::Keys;
use crate::secret::Secret;
use crate::text;

/// What a code is derived from. It is useless on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce([u8; 16]);

impl Nonce {
    pub(crate) fn random() -> Result<Self, RandomError> {
        crypto::random().map(Self)
    }

    /// The nonce with these bytes, as stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// How codes are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeKind {
    /// Derived from the nonce, uniformly.
    Random,
    /// All zeros, for developer mode.
    Zeros,
}

/// A limit in bytes, which is known before reading any. A pasted code may contain many invisible
/// marks.
const MAX_TYPED_BYTES: usize = 4096;

/// More than any code has.
const MAX_DIGITS: usize = 64;

/// The code of a nonce. It is derived, not stored, so a resend can send the same code although no
/// table holds it.
pub(crate) fn derive(keys: &Keys, nonce: &Nonce, digits: u8, kind: CodeKind) -> Secret {
    let number = match kind {
        CodeKind::Zeros => 0,
        CodeKind::Random => uniform(10u64.pow(u32::from(digits)), |round| keys.code.mac(&[nonce.as_bytes(), &[round]])),
    };
    Secret::new(format!("{number:0width$}", width = usize::from(digits)))
}

/// A uniform number below `bound`. Values above its largest multiple are redrawn, not folded.
fn uniform(bound: u64, block: impl Fn(u8) -> [u8; 32]) -> u64 {
    let zone = u64::MAX - u64::MAX % bound;
    let mut last = 0;
    // A draw is rejected with a probability below 2^-30 (bound 10^10), so the loop never reaches
    // its end.
    for round in 0..=u8::MAX {
        for draw in block(round).chunks_exact(8) {
            last = draw.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            if last < zone {
                return last % bound;
            }
        }
    }
    last % bound
}

/// The text cannot be a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MalformedCode;

/// Parses a code as people type and paste it. Spaces, dashes and invisible characters are ignored,
/// and decimal digits of any script are accepted. Everything else is an error.
pub(crate) fn read(typed: &str) -> Result<Secret, MalformedCode> {
    if typed.len() > MAX_TYPED_BYTES {
        return Err(MalformedCode);
    }
    // With enough capacity, because growing would leave copies behind.
    let mut digits = String::with_capacity(MAX_DIGITS);
    for c in typed.chars() {
        match text::digit(c) {
            Some(digit) if digits.len() < MAX_DIGITS => digits.push(digit),
            None if text::is_blank(c) || text::is_dash(c) => {}
            _ => return Err(MalformedCode),
        }
    }
    if digits.is_empty() {
        return Err(MalformedCode);
    }
    Ok(Secret::new(digits))
}

/// The MAC under which a code is stored. It covers the challenge and the identity, so a row moved
/// elsewhere opens nothing.
pub(crate) fn mac(keys: &Keys, key: &ChallengeKey, identity: &Identity, code: &Secret) -> CodeMac {
    CodeMac::from_bytes(keys.code_mac.mac(&[key.as_bytes(), identity.as_bytes(), code.expose().as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        crate::testing_config::keys(9)
    }

    #[test]
    fn a_code_follows_from_its_nonce_and_has_its_length() {
        let keys = keys();
        for digits in 6..=10 {
            let nonce = Nonce::random().unwrap();
            let code = derive(&keys, &nonce, digits, CodeKind::Random);
            assert_eq!(code.expose().len(), usize::from(digits));
            assert_eq!(code, derive(&keys, &nonce, digits, CodeKind::Random));
        }
        assert_eq!(derive(&keys, &Nonce([0; 16]), 8, CodeKind::Zeros).expose(), "00000000");
    }

    /// OTP-02, T31: a million codes, chi-square at each position, p > 0.001
    /// (27.9 for 9 degrees of freedom).
    #[test]
    fn otp_02_t31_every_digit_has_the_same_chance_at_every_position() {
        let keys = keys();
        let mut counts = [[0u32; 10]; 6];
        for number in 0..1_000_000u128 {
            let code = derive(&keys, &Nonce(number.to_be_bytes()), 6, CodeKind::Random);
            for (position, digit) in code.expose().bytes().enumerate() {
                counts[position][usize::from(digit - b'0')] += 1;
            }
        }
        for (position, counts) in counts.iter().enumerate() {
            let chi_square: f64 = counts.iter().map(|count| (f64::from(*count) - 100_000.0).powi(2) / 100_000.0).sum();
            assert!(chi_square < 27.9, "position {position}: {chi_square}");
        }
    }

    #[test]
    fn t31_the_first_and_the_last_code_are_reachable_and_nothing_is_folded() {
        let draw = |number: u64| {
            let mut block = [0xff; 32];
            block[..8].copy_from_slice(&number.to_be_bytes());
            move |_| block
        };
        assert_eq!(uniform(1_000_000, draw(0)), 0);
        assert_eq!(uniform(1_000_000, draw(999_999)), 999_999);
        assert_eq!(uniform(1_000_000, draw(1_000_000)), 0);
        // `u64::MAX` is above the largest multiple, so the next draw decides.
        let mut block = [0; 32];
        block[..8].fill(0xff);
        block[15] = 7;
        assert_eq!(uniform(1_000_000, move |_| block), 7);
        // The largest multiple of 10 is `u64::MAX - 5`.
        for (first, expected) in [(u64::MAX - 6, 9), (u64::MAX - 5, 3)] {
            let block: [u8; 32] = [first, 3, 3, 3].map(u64::to_be_bytes).concat().try_into().unwrap();
            assert_eq!(uniform(10, move |_| block), expected);
        }
        // A block without a usable draw is followed by another.
        assert_eq!(uniform(1_000_000, |round| if round == 0 { [0xff; 32] } else { [0; 32] }), 0);
        // Blocks that are all unusable are no random ones, and end.
        assert_eq!(uniform(10, |_| [0xff; 32]), 5);
    }

    #[test]
    fn ux_02_spaces_and_dashes_are_ignored() {
        for typed in ["123456", " 123 456 ", "123-456", "1 2 3 4 5 6\n", "123\t456"] {
            assert_eq!(read(typed).unwrap().expose(), "123456", "{typed:?}");
        }
        assert_eq!(read("012345").unwrap().expose(), "012345");
    }

    #[test]
    fn ux_02_a_code_is_read_as_it_is_pasted() {
        for typed in [
            "123\u{a0}456",
            "\u{feff}123456",
            "\u{202a}123456\u{202c}",
            "\u{2066}123\u{2069}\u{2009}\u{2066}456\u{2069}",
            "123\u{2011}456\u{200b}",
            "123 – 456",
            "１２３４５６",
            "١٢٣٤٥٦",
            "\u{200f}۱۲۳ ۴۵۶",
            "१२३४५६",
            "𝟏𝟚𝟥𝟰𝟻６",
            "1\u{fe0f}2\u{ad}3\u{34f}4\u{180e}5\u{e0020}6",
        ] {
            assert_eq!(read(typed).unwrap().expose(), "123456", "{typed:?}");
        }
    }

    /// Each character between digits is either ignored, a digit, or malformed, according to its
    /// properties.
    #[test]
    fn ux_02_http_09_every_character_is_read_by_its_properties() {
        for c in '\0'..=char::MAX {
            let read = read(&format!("12{c}3456")).ok().map(|code| code.expose().to_owned());
            let expected = match text::digit(c) {
                Some(digit) => Some(format!("12{digit}3456")),
                None if c.is_whitespace() || text::is_invisible(c) || text::is_dash(c) => Some("123456".to_owned()),
                None => None,
            };
            assert_eq!(read, expected, "{c:?}");
        }
    }

    #[test]
    fn http_09_what_cannot_be_a_code_is_malformed() {
        for typed in [
            "",
            " ",
            "-",
            "\u{200b}\u{2013}\u{a0}",
            "abcdef",
            "12345a",
            "12345.",
            "1,2,3,4,5,6",
            "123456\0",
            "123456\u{7f}",
            "0x1234",
            "+12345",
            "12345½",
            "12345²",
            "①②③④⑤⑥",
            "一二三四五六",
            "1\u{20e3}23456",
            "Your code is 123456",
        ] {
            assert!(matches!(read(typed), Err(MalformedCode)), "{typed:?}");
        }
    }

    #[test]
    fn http_09_the_length_of_a_code_is_bounded_and_the_marks_in_it_have_room() {
        assert_eq!(read(&"1".repeat(MAX_DIGITS)).unwrap().expose().len(), MAX_DIGITS);
        assert!(read(&"1".repeat(MAX_DIGITS + 1)).is_err());
        let marks = "\u{2066}\u{200b}".repeat(60);
        let marked: String = "1234567890".chars().flat_map(|c| [marks.clone(), c.to_string()]).collect();
        assert_eq!(read(&marked).unwrap().expose(), "1234567890");
        assert_eq!(read(&format!("{}1", " ".repeat(MAX_TYPED_BYTES - 1))).unwrap().expose(), "1");
        assert!(read(&format!("{}1", " ".repeat(MAX_TYPED_BYTES))).is_err());
        assert!(read(&" ".repeat(100_000)).is_err());
    }

    #[test]
    fn otp_10_the_mac_is_bound_to_challenge_identity_code_and_key() {
        let keys = keys();
        let (key, identity) = (ChallengeKey::from_bytes([1; 32]), Identity::from_bytes([2; 32]));
        let code = Secret::new("012345");
        let right = mac(&keys, &key, &identity, &code);
        assert_eq!(right, mac(&keys, &key, &identity, &code));
        assert_ne!(right, mac(&keys, &ChallengeKey::from_bytes([3; 32]), &identity, &code));
        assert_ne!(right, mac(&keys, &key, &Identity::from_bytes([3; 32]), &code));
        assert_ne!(right, mac(&keys, &key, &identity, &Secret::new("12345")));
        let others = crate::testing_config::keys(8);
        assert_ne!(right, mac(&others, &key, &identity, &code));
    }
}
