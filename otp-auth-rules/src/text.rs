//! Texts: parts of a cookie, names in a token. Each function says what is wrong with a text.

use alloc::format;
use alloc::string::String;

/// How the names of the cookies begin that otp-auth sets beside the refresh cookie.
const OWN_COOKIES: [&str; 2] = ["otp_challenge", "otp_device"];

/// A prefix of a cookie's name that browsers have rules for (RFC 6265bis section 4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookiePrefix {
    /// `__Host-`: secure, for one host and all of its paths.
    Host,
    /// `__Secure-`: secure.
    Secure,
}

impl CookiePrefix {
    /// The prefix of this name. Browsers ignore its case.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Host, Self::Secure].into_iter().find(|prefix| {
            let text = prefix.as_str();
            name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text))
        })
    }

    /// The prefix as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "__Host-",
            Self::Secure => "__Secure-",
        }
    }
}

/// The name of a realm. It stands in every row and in the names of the cookies.
#[must_use]
pub fn realm(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.len() > 64 {
        Some("is longer than 64 bytes")
    } else if text.contains(char::is_control) || text.trim() != text {
        Some("has a control character, or space at its ends")
    } else {
        None
    }
}

/// The name of a cookie (RFC 6265 section 4.1.1).
#[must_use]
pub fn cookie_name(text: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() {
        Some("is empty")
    } else if text.len() > 256 {
        Some("is longer than 256 bytes")
    } else if !text.chars().all(allowed) {
        Some("has a character that no cookie name can have (letters, digits, `-` and `_` are fine)")
    } else if is_own_cookie(text) {
        Some("is the name of another cookie of otp-auth")
    } else {
        None
    }
}

fn is_own_cookie(name: &str) -> bool {
    let plain = if CookiePrefix::of(name) == Some(CookiePrefix::Host) { &name["__Host-".len()..] } else { name };
    OWN_COOKIES.iter().any(|own| plain.get(..own.len()).is_some_and(|start| start.eq_ignore_ascii_case(own)))
}

/// The path of a cookie that a browser takes as it is.
#[must_use]
pub fn cookie_path(text: &str) -> Option<&'static str> {
    if !text.starts_with('/') {
        Some("must begin with `/`")
    } else if text.contains(|c: char| c == ';' || !c.is_ascii() || c.is_ascii_control()) {
        Some("has a character that no cookie path can have")
    } else if text.len() > 1_024 {
        Some("is longer than 1024 bytes")
    } else {
        None
    }
}

/// One of several paths of a cookie.
pub(crate) fn one_cookie_path(text: &str) -> Option<String> {
    cookie_path(text).map(|fault| format!("takes paths, and this one {fault}: write for example `\"/auth\"`"))
}

/// The domain of a cookie.
#[must_use]
pub fn cookie_domain(text: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if text.is_empty() {
        Some("is empty")
    } else if text.contains("://") {
        Some("takes the name of a host alone")
    } else if !text.chars().all(allowed) || text.len() > 253 {
        Some("is no name of a host")
    } else if !text.trim_matches('.').contains('.') {
        Some("needs a name with a `.` in it, as browsers do (remove it for `localhost`)")
    } else {
        None
    }
}

/// An issuer or an audience. It stands in every token, and a browser drops a cookie above 4 KiB.
#[must_use]
pub fn token_name(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        Some("is empty")
    } else if text.len() > 1_024 {
        Some("is longer than 1024 bytes")
    } else {
        None
    }
}
