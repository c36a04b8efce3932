//! Who sends a request: the one place that reads it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName};

use crate::auth::OtpAuth;
use crate::config::OtpConfig;
use crate::session::Client;

/// Where a request came from, if the application is served with
/// `into_make_service_with_connect_info`. Forwarding headers are not looked
/// at: anybody can write them.
pub(super) fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical())
}

/// The state of the routes, on behalf of the client that sent the request.
pub(super) struct OnBehalf<C: OtpConfig>(pub(super) OtpAuth<C>);

impl<C: OtpConfig> FromRequestParts<OtpAuth<C>> for OnBehalf<C> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, auth: &OtpAuth<C>) -> Result<Self, Infallible> {
        let client = Client::new(text(&parts.headers, &USER_AGENT), address(&parts.extensions));
        Ok(Self(auth.for_request(client, text(&parts.headers, &ACCEPT_LANGUAGE))))
    }
}

/// The first field of this name, if it is text.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
