//! Who sends a request: the one place that reads it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName};

use super::cookie::CookieKind;
use super::delivery::credentials;
use crate::auth::{ChallengeKey, OtpAuth};
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

impl<C: OtpConfig> OtpAuth<C> {
    /// The challenge that a browser holds, in a request to a route of your
    /// own: the one in [`RequestContext::challenge`] when it presents its code.
    ///
    /// This is how a second factor is bound to the client that asked for the
    /// code: note for this challenge that the factor was right, and let
    /// [`before_sign_in`](crate::Hooks::before_sign_in) look for the note.
    /// Without cookies let clients send what they got from `/request-otp`, and
    /// take [`ChallengeKey::of`].
    ///
    /// ```
    /// use std::collections::HashSet;
    /// use std::sync::Mutex;
    ///
    /// use axum::http::{HeaderMap, StatusCode};
    /// use otp_auth::{Hooks, RequestContext, session::AuthMethods, auth::ChallengeKey, hooks::SignInAnswer};
    /// # use otp_auth::{OtpAuth, OtpConfig};
    /// # struct User { id: i64 }
    /// # fn is_right(_: i64, _: &str) -> bool { true }
    ///
    /// /// For whom the second factor was right, and for which challenge.
    /// #[derive(Default)]
    /// struct Passed(Mutex<HashSet<(i64, ChallengeKey)>>);
    ///
    /// impl Hooks<User> for Passed {
    ///     async fn before_sign_in(&self, user: &User, context: &RequestContext) -> SignInAnswer {
    ///         let passed = |challenge| self.0.lock().is_ok_and(|mut all| all.remove(&(user.id, challenge)));
    ///         if context.challenge.is_some_and(passed) {
    ///             AuthMethods::new(["otp", "mfa"]).map_or(SignInAnswer::Refuse, SignInAnswer::AdmitWith)
    ///         } else {
    ///             SignInAnswer::Refuse
    ///         }
    ///     }
    /// }
    ///
    /// // In a route of your own. A database serves several processes.
    /// # async fn second_factor<C: OtpConfig>(auth: &OtpAuth<C>, passed: &Passed, headers: HeaderMap, user: i64, factor: &str) -> StatusCode {
    /// match auth.held_challenge(&headers) {
    ///     Some(challenge) if is_right(user, factor) => {
    ///         passed.0.lock().unwrap().insert((user, challenge));
    ///         StatusCode::NO_CONTENT
    ///     }
    ///     _ => StatusCode::FORBIDDEN,
    /// }
    /// # }
    /// ```
    ///
    /// [`RequestContext::challenge`]: crate::RequestContext::challenge
    #[must_use]
    pub fn held_challenge(&self, headers: &HeaderMap) -> Option<ChallengeKey> {
        // Of several it is not known which one the code will be for.
        match credentials(CookieKind::Challenge, headers, None, self)[..] {
            [challenge] => ChallengeKey::of(challenge),
            _ => None,
        }
    }
}

/// The first field of this name, if it is text.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
