//! Which secrets are too weak (RFC 7518 section 3.2, RFC 8725 section 3.5). Anyone with one token
//! could guess a weak secret offline.

use alloc::format;
use alloc::vec::Vec;

/// The minimum for HS256 is the length of its hash.
pub const MIN_BYTES: usize = 32;

/// Words that samples contain and random secrets do not.
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

/// Published secrets: those of this repository, past and present, the key of RFC 7515 appendix A.1,
/// and MD5 digests of common words.
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

/// The first eight bytes of the SHA-1, SHA-256, SHA-384 and SHA-512 digests of common words, with
/// and without the newline that `echo` adds. A test recomputes them.
const DIGESTS: &str = "
    00cafd126182e8a9 019768a0e586a21e 01ba4719c80b6fe9 03cfd743661f0797 04f8996da763b7a9 0559d4889304d976
    057ba03d6c441048 05b569c93d974101 09c20244c04b05fe 09e1e2a84c92b56c 09fac8dbfd27bd9b 0a50261ebd1a390f
    0a989ebc4a77b56a 0ac29a59b98b4063 0b14d501a594442a 0beec7b5ea3f0fdb 0ccdeb59dda1d249 0cf9180a764aba86
    0d6be69b264717f2 0dd3e512642c97ca 0e3e75234abc68f4 109bb6b5b6d5547c 109f4b3c50d7b0df 1100a2cb0b12ca17
    12a61f4e173fb3a1 12dea96fec205935 14919aaff0da5efe 149e1d6a67e5b4dc 15a5f8b88521d13e 15e2b0d3c33891eb
    16bfb0b60b213e35 179c94cf45c6e383 186ef76e9d6a723e 18c1fe0d7f515e5f 190d8045dc5875c1 195ff8bf66a02f18
    1ab60e110d41a9aa 1b4f0e9851971998 1b745a0d500302e6 1c3e9787e63aa086 1caced6fca223715 1d0f284efe3edea4
    21e1bc024bd76c76 22596363b3de40b0 23dfd7d8b7a1e2cc 240c1eab513ee391 24f950aac7b9ea9b 2634c3097f98e368
    264e441f2a00833f 2aae6c35c94fcfb4 2b0afb49e83db08c 2bb80d537b1da3e3 2c26b46b68ffc68f 2c70e12b7a0646f9
    2cf24dba5fb0a30e 2dff935df7d1e122 30274c47903bd1ba 309ecc489c12d6eb 313dee0b8b9b9806 315f5bdb76d078c4
    34922eacdc17c795 35675e68f4b5af7b 366e7fc80075d650 36767030e7907378 37e2a786c5dc962f 38221f3553236a28
    38b060a751ac9638 3b8c22edcd64d1c4 3c8b9f4b983afa9f 3c9c30d9f665e74d 3d232833f2b849c8 4015bc9ee91e437d
    40d2df7b60296878 417212fd1c8bc589 41b46393b517f1be 41edf6e61ed42a3c 43a337d2f9382f67 443f7dd0422a2fab
    44accf4a6221d01d 44fe431cdc896cca 462b078fb931ee21 46caf10f81df0c1c 46cb0934bc1afda5 4813494d137e1631
    48e42be9e9f30cf8 49154bde0846bbcf 4bc94fdd59a53608 4e1243bd22c66e76 4ee92c7c7909dc2a 4f285d0c0cc77286
    501acc257ebacc1a 5038e18712161fca 521b9ccefbcd14d1 53175bcc0524f37b 552c0ba71b1046a0 55bc556b0d2fe0fc
    571e8a7851cc33f5 57db1253b68b6802 5891b5b522d5df08 58a775ba4112be30 59e1748777448c69 5a4d61ab83ae2671
    5b11618c2e440278 5baa61e4c9b93f3f 5c5a15a8b0b3e154 5d7f2f9a6e602dee 5e67511e20259f41 5e884898da280471
    5ecf8d2cc410094e 60303ae22b998861 61ee8b5601a84d51 62cdb7020ff920e5 634b027b1b69e124 6367c48dd193d56e
    644a394cd31effcb 6478939af8b99ce7 648357a04407e0a7 649b9c4f6931a6d2 6523e58bc0eec42c 652c7dc687d98c98
    65e84be33532fb78 67918652b6e48b6f 68aa47f933a54eef 693ea7fd5b01d4aa 6b3a55e0261b0304 6b3b69ff0a404f28
    6beb82a31d6ce048 6c45f3c983aebe6c 6ca13d52ca70c883 6d201beeefb589b0 6d78392a5886177f 6d9010b2b7a1483b
    6df396297a75f680 6fe3630eeb134fd8 707d641cc09e4132 70ff9f33926b1865 7288edd0fc3ffcbe 7483a1b952269cd7
    768412320f7b0aa5 7843c433e139c5e5 793e284dda1f551e 79a7aec70847c242 7b6f7690ae2a5ecd 7c222fb2927d828a
    7c4a8d09ca3762af 7cb3546396e3d72a 7d49d02c105312b2 7d6fd7774f0d8762 7d865e959b246691 7ed8c2c790aa83d6
    81a5cb1e469156e1 81b04496da554f07 821bca45a19436fc 8335fa56d487562d 83ff9f4e0d16d617 84983c60f7daadc1
    851fab8375c23d57 85dbe15d75ef9308 868f0b12c07ef630 8843d7f92416211d 8c6976e5b5410415 8ca6c99b188076c2
    8cafed2235386cc5 8d969eef6ecad3c2 8effdabfe1441621 9054fbe0b622c638 9151440965cf9c5e 920cf8f4f92d74a9
    92d4e0a2ad853e81 93ae405ee48a85f9 943a702d06f34599 9572d7f4e812df12 96fd02f78758ae9d 9760a80808894b09
    97ecbf7ef8019c5c 97ecc08977fd9c6c 9801739daae44ec5 9806af3952e13802 9875710c407ef47d 9885f8af04289135
    988881adc9fc3655 98c11ffdfdd54067 99adc231b045331e 9b71d224bd62f378 9ca694a90285c034 9cb26a884de4ece7
    9ceece10cf8b97d1 9f86d081884c7d65 a31d79891919cad2 a32ac2d7196b96b0 a3b3a55522bd4dcd a4483ce7bd708399
    a62f2225bf70bfac a761ce3a45d97e41 a7998f247bd96569 a8b64babd0aca91a a948904f2f0f479b a94a8fe5ccb19ba6
    a9993e364706816a aa542adfb95ddb3b aaf4c61ddcc5e8a2 ad165b11320bc915 adc83b19e793491b aec070645fe53ee3
    b0e0ec7fa0a89577 b109f3bbbc244eb8 b14361404c078ffd b16ed7d24b3ecbd4 b18865bd03ce5a25 b1b3773a05c0ed01
    b29f7cb1a8aa1d8b b37e50cedcd3e3f1 b444ac06613fc8d6 b5bb9d8014a0f9b1 b7224857f3d0c94a b94d27b9934d3e08
    b99319c3eac1e3d5 b9d1d013f600ec1b ba3253876aed6bc2 ba5089942870d2d1 ba7816bf8f01cfea bab1298d948ebb34
    bae7e5142a01904b bc547750b92797f9 bc8b5c406d7f802d bd2b1aaf7ef4f09b bddaead8e469da2b be11049767e33d3d
    be688838ca8686e5 bed4efa1d4fdbd95 bf77e19b7f43c569 bf98889d70675da7 c1527cd893c12477 c1e1409762d4bd72
    c3ab8ff13720e8ad c476326a5b2d87be c4f9375f9834b4e7 c50c061eaadb743e c51dcc4e0deaee00 c66757d7a833787b
    c70b5dd9ebfb6f51 c7ad44cbad762a5d c8fed00eb2e87f1c cb00753f45a35e8b cbea6174e734106c cbfdac6008f9cab4
    cc06808cbbee0510 cf4811d74fd40504 cf80cd8aed482d5d cf83e1357eefb8bd d033e22ae348aeb5 d0de4e26e6fe0082
    d195b3e553162b66 d662defe3a2b82e2 d7a027b598a11b3e d82c4eb5261cb9c8 d83f900baedb967c d8f447509c70721a
    d9014c4624844aa5 d9e6762dd1c8eaf6 da39a3ee5e6b4b0d daef4953b9783365 daf873f62f708f7a db3974a97f2407b7
    dba7673010f19a94 dc724af18fbdd4e5 dc76e9f0c0006e8f dd23a14fc86543bf ddaf35a193617aba de57797047857a83
    df654d6a5a655cd9 dff6d4ff5dc357cf e150a1ec81e8e93e e1efc99729beb175 e2186dbdb1bb4193 e242ed3bffccdf27
    e38ad214943daad1 e3b0c44298fc1c14 e46ab36f508bdc2f e4c31df053566604 e5e9fa1ba31ecd1a e5f8bd89ba35ca77
    e79b8ad22b34a54b e7c22b994c59d9cf e8d1420b4ff41c3f e8d4a2f731a2b37f e96e3b40be3e1a3a e9d2d44623ddb5fa
    e9fe51f94eadabf5 eaa16b9ced0b5c6e eb455d56d2c1a69d ec664e889ed6c1b2 ecd71870d1963316 edeaaff3f1774ad2
    ee26b0dd4af7e749 ef797c8118f02dfb ef7fa1efca236adc ef92b778bafe771e f1891cea80fc05e4 f1d2d2f924e986ac
    f286c9649e613470 f2ca1bb6c7e907d0 f320e2d9301a5cc7 f572d396fae92066 f5e2dd85fe11cec4 f648480fd2e611aa
    f75778f7425be4db f7c3bc1d808e0473 f7fbba6e0636f890 f8817b8700e1ac06 fa0ae6fa79221937 fa585d89c851dd33
    fa9beb99e4029ad5 fb0a1aa6431a61d0 fc683cd9ed1990ca fc8252c8dc558399 fc93cb07e1ad9289 fcde2b2edba56bf4
    fdbd8e75a67f29f7 ff3245abe317049e
";

/// What is wrong with the secret, if anything.
#[must_use]
pub fn weakness(secret: &[u8]) -> Option<&'static str> {
    if secret.len() < MIN_BYTES {
        return Some("is shorter than 32 bytes: generate one with `openssl rand -hex 32`");
    }
    if is_repetition(secret) {
        return Some("repeats one short pattern: generate one with `openssl rand -hex 32`");
    }
    if is_sample(secret) || is_digest_of_a_word(secret) {
        return Some("is a publicly known sample: generate one with `openssl rand -hex 32`");
    }
    if contains_sample_word(secret) || is_phrase(secret) {
        return Some(
            "looks like a sample or a phrase, which is easy to guess: generate one with `openssl rand -hex 32`",
        );
    }
    None
}

/// Whether the secret repeats a unit of at most half its length, or is a sequence such as
/// `0123456789…`, also in hexadecimal.
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

/// Whether the secret is part of a sample, or contains one.
fn is_sample(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    let within = |part: &[u8], whole: &[u8]| whole.windows(part.len()).any(|window| window == part);
    SAMPLES
        .iter()
        .map(|sample| sample.to_ascii_lowercase().into_bytes())
        .any(|sample| within(&sample, &lower) || within(&lower, &sample))
}

/// Whether the secret is a digest of a common word, or the start of one, as bytes, hexadecimal or
/// base64.
fn is_digest_of_a_word(secret: &[u8]) -> bool {
    let begins = |bytes: Option<[u8; 8]>| {
        bytes.is_some_and(|bytes| {
            let prefix = format!("{:016x}", u64::from_be_bytes(bytes));
            DIGESTS.split_ascii_whitespace().any(|digest| digest == prefix)
        })
    };
    begins(secret.first_chunk().copied()) || begins(from_hex(secret)) || begins(from_base64(secret))
}

fn from_hex(text: &[u8]) -> Option<[u8; 8]> {
    let text = str::from_utf8(text.get(..16)?).ok()?;
    u64::from_str_radix(text, 16).ok().map(u64::to_be_bytes)
}

/// The first eight bytes, in either alphabet. Eleven characters have 66 bits.
fn from_base64(text: &[u8]) -> Option<[u8; 8]> {
    let bits = text.get(..11)?.iter().try_fold(0_u128, |bits, byte| {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        Some(bits << 6 | u128::from(sextet))
    })?;
    u64::try_from(bits >> 2).ok().map(u64::to_be_bytes)
}

fn contains_sample_word(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    SAMPLE_WORDS.iter().any(|word| lower.windows(word.len()).any(|window| window == word.as_bytes()))
}

/// Whether the secret is a phrase: words between at least three separators, each of them lowercase,
/// capitalized, uppercase or a short number. A random string of 32 characters mixes these.
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
    use std::fmt::Write as _;
    use std::string::{String, ToString};

    use aws_lc_rs::{digest, rand};
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    use super::*;

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

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    #[test]
    fn key_02_the_digests_are_those_of_the_words_and_each_is_refused_in_every_form() {
        let mut prefixes = Vec::new();
        for word in HASHED_WORDS.iter().flat_map(|word| [word.to_string(), format!("{word}\n")]) {
            let sha1 = &digest::SHA1_FOR_LEGACY_USE_ONLY;
            for algorithm in [sha1, &digest::SHA256, &digest::SHA384, &digest::SHA512] {
                let digest = digest::digest(algorithm, word.as_bytes());
                let bytes = digest.as_ref();
                prefixes.push(hex(&bytes[..8]));
                assert!(weakness(hex(bytes).as_bytes()).is_some(), "{word}");
                if bytes.len() >= MIN_BYTES {
                    assert!(weakness(bytes).is_some(), "{word}");
                    assert!(weakness(STANDARD_NO_PAD.encode(bytes).as_bytes()).is_some(), "{word}");
                    assert!(weakness(URL_SAFE_NO_PAD.encode(bytes).as_bytes()).is_some(), "{word}");
                }
            }
        }
        prefixes.sort_unstable();
        assert_eq!(DIGESTS.split_ascii_whitespace().collect::<Vec<_>>(), prefixes);
    }

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

    /// A word of five digits, or of mixed characters, is none of a phrase.
    #[test]
    fn a_phrase_may_contain_short_numbers() {
        for (last, refused) in [("2024", true), ("20245", false), ("aB3x", false)] {
            let secret = format!("correct horse battery staple {last}");
            assert_eq!(weakness(secret.as_bytes()).is_some(), refused, "{secret}");
        }
    }

    #[test]
    fn key_02_repetitions_and_sequences_are_told_from_chance() {
        for (secret, expected) in [
            // A unit of half the length, and one that is longer.
            (&b"k9wq2xk9wq2x"[..], true),
            (b"k9wq2xzk9wq2", false),
            // Three of four characters continue a sequence, or fewer.
            (b"abcd", true),
            (b"abcdezka", false),
            // Hexadecimal digits, of which only the low ones continue a sequence.
            (b"a031f253748516d7", false),
            (b"3031323334353637", true),
        ] {
            assert_eq!(is_repetition(secret), expected, "{}", String::from_utf8_lossy(secret));
        }
    }

    #[test]
    fn key_02_a_part_of_a_sample_and_more_than_a_sample_are_refused() {
        for sample in SAMPLES {
            assert!(is_sample(&sample.as_bytes()[1..]), "{sample}");
            assert!(is_sample(format!("x{sample}x").as_bytes()), "{sample}");
        }
        assert!(!is_sample(b"no part of one"));
    }

    #[test]
    fn key_02_samples_of_documents_and_digests_of_words_are_refused() {
        let sha_of_test = digest::digest(&digest::SHA256, b"test");
        let hex_of_test = hex(sha_of_test.as_ref());
        for secret in [
            hex_of_test.clone(),
            hex_of_test[..32].to_string(),
            hex_of_test[..40].to_ascii_uppercase(),
            format!("{hex_of_test}\n"),
            STANDARD.encode(sha_of_test.as_ref()),
            URL_SAFE_NO_PAD.encode(sha_of_test.as_ref()),
            URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA512, b"hello\n").as_ref()),
            hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, b"admin").as_ref()),
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
            let mut secret = [0; 32];
            rand::fill(&mut secret).unwrap();
            let hex = hex(&secret);
            let uuids = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..36]);
            for text in [
                hex.clone(),
                hex.to_ascii_uppercase(),
                hex[..32].to_string(),
                uuids,
                STANDARD.encode(secret),
                URL_SAFE_NO_PAD.encode(secret),
            ] {
                assert_eq!(weakness(text.as_bytes()), None, "{text}");
            }
            assert_eq!(weakness(&secret), None, "{secret:?}");
        }
    }
}
