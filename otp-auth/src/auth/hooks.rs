//! Calling the application's hooks.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use super::OtpAuth;
use super::error::AuthError;
use crate::config::OtpConfig;
use crate::context::RequestContext;
use crate::email::Address;
use crate::event;
use crate::hooks::{Admission, Hooks, SendAnswer, SignInAnswer, Suspicion};
use crate::methods::AuthMethods;

/// How long a hook may take.
const HOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// How the application lets a code leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// While the client waits, if the response may depend on it.
    Awaited,
    /// In the background.
    Unawaited,
    /// Not at all, which the client does not learn.
    Suppressed,
}

impl<C: OtpConfig> OtpAuth<C> {
    /// Asks the application whether to send a code.
    pub(super) async fn leave(
        &self,
        address: &Address,
        context: &RequestContext,
        proof: Option<&str>,
    ) -> Result<Leave, AuthError> {
        const NAME: &str = "before_send";
        let hook = async { self.inner.config.hooks().before_send(address, context, proof).await };
        match tokio::time::timeout(HOOK_TIMEOUT, AssertUnwindSafe(hook).catch_unwind()).await {
            Ok(Ok(SendAnswer::SendAndWait)) => Ok(Leave::Awaited),
            Ok(Ok(SendAnswer::Send)) => Ok(Leave::Unawaited),
            Ok(Ok(SendAnswer::Suppress)) => Ok(Leave::Suppressed),
            Ok(Ok(SendAnswer::RequireProof)) => Err(AuthError::ProofRequired),
            Ok(Err(_)) => {
                event::hook_panicked(NAME);
                Err(AuthError::DeliveryFailed)
            }
            Err(_) => {
                event::hook_too_slow(NAME);
                Err(AuthError::DeliveryFailed)
            }
        }
    }

    /// Whether the application admits a user now.
    pub(super) fn admits(&self, user: &C::User) -> bool {
        self.inner.config.hooks().admit(user) == Admission::Admit
    }

    /// Logs a suspicion and notifies the application.
    pub(super) async fn raise(&self, suspicion: &Suspicion, context: &RequestContext) {
        event::suspicion(suspicion, context.client_ip);
        notice("suspicious", self.inner.config.hooks().suspicious(suspicion, context)).await;
    }
}

/// Notifies the application, and waits a limited time. Notifications come after the fact, so a
/// panic must not undo what has happened.
pub(super) async fn notice(name: &'static str, hook: impl Future<Output = ()> + Send) {
    match tokio::time::timeout(HOOK_TIMEOUT, AssertUnwindSafe(hook).catch_unwind()).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => event::hook_panicked(name),
        Err(_) => event::hook_too_slow(name),
    }
}

/// Asks the application. A timeout counts as a rejection. Returns how the user authenticated.
pub(super) async fn ask<A: Into<SignInAnswer>>(
    name: &'static str,
    hook: impl Future<Output = A> + Send,
) -> Result<AuthMethods, AuthError> {
    let answer = tokio::time::timeout(HOOK_TIMEOUT, hook).await;
    let answer = answer.inspect_err(|_| event::hook_too_slow(name)).map_or(SignInAnswer::Refuse, Into::into);
    match answer {
        SignInAnswer::Admit => Ok(AuthMethods::OTP),
        SignInAnswer::AdmitWith(methods) => Ok(methods),
        SignInAnswer::Refuse => Err(AuthError::SignInRefused),
    }
}
