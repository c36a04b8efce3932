//! Where refresh tokens and challenges travel: three markers, chosen by
//! `refresh_token_delivery`.
//!
//! The types make the contract: in cookie mode there is no field for a
//! refresh token, in body mode no cookie can be set.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::{
    ChallengeIssued, ChallengeIssuedInBody, NoBody, RefreshBody, RequestOtpBody, RequestOtpBodyWithDevice,
    TokensIssued, TokensIssuedInBody, VerifyBody, VerifyBodyWithChallenge,
};

mod sealed {
    pub trait Sealed {}
}

/// What a body needs beyond serde: a schema, where there is a document.
#[cfg(feature = "openapi")]
use utoipa::ToSchema as Documented;
#[cfg(not(feature = "openapi"))]
trait Documented {}
#[cfg(not(feature = "openapi"))]
impl<T> Documented for T {}

/// How refresh tokens and challenges reach the client. Implemented by
/// [`Cookie`], [`Body`] and [`Both`]. The types are those of the bodies.
#[allow(private_bounds, reason = "sealed: the three deliveries are all there are")]
pub trait Delivery: sealed::Sealed + Send + Sync + 'static {
    /// Whether cookies are set and read at all.
    const COOKIES: bool;
    /// Whether refresh tokens are taken from bodies.
    #[doc(hidden)]
    const REFRESH_IN_BODY: bool;

    /// The body of `POST /request-otp`.
    type RequestBody: Serialize + DeserializeOwned + Documented + Send + Into<RequestOtpBodyWithDevice>;
    /// The answer to `POST /request-otp`.
    type ChallengeIssued: Serialize + DeserializeOwned + Documented + Send + From<ChallengeIssuedInBody>;
    /// The body of `POST /verify-otp`.
    type VerifyBody: Serialize + DeserializeOwned + Documented + Send + Into<VerifyBodyWithChallenge>;
    /// The body of `POST /refresh` and `POST /logout`.
    type RefreshBody: Serialize + DeserializeOwned + Documented + Send + Into<RefreshBody>;
    /// The answer to `POST /verify-otp` and `POST /refresh`.
    type TokensIssued: Serialize + DeserializeOwned + Documented + Send + From<TokensIssuedInBody>;
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
