//! A store in memory: the reference for the contracts, for tests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    Account, Advance, BlacklistKind, Budget, ChallengeKey, ChallengeStore, CodeMac, CountedTry, FreshChallenge,
    Identity, Maintenance, Nonce, OpenChallenge, Opening, Refund, Removed, Requester, Revocation, SendLimits,
    SendTicket, Session, SessionId, SessionStore, SignIn, SignInOutcome, StoreResult, Timestamp, TokenId, TokenRef,
    UserStore,
};
use crate::user::OtpUser;

/// What a [`MemoryStore`] knows of a user to be made.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct NewUser<'a> {
    /// Counts the users from 1, for an id.
    pub number: i64,
    /// The address in its canonical form.
    pub email: &'a str,
}

impl fmt::Debug for NewUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Keeps everything in memory, and loses it at the end. One lock makes every
/// method atomic.
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
    challenges: BTreeMap<ChallengeKey, Row>,
    budgets: BTreeMap<(Identity, Requester), Budget>,
    sessions: BTreeMap<SessionId, Session>,
    blacklist: BTreeMap<[u8; 16], (BlacklistKind, Timestamp)>,
}

struct Row {
    identity: Identity,
    /// What the code comes from; erased when it is accepted.
    code: Option<(Nonce, CodeMac)>,
    tries: u32,
    expires_at: Timestamp,
}

impl<U: OtpUser + Clone> MemoryStore<U> {
    /// An empty store. `make` makes a user on their first sign-in.
    #[must_use]
    pub fn new(make: impl Fn(NewUser<'_>) -> U + Send + Sync + 'static) -> Self {
        let state = State {
            users: Vec::new(),
            users_made: 0,
            challenges: BTreeMap::new(),
            budgets: BTreeMap::new(),
            sessions: BTreeMap::new(),
            blacklist: BTreeMap::new(),
        };
        Self { state: Mutex::new(state), make: Box::new(make) }
    }

    /// Adds a user, as an application would.
    pub fn insert_user(&self, user: U) {
        let mut state = self.lock();
        state.users_made += 1;
        state.users.push(user);
    }

    /// Removes the user with this id, as an application would.
    pub fn remove_user(&self, id: &U::Id) {
        self.lock().users.retain(|user| user.id() != id);
    }

    /// Every user.
    #[must_use]
    pub fn users(&self) -> Vec<U> {
        self.lock().users.clone()
    }
}

impl<U> MemoryStore<U> {
    /// Nothing panics under the lock, and no state is left half changed, so a
    /// poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, State<U>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<U> State<U> {
    fn blacklist(&mut self, id: [u8; 16], kind: BlacklistKind, until: Timestamp) {
        let entry = self.blacklist.entry(id).or_insert((kind, until));
        entry.1 = entry.1.max(until);
    }

    fn revoke(&mut self, id: SessionId, revocation: Revocation) -> bool {
        self.blacklist(*id.as_bytes(), BlacklistKind::Session, revocation.blacklist_until);
        match self.sessions.get_mut(&id) {
            Some(session) if session.revoked_at.is_none() => {
                session.revoked_at = Some(revocation.now);
                true
            }
            _ => false,
        }
    }

    fn revoke_all(&mut self, user_id: &str, revocation: Revocation) -> u64 {
        let ids: Vec<_> = self
            .sessions
            .values()
            .filter(|session| session.user_id == user_id && session.revoked_at.is_none())
            .map(|session| session.id)
            .collect();
        ids.into_iter().map(|id| u64::from(self.revoke(id, revocation))).sum()
    }
}

impl<U: OtpUser> ChallengeStore for MemoryStore<U> {
    async fn open_challenge(&self, open: &OpenChallenge) -> StoreResult<Opening> {
        let mut state = self.lock();
        let slot = (open.identity, open.requester);
        let budget = match Budget::spend(state.budgets.get(&slot).copied(), open.now, open.limits) {
            Ok(budget) => budget,
            Err(wait) => return Ok(Opening::Wait(wait)),
        };
        state.budgets.insert(slot, budget);
        let ticket =
            SendTicket { identity: open.identity, requester: open.requester, next_send_at: budget.next_send_at };
        let resumed = open.resume.and_then(|resume| {
            let row = state.challenges.get(&resume.key)?;
            let (nonce, _) = row.code?;
            let live = row.identity == open.identity && open.now < row.expires_at && row.tries < resume.max_tries;
            live.then_some(Opening::Resumed { nonce, expires_at: row.expires_at, ticket })
        });
        Ok(resumed.unwrap_or_else(|| {
            let FreshChallenge { key, nonce, code_mac, expires_at } = open.fresh;
            state
                .challenges
                .insert(key, Row { identity: open.identity, code: Some((nonce, code_mac)), tries: 0, expires_at });
            Opening::Opened(ticket)
        }))
    }

    async fn refund_send(&self, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        if let Some(budget) = self.lock().budgets.get_mut(&(ticket.identity, ticket.requester))
            && budget.next_send_at == ticket.next_send_at
        {
            *budget = budget.refund(refund, now);
        }
        Ok(())
    }

    async fn count_try(&self, key: &ChallengeKey, cap: u32) -> StoreResult<Option<CountedTry>> {
        Ok(self.lock().challenges.get_mut(key).map(|row| {
            row.tries = row.tries.saturating_add(1).min(cap);
            CountedTry {
                number: row.tries,
                identity: row.identity,
                code_mac: row.code.map(|(_, mac)| mac),
                expires_at: row.expires_at,
            }
        }))
    }
}

impl<U: OtpUser> SessionStore for MemoryStore<U> {
    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>> {
        Ok(self.lock().sessions.get(&id).cloned())
    }

    async fn advance(&self, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        Ok(match self.lock().sessions.get_mut(&id) {
            None => Advance::Unknown,
            Some(session)
                if session.generation == generation && session.revoked_at.is_none() && now < session.expires_at =>
            {
                session.generation = generation.saturating_add(1);
                session.refreshed_at = now;
                Advance::Advanced(session.clone())
            }
            Some(session) => Advance::Unchanged(session.clone()),
        })
    }

    async fn revoke_session(&self, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        Ok(self.lock().revoke(id, revocation))
    }

    async fn revoke_user_sessions(&self, user_id: &str, revocation: Revocation) -> StoreResult<u64> {
        Ok(self.lock().revoke_all(user_id, revocation))
    }

    async fn user_sessions(&self, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let state = self.lock();
        let live =
            |session: &&Session| session.user_id == user_id && session.revoked_at.is_none() && now < session.expires_at;
        let mut sessions: Vec<_> = state.sessions.values().filter(live).cloned().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(sessions)
    }

    async fn blacklist_token(&self, id: TokenId, revocation: Revocation) -> StoreResult<()> {
        self.lock().blacklist(*id.as_bytes(), BlacklistKind::Token, revocation.blacklist_until);
        Ok(())
    }
}

impl<U: OtpUser + Clone> UserStore<U> for MemoryStore<U> {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<U>> {
        Ok(self.lock().users.iter().find(|user| user.email() == email).cloned())
    }

    async fn user_by_id(&self, id: &U::Id) -> StoreResult<Option<U>> {
        Ok(self.lock().users.iter().find(|user| user.id() == id).cloned())
    }

    async fn current_user(&self, id: &U::Id, token: TokenRef, now: Timestamp) -> StoreResult<Option<U>> {
        let state = self.lock();
        let blacklisted = |id: &[u8; 16]| state.blacklist.get(id).is_some_and(|(_, until)| now < *until);
        if blacklisted(token.session.as_bytes()) || blacklisted(token.token.as_bytes()) {
            return Ok(None);
        }
        Ok(state.users.iter().find(|user| user.id() == id).cloned())
    }

    async fn sign_in(&self, sign_in: SignIn<U>) -> StoreResult<SignInOutcome<U>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let now = sign_in.revocation.now;
        let live = |row: &Row| {
            let right = row.code.is_some_and(|(_, mac)| mac == sign_in.code_mac);
            right && row.identity == sign_in.identity && now < row.expires_at
        };
        if !state.challenges.get(&sign_in.challenge).is_some_and(live) {
            return Ok(SignInOutcome::CodeSpent);
        }
        let email = match &sign_in.account {
            Account::Existing(user) => user.email(),
            Account::New(email) => email,
        };
        let found = state.users.iter().position(|user| user.email() == email);
        let (at, created) = match (&sign_in.account, found) {
            (Account::Existing(user), Some(at)) if state.users[at].id() == user.id() => (at, false),
            (Account::Existing(_), _) => return Ok(SignInOutcome::AccountChanged),
            (Account::New(_), Some(at)) => (at, false),
            (Account::New(email), None) => {
                state.users_made += 1;
                let user = (self.make)(NewUser { number: state.users_made, email });
                state.users.push(user);
                (state.users.len() - 1, true)
            }
        };
        let first_proof = created || state.users[at].verified() == Some(false);
        state.users[at].mark_verified();
        let user = state.users[at].clone();
        let user_id = user.id().to_string();
        if first_proof {
            state.revoke_all(&user_id, sign_in.revocation);
        }
        if let Some(row) = state.challenges.get_mut(&sign_in.challenge) {
            row.code = None;
        }
        if let Some(older) = sign_in.replaces {
            state.revoke(older, sign_in.revocation);
        }
        let session = sign_in.session.of_user(user_id);
        state.sessions.insert(session.id, session.clone());
        Ok(SignInOutcome::SignedIn { user, session, created })
    }
}

impl<U: OtpUser> Maintenance for MemoryStore<U> {
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
        Ok(Removed {
            challenges: remove(&mut state.challenges, limit, |row| row.expires_at <= now),
            budgets: remove(&mut state.budgets, limit, |budget| {
                budget.day_started_at + SendLimits::DAY <= now && budget.next_send_at <= now
            }),
            sessions: remove(&mut state.sessions, limit, |session| session.expires_at <= now),
            blacklisted: remove(&mut state.blacklist, limit, |(_, until)| *until <= now),
        })
    }
}

impl<U> fmt::Debug for MemoryStore<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
