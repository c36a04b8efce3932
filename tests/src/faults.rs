//! A store that records its calls, and fails or hangs on demand.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

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
    /// It takes effect, and never returns.
    Unanswered,
    /// It takes effect, and its result is lost.
    Lost,
    /// For [`Operation::Advance`]: it falsely reports that the session was in another generation.
    Contradict,
    /// It breaks its contract. [`Operation::Advance`] ignores the generation,
    /// [`Operation::RevokeSession`] does nothing, [`Operation::CountAttempt`] always reports the
    /// first attempt, and [`Operation::SignIn`] accepts the code, and then fails.
    Careless,
}

/// Why a failing store fails. No client may ever see this text.
pub const CAUSE: &str = "connection to db.internal.invalid refused";

#[derive(Debug, Default)]
struct State {
    faults: HashMap<Operation, Fault>,
    calls: Vec<Operation>,
    /// From where the blacklist was read.
    reads: Vec<Option<Cursor>>,
    gate: Option<Gate>,
}

/// Operations wait here for their turn.
#[derive(Debug)]
struct Gate {
    operations: &'static [Operation],
    waiting: Option<(Operation, Waker)>,
    granted: bool,
}

/// Controls a [`Faulty`] store and records its calls. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<(Mutex<State>, Notify)>);

impl Faults {
    /// From now on, each of these operations waits for a [`grant`](Self::grant).
    pub fn gate(&self, operations: &'static [Operation]) {
        self.lock().gate = Some(Gate { operations, waiting: None, granted: false });
    }

    /// The operation that waits.
    pub fn waiting(&self) -> Option<Operation> {
        self.lock().gate.as_ref()?.waiting.as_ref().map(|(operation, _)| *operation)
    }

    /// Lets the operation that waits begin.
    pub fn grant(&self) {
        let mut state = self.lock();
        let gate = state.gate.as_mut().expect("the gate is closed");
        gate.granted = true;
        gate.waiting.take().expect("an operation waits").1.wake();
    }

    /// Waits at the gate, if there is one.
    async fn pass(&self, operation: Operation) {
        poll_fn(|context| {
            let mut state = self.lock();
            let gate = state.gate.as_mut().filter(|gate| gate.operations.contains(&operation));
            let Some(gate) = gate else { return Poll::Ready(()) };
            if std::mem::take(&mut gate.granted) {
                return Poll::Ready(());
            }
            gate.waiting = Some((operation, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Runs an operation as its fault says.
    async fn run<T>(&self, operation: Operation, call: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        self.pass(operation).await;
        self.meet(operation).await?;
        let result = call.await;
        if self.has(operation, Fault::Unanswered) {
            return std::future::pending().await;
        }
        if self.has(operation, Fault::Lost) {
            return Err(StoreError::new(CAUSE));
        }
        result
    }

    /// From now on this operation goes wrong.
    pub fn set(&self, operation: Operation, fault: Fault) {
        self.lock().faults.insert(operation, fault);
    }

    /// The same, and returns how it went so far.
    pub fn replace(&self, operation: Operation, fault: Option<Fault>) -> Option<Fault> {
        let faults = &mut self.lock().faults;
        match fault {
            Some(fault) => faults.insert(operation, fault),
            None => faults.remove(&operation),
        }
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

    /// From where the blacklist was read since the last time; `None` means all of it.
    pub fn take_reads(&self) -> Vec<Option<Cursor>> {
        std::mem::take(&mut self.lock().reads)
    }

    /// Returns when this operation is called.
    pub async fn called(&self, operation: Operation) {
        while !self.lock().calls.contains(&operation) {
            tokio::task::yield_now().await;
        }
    }

    fn has(&self, operation: Operation, fault: Fault) -> bool {
        self.lock().faults.get(&operation) == Some(&fault)
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
            None | Some(Fault::Contradict | Fault::Careless | Fault::Unanswered | Fault::Lost) => Ok(()),
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

    /// The same rows, with other faults, as another process has them.
    #[must_use]
    pub fn with(&self, faults: Faults) -> Self {
        Self { inner: Arc::clone(&self.inner), faults }
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
        self.faults.run(Operation::OpenChallenge, self.inner.open_challenge(realm, open)).await
    }

    async fn refund_send(&self, realm: &Realm, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        self.faults.run(Operation::RefundSend, self.inner.refund_send(realm, ticket, refund, now)).await
    }

    async fn count_attempt(
        &self,
        realm: &Realm,
        key: &ChallengeKey,
        requester: Requester,
        cap: u32,
    ) -> StoreResult<Option<CountedAttempt>> {
        let counting = async {
            let mut counted = self.inner.count_attempt(realm, key, requester, cap).await?;
            if self.faults.has(Operation::CountAttempt, Fault::Careless)
                && let Some(counted) = &mut counted
            {
                counted.number = 1;
            }
            Ok(counted)
        };
        self.faults.run(Operation::CountAttempt, counting).await
    }

    async fn forget_failures(&self, realm: &Realm, identity: &Identity) -> StoreResult<()> {
        self.faults.run(Operation::ForgetFailures, self.inner.forget_failures(realm, identity)).await
    }

    async fn count_exhausted(&self, realm: &Realm, identity: &Identity, now: Timestamp) -> StoreResult<u32> {
        self.faults.run(Operation::CountExhausted, self.inner.count_exhausted(realm, identity, now)).await
    }
}

impl<S: SessionStore> SessionStore for Faulty<S> {
    async fn session(&self, realm: &Realm, id: SessionId) -> StoreResult<Option<Session>> {
        self.faults.run(Operation::Session, self.inner.session(realm, id)).await
    }

    async fn advance(&self, realm: &Realm, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let advance = async {
            if self.faults.has(Operation::Advance, Fault::Contradict) {
                return Ok(self.inner.session(realm, id).await?.map_or(Advance::Unknown, Advance::Unchanged));
            }
            let mut expected = generation;
            if self.faults.has(Operation::Advance, Fault::Careless)
                && let Some(session) = self.inner.session(realm, id).await?
            {
                expected = session.generation;
            }
            self.inner.advance(realm, id, expected, now).await
        };
        self.faults.run(Operation::Advance, advance).await
    }

    async fn recover(
        &self,
        realm: &Realm,
        id: SessionId,
        expected: Option<Recovery>,
        recovery: Recovery,
    ) -> StoreResult<bool> {
        self.faults.run(Operation::Recover, self.inner.recover(realm, id, expected, recovery)).await
    }

    async fn bind_session(&self, realm: &Realm, id: SessionId, binding: Binding, now: Timestamp) -> StoreResult<bool> {
        self.faults.run(Operation::BindSession, self.inner.bind_session(realm, id, binding, now)).await
    }

    async fn revoke_session(&self, realm: &Realm, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        let revoking = async {
            if self.faults.has(Operation::RevokeSession, Fault::Careless) {
                return Ok(true);
            }
            self.inner.revoke_session(realm, id, revocation).await
        };
        self.faults.run(Operation::RevokeSession, revoking).await
    }

    async fn revoke_user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> StoreResult<Vec<SessionId>> {
        self.faults
            .run(Operation::RevokeUserSessions, self.inner.revoke_user_sessions(realm, user_id, revocation))
            .await
    }

    async fn delete_user_sessions(&self, realm: &Realm, user_id: &str) -> StoreResult<u64> {
        self.faults.run(Operation::DeleteUserSessions, self.inner.delete_user_sessions(realm, user_id)).await
    }

    async fn user_sessions(&self, realm: &Realm, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        self.faults.run(Operation::UserSessions, self.inner.user_sessions(realm, user_id, now)).await
    }

    async fn blacklist(&self, realm: &Realm, entry: &BlacklistEntry, now: Timestamp) -> StoreResult<()> {
        self.faults.run(Operation::Blacklist, self.inner.blacklist(realm, entry, now)).await
    }

    async fn is_blacklisted(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> StoreResult<bool> {
        self.faults.run(Operation::IsBlacklisted, self.inner.is_blacklisted(realm, token, now)).await
    }

    async fn revocations(&self, realm: &Realm, since: Option<Cursor>, now: Timestamp) -> StoreResult<Revocations> {
        self.faults.lock().reads.push(since);
        self.faults.run(Operation::Revocations, self.inner.revocations(realm, since, now)).await
    }
}

impl<S: UserStore<User> + SessionStore> UserStore<User> for Faulty<S> {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<User>> {
        self.faults.run(Operation::UserByEmail, self.inner.user_by_email(email)).await
    }

    async fn user_by_id(&self, id: &i64) -> StoreResult<Option<User>> {
        self.faults.run(Operation::UserById, self.inner.user_by_id(id)).await
    }

    async fn current_user(
        &self,
        realm: &Realm,
        id: &i64,
        token: TokenRef,
        now: Timestamp,
    ) -> StoreResult<Option<User>> {
        self.faults.run(Operation::CurrentUser, self.inner.current_user(realm, id, token, now)).await
    }

    async fn sign_in(&self, realm: &Realm, sign_in: SignIn<User>) -> StoreResult<SignInOutcome<User>> {
        let signing_in = async {
            let outcome = self.inner.sign_in(realm, sign_in).await?;
            if self.faults.has(Operation::SignIn, Fault::Careless)
                && let SignInOutcome::SignedIn { user, .. } = &outcome
            {
                self.inner.delete_user_sessions(realm, &user.id.to_string()).await?;
                return Err(StoreError::new(CAUSE));
            }
            Ok(outcome)
        };
        self.faults.run(Operation::SignIn, signing_in).await
    }

    async fn check(&self, sign_ups: SignUps) -> StoreResult<Vec<Finding>> {
        self.faults.run(Operation::Check, self.inner.check(sign_ups)).await
    }
}

impl<S: Maintenance> Maintenance for Faulty<S> {
    const CANCEL_SAFE: bool = S::CANCEL_SAFE;

    async fn cleanup(&self, now: Timestamp, limit: u32) -> StoreResult<Removed> {
        self.faults.run(Operation::Cleanup, self.inner.cleanup(now, limit)).await
    }
}
