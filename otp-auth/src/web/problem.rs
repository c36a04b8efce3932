//! Problem details (RFC 9457): every error of the routes and extractors.
//!
//! A problem is JSON of type `application/problem+json` with `type`, `title`, `status`, `detail`
//! and a stable `code`. Branch on `code`. All texts are constants: they never contain anything from
//! a request, an underlying error or a database.
//!
//! # Problems of your own handlers
//!
//! A [`Problem`] is a response, so clients see all errors in the same form:
//!
//! ```
//! # use otp_auth::{ConsoleSender, OtpUser, otp_config};
//! use axum::http::StatusCode;
//! use otp_auth::CurrentUser;
//! use otp_auth::problem::{Problem, ProblemKind};
//!
//! # #[derive(Clone, OtpUser)]
//! # struct User { #[otp(id)] id: i64, #[otp(email)] email: String, #[otp(default)] is_admin: bool }
//! # #[otp_config(user = User, developer_mode = cfg!(debug_assertions))]
//! # struct Auth { #[otp(sender)] sender: ConsoleSender }
//! async fn delete_everything(user: CurrentUser<Auth>) -> Result<StatusCode, Problem> {
//!     if !user.is_admin {
//!         return Err(ProblemKind::Forbidden.into());
//!     }
//!     Ok(StatusCode::NO_CONTENT)
//! }
//! ```
//!
//! [`Problem::with_detail`] replaces the detail. A Rust client reads a problem back with serde:
//! `let problem: Problem = response.json().await?`.
//!
//! # The kinds of problem
//!
#![doc = problem_kinds!(sections)]

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::auth::AuthError;
use crate::clock::ceil_secs;

/// The base of `type`, which has a section for each code.
const TYPE_BASE: &str = "https://docs.rs/otp-auth/latest/otp_auth/problem/index.html#";

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident: $code:literal, $number:literal $status:ident, $title:literal, $detail:literal;)*) => {
        /// One kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ProblemKind {
            $(#[doc = concat!("`", $code, "`, ", $number, ".", $($doc),+)] $name,)*
        }

        impl ProblemKind {
            /// Every kind of problem.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            fn text(self) -> Text {
                match self {
                    $(Self::$name => Text { code: $code, status: StatusCode::$status, title: $title, detail: $detail },)*
                }
            }
        }

        $(const _: () = assert!(StatusCode::$status.as_u16() == $number);)*
    };
}

problem_kinds!(kinds);

/// The texts and status of a kind.
struct Text {
    code: &'static str,
    status: StatusCode,
    title: &'static str,
    detail: &'static str,
}

impl ProblemKind {
    /// The stable `code`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.text().code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.text().status
    }

    /// The default `detail`.
    #[must_use]
    pub fn detail(self) -> &'static str {
        self.text().detail
    }

    /// `WWW-Authenticate` (RFC 6750 section 3): without a reason if no token was sent.
    fn challenge(self, credentials: Credentials) -> Option<HeaderValue> {
        let value = match self {
            Self::InvalidCode | Self::MissingToken => r#"Bearer realm="otp-auth""#,
            Self::InvalidRefreshToken if credentials == Credentials::Missing => r#"Bearer realm="otp-auth""#,
            Self::InvalidToken | Self::InvalidRefreshToken | Self::SessionRevoked => {
                r#"Bearer realm="otp-auth", error="invalid_token""#
            }
            Self::InvalidRequest => r#"Bearer realm="otp-auth", error="invalid_request""#,
            Self::NotVerified | Self::Forbidden => r#"Bearer realm="otp-auth", error="insufficient_scope""#,
            _ => return None,
        };
        Some(HeaderValue::from_static(value))
    }
}

/// A problem: a response, and an error.
///
/// It serializes to the response body. Deserializing ignores `type`, `title` and `status`, which
/// follow from `code`. An unknown `code` is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    /// Replaces the default.
    detail: Option<Cow<'static, str>>,
    /// Seconds.
    retry_after: Option<u64>,
    credentials: Credentials,
}

/// Whether the request had credentials. Without any, the challenge gives no reason (RFC 6750
/// section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credentials {
    Sent,
    Missing,
}

impl Problem {
    /// A problem of this kind. If its status is 503, clients are told to wait one second.
    #[must_use]
    pub fn new(kind: ProblemKind) -> Self {
        let retry_after = (kind.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        Self { kind, detail: None, retry_after, credentials: Credentials::Sent }
    }

    /// A problem with a request that had no credentials.
    pub(super) fn without_credentials(kind: ProblemKind) -> Self {
        Self { credentials: Credentials::Missing, ..Self::new(kind) }
    }

    /// Replaces the `detail`. The client sees it unchanged.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// What to do, for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or(self.kind.detail())
    }

    /// How long to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after.map(Duration::from_secs)
    }

    /// An example body of this kind, for the OpenAPI document.
    #[cfg(feature = "openapi")]
    pub(super) fn example(kind: ProblemKind) -> Option<serde_json::Value> {
        let problem = Self::new(kind);
        let retry_after = problem.retry_after.or((kind.status() == StatusCode::TOO_MANY_REQUESTS).then_some(60));
        serde_json::to_value(Self { retry_after, ..problem }).ok()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.code(), self.detail())
    }
}

impl std::error::Error for Problem {}

impl From<ProblemKind> for Problem {
    fn from(kind: ProblemKind) -> Self {
        Self::new(kind)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let wait = |kind, span| Self { retry_after: Some(ceil_secs(span).max(1)), ..Self::new(kind) };
        match error {
            AuthError::InvalidEmail => ProblemKind::InvalidEmail.into(),
            AuthError::MalformedCode => ProblemKind::MalformedCode.into(),
            AuthError::TooManyRequests { retry_after } => wait(ProblemKind::TooManyRequests, retry_after),
            AuthError::ResendTooSoon { retry_after } => wait(ProblemKind::ResendTooSoon, retry_after),
            AuthError::ProofRequired => ProblemKind::ProofRequired.into(),
            AuthError::DeliveryFailed => ProblemKind::DeliveryFailed.into(),
            AuthError::AddressRefused => ProblemKind::AddressRefused.into(),
            AuthError::InvalidCode => ProblemKind::InvalidCode.into(),
            AuthError::TooManyAttempts { retry_after } => wait(ProblemKind::TooManyAttempts, retry_after),
            AuthError::AddressLocked => ProblemKind::AddressLocked.into(),
            AuthError::SignInRefused => ProblemKind::SignInRefused.into(),
            AuthError::InvalidRefreshToken => ProblemKind::InvalidRefreshToken.into(),
            AuthError::SessionRevoked => ProblemKind::SessionRevoked.into(),
            AuthError::InvalidToken => ProblemKind::InvalidToken.into(),
            AuthError::Store(_) => ProblemKind::StoreUnavailable.into(),
            AuthError::Claims(_) | AuthError::TokenTooLong { .. } | AuthError::Random(_) => {
                crate::event::internal_error(&error);
                ProblemKind::InternalError.into()
            }
        }
    }
}

/// The members of a problem (RFC 9457 section 3.1), and our own.
#[derive(Serialize)]
struct Members<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    /// The same as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Text { code, status, title, detail: _ } = self.kind.text();
        Members {
            r#type: format!("{TYPE_BASE}{code}"),
            title,
            status: status.as_u16(),
            detail: self.detail(),
            code,
            retry_after: self.retry_after,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Problem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Received {
            code: String,
            detail: Option<String>,
            retry_after: Option<u64>,
        }

        let Received { code, detail, retry_after } = Received::deserialize(deserializer)?;
        let kind = ProblemKind::ALL.iter().copied().find(|kind| kind.code() == code);
        let kind = kind.ok_or_else(|| serde::de::Error::custom(format_args!("unknown code {code:?}")))?;
        let detail = detail.filter(|detail| detail != kind.detail()).map(Cow::Owned);
        Ok(Self { detail, retry_after, ..Self::new(kind) })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Strings and numbers always serialize.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.kind.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, MEDIA_TYPE);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.kind.challenge(self.credentials) {
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
    fn br_05_http_04_every_401_carries_a_challenge_every_503_a_wait_and_codes_are_distinct() {
        for (at, kind) in ProblemKind::ALL.iter().enumerate() {
            let response = Problem::new(*kind).into_response();
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
            if kind.status() == StatusCode::UNAUTHORIZED {
                let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap();
                assert!(challenge.starts_with("Bearer realm="));
            }
            let unavailable = kind.status() == StatusCode::SERVICE_UNAVAILABLE;
            assert_eq!(response.headers().contains_key(RETRY_AFTER), unavailable);
            assert!(ProblemKind::ALL[..at].iter().all(|other| other.code() != kind.code()));
        }
    }

    #[test]
    fn the_limit_of_a_body_is_stated_as_it_is() {
        let text = format!("The body is larger than {} KiB.", super::super::json::MAX_BODY_BYTES / 1024);
        assert_eq!(ProblemKind::BodyTooLarge.detail(), text);
        assert!(problem_kinds!(sections).contains(&text));
    }

    #[test]
    fn http_04_retry_after_is_in_whole_seconds_rounded_up() {
        let error = AuthError::ResendTooSoon { retry_after: Duration::from_millis(59_001) };
        let response = Problem::from(error).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "60");
    }

    #[test]
    fn a_problem_is_read_back_as_it_was_sent() {
        let read = |problem: &Problem| serde_json::from_slice::<Problem>(&serde_json::to_vec(problem).unwrap());
        for kind in ProblemKind::ALL {
            let plain = Problem::new(*kind);
            let told = plain.clone().with_detail("Ask an administrator.");
            for problem in [Problem { retry_after: Some(7), ..plain }, told] {
                assert_eq!(read(&problem).unwrap(), problem);
            }
        }
        let unknown = serde_json::from_str::<Problem>(r#"{ "code": "of_tomorrow" }"#).unwrap_err();
        assert!(unknown.to_string().contains("of_tomorrow"), "{unknown}");
    }

    #[test]
    fn a_problem_is_an_error_that_says_its_code_and_what_to_do() {
        let error: Box<dyn std::error::Error> = Problem::new(ProblemKind::Forbidden).with_detail("Not today.").into();
        assert_eq!(error.to_string(), "forbidden: Not today.");
    }
}
