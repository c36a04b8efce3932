//! Which secrets are too weak to use (RFC 7518 section 3.2, RFC 8725 section
//! 3.5). What is refused here somebody could guess offline from one token.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

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

/// Secrets that stand in documents: those of this repository, now or before,
/// the key of RFC 7515 appendix A.1, and MD5 digests of usual words.
const SAMPLES: [&str; 9] = [
    "0b4c1e8fa96d37250b4c1e8fa96d3726",
    "5rV2qk8Tz1wXn4Lb7Yd0Jc3Hf6Gs9MaP",
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "098f6bcd4621d373cade4e832627b4f6",
    "21232f297a57a5a743894a0e4a801fc3",
    "5ebe2294ecd0e0f08eab7690d2a6ee69",
    "5f4dcc3b5aa765d61d8327deb882cf99",
    "d41d8cd98f00b204e9800998ecf8427e",
    "e10adc3949ba59abbe56e057f20f883e",
];

/// Words whose digests look random.
const HASHED_WORDS: [&str; 40] = [
    "",
    "test",
    "test1",
    "test2",
    "test123",
    "testing",
    "secret",
    "secret1",
    "mysecret",
    "my-secret",
    "my secret",
    "secret-key",
    "secret_key",
    "secretkey",
    "supersecret",
    "key",
    "password",
    "password1",
    "password123",
    "passwd",
    "changeme",
    "change-me",
    "admin",
    "root",
    "user",
    "guest",
    "hello",
    "hello world",
    "Hello, world!",
    "foo",
    "bar",
    "foobar",
    "abc",
    "abc123",
    "123456",
    "12345678",
    "123456789",
    "qwerty",
    "jwt",
    "otp-auth",
];

/// What is wrong with the secret; `None` when nothing is.
pub(super) fn weakness(secret: &[u8]) -> Option<&'static str> {
    if secret.len() < MIN_BYTES {
        return Some("is shorter than 32 bytes; make one with `openssl rand -hex 32`");
    }
    if is_repetition(secret) {
        return Some("repeats one short pattern; make one with `openssl rand -hex 32`");
    }
    if is_sample(secret) || is_digest_of_a_word(secret) {
        return Some("is a sample that anybody can find; make one with `openssl rand -hex 32`");
    }
    if contains_sample_word(secret) || is_phrase(secret) {
        return Some("looks like a sample or a phrase, which can be guessed; make one with `openssl rand -hex 32`");
    }
    None
}

/// One unit of at most half the length, over and over; also runs that only
/// count up, such as `0123456789…`, and such bytes in hexadecimal.
fn is_repetition(secret: &[u8]) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> =
        secret.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect();
    is_plain_repetition(secret) || bytes.is_some_and(|bytes| is_plain_repetition(&bytes))
}

fn is_plain_repetition(secret: &[u8]) -> bool {
    let periodic = (1..=secret.len() / 2).any(|unit| secret.iter().zip(&secret[unit..]).all(|(a, b)| a == b));
    let steps = secret.windows(2).filter(|pair| pair[1].abs_diff(pair[0]) <= 1).count();
    periodic || steps * 4 >= secret.len() * 3
}

/// A part of a sample, or a sample with something around it.
fn is_sample(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    let within = |part: &[u8], whole: &[u8]| whole.windows(part.len()).any(|window| window == part);
    SAMPLES
        .iter()
        .map(|sample| sample.to_ascii_lowercase().into_bytes())
        .any(|sample| within(&sample, &lower) || within(&lower, &sample))
}

/// One of the two is the beginning of the other.
fn begins_alike(a: &[u8], b: &[u8]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}

/// A digest of a usual word, as bytes, in hexadecimal or in base64, or the
/// beginning of it; also of the word with the line end of `echo`.
fn is_digest_of_a_word(secret: &[u8]) -> bool {
    let algorithms = [&digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA256, &digest::SHA384, &digest::SHA512];
    let lower = secret.to_ascii_lowercase();
    let mut words = HASHED_WORDS.iter().flat_map(|word| [(*word).to_owned(), format!("{word}\n")]);
    words.any(|word| {
        algorithms.iter().any(|algorithm| {
            let digest = digest::digest(algorithm, word.as_bytes());
            let digest = digest.as_ref();
            let hex = hex(digest);
            begins_alike(&lower, hex.as_bytes())
                || (digest.len() >= MIN_BYTES && begins_alike(secret, digest))
                || [STANDARD_NO_PAD.encode(digest), URL_SAFE_NO_PAD.encode(digest)]
                    .iter()
                    .any(|text| text.len() >= MIN_BYTES && begins_alike(secret, text.as_bytes()))
        })
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
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
            b"0102030405060708090a0b0c0d0e0f10",
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
    fn key_02_samples_of_documents_and_digests_of_words_are_refused() {
        let sha_of_test = digest::digest(&digest::SHA256, b"test");
        let hex = hex(sha_of_test.as_ref());
        for secret in [
            hex.clone(),
            hex[..32].to_owned(),
            hex[..40].to_ascii_uppercase(),
            format!("{hex}\n"),
            base64::engine::general_purpose::STANDARD.encode(sha_of_test.as_ref()),
            URL_SAFE_NO_PAD.encode(sha_of_test.as_ref()),
            URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA512, b"hello\n").as_ref()),
            super::hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, b"admin").as_ref()),
        ] {
            assert!(weakness(secret.as_bytes()).is_some(), "{secret}");
        }
        assert!(weakness(sha_of_test.as_ref()).is_some());
        for sample in SAMPLES {
            assert!(weakness(sample.as_bytes()).is_some(), "{sample}");
        }
    }

    #[test]
    fn random_secrets_in_every_usual_form_are_accepted() {
        for _ in 0..500 {
            let secret = crate::crypto::random::<32>().unwrap();
            let hex = hex(&secret);
            let uuids = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..36]);
            for text in [
                hex.clone(),
                hex.to_ascii_uppercase(),
                hex[..32].to_owned(),
                uuids,
                base64::engine::general_purpose::STANDARD.encode(secret),
                URL_SAFE_NO_PAD.encode(secret),
            ] {
                assert_eq!(weakness(text.as_bytes()), None, "{text}");
            }
            assert_eq!(weakness(&secret), None, "{secret:?}");
        }
    }
}
