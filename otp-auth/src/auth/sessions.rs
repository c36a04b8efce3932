//! Seeing and ending sessions (ASVS 5.0 7.4, 7.5), and users who are gone,
//! barred, or have another address.

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
    /// The sessions that a user is signed in with, the latest first. Those of
    /// somebody who had the id before, or of another address, are none of
    /// theirs.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`].
    pub async fn sessions(&self, user: &Id<C>) -> Result<Vec<Session>, AuthError> {
        let Some(found) = self.inner.store.user_by_id(user).await? else { return Ok(Vec::new()) };
        let mut sessions = self.inner.store.user_sessions(&user.to_string(), self.now()).await?;
        sessions.retain(|session| self.is_bound(&found, Bound::Whole(session.binding)));
        Ok(sessions)
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
                self.sign_out_session(session).await
            }
            _ => Ok(false),
        }
    }

    /// Ends every session of a user, and returns how many that were, with
    /// those that had expired but were not cleaned up yet. No device of theirs
    /// is known any more until it signs in again, in another process within two
    /// seconds.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`] when they could not be ended.
    pub async fn revoke_all_sessions(&self, user: &Id<C>) -> Result<u64, AuthError> {
        let ended = self.end_sessions_of(&user.to_string()).await?;
        for session in &ended {
            self.note_signed_out(*session).await;
        }
        Ok(ended.len() as u64)
    }

    /// Forgets a user whom the application has deleted: ends and deletes their
    /// sessions. Call it after the row is gone. No token of theirs is accepted
    /// any more, also by [`Claims`], in another process within two seconds,
    /// and none opens the account of somebody who is given the same id later.
    ///
    /// Returns how many sessions were deleted.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`]; it may be repeated.
    pub async fn forget_user(&self, user: &Id<C>) -> Result<u64, AuthError> {
        let id = user.to_string();
        let now = self.now();
        // What was signed in during this second has its session on the list;
        // and whoever is given the id in this second may sign in.
        let moment = Timestamp::from_millis(now.as_secs().saturating_mul(1_000));
        self.blacklist_user(&id, moment, Self::revocation(now).blacklist_until).await?;
        for session in self.end_sessions_of(&id).await? {
            event::session_ended(session, Ending::UserForgotten, self.client_ip());
        }
        let deleted = self.inner.store.delete_user_sessions(&id).await?;
        event::user_forgotten(SubjectId::of(&id), self.client_ip());
        Ok(deleted)
    }

    /// Bars a user for this long: ends their sessions, and refuses them at
    /// sign-in, at refresh and in every extractor, also in [`Claims`], in
    /// another process within two seconds. It cannot be taken back, and is
    /// only made longer by another call; a state that changes belongs into
    /// your table and into [`Hooks::admit`](crate::Hooks::admit).
    ///
    /// Returns how many sessions were ended.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`]; it may be repeated.
    pub async fn bar_user(&self, user: &Id<C>, duration: Duration) -> Result<u64, AuthError> {
        let id = user.to_string();
        let until = self.now() + duration;
        self.blacklist_user(&id, until, until).await?;
        event::user_barred(SubjectId::of(&id), self.client_ip());
        self.revoke_all_sessions(user).await
    }

    /// Keeps the present session when your application has changed the address
    /// of its user on purpose, and has proven that the new one is theirs: binds
    /// it to the new address, and ends all others. `user` is the row as it is
    /// now. Returns fresh tokens to hand out, because the access token that
    /// was used is bound to the old address.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidToken`] when the session is over, or another
    /// user's; [`AuthError::InvalidEmail`] when the row holds no address;
    /// [`AuthError::Store`], [`AuthError::Claims`], [`AuthError::Random`].
    pub async fn rebind_session(&self, claims: &Claims<C>, user: C::User) -> Result<SignedIn<C::User>, AuthError> {
        if user.id() != claims.user_id() {
            return Err(AuthError::InvalidToken);
        }
        let mailbox = self.mailbox(user.email())?;
        let binding = Binding::of(self.inner.keys.current(), mailbox.address.canonical());
        let (now, present) = (self.now(), claims.session_id());
        let held = self.inner.store.session(present).await?.ok_or(AuthError::InvalidToken)?;
        // What can fail on our side fails before anything ends.
        self.tokens_for(&user, &Session { binding, ..held }, now)?;
        for other in self.inner.store.user_sessions(&claims.user_id().to_string(), now).await? {
            if other.id != present {
                self.sign_out_session(other.id).await?;
            }
        }
        if !self.inner.store.bind_session(present, binding, now).await? {
            return Err(AuthError::InvalidToken);
        }
        event::session_rebound(present, self.client_ip());
        let session = self.inner.store.session(present).await?.ok_or(AuthError::InvalidToken)?;
        let tokens = self.tokens_for(&user, &session, now)?;
        Ok(SignedIn { user, session, tokens, device: None })
    }

    /// Blacklists one access token; its session goes on.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`] when it could not be stored.
    pub async fn revoke_access_token(&self, claims: &Claims<C>) -> Result<(), AuthError> {
        let revocation = Self::revocation(self.now());
        let id = *claims.token_id().as_bytes();
        let entry = BlacklistEntry::new(id, BlacklistKind::Token, revocation.now, revocation.blacklist_until);
        self.blacklist(entry).await?;
        event::token_revoked(claims.session_id(), self.client_ip());
        Ok(())
    }

    /// Ends the sessions and the devices of a user, and returns which sessions.
    async fn end_sessions_of(&self, user_id: &str) -> Result<Vec<SessionId>, AuthError> {
        self.end_devices_of(user_id).await?;
        let revocation = Self::revocation(self.now());
        let ended = self.inner.store.revoke_user_sessions(user_id, revocation).await?;
        self.inner.note_ended(&ended, revocation);
        Ok(ended)
    }

    async fn blacklist_user(&self, user_id: &str, moment: Timestamp, until: Timestamp) -> Result<(), AuthError> {
        let id = *SubjectId::of(user_id).as_bytes();
        self.blacklist(BlacklistEntry::new(id, BlacklistKind::User, moment, until)).await
    }

    pub(super) async fn blacklist(&self, entry: BlacklistEntry) -> Result<(), AuthError> {
        let now = self.now();
        self.inner.store.blacklist(&entry, now).await?;
        self.inner.following.revoked.insert(&[entry], now);
        Ok(())
    }
}
