//! The `SameSite` attribute.

/// Whether browsers send a cookie with requests from other sites (RFC 6265bis section 5.4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when the user follows a link.
    Lax,
    /// Always, over HTTPS.
    None,
}
