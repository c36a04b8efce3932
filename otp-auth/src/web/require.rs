//! Protecting a whole router: extractors as layers.

use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap, HeaderValue};
use axum::middleware::{FromFn, FromFnLayer, Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use tower_layer::Layer;

use super::extract::{AuthRejection, CurrentUser, VerifiedUser};
use crate::auth::{Authenticated, Claims, OtpAuth};
use crate::config::OtpConfig;
use crate::user::VerifiableUser;

/// A layer that lets no request through that an extractor would refuse. See
/// [`OtpAuth::require_user`].
pub struct Require<C: OtpConfig>(FromFnLayer<Guard<C>, OtpAuth<C>, Extracted<C>>);

type Extracted<C> = (State<OtpAuth<C>>, Request);
type Guard<C> = fn(State<OtpAuth<C>>, Request, Next) -> BoxFuture<'static, Response>;

impl<C: OtpConfig> OtpAuth<C> {
    /// Protects all routes of a router: a request that [`CurrentUser`] would
    /// refuse is answered in the same way, and reaches no handler.
    ///
    /// ```
    /// # use otp_auth::{ConsoleSender, OtpUser, otp_config};
    /// use axum::{Router, routing::get};
    /// use otp_auth::{CurrentUser, OtpAuth};
    ///
    /// # #[derive(Clone, OtpUser)]
    /// # struct User { #[otp(id)] id: i64, #[otp(email)] email: String }
    /// # #[otp_config(user = User, developer_mode = cfg!(debug_assertions))]
    /// # struct Auth { #[otp(sender)] sender: ConsoleSender }
    /// async fn address(user: CurrentUser<Auth>) -> String {
    ///     user.email.clone()
    /// }
    ///
    /// fn app(auth: OtpAuth<Auth>) -> Router {
    ///     let members = Router::new()
    ///         .route("/address", get(address))
    ///         .route("/news", get("for members only"))
    ///         .route_layer(auth.require_user());
    ///     Router::new()
    ///         .nest("/members", members)
    ///         .nest("/auth", auth.router())
    ///         .with_state(auth)
    /// }
    /// # let _ = app;
    /// ```
    ///
    /// The user is loaded once: the first [`CurrentUser`] or [`VerifiedUser`]
    /// behind the layer takes the one that the layer has found, and asks no
    /// store.
    ///
    /// With [`route_layer`](axum::Router::route_layer) a path without a route
    /// is a 404 for everybody. [`layer`](axum::Router::layer) also protects the
    /// fallback of the router.
    ///
    /// A browser sends no token with a CORS preflight. A CORS layer answers
    /// those by itself, so add it after this one, which puts it outside:
    /// `.route_layer(auth.require_user()).layer(cors)`.
    #[must_use]
    pub fn require_user(&self) -> Require<C> {
        self.require::<CurrentUser<C>>()
    }

    /// Like [`require_user`](Self::require_user), for [`VerifiedUser`].
    #[must_use]
    pub fn require_verified_user(&self) -> Require<C>
    where
        C::User: VerifiableUser,
    {
        self.require::<VerifiedUser<C>>()
    }

    /// Like [`require_user`](Self::require_user), for [`Claims`]: as a rule no
    /// store is asked, and no user is looked at.
    #[must_use]
    pub fn require_claims(&self) -> Require<C> {
        self.require::<Claims<C>>()
    }

    fn require<E: Identified<C> + 'static>(&self) -> Require<C> {
        let guard: Guard<C> = |State(auth), request, next| Box::pin(guard::<C, E>(auth, request, next));
        Require(from_fn_with_state(self.clone(), guard))
    }
}

async fn guard<C: OtpConfig, E: Identified<C>>(auth: OtpAuth<C>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match E::from_request_parts(&mut parts, &auth).await {
        Ok(identified) => {
            let found = Found::new(auth, &parts.headers, identified);
            parts.extensions.insert(Arc::new(found));
            next.run(Request::from_parts(parts, body)).await
        }
        Err(rejection) => rejection.into_response(),
    }
}

impl<C: OtpConfig, S> Layer<S> for Require<C> {
    type Service = FromFn<Guard<C>, OtpAuth<C>, S, Extracted<C>>;

    fn layer(&self, inner: S) -> Self::Service {
        self.0.layer(inner)
    }
}

impl<C: OtpConfig> Clone for Require<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: OtpConfig> fmt::Debug for Require<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Require").finish_non_exhaustive()
    }
}

/// An extractor that says who is asking.
pub(super) trait Identified<C: OtpConfig>:
    FromRequestParts<OtpAuth<C>, Rejection = AuthRejection> + Send
{
    fn identity(identified: Self) -> (Claims<C>, Option<C::User>);
}

/// What a layer has found out about a request, for the extractors behind it.
pub(super) struct Found<C: OtpConfig> {
    auth: OtpAuth<C>,
    authorization: Option<HeaderValue>,
    claims: Claims<C>,
    user: Option<C::User>,
}

impl<C: OtpConfig> Found<C> {
    fn new<E: Identified<C>>(auth: OtpAuth<C>, headers: &HeaderMap, identified: E) -> Self {
        let (claims, user) = E::identity(identified);
        Self { auth, authorization: headers.get(AUTHORIZATION).cloned(), claims, user }
    }

    /// What was found with these credentials, which something between may
    /// have replaced, and by this `OtpAuth`: another one of the same type may
    /// have other keys and another store.
    fn of<'a>(extensions: &'a Extensions, headers: &HeaderMap, auth: &OtpAuth<C>) -> Option<&'a Self> {
        let found: &Self = extensions.get::<Arc<Self>>()?;
        let is_same = std::ptr::eq(found.auth.settings(), auth.settings());
        (is_same && found.authorization.as_ref() == headers.get(AUTHORIZATION)).then_some(found)
    }

    pub(super) fn claims(extensions: &Extensions, headers: &HeaderMap, auth: &OtpAuth<C>) -> Option<Claims<C>> {
        Self::of(extensions, headers, auth).map(|found| found.claims.clone())
    }

    /// The user, who is handed on once: user types need not be `Clone`.
    pub(super) fn take_user(
        extensions: &mut Extensions,
        headers: &HeaderMap,
        auth: &OtpAuth<C>,
    ) -> Option<Authenticated<C>> {
        Self::of(extensions, headers, auth)?.user.as_ref()?;
        let Self { claims, user, .. } = Arc::into_inner(extensions.remove::<Arc<Self>>()?)?;
        Some(Authenticated { user: user?, claims })
    }
}
