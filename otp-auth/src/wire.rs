//! The JSON bodies of the routes, for servers and for clients in Rust.
//!
//! Which of them a route takes and gives depends on the
//! [delivery](crate::delivery). In cookie mode no body has a field for a
//! refresh token, a challenge or a device.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The body of `POST /request-otp` in cookie mode.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RequestOtpBody {
    /// The address to send the code to.
    #[cfg_attr(feature = "openapi", schema(format = "email", examples("ann@example.com")))]
    pub email: String,
}

/// The body of `POST /request-otp` in body mode, and in both modes.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RequestOtpBodyWithDevice {
    /// The address to send the code to.
    #[cfg_attr(feature = "openapi", schema(format = "email", examples("ann@example.com")))]
    pub email: String,
    /// The `device` of the last answer to `POST /verify-otp`, if there was one.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub device: Option<Secret>,
}

/// The answer to `POST /request-otp` in cookie mode. The challenge is in its
/// cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
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
#[non_exhaustive]
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

/// The body of `POST /verify-otp` in cookie mode.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
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
#[non_exhaustive]
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

/// The answer to `POST /verify-otp` and `POST /refresh` in cookie mode (RFC
/// 6749 section 5.1). The refresh token is in its cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
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
#[non_exhaustive]
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

/// The body of `POST /refresh` and `POST /logout` in body mode, and in both
/// modes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct NoBody {}

/// The answer to `POST /logout`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Message {
    /// For people.
    pub message: String,
}

impl RequestOtpBody {
    /// Asks for a code.
    #[must_use]
    pub fn new(email: impl Into<String>) -> Self {
        Self { email: email.into() }
    }
}

impl RequestOtpBodyWithDevice {
    /// Asks for a code, as a device that has not signed in yet.
    #[must_use]
    pub fn new(email: impl Into<String>) -> Self {
        Self { email: email.into(), device: None }
    }
}

impl VerifyBody {
    /// Presents a code.
    #[must_use]
    pub fn new(email: impl Into<String>, code: impl Into<String>) -> Self {
        Self { email: email.into(), code: Secret::new(code) }
    }
}

impl VerifyBodyWithChallenge {
    /// Presents a code and its challenge, as a device that has not signed in
    /// yet.
    #[must_use]
    pub fn new(email: impl Into<String>, code: impl Into<String>, challenge: Secret) -> Self {
        Self { email: email.into(), code: Secret::new(code), challenge: Some(challenge), device: None }
    }
}

impl RefreshBody {
    /// Presents a refresh token.
    #[must_use]
    pub fn new(refresh_token: Secret) -> Self {
        Self { refresh_token: Some(refresh_token) }
    }
}

impl From<RequestOtpBody> for RequestOtpBodyWithDevice {
    fn from(RequestOtpBody { email }: RequestOtpBody) -> Self {
        Self { email, device: None }
    }
}

impl From<VerifyBody> for VerifyBodyWithChallenge {
    fn from(VerifyBody { email, code }: VerifyBody) -> Self {
        Self { email, code, challenge: None, device: None }
    }
}

impl From<NoBody> for RefreshBody {
    fn from(NoBody {}: NoBody) -> Self {
        Self::default()
    }
}

impl From<ChallengeIssuedInBody> for ChallengeIssued {
    fn from(issued: ChallengeIssuedInBody) -> Self {
        let ChallengeIssuedInBody { message, expires_in, resend_in, challenge: _ } = issued;
        Self { message, expires_in, resend_in }
    }
}

impl From<TokensIssuedInBody> for TokensIssued {
    fn from(issued: TokensIssuedInBody) -> Self {
        let TokensIssuedInBody { access_token, token_type, expires_in, refresh_token: _, device: _ } = issued;
        Self { access_token, token_type, expires_in }
    }
}

macro_rules! redacted_debug {
    ($($type:ident),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($type), "([redacted])"))
            }
        }
    )*};
}

redacted_debug!(RequestOtpBody, RequestOtpBodyWithDevice, VerifyBody, VerifyBodyWithChallenge);
