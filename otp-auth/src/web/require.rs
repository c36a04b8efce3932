//! Protecting a whole router: extractors as layers.

use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::{FromFn, FromFnLayer, Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use tower_layer::Layer;

use super::extension::{Found, Identified};
use super::extract::{AuthRejection, CurrentUser, VerifiedUser};
use crate::auth::{Claims, OtpAuth};
use crate::config::OtpConfig;
use crate::user::VerifiableUser;

/// A layer that rejects every request that an extractor would reject. See
/// [`OtpAuth::require_user`].
pub struct Require<C: OtpConfig>(FromFnLayer<Guard<C>, OtpAuth<C>, Extracted<C>>);

type Extracted<C> = (State<OtpAuth<C>>, Request);
type Guard<C> = fn(State<OtpAuth<C>>, Request, Next) -> BoxFuture<'static, Response>;

impl<C: OtpConfig> OtpAuth<C> {
    /// Protects all routes of a router. A request that [`CurrentUser`] would reject gets the same
    /// response, and reaches no handler.
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
    /// The user is loaded once: the first [`CurrentUser`] or [`VerifiedUser`] behind the layer
    /// takes the user that the layer loaded.
    ///
    /// It protects the routes that the router has so far, so add others first. With
    /// [`route_layer`](axum::Router::route_layer), the fallback stays open to everyone: a 404,
    /// unless you have set another. [`layer`](axum::Router::layer) protects it too.
    ///
    /// Browsers send no token with a CORS preflight. A CORS layer answers those itself, so add it
    /// after this one, which puts it outside: `.route_layer(auth.require_user()).layer(cors)`.
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

    /// Like [`require_user`](Self::require_user), for [`Claims`]: normally queries no store, and
    /// does not load the user.
    #[must_use]
    pub fn require_claims(&self) -> Require<C> {
        self.require::<Claims<C>>()
    }

    fn require<E>(&self) -> Require<C>
    where
        E: FromRequestParts<Self, Rejection = AuthRejection> + Identified<C> + Send + 'static,
    {
        let guard: Guard<C> = |State(auth), request, next| Box::pin(guard::<C, E>(auth, request, next));
        Require(from_fn_with_state(self.clone(), guard))
    }
}

async fn guard<C, E>(auth: OtpAuth<C>, request: Request, next: Next) -> Response
where
    C: OtpConfig,
    E: FromRequestParts<OtpAuth<C>, Rejection = AuthRejection> + Identified<C>,
{
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
