//! When browsers send the cookies along.

/// Whether a browser sends a cookie with the requests of other sites (RFC
/// 6265bis section 5.4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// With none.
    Strict,
    /// Only when the user follows a link.
    Lax,
    /// With all, over HTTPS.
    None,
}
