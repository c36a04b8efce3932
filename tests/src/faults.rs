//! A store that records its calls, and fails or hangs on demand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use otp_auth::store::{
    Advance, Binding, BlacklistEntry, ChallengeKey, ChallengeStore, CountedAttempt, Cursor, Finding, Identity,
    Maintenance, OpenChallenge, Opening, Realm, Recovery, Refund, Removed, Requester, Revocation, Revocations,
    SendTicket, Session, SessionId, SessionStore, SignIn, SignInOutcome, SignUps, StoreError, StoreResult, Timestamp,
    TokenRef, UserStore,
};

use tokio::sync::Notify;

use crate::user::User;

/// A method of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `ChallengeStore::open_challenge`.
    OpenChallenge,
    /// `ChallengeStore::refund_send`.
    RefundSend,
    /// `ChallengeStore::count_attempt`.
    CountAttempt,
    /// `ChallengeStore::forget_failures`.
    ForgetFailures,
    /// `ChallengeStore::count_exhausted`.
    CountExhausted,
    /// `SessionStore::session`.
    Session,
    /// `SessionStore::advance`.
    Advance,
    /// `SessionStore::revoke_session`.
    RevokeSession,
    /// `SessionStore::revoke_user_sessions`.
    RevokeUserSessions,
    /// `SessionStore::user_sessions`.
    UserSessions,
    /// `SessionStore::recover`.
    Recover,
    /// `SessionStore::bind_session`.
    BindSession,
    /// `SessionStore::delete_user_sessions`.
    DeleteUserSessions,
    /// `SessionStore::blacklist`.
    Blacklist,
    /// `SessionStore::is_blacklisted`.
    IsBlacklisted,
    /// `SessionStore::revocations`. It runs once a second without a request, so it is not recorded
    /// as a call.
    Revocations,
    /// `UserStore::user_by_email`.
    UserByEmail,
    /// `UserStore::user_by_id`.
    UserById,
    /// `UserStore::current_user`.
    CurrentUser,
    /// `UserStore::sign_in`.
    SignIn,
    /// `UserStore::check`.
    Check,
    /// `Maintenance::cleanup`.
    Cleanup,
}

/// How an operation goes wrong. It has no effect, unless the variant says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails.
    Fail,
    /// It never returns.
    Hang,
    /// It waits until the faults are cleared, then takes effect.
    Wait,
    /// For [`Operation::OpenChallenge`] and [`Operation::SignIn`]: it takes effect, and never
    /// returns.
    Unanswered,
    /// For [`Operation::OpenChallenge`]: it takes effect, and its result is lost.
    Lost,
    /// For [`Operation::Advance`]: it falsely reports that the session was in another generation.
    Contradict,
}

/// Why a failing store fails. No client may ever see this text.
pub const CAUSE: &str = "connection to db.internal.invalid refused";

#[derive(Debug, Default)]
struct State {
    faults: HashMap<Operation, Fault>,
    calls: Vec<Operation>,
}

/// Controls a [`Faulty`] store and records its calls. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<(Mutex<State>, Notify)>);

impl Faults {
    /// From now on this operation goes wrong.
    pub fn set(&self, operation: Operation, fault: Fault) {
        self.lock().faults.insert(operation, fault);
    }

    /// From now on everything works.
    pub fn clear(&self) {
        self.lock().faults.clear();
        self.0.1.notify_waiters();
    }

    /// The calls since the last time, in order.
    pub fn take_calls(&self) -> Vec<Operation> {
        std::mem::take(&mut self.lock().calls)
    }

    /// Returns when this operation is called.
    pub async fn called(&self, operation: Operation) {
        while !self.lock().calls.contains(&operation) {
            tokio::task::yield_now().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }

    async fn meet(&self, operation: Operation) -> StoreResult<()> {
        let fault = {
            let mut state = self.lock();
            if operation != Operation::Revocations {
                state.calls.push(operation);
            }
            state.faults.get(&operation).copied()
        };
        match fault {
            None | Some(Fault::Contradict | Fault::Unanswered | Fault::Lost) => Ok(()),
            Some(Fault::Fail) => Err(StoreError::new(CAUSE)),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Wait) => {
                self.0.1.notified().await;
                Ok(())
            }
        }
    }
}

/// A store with [`Faults`]. Clones share the rows.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: Arc<S>,
    faults: Faults,
}

impl<S> Faulty<S> {
    /// Wraps a store.
    pub fn new(inner: S, faults: Faults) -> Self {
        Self { inner: Arc::new(inner), faults }
    }

    /// The store itself.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S> Clone for Faulty<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), faults: self.faults.clone() }
    }
}

impl<S: ChallengeStore> ChallengeStore for Faulty<S> {
    async fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Opening> {
        self.faults.meet(Operation::OpenChallenge).await?;
        let opening = self.inner.open_challenge(realm, open).await;
        let fault = self.faults.lock().faults.get(&Operation::OpenChallenge).copied();
        match fault {
            Some(Fault::Unanswered) => std::future::pending().await,
            Some(Fault::Lost) => Err(StoreError::new(CAUSE)),
            _ => opening,
        }
    }

    async fn refund_send(&self, realm: &Realm, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        self.faults.meet(Operation::RefundSend).await?;
        self.inner.refund_send(realm, ticket, refund, now).await
    }

    async fn count_attempt(
        &self,
        realm: &Realm,
        key: &ChallengeKey,
        requester: Requester,
        cap: u32,
    ) -> StoreResult<Option<CountedAttempt>> {
        self.faults.meet(Operation::CountAttempt).await?;
        self.inner.count_attempt(realm, key, requester, cap).await
    }

    async fn forget_failures(&self, realm: &Realm, identity: &Identity) -> StoreResult<()> {
        self.faults.meet(Operation::ForgetFailures).await?;
        self.inner.forget_failures(realm, identity).await
    }

    async fn count_exhausted(&self, realm: &Realm, identity: &Identity, now: Timestamp) -> StoreResult<u32> {
        self.faults.meet(Operation::CountExhausted).await?;
        self.inner.count_exhausted(realm, identity, now).await
    }
}

impl<S: SessionStore> SessionStore for Faulty<S> {
    async fn session(&self, realm: &Realm, id: SessionId) -> StoreResult<Option<Session>> {
        self.faults.meet(Operation::Session).await?;
        self.inner.session(realm, id).await
    }

    async fn advance(&self, realm: &Realm, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        self.faults.meet(Operation::Advance).await?;
        if self.faults.lock().faults.get(&Operation::Advance) == Some(&Fault::Contradict) {
            return Ok(self.inner.session(realm, id).await?.map_or(Advance::Unknown, Advance::Unchanged));
        }
        self.inner.advance(realm, id, generation, now).await
    }

    async fn recover(
        &self,
        realm: &Realm,
        id: SessionId,
        expected: Option<Recovery>,
        recovery: Recovery,
    ) -> StoreResult<bool> {
        self.faults.meet(Operation::Recover).await?;
        self.inner.recover(realm, id, expected, recovery).await
    }

    async fn bind_session(&self, realm: &Realm, id: SessionId, binding: Binding, now: Timestamp) -> StoreResult<bool> {
        self.faults.meet(Operation::BindSession).await?;
        self.inner.bind_session(realm, id, binding, now).await
    }

    async fn revoke_session(&self, realm: &Realm, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        self.faults.meet(Operation::RevokeSession).await?;
        self.inner.revoke_session(realm, id, revocation).await
    }

    async fn revoke_user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> StoreResult<Vec<SessionId>> {
        self.faults.meet(Operation::RevokeUserSessions).await?;
        self.inner.revoke_user_sessions(realm, user_id, revocation).await
    }

    async fn delete_user_sessions(&self, realm: &Realm, user_id: &str) -> StoreResult<u64> {
        self.faults.meet(Operation::DeleteUserSessions).await?;
        self.inner.delete_user_sessions(realm, user_id).await
    }

    async fn user_sessions(&self, realm: &Realm, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        self.faults.meet(Operation::UserSessions).await?;
        self.inner.user_sessions(realm, user_id, now).await
    }

    async fn blacklist(&self, realm: &Realm, entry: &BlacklistEntry, now: Timestamp) -> StoreResult<()> {
        self.faults.meet(Operation::Blacklist).await?;
        self.inner.blacklist(realm, entry, now).await
    }

    async fn is_blacklisted(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> StoreResult<bool> {
        self.faults.meet(Operation::IsBlacklisted).await?;
        self.inner.is_blacklisted(realm, token, now).await
    }

    async fn revocations(&self, realm: &Realm, since: Option<Cursor>, now: Timestamp) -> StoreResult<Revocations> {
        self.faults.meet(Operation::Revocations).await?;
        self.inner.revocations(realm, since, now).await
    }
}

impl<S: UserStore<User>> UserStore<User> for Faulty<S> {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<User>> {
        self.faults.meet(Operation::UserByEmail).await?;
        self.inner.user_by_email(email).await
    }

    async fn user_by_id(&self, id: &i64) -> StoreResult<Option<User>> {
        self.faults.meet(Operation::UserById).await?;
        self.inner.user_by_id(id).await
    }

    async fn current_user(
        &self,
        realm: &Realm,
        id: &i64,
        token: TokenRef,
        now: Timestamp,
    ) -> StoreResult<Option<User>> {
        self.faults.meet(Operation::CurrentUser).await?;
        self.inner.current_user(realm, id, token, now).await
    }

    async fn sign_in(&self, realm: &Realm, sign_in: SignIn<User>) -> StoreResult<SignInOutcome<User>> {
        self.faults.meet(Operation::SignIn).await?;
        let outcome = self.inner.sign_in(realm, sign_in).await;
        if self.faults.lock().faults.get(&Operation::SignIn) == Some(&Fault::Unanswered) {
            return std::future::pending().await;
        }
        outcome
    }

    async fn check(&self, sign_ups: SignUps) -> StoreResult<Vec<Finding>> {
        self.faults.meet(Operation::Check).await?;
        self.inner.check(sign_ups).await
    }
}

impl<S: Maintenance> Maintenance for Faulty<S> {
    const CANCEL_SAFE: bool = S::CANCEL_SAFE;

    async fn cleanup(&self, now: Timestamp, limit: u32) -> StoreResult<Removed> {
        self.faults.meet(Operation::Cleanup).await?;
        self.inner.cleanup(now, limit).await
    }
}
