//! Deliveries in HTTP: what a client presents in cookies and bodies, and which cookies a response
//! sets.

use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::cookie::{self, CookieKind};
use super::problem::Problem;
use crate::auth::{ChallengeKey, CodeRequested, OtpAuth, SignedIn, TokenPair};
use crate::config::{OtpConfig, Settings};
use crate::delivery::Delivery;
use crate::secret::Secret;
use crate::wire::{ChallengeIssuedInBody, TokensIssuedInBody};

/// What a client sent, without duplicates: the cookies, then the body. Body mode ignores cookies.
pub(super) fn credentials<'a, C: OtpConfig>(
    kind: CookieKind,
    headers: &'a HeaderMap,
    body: Option<&'a Secret>,
    auth: &OtpAuth<C>,
) -> Vec<&'a str> {
    let is_ours = |value: &str| is_ours(kind, value, auth);
    let mut values =
        if C::Delivery::COOKIES { cookie::read_all(kind, headers, auth.settings(), is_ours) } else { Vec::new() };
    if let Some(body) = body.map(Secret::expose)
        && !values.contains(&body)
    {
        values.push(body);
    }
    values
}

/// The same for refresh tokens to be ended, including former cookies.
pub(super) fn credentials_to_end<'a, C: OtpConfig>(
    headers: &'a HeaderMap,
    body: Option<&'a Secret>,
    auth: &OtpAuth<C>,
) -> Vec<&'a str> {
    let mut values = credentials(CookieKind::Refresh, headers, body, auth);
    if C::Delivery::COOKIES {
        values
            .extend(cookie::read_earlier(headers, auth.settings(), |value| is_ours(CookieKind::Refresh, value, auth)));
    }
    values
}

/// Whether a value looks like one of ours.
fn is_ours<C: OtpConfig>(kind: CookieKind, value: &str, auth: &OtpAuth<C>) -> bool {
    match kind {
        CookieKind::Refresh => auth.is_refresh_token(value),
        CookieKind::Challenge => ChallengeKey::of(value).is_some(),
        CookieKind::Device => auth.is_device_token(value),
    }
}

/// The response with a challenge.
pub(super) fn challenge_response<D: Delivery>(
    requested: CodeRequested,
    settings: &Settings,
) -> Result<Response, Problem> {
    let cookie =
        D::COOKIES.then(|| cookie::set(CookieKind::Challenge, &requested.challenge, requested.expires_in, settings));
    let CodeRequested { challenge, expires_in, resend_in, code_length } = requested;
    let message = "If this address can sign in, a code has been sent to it.";
    let body = ChallengeIssuedInBody::new(message, expires_in, resend_in, code_length, challenge);
    let mut response = Json(D::ChallengeIssued::from(body)).into_response();
    if let Some(cookie) = cookie {
        cookie::add(response.headers_mut(), cookie?);
    }
    Ok(response)
}

/// The response with tokens.
pub(super) fn tokens_response<D: Delivery, U>(
    signed_in: SignedIn<U>,
    settings: &Settings,
) -> Result<Response, Problem> {
    let SignedIn { tokens, device, .. } = signed_in;
    let TokenPair { access_token, expires_in, refresh_token, refresh_expires_in } = tokens;
    let mut cookies = HeaderMap::new();
    if D::COOKIES {
        cookie::clear_elsewhere(&mut cookies, settings)?;
        cookie::add(&mut cookies, cookie::set(CookieKind::Refresh, &refresh_token, refresh_expires_in, settings)?);
        // Only a sign-in has a device, and it completes the challenge.
        if let Some(device) = &device {
            cookie::add(&mut cookies, cookie::set(CookieKind::Device, &device.token, device.expires_in, settings)?);
            cookie::add(&mut cookies, cookie::clear(CookieKind::Challenge, settings)?);
        }
    }
    let device = device.map(|device| device.token);
    let body = TokensIssuedInBody { device, ..TokensIssuedInBody::new(access_token, expires_in, refresh_token) };
    Ok((cookies, Json(D::TokensIssued::from(body))).into_response())
}
