//! The bearer token of a request (RFC 6750 section 2.1). Tokens in a query, form or cookie are
//! ignored.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::problem::{Problem, ProblemKind};

/// The token in the `Authorization` header. `None` without the header, or with another scheme,
/// which is meant for someone else, such as a gateway in front of the application.
///
/// # Errors
///
/// 400 for several headers or parts, 401 if there is no scheme: unreadable credentials differ from
/// none.
pub(super) fn token(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        return Ok(None);
    };
    if fields.next().is_some() {
        return Err(ProblemKind::InvalidRequest.into());
    }
    // As bytes, because other schemes may use any.
    let field = field.as_bytes();
    let end = field.iter().position(|byte| *byte == b' ').unwrap_or(field.len());
    let (scheme, token) = field.split_at(end);
    if !is_token(scheme) {
        return Err(ProblemKind::MissingToken.into());
    }
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    let token = std::str::from_utf8(token).ok().filter(|token| token.is_ascii()).ok_or(ProblemKind::InvalidRequest)?;
    let token = token.trim_matches(' ');
    if token.is_empty() || token.contains([' ', '\t', ',']) {
        return Err(ProblemKind::InvalidRequest.into());
    }
    Ok(Some(token))
}

/// RFC 9110 section 5.6.2, the syntax of a scheme.
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(fields: &[&[u8]]) -> Result<Option<String>, ProblemKind> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(field).unwrap());
        }
        token(&headers).map(|token| token.map(str::to_owned)).map_err(|problem| problem.kind())
    }

    #[test]
    fn br_06_the_scheme_is_read_in_any_case() {
        for field in [&b"Bearer abc"[..], b"bearer abc", b"BEARER abc", b"Bearer   abc"] {
            assert_eq!(read(&[field]), Ok(Some("abc".to_owned())));
        }
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn br_03_what_is_ambiguous_is_an_invalid_request() {
        for fields in [
            &[&b"Bearer a"[..], b"Bearer a"][..],
            &[b"Bearer a b"],
            &[b"Bearer a, b"],
            &[b"Bearer"],
            &[b"Bearer "],
            &[b"Bearer \xff"],
            &["Bearer ü".as_bytes()],
            &[b"Basic YTpi", b"Bearer a"],
            &[b"Basic YTpi", b"Basic YTpi"],
        ] {
            assert_eq!(read(fields), Err(ProblemKind::InvalidRequest));
        }
    }

    #[test]
    fn br_06_another_scheme_means_no_token_and_a_malformed_one_is_refused() {
        for field in [
            &b"Basic YTpi"[..],
            b"basic YTpi",
            b"Digest username=\"a\", realm=\"b\"",
            b"Negotiate",
            b"Token abc",
            b"DPoP a.b.c",
            b"AWS4-HMAC-SHA256 Credential=a, Signature=b",
            b"Bearers abc",
            b"a.b.c",
            b"Basic \xff",
            b"Digest username=\"Jos\xe9\"",
        ] {
            assert_eq!(read(&[field]), Ok(None), "{field:?}");
        }
        for field in [&b""[..], b" ", b"Bearer: abc", b"\"Bearer\" abc", b"Bearer\tabc", b"Bearer,abc"] {
            assert_eq!(read(&[field]), Err(ProblemKind::MissingToken), "{field:?}");
        }
    }
}
