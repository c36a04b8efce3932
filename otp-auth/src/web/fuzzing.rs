//! The doors of [`fuzzing`](crate::fuzzing) in this module.

use std::net::IpAddr;

use axum::http::{Extensions, HeaderMap, Uri};

use super::cookie::{self, CookieKind};
use super::host::Target;
use super::{bearer, client};
use crate::config::Settings;
use crate::network::AddressSource;

/// `cookie::read_all` of refresh tokens.
pub fn refresh_cookies<'a>(
    headers: &'a HeaderMap,
    settings: &Settings,
    is_ours: impl Fn(&str) -> bool,
) -> Vec<&'a str> {
    cookie::read_all(CookieKind::Refresh, headers, settings, is_ours)
}

/// `cookie::read_all` of challenges.
pub fn challenge_cookies<'a>(
    headers: &'a HeaderMap,
    settings: &Settings,
    is_ours: impl Fn(&str) -> bool,
) -> Vec<&'a str> {
    cookie::read_all(CookieKind::Challenge, headers, settings, is_ours)
}

/// `cookie::read_earlier`.
pub fn earlier_cookies<'a>(
    headers: &'a HeaderMap,
    settings: &Settings,
    is_ours: impl Fn(&str) -> bool,
) -> Vec<&'a str> {
    cookie::read_earlier(headers, settings, is_ours)
}

/// `client::address`.
#[must_use]
pub fn client_address(settings: &Settings, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    client::address(&AddressSource::of(settings), extensions, headers)
}

/// The host of `Target::of`.
#[must_use]
pub fn target(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    match Target::of(uri, headers) {
        Target::At(authority) => Some(authority.host().to_owned()),
        Target::Absent | Target::Unreadable => None,
    }
}

/// `bearer::token`. `None` if it is malformed.
#[must_use]
pub fn token(headers: &HeaderMap) -> Option<Option<&str>> {
    bearer::token(headers).ok()
}
