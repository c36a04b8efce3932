//! Requests that another origin's page makes a browser send (CSRF).
//!
//! Browsers send `Sec-Fetch-Site`, and older ones only `Origin`. Pages can set neither. A request
//! with neither is accepted, because every current browser sends one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderName, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::client;
use super::host::{Field, Target};
use super::problem::{Problem, ProblemKind};
use crate::config::Settings;
use crate::network::AddressSource;
use crate::origin::{Origin, Scheme};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which pages are ours, besides trusted ones.
#[derive(Debug)]
pub(super) struct OwnOrigin {
    /// Compared byte for byte.
    trusted: Vec<String>,
    pages: Pages,
    /// For the log.
    clients: AddressSource,
}

/// How browsers load our own pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pages {
    /// Over TLS. Anyone could have served a page from our name over plain HTTP.
    Secure,
    /// Also without TLS, on a developer's machine.
    Any,
}

/// What a request says about its origin.
#[derive(Debug)]
struct Asking<'a> {
    method: &'a Method,
    site: Field<'a>,
    origin: Field<'a>,
    target: Target,
}

impl OwnOrigin {
    pub(super) fn of(settings: &Settings) -> Arc<Self> {
        let pages = if settings.cookie_secure { Pages::Secure } else { Pages::Any };
        let clients = AddressSource::of(settings);
        Arc::new(Self { trusted: settings.trusted_origins.clone(), pages, clients })
    }

    fn admits(&self, asking: &Asking<'_>) -> bool {
        // These get a 405 and change nothing.
        if matches!(*asking.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return true;
        }
        let origin = match asking.origin {
            Field::Absent => None,
            Field::Once(origin) => Some(origin),
            Field::Several => return false,
        };
        if origin.is_some_and(|origin| self.trusted.iter().any(|trusted| trusted.as_bytes() == origin)) {
            return true;
        }
        match (asking.site, origin) {
            (Field::Once(b"same-origin" | b"none"), _) | (Field::Absent, None) => true,
            (Field::Absent, Some(origin)) => self.is_own(origin, &asking.target),
            (Field::Once(_) | Field::Several, _) => false,
        }
    }

    fn is_own(&self, origin: &[u8], target: &Target) -> bool {
        let origin = str::from_utf8(origin).ok().and_then(Origin::parse);
        match (origin, target) {
            (Some(origin), Target::At(authority)) => {
                origin.is_at(authority) && (origin.scheme() == Scheme::Https || self.pages == Pages::Any)
            }
            _ => false,
        }
    }
}

/// Rejects requests from other origins.
pub(super) async fn guard(State(own): State<Arc<OwnOrigin>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let origin = Field::of(headers, &ORIGIN);
    let asking = Asking {
        method: request.method(),
        site: Field::of(headers, &SEC_FETCH_SITE),
        origin,
        target: Target::of(request.uri(), headers),
    };
    if own.admits(&asking) {
        return next.run(request).await;
    }
    let client = client::address(&own.clients, request.extensions(), request.headers());
    crate::event::cross_origin(origin.once(), client);
    Problem::new(ProblemKind::CrossOrigin).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Uri};

    use super::*;

    const TRUSTED: &str = "https://app.test";

    /// Whether an application whose pages load like this accepts a request with these headers.
    fn taken(pages: Pages, fields: &[(&str, &str)]) -> bool {
        let trusted = vec![TRUSTED.to_owned(), "tauri://localhost".to_owned()];
        let own = OwnOrigin { trusted, pages, clients: AddressSource::default() };
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        own.admits(&Asking {
            method: &Method::POST,
            site: Field::of(&headers, &SEC_FETCH_SITE),
            origin: Field::of(&headers, &ORIGIN),
            target: Target::of(&Uri::from_static("/refresh"), &headers),
        })
    }

    const HOST: (&str, &str) = ("host", "own.test");

    #[test]
    fn csrf_01_sec_fetch_site_decides_if_present() {
        for pages in [Pages::Secure, Pages::Any] {
            for site in ["same-origin", "none"] {
                for origin in ["https://own.test", "https://other.test", "null", "http://own.test"] {
                    assert!(taken(pages, &[HOST, ("sec-fetch-site", site), ("origin", origin)]), "{site} {origin}");
                }
                assert!(taken(pages, &[HOST, ("sec-fetch-site", site)]));
            }
            for site in ["cross-site", "same-site", "", "Same-Origin", "same-origin, none", "anything"] {
                for origin in ["https://own.test", "https://other.test", "null", ""] {
                    assert!(!taken(pages, &[HOST, ("sec-fetch-site", site), ("origin", origin)]), "{site} {origin}");
                }
                assert!(!taken(pages, &[HOST, ("sec-fetch-site", site)]), "{site}");
                assert!(taken(pages, &[HOST, ("sec-fetch-site", site), ("origin", TRUSTED)]), "{site}");
            }
            assert!(!taken(pages, &[HOST, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")]));
        }
    }

    #[test]
    fn csrf_04_without_sec_fetch_site_the_origin_is_compared_with_its_scheme() {
        assert!(taken(Pages::Secure, &[HOST, ("origin", "https://own.test")]));
        assert!(taken(Pages::Secure, &[HOST, ("origin", "https://own.test:443")]));
        assert!(taken(Pages::Secure, &[("host", "OWN.test:443"), ("origin", "https://own.test")]));
        assert!(!taken(Pages::Secure, &[HOST, ("origin", "http://own.test")]));
        assert!(!taken(Pages::Secure, &[("host", "own.test:80"), ("origin", "http://own.test")]));
        assert!(!taken(Pages::Secure, &[("host", "own.test:443"), ("origin", "http://own.test:443")]));
        assert!(!taken(Pages::Secure, &[("host", "localhost:8000"), ("origin", "http://localhost:8000")]));
        assert!(taken(Pages::Any, &[HOST, ("origin", "http://own.test")]));
        assert!(taken(Pages::Any, &[HOST, ("origin", "https://own.test")]));
        assert!(taken(Pages::Any, &[("host", "localhost:8000"), ("origin", "http://localhost:8000")]));
        assert!(!taken(Pages::Any, &[("host", "localhost:8000"), ("origin", "http://localhost:3000")]));
    }

    #[test]
    fn csrf_02_what_cannot_be_read_is_another_origin() {
        for pages in [Pages::Secure, Pages::Any] {
            for fields in [
                &[HOST, ("origin", "null")] as &[(&str, &str)],
                &[HOST, ("origin", "")],
                &[HOST, ("origin", "own.test")],
                &[HOST, ("origin", "https://own.test/")],
                &[HOST, ("origin", "https://own.test.evil.test")],
                &[HOST, ("origin", "https://evil.test@own.test")],
                &[HOST, ("origin", "https://own.test"), ("origin", "https://own.test")],
                &[HOST, ("origin", TRUSTED), ("origin", TRUSTED)],
                &[HOST, ("sec-fetch-site", "same-origin"), ("origin", "https://own.test"), ("origin", "null")],
                &[HOST, HOST, ("origin", "https://own.test")],
                &[("origin", "https://own.test")],
                &[("host", ""), ("origin", "https://own.test")],
                &[HOST, ("origin", "https://APP.test")],
                &[HOST, ("origin", "https://app.test:443")],
                &[HOST, ("origin", "http://app.test")],
                &[HOST, ("origin", "https://x.app.test")],
                &[HOST, ("origin", "tauri://localhost.evil.test")],
            ] {
                assert!(!taken(pages, fields), "{pages:?} {fields:?}");
            }
            assert!(taken(pages, &[HOST, ("origin", TRUSTED)]));
            assert!(taken(pages, &[("origin", "tauri://localhost")]));
        }
    }

    #[test]
    fn csrf_03_a_request_with_neither_field_is_taken() {
        assert!(taken(Pages::Secure, &[HOST]));
        assert!(taken(Pages::Secure, &[]));
    }

    #[test]
    fn an_origin_of_other_bytes_is_another_origin() {
        let own = OwnOrigin { trusted: Vec::new(), pages: Pages::Any, clients: AddressSource::default() };
        let mut headers = HeaderMap::new();
        headers.append("host", "own.test".parse().unwrap());
        let target = Target::of(&Uri::from_static("/"), &headers);
        assert!(!own.is_own(b"https://own.test\xff", &target));
        assert!(own.is_own(b"https://own.test", &target));
    }
}
