//! Where refresh tokens and challenges travel: three markers, chosen by `refresh_token_delivery`.
//!
//! The types enforce it: in cookie mode, no body has a field for a refresh token; in body mode, no
//! cookie can be set.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::{
    ChallengeIssued, ChallengeIssuedInBody, NoBody, RefreshBody, RequestOtpBody, RequestOtpBodyWithDevice,
    TokensIssued, TokensIssuedInBody, VerifyBody, VerifyBodyWithChallenge,
};

mod sealed {
    pub trait Sealed {}
}

/// What a body needs besides serde: a schema, if there is an OpenAPI document.
#[cfg(feature = "openapi")]
use utoipa::ToSchema as Documented;
#[cfg(not(feature = "openapi"))]
trait Documented {}
#[cfg(not(feature = "openapi"))]
impl<T> Documented for T {}

/// How refresh tokens and challenges reach the client. Implemented by [`Cookie`], [`Body`] and
/// [`Both`]. The associated types are the bodies.
#[allow(private_bounds, reason = "sealed: the three deliveries are all there are")]
pub trait Delivery: sealed::Sealed + Send + Sync + 'static {
    /// Whether cookies are set and read.
    const COOKIES: bool;
    /// Whether bodies carry refresh tokens.
    #[doc(hidden)]
    const REFRESH_IN_BODY: bool;

    /// The body of `POST /request-otp`.
    type RequestBody: Serialize + DeserializeOwned + Documented + Send + Into<RequestOtpBodyWithDevice>;
    /// The response to `POST /request-otp`.
    type ChallengeIssued: Serialize + DeserializeOwned + Documented + Send + From<ChallengeIssuedInBody>;
    /// The body of `POST /verify-otp`.
    type VerifyBody: Serialize + DeserializeOwned + Documented + Send + Into<VerifyBodyWithChallenge>;
    /// The body of `POST /refresh` and `POST /logout`.
    type RefreshBody: Serialize + DeserializeOwned + Documented + Send + Into<RefreshBody>;
    /// The response to `POST /verify-otp` and `POST /refresh`.
    type TokensIssued: Serialize + DeserializeOwned + Documented + Send + From<TokensIssuedInBody>;
}

/// In an `HttpOnly` cookie, for browsers. Bodies have no refresh token.
#[derive(Debug, Clone, Copy)]
pub enum Cookie {}

/// In JSON bodies, for native applications. No cookie is ever set.
#[derive(Debug, Clone, Copy)]
pub enum Body {}

/// In both, for a backend that serves browsers and native applications. A script in the page can
/// then read the refresh token, which fails ASVS 5.0 3.3.4.
#[derive(Debug, Clone, Copy)]
pub enum Both {}

impl sealed::Sealed for Cookie {}
impl sealed::Sealed for Body {}
impl sealed::Sealed for Both {}

impl Delivery for Cookie {
    const COOKIES: bool = true;
    const REFRESH_IN_BODY: bool = false;

    type RequestBody = RequestOtpBody;
    type ChallengeIssued = ChallengeIssued;
    type VerifyBody = VerifyBody;
    type RefreshBody = NoBody;
    type TokensIssued = TokensIssued;
}

impl Delivery for Body {
    const COOKIES: bool = false;
    const REFRESH_IN_BODY: bool = true;

    type RequestBody = RequestOtpBodyWithDevice;
    type ChallengeIssued = ChallengeIssuedInBody;
    type VerifyBody = VerifyBodyWithChallenge;
    type RefreshBody = RefreshBody;
    type TokensIssued = TokensIssuedInBody;
}

impl Delivery for Both {
    const COOKIES: bool = true;
    const REFRESH_IN_BODY: bool = true;

    type RequestBody = RequestOtpBodyWithDevice;
    type ChallengeIssued = ChallengeIssuedInBody;
    type VerifyBody = VerifyBodyWithChallenge;
    type RefreshBody = RefreshBody;
    type TokensIssued = TokensIssuedInBody;
}
