//! What this process has ended itself: the only revocations that can be seen
//! without asking a store.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::clock::Timestamp;
use crate::id::{SessionId, TokenId};
use crate::store::Revocation;

/// A session or a single token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ended {
    Session(SessionId),
    Token(TokenId),
}

impl From<SessionId> for Ended {
    fn from(id: SessionId) -> Self {
        Self::Session(id)
    }
}

impl From<TokenId> for Ended {
    fn from(id: TokenId) -> Self {
        Self::Token(id)
    }
}

/// Entries live as long as an access token could, as in the blacklist.
#[derive(Default)]
pub(super) struct EndedSessions(RwLock<HashMap<Ended, Timestamp>>);

/// At this many entries, those that have expired are dropped before one is
/// added.
const SWEEP_ABOVE: usize = 4_096;

impl EndedSessions {
    pub(super) fn insert(&self, id: impl Into<Ended>, revocation: Revocation) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Only when the map would have to grow: the sweeps stay rare.
        if entries.len() >= SWEEP_ABOVE && entries.len() == entries.capacity() {
            entries.retain(|_, until| revocation.now < *until);
        }
        entries.insert(id.into(), revocation.blacklist_until);
    }

    pub(super) fn contains(&self, session: SessionId, token: TokenId) -> bool {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        !entries.is_empty() && (entries.contains_key(&session.into()) || entries.contains_key(&token.into()))
    }

    pub(super) fn forget_expired(&self, now: Timestamp) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|_, until| now < *until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn sessions_and_tokens_are_told_apart_and_forgotten_in_time() {
        let ended = EndedSessions::default();
        let (session, token) = (SessionId::from_bytes([1; 16]), TokenId::from_bytes([1; 16]));
        let (other_session, other_token) = (SessionId::from_bytes([2; 16]), TokenId::from_bytes([2; 16]));
        ended.insert(session, Revocation { now: at(0), blacklist_until: at(10) });
        assert!(ended.contains(session, other_token));
        assert!(!ended.contains(other_session, token));
        ended.insert(token, Revocation { now: at(0), blacklist_until: at(10) });
        assert!(ended.contains(other_session, token));
        ended.forget_expired(at(9));
        assert!(ended.contains(session, token));
        ended.forget_expired(at(10));
        assert!(!ended.contains(session, token));
    }

    #[test]
    fn expired_entries_do_not_pile_up() {
        let ended = EndedSessions::default();
        for number in 0..200_000u32 {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            let now = at(i64::from(number));
            ended
                .insert(SessionId::from_bytes(bytes), Revocation { now, blacklist_until: at(i64::from(number) + 100) });
        }
        assert!(ended.0.read().unwrap().len() < 4 * SWEEP_ABOVE);
    }
}
