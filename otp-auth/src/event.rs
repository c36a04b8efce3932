//! Log events.
//!
//! The names follow OWASP's logging vocabulary. No event contains a code, token, key or e-mail
//! address. `client` is the IP address of the request, where known.

use std::fmt;
use std::io::Write;
use std::net::IpAddr;

use tracing::field::display;

use crate::challenge::Identity;
use crate::error::StoreError;
use crate::hooks::Suspicion;
use crate::id::{SessionId, SubjectId};

pub(crate) fn code_sent(identity: &Identity, client: Option<IpAddr>) {
    tracing::info!(event = "authn_code_sent", method = "email_otp", identity = %identity.short(), client = client.map(display));
}

pub(crate) fn code_suppressed(identity: &Identity, client: Option<IpAddr>) {
    tracing::info!(event = "authn_code_suppressed", method = "email_otp", identity = %identity.short(), client = client.map(display));
}

pub(crate) fn proof_required(identity: &Identity, client: Option<IpAddr>) {
    tracing::info!(event = "authn_proof_required", method = "email_otp", identity = %identity.short(), client = client.map(display));
}

pub(crate) fn resend_too_soon(identity: &Identity, client: Option<IpAddr>) {
    tracing::info!(event = "excess_rate_limit_exceeded", method = "email_otp", identity = %identity.short(), client = client.map(display));
}

pub(crate) fn too_many_requests(route: &'static str, client: Option<IpAddr>) {
    tracing::info!(event = "excess_rate_limit_exceeded", route, client = client.map(display));
}

pub(crate) fn too_many_strangers(client: Option<IpAddr>) {
    tracing::error!(
        event = "sys_too_many_strangers",
        client = client.map(display),
        "all strangers together request more codes than `strangers_limit`; only known devices get one"
    );
}

/// `cause` must not contain addresses.
pub(crate) fn delivery_failed(identity: &Identity, cause: &str, client: Option<IpAddr>) {
    tracing::error!(event = "sys_delivery_failed", identity = %identity.short(), cause, client = client.map(display));
}

/// `cause` must not contain addresses.
pub(crate) fn address_refused(identity: &Identity, cause: &str, client: Option<IpAddr>) {
    tracing::warn!(event = "authn_address_refused", identity = %identity.short(), cause, client = client.map(display));
}

pub(crate) fn too_many_sends(client: Option<IpAddr>) {
    tracing::error!(
        event = "sys_too_many_sends",
        client = client.map(display),
        "too many codes are being sent, or the service is shutting down"
    );
}

pub(crate) fn refund_lost(client: Option<IpAddr>) {
    tracing::error!(
        event = "sys_refund_lost",
        client = client.map(display),
        "a send that may have been counted is not refunded: too many refunds are pending, or the service is shutting down"
    );
}

pub(crate) fn sends_lost(count: usize) {
    tracing::error!(event = "sys_sends_lost", count, "the service shut down before these codes were sent");
}

/// `reason` is hidden from the client.
pub(crate) fn sign_in_failed(
    identity: &Identity,
    cause: &impl fmt::Display,
    reason: Option<&'static str>,
    client: Option<IpAddr>,
) {
    tracing::warn!(event = "authn_login_fail", method = "email_otp", identity = %identity.short(), %cause, reason, client = client.map(display));
}

pub(crate) fn signed_in(identity: &Identity, session: SessionId, client: Option<IpAddr>) {
    tracing::info!(event = "authn_login_success", method = "email_otp", identity = %identity.short(), %session, client = client.map(display));
}

pub(crate) fn session_renewed(session: SessionId, client: Option<IpAddr>) {
    tracing::info!(event = "session_renewed", %session, client = client.map(display));
}

pub(crate) fn answer_lost(session: SessionId, client: Option<IpAddr>) {
    tracing::info!(event = "session_renewed_again", %session, client = client.map(display));
}

pub(crate) fn user_barred(subject: SubjectId, client: Option<IpAddr>) {
    tracing::warn!(event = "authz_user_barred", user = %subject, client = client.map(display));
}

pub(crate) fn address_unlocked(identity: &Identity, client: Option<IpAddr>) {
    tracing::info!(event = "authn_login_unlock", identity = %identity.short(), client = client.map(display));
}

pub(crate) fn user_forgotten(subject: SubjectId, client: Option<IpAddr>) {
    tracing::info!(event = "session_user_forgotten", user = %subject, client = client.map(display));
}

pub(crate) fn session_rebound(session: SessionId, client: Option<IpAddr>) {
    tracing::info!(event = "session_rebound", %session, client = client.map(display));
}

pub(crate) fn signed_out(session: SessionId, client: Option<IpAddr>) {
    tracing::info!(event = "session_logout", %session, client = client.map(display));
}

/// Why a session ended without a sign-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The same client signed in again.
    Replaced,
    /// It predates the first proof of the address.
    NotProven,
    /// A refresh token was reused, so somebody has a copy.
    TokenReused,
    /// The application rejected the user.
    Refused,
    /// The user no longer exists.
    UserForgotten,
}

impl Ending {
    fn as_str(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::NotProven => "not_proven",
            Self::TokenReused => "token_reused",
            Self::Refused => "refused",
            Self::UserForgotten => "user_forgotten",
        }
    }
}

pub(crate) fn session_ended(session: SessionId, ending: Ending, client: Option<IpAddr>) {
    tracing::info!(event = "session_ended", %session, reason = ending.as_str(), client = client.map(display));
}

pub(crate) fn token_revoked(session: SessionId, client: Option<IpAddr>) {
    tracing::info!(event = "authn_token_revoked", %session, client = client.map(display));
}

pub(crate) fn invalid_token(failure: &'static str, client: Option<IpAddr>) {
    tracing::info!(event = "authn_token_invalid", failure, client = client.map(display));
}

pub(crate) fn store_failed(cause: &StoreError) {
    tracing::error!(event = "sys_store_failed", %cause);
}

pub(crate) fn invalid_input(what: &'static str, client: Option<IpAddr>) {
    tracing::info!(event = "input_validation_fail", what, client = client.map(display));
}

pub(crate) fn cross_origin(origin: Option<&[u8]>, client: Option<IpAddr>) {
    tracing::warn!(event = "input_cross_origin", origin = origin.map(shown), client = client.map(display));
}

pub(crate) fn developer_mode_host(host: Option<&[u8]>, client: Option<IpAddr>) {
    tracing::warn!(event = "input_developer_mode_host", host = host.map(shown), client = client.map(display));
}

/// The start of a request header, escaped so that it stays on one line.
fn shown(field: &[u8]) -> String {
    const MAX_LOGGED_BYTES: usize = 128;
    field.get(..MAX_LOGGED_BYTES).unwrap_or(field).escape_ascii().to_string()
}

pub(crate) fn internal_error(cause: &impl fmt::Display) {
    tracing::error!(event = "sys_internal_error", %cause);
}

#[cfg(feature = "redis")]
pub(crate) fn limiter_away(cause: &impl fmt::Display) {
    tracing::error!(
        event = "sys_limiter_away",
        %cause,
        "the limits per network count in the memory of this process until the server is back"
    );
}

#[cfg(feature = "redis")]
pub(crate) fn limiter_back() {
    tracing::info!(event = "sys_limiter_back");
}

pub(crate) fn long_token(bytes: usize) {
    tracing::warn!(event = "sys_long_token", bytes, "proxies may reject an access token of this length");
}

pub(crate) fn hook_too_slow(hook: &'static str) {
    tracing::warn!(event = "sys_hook_too_slow", hook);
}

pub(crate) fn hook_panicked(hook: &'static str) {
    tracing::error!(event = "sys_hook_panicked", hook);
}

/// Also written to standard error: a debug build deployed by mistake rarely has its logs collected.
pub(crate) fn developer_mode(configuration: &'static str) {
    const WARNING: &str = "developer mode is on: every code is all zeros, so anyone can sign in as anyone";
    tracing::warn!(event = "sys_developer_mode", configuration, "{WARNING}");
    // Ignore a closed standard error.
    let _ = writeln!(std::io::stderr(), "otp-auth: warning: {configuration}: {WARNING}");
}

pub(crate) fn no_client_address() {
    tracing::warn!(
        event = "sys_no_client_address",
        "the IP addresses of clients are unknown, so all of them count as one: serve the application with `app.into_make_service_with_connect_info::<SocketAddr>()`"
    );
}

pub(crate) fn random_secret() {
    tracing::warn!(
        event = "sys_random_secret",
        "no secret is set: this run uses a random one, and its tokens become invalid when it ends"
    );
}

pub(crate) fn suspicion(suspicion: &Suspicion, client: Option<IpAddr>) {
    let client = client.map(display);
    match suspicion {
        Suspicion::RefreshTokenReused { session, user_id, revoked } => {
            tracing::error!(event = "authn_token_reuse", %session, user_id, revoked, client);
        }
        Suspicion::TooManyAttempts { identity, address: _ } => {
            tracing::warn!(event = "authn_login_fail_max", method = "email_otp", identity, client);
        }
        Suspicion::ChallengesExhausted { identity, address: _, count } => {
            tracing::warn!(event = "authn_login_fail_day", method = "email_otp", identity, count, client);
        }
        Suspicion::AddressLocked { identity, address: _ } => {
            tracing::error!(event = "authn_login_lock", method = "email_otp", identity, client);
        }
    }
}
