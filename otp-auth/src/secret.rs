//! The master secret, the keys derived from it, and text that stays unseen.
//!
//! No other file holds key bytes, but for a secret on its way here in
//! `config`.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{constant_time, digest, hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::RandomError;
use crate::realm::Realm;

/// Text that must not be seen: a token, a code, a challenge.
///
/// `Debug` prints a placeholder, there is no `Display`, and the memory is
/// cleared when it is dropped. Serializing writes the text: that is how it
/// reaches the one response that is meant to carry it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps the text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Fills an array from the operating system's random numbers. There is no
/// other source and no fallback (ASVS 5.0 11.5.1).
pub(crate) fn random<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| RandomError)?;
    Ok(bytes)
}

/// Compares without telling by its duration where the difference is.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// A SHA-256 digest, for secrets that are random enough to need no key.
pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    fixed(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// SHA-256 output always has 32 bytes; a copy cannot fail or panic.
fn fixed(output: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(output) {
        *to = *from;
    }
    bytes
}

/// One HMAC-SHA-256 key with one purpose. It is large, and there once.
#[derive(Clone)]
pub(crate) struct MacKey(Arc<hmac::Key>);

impl MacKey {
    fn new(bytes: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// The MAC over several fields. Each is preceded by its length, so that
    /// no two lists of fields give the same input.
    pub(crate) fn mac(&self, fields: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for field in fields {
            context.update(&(field.len() as u64).to_be_bytes());
            context.update(field);
        }
        fixed(context.sign().as_ref())
    }

    /// The MAC over a message as it is, for formats that say what they sign.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 32] {
        fixed(hmac::sign(&self.0, message).as_ref())
    }

    /// Whether `signature` is that MAC, in constant time.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.0, message, signature).is_ok()
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey([redacted])")
    }
}

/// The secret that an application configures. Everything else is derived.
pub(crate) struct MasterSecret(Zeroizing<Vec<u8>>);

impl MasterSecret {
    pub(crate) fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// A secret for this run only.
    pub(crate) fn random() -> Result<Self, RandomError> {
        random::<32>().map(|bytes| Self(Zeroizing::new(bytes.to_vec())))
    }

    fn prk(&self) -> hkdf::Prk {
        // A fixed salt separates this use of the secret from any other.
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"otp-auth/v1").extract(&self.0)
    }

    fn expand(prk: &hkdf::Prk, purpose: Purpose, realm: &Realm) -> Result<Zeroizing<[u8; 32]>, RandomError> {
        let mut bytes = Zeroizing::new([0; 32]);
        // Neither part has a zero byte, so no two pairs give the same info.
        prk.expand(&[purpose.label(), &[0], realm.as_str().as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(bytes.as_mut_slice()))
            .map_err(|_| RandomError)?;
        Ok(bytes)
    }

    /// Derives a key for each purpose in this realm (HKDF-SHA-256, RFC 5869).
    pub(crate) fn derive(&self, realm: &Realm) -> Result<Keys, RandomError> {
        let prk = self.prk();
        let expand = |purpose| Self::expand(&prk, purpose, realm);
        let mac = |purpose| expand(purpose).map(|bytes| MacKey::new(bytes.as_slice()));
        let id = expand(Purpose::KeyId)?;
        Ok(Keys {
            id: URL_SAFE_NO_PAD.encode(&id[..9]),
            access: mac(Purpose::AccessToken)?,
            refresh: mac(Purpose::RefreshToken)?,
            code: mac(Purpose::Code)?,
            code_mac: mac(Purpose::CodeMac)?,
            identity: mac(Purpose::Identity)?,
            device: mac(Purpose::Device)?,
            binding: mac(Purpose::Binding)?,
        })
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret([redacted])")
    }
}

/// What a derived key is for; each label gives an unrelated key.
#[derive(Clone, Copy)]
enum Purpose {
    KeyId,
    AccessToken,
    RefreshToken,
    Code,
    CodeMac,
    Identity,
    Device,
    Binding,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::KeyId => b"key id",
            Self::AccessToken => b"access token",
            Self::RefreshToken => b"refresh token",
            Self::Code => b"code",
            Self::CodeMac => b"code mac",
            Self::Identity => b"identity",
            Self::Device => b"known device",
            Self::Binding => b"binding",
        }
    }
}

/// The keys derived from one master secret for one realm.
pub(crate) struct Keys {
    /// Public name of this set, the `kid` of a token. It is derived under a
    /// label of its own, so it tells nothing about the others.
    pub(crate) id: String,
    /// Signs access tokens.
    pub(crate) access: MacKey,
    /// Signs refresh tokens.
    pub(crate) refresh: MacKey,
    /// Derives a code from a challenge's nonce.
    pub(crate) code: MacKey,
    /// Binds a code to its challenge and identity.
    pub(crate) code_mac: MacKey,
    /// Turns an address into the identity under which stores know it.
    pub(crate) identity: MacKey,
    /// Signs the cookie of a device that has signed in before.
    pub(crate) device: MacKey,
    /// Ties a session to the address that was proven.
    pub(crate) binding: MacKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &[u8]) -> Keys {
        keys_of(secret, "users")
    }

    fn keys_of(secret: &[u8], realm: &str) -> Keys {
        MasterSecret::new(Zeroizing::new(secret.to_vec())).derive(&Realm::new(realm).unwrap()).unwrap()
    }

    /// What each key makes of one input.
    fn macs(keys: &Keys) -> [[u8; 32]; 7] {
        let Keys { id: _, access, refresh, code, code_mac, identity, device, binding } = keys;
        [access, refresh, code, code_mac, identity, device, binding].map(|key| key.sign(b"x"))
    }

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
    fn key_05_every_purpose_has_a_key_of_its_own() {
        let keys = keys(&[7; 32]);
        let macs = macs(&keys);
        for (at, mac) in macs.iter().enumerate() {
            assert!(!macs[..at].contains(mac));
        }
    }

    /// A key that changes ends every session, so these never do.
    #[test]
    fn key_05_the_keys_of_a_secret_stay_what_they_are() {
        let keys = keys(&[7; 32]);
        assert_eq!(keys.id, "CImMaiTu6ust");
        // The first 96 bits.
        let hex = |mac: [u8; 32]| mac[..12].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        assert_eq!(
            macs(&keys).map(hex),
            [
                "5ccd9457f63d66804c0bbe9e",
                "7ddb1ffd73a52e133c730df3",
                "5ade92051fc27059d39467c3",
                "c677f02264333f1d2afce47f",
                "5d47bea43df011413bdfdab4",
                "ccb2013ece4970836eaba167",
                "0316f3fa343e760bb703329b",
            ]
        );
    }

    #[test]
    fn the_same_secret_gives_the_same_keys_and_another_gives_others() {
        assert_eq!(keys(&[7; 32]).id, keys(&[7; 32]).id);
        assert_ne!(keys(&[7; 32]).id, keys(&[8; 32]).id);
        assert_eq!(macs(&keys(&[7; 32])), macs(&keys(&[7; 32])));
        assert!(macs(&keys(&[7; 32])).iter().all(|mac| !macs(&keys(&[8; 32])).contains(mac)));
    }

    #[test]
    fn another_realm_has_other_keys_for_every_purpose() {
        let secret = [7; 32];
        let (customers, admins) = (keys_of(&secret, "customers"), keys_of(&secret, "admins"));
        assert_ne!(customers.id, admins.id);
        assert!(macs(&customers).iter().all(|mac| !macs(&admins).contains(mac)));
    }

    #[test]
    fn the_fields_of_a_mac_cannot_slide_into_each_other() {
        let key = keys(&[7; 32]).code;
        assert_ne!(key.mac(&[b"ab", b"c"]), key.mac(&[b"a", b"bc"]));
        assert_ne!(key.mac(&[b"ab"]), key.mac(&[b"ab", b""]));
    }

    #[test]
    fn otp_16_debug_shows_nothing_of_a_secret() {
        let secret = Secret::new("tr0ub4dor");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)).matches("tr0ub4dor").count(), 0);
    }
}
