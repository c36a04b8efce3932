//! Where a refresh token travels: three markers, chosen by
//! `refresh_token_delivery`. What each means in HTTP is the web layer's.

mod sealed {
    pub trait Sealed {}
}

/// How refresh tokens and challenges reach the client. Implemented by
/// [`Cookie`], [`Body`] and [`Both`].
pub trait Delivery: sealed::Sealed + Send + Sync + 'static {
    /// Whether cookies are set and read at all.
    const COOKIES: bool;
}

/// In an `HttpOnly` cookie: for browsers. Bodies have no refresh token.
#[derive(Debug, Clone, Copy)]
pub enum Cookie {}

/// In the JSON bodies: for native applications. No cookie is ever set.
#[derive(Debug, Clone, Copy)]
pub enum Body {}

/// In both, for one backend that serves both kinds. A script in the page can
/// read the refresh token then, so this fails ASVS 5.0 3.3.4.
#[derive(Debug, Clone, Copy)]
pub enum Both {}

impl sealed::Sealed for Cookie {}
impl sealed::Sealed for Body {}
impl sealed::Sealed for Both {}

impl Delivery for Cookie {
    const COOKIES: bool = true;
}

impl Delivery for Body {
    const COOKIES: bool = false;
}

impl Delivery for Both {
    const COOKIES: bool = true;
}
