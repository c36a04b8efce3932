//! Rejects requests beyond the limits per network.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::client::OnBehalf;
use super::problem::Problem;
use crate::auth::{OtpAuth, UseCase};
use crate::config::OtpConfig;

/// Counts a request before its body is read. A fault of the server is not a failed sign-in.
pub(super) async fn guard<C: OtpConfig>(
    State((auth, use_case)): State<(OtpAuth<C>, UseCase)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let OnBehalf(auth) = OnBehalf::of(&auth, request.headers(), request.extensions());
    let admitted = auth.admit(use_case).await?;
    request.extensions_mut().insert(OnBehalf(auth.clone()));
    let response = next.run(request).await;
    if !response.status().is_client_error() {
        auth.succeeded(admitted).await;
    }
    Ok(response)
}
