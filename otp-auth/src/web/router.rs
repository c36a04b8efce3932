//! The router that applications mount.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::from_fn_with_state;
use tower_http::set_header::SetResponseHeaderLayer;

use super::developer::{self, Served};
use super::handlers;
use super::origin::{self, OwnOrigin};
use super::route::Route;
use crate::auth::OtpAuth;
use crate::config::OtpConfig;
use crate::delivery::Delivery;

impl<C: OtpConfig> OtpAuth<C> {
    /// The routes `POST /request-otp`, `/verify-otp`, `/refresh` and `/logout`. Nest them into a
    /// router with any state.
    ///
    /// Every response has `Cache-Control: no-store`. In the modes with cookies, requests that a
    /// browser sends from another origin are rejected (by `Sec-Fetch-Site`, or else `Origin`),
    /// unless it is one of the `trusted_origins`. A request with neither header is accepted,
    /// because every current browser sends one.
    ///
    /// Requests beyond the limits per network get a 429 before the store is asked.
    ///
    /// In developer mode, requests are rejected unless they are for this machine or one of the
    /// `developer_hosts`.
    pub fn router<S>(&self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let routes = Route::ALL.into_iter().fold(Router::new(), |router, route| {
            let served = match route {
                Route::RequestOtp => Route::served_by(handlers::request_otp::<C>),
                Route::VerifyOtp => Route::served_by(handlers::verify_otp::<C>),
                Route::Refresh => Route::served_by(handlers::refresh::<C>),
                Route::Logout => Route::served_by(handlers::logout::<C>),
            };
            router.route(route.path(), served)
        });
        let settings = self.settings();
        let routes = if C::Delivery::COOKIES {
            routes.layer(from_fn_with_state(OwnOrigin::of(settings), origin::guard))
        } else {
            routes
        };
        let routes = if settings.developer_mode {
            routes.layer(from_fn_with_state(Served::of(settings), developer::guard))
        } else {
            routes
        };
        routes
            .layer(SetResponseHeaderLayer::overriding(CACHE_CONTROL, HeaderValue::from_static("no-store")))
            .layer(SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
            .with_state(self.clone())
    }
}
