//! The host that a request is for.

use axum::http::header::HOST;
use axum::http::{HeaderMap, HeaderName, Uri};

use crate::origin::Authority;

/// A header that should occur at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Absent,
    Once(&'a [u8]),
    /// It is ambiguous which one counts.
    Several,
}

impl<'a> Field<'a> {
    pub(super) fn of(headers: &'a HeaderMap, name: &HeaderName) -> Self {
        let mut fields = headers.get_all(name).iter();
        match (fields.next(), fields.next()) {
            (None, _) => Self::Absent,
            (Some(field), None) => Self::Once(field.as_bytes()),
            (Some(_), Some(_)) => Self::Several,
        }
    }

    /// The value, if it occurs once.
    pub(super) fn once(self) -> Option<&'a [u8]> {
        match self {
            Self::Once(field) => Some(field),
            Self::Absent | Self::Several => None,
        }
    }
}

/// The host that a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Absent,
    Unreadable,
    At(Authority),
}

impl Target {
    /// From `Host`, or `:authority` in HTTP/2. If both exist, they agree.
    pub(super) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let parse = |text: &[u8]| str::from_utf8(text).ok().and_then(Authority::parse);
        let read = match (Field::of(headers, &HOST), uri.authority()) {
            (Field::Absent, None) => return Self::Absent,
            (Field::Absent, Some(authority)) => Authority::parse(authority.as_str()),
            (Field::Once(host), None) => parse(host),
            (Field::Once(host), Some(authority)) => {
                Authority::parse(authority.as_str()).filter(|read| parse(host).as_ref() == Some(read))
            }
            (Field::Several, _) => None,
        };
        read.map_or(Self::Unreadable, Self::At)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn target(uri: &'static str, hosts: &[&str]) -> Target {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
        }
        Target::of(&Uri::from_static(uri), &headers)
    }

    #[test]
    fn the_target_is_the_host_or_the_authority() {
        let at = |text: &str| Target::At(Authority::parse(text).unwrap());
        assert_eq!(target("/x", &[]), Target::Absent);
        assert_eq!(target("/x", &["a.test:8000"]), at("a.test:8000"));
        assert_eq!(target("/x", &["A.Test"]), at("a.test"));
        assert_eq!(target("https://a.test/x", &[]), at("a.test"));
        assert_eq!(target("https://a.test/x", &["A.test"]), at("a.test"));
        for (uri, hosts) in [
            ("/x", &["a.test", "a.test"] as &[&str]),
            ("/x", &[""]),
            ("/x", &["a.test, b.test"]),
            ("/x", &["u@a.test"]),
            ("/x", &["m\u{fc}nchen.test"]),
            ("/x", &["a.test:port"]),
            ("https://a.test/x", &["b.test"]),
            ("https://a.test/x", &["a.test:8000"]),
            ("https://u@a.test/x", &[]),
        ] {
            assert_eq!(target(uri, hosts), Target::Unreadable, "{uri} {hosts:?}");
        }
    }
}
