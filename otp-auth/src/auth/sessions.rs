//! Seeing and ending sessions (ASVS 5.0 7.4, 7.5).

use super::{Claims, OtpAuth};
use crate::config::OtpConfig;
use crate::error::AuthError;
use crate::event;
use crate::id::SessionId;
use crate::session::Session;
use crate::user::OtpUser;

type Id<C> = <<C as OtpConfig>::User as OtpUser>::Id;

impl<C: OtpConfig> OtpAuth<C> {
    /// The sessions that a user is signed in with, the latest first.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`].
    pub async fn sessions(&self, user: &Id<C>) -> Result<Vec<Session>, AuthError> {
        Ok(self.inner.store.user_sessions(&user.to_string(), self.now()).await?)
    }

    /// Ends one session of a user. `false` when it is not theirs, or was over
    /// already.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`] when it could not be ended.
    pub async fn revoke_session(&self, user: &Id<C>, session: SessionId) -> Result<bool, AuthError> {
        match self.inner.store.session(session).await? {
            Some(found) if found.user_id == user.to_string() && self.now() < found.expires_at => {
                self.end_session(session).await
            }
            _ => Ok(false),
        }
    }

    /// Ends every session of a user, and returns how many that were, with
    /// those that had expired but were not cleaned up yet.
    ///
    /// Call it when an account is taken back: after a change of address, say.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`] when they could not be ended.
    pub async fn revoke_all_sessions(&self, user: &Id<C>) -> Result<u64, AuthError> {
        let user = user.to_string();
        let now = self.now();
        let revocation = self.revocation(now);
        // For the extractor that asks no store. A session that begins in
        // between is ended by the store all the same.
        for session in self.inner.store.user_sessions(&user, now).await? {
            self.inner.ended.insert(session.id, revocation);
        }
        Ok(self.inner.store.revoke_user_sessions(&user, revocation).await?)
    }

    /// Blacklists one access token; its session goes on.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`] when it could not be stored.
    pub async fn revoke_access_token(&self, claims: &Claims<C>) -> Result<(), AuthError> {
        let revocation = self.revocation(self.now());
        self.inner.store.blacklist_token(claims.token_id(), revocation).await?;
        self.inner.ended.insert(claims.token_id(), revocation);
        event::token_revoked(claims.session_id());
        Ok(())
    }
}
