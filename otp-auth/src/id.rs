//! Identifiers of 128 bits that this crate generates.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::crypto::{first, hash, random};
use crate::error::RandomError;

/// Not an id of this crate, which is 22 characters of unpadded base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected 22 characters of base64url")]
#[non_exhaustive]
pub struct ParseIdError;

macro_rules! id128 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 128 bits, written as 22 characters of unpadded base64url.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, pattern = "^[A-Za-z0-9_-]{22}$"))]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id with these bytes, as stored.
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

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&base64::display::Base64Display::new(&self.0, &URL_SAFE_NO_PAD), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                decode(text).map(Self)
            }
        }
    };
}

id128! {
    /// Identifies a sign-in; all its tokens carry it as `sid`. Random (ASVS 5.0 11.5.1).
    SessionId
}

id128! {
    /// Identifies an access token (`jti`, RFC 7519 section 4.1.7). Random.
    TokenId
}

impl SessionId {
    pub(crate) fn random() -> Result<Self, RandomError> {
        random().map(Self)
    }
}

impl TokenId {
    pub(crate) fn random() -> Result<Self, RandomError> {
        random().map(Self)
    }
}

id128! {
    /// Identifies a user in the blacklist: the first half of the SHA-256 digest of the id's text
    /// form.
    SubjectId
}

impl SubjectId {
    /// The id of the user with this id in text form.
    #[must_use]
    pub fn of(user_id: &str) -> Self {
        Self(first(&hash(user_id.as_bytes())))
    }

    /// The devices of the user with this id, which are revoked separately from tokens: the other
    /// half of the digest.
    pub(crate) fn devices_of(user_id: &str) -> Self {
        let mut digest = hash(user_id.as_bytes());
        digest.rotate_left(16);
        Self(first(&digest))
    }
}

/// Parses 128 bits from their only accepted text form.
pub(crate) fn decode(text: &str) -> Result<[u8; 16], ParseIdError> {
    // Check the length first, so that a huge text costs nothing. The decoder itself rejects padding
    // and stray trailing bits.
    if text.len() != 22 {
        return Err(ParseIdError);
    }
    // The decoder needs room for its own estimate, which is slightly larger.
    let mut buffer = [0; 18];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut buffer) {
        Ok(16) => Ok(first(&buffer)),
        _ => Err(ParseIdError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = SessionId::random().unwrap();
        assert_eq!(id.to_string().len(), 22);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn an_id_is_its_text_to_serde() {
        let id = SessionId::from_bytes([7; 16]);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"BwcHBwcHBwcHBwcHBwcHBw\"");
        assert_eq!(serde_json::from_str::<SessionId>(&json).unwrap(), id);
        for wrong in ["\"\"", "\"BwcHBwcHBwcHBwcHBwcHBw==\"", "7", "null"] {
            assert!(serde_json::from_str::<SessionId>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_user_and_their_devices_have_ids_of_their_own() {
        let ids = [SubjectId::of("1"), SubjectId::devices_of("1"), SubjectId::of("2"), SubjectId::devices_of("2")];
        assert!(ids.iter().enumerate().all(|(at, id)| !ids[..at].contains(id)));
        // The halves of the digest.
        let digest = [*SubjectId::of("1").as_bytes(), *SubjectId::devices_of("1").as_bytes()].concat();
        assert_eq!(digest, hash(b"1"));
    }

    #[test]
    fn only_the_one_text_form_is_read() {
        for text in [
            "",
            "A",
            "AAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "AAAAAAAAAAAAAAAAAAAAAB",
            "AAAAAAAAAAAAAAAAAAAAA+",
            "AAAAAAAAAAAAAAAAAAAAA\n",
        ] {
            assert_eq!(text.parse::<TokenId>(), Err(ParseIdError), "{text:?}");
        }
    }
}
