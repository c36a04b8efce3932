//! The cookies: their names, and what is wrong with a name, a path or a domain.

use alloc::format;
use alloc::string::String;

/// The refresh cookie, before its prefix and the realm.
pub const REFRESH: &str = "refresh_token";
/// The cookie of the challenge, before its prefix and the realm.
pub const CHALLENGE: &str = "otp_challenge";
/// The cookie of a known device, before its prefix and the realm.
pub const DEVICE: &str = "otp_device";

/// A cookie name prefix that browsers have rules for (RFC 6265bis section 4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// `__Host-`: secure, for one host and all its paths.
    Host,
    /// `__Secure-`: secure.
    Secure,
}

impl Prefix {
    /// The prefix of this name. Browsers ignore its case.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Host, Self::Secure].into_iter().find(|prefix| {
            let text = prefix.as_str();
            name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text))
        })
    }

    /// The name without its prefix.
    #[must_use]
    pub fn strip(name: &str) -> &str {
        Self::of(name).map_or(name, |prefix| &name[prefix.as_str().len()..])
    }

    /// The name with this prefix.
    #[must_use]
    pub fn before(self, name: &str) -> String {
        format!("{}{name}", self.as_str())
    }

    /// The prefix as written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "__Host-",
            Self::Secure => "__Secure-",
        }
    }
}

/// The name of a cookie (RFC 6265 section 4.1.1).
#[must_use]
pub fn name(text: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() {
        Some("is empty")
    } else if text.len() > 256 {
        Some("is longer than 256 bytes")
    } else if !text.chars().all(allowed) {
        Some("contains a character that cookie names do not allow (use letters, digits, `-` and `_`)")
    } else if Prefix::strip(text).is_empty() {
        Some("is only a prefix")
    } else if is_own(text) {
        Some("is reserved for another otp-auth cookie")
    } else {
        None
    }
}

fn is_own(name: &str) -> bool {
    let plain = Prefix::strip(name);
    [CHALLENGE, DEVICE].iter().any(|own| plain.get(..own.len()).is_some_and(|start| start.eq_ignore_ascii_case(own)))
}

/// The path of a cookie, if browsers accept it unchanged.
#[must_use]
pub fn path(text: &str) -> Option<&'static str> {
    if !text.starts_with('/') {
        Some("does not start with `/`")
    } else if text.contains(|c: char| c == ';' || !c.is_ascii() || c.is_ascii_control()) {
        Some("contains a `;`, a control character or a character outside ASCII")
    } else if text.len() > 1_024 {
        Some("is longer than 1024 bytes")
    } else {
        None
    }
}

/// An element of a list of cookie paths.
pub(crate) fn one_path(text: &str) -> Option<String> {
    path(text).map(|fault| format!("has a path that {fault}: write, for example, `\"/auth\"`"))
}

/// The domain of a cookie.
#[must_use]
pub fn domain(text: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if text.is_empty() {
        Some("is empty")
    } else if text.contains("://") {
        Some("must be a host name without a scheme")
    } else if !text.chars().all(allowed) || text.len() > 253 {
        Some("is not a host name")
    } else if !text.trim_matches('.').contains('.') {
        Some("must contain a `.`, or browsers ignore the cookie (remove the key for `localhost`)")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_texts_are_accepted_and_longer_ones_are_not() {
        let host = |bytes: usize| format!("{}.com", "a".repeat(bytes - 4));
        assert_eq!((name(&"a".repeat(256)), name(&"a".repeat(257))), (None, Some("is longer than 256 bytes")));
        assert_eq!((path(&"/".repeat(1_024)), path(&"/".repeat(1_025))), (None, Some("is longer than 1024 bytes")));
        assert_eq!((domain(&host(253)), domain(&host(254))), (None, Some("is not a host name")));
    }
}
