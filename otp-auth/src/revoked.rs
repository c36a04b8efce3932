//! The mirror of the live blacklist, in memory: what [`Claims`](crate::Claims)
//! asks. It is told of everything that this process ends itself, and follows
//! what others end.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::clock::Timestamp;
use crate::id::SubjectId;
use crate::store::{BlacklistEntry, BlacklistKind, TokenRef};

/// The first 96 bits of a random id: that any two of a million agree in them
/// has a chance of 1 in 10^17.
type Key = [u8; 12];

/// Ids are random already, so their own bits are the hash.
#[derive(Default)]
struct OwnBits(u64);

impl Hasher for OwnBits {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    /// The length of the array, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What is live of the blacklist. An entry of a session or a token takes at
/// most 39 bytes, one of a user at most 58.
#[derive(Default)]
pub(crate) struct Revoked(RwLock<State>);

#[derive(Default)]
struct State {
    /// Sessions and tokens, each with the second at which it is forgotten.
    ids: HashMap<Key, u32, BuildHasherDefault<OwnBits>>,
    /// Users, and their devices.
    users: HashMap<Key, Bar>,
    /// At so many ids, those that have expired are dropped.
    sweep_at: usize,
}

/// Sign-ins of a user before a moment do not count.
#[derive(Clone, Copy, Default)]
struct Bar {
    /// Milliseconds, as bytes: a number would take more room.
    moment: [u8; 8],
    /// The second at which it is forgotten.
    until: u32,
}

impl Bar {
    fn moment(&self) -> Timestamp {
        Timestamp::from_millis(i64::from_be_bytes(self.moment))
    }
}

/// Below this many entries there is nothing to gain from dropping some.
const SWEEP_ABOVE: usize = 4_096;

impl Revoked {
    pub(crate) fn insert(&self, entries: &[BlacklistEntry], now: Timestamp) {
        let mut state = self.write();
        for entry in entries {
            if entry.kind == BlacklistKind::User {
                let kept = state.users.entry(key(&entry.id)).or_default();
                kept.moment = kept.moment().max(entry.blacklisted_at).as_millis().to_be_bytes();
                kept.until = kept.until.max(second(entry.expires_at).saturating_add(1));
            } else {
                let kept = state.ids.entry(key(&entry.id)).or_default();
                *kept = (*kept).max(second(entry.expires_at).saturating_add(1));
            }
        }
        if state.ids.len() >= state.sweep_at.max(SWEEP_ABOVE) {
            state.sweep(now);
        }
    }

    /// Whether a token is on the list.
    pub(crate) fn has(&self, token: &TokenRef, now: Timestamp) -> bool {
        let state = self.read();
        state.has_id(token.session.as_bytes(), now)
            || state.has_id(token.token.as_bytes(), now)
            || state.bar(&token.subject, now).is_some_and(|bar| token.authenticated_at < bar.moment())
    }

    /// Before which moment sign-ins of a user do not count.
    pub(crate) fn since(&self, subject: &SubjectId, now: Timestamp) -> Option<Timestamp> {
        self.read().bar(subject, now).map(|bar| bar.moment())
    }

    pub(crate) fn forget_expired(&self, now: Timestamp) {
        self.write().sweep(now);
    }

    /// Nothing panics under the lock, so a poisoned one is as good as any.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_id(&self, id: &[u8; 16], now: Timestamp) -> bool {
        self.ids.get(&key(id)).is_some_and(|until| second(now) < *until)
    }

    fn bar(&self, subject: &SubjectId, now: Timestamp) -> Option<Bar> {
        self.users.get(&key(subject.as_bytes())).copied().filter(|bar| second(now) < bar.until)
    }

    fn sweep(&mut self, now: Timestamp) {
        let moment = second(now);
        self.ids.retain(|_, until| moment < *until);
        self.users.retain(|_, bar| moment < bar.until);
        if self.ids.len() < self.ids.capacity() / 4 {
            self.ids.shrink_to(2 * self.ids.len());
        }
        // The work of a sweep is spread over as many insertions.
        self.sweep_at = 2 * self.ids.len();
    }
}

fn key(id: &[u8; 16]) -> Key {
    id.first_chunk().copied().unwrap_or_default()
}

/// Good until the year 2106, and then everything counts as live.
fn second(at: Timestamp) -> u32 {
    u32::try_from(at.as_secs().max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SessionId, TokenId};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn id(number: u32) -> [u8; 16] {
        // Spread as random bits are.
        let mixed = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&mixed.to_be_bytes());
        id[8..12].copy_from_slice(&number.to_be_bytes());
        id
    }

    fn entry(kind: BlacklistKind, number: u32, until: i64) -> BlacklistEntry {
        BlacklistEntry::new(id(number), kind, at(100), at(until))
    }

    fn token(session: u32, token: u32, user: u32) -> TokenRef {
        TokenRef {
            session: SessionId::from_bytes(id(session)),
            token: TokenId::from_bytes(id(token)),
            subject: SubjectId::from_bytes(id(user)),
            authenticated_at: at(99),
        }
    }

    #[test]
    fn sessions_tokens_and_users_are_found_until_their_end() {
        for kind in [BlacklistKind::Session, BlacklistKind::Token, BlacklistKind::User] {
            let revoked = Revoked::default();
            assert!(!revoked.has(&token(1, 1, 1), at(100)));
            revoked.insert(&[entry(kind, 1, 200)], at(100));
            assert!(revoked.has(&token(1, 1, 1), at(199)), "{kind:?}");
            assert!(!revoked.has(&token(2, 2, 2), at(199)), "{kind:?}");
            assert!(!revoked.has(&token(1, 1, 1), at(201)), "{kind:?}");
            // The later of two ends counts.
            revoked.insert(&[entry(kind, 1, 300), entry(kind, 1, 250)], at(100));
            assert!(revoked.has(&token(1, 1, 1), at(299)), "{kind:?}");
        }
    }

    #[test]
    fn of_a_user_only_what_was_signed_in_before_is_refused() {
        let revoked = Revoked::default();
        revoked.insert(&[entry(BlacklistKind::User, 3, 200)], at(100));
        let signed_in = |seconds| TokenRef { authenticated_at: at(seconds), ..token(1, 2, 3) };
        assert!(revoked.has(&signed_in(99), at(100)));
        assert!(!revoked.has(&signed_in(100), at(100)));
        let subject = token(1, 2, 3).subject;
        assert_eq!(revoked.since(&subject, at(199)), Some(at(100)));
        assert_eq!(revoked.since(&subject, at(201)), None);
    }

    #[test]
    fn expired_entries_do_not_pile_up() {
        let revoked = Revoked::default();
        for number in 0..200_000u32 {
            let now = i64::from(number);
            revoked.insert(&[entry(BlacklistKind::Session, number, now + 100)], at(now));
        }
        assert!(revoked.read().ids.len() < 2 * SWEEP_ABOVE);
        revoked.forget_expired(at(300_000));
        assert_eq!((revoked.read().ids.len(), revoked.read().ids.capacity()), (0, 0));
    }

    /// Whatever the number of entries: what the table has allocated, a slot and
    /// a byte of control for each of its buckets.
    #[test]
    fn a_live_entry_takes_at_most_40_bytes_and_that_of_a_user_58() {
        let revoked = Revoked::default();
        let mut batch = Vec::new();
        for number in 0..1_000_000u32 {
            batch.push(entry(BlacklistKind::Session, number, 1_000));
            if batch.len() == 100_000 {
                revoked.insert(&batch, at(100));
                batch.clear();
                let state = revoked.read();
                let buckets = (state.ids.capacity() * 8).div_ceil(7).next_power_of_two();
                let bytes = buckets * (size_of::<(Key, u32)>() + 1);
                assert!(bytes <= 40 * state.ids.len(), "{bytes} bytes for {} entries", state.ids.len());
            }
        }
        assert_eq!(revoked.read().ids.len(), 1_000_000);
        // A bucket of a user, at the lowest load of a table.
        assert!((size_of::<(Key, Bar)>() + 1) * 16 / 7 <= 58);
    }
}
