//! Names in databases and tokens. Each function says what is wrong with one.

/// The tables that otp-auth creates for itself.
pub const OWN_TABLES: [&str; 5] = ["otp_challenges", "otp_budgets", "otp_sessions", "otp_realms", "token_blacklist"];

/// A collection that only the `MongoDB` store creates, in addition.
pub const OWN_COLLECTION: &str = "otp_sign_ups";

/// Claims with a fixed meaning in an access token.
pub const RESERVED_CLAIMS: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "bnd",
    "auth_time",
    "amr",
    "acr",
    "azp",
    "client_id",
    "scope",
];

/// The name of a realm. It is part of every row and cookie name.
#[must_use]
pub fn realm(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.len() > 64 {
        Some("is longer than 64 bytes")
    } else if text.contains(char::is_control) || text.trim() != text {
        Some("contains a control character, or starts or ends with whitespace")
    } else {
        None
    }
}

/// An issuer or audience. Every token contains it, and browsers reject cookies above 4 KiB.
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
