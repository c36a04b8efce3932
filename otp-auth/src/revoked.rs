//! The live blacklist in memory, which [`Claims`](crate::Claims) checks. It contains everything
//! this process revokes, and follows what other processes revoke.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::crypto::first;
use crate::id::SubjectId;
use crate::store::{BlacklistEntry, BlacklistKind, TokenRef};

/// The first 96 bits of a random id. The chance that any two of a million collide is 1 in 10^17.
type EntryKey = [u8; 12];

/// The first 64 bits of a subject id, which is a digest. The chance that one collides with any of a
/// million barred users is 1 in 10^13.
type SubjectKey = [u8; 8];

/// Ids are random, so their own bits serve as the hash.
#[derive(Default)]
struct OwnBits(u64);

impl Hasher for OwnBits {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    /// The array length, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The live part of the blacklist, at most 39 bytes per entry.
#[derive(Default)]
pub(crate) struct Revoked(RwLock<State>);

#[derive(Default)]
struct State {
    /// Sessions and tokens, each with the second at which it can be dropped.
    ids: HashMap<EntryKey, u32, BuildHasherDefault<OwnBits>>,
    /// Users, and their devices.
    users: HashMap<SubjectKey, Bar, BuildHasherDefault<OwnBits>>,
    /// Expired entries are dropped at this size.
    sweep_at: usize,
}

/// Sign-ins of a user before a certain time do not count. That time and the expiry are packed into
/// 64 bits, half of what two timestamps need.
#[derive(Clone, Copy, Default)]
struct Bar(u64);

impl Bar {
    /// 48 bits of milliseconds last until the year 10889.
    const MOMENT_BITS: u32 = 48;

    /// 16 bits of days last until the year 2149; after that, every entry counts as live.
    const DAY: Duration = Duration::from_hours(24);

    fn new(moment: Timestamp, expires_at: Timestamp) -> Self {
        let moment = u64::try_from(moment.as_millis()).unwrap_or(0).min((1 << Self::MOMENT_BITS) - 1);
        // Kept until the day has ended.
        let until = u16::try_from(Self::day(expires_at).saturating_add(1)).unwrap_or(u16::MAX);
        Self(u64::from(until) << Self::MOMENT_BITS | moment)
    }

    fn moment(self) -> Timestamp {
        let millis = self.0 & ((1 << Self::MOMENT_BITS) - 1);
        Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    fn is_live(self, now: Timestamp) -> bool {
        let until = self.0 >> Self::MOMENT_BITS;
        until == u64::from(u16::MAX) || Self::day(now) < until
    }

    /// The later of both times and of both expiries.
    fn max(self, other: Self) -> Self {
        let moment = self.moment().max(other.moment()).as_millis().cast_unsigned();
        let until = (self.0 >> Self::MOMENT_BITS).max(other.0 >> Self::MOMENT_BITS);
        Self(until << Self::MOMENT_BITS | moment)
    }

    fn day(at: Timestamp) -> u64 {
        u64::try_from(at.as_secs()).unwrap_or(0) / Self::DAY.as_secs()
    }
}

/// Below this size, dropping entries gains nothing.
const SWEEP_ABOVE_ENTRIES: usize = 4_096;

impl Revoked {
    pub(crate) fn insert(&self, entries: &[BlacklistEntry], now: Timestamp) {
        let mut state = self.write();
        for entry in entries {
            if entry.kind == BlacklistKind::User {
                let kept = state.users.entry(first(&entry.id)).or_default();
                *kept = kept.max(Bar::new(entry.blacklisted_at, entry.expires_at));
            } else {
                let kept = state.ids.entry(first(&entry.id)).or_default();
                *kept = (*kept).max(second(entry.expires_at).saturating_add(1));
            }
        }
        if state.len() >= state.sweep_at.max(SWEEP_ABOVE_ENTRIES) {
            state.sweep(now);
        }
    }

    /// Whether a token is revoked.
    pub(crate) fn has(&self, token: &TokenRef, now: Timestamp) -> bool {
        let state = self.read();
        state.has_id(token.session.as_bytes(), now)
            || state.has_id(token.token.as_bytes(), now)
            || state.bar(&token.subject, now).is_some_and(|bar| token.authenticated_at < bar.moment())
    }

    /// The time before which sign-ins of a user do not count.
    pub(crate) fn since(&self, subject: &SubjectId, now: Timestamp) -> Option<Timestamp> {
        self.read().bar(subject, now).map(Bar::moment)
    }

    pub(crate) fn forget_expired(&self, now: Timestamp) {
        self.write().sweep(now);
    }

    /// Nothing panics while holding the lock, so a poisoned lock is still usable.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn len(&self) -> usize {
        self.ids.len() + self.users.len()
    }

    fn has_id(&self, id: &[u8; 16], now: Timestamp) -> bool {
        self.ids.get(&first(id)).is_some_and(|until| second(now) < *until)
    }

    fn bar(&self, subject: &SubjectId, now: Timestamp) -> Option<Bar> {
        self.users.get(&first(subject.as_bytes())).copied().filter(|bar| bar.is_live(now))
    }

    fn sweep(&mut self, now: Timestamp) {
        let moment = second(now);
        self.ids.retain(|_, until| moment < *until);
        self.users.retain(|_, bar| bar.is_live(now));
        self.ids.shrink_to_fit();
        self.users.shrink_to_fit();
        // Amortizes a sweep over as many insertions.
        self.sweep_at = 2 * self.len();
    }
}

/// Lasts until the year 2106; after that, every entry counts as live.
fn second(at: Timestamp) -> u32 {
    u32::try_from(at.as_secs().max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SessionId, TokenId};

    /// In seconds.
    const DAY: i64 = 24 * 60 * 60;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn id(number: u32) -> [u8; 16] {
        // Spread like random bits.
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
            // A user's entry lasts until the end of the day.
            let over = if kind == BlacklistKind::User { DAY } else { 201 };
            assert!(!revoked.has(&token(1, 1, 1), at(over)), "{kind:?}");
            // The later expiry counts.
            revoked.insert(&[entry(kind, 1, 300), entry(kind, 1, 250)], at(100));
            assert!(revoked.has(&token(1, 1, 1), at(299)), "{kind:?}");
        }
    }

    #[test]
    fn ending_a_user_rejects_only_earlier_sign_ins() {
        let revoked = Revoked::default();
        revoked.insert(&[entry(BlacklistKind::User, 3, 200)], at(100));
        let signed_in = |seconds| TokenRef { authenticated_at: at(seconds), ..token(1, 2, 3) };
        assert!(revoked.has(&signed_in(99), at(100)));
        assert!(!revoked.has(&signed_in(100), at(100)));
        let subject = token(1, 2, 3).subject;
        assert_eq!(revoked.since(&subject, at(199)), Some(at(100)));
        assert_eq!(revoked.since(&subject, at(2 * DAY)), None);
    }

    /// In any order.
    #[test]
    fn the_later_moment_and_the_later_end_of_a_user_count() {
        let millis = Timestamp::from_millis;
        let early = BlacklistEntry::new(id(3), BlacklistKind::User, millis(100_001), at(5 * DAY));
        let late = BlacklistEntry::new(id(3), BlacklistKind::User, millis(200_002), at(3 * DAY));
        for entries in [[early, late], [late, early]] {
            let revoked = Revoked::default();
            revoked.insert(&entries, at(0));
            let subject = token(1, 2, 3).subject;
            for now in [0, 5 * DAY - 1, 5 * DAY] {
                assert_eq!(revoked.since(&subject, at(now)), Some(millis(200_002)), "{now}");
            }
            assert_eq!(revoked.since(&subject, at(6 * DAY)), None);
        }
        // What does not fit counts as late, and is kept.
        let revoked = Revoked::default();
        revoked.insert(&[BlacklistEntry::new(id(3), BlacklistKind::User, millis(i64::MAX), millis(i64::MAX))], at(0));
        assert!(revoked.has(&token(1, 2, 3), at(100_000 * DAY)));
    }

    #[test]
    fn expired_entries_do_not_pile_up() {
        for kind in [BlacklistKind::Session, BlacklistKind::User] {
            let revoked = Revoked::default();
            let now = |number: u32| i64::from(number) * 1_000;
            for number in 0..200_000u32 {
                revoked.insert(&[entry(kind, number, now(number) + 100)], at(now(number)));
            }
            assert!(revoked.read().len() < 2 * SWEEP_ABOVE_ENTRIES, "{kind:?}");
            revoked.forget_expired(at(now(300_000)));
            let state = revoked.read();
            assert_eq!((state.len(), state.ids.capacity(), state.users.capacity()), (0, 0, 0), "{kind:?}");
        }
    }

    /// The allocation of the table: a slot and a control byte per bucket.
    fn allocated(revoked: &Revoked, kind: BlacklistKind) -> usize {
        fn of<K, V, S>(map: &HashMap<K, V, S>) -> usize {
            let buckets = (map.capacity() * 8).div_ceil(7).next_power_of_two();
            buckets * (size_of::<(K, V)>() + 1)
        }
        let state = revoked.read();
        if kind == BlacklistKind::User { of(&state.users) } else { of(&state.ids) }
    }

    /// For any number of entries.
    #[test]
    fn a_live_entry_takes_at_most_40_bytes() {
        for kind in [BlacklistKind::Session, BlacklistKind::User] {
            let revoked = Revoked::default();
            let mut batch = Vec::new();
            for number in 0..1_000_000u32 {
                batch.push(entry(kind, number, 1_000));
                if batch.len() == 100_000 {
                    revoked.insert(&batch, at(100));
                    batch.clear();
                    let (bytes, entries) = (allocated(&revoked, kind), revoked.read().len());
                    assert!(bytes <= 40 * entries, "{bytes} bytes for {entries} entries of {kind:?}");
                }
            }
            assert_eq!(revoked.read().len(), 1_000_000);
        }
    }

    /// However many have expired.
    #[test]
    fn an_entry_takes_at_most_40_bytes_after_most_have_expired() {
        for kind in [BlacklistKind::Session, BlacklistKind::User] {
            for kept in (1_000..=100_000_u32).step_by(9_000) {
                let revoked = Revoked::default();
                let entries = (0..100_000).map(|number| entry(kind, number, if number < kept { 9 * DAY } else { 200 }));
                revoked.insert(&entries.collect::<Vec<_>>(), at(100));
                revoked.forget_expired(at(2 * DAY));
                // And while others come and go.
                for round in 1..=20_u32 {
                    let (bytes, entries) = (allocated(&revoked, kind), revoked.read().len());
                    assert!(bytes <= 40 * entries, "{bytes} bytes for {entries} entries of {kind:?}");
                    let first = 100_000 * round;
                    let more = (first..first + kept / 10).map(|number| entry(kind, number, 2 * DAY + 1));
                    revoked.insert(&more.collect::<Vec<_>>(), at(2 * DAY));
                    if round % 3 == 0 {
                        revoked.forget_expired(at(2 * DAY + 1));
                    }
                }
            }
        }
    }
}
