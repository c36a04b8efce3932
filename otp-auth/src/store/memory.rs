//! A store in memory for tests, and the reference implementation of the contracts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    Advance, Binding, BlacklistEntry, Budget, CLOCK_MARGIN, ChallengeKey, ChallengeStore, CodeMac, CountedAttempt,
    Cursor, Decision, FreshChallenge, Identity, Maintenance, Nonce, OpenChallenge, Opening, Proof, Realm, Recovery,
    Refund, Removed, Requester, Revocation, Revocations, SendLimits, SendTicket, Session, SessionId, SessionStore,
    SignIn, SignInOutcome, StoreResult, Timestamp, TokenRef, Total, UserStore,
};
use crate::challenge::budget::{FAILURES_KEPT, window};
use crate::user::OtpUser;

/// What a [`MemoryStore`] knows about a user to create.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct NewUser<'a> {
    /// The number of the user, counted from 1, which can be used as an id.
    pub number: i64,
    /// The address in its canonical form.
    pub email: &'a str,
}

impl fmt::Debug for NewUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Stores everything in memory, until it is dropped. One lock makes every method atomic.
///
/// ```
/// use otp_auth::{MemoryStore, OtpUser};
///
/// #[derive(Clone, OtpUser)]
/// struct User {
///     #[otp(id)]
///     id: i64,
///     #[otp(email)]
///     email: String,
///     #[otp(verified)]
///     is_verified: bool,
/// }
///
/// let store = MemoryStore::new(|new| User {
///     id: new.number,
///     email: new.email.to_owned(),
///     is_verified: true,
/// });
/// # let _ = store;
/// ```
pub struct MemoryStore<U> {
    state: Mutex<State<U>>,
    make: Box<dyn Fn(NewUser<'_>) -> U + Send + Sync>,
}

struct State<U> {
    users: Vec<U>,
    users_made: i64,
    challenges: BTreeMap<(Realm, ChallengeKey), Row>,
    /// Each with the key of the latest send, unless that was refunded.
    budgets: BTreeMap<(Realm, Identity, Requester), (Budget, Option<ChallengeKey>)>,
    totals: BTreeMap<(Realm, Identity), Strangers>,
    /// When the day began, and how many challenges were exhausted in it.
    exhausted: BTreeMap<(Realm, Identity), (Timestamp, u32)>,
    sessions: BTreeMap<(Realm, SessionId), Session>,
    /// Each entry with the number of its last change.
    blacklist: BTreeMap<(Realm, [u8; 16]), (i64, BlacklistEntry)>,
    /// The number of changes to the blacklist so far.
    blacklisted: i64,
}

/// What all strangers of an address have sent, and how often they have failed.
struct Strangers {
    total: Total,
    failures: u32,
}

struct Row {
    identity: Identity,
    /// What the code is derived from, and its MAC; erased when the code is accepted.
    code: Option<(Nonce, CodeMac)>,
    attempts: u32,
    expires_at: Timestamp,
}

impl<U: OtpUser + Clone> MemoryStore<U> {
    /// Creates an empty store. `make` creates a user on their first sign-in.
    #[must_use]
    pub fn new(make: impl Fn(NewUser<'_>) -> U + Send + Sync + 'static) -> Self {
        let state = State {
            users: Vec::new(),
            users_made: 0,
            challenges: BTreeMap::new(),
            budgets: BTreeMap::new(),
            totals: BTreeMap::new(),
            exhausted: BTreeMap::new(),
            sessions: BTreeMap::new(),
            blacklist: BTreeMap::new(),
            blacklisted: 0,
        };
        Self { state: Mutex::new(state), make: Box::new(make) }
    }

    /// Adds a user, as an application would.
    pub fn insert_user(&self, user: U) {
        let mut state = self.lock();
        state.users_made += 1;
        state.users.push(user);
    }

    /// Deletes the user with this id, as an application would.
    pub fn remove_user(&self, id: &U::Id) {
        self.lock().users.retain(|user| user.id() != id);
    }

    /// All users.
    #[must_use]
    pub fn users(&self) -> Vec<U> {
        self.lock().users.clone()
    }
}

impl<U> MemoryStore<U> {
    /// Nothing panics while holding the lock, and no change is left half done, so a poisoned lock
    /// is safe to use.
    fn lock(&self) -> MutexGuard<'_, State<U>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<U> State<U> {
    fn blacklist(&mut self, realm: &Realm, entry: &BlacklistEntry) {
        self.blacklisted += 1;
        let (changed, kept) = self.blacklist.entry((realm.clone(), entry.id)).or_insert((0, *entry));
        *changed = self.blacklisted;
        kept.blacklisted_at = kept.blacklisted_at.max(entry.blacklisted_at);
        kept.expires_at = kept.expires_at.max(entry.expires_at);
    }

    fn is_blacklisted(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> bool {
        let live = |id: &[u8; 16]| {
            let (_, entry) = self.blacklist.get(&(realm.clone(), *id))?;
            Some(*entry).filter(|entry| now < entry.expires_at)
        };
        live(token.session.as_bytes()).is_some()
            || live(token.token.as_bytes()).is_some()
            || live(token.subject.as_bytes()).is_some_and(|entry| token.authenticated_at < entry.blacklisted_at)
    }

    fn revoke(&mut self, realm: &Realm, id: SessionId, revocation: Revocation) -> bool {
        self.blacklist(realm, &revocation.of_session(id));
        match self.sessions.get_mut(&(realm.clone(), id)) {
            Some(session) if session.revoked_at.is_none() => {
                session.revoked_at = Some(revocation.now);
                true
            }
            _ => false,
        }
    }

    fn forget_failures(&mut self, realm: &Realm, identity: &Identity) {
        if let Some(all) = self.totals.get_mut(&(realm.clone(), *identity)) {
            all.failures = 0;
        }
    }

    fn of_user<'a>(&'a self, realm: &'a Realm, user_id: &'a str) -> impl Iterator<Item = &'a Session> {
        self.sessions
            .iter()
            .filter(move |((of, _), session)| of == realm && session.user_id == user_id)
            .map(|(_, session)| session)
    }

    fn revoke_all(&mut self, realm: &Realm, user_id: &str, revocation: Revocation) -> Vec<SessionId> {
        let live = self.of_user(realm, user_id).filter(|session| session.revoked_at.is_none());
        let ids: Vec<_> = live.map(|session| session.id).collect();
        for id in &ids {
            self.revoke(realm, *id, revocation);
        }
        ids
    }
}

impl<U: OtpUser> ChallengeStore for MemoryStore<U> {
    async fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Opening> {
        let mut state = self.lock();
        let slot = (realm.clone(), open.payer, open.requester);
        let total = open.total.map(|limit| (realm.clone(), limit.payer));
        let found = total.as_ref().and_then(|slot| state.totals.get(slot)).map(|all| all.total);
        let spent = match open.spend(state.budgets.get(&slot).map(|(budget, _)| *budget), found) {
            Ok(spent) => spent,
            Err(wait) => return Ok(Opening::Wait(wait)),
        };
        state.budgets.insert(slot, (spent.budget, Some(open.fresh.key)));
        if let Some((slot, total)) = total.zip(spent.total) {
            state.totals.entry(slot).or_insert(Strangers { total, failures: 0 }).total = total;
        }
        let ticket = open.ticket();
        let resumed = open.resume.and_then(|resume| {
            let row = state.challenges.get(&(realm.clone(), resume.key))?;
            let (nonce, code_mac) = row.code?;
            let live = row.identity == open.identity && open.now < row.expires_at && row.attempts < resume.max_attempts;
            live.then_some(Opening::Resumed { nonce, code_mac, expires_at: row.expires_at, ticket })
        });
        Ok(resumed.unwrap_or_else(|| {
            let FreshChallenge { key, nonce, expires_at, .. } = open.fresh;
            let code_mac = open.code_mac(spent.number());
            state.challenges.insert(
                (realm.clone(), key),
                Row { identity: open.identity, code: Some((nonce, code_mac)), attempts: 0, expires_at },
            );
            Opening::Opened { code_mac, ticket }
        }))
    }

    async fn refund_send(&self, realm: &Realm, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        let state = &mut *self.lock();
        if let Some((budget, last_send)) = state.budgets.get_mut(&(realm.clone(), ticket.payer, ticket.requester))
            && last_send.take_if(|key| *key == ticket.key).is_some()
        {
            *budget = budget.refund(refund, now);
            if let Some(all) = ticket.total.and_then(|payer| state.totals.get_mut(&(realm.clone(), payer))) {
                all.total = all.total.refund(refund, ticket.paid_at);
            }
        }
        Ok(())
    }

    async fn count_attempt(
        &self,
        realm: &Realm,
        key: &ChallengeKey,
        requester: Requester,
        cap: u32,
    ) -> StoreResult<Option<CountedAttempt>> {
        let state = &mut *self.lock();
        let Some(row) = state.challenges.get_mut(&(realm.clone(), *key)) else {
            return Ok(None);
        };
        row.attempts = row.attempts.saturating_add(1).min(cap);
        let code_mac = row.code.map(|(_, mac)| mac);
        let mut counted = CountedAttempt::new(row.attempts, row.identity, code_mac, row.expires_at);
        if requester == Requester::Stranger
            && counted.is_compared(cap)
            && let Some(all) = state.totals.get_mut(&(realm.clone(), counted.identity))
        {
            all.failures = all.failures.saturating_add(1);
            counted.failures = all.failures;
        }
        Ok(Some(counted))
    }

    async fn forget_failures(&self, realm: &Realm, identity: &Identity) -> StoreResult<()> {
        self.lock().forget_failures(realm, identity);
        Ok(())
    }

    async fn count_exhausted(&self, realm: &Realm, identity: &Identity, now: Timestamp) -> StoreResult<u32> {
        let mut state = self.lock();
        let slot = state.exhausted.entry((realm.clone(), *identity)).or_insert((now, 0));
        let (day_started_at, count) = window(slot.0, slot.1, SendLimits::DAY, now);
        *slot = (day_started_at, count.saturating_add(1));
        Ok(slot.1)
    }
}

impl<U: OtpUser> SessionStore for MemoryStore<U> {
    async fn session(&self, realm: &Realm, id: SessionId) -> StoreResult<Option<Session>> {
        Ok(self.lock().sessions.get(&(realm.clone(), id)).cloned())
    }

    async fn advance(&self, realm: &Realm, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        Ok(match self.lock().sessions.get_mut(&(realm.clone(), id)) {
            None => Advance::Unknown,
            Some(session)
                if session.generation == generation && session.revoked_at.is_none() && now < session.expires_at =>
            {
                *session = session.clone().advanced(now);
                Advance::Advanced(session.clone())
            }
            Some(session) => Advance::Unchanged(session.clone()),
        })
    }

    async fn recover(
        &self,
        realm: &Realm,
        id: SessionId,
        expected: Option<Recovery>,
        recovery: Recovery,
    ) -> StoreResult<bool> {
        Ok(match self.lock().sessions.get_mut(&(realm.clone(), id)) {
            Some(session)
                if session.generation == recovery.generation
                    && session.recovery == expected
                    && session.revoked_at.is_none() =>
            {
                session.recovery = Some(recovery);
                true
            }
            _ => false,
        })
    }

    async fn bind_session(&self, realm: &Realm, id: SessionId, binding: Binding, now: Timestamp) -> StoreResult<bool> {
        Ok(match self.lock().sessions.get_mut(&(realm.clone(), id)) {
            Some(session) if session.revoked_at.is_none() && now < session.expires_at => {
                session.binding = binding;
                true
            }
            _ => false,
        })
    }

    async fn revoke_session(&self, realm: &Realm, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        Ok(self.lock().revoke(realm, id, revocation))
    }

    async fn revoke_user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> StoreResult<Vec<SessionId>> {
        Ok(self.lock().revoke_all(realm, user_id, revocation))
    }

    async fn delete_user_sessions(&self, realm: &Realm, user_id: &str) -> StoreResult<u64> {
        let mut state = self.lock();
        let before = state.sessions.len();
        state.sessions.retain(|(of, _), session| of != realm || session.user_id != user_id);
        Ok((before - state.sessions.len()) as u64)
    }

    async fn user_sessions(&self, realm: &Realm, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let state = self.lock();
        let live = |session: &&Session| session.revoked_at.is_none() && now < session.expires_at;
        let mut sessions: Vec<_> = state.of_user(realm, user_id).filter(live).cloned().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(sessions)
    }

    async fn blacklist(&self, realm: &Realm, entry: &BlacklistEntry, _: Timestamp) -> StoreResult<()> {
        self.lock().blacklist(realm, entry);
        Ok(())
    }

    async fn is_blacklisted(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> StoreResult<bool> {
        Ok(self.lock().is_blacklisted(realm, token, now))
    }

    async fn revocations(&self, realm: &Realm, since: Option<Cursor>, now: Timestamp) -> StoreResult<Revocations> {
        let state = self.lock();
        let since = since.filter(|Cursor(seen)| *seen <= state.blacklisted);
        let entries = state.blacklist.iter().filter(|((of, _), (changed, entry))| {
            of == realm && since.map_or(now < entry.expires_at, |Cursor(seen)| *changed > seen)
        });
        let entries = entries.map(|(_, (_, entry))| *entry).collect();
        Ok(Revocations { entries, cursor: Cursor(state.blacklisted) })
    }
}

impl<U: OtpUser + Clone> UserStore<U> for MemoryStore<U> {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<U>> {
        Ok(self.lock().users.iter().find(|user| user.email() == email).cloned())
    }

    async fn user_by_id(&self, id: &U::Id) -> StoreResult<Option<U>> {
        Ok(self.lock().users.iter().find(|user| user.id() == id).cloned())
    }

    async fn current_user(&self, realm: &Realm, id: &U::Id, token: TokenRef, now: Timestamp) -> StoreResult<Option<U>> {
        let state = self.lock();
        if state.is_blacklisted(realm, token, now) {
            return Ok(None);
        }
        Ok(state.users.iter().find(|user| user.id() == id).cloned())
    }

    async fn sign_in(&self, realm: &Realm, sign_in: SignIn<U>) -> StoreResult<SignInOutcome<U>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let now = sign_in.revocation.now;
        let live = |row: &Row| {
            let right = row.code.is_some_and(|(_, mac)| mac == sign_in.code_mac);
            right && row.identity == sign_in.identity && now < row.expires_at
        };
        let challenge = (realm.clone(), sign_in.challenge);
        if !state.challenges.get(&challenge).is_some_and(live) {
            return Ok(SignInOutcome::CodeSpent);
        }
        let email = sign_in.account.email();
        let found = state.users.iter().position(|user| user.email() == email);
        let (at, created) = match (sign_in.account.decide(found.map(|at| state.users[at].clone())), found) {
            (Decision::SignIn(_), Some(at)) => (at, false),
            (Decision::Create, _) => {
                state.users_made += 1;
                let user = (self.make)(NewUser { number: state.users_made, email });
                state.users.push(user);
                (state.users.len() - 1, true)
            }
            _ => return Ok(SignInOutcome::AccountChanged),
        };
        let proof = Proof::of(&state.users[at], created);
        state.users[at].mark_verified(now);
        let user = state.users[at].clone();
        let user_id = user.id().to_string();
        let mut ended =
            if proof.ends_sessions { state.revoke_all(realm, &user_id, sign_in.revocation) } else { Vec::new() };
        if let Some(row) = state.challenges.get_mut(&challenge) {
            row.code = None;
        }
        state.forget_failures(realm, &sign_in.identity);
        if let Some(older) = sign_in.replaces
            && state.revoke(realm, older, sign_in.revocation)
        {
            ended.push(older);
        }
        let session = sign_in.session.of_user(user_id);
        state.sessions.insert((realm.clone(), session.id), session.clone());
        Ok(SignInOutcome::SignedIn { user, session, created, ended })
    }
}

impl<U: OtpUser> Maintenance for MemoryStore<U> {
    const CANCEL_SAFE: bool = true;

    async fn cleanup(&self, now: Timestamp, limit: u32) -> StoreResult<Removed> {
        fn remove<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, limit: u32, over: impl Fn(&V) -> bool) -> u64 {
            let keys: Vec<K> =
                map.iter().filter(|(_, value)| over(value)).take(limit as usize).map(|(key, _)| key.clone()).collect();
            for key in &keys {
                map.remove(key);
            }
            keys.len() as u64
        }
        let mut state = self.lock();
        let budgets = remove(&mut state.budgets, limit, |(budget, _)| budget.is_over(now));
        let rest = limit.saturating_sub(u32::try_from(budgets).unwrap_or(limit));
        let is_over = |began_at: Timestamp| Budget::new(began_at).is_over(now);
        let exhausted = remove(&mut state.exhausted, rest, |(began_at, _)| is_over(*began_at));
        let rest = rest.saturating_sub(u32::try_from(exhausted).unwrap_or(rest));
        let totals = remove(&mut state.totals, rest, |all| {
            let began_at = all.total.started_at;
            if all.failures == 0 { is_over(began_at) } else { began_at <= now - FAILURES_KEPT }
        });
        Ok(Removed {
            challenges: remove(&mut state.challenges, limit, |row| row.expires_at <= now),
            budgets: budgets + exhausted + totals,
            sessions: remove(&mut state.sessions, limit, |session| session.expires_at + CLOCK_MARGIN <= now),
            blacklisted: remove(&mut state.blacklist, limit, |(_, entry)| entry.expires_at + CLOCK_MARGIN <= now),
        })
    }
}

impl<U> fmt::Debug for MemoryStore<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::BlacklistKind;
    use crate::testing_config::PlainUser;

    #[tokio::test]
    async fn a_follower_gets_each_entry_once() {
        let store = MemoryStore::new(|new| PlainUser { id: new.number, email: new.email.to_owned() });
        let (realm, now) = (Realm::new("users").unwrap(), Timestamp::from_millis(0));
        let mut cursor = None;
        for number in 1..4 {
            let entry = BlacklistEntry::new([number; 16], BlacklistKind::Token, now, now + CLOCK_MARGIN);
            store.blacklist(&realm, &entry, now).await.unwrap();
            let news = store.revocations(&realm, cursor, now).await.unwrap();
            assert_eq!(news.entries, [entry]);
            cursor = Some(news.cursor);
        }
        assert_eq!(store.revocations(&realm, cursor, now).await.unwrap().entries, []);
        assert_eq!(format!("{store:?}"), "MemoryStore { .. }");
    }
}
