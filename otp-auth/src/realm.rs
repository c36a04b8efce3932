//! Realms: which configuration a key, row or cookie belongs to.

use std::fmt;
use std::sync::Arc;

use otp_auth_rules::cookie::Prefix;

/// The name of a configuration, for configurations that share a secret, database or browser.
///
/// Every key, row and cookie name includes it, so nothing from one realm is valid in another: no
/// token, code, device, limit, session or revocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Realm(Arc<str>);

/// The text is not a valid realm name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 bytes long, without control characters or surrounding whitespace")]
#[non_exhaustive]
pub struct InvalidRealm;

impl Realm {
    /// The realm with this name. Names are case-sensitive.
    ///
    /// # Errors
    ///
    /// [`InvalidRealm`] if the text is empty or too long, contains control characters, or starts or
    /// ends with whitespace.
    pub fn new(name: impl AsRef<str>) -> Result<Self, InvalidRealm> {
        let name = name.as_ref();
        match otp_auth_rules::text::realm(name) {
            None => Ok(Self(name.into())),
            Some(_) => Err(InvalidRealm),
        }
    }

    /// A name that was checked before.
    pub(crate) fn checked(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a cookie of this realm: the prefix, `base`, a dash and the realm. Every byte that is not a
    /// letter, digit, `.`, `_` or `-` is percent-encoded, so different realms have different cookie
    /// names.
    pub(crate) fn cookie_name(&self, prefix: Option<Prefix>, base: &str) -> String {
        let mut name = format!("{}{base}-", prefix.map_or("", Prefix::as_str));
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
                name.push(char::from(byte));
            } else {
                name.push('%');
                for nibble in [byte >> 4, byte & 0xf] {
                    name.push(char::from_digit(nibble.into(), 16).unwrap_or('0'));
                }
            }
        }
        name
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_long_or_invisible_name_is_not_a_realm() {
        for name in ["", " ", " users", "users ", "us\ners", "us\0ers", &"u".repeat(65)] {
            assert_eq!(Realm::new(name), Err(InvalidRealm), "{name:?}");
        }
        for name in ["users", "app.users", "Kunden Süd", "u", &"u".repeat(64)] {
            let realm = Realm::new(name).unwrap();
            assert_eq!((realm.as_str(), realm.to_string().as_str()), (name, name));
        }
    }

    #[test]
    fn cookies_of_two_realms_have_different_names_that_a_browser_takes() {
        let names: Vec<_> = ["a b", "a%20b", "a_b", "a-b", "a.b", "A b", "a=b", "a;b", "äb", "a/b"]
            .iter()
            .map(|realm| Realm::new(realm).unwrap().cookie_name(Some(Prefix::Host), "otp_device"))
            .collect();
        assert_eq!(names[0], "__Host-otp_device-a%20b");
        for (at, name) in names.iter().enumerate() {
            assert!(!names[..at].contains(name), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)));
        }
    }
}
