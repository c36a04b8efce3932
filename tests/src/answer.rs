//! A complete response.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::Value;

/// One `Set-Cookie` field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its attributes, as they were sent.
    pub attributes: Vec<String>,
}

impl SetCookie {
    fn parse(field: &str) -> Self {
        let mut parts = field.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').expect("a cookie has a name and a value");
        Self { name: name.to_owned(), value: value.to_owned(), attributes: parts.map(str::to_owned).collect() }
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().filter_map(|part| part.split_once('=')).find(|(key, _)| *key == name).map(|(_, v)| v)
    }

    /// Whether it has an attribute without a value.
    pub fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|part| part == name)
    }

    /// The attributes in alphabetical order.
    pub fn sorted_attributes(&self) -> Vec<&str> {
        let mut attributes: Vec<_> = self.attributes.iter().map(String::as_str).collect();
        attributes.sort_unstable();
        attributes
    }
}

/// A response.
#[derive(Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads a whole response.
    pub async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body is in memory").to_bytes().to_vec();
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// A header field as text. `None` if it is missing.
    pub fn header(&self, name: impl axum::http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("our fields are ASCII"))
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("our bodies are UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// A text member of the body.
    pub fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no text member {name}: {self:?}")).to_owned()
    }

    /// A number member of the body.
    pub fn number(&self, name: &str) -> u64 {
        self.json()[name].as_u64().unwrap_or_else(|| panic!("no number member {name}: {self:?}"))
    }

    /// The names of the body's members, in alphabetical order.
    pub fn members(&self) -> Vec<String> {
        let mut names: Vec<_> = self.json().as_object().expect("an object").keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// The cookies that it sets, sorted by name.
    pub fn cookies(&self) -> Vec<SetCookie> {
        let mut cookies: Vec<_> = self
            .headers
            .get_all(SET_COOKIE)
            .iter()
            .map(|field| SetCookie::parse(field.to_str().expect("our cookies are ASCII")))
            .collect();
        cookies.sort_by(|a, b| a.name.cmp(&b.name));
        cookies
    }

    /// The cookie of this name.
    pub fn cookie(&self, name: &str) -> Option<SetCookie> {
        self.cookies().into_iter().find(|cookie| cookie.name == name)
    }

    /// The names of the cookies that it sets, in alphabetical order.
    pub fn cookie_names(&self) -> Vec<String> {
        self.cookies().into_iter().map(|cookie| cookie.name).collect()
    }

    /// `Retry-After` in seconds.
    pub fn retry_after(&self) -> u64 {
        self.header(RETRY_AFTER).expect("Retry-After is there").parse().expect("Retry-After is in seconds")
    }

    /// The `code` of a problem. Empty for anything else.
    pub fn code(&self) -> String {
        serde_json::from_slice::<Value>(&self.body)
            .ok()
            .and_then(|json| json["code"].as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Asserts that this is a success.
    #[track_caller]
    #[allow(clippy::return_self_not_must_use, reason = "often only the status matters")]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self
    }

    /// Asserts that this is a complete problem of this kind: its status, media type, members, and
    /// the header fields that its status requires.
    #[track_caller]
    #[allow(clippy::return_self_not_must_use, reason = "often only the kind matters")]
    pub fn problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.code().as_str()), (status, code), "{self:?}");
        self.assert_problem();
        self
    }

    /// Asserts that this is a complete problem of any kind.
    #[track_caller]
    pub fn assert_problem(&self) {
        assert_eq!(self.header(CONTENT_TYPE), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header(CACHE_CONTROL), Some("no-store"), "{self:?}");
        let json = self.json();
        assert_eq!(json["status"].as_u64(), Some(u64::from(self.status.as_u16())), "{self:?}");
        let code = self.code();
        assert_eq!(
            json["type"],
            format!("https://docs.rs/otp-auth/latest/otp_auth/problem/index.html#{code}"),
            "{self:?}"
        );
        let mut expected = vec!["code", "detail", "status", "title", "type"];
        if [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&self.status) {
            expected.insert(2, "retry_after");
            assert_eq!(json["retry_after"].as_u64(), Some(self.retry_after()), "{self:?}");
            assert!(self.retry_after() > 0, "{self:?}");
        } else {
            assert_eq!(self.header(RETRY_AFTER), None, "{self:?}");
        }
        assert_eq!(self.members(), expected, "{self:?}");
        for name in ["detail", "title"] {
            assert!(!self.member(name).is_empty(), "{self:?}");
        }
        assert_eq!(self.header(WWW_AUTHENTICATE).is_some(), self.challenges(), "{self:?}");
    }

    /// Whether `WWW-Authenticate` is required: on every 401, and if a token is malformed or
    /// insufficient (RFC 6750 section 3).
    fn challenges(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
            || ["invalid_request", "not_verified", "forbidden"].contains(&self.code().as_str())
    }
}

/// Shows the body as text, because that is what explains a failing test.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status.as_u16())
            .field("headers", &self.headers)
            .field("body", &String::from_utf8_lossy(&self.body))
            .finish()
    }
}
