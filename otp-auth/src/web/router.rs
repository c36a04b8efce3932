//! The router that an application mounts.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::set_header::SetResponseHeaderLayer;

use super::delivery::WebDelivery;
use super::handlers;
use super::problem::{Code, Problem};
use crate::auth::OtpAuth;
use crate::config::OtpConfig;
use crate::delivery::Delivery;

impl<C> OtpAuth<C>
where
    C: OtpConfig,
    C::Delivery: WebDelivery,
{
    /// The routes `POST /request-otp`, `/verify-otp`, `/refresh` and
    /// `/logout`, to be nested into an application of any state.
    ///
    /// Every response carries `Cache-Control: no-store`. In the modes with
    /// cookies, requests that a browser sends from another origin are
    /// refused (`Sec-Fetch-Site`, or else `Origin`), unless it is one of the
    /// `trusted_origins`.
    pub fn router<S>(&self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let routes = Router::new()
            .route("/request-otp", only_post(post(handlers::request_otp::<C>)))
            .route("/verify-otp", only_post(post(handlers::verify_otp::<C>)))
            .route("/refresh", only_post(post(handlers::refresh::<C>)))
            .route("/logout", only_post(post(handlers::logout::<C>)));
        let routes =
            if C::Delivery::COOKIES { routes.layer(same_origin(&self.settings().trusted_origins)) } else { routes };
        routes
            .layer(SetResponseHeaderLayer::overriding(CACHE_CONTROL, HeaderValue::from_static("no-store")))
            .layer(SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
            .with_state(self.clone())
    }
}

/// Refuses what a browser sends from another origin, but for the trusted
/// ones. Clients that are no browsers send neither of the fields it reads.
fn same_origin(trusted: &[String]) -> CsrfLayer<impl Fn(ProtectionError) -> Response + Clone + use<>> {
    let layer = trusted.iter().fold(CsrfLayer::new(), |layer, origin| {
        // They were checked with the settings; one that is no origin would
        // match no request.
        layer.clone().add_trusted_origin(origin).unwrap_or(layer)
    });
    layer.with_rejection_response(|_| {
        crate::event::cross_origin();
        Problem::new(Code::CrossOrigin).into_response()
    })
}

/// Answers other methods with a problem; axum adds `Allow`.
fn only_post<S: Clone + Send + Sync + 'static>(route: MethodRouter<S>) -> MethodRouter<S> {
    route.fallback(handlers::method_not_allowed)
}
