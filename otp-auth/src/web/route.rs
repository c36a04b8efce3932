//! The four routes, for the router and the OpenAPI document.

use axum::handler::Handler;
use axum::routing::{MethodRouter, post};

use super::handlers::method_not_allowed;
#[cfg(feature = "openapi")]
use super::{cookie::CookieKind, problem::ProblemKind};
#[cfg(feature = "openapi")]
use crate::{config::Settings, delivery::Delivery};

/// One of the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    RequestOtp,
    VerifyOtp,
    Refresh,
    Logout,
}

impl Route {
    pub(super) const ALL: [Self; 4] = [Self::RequestOtp, Self::VerifyOtp, Self::Refresh, Self::Logout];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::RequestOtp => "/request-otp",
            Self::VerifyOtp => "/verify-otp",
            Self::Refresh => "/refresh",
            Self::Logout => "/logout",
        }
    }

    /// Serves `POST`. Other methods get a problem; axum adds `Allow`.
    pub(super) fn served_by<T: 'static, S: Clone + Send + Sync + 'static>(
        handler: impl Handler<T, S>,
    ) -> MethodRouter<S> {
        post(handler).fallback(method_not_allowed)
    }
}

/// The OpenAPI description of a route, except its bodies.
#[cfg(feature = "openapi")]
impl Route {
    /// The method that [`served_by`](Self::served_by) accepts.
    pub(super) const METHOD: utoipa::openapi::HttpMethod = utoipa::openapi::HttpMethod::Post;

    /// The `operationId`, the summary, and the meaning of status 200.
    pub(super) const fn texts(self) -> [&'static str; 3] {
        match self {
            Self::RequestOtp => {
                ["request_otp", "Request a code", "The response does not depend on whether the address has an account."]
            }
            Self::VerifyOtp => {
                ["verify_otp", "Sign in with a code", "Signed in. An older session of this client ends."]
            }
            Self::Refresh => {
                ["refresh", "Exchange the refresh token", "New tokens. The refresh token that was sent is replaced."]
            }
            Self::Logout => ["logout", "Sign out", "Signed out, or there was nothing to sign out of."],
        }
    }

    /// The cookies that a success sets or clears, if cookies are used.
    pub(super) fn cookies(self, settings: &Settings) -> &'static [CookieKind] {
        match self {
            Self::RequestOtp => &[CookieKind::Challenge],
            Self::VerifyOtp => &[CookieKind::Refresh, CookieKind::Device, CookieKind::Challenge],
            Self::Logout if settings.forget_device_at_logout => &[CookieKind::Refresh, CookieKind::Device],
            Self::Refresh | Self::Logout => &[CookieKind::Refresh],
        }
    }

    /// Every possible problem.
    pub(super) fn problems<D: Delivery>(self, settings: &Settings) -> Vec<ProblemKind> {
        let own: &[ProblemKind] = match self {
            Self::RequestOtp => &[
                ProblemKind::InvalidEmail,
                ProblemKind::ProofRequired,
                ProblemKind::AddressRefused,
                ProblemKind::ResendTooSoon,
                ProblemKind::DeliveryFailed,
            ],
            Self::VerifyOtp => &[
                ProblemKind::InvalidEmail,
                ProblemKind::MalformedCode,
                ProblemKind::InvalidCode,
                ProblemKind::TooManyAttempts,
                ProblemKind::AddressLocked,
                ProblemKind::SignInRefused,
            ],
            Self::Refresh => &[ProblemKind::InvalidRefreshToken, ProblemKind::SessionRevoked],
            Self::Logout => &[],
        };
        let body_matters = match self {
            Self::RequestOtp | Self::VerifyOtp => true,
            Self::Refresh => D::REFRESH_IN_BODY,
            Self::Logout => false,
        };
        let body: &[ProblemKind] = if body_matters {
            &[
                ProblemKind::Malformed,
                ProblemKind::BodyTooLarge,
                ProblemKind::RequestTimeout,
                ProblemKind::UnsupportedMediaType,
                ProblemKind::Overloaded,
            ]
        } else {
            &[]
        };
        let guards = [
            (D::COOKIES, ProblemKind::CrossOrigin),
            (settings.developer_mode, ProblemKind::DeveloperModeHost),
            (D::COOKIES && D::REFRESH_IN_BODY && self == Self::Refresh, ProblemKind::AmbiguousCredentials),
        ];
        let guards = guards.into_iter().filter_map(|(on, code)| on.then_some(code));
        own.iter()
            .chain(body)
            .chain(&[ProblemKind::TooManyRequests, ProblemKind::StoreUnavailable, ProblemKind::InternalError])
            .copied()
            .chain(guards)
            .collect()
    }
}
