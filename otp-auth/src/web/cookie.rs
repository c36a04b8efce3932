//! Cookies: how the three of this crate are named, read and written.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use cookie::time::Duration as CookieDuration;
use cookie::{Cookie, CookieBuilder};
use std::borrow::Cow;
use std::time::Duration;

use crate::config::Settings;
use crate::secret::Secret;

/// One of the cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The refresh token; name, path and domain come from the settings.
    Refresh,
    /// The challenge of a code that is on its way. Always bound to the host.
    Challenge,
    /// Proof that this browser has signed in before. Always bound to the
    /// host.
    Device,
}

impl Kind {
    /// Its name. Each realm has names of its own, so that one browser can be
    /// signed in to several.
    pub(super) fn name(self, settings: &Settings) -> Cow<'_, str> {
        let base = match (self, settings.cookie_secure) {
            (Self::Refresh, _) => return Cow::Borrowed(&settings.cookie_name),
            (Self::Challenge, true) => "__Host-otp_challenge",
            (Self::Challenge, false) => "otp_challenge",
            (Self::Device, true) => "__Host-otp_device",
            (Self::Device, false) => "otp_device",
        };
        Cow::Owned(settings.realm.cookie_name(base))
    }
}

/// How many cookies of one name are looked at in one request.
const MOST: usize = 8;

/// The values of all cookies of a name, each once, as the browser sends them:
/// the one with the longest path first. There are several where the path or
/// the domain was changed, or where another host below the domain has set one.
pub(super) fn read_all<'a>(kind: Kind, headers: &'a HeaderMap, settings: &Settings) -> Vec<&'a str> {
    let name = kind.name(settings);
    let mut values = Vec::new();
    for field in headers.get_all(COOKIE) {
        // As bytes: a cookie of somebody else's with other characters must not
        // hide ours.
        for pair in field.as_bytes().split(|byte| *byte == b';') {
            let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
            if pair[..equals].trim_ascii() != name.as_bytes() {
                continue;
            }
            match std::str::from_utf8(pair[equals + 1..].trim_ascii()) {
                Ok(value) if !value.is_empty() && !values.contains(&value) => values.push(value),
                _ => {}
            }
            if values.len() == MOST {
                return values;
            }
        }
    }
    values
}

/// The first of them.
pub(super) fn read<'a>(kind: Kind, headers: &'a HeaderMap, settings: &Settings) -> Option<&'a str> {
    read_all(kind, headers, settings).first().copied()
}

/// `Set-Cookie` with a value, for as long as the value is good.
pub(super) fn set(kind: Kind, value: &Secret, lifetime: Duration, settings: &Settings) -> Option<HeaderValue> {
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    header(build(kind, value.expose(), settings).max_age(CookieDuration::seconds(seconds)))
}

/// `Set-Cookie` that removes it: everything as when it was set, but for the
/// age (RFC 6265bis section 4.1.2).
pub(super) fn clear(kind: Kind, settings: &Settings) -> Option<HeaderValue> {
    header(build(kind, "", settings).max_age(CookieDuration::ZERO))
}

/// `Set-Cookie` that removes the refresh cookie from where an earlier
/// configuration may have put it: with a domain, the host alone. To be sent
/// before the one that sets it, for clients that know cookies by name alone.
pub(super) fn clear_elsewhere(settings: &Settings) -> Option<HeaderValue> {
    settings.cookie_domain.as_ref()?;
    let mut cookie = build(Kind::Refresh, "", settings).max_age(CookieDuration::ZERO).build();
    cookie.unset_domain();
    header(cookie.into())
}

/// Adds a `Set-Cookie` field.
pub(super) fn add(headers: &mut HeaderMap, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        headers.append(SET_COOKIE, cookie);
    }
}

fn build<'a>(kind: Kind, value: &'a str, settings: &'a Settings) -> CookieBuilder<'a> {
    let cookie = Cookie::build((kind.name(settings), value))
        .http_only(true)
        .secure(settings.cookie_secure)
        .same_site(settings.cookie_same_site);
    match (kind, &settings.cookie_domain) {
        (Kind::Refresh, Some(domain)) => cookie.path(settings.cookie_path.as_str()).domain(domain.as_str()),
        (Kind::Refresh, None) => cookie.path(settings.cookie_path.as_str()),
        _ => cookie.path("/"),
    }
}

/// Names and attributes were checked with the settings, and values are
/// base64url, so this always is a header.
fn header(cookie: CookieBuilder<'_>) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&cookie.build().to_string()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
