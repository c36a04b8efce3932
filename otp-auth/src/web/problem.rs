//! Problem details (RFC 9457): every error of the routes and extractors.
//!
//! A problem is JSON of type `application/problem+json` with `type`, `title`,
//! `status`, `detail` and a stable `code`. Branch on `code`. The texts are
//! fixed: nothing of a request, of an error underneath or of a database ever
//! appears in one.
//!
//! # The codes
//!
//! ### `malformed`
//!
//! 422. The body is not the JSON that the route takes.
//!
//! ### `malformed_code`
//!
//! 422. The code has something else than digits, or none. Spaces, dashes and invisible characters do not count.
//!
//! ### `invalid_email`
//!
//! 422. The address is not accepted.
//!
//! ### `invalid_request`
//!
//! 400. Several `Authorization` fields, or one that is malformed (RFC 6750 section 3.1).
//!
//! ### `ambiguous_credentials`
//!
//! 400. The refresh tokens in the cookie and in the body are of different sessions. Send one of them, or sign out, which ends both.
//!
//! ### `body_too_large`
//!
//! 413. The body has more than 16 KiB.
//!
//! ### `unsupported_media_type`
//!
//! 415. The body is not `application/json`.
//!
//! ### `method_not_allowed`
//!
//! 405. The route takes `POST` only.
//!
//! ### `cross_origin`
//!
//! 403. A browser sent the request from another origin.
//!
//! ### `developer_mode_host`
//!
//! 403. In developer mode this machine alone is served, and the `developer_hosts`.
//!
//! ### `resend_too_soon`
//!
//! 429. Wait for `Retry-After` seconds, then ask again.
//!
//! ### `too_many_attempts`
//!
//! 429. The tries of this challenge are used up; ask for a new code.
//!
//! ### `invalid_code`
//!
//! 401. Wrong, expired or used code, or another challenge.
//!
//! ### `sign_in_refused`
//!
//! 403. The application refused this user.
//!
//! ### `invalid_refresh_token`
//!
//! 401. Not a refresh token that is accepted.
//!
//! ### `session_revoked`
//!
//! 401. The session has been signed out or ended.
//!
//! ### `missing_token`
//!
//! 401. No access token was sent.
//!
//! ### `invalid_token`
//!
//! 401. Not an access token that is accepted.
//!
//! ### `not_verified`
//!
//! 403. The user's address is not verified.
//!
//! ### `delivery_failed`
//!
//! 503. The code could not be delivered; ask again. Unless it may be out, it does not count as sent.
//!
//! ### `address_refused`
//!
//! 422. The mail server refuses this address for good. Asking again is of no use.
//!
//! ### `store_unavailable`
//!
//! 503. The database did not do its part; try again.
//!
//! ### `internal_error`
//!
//! 500. A fault of the application; its log says which.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::auth::AuthError;
use crate::clock::ceil_secs;

/// Where `type` points: a section for each code.
const TYPE_BASE: &str = "https://docs.rs/otp-auth/latest/otp_auth/problem/index.html#";

/// The media type of a problem.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Writes each kind of problem once: its name, `code`, status, title and
/// detail.
macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident: $code:literal, $status:ident, $title:literal, $detail:literal;)*) => {
        /// One kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every kind of problem.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            fn text(self) -> Text {
                match self {
                    $(Self::$name => Text { code: $code, status: StatusCode::$status, title: $title, detail: $detail },)*
                }
            }
        }
    };
}

problems! {
    /// The body cannot be read.
    Malformed: "malformed", UNPROCESSABLE_ENTITY, "Malformed request", "The body is not what this route takes.";
    /// The code has something else than digits, or none.
    MalformedCode: "malformed_code", UNPROCESSABLE_ENTITY, "Malformed code", "A code has digits only. Enter it as it was sent.";
    /// The address is not accepted.
    InvalidEmail: "invalid_email", UNPROCESSABLE_ENTITY, "Invalid address", "This is not an e-mail address that is accepted here.";
    /// The `Authorization` fields cannot be read.
    InvalidRequest: "invalid_request", BAD_REQUEST, "Invalid request", "Send exactly one Authorization field of the form: Bearer token.";
    /// The cookie and the body name different sessions.
    AmbiguousCredentials: "ambiguous_credentials", BAD_REQUEST, "Ambiguous credentials", "The cookie and the body hold refresh tokens of different sessions. Send one of them.";
    /// The body is not JSON.
    UnsupportedMediaType: "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", "Send the body as application/json.";
    /// Another method than `POST`.
    MethodNotAllowed: "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed", "This route takes POST only.";
    /// A browser sent the request from another origin.
    CrossOrigin: "cross_origin", FORBIDDEN, "Cross-origin request", "This route takes no requests from other origins.";
    /// In developer mode: the request is not for this machine.
    DeveloperModeHost: "developer_mode_host", FORBIDDEN, "Not served in developer mode", "In developer mode this machine alone is served. Use localhost, or name the host: developer_hosts = [\"…\"].";
    /// A code was sent a short while ago.
    ResendTooSoon: "resend_too_soon", TOO_MANY_REQUESTS, "Too soon", "A code was requested a short while ago. Wait before asking for another one.";
    /// The tries are used up.
    TooManyAttempts: "too_many_attempts", TOO_MANY_REQUESTS, "Too many attempts", "Too many codes were tried. Ask for a new code.";
    /// The code is not valid.
    InvalidCode: "invalid_code", UNAUTHORIZED, "Invalid code", "The code is not valid. It may be wrong, expired or used.";
    /// The refresh token is not valid.
    InvalidRefreshToken: "invalid_refresh_token", UNAUTHORIZED, "Invalid refresh token", "The refresh token is not valid. Sign in again.";
    /// The session was ended.
    SessionRevoked: "session_revoked", UNAUTHORIZED, "Session ended", "The session has been ended. Sign in again.";
    /// No access token.
    MissingToken: "missing_token", UNAUTHORIZED, "Authentication required", "Send an access token as a bearer token.";
    /// The sender failed.
    DeliveryFailed: "delivery_failed", SERVICE_UNAVAILABLE, "Delivery failed", "The code could not be sent. Try again.";
    /// The address takes no mail.
    AddressRefused: "address_refused", UNPROCESSABLE_ENTITY, "Address refused", "No mail can be delivered to this address. Check it, or use another one.";
    /// The store failed.
    StoreUnavailable: "store_unavailable", SERVICE_UNAVAILABLE, "Service unavailable", "The service is unavailable for the moment. Try again.";
    /// The application is at fault.
    InternalError: "internal_error", INTERNAL_SERVER_ERROR, "Internal error", "Something is wrong with this application.";
    /// The body is too large.
    BodyTooLarge: "body_too_large", PAYLOAD_TOO_LARGE, "Body too large", "The body has more than 16 KiB.";
    /// The application refused.
    SignInRefused: "sign_in_refused", FORBIDDEN, "Sign-in refused", "You cannot sign in to this application.";
    /// The access token is not valid.
    InvalidToken: "invalid_token", UNAUTHORIZED, "Invalid token", "The access token is not valid.";
    /// The user is not verified.
    NotVerified: "not_verified", FORBIDDEN, "Address not verified", "This needs a verified e-mail address.";
}

/// What a code says and how it is sent.
struct Text {
    code: &'static str,
    status: StatusCode,
    title: &'static str,
    detail: &'static str,
}

impl Code {
    /// The stable text of the `code` member.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.text().code
    }

    /// The status that it is sent with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.text().status
    }

    /// The fixed text of the `detail` member.
    #[must_use]
    pub fn detail(self) -> &'static str {
        self.text().detail
    }

    /// `WWW-Authenticate` (RFC 6750 section 3): a bare challenge where no
    /// token was sent, a reason where one was.
    fn challenge(self, credentials: Credentials) -> Option<HeaderValue> {
        let value = match self {
            Self::InvalidCode | Self::MissingToken => r#"Bearer realm="otp-auth""#,
            Self::InvalidRefreshToken if credentials == Credentials::Missing => r#"Bearer realm="otp-auth""#,
            Self::InvalidToken | Self::InvalidRefreshToken | Self::SessionRevoked => {
                r#"Bearer realm="otp-auth", error="invalid_token""#
            }
            Self::InvalidRequest => r#"Bearer realm="otp-auth", error="invalid_request""#,
            Self::NotVerified => r#"Bearer realm="otp-auth", error="insufficient_scope""#,
            _ => return None,
        };
        Some(HeaderValue::from_static(value))
    }
}

/// A problem, ready to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    retry_after: Option<u64>,
    credentials: Credentials,
    /// Another text than the fixed one, for developers.
    detail: Option<&'static str>,
}

/// Whether the request had credentials. Without any, a challenge gives no
/// reason (RFC 6750 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credentials {
    Sent,
    Missing,
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self { code, retry_after: None, credentials: Credentials::Sent, detail: None }
    }

    /// A problem of this kind with a request that had no credentials.
    pub(super) fn without_credentials(code: Code) -> Self {
        Self { credentials: Credentials::Missing, ..Self::new(code) }
    }

    /// The same with another fixed text, in developer mode only.
    pub(super) fn with_detail(self, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// Its kind.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// What it says.
    fn members(self) -> Members {
        let Text { code, status, title, detail } = self.code.text();
        Members {
            r#type: format!("{TYPE_BASE}{code}"),
            title,
            status: status.as_u16(),
            detail: self.detail.unwrap_or(detail),
            code,
            retry_after: self.retry_after,
        }
    }

    /// A body of this kind of problem, for the document.
    #[cfg(feature = "openapi")]
    pub(super) fn example(code: Code) -> Option<serde_json::Value> {
        let retry_after = (code.status() == StatusCode::TOO_MANY_REQUESTS).then_some(60);
        serde_json::to_value(Self { retry_after, ..Self::new(code) }.members()).ok()
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let wait = |code, span| Self { retry_after: Some(ceil_secs(span).max(1)), ..Self::new(code) };
        match error {
            AuthError::InvalidEmail => Code::InvalidEmail.into(),
            AuthError::MalformedCode => Code::MalformedCode.into(),
            AuthError::ResendTooSoon { retry_after } => wait(Code::ResendTooSoon, retry_after),
            AuthError::DeliveryFailed => Code::DeliveryFailed.into(),
            AuthError::AddressRefused => Code::AddressRefused.into(),
            AuthError::InvalidCode => Code::InvalidCode.into(),
            AuthError::TooManyAttempts { retry_after } => wait(Code::TooManyAttempts, retry_after),
            AuthError::SignInRefused => Code::SignInRefused.into(),
            AuthError::InvalidRefreshToken => Code::InvalidRefreshToken.into(),
            AuthError::SessionRevoked => Code::SessionRevoked.into(),
            AuthError::InvalidToken => Code::InvalidToken.into(),
            AuthError::Store(_) => Code::StoreUnavailable.into(),
            AuthError::Claims(_) | AuthError::TokenTooLong { .. } | AuthError::Random(_) => {
                crate::event::internal_error(&error);
                Code::InternalError.into()
            }
        }
    }
}

/// The members of a problem (RFC 9457 section 3.1), and ours.
#[derive(Serialize)]
struct Members {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'static str,
    code: &'static str,
    /// Seconds, the same as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Fixed texts and a number always serialize.
        let body = serde_json::to_vec(&self.members()).unwrap_or_default();
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, MEDIA_TYPE);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.code.challenge(self.credentials) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn br_05_every_401_carries_a_challenge_and_codes_are_distinct() {
        for (at, code) in Code::ALL.iter().enumerate() {
            let response = Problem::new(*code).into_response();
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
            if code.status() == StatusCode::UNAUTHORIZED {
                let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap();
                assert!(challenge.starts_with("Bearer realm="));
            }
            assert!(Code::ALL[..at].iter().all(|other| other.as_str() != code.as_str()));
        }
    }

    #[test]
    fn http_02_every_code_has_a_section_in_the_documentation() {
        let text = include_str!("problem.rs");
        for code in Code::ALL {
            let row = format!("//! ### `{}`\n//!\n//! {}. ", code.as_str(), code.status().as_u16());
            assert!(text.contains(&row), "{row}");
        }
    }

    #[test]
    fn http_04_retry_after_is_in_whole_seconds_rounded_up() {
        let error = AuthError::ResendTooSoon { retry_after: std::time::Duration::from_millis(59_001) };
        let response = Problem::from(error).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "60");
    }
}
