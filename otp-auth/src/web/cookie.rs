//! The three cookies: their names, and how they are read and written.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use cookie::time::Duration as CookieDuration;
use cookie::{Cookie, CookieBuilder};
use otp_auth_rules::cookie::{self as rules, Prefix};
use std::borrow::Cow;
use std::time::Duration;

use super::problem::{Problem, ProblemKind};
use crate::config::{SameSite, Settings};
use crate::secret::Secret;

/// One of the cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CookieKind {
    /// The refresh token. Its name, path and domain come from the settings.
    Refresh,
    /// The challenge of a requested code. Always host-only.
    Challenge,
    /// Proof that this browser has signed in before. Always host-only.
    Device,
}

impl CookieKind {
    /// The name. Each realm has its own, so that one browser can be signed in to several.
    pub(super) fn name(self, settings: &Settings) -> Cow<'_, str> {
        let base = match self {
            Self::Refresh => return Cow::Borrowed(&settings.cookie_name),
            Self::Challenge => rules::CHALLENGE,
            Self::Device => rules::DEVICE,
        };
        let prefix = settings.cookie_secure.then_some(Prefix::Host);
        Cow::Owned(settings.realm.cookie_name(prefix, base))
    }
}

/// How many cookies of one name are read per request.
const MAX_COOKIES_PER_NAME: usize = 8;

/// The values of all cookies of a name, without duplicates, in the browser's order: longest path
/// first. There are several after you change the path or domain, or if another host below the
/// domain has set one. If any is ours, the others are ignored, so that nobody can crowd ours out.
///
/// A browser holds only one cookie of a `__Host-` name, so only the first challenge or device with
/// that prefix counts.
pub(super) fn read_all<'a>(
    kind: CookieKind,
    headers: &'a HeaderMap,
    settings: &Settings,
    is_ours: impl Fn(&str) -> bool,
) -> Vec<&'a str> {
    let mut values = read_named(&kind.name(settings), headers, is_ours);
    if kind != CookieKind::Refresh && settings.cookie_secure {
        values.truncate(1);
    }
    values
}

/// The refresh tokens in cookies that a former path named. They can be ended but not used, because
/// another host may have set them.
pub(super) fn read_earlier<'a>(
    headers: &'a HeaderMap,
    settings: &Settings,
    is_ours: impl Fn(&str) -> bool,
) -> Vec<&'a str> {
    match other_prefix(&settings.cookie_name) {
        Some(name) if !settings.previous_cookie_paths.is_empty() => read_named(&name, headers, is_ours),
        _ => Vec::new(),
    }
}

fn read_named<'a>(name: &str, headers: &'a HeaderMap, is_ours: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for field in headers.get_all(COOKIE) {
        // As bytes: someone else's cookie may contain any, and must not hide ours.
        for pair in field.as_bytes().split(|byte| *byte == b';') {
            let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
            if pair[..equals].trim_ascii() != name.as_bytes() {
                continue;
            }
            // An unreadable value is not a token, but not absent either.
            let value = std::str::from_utf8(pair[equals + 1..].trim_ascii()).unwrap_or("\u{fffd}");
            if value.is_empty() {
                continue;
            }
            let values = if is_ours(value) { &mut ours } else { &mut others };
            if values.len() < MAX_COOKIES_PER_NAME && !values.contains(&value) {
                values.push(value);
            }
        }
    }
    if ours.is_empty() { others } else { ours }
}

/// `Set-Cookie` with a value, for as long as the value is valid.
pub(super) fn set(
    kind: CookieKind,
    value: &Secret,
    lifetime: Duration,
    settings: &Settings,
) -> Result<HeaderValue, Problem> {
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    header(build(kind, value.expose(), settings).max_age(CookieDuration::seconds(seconds)))
}

/// `Set-Cookie` that deletes it: the same attributes, except the age (RFC 6265bis section 4.1.2).
pub(super) fn clear(kind: CookieKind, settings: &Settings) -> Result<HeaderValue, Problem> {
    header(build(kind, "", settings).max_age(CookieDuration::ZERO))
}

/// Where a former configuration may have put the refresh cookie: at each previous path, under the
/// name used there, and host-only as well as with the domain.
fn elsewhere(settings: &Settings) -> Vec<(Cow<'_, str>, &str, Option<&str>)> {
    let name = settings.cookie_name.as_str();
    let mut names = vec![(Cow::Borrowed(name), settings.cookie_path.as_str())];
    for path in &settings.previous_cookie_paths {
        names.push((Cow::Borrowed(name), path));
        names.extend(other_prefix(name).map(|other| (Cow::Owned(other), path.as_str())));
    }
    let domain = settings.cookie_domain.as_deref();
    let here = (Cow::Borrowed(name), settings.cookie_path.as_str(), domain);
    let mut places = Vec::new();
    for domain in [None, domain] {
        for (name, path) in &names {
            let place = (name.clone(), *path, domain);
            let is_possible = Prefix::of(name) != Some(Prefix::Host) || (*path == "/" && domain.is_none());
            if is_possible && place != here && !places.contains(&place) {
                places.push(place);
            }
        }
    }
    places
}

/// The name with the other prefix. The path and the domain decide which of the two browsers accept.
fn other_prefix(name: &str) -> Option<String> {
    let other = match Prefix::of(name)? {
        Prefix::Host => Prefix::Secure,
        Prefix::Secure => Prefix::Host,
    };
    Some(other.before(Prefix::strip(name)))
}

/// Adds the headers that delete the refresh cookie everywhere else. They come before the one that
/// sets it, for clients that identify cookies only by name.
pub(super) fn clear_elsewhere(headers: &mut HeaderMap, settings: &Settings) -> Result<(), Problem> {
    for (name, path, domain) in elsewhere(settings) {
        let mut cookie = build(CookieKind::Refresh, "", settings).max_age(CookieDuration::ZERO).build();
        cookie.set_name(name);
        cookie.set_path(path);
        cookie.unset_domain();
        if let Some(domain) = domain {
            cookie.set_domain(domain);
        }
        add(headers, header(cookie.into())?);
    }
    Ok(())
}

pub(super) fn add(headers: &mut HeaderMap, cookie: HeaderValue) {
    headers.append(SET_COOKIE, cookie);
}

fn build<'a>(kind: CookieKind, value: &'a str, settings: &'a Settings) -> CookieBuilder<'a> {
    let same_site = match settings.cookie_same_site {
        SameSite::Strict => cookie::SameSite::Strict,
        SameSite::Lax => cookie::SameSite::Lax,
        SameSite::None => cookie::SameSite::None,
    };
    let cookie =
        Cookie::build((kind.name(settings), value)).http_only(true).secure(settings.cookie_secure).same_site(same_site);
    match (kind, &settings.cookie_domain) {
        (CookieKind::Refresh, Some(domain)) => cookie.path(settings.cookie_path.as_str()).domain(domain.as_str()),
        (CookieKind::Refresh, None) => cookie.path(settings.cookie_path.as_str()),
        _ => cookie.path("/"),
    }
}

/// Names and attributes were checked with the settings, and values are base64url, so this is a valid
/// header. A response without it would look like a success.
fn header(cookie: CookieBuilder<'_>) -> Result<HeaderValue, Problem> {
    let mut value = HeaderValue::try_from(cookie.build().to_string()).map_err(|error| {
        crate::event::internal_error(&error);
        ProblemKind::InternalError
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SecretSource, SettingsBuilder};

    #[test]
    fn a_cookie_that_is_no_header_is_an_internal_error() {
        let settings = SettingsBuilder::new().secret_key(SecretSource::value(crate::crypto::random::<32>().unwrap()));
        let (mut settings, _) = settings.build::<crate::testing_config::Plain>().unwrap();
        assert!(clear(CookieKind::Refresh, &settings).is_ok());
        "/\n".clone_into(&mut settings.cookie_path);
        let problem = clear(CookieKind::Refresh, &settings).unwrap_err();
        assert_eq!(problem.kind(), ProblemKind::InternalError);
    }
}
