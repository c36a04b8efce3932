//! Bodies: read with a limit, as JSON and nothing else, into typed requests.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::delivery::RefreshFields;
use super::problem::{Code, Problem};

/// No request of ours comes near it.
pub(super) const MAX_BODY: usize = 16 * 1024;

/// What is taken off the connection of a body that does not matter.
const MAX_DRAINED: usize = 2 * 1024 * 1024;

/// The body of `POST /request-otp` in cookie mode.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestOtpBody {
    /// The address to send the code to.
    #[cfg_attr(feature = "openapi", schema(format = "email", examples("ann@example.com")))]
    pub email: String,
}

/// A body that must be there.
pub(super) struct Json<T>(pub(super) T);

/// A body that may be missing.
pub(super) struct OptionalJson<T>(pub(super) Option<T>);

/// A body that can be anything: what cannot be read counts as none.
pub(super) struct AnyBody<T>(pub(super) Option<T>);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        // Checked first: a form or a text is refused unread (CSRF-05).
        if !is_json(&parts.headers) {
            return Err(Code::UnsupportedMediaType.into());
        }
        parse(&read(body).await?).map(Self)
    }
}

impl<T: DeserializeOwned + RefreshFields, S: Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        debug_assert_eq!(parts.method, Method::POST);
        if !T::READ {
            drain(body).await;
            return Ok(Self(None));
        }
        let bytes = read(body).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        if !is_json(&parts.headers) {
            return Err(Code::UnsupportedMediaType.into());
        }
        parse(&bytes).map(|body| Self(Some(body)))
    }
}

impl<T: DeserializeOwned + RefreshFields, S: Sync> FromRequest<S> for AnyBody<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let (parts, body) = request.into_parts();
        let bytes = drain(body).await.filter(|_| T::READ && is_json(&parts.headers));
        Ok(Self(bytes.and_then(|bytes| parse(&bytes).ok())))
    }
}

/// Takes a body off the connection, and keeps what a request of ours would
/// hold: a client that is still writing when it is closed may never see the
/// answer.
async fn drain(mut body: Body) -> Option<Vec<u8>> {
    let (mut kept, mut taken) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        taken += data.len();
        if taken > MAX_DRAINED {
            return None;
        }
        if taken <= MAX_BODY {
            kept.extend_from_slice(&data);
        }
    }
    (taken <= MAX_BODY).then_some(kept)
}

async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(Code::BodyTooLarge.into()),
        // The client broke off; nobody will read this.
        Err(_) => Err(Code::Malformed.into()),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Serde would also read the fields of a struct from a list.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Code::Malformed.into());
    }
    serde_json::from_slice(bytes).map_err(|_| Code::Malformed.into())
}

/// Exactly one `Content-Type`, and that is `application/json`, whatever its
/// parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let mut fields = headers.get_all(CONTENT_TYPE).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return false;
    };
    field.to_str().is_ok_and(|field| {
        let essence = field.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("application/json")
    })
}

impl std::fmt::Debug for RequestOtpBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestOtpBody([redacted])")
    }
}
