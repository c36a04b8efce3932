//! Which secrets are too weak to use (RFC 7518 section 3.2, RFC 8725 section
//! 3.5). What is refused here somebody could guess offline from one token.

/// HS256 needs a key of at least the length of its hash.
const MIN_BYTES: usize = 32;

/// Words that no random secret contains by chance, but samples do.
const SAMPLE_WORDS: [&str; 12] = [
    "secret",
    "password",
    "passwd",
    "changeme",
    "change-me",
    "example",
    "default",
    "openssl",
    "replace",
    "generate",
    "development",
    "supersecret",
];

/// What is wrong with the secret; `None` when nothing is.
pub(super) fn weakness(secret: &[u8]) -> Option<&'static str> {
    if secret.len() < MIN_BYTES {
        return Some("is shorter than 32 bytes; make one with `openssl rand -hex 32`");
    }
    if is_repetition(secret) {
        return Some("repeats one short pattern; make one with `openssl rand -hex 32`");
    }
    if contains_sample_word(secret) || is_phrase(secret) {
        return Some("looks like a sample or a phrase, which can be guessed; make one with `openssl rand -hex 32`");
    }
    None
}

/// One unit of at most half the length, over and over; also runs that only
/// count up, such as `0123456789…`.
fn is_repetition(secret: &[u8]) -> bool {
    let periodic = (1..=secret.len() / 2).any(|unit| secret.iter().zip(&secret[unit..]).all(|(a, b)| a == b));
    let steps = secret.windows(2).filter(|pair| pair[1].abs_diff(pair[0]) <= 1).count();
    periodic || steps * 4 >= secret.len() * 3
}

fn contains_sample_word(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    SAMPLE_WORDS.iter().any(|word| lower.windows(word.len()).any(|window| window == word.as_bytes()))
}

/// Words between separators: at least three separators, and every part in one
/// case or a short number. A random text of 32 characters mixes them.
fn is_phrase(secret: &[u8]) -> bool {
    let separator = |byte: &u8| matches!(byte, b' ' | b'-' | b'_' | b'.' | b',' | b'!' | b'?' | b'\'');
    let word = |part: &[u8]| {
        let rest = part.get(1..).unwrap_or_default();
        (part.first().is_some_and(u8::is_ascii_alphabetic) && rest.iter().all(u8::is_ascii_lowercase))
            || part.iter().all(u8::is_ascii_uppercase)
            || (part.len() <= 4 && part.iter().all(u8::is_ascii_digit))
    };
    secret.iter().filter(|byte| separator(byte)).count() >= 3 && secret.split(|byte| separator(byte)).all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_01_a_key_shorter_than_the_hash_is_refused() {
        assert!(weakness(b"0f3a9c5b7e1d2846f0a1b3c5d7e9f12").is_some());
        assert!(weakness(b"").is_some());
    }

    #[test]
    fn key_02_samples_repetitions_and_phrases_are_refused() {
        for secret in [
            &[b'a'; 32][..],
            &[0; 64],
            b"abcdabcdabcdabcdabcdabcdabcdabcd",
            b"0123456789abcdef0123456789abcdef",
            b"0123456789012345678901234567890123456789",
            b"abcdefghijklmnopqrstuvwxyz012345",
            b"your-secret-key-generate-with-openssl-rand-hex-32",
            b"correct horse battery staple and a few more words",
            b"Correct-Horse-Battery-Staple-And-More",
            b"any-key-allowed-in-dev-mode-right-here-now",
            b"MYSUPERSECRETKEYFORJWTTOKENS1234567890",
        ] {
            assert!(weakness(secret).is_some(), "{}", String::from_utf8_lossy(secret));
        }
    }

    #[test]
    fn random_secrets_in_every_usual_form_are_accepted() {
        for secret in [
            &b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"[..],
            b"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
            b"6fd1a1f0-3b0e-4c53-9c53-2b7a9a1f7d11-55aa",
            b"J4_kx-Qz1vT0-aB9_LmN3pR7sW2yE5uI8oKjHgFdSq",
        ] {
            assert_eq!(weakness(secret), None, "{}", String::from_utf8_lossy(secret));
        }
        for _ in 0..2_000 {
            let secret = crate::secret::random::<32>().unwrap();
            assert_eq!(weakness(&secret), None, "{secret:?}");
        }
    }
}
