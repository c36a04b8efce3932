//! Listing and ending sessions (ASVS 5.0 7.4, 7.5), and users who are deleted, barred or have a new
//! address.

use std::time::Duration;

use super::error::AuthError;
use super::{Claims, OtpAuth, SignedIn};
use crate::binding::{Binding, Bound};
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::event::{self, Ending};
use crate::id::{SessionId, SubjectId};
use crate::session::Session;
use crate::store::{BlacklistEntry, BlacklistKind};
use crate::user::OtpUser;

type Id<C> = <<C as OtpConfig>::User as OtpUser>::Id;

impl<C: OtpConfig> OtpAuth<C> {
    /// The live sessions of a user, latest first. Excludes sessions of a previous owner of the id,
    /// or of another address.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`].
    pub async fn sessions(&self, user: &Id<C>) -> Result<Vec<Session>, AuthError> {
        let Some(found) = self.inner.store().user_by_id(user).await? else { return Ok(Vec::new()) };
        let mut sessions = self.inner.store().user_sessions(&user.to_string(), self.now()).await?;
        sessions.retain(|session| self.is_bound(&found, Bound::Whole(session.binding)));
        Ok(sessions)
    }

    /// Ends one session of a user. `false` if it is not theirs or has already ended.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`] if it could not be ended.
    pub async fn revoke_session(&self, user: &Id<C>, session: SessionId) -> Result<bool, AuthError> {
        match self.inner.store().session(session).await? {
            Some(found) if found.user_id == user.to_string() && self.now() < found.expires_at => {
                self.sign_out_session(session).await
            }
            _ => Ok(false),
        }
    }

    /// Ends every session of a user, and returns how many, including expired ones that were not
    /// cleaned up yet. Also revokes the user's known devices. Other processes follow
    /// within two seconds.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`] if they could not be ended.
    pub async fn revoke_all_sessions(&self, user: &Id<C>) -> Result<u64, AuthError> {
        let ended = self.end_sessions_of(&user.to_string()).await?;
        for session in &ended {
            self.note_signed_out(*session).await;
        }
        Ok(ended.len() as u64)
    }

    /// Forgets a deleted user: ends and deletes their sessions. Call it after you have deleted the
    /// row. Their tokens are then rejected, also by [`Claims`], which learns of it in other
    /// processes within two seconds, and never open the account of someone who later gets the same id.
    ///
    /// Returns the number of deleted sessions.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`]. You can retry.
    pub async fn forget_user(&self, user: &Id<C>) -> Result<u64, AuthError> {
        let id = user.to_string();
        let now = self.now();
        // Sign-ins within this second have their session on the list, and whoever gets the id
        // within this second may sign in.
        let moment = Timestamp::from_millis(now.as_secs().saturating_mul(1_000));
        self.blacklist_user(&id, moment, Self::revocation(now).blacklist_until).await?;
        for session in self.end_sessions_of(&id).await? {
            event::session_ended(session, Ending::UserForgotten, self.client_ip());
        }
        let deleted = self.inner.store().delete_user_sessions(&id).await?;
        event::user_forgotten(SubjectId::of(&id), self.client_ip());
        Ok(deleted)
    }

    /// Bars a user for this long: ends their sessions, and rejects them at sign-in, at refresh and
    /// in every extractor, including [`Claims`]. Other processes follow within two seconds. It
    /// cannot be undone, and another call can only extend it. For a state that changes, use your
    /// table and [`Hooks::admit`](crate::Hooks::admit).
    ///
    /// Returns the number of ended sessions.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`]. You can retry.
    pub async fn bar_user(&self, user: &Id<C>, duration: Duration) -> Result<u64, AuthError> {
        let id = user.to_string();
        let until = self.now() + duration;
        self.blacklist_user(&id, until, until).await?;
        event::user_barred(SubjectId::of(&id), self.client_ip());
        self.revoke_all_sessions(user).await
    }

    /// Keeps the current session after your application has changed the user's address and proved
    /// that the user owns it. Binds the session to the new address, and ends all others. `user` is
    /// the current row. Returns new tokens to hand out, because the old access token is bound to
    /// the old address.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidToken`] if the session has ended or belongs to another user;
    /// [`AuthError::InvalidEmail`] if the row has no valid address; [`AuthError::Store`],
    /// [`AuthError::Claims`], [`AuthError::TokenTooLong`], [`AuthError::Random`].
    pub async fn rebind_session(&self, claims: &Claims<C>, user: C::User) -> Result<SignedIn<C::User>, AuthError> {
        if user.id() != claims.user_id() {
            return Err(AuthError::InvalidToken);
        }
        let mailbox = self.mailbox(user.email())?;
        let binding = Binding::of(self.inner.keys.current(), mailbox.address.canonical());
        let (now, present) = (self.now(), claims.session_id());
        let held = self.inner.store().session(present).await?;
        let is_live = |held: &Session| held.revoked_at.is_none() && now < held.expires_at;
        let held = held.filter(is_live).ok_or(AuthError::InvalidToken)?;
        // Do everything that can fail here before anything ends. Every binding has the same length.
        self.tokens_for(&user, &held, now)?;
        for other in self.inner.store().user_sessions(&claims.user_id().to_string(), now).await? {
            if other.id != present {
                self.sign_out_session(other.id).await?;
            }
        }
        if !self.inner.store().bind_session(present, binding, now).await? {
            return Err(AuthError::InvalidToken);
        }
        event::session_rebound(present, self.client_ip());
        let session = self.inner.store().session(present).await?.ok_or(AuthError::InvalidToken)?;
        let tokens = self.tokens_for(&user, &session, now)?;
        Ok(SignedIn { user, session, tokens, device: None })
    }

    /// Blacklists one access token. Its session continues.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`] if it could not be stored.
    pub async fn revoke_access_token(&self, claims: &Claims<C>) -> Result<(), AuthError> {
        let revocation = Self::revocation(self.now());
        let id = *claims.token_id().as_bytes();
        let entry = BlacklistEntry::new(id, BlacklistKind::Token, revocation.now, revocation.blacklist_until);
        self.blacklist(entry).await?;
        event::token_revoked(claims.session_id(), self.client_ip());
        Ok(())
    }

    /// Ends the sessions and devices of a user, and returns the sessions.
    async fn end_sessions_of(&self, user_id: &str) -> Result<Vec<SessionId>, AuthError> {
        self.end_devices_of(user_id).await?;
        let revocation = Self::revocation(self.now());
        let ended = self.inner.store().revoke_user_sessions(user_id, revocation).await?;
        self.note_ended(&ended, revocation);
        Ok(ended)
    }

    async fn blacklist_user(&self, user_id: &str, moment: Timestamp, until: Timestamp) -> Result<(), AuthError> {
        let id = *SubjectId::of(user_id).as_bytes();
        self.blacklist(BlacklistEntry::new(id, BlacklistKind::User, moment, until)).await
    }
}
