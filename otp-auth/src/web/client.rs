//! The sender of a request. Only this file reads it.

use std::cmp::Reverse;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};

use super::cookie::CookieKind;
use super::delivery::credentials;
use crate::auth::{ChallengeKey, OtpAuth};
use crate::config::OtpConfig;
use crate::event;
use crate::network::AddressSource;
use crate::session::Client;

/// The IP address of the connection, if the application uses
/// `into_make_service_with_connect_info`.
pub(super) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical())
}

/// The IP address of the client. `None` if it is unknown.
pub(super) fn address(source: &AddressSource, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    let peer = peer(extensions)?;
    let Some(header) = source.header(peer) else { return Some(peer) };
    let fields: Vec<_> = headers.get_all(header).iter().map(HeaderValue::as_bytes).collect();
    let client = source.client(peer, fields.into_iter());
    client.inspect_err(|_| event::invalid_input("client_ip", Some(peer))).ok()
}

/// The state of the routes, on behalf of the client.
pub(super) struct OnBehalf<C: OtpConfig>(pub(super) OtpAuth<C>);

impl<C: OtpConfig> FromRequestParts<OtpAuth<C>> for OnBehalf<C> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, auth: &OtpAuth<C>) -> Result<Self, Infallible> {
        let Parts { headers, extensions, .. } = parts;
        let address = address(auth.address_source(), extensions, headers);
        if peer(extensions).is_none() {
            auth.warn_of_no_address();
        }
        let client = Client::new(text(headers, &USER_AGENT), address);
        let accepted = text(headers, &ACCEPT_LANGUAGE);
        Ok(Self(auth.for_request(client, accepted.into_iter().flat_map(languages))))
    }
}

impl<C: OtpConfig> OtpAuth<C> {
    /// The challenge that a browser holds, in a request to one of your own routes. It is the same
    /// as [`RequestContext::challenge`] when the browser presents its code.
    ///
    /// Use it to bind a second factor to the client that requested the code: record that this
    /// challenge passed the second factor, and let [`before_sign_in`](crate::Hooks::before_sign_in)
    /// look it up. Without cookies, let clients send the challenge that `/request-otp` returned,
    /// and use [`ChallengeKey::of`].
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
    /// /// Who passed the second factor, and for which challenge.
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
    /// // In your own route. Use a database if you run several processes.
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
        // With several, it is not known which one the code will be for.
        match credentials(CookieKind::Challenge, headers, None, self)[..] {
            [challenge] => ChallengeKey::of(challenge),
            _ => None,
        }
    }
}

/// The first header of this name, if it is text.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The ranges of `Accept-Language`, the highest quality first (RFC 9110 section 12.5.4).
fn languages(accept_language: &str) -> Vec<&str> {
    let mut ranges: Vec<_> = accept_language.split(',').filter_map(range).collect();
    ranges.sort_by_key(|(_, quality)| Reverse(*quality));
    ranges.into_iter().map(|(range, _)| range).collect()
}

/// A range and its quality in thousandths: `q=0.8`, or 1 by default. `None` if the quality is zero
/// or malformed.
fn range(range: &str) -> Option<(&str, u16)> {
    let (range, parameters) = range.split_once(';').unwrap_or((range, "q=1"));
    let value = parameters.trim_matches([' ', '\t']).strip_prefix(['q', 'Q'])?.strip_prefix('=')?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let quality = match whole {
        "0" => format!("{decimals:0<3}").parse().ok()?,
        "1" if decimals.bytes().all(|digit| digit == b'0') => 1_000,
        _ => return None,
    };
    (quality > 0).then_some((range.trim_matches([' ', '\t']), quality))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_languages_of_the_highest_quality_come_first() {
        for (field, expected) in [
            ("de", vec!["de"]),
            ("de-CH, de;q=0.9, en;q=0.8", vec!["de-CH", "de", "en"]),
            ("en;q=0.5,fr;q=0.9,de;q=0.9", vec!["fr", "de", "en"]),
            (" en-GB ; q=0.7 ,\tzh-Hant-TW", vec!["zh-Hant-TW", "en-GB"]),
            ("en;Q=1.000, de", vec!["en", "de"]),
            ("de;q=0, en;q=0.1, fr;q=0.000", vec!["en"]),
        ] {
            assert_eq!(languages(field), expected, "{field}");
        }
    }

    #[test]
    fn a_malformed_quality_counts_as_none() {
        for quality in ["q=1.1", "q=2", "q=0.1234", "q=-1", "q=", "q", "", "q=1.0.0", "level=1", "q=NaN", "q=1;q=1"] {
            assert_eq!(languages(&format!("en;{quality}, fr;q=0.1")), ["fr"], "{quality}");
        }
    }
}
