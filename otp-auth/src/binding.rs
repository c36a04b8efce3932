//! What a session is bound to: the address that was proven when it began.
//!
//! Ids can be reused, and addresses can change hands. A session that knows which address was proven
//! gives nobody access to another person's account.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::crypto;
use crate::email::{Address, LocalPartCase};
use crate::id::{self, ParseIdError};
use crate::keys::{KeyRing, Keys};
use crate::secret::redacted;

/// A digest of the proven address: half of an HMAC of its canonical form, so it reveals the address
/// only to those who have the secret. Serde writes it as base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, pattern = "^[A-Za-z0-9_-]{22}$"))]
pub struct Binding([u8; 16]);

impl Binding {
    /// The binding to an address in its canonical form.
    pub(crate) fn of(keys: &Keys, canonical: &str) -> Self {
        Self(crypto::first(&keys.binding.mac(&[canonical.as_bytes()])))
    }

    /// The binding with these bytes, as stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The part that tokens carry.
    pub(crate) fn short(&self) -> ShortBinding {
        ShortBinding(crypto::first(&self.0))
    }
}

impl Serialize for Binding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Binding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        id::decode(&text).map(Self).map_err(D::Error::custom)
    }
}

redacted!(Binding);

/// The first 72 bits of a [`Binding`], which are 12 characters of base64url in a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShortBinding([u8; 9]);

impl fmt::Display for ShortBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&base64::display::Base64Display::new(&self.0, &URL_SAFE_NO_PAD), f)
    }
}

impl FromStr for ShortBinding {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.len() != 12 {
            return Err(ParseIdError);
        }
        let mut bytes = [0; 9];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(9) => Ok(Self(bytes)),
            _ => Err(ParseIdError),
        }
    }
}

/// What is compared with the user's current address.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// From a session.
    Whole(Binding),
    /// From a token.
    Short(ShortBinding),
}

impl Bound {
    fn is(self, binding: Binding) -> bool {
        match self {
            Self::Whole(bound) => crypto::same(&bound.0, &binding.0),
            Self::Short(bound) => crypto::same(&bound.0, &binding.short().0),
        }
    }

    /// Whether a user with this address is the one who proved it. The table may spell or pad the
    /// address differently, so its canonical form counts. A binding survives a change of the
    /// secret.
    pub(crate) fn holds(self, keys: &KeyRing, stored: &str, case: LocalPartCase) -> bool {
        let any = |address: &str| keys.iter().any(|keys| self.is(Binding::of(keys, address)));
        // The table nearly always has the address in its proven form.
        any(stored)
            || Address::parse(stored, case)
                .is_ok_and(|address| address.canonical() != stored && any(address.canonical()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Ring;
    use crate::testing_config::keys;

    #[test]
    fn a_session_belongs_to_whoever_has_the_address_in_any_spelling() {
        let keys = Ring::new(keys(1), vec![]);
        let binding = Binding::of(keys.current(), "ann@x.com");
        for bound in [Bound::Whole(binding), Bound::Short(binding.short())] {
            for stored in ["ann@x.com", "Ann@X.com", "ann@x.com    ", "ann@x.com."] {
                assert!(bound.holds(&keys, stored, LocalPartCase::Lower), "{stored:?}");
            }
            for stored in ["", " ", "ann", "bob@x.com", "Bob@X.com ", "ann@x.co", "ann@x.com, bob@x.com"] {
                assert!(!bound.holds(&keys, stored, LocalPartCase::Lower), "{stored:?}");
            }
            assert!(!bound.holds(&keys, "Ann@x.com", LocalPartCase::Preserve));
        }
    }

    #[test]
    fn a_binding_outlives_a_change_of_the_secret_as_long_as_the_old_one_is_known() {
        let binding = Binding::of(&keys(1), "ann@x.com");
        let bound = Bound::Whole(binding);
        assert!(bound.holds(&Ring::new(keys(2), vec![keys(1)]), "ann@x.com", LocalPartCase::Lower));
        assert!(!bound.holds(&Ring::new(keys(2), vec![]), "ann@x.com", LocalPartCase::Lower));
    }

    #[test]
    fn the_short_form_reads_back_and_has_one_spelling() {
        let short = Binding::of(&keys(1), "ann@x.com").short();
        assert!(short.to_string().parse() == Ok(short));
        for text in ["", "AAAA", "AAAAAAAAAAAA=", "AAAAAAAAAAA", "!!!!!!!!!!!!"] {
            assert!(text.parse::<ShortBinding>().is_err(), "{text}");
        }
    }
}
