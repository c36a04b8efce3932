//! Bodies: read with limits of size and time, JSON only, into typed requests.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::problem::{Problem, ProblemKind};
use crate::auth::OtpAuth;
use crate::config::OtpConfig;
use crate::delivery::Delivery;
use crate::event;

/// No legitimate request comes near it.
pub(super) const MAX_BODY_BYTES: usize = 16 * 1024;

/// How much of an irrelevant body is read from the connection.
const MAX_DRAINED_BYTES: usize = 2 * 1024 * 1024;

/// How long to wait for such a body.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// How long to wait for any other body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A request that needs a body, of which only the head has been read. Any page can make a browser
/// send a form or a text, so they are rejected before they count or are read (CSRF-05).
pub(super) fn needed(request: Request, auth: &OtpAuth<impl OtpConfig>) -> Result<(HeaderMap, Body), Problem> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        Err(unreadable(ProblemKind::UnsupportedMediaType, auth))
    } else if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        Err(unreadable(ProblemKind::BodyTooLarge, auth))
    } else {
        Ok((parts.headers, body))
    }
}

/// A required body.
pub(super) async fn required<T: DeserializeOwned>(body: Body, auth: &OtpAuth<impl OtpConfig>) -> Result<T, Problem> {
    read(body, auth).await.and_then(|bytes| parse(&bytes)).map_err(|kind| unreadable(kind, auth))
}

/// An optional body.
pub(super) async fn optional<D: Delivery>(
    headers: &HeaderMap,
    body: Body,
    auth: &OtpAuth<impl OtpConfig>,
) -> Result<Option<D::RefreshBody>, Problem> {
    if !D::REFRESH_IN_BODY {
        let _ = drain(body, DRAIN_TIMEOUT, auth).await;
        return Ok(None);
    }
    read(body, auth).await.and_then(|bytes| filled(headers, &bytes)).map_err(|kind| unreadable(kind, auth))
}

/// Any body: what cannot be read counts as absent.
pub(super) async fn any<D: Delivery>(
    headers: &HeaderMap,
    body: Body,
    auth: &OtpAuth<impl OtpConfig>,
) -> Option<D::RefreshBody> {
    let bytes = drain(body, if D::REFRESH_IN_BODY { BODY_TIMEOUT } else { DRAIN_TIMEOUT }, auth).await;
    if !D::REFRESH_IN_BODY {
        return None;
    }
    bytes.and_then(|bytes| filled(headers, &bytes)).unwrap_or_else(|kind| {
        unreadable(kind, auth);
        None
    })
}

/// Parses a body that may be empty.
fn filled<T: DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<Option<T>, ProblemKind> {
    if bytes.is_empty() {
        return Ok(None);
    }
    if !is_json(headers) {
        return Err(ProblemKind::UnsupportedMediaType);
    }
    parse(bytes).map(Some)
}

/// Logs a body that could not be read.
fn unreadable(kind: ProblemKind, auth: &OtpAuth<impl OtpConfig>) -> Problem {
    event::invalid_input(kind.code(), auth.client_ip());
    kind.into()
}

/// Reads a body that matters.
async fn read(body: Body, auth: &OtpAuth<impl OtpConfig>) -> Result<Vec<u8>, ProblemKind> {
    arrival(take(body, MAX_BODY_BYTES), BODY_TIMEOUT, auth).await
}

/// Reads a body from the connection, and keeps as much as a legitimate request would have. If the
/// server closed the connection while the client is still writing, the client might never see the
/// response. A body that does not arrive must not block the request.
async fn drain(body: Body, limit: Duration, auth: &OtpAuth<impl OtpConfig>) -> Result<Vec<u8>, ProblemKind> {
    arrival(take(body, MAX_DRAINED_BYTES), limit, auth).await
}

async fn arrival(
    body: impl Future<Output = Result<Vec<u8>, ProblemKind>>,
    limit: Duration,
    auth: &OtpAuth<impl OtpConfig>,
) -> Result<Vec<u8>, ProblemKind> {
    let body = auth.arrival(tokio::time::timeout(limit, body)).await.ok_or(ProblemKind::Overloaded)?;
    body.unwrap_or(Err(ProblemKind::RequestTimeout))
}

/// Takes at most this much from the connection. Copies it: a frame may be one byte of a large buffer.
async fn take(mut body: Body, most: usize) -> Result<Vec<u8>, ProblemKind> {
    let (mut kept, mut taken) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        // An error is a client that disconnected.
        let Ok(data) = frame.map_err(|_| ProblemKind::Malformed)?.into_data() else { continue };
        taken += data.len();
        if taken > most {
            return Err(ProblemKind::BodyTooLarge);
        }
        if taken <= MAX_BODY_BYTES {
            kept.extend_from_slice(&data);
        }
    }
    if taken <= MAX_BODY_BYTES { Ok(kept) } else { Err(ProblemKind::BodyTooLarge) }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProblemKind> {
    // Serde would also accept a list for a struct.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(ProblemKind::Malformed);
    }
    serde_json::from_slice(bytes).map_err(|_| ProblemKind::Malformed)
}

/// Exactly one `Content-Type`, which is `application/json` with any parameters.
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
