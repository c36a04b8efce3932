//! Two stores on one database, like those of two processes: calls alternate between them.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use otp_auth::OtpUser;
use otp_auth::store::{
    Advance, Binding, BlacklistEntry, ChallengeKey, ChallengeStore, CountedAttempt, Cursor, Finding, Identity,
    Maintenance, OpenChallenge, Opening, Realm, Recovery, Refund, Removed, Requester, Revocation, Revocations,
    SendTicket, Session, SessionId, SessionStore, SignIn, SignInOutcome, SignUps, StoreResult, Timestamp, TokenRef,
    UserStore,
};
use otp_auth::testing::conformance::Backend;

/// Two stores on one database.
pub(crate) struct TwoProcesses<S> {
    stores: [S; 2],
    calls: AtomicUsize,
}

impl<S> TwoProcesses<S> {
    pub(crate) fn new(first: S, second: S) -> Self {
        Self { stores: [first, second], calls: AtomicUsize::new(0) }
    }

    /// The store of the first process, for what the application itself does.
    pub(crate) fn first(&self) -> &S {
        &self.stores[0]
    }

    fn next(&self) -> &S {
        &self.stores[self.calls.fetch_add(1, Ordering::Relaxed) % 2]
    }
}

impl<S: ChallengeStore> ChallengeStore for TwoProcesses<S> {
    async fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Opening> {
        self.next().open_challenge(realm, open).await
    }

    async fn refund_send(&self, realm: &Realm, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        self.next().refund_send(realm, ticket, refund, now).await
    }

    async fn count_attempt(
        &self,
        realm: &Realm,
        key: &ChallengeKey,
        requester: Requester,
        cap: u32,
    ) -> StoreResult<Option<CountedAttempt>> {
        self.next().count_attempt(realm, key, requester, cap).await
    }

    async fn forget_failures(&self, realm: &Realm, identity: &Identity) -> StoreResult<()> {
        self.next().forget_failures(realm, identity).await
    }

    async fn count_exhausted(&self, realm: &Realm, identity: &Identity, now: Timestamp) -> StoreResult<u32> {
        self.next().count_exhausted(realm, identity, now).await
    }
}

impl<S: SessionStore> SessionStore for TwoProcesses<S> {
    async fn session(&self, realm: &Realm, id: SessionId) -> StoreResult<Option<Session>> {
        self.next().session(realm, id).await
    }

    async fn advance(&self, realm: &Realm, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        self.next().advance(realm, id, generation, now).await
    }

    async fn recover(
        &self,
        realm: &Realm,
        id: SessionId,
        expected: Option<Recovery>,
        recovery: Recovery,
    ) -> StoreResult<bool> {
        self.next().recover(realm, id, expected, recovery).await
    }

    async fn bind_session(&self, realm: &Realm, id: SessionId, binding: Binding, now: Timestamp) -> StoreResult<bool> {
        self.next().bind_session(realm, id, binding, now).await
    }

    async fn revoke_session(&self, realm: &Realm, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        self.next().revoke_session(realm, id, revocation).await
    }

    async fn revoke_user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> StoreResult<Vec<SessionId>> {
        self.next().revoke_user_sessions(realm, user_id, revocation).await
    }

    async fn delete_user_sessions(&self, realm: &Realm, user_id: &str) -> StoreResult<u64> {
        self.next().delete_user_sessions(realm, user_id).await
    }

    async fn user_sessions(&self, realm: &Realm, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        self.next().user_sessions(realm, user_id, now).await
    }

    async fn blacklist(&self, realm: &Realm, entry: &BlacklistEntry, now: Timestamp) -> StoreResult<()> {
        self.next().blacklist(realm, entry, now).await
    }

    async fn is_blacklisted(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> StoreResult<bool> {
        self.next().is_blacklisted(realm, token, now).await
    }

    async fn revocations(&self, realm: &Realm, since: Option<Cursor>, now: Timestamp) -> StoreResult<Revocations> {
        self.next().revocations(realm, since, now).await
    }
}

impl<U: OtpUser, S: UserStore<U>> UserStore<U> for TwoProcesses<S> {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<U>> {
        self.next().user_by_email(email).await
    }

    async fn user_by_id(&self, id: &U::Id) -> StoreResult<Option<U>> {
        self.next().user_by_id(id).await
    }

    async fn current_user(&self, realm: &Realm, id: &U::Id, token: TokenRef, now: Timestamp) -> StoreResult<Option<U>> {
        self.next().current_user(realm, id, token, now).await
    }

    async fn sign_in(&self, realm: &Realm, sign_in: SignIn<U>) -> StoreResult<SignInOutcome<U>> {
        self.next().sign_in(realm, sign_in).await
    }

    async fn check(&self, sign_ups: SignUps) -> StoreResult<Vec<Finding>> {
        UserStore::<U>::check(self.next(), sign_ups).await
    }
}

impl<S: Maintenance> Maintenance for TwoProcesses<S> {
    async fn cleanup(&self, now: Timestamp, limit: u32) -> StoreResult<Removed> {
        self.next().cleanup(now, limit).await
    }
}

/// A backend whose stores can be opened a second time.
pub(crate) trait Reopen: Backend {
    /// Another store on the same database, with its own connections.
    fn reopen(&self, store: &Self::Store) -> impl Future<Output = Self::Store> + Send;
}

/// The backend, with two stores on each database that alternate.
pub(crate) struct Twice<B>(pub(crate) B);

impl<B: Reopen> Backend for Twice<B> {
    type User = B::User;
    type Store = TwoProcesses<B::Store>;

    async fn fresh(&self) -> Self::Store {
        let first = self.0.fresh().await;
        let second = self.0.reopen(&first).await;
        TwoProcesses::new(first, second)
    }

    async fn add_user(&self, store: &Self::Store, email: &str, verified: bool) -> Self::User {
        self.0.add_user(store.first(), email, verified).await
    }

    async fn unverify(&self, store: &Self::Store, user: &Self::User) {
        self.0.unverify(store.first(), user).await;
    }

    async fn remove_user(&self, store: &Self::Store, user: &Self::User) {
        self.0.remove_user(store.first(), user).await;
    }

    async fn count_users(&self, store: &Self::Store, email: &str) -> usize {
        self.0.count_users(store.first(), email).await
    }
}
