//! Extractors: authentication as a handler argument.
//!
//! All of them read the bearer token and verify its signature, type and times. [`CurrentUser`] and
//! [`VerifiedUser`] also load the user, together with the revocation check in one round trip.
//! [`Claims`] normally does no I/O. `Option<…>` of them is `None` only if the request has no bearer
//! token: an invalid token is rejected, and a store failure is a 503. Credentials of another
//! scheme, such as `Basic`, are ignored.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use axum::response::{IntoResponse, Response};

use super::bearer;
use super::client;
use super::extension::{Found, Identified};
use super::problem::{Problem, ProblemKind};
use crate::auth::{AuthError, Authenticated, Claims, OtpAuth};
use crate::config::OtpConfig;
use crate::event;
use crate::user::{VerifiableUser, is_verified};

/// Why an extractor rejected a request. It is sent as a [problem](crate::problem): 401
/// `missing_token` or `invalid_token`, 400 `invalid_request`, 403 `not_verified`, 503
/// `store_unavailable`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct AuthRejection(#[from] Problem);

impl AuthRejection {
    /// Every kind, over all extractors.
    #[cfg(feature = "openapi")]
    pub(super) const KINDS: [ProblemKind; 5] = [
        ProblemKind::InvalidRequest,
        ProblemKind::MissingToken,
        ProblemKind::InvalidToken,
        ProblemKind::NotVerified,
        ProblemKind::StoreUnavailable,
    ];

    /// The kind of problem.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.0.kind()
    }
}

impl From<AuthRejection> for Problem {
    fn from(AuthRejection(problem): AuthRejection) -> Self {
        problem
    }
}

impl From<AuthError> for AuthRejection {
    fn from(error: AuthError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// The user of the request's access token. Dereferences to the user.
///
/// The user is loaded for this request, and neither the token nor its session is revoked. A user
/// who was deleted or is not admitted gets the same response as a forged token.
pub struct CurrentUser<C: OtpConfig>(Authenticated<C>);

impl<C: OtpConfig> CurrentUser<C> {
    /// The user.
    #[must_use]
    pub fn into_inner(self) -> C::User {
        self.0.user
    }

    /// The claims of the access token.
    #[must_use]
    pub fn claims(&self) -> &Claims<C> {
        &self.0.claims
    }
}

/// A [`CurrentUser`] whose address is verified.
///
/// Requires a `#[otp(verified)]` field in the user struct.
pub struct VerifiedUser<C: OtpConfig>(Authenticated<C>)
where
    C::User: VerifiableUser;

impl<C: OtpConfig> VerifiedUser<C>
where
    C::User: VerifiableUser,
{
    /// The user.
    #[must_use]
    pub fn into_inner(self) -> C::User {
        self.0.user
    }

    /// The claims of the access token.
    #[must_use]
    pub fn claims(&self) -> &Claims<C> {
        &self.0.claims
    }
}

/// Extractors get [`OtpAuth`] through `FromRef`, so the state can be your own, also in an `Arc`.
impl<C, T> FromRef<Arc<T>> for OtpAuth<C>
where
    Self: FromRef<T>,
{
    fn from_ref(state: &Arc<T>) -> Self {
        Self::from_ref(state.as_ref())
    }
}

/// Implements an extractor and its `Option`, and how a layer passes on what it found.
macro_rules! extractor {
    ($type:ident<$c:ident> $(where $bound:path)?, |$auth:ident, $parts:ident, $token:ident| $extract:expr, |$this:ident| $identity:expr) => {
        impl<$c, S> OptionalFromRequestParts<S> for $type<$c>
        where
            $c: OtpConfig,
            $($c::User: $bound,)?
            OtpAuth<$c>: FromRef<S>,
            S: Send + Sync,
        {
            type Rejection = AuthRejection;

            async fn from_request_parts($parts: &mut Parts, state: &S) -> Result<Option<Self>, AuthRejection> {
                let $auth = OtpAuth::<$c>::from_ref(state);
                let client = client::address($auth.address_source(), &$parts.extensions, &$parts.headers);
                let unreadable = |_: &Problem| event::invalid_input("authorization", client);
                let Some($token) = bearer::token(&$parts.headers).inspect_err(unreadable)? else {
                    return Ok(None);
                };
                let $auth = $auth.for_address(client);
                $extract.map(Some)
            }
        }

        impl<$c, S> FromRequestParts<S> for $type<$c>
        where
            $c: OtpConfig,
            $($c::User: $bound,)?
            OtpAuth<$c>: FromRef<S>,
            S: Send + Sync,
        {
            type Rejection = AuthRejection;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
                let found = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
                found.ok_or(AuthRejection(ProblemKind::MissingToken.into()))
            }
        }

        impl<$c: OtpConfig> Identified<$c> for $type<$c>
        $(where $c::User: $bound)?
        {
            fn identity(self) -> (Claims<$c>, Option<$c::User>) {
                let $this = self;
                $identity
            }
        }
    };
}

extractor!(
    Claims<C>,
    |auth, parts, token| match Found::claims(&parts.extensions, &parts.headers, &auth) {
        Some(claims) => Ok(claims),
        None => auth.claims(token).await.map_err(AuthRejection::from),
    },
    |claims| (claims, None)
);

extractor!(
    CurrentUser<C>,
    |auth, parts, token| authenticated(&auth, &parts.headers, &mut parts.extensions, token).await.map(CurrentUser),
    |user| (user.0.claims, Some(user.0.user))
);

extractor!(
    VerifiedUser<C> where VerifiableUser,
    |auth, parts, token| {
        let authenticated = authenticated(&auth, &parts.headers, &mut parts.extensions, token).await?;
        if is_verified(&authenticated.user) {
            Ok(VerifiedUser(authenticated))
        } else {
            Err(AuthRejection(ProblemKind::NotVerified.into()))
        }
    },
    |user| (user.0.claims, Some(user.0.user))
);

/// The user of a token, unless a layer has already loaded them.
async fn authenticated<C: OtpConfig>(
    auth: &OtpAuth<C>,
    headers: &HeaderMap,
    extensions: &mut Extensions,
    token: &str,
) -> Result<Authenticated<C>, AuthRejection> {
    match Found::take_user(extensions, headers, auth) {
        Some(found) => Ok(found),
        None => Ok(auth.authenticate(token).await?),
    }
}

impl<C: OtpConfig> Deref for CurrentUser<C> {
    type Target = C::User;

    fn deref(&self) -> &C::User {
        &self.0.user
    }
}

impl<C: OtpConfig> Deref for VerifiedUser<C>
where
    C::User: VerifiableUser,
{
    type Target = C::User;

    fn deref(&self) -> &C::User {
        &self.0.user
    }
}

/// Shows the session, but not the user.
impl<C: OtpConfig> fmt::Debug for CurrentUser<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CurrentUser").field(&self.0.claims).finish()
    }
}

/// Shows the session, but not the user.
impl<C: OtpConfig> fmt::Debug for VerifiedUser<C>
where
    C::User: VerifiableUser,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifiedUser").field(&self.0.claims).finish()
    }
}
