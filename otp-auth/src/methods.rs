//! How a user authenticated: the `amr` of a token (RFC 8176).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most methods, not counting `otp`.
const MAX_METHODS: usize = 8;

/// The longest name.
const MAX_METHOD_BYTES: usize = 32;

const OTP: &str = "otp";

/// How a user authenticated, as `amr` in their tokens: always by one-time code (`otp`), and perhaps
/// in further ways that your application knows of.
///
/// Use the names of [RFC 8176](https://www.rfc-editor.org/rfc/rfc8176#section-2) where one fits:
/// `hwk` and `swk` for a hardware or software key, `pin`, `fpt` for a fingerprint, `mfa` for
/// several factors.
///
/// ```
/// use otp_auth::session::AuthMethods;
///
/// let methods = AuthMethods::new(["hwk", "mfa"])?;
/// assert!(methods.contains("otp") && methods.contains("mfa"));
/// assert_eq!(methods.as_str(), "otp hwk mfa");
/// # Ok::<(), otp_auth::session::InvalidAuthMethods>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuthMethods(Cow<'static, str>);

/// A name is empty or too long, or has a character other than printable ASCII, a quotation mark or
/// a backslash; or there are too many. The message has the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected at most {MAX_METHODS} methods besides `otp`, each of 1 to {MAX_METHOD_BYTES} printable ASCII characters"
)]
#[non_exhaustive]
pub struct InvalidAuthMethods;

impl AuthMethods {
    /// One-time code only.
    pub const OTP: Self = Self(Cow::Borrowed(OTP));

    /// One-time code and these. Duplicates count once.
    ///
    /// # Errors
    ///
    /// [`InvalidAuthMethods`].
    pub fn new<I>(others: I) -> Result<Self, InvalidAuthMethods>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut methods = Self::OTP;
        for other in others {
            methods.add(other.as_ref())?;
        }
        Ok(methods)
    }

    /// Whether `method` is among them.
    #[must_use]
    pub fn contains(&self, method: &str) -> bool {
        self.iter().any(|one| one == method)
    }

    /// All of them, starting with `otp`.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }

    /// All of them, separated by spaces, as stores keep them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn add(&mut self, method: &str) -> Result<(), InvalidAuthMethods> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if method.is_empty() || method.len() > MAX_METHOD_BYTES || !method.bytes().all(is_plain) {
            return Err(InvalidAuthMethods);
        }
        if self.contains(method) {
            return Ok(());
        }
        if self.iter().count() > MAX_METHODS {
            return Err(InvalidAuthMethods);
        }
        let all = self.0.to_mut();
        all.push(' ');
        all.push_str(method);
        Ok(())
    }
}

impl Default for AuthMethods {
    fn default() -> Self {
        Self::OTP
    }
}

/// Parses the output of [`as_str`](AuthMethods::as_str).
impl FromStr for AuthMethods {
    type Err = InvalidAuthMethods;

    fn from_str(text: &str) -> Result<Self, InvalidAuthMethods> {
        match text.strip_prefix(OTP) {
            Some("") => Ok(Self::OTP),
            Some(others) => Self::new(others.strip_prefix(' ').ok_or(InvalidAuthMethods)?.split(' ')),
            None => Err(InvalidAuthMethods),
        }
    }
}

/// A list, as in a token.
impl Serialize for AuthMethods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for AuthMethods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = AuthMethods;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of methods that begins with `otp`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AuthMethods, A::Error> {
                let mut methods = AuthMethods::OTP;
                if list.next_element_seed(First)?.is_none() {
                    return Err(A::Error::invalid_length(0, &self));
                }
                while list.next_element_seed(Further(&mut methods))?.is_some() {}
                Ok(methods)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

/// Reads `otp` without copying it.
struct First;

/// Reads a further method.
struct Further<'a>(&'a mut AuthMethods);

impl<'de> DeserializeSeed<'de> for First {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for First {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`otp`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if text == OTP { Ok(()) } else { Err(E::custom("not by a code")) }
    }
}

impl<'de> DeserializeSeed<'de> for Further<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Further<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a method")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.add(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn otp_is_always_included_and_each_method_counts_once() {
        for (others, expected) in [
            (&[][..], "otp"),
            (&["otp"], "otp"),
            (&["mfa"], "otp mfa"),
            (&["hwk", "otp", "mfa", "hwk"], "otp hwk mfa"),
            (&["Otp", "https://a.example/x"], "otp Otp https://a.example/x"),
        ] {
            let methods = AuthMethods::new(others).unwrap();
            assert_eq!(methods.as_str(), expected);
            assert_eq!(expected.parse(), Ok(methods.clone()));
            let json = serde_json::to_string(&methods).unwrap();
            assert_eq!(json, format!("[\"{}\"]", expected.replace(' ', "\",\"")));
            assert_eq!(serde_json::from_str::<AuthMethods>(&json).unwrap(), methods);
        }
    }

    #[test]
    fn invalid_names_and_too_many_are_refused() {
        let long = "x".repeat(MAX_METHOD_BYTES + 1);
        for name in ["", " ", "a b", "a\n", "\u{7f}", "ü", "\"", "a\\b", "a\0", long.as_str()] {
            assert_eq!(AuthMethods::new([name]), Err(InvalidAuthMethods), "{name:?}");
        }
        assert!(AuthMethods::new(["x".repeat(MAX_METHOD_BYTES)]).is_ok());
        let many = |count| (0..count).map(|number| format!("{number:x>MAX_METHOD_BYTES$}"));
        let full = AuthMethods::new(many(MAX_METHODS)).unwrap();
        assert_eq!(full.iter().count(), 1 + MAX_METHODS);
        // What the contract of a store and the columns of our tables leave room for.
        assert!(full.as_str().len() <= 512);
        assert!(include_str!("../migrations/mysql/0002_realms.sql").contains("VARCHAR(512)   NOT NULL DEFAULT 'otp'"));
        assert_eq!(AuthMethods::new(many(MAX_METHODS + 1)), Err(InvalidAuthMethods));
        // Duplicates do not count.
        assert_eq!(AuthMethods::new(many(MAX_METHODS).chain(many(MAX_METHODS))), Ok(full));
    }

    #[test]
    fn what_is_never_written_is_not_read() {
        for text in ["", " ", "mfa", "otp ", " otp", "otp  mfa", "otpmfa", "otp,mfa", "otp ü"] {
            assert_eq!(text.parse::<AuthMethods>(), Err(InvalidAuthMethods), "{text:?}");
        }
        for (json, cause) in [
            ("[]", "expected a list of methods that begins with `otp`"),
            (r#""otp""#, "expected a list of methods that begins with `otp`"),
            ("null", "expected a list of methods that begins with `otp`"),
            ("{}", "expected a list of methods that begins with `otp`"),
            ("[1]", "expected `otp`"),
            (r#"["mfa"]"#, "not by a code"),
            (r#"["mfa","otp"]"#, "not by a code"),
            (r#"["otp",1]"#, "expected a method"),
            (r#"["otp","a b"]"#, "expected at most 8 methods"),
        ] {
            let error = serde_json::from_str::<AuthMethods>(json).unwrap_err().to_string();
            assert!(error.contains(cause), "{json}: {error}");
        }
    }
}
