//! The master secret, and the keys derived from it.
//!
//! No other file holds key bytes, except `config`, where a secret enters.

use aws_lc_rs::hkdf;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::crypto::{self, MacKey};
use crate::error::RandomError;
use crate::realm::Realm;
use crate::secret::redacted;

/// No key could be derived from a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot be used to derive keys")]
pub(crate) struct DeriveError;

/// The secret that the application configures. All keys are derived from it.
pub(crate) struct MasterSecret(Zeroizing<Vec<u8>>);

impl MasterSecret {
    pub(crate) fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// A secret for this run only.
    pub(crate) fn random() -> Result<Self, RandomError> {
        crypto::random::<32>().map(|bytes| Self(Zeroizing::new(bytes.to_vec())))
    }

    fn prk(&self) -> hkdf::Prk {
        // A fixed salt separates this use of the secret from others.
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"otp-auth/v1").extract(&self.0)
    }

    fn expand(prk: &hkdf::Prk, purpose: KeyPurpose, realm: &Realm) -> Result<Zeroizing<[u8; 32]>, DeriveError> {
        let mut bytes = Zeroizing::new([0; 32]);
        // Neither part contains a zero byte, so different pairs give different info.
        prk.expand(&[purpose.label(), &[0], realm.as_str().as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(bytes.as_mut_slice()))
            .map_err(|_| DeriveError)?;
        Ok(bytes)
    }

    /// Derives a key for each purpose in this realm (HKDF-SHA-256, RFC 5869).
    pub(crate) fn derive(&self, realm: &Realm) -> Result<Keys, DeriveError> {
        let prk = self.prk();
        let expand = |purpose| Self::expand(&prk, purpose, realm);
        let mac = |purpose| expand(purpose).map(|bytes| MacKey::new(bytes.as_slice()));
        let id = expand(KeyPurpose::KeyId)?;
        Ok(Keys {
            id: URL_SAFE_NO_PAD.encode(&id[..9]),
            access: mac(KeyPurpose::AccessToken)?,
            refresh: mac(KeyPurpose::RefreshToken)?,
            code: mac(KeyPurpose::Code)?,
            code_mac: mac(KeyPurpose::CodeMac)?,
            identity: mac(KeyPurpose::Identity)?,
            device: mac(KeyPurpose::Device)?,
            unlock: mac(KeyPurpose::Unlock)?,
            binding: mac(KeyPurpose::Binding)?,
            limit: mac(KeyPurpose::Limit)?,
        })
    }
}

redacted!(MasterSecret);

/// The purpose of a derived key. Each label gives an independent key.
#[derive(Clone, Copy)]
enum KeyPurpose {
    KeyId,
    AccessToken,
    RefreshToken,
    Code,
    CodeMac,
    Identity,
    Device,
    Unlock,
    Binding,
    Limit,
}

impl KeyPurpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::KeyId => b"key id",
            Self::AccessToken => b"access token",
            Self::RefreshToken => b"refresh token",
            Self::Code => b"code",
            Self::CodeMac => b"code mac",
            Self::Identity => b"identity",
            Self::Device => b"known device",
            Self::Unlock => b"unlock",
            Self::Binding => b"binding",
            Self::Limit => b"limit",
        }
    }
}

/// The keys derived from one master secret for one realm.
pub(crate) struct Keys {
    /// Public name of the set, the `kid` of a token. It has its own label, so it reveals nothing
    /// about the keys.
    pub(crate) id: String,
    /// Signs access tokens.
    pub(crate) access: MacKey,
    /// Signs refresh tokens.
    pub(crate) refresh: MacKey,
    /// Derives a code from a challenge's nonce.
    pub(crate) code: MacKey,
    /// Binds a code to its challenge and identity.
    pub(crate) code_mac: MacKey,
    /// Turns an address into the identity that stores use.
    pub(crate) identity: MacKey,
    /// Signs device cookies.
    pub(crate) device: MacKey,
    /// Signs the tokens in messages.
    pub(crate) unlock: MacKey,
    /// Binds a session to the proven address.
    pub(crate) binding: MacKey,
    /// Turns a network into the key that limiters use.
    pub(crate) limit: MacKey,
}

/// A value for each secret of a configuration: the current secret signs, the previous ones only
/// verify.
pub(crate) struct Ring<T> {
    current: T,
    previous: Vec<T>,
}

/// The keys of a configuration.
pub(crate) type KeyRing = Ring<Keys>;

impl<T> Ring<T> {
    pub(crate) const fn new(current: T, previous: Vec<T>) -> Self {
        Self { current, previous }
    }

    pub(crate) const fn current(&self) -> &T {
        &self.current
    }

    /// The current one, then the previous ones.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    pub(crate) fn map<U>(&self, mut to: impl FnMut(&T) -> U) -> Ring<U> {
        Ring { current: to(&self.current), previous: self.previous.iter().map(to).collect() }
    }

    pub(crate) fn try_map<U, E>(&self, mut to: impl FnMut(&T) -> Result<U, E>) -> Result<Ring<U>, E> {
        Ok(Ring { current: to(&self.current)?, previous: self.previous.iter().map(to).collect::<Result<_, _>>()? })
    }
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

    /// The output of each key for the same input.
    fn macs(keys: &Keys) -> [[u8; 32]; 9] {
        let Keys { id: _, access, refresh, code, code_mac, identity, device, unlock, binding, limit } = keys;
        [access, refresh, code, code_mac, identity, device, unlock, binding, limit].map(|key| key.sign(b"x"))
    }

    #[test]
    fn key_05_every_purpose_has_a_key_of_its_own() {
        let keys = keys(&[7; 32]);
        let macs = macs(&keys);
        for (at, mac) in macs.iter().enumerate() {
            assert!(!macs[..at].contains(mac));
        }
    }

    /// Changing a key would end every session, so these are fixed.
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
                "9da2d794c8dd628deb4d56ae",
                "0316f3fa343e760bb703329b",
                "e11e61f99b472fa010fcb50d",
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
}
