//! Ending sessions and revoking tokens, in the store and in the mirror of its blacklist.

use super::OtpAuth;
use super::error::AuthError;
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::event::{self, Ending};
use crate::id::SessionId;
use crate::store::{BlacklistEntry, Revocation};
use crate::token;

impl<C: OtpConfig> OtpAuth<C> {
    /// What revokes everything that was issued by now.
    pub(super) fn revocation(now: Timestamp) -> Revocation {
        Revocation { now, blacklist_until: now + token::ACCESS_HORIZON }
    }

    /// Ends a session without a sign-out.
    pub(super) async fn end_session_as(&self, session: SessionId, ending: Ending) -> Result<(), AuthError> {
        if self.end_session(session).await? {
            event::session_ended(session, ending, self.client_ip());
        }
        Ok(())
    }

    /// Revokes and blacklists a session. Returns whether this call revoked it.
    pub(super) async fn end_session(&self, session: SessionId) -> Result<bool, AuthError> {
        let revocation = Self::revocation(self.now());
        let revoked = self.inner.store().revoke_session(session, revocation).await?;
        self.note_ended(&[session], revocation);
        Ok(revoked)
    }

    /// Records locally which sessions have ended.
    pub(super) fn note_ended(&self, ids: &[SessionId], revocation: Revocation) {
        let entries: Vec<_> = ids.iter().map(|id| revocation.of_session(*id)).collect();
        self.inner.following.revoked.insert(&entries, revocation.now);
    }

    pub(super) async fn blacklist(&self, entry: BlacklistEntry) -> Result<(), AuthError> {
        let now = self.now();
        self.inner.store().blacklist(&entry, now).await?;
        self.inner.following.revoked.insert(&[entry], now);
        Ok(())
    }
}
