//! The JSON bodies of the routes, for servers and for Rust clients.
//!
//! The [delivery](crate::delivery) decides which of them a route uses. In cookie mode, no body has
//! a field for a refresh token, challenge or device.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::ceil_secs;
use crate::secret::{Secret, redacted};

/// The body of `POST /request-otp` in cookie mode.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RequestOtpBody {
    /// The address to send the code to.
    #[cfg_attr(feature = "openapi", schema(format = "email", examples("ann@example.com")))]
    pub email: String,
    /// What the application asks for with a 403 `proof_required`, such as the token of a captcha.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 8192))]
    pub proof: Option<Secret>,
    /// The `unlock` token of an e-mail to this address, if any. For a day, its holder need not wait
    /// for strangers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub unlock: Option<Secret>,
}

/// The body of `POST /request-otp` in body and both modes.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RequestOtpBodyWithDevice {
    /// The address to send the code to.
    #[cfg_attr(feature = "openapi", schema(format = "email", examples("ann@example.com")))]
    pub email: String,
    /// The `device` from the last response to `POST /verify-otp`, if any.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub device: Option<Secret>,
    /// What the application asks for with a 403 `proof_required`, such as the token of a captcha.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 8192))]
    pub proof: Option<Secret>,
    /// The `unlock` token of an e-mail to this address, if any. For a day, its holder need not wait
    /// for strangers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub unlock: Option<Secret>,
}

/// The response to `POST /request-otp` in cookie mode. The challenge is in its cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ChallengeIssued {
    /// A message for people.
    pub message: String,
    /// Seconds until the code expires.
    pub expires_in: u64,
    /// Seconds until another code can be sent.
    pub resend_in: u64,
    /// The number of digits of the code.
    pub code_length: u8,
}

/// The response to `POST /request-otp` in body and both modes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ChallengeIssuedInBody {
    /// A message for people.
    pub message: String,
    /// Seconds until the code expires.
    pub expires_in: u64,
    /// Seconds until another code can be sent.
    pub resend_in: u64,
    /// The number of digits of the code.
    pub code_length: u8,
    /// Send it back together with the code.
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

/// The body of `POST /verify-otp` in body and both modes.
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
    /// The challenge from the response to `POST /request-otp`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub challenge: Option<Secret>,
    /// The `device` from the last response to `POST /verify-otp`, if any. The new one replaces it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub device: Option<Secret>,
}

/// The response to `POST /verify-otp` and `POST /refresh` in cookie mode (RFC 6749 section 5.1).
/// The refresh token is in its cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TokensIssued {
    /// The access token.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub access_token: Secret,
    /// Always `bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
}

/// The response to `POST /verify-otp` and `POST /refresh` in body and both modes (RFC
/// 6749 section 5.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TokensIssuedInBody {
    /// The access token.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub access_token: Secret,
    /// Always `bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// The refresh token.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub refresh_token: Secret,
    /// After a sign-in: proof that this device has signed in, for later code requests. It is valid
    /// for 180 days, even after a sign-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub device: Option<Secret>,
}

/// The body of `POST /refresh` and `POST /logout` in body and both modes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RefreshBody {
    /// The refresh token.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub refresh_token: Option<Secret>,
}

/// The body of `POST /refresh` and `POST /logout` in cookie mode. It has no fields.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct NoBody {}

/// The response to `POST /logout`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Message {
    /// A message for people.
    pub message: String,
}

impl RequestOtpBody {
    /// Requests a code.
    #[must_use]
    pub fn new(email: impl Into<String>) -> Self {
        Self { email: email.into(), proof: None, unlock: None }
    }
}

impl RequestOtpBodyWithDevice {
    /// Requests a code from a device that has not signed in yet.
    #[must_use]
    pub fn new(email: impl Into<String>) -> Self {
        Self { email: email.into(), device: None, proof: None, unlock: None }
    }
}

impl ChallengeIssuedInBody {
    /// Issues a challenge. Rounds `expires_in` down to seconds, and `resend_in` up.
    #[must_use]
    pub fn new(
        message: impl Into<String>,
        expires_in: Duration,
        resend_in: Duration,
        code_length: u8,
        challenge: Secret,
    ) -> Self {
        let ChallengeIssued { message, expires_in, resend_in, code_length } =
            ChallengeIssued::new(message, expires_in, resend_in, code_length);
        Self { message, expires_in, resend_in, code_length, challenge }
    }
}

impl ChallengeIssued {
    /// Says that a challenge was issued. Rounds `expires_in` down to seconds, and `resend_in` up.
    #[must_use]
    pub fn new(message: impl Into<String>, expires_in: Duration, resend_in: Duration, code_length: u8) -> Self {
        Self { message: message.into(), expires_in: expires_in.as_secs(), resend_in: ceil_secs(resend_in), code_length }
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
    /// Presents a code and its challenge from a device that has not signed in yet.
    #[must_use]
    pub fn new(email: impl Into<String>, code: impl Into<String>, challenge: Secret) -> Self {
        Self { email: email.into(), code: Secret::new(code), challenge: Some(challenge), device: None }
    }
}

impl TokensIssued {
    /// Issues an access token. Rounds `expires_in` down to seconds.
    #[must_use]
    pub fn new(access_token: Secret, expires_in: Duration) -> Self {
        Self { access_token, token_type: "bearer".to_owned(), expires_in: expires_in.as_secs() }
    }
}

impl TokensIssuedInBody {
    /// Issues tokens without a device, as for a refresh. Rounds `expires_in` down to seconds.
    #[must_use]
    pub fn new(access_token: Secret, expires_in: Duration, refresh_token: Secret) -> Self {
        let TokensIssued { access_token, token_type, expires_in } = TokensIssued::new(access_token, expires_in);
        Self { access_token, token_type, expires_in, refresh_token, device: None }
    }
}

impl RefreshBody {
    /// Presents a refresh token.
    #[must_use]
    pub fn new(refresh_token: Secret) -> Self {
        Self { refresh_token: Some(refresh_token) }
    }
}

impl Message {
    /// Says this to people.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl From<RequestOtpBody> for RequestOtpBodyWithDevice {
    fn from(RequestOtpBody { email, proof, unlock }: RequestOtpBody) -> Self {
        Self { email, device: None, proof, unlock }
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
        let ChallengeIssuedInBody { message, expires_in, resend_in, code_length, challenge: _ } = issued;
        Self { message, expires_in, resend_in, code_length }
    }
}

impl From<TokensIssuedInBody> for TokensIssued {
    fn from(issued: TokensIssuedInBody) -> Self {
        let TokensIssuedInBody { access_token, token_type, expires_in, refresh_token: _, device: _ } = issued;
        Self { access_token, token_type, expires_in }
    }
}

redacted!(RequestOtpBody, RequestOtpBodyWithDevice, VerifyBody, VerifyBodyWithChallenge);
