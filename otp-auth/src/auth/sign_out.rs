//! Signing out.

use super::OtpAuth;
use super::error::AuthError;
use super::hooks::notice;
use crate::config::OtpConfig;
use crate::event;
use crate::hooks::Hooks;
use crate::id::SessionId;
use crate::token::Refused;

impl<C: OtpConfig> OtpAuth<C> {
    /// Ends the sessions of the given tokens, and ignores tokens that are not valid. After `Ok`, no
    /// process accepts a token of those sessions. [`Claims`](crate::Claims) in other processes
    /// follows within two seconds.
    ///
    /// Each session ends, even if another could not be ended.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`] if a session could not be ended. That session is never reported as ended.
    pub async fn sign_out(&self, refresh_tokens: &[&str], access_token: Option<&str>) -> Result<(), AuthError> {
        let now = self.now();
        let reused = self.reused(refresh_tokens, now).await;
        let note = |refused: &Refused| event::invalid_token(refused.0, self.client_ip());
        // An old generation is enough to end a session.
        let by_refresh = refresh_tokens
            .iter()
            .filter_map(|token| self.inner.tokens.refresh_to_end(token, now).inspect_err(note).ok());
        let by_access =
            access_token.and_then(|token| self.inner.tokens.access_session(token, now).inspect_err(note).ok());
        let mut sessions: Vec<SessionId> = Vec::new();
        for session in by_refresh.chain(by_access) {
            if !sessions.contains(&session) {
                sessions.push(session);
            }
        }
        let (mut outcome, context) = (Ok(()), self.context(now));
        for session in sessions {
            let ending = self.sign_out_session(session);
            let ended = match reused.iter().find(|reused| reused.id == session) {
                Some(reused) => self.end_reused(reused, ending, &context).await,
                None => ending.await,
            };
            outcome = outcome.and(ended.map(drop));
        }
        outcome
    }

    /// Ends a session and notifies the application. Returns whether this call ended it.
    pub(super) async fn sign_out_session(&self, session: SessionId) -> Result<bool, AuthError> {
        let ended = self.end_session(session).await?;
        if ended {
            self.note_signed_out(session).await;
        }
        Ok(ended)
    }

    /// Notifies the application of a sign-out.
    pub(super) async fn note_signed_out(&self, session: SessionId) {
        event::signed_out(session, self.client_ip());
        let context = self.context(self.now());
        notice("signed_out", self.inner.config.hooks().signed_out(session, &context)).await;
    }
}
