//! What the three deliveries mean in HTTP: the types of bodies, and which
//! cookies go along.
//!
//! The types make the contract: in cookie mode there is no field for a
//! refresh token, in body mode no cookie can be set.

use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::cookie::{self, Kind};
use super::json::RequestOtpBody;
use crate::auth::{ChallengeKey, CodeRequested, OtpAuth, SignedIn, TokenPair};
use crate::config::{OtpConfig, Settings};
use crate::delivery::{Body, Both, Cookie, Delivery};
use crate::secret::Secret;

/// The answer to `POST /request-otp` in cookie mode. The challenge is in its
/// cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChallengeIssued {
    /// For people.
    pub message: String,
    /// Seconds for which the code is valid.
    pub expires_in: u64,
    /// Seconds until the next code can be sent.
    pub resend_in: u64,
}

/// The answer to `POST /request-otp` in body mode, and in both modes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChallengeIssuedInBody {
    /// For people.
    pub message: String,
    /// Seconds for which the code is valid.
    pub expires_in: u64,
    /// Seconds until the next code can be sent.
    pub resend_in: u64,
    /// To be sent back together with the code.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub challenge: Secret,
}

/// The body of `POST /request-otp` in body mode, and in both modes.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestOtpBodyWithDevice {
    /// The address to send the code to.
    #[cfg_attr(feature = "openapi", schema(format = "email", examples("ann@example.com")))]
    pub email: String,
    /// The `device` of the last answer to `POST /verify-otp`, if there was one.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub device: Option<Secret>,
}

/// The body of `POST /verify-otp` in cookie mode.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifyBody {
    /// The address that the code was sent to.
    #[cfg_attr(feature = "openapi", schema(format = "email", examples("ann@example.com")))]
    pub email: String,
    /// The code, as typed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[^A-Za-z]+$", max_length = 4096, examples("000000")))]
    pub code: Secret,
}

/// The body of `POST /verify-otp` in body mode, and in both modes.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifyBodyWithChallenge {
    /// The address that the code was sent to.
    #[cfg_attr(feature = "openapi", schema(format = "email", examples("ann@example.com")))]
    pub email: String,
    /// The code, as typed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[^A-Za-z]+$", max_length = 4096, examples("000000")))]
    pub code: Secret,
    /// The challenge from the answer to `POST /request-otp`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub challenge: Option<Secret>,
    /// The `device` of the last answer to `POST /verify-otp`, if there was one:
    /// the new one takes its place.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub device: Option<Secret>,
}

/// The body of `POST /refresh` and `POST /logout` in body mode, and in both
/// modes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefreshBody {
    /// The refresh token.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub refresh_token: Option<Secret>,
}

/// The body of `POST /refresh` and `POST /logout` in cookie mode: nothing in
/// it matters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoBody {}

/// The answer to `POST /verify-otp` and `POST /refresh` in cookie mode (RFC
/// 6749 section 5.1). The refresh token is in its cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokensIssued {
    /// The access token.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub access_token: Secret,
    /// Always `bearer`.
    pub token_type: String,
    /// Seconds for which the access token is valid.
    pub expires_in: u64,
}

/// The answer to `POST /verify-otp` and `POST /refresh` in body mode, and in
/// both modes (RFC 6749 section 5.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokensIssuedInBody {
    /// The access token.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub access_token: Secret,
    /// Always `bearer`.
    pub token_type: String,
    /// Seconds for which the access token is valid.
    pub expires_in: u64,
    /// The refresh token.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub refresh_token: Secret,
    /// After a sign-in: proof that this device has signed in, for later requests
    /// of a code. It is good for 180 days, and also after signing out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub device: Option<Secret>,
}

/// The answer to `POST /logout`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// For people.
    pub message: String,
}

/// A body with an address, whatever else it has.
pub(super) trait RequestFields {
    fn email(&self) -> &str;
    fn device(&self) -> Option<&str>;
}

/// A body with a code, whatever else it has.
pub(super) trait VerifyFields {
    fn email(&self) -> &str;
    fn code(&self) -> &str;
    fn challenge(&self) -> Option<&str>;
    fn device(&self) -> Option<&str>;
}

/// A body that may have a refresh token.
pub(super) trait RefreshFields {
    /// Whether it is read at all.
    const READ: bool = true;

    fn refresh_token(&self) -> Option<&str>;
}

/// What a body needs beyond serde: a schema, where there is a document.
#[cfg(feature = "openapi")]
pub trait Documented: utoipa::ToSchema {}
#[cfg(feature = "openapi")]
impl<T: utoipa::ToSchema> Documented for T {}
/// What a body needs beyond serde: nothing, without a document.
#[cfg(not(feature = "openapi"))]
pub trait Documented {}
#[cfg(not(feature = "openapi"))]
impl<T> Documented for T {}

/// A [`Delivery`] as the routes use it. The types are those of the bodies.
#[allow(private_bounds, reason = "sealed: the three deliveries are all there are")]
pub trait WebDelivery: Delivery {
    /// Whether refresh tokens are taken from bodies.
    #[doc(hidden)]
    const REFRESH_IN_BODY: bool;

    /// The body of `POST /request-otp`.
    type RequestBody: Serialize + DeserializeOwned + Documented + Send + RequestFields;
    /// The answer to `POST /request-otp`.
    type ChallengeIssued: Serialize + DeserializeOwned + Documented + Send;
    /// The body of `POST /verify-otp`.
    type VerifyBody: Serialize + DeserializeOwned + Documented + Send + VerifyFields;
    /// The body of `POST /refresh` and `POST /logout`.
    type RefreshBody: Serialize + DeserializeOwned + Default + Documented + Send + Sync + RefreshFields;
    /// The answer to `POST /verify-otp` and `POST /refresh`.
    type TokensIssued: Serialize + DeserializeOwned + Documented + Send;

    #[doc(hidden)]
    fn challenge_issued(issued: ChallengeIssuedInBody) -> Self::ChallengeIssued;
    #[doc(hidden)]
    fn tokens_issued(issued: TokensIssuedInBody) -> Self::TokensIssued;
}

impl WebDelivery for Cookie {
    const REFRESH_IN_BODY: bool = false;

    type RequestBody = RequestOtpBody;
    type ChallengeIssued = ChallengeIssued;
    type VerifyBody = VerifyBody;
    type RefreshBody = NoBody;
    type TokensIssued = TokensIssued;

    fn challenge_issued(issued: ChallengeIssuedInBody) -> ChallengeIssued {
        let ChallengeIssuedInBody { message, expires_in, resend_in, challenge: _ } = issued;
        ChallengeIssued { message, expires_in, resend_in }
    }

    fn tokens_issued(issued: TokensIssuedInBody) -> TokensIssued {
        let TokensIssuedInBody { access_token, token_type, expires_in, refresh_token: _, device: _ } = issued;
        TokensIssued { access_token, token_type, expires_in }
    }
}

impl WebDelivery for Body {
    const REFRESH_IN_BODY: bool = true;

    type RequestBody = RequestOtpBodyWithDevice;
    type ChallengeIssued = ChallengeIssuedInBody;
    type VerifyBody = VerifyBodyWithChallenge;
    type RefreshBody = RefreshBody;
    type TokensIssued = TokensIssuedInBody;

    fn challenge_issued(issued: ChallengeIssuedInBody) -> ChallengeIssuedInBody {
        issued
    }

    fn tokens_issued(issued: TokensIssuedInBody) -> TokensIssuedInBody {
        issued
    }
}

impl WebDelivery for Both {
    const REFRESH_IN_BODY: bool = true;

    type RequestBody = RequestOtpBodyWithDevice;
    type ChallengeIssued = ChallengeIssuedInBody;
    type VerifyBody = VerifyBodyWithChallenge;
    type RefreshBody = RefreshBody;
    type TokensIssued = TokensIssuedInBody;

    fn challenge_issued(issued: ChallengeIssuedInBody) -> ChallengeIssuedInBody {
        issued
    }

    fn tokens_issued(issued: TokensIssuedInBody) -> TokensIssuedInBody {
        issued
    }
}

impl RequestFields for RequestOtpBody {
    fn email(&self) -> &str {
        &self.email
    }

    fn device(&self) -> Option<&str> {
        None
    }
}

impl RequestFields for RequestOtpBodyWithDevice {
    fn email(&self) -> &str {
        &self.email
    }

    fn device(&self) -> Option<&str> {
        self.device.as_ref().map(Secret::expose)
    }
}

impl VerifyFields for VerifyBody {
    fn email(&self) -> &str {
        &self.email
    }

    fn code(&self) -> &str {
        self.code.expose()
    }

    fn challenge(&self) -> Option<&str> {
        None
    }

    fn device(&self) -> Option<&str> {
        None
    }
}

impl VerifyFields for VerifyBodyWithChallenge {
    fn email(&self) -> &str {
        &self.email
    }

    fn code(&self) -> &str {
        self.code.expose()
    }

    fn challenge(&self) -> Option<&str> {
        self.challenge.as_ref().map(Secret::expose)
    }

    fn device(&self) -> Option<&str> {
        self.device.as_ref().map(Secret::expose)
    }
}

impl RefreshFields for NoBody {
    const READ: bool = false;

    fn refresh_token(&self) -> Option<&str> {
        None
    }
}

impl RefreshFields for RefreshBody {
    fn refresh_token(&self) -> Option<&str> {
        self.refresh_token.as_ref().map(Secret::expose)
    }
}

/// What a client sent, each once: the cookies, then the body. In body mode
/// cookies are not looked at.
pub(super) fn presented<'a, C: OtpConfig>(
    kind: Kind,
    headers: &'a HeaderMap,
    body: Option<&'a str>,
    auth: &OtpAuth<C>,
) -> Vec<&'a str> {
    let is_ours = |value: &str| is_ours(kind, value, auth);
    let mut values =
        if C::Delivery::COOKIES { cookie::read_all(kind, headers, auth.settings(), is_ours) } else { Vec::new() };
    if let Some(body) = body
        && !values.contains(&body)
    {
        values.push(body);
    }
    values
}

/// The same of refresh tokens that are to be ended, also in cookies of before.
pub(super) fn presented_to_end<'a, C: OtpConfig>(
    headers: &'a HeaderMap,
    body: Option<&'a str>,
    auth: &OtpAuth<C>,
) -> Vec<&'a str> {
    let mut values = presented(Kind::Refresh, headers, body, auth);
    if C::Delivery::COOKIES {
        values.extend(cookie::read_earlier(headers, auth.settings(), |value| is_ours(Kind::Refresh, value, auth)));
    }
    values
}

/// Whether a value was made here, as far as it says so itself.
fn is_ours<C: OtpConfig>(kind: Kind, value: &str, auth: &OtpAuth<C>) -> bool {
    match kind {
        Kind::Refresh => auth.is_refresh_token(value),
        Kind::Challenge => ChallengeKey::of(value).is_some(),
        Kind::Device => auth.is_device_token(value),
    }
}

/// The response that hands out a challenge.
pub(super) fn challenge_response<D: WebDelivery>(requested: CodeRequested, settings: &Settings) -> Response {
    let cookie = D::COOKIES.then(|| cookie::set(Kind::Challenge, &requested.challenge, requested.expires_in, settings));
    let body = D::challenge_issued(ChallengeIssuedInBody {
        message: "If this address can sign in, a code was sent to it.".to_owned(),
        expires_in: requested.expires_in.as_secs(),
        resend_in: crate::clock::ceil_secs(requested.resend_in),
        challenge: requested.challenge,
    });
    let mut response = Json(body).into_response();
    cookie::add(response.headers_mut(), cookie.flatten());
    response
}

/// The response that hands out tokens.
pub(super) fn tokens_response<D: WebDelivery, U>(signed_in: SignedIn<U>, settings: &Settings) -> Response {
    let SignedIn { tokens, device, .. } = signed_in;
    let TokenPair { access_token, expires_in, refresh_token, refresh_expires_in } = tokens;
    let mut cookies = HeaderMap::new();
    if D::COOKIES {
        cookie::clear_elsewhere(&mut cookies, settings);
        cookie::add(&mut cookies, cookie::set(Kind::Refresh, &refresh_token, refresh_expires_in, settings));
        // A device is named after a sign-in only, and then the challenge has
        // served its purpose.
        if let Some(device) = &device {
            cookie::add(&mut cookies, cookie::set(Kind::Device, &device.token, device.expires_in, settings));
            cookie::add(&mut cookies, cookie::clear(Kind::Challenge, settings));
        }
    }
    let body = D::tokens_issued(TokensIssuedInBody {
        access_token,
        token_type: "bearer".to_owned(),
        expires_in: expires_in.as_secs(),
        refresh_token,
        device: device.map(|device| device.token),
    });
    (cookies, Json(body)).into_response()
}

macro_rules! redacted_debug {
    ($($type:ident),*) => {$(
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($type), "([redacted])"))
            }
        }
    )*};
}

redacted_debug!(RequestOtpBodyWithDevice, VerifyBody, VerifyBodyWithChallenge);
