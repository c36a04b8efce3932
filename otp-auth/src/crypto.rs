//! Cryptographic primitives: random numbers, SHA-256, HMAC-SHA-256 and constant-time comparison.

use std::sync::Arc;

use aws_lc_rs::{constant_time, digest, hmac};
use rand::TryRng;
use rand::rngs::SysRng;

use crate::error::RandomError;
use crate::secret::redacted;

/// Fills an array with the operating system's random numbers. There is no fallback (ASVS 5.0
/// 11.5.1).
pub(crate) fn random<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| RandomError)?;
    Ok(bytes)
}

/// Compares in constant time.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// A SHA-256 digest, for secrets that are random enough to need no key.
pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    fixed(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The first bytes of a digest or an id.
pub(crate) fn first<const N: usize, const ALL: usize>(bytes: &[u8; ALL]) -> [u8; N] {
    const { assert!(N <= ALL, "there are not that many bytes") };
    std::array::from_fn(|at| bytes[at])
}

/// SHA-256 output always has 32 bytes; a copy cannot fail or panic.
fn fixed(output: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(output) {
        *to = *from;
    }
    bytes
}

/// An HMAC-SHA-256 key for one purpose. It is large, so clones share it.
#[derive(Clone)]
pub(crate) struct MacKey(Arc<hmac::Key>);

impl MacKey {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// The MAC over several fields. Each is preceded by its length, so different lists never give
    /// the same input.
    pub(crate) fn mac(&self, fields: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for field in fields {
            context.update(&(field.len() as u64).to_be_bytes());
            context.update(field);
        }
        fixed(context.sign().as_ref())
    }

    /// The MAC over the bare message, for formats that are unambiguous by design.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 32] {
        fixed(hmac::sign(&self.0, message).as_ref())
    }

    /// Verifies a signature in constant time.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.0, message, signature).is_ok()
    }
}

redacted!(MacKey);

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231.
    #[test]
    fn a_signature_is_that_of_the_standard() {
        let (key, message) = (MacKey::new(b"Jefe"), b"what do ya want for nothing?");
        let signature = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00,
            0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
        ];
        assert_eq!(key.sign(message), signature);
        assert!(key.verify(message, &signature));
        for other in [&signature[..31], &[0; 32], &[]] {
            assert!(!key.verify(message, other));
        }
    }

    #[test]
    fn the_fields_of_a_mac_cannot_slide_into_each_other() {
        let key = MacKey::new(&[7; 32]);
        assert_ne!(key.mac(&[b"ab", b"c"]), key.mac(&[b"a", b"bc"]));
        assert_ne!(key.mac(&[b"ab"]), key.mac(&[b"ab", b""]));
    }
}
