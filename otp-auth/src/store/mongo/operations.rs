//! How operations run: to their end, and so many at once.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::user::MongoUser;
use super::{Collections, MongoStore};
use crate::store::to_the_end::to_the_end;
use crate::store::{
    Advance, Binding, BlacklistEntry, ChallengeKey, ChallengeStore, CountedTry, Cursor, Finding, Identity, Maintenance,
    OpenChallenge, Opening, Realm, Recovery, Refund, Removed, Revocation, Revocations, SendTicket, Session, SessionId,
    SessionStore, SignIn, SignInOutcome, SignUps, StoreError, StoreResult, Timestamp, TokenRef, UserStore,
};

/// Operations at once. Each takes one connection at a time, so most pools are
/// smaller; and while a server hangs, no more than these are left behind by
/// callers who are gone.
const AT_ONCE: usize = 64;

/// Those that may run. A caller who goes away while it waits here leaves
/// nothing behind.
#[derive(Clone)]
pub(super) struct Operations(Arc<Semaphore>);

impl Default for Operations {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl MongoStore {
    async fn run<T, F>(&self, operation: impl FnOnce(Arc<Collections>) -> F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        let turn = Arc::clone(&self.operations.0).acquire_owned().await.map_err(StoreError::new)?;
        let operation = operation(Arc::clone(&self.collections));
        to_the_end(async move {
            let result = operation.await;
            drop(turn);
            result
        })
        .await
    }
}

impl ChallengeStore for MongoStore {
    async fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Opening> {
        let (realm, open) = (realm.clone(), open.clone());
        self.run(|on| async move { on.open_challenge(&realm, &open).await }).await
    }

    async fn refund_send(&self, realm: &Realm, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        let (realm, ticket) = (realm.clone(), *ticket);
        self.run(|on| async move { on.refund_send(&realm, &ticket, refund, now).await }).await
    }

    async fn count_try(&self, realm: &Realm, key: &ChallengeKey, cap: u32) -> StoreResult<Option<CountedTry>> {
        let (realm, key) = (realm.clone(), *key);
        self.run(|on| async move { on.count_try(&realm, &key, cap).await }).await
    }

    async fn count_exhausted(&self, realm: &Realm, identity: &Identity, now: Timestamp) -> StoreResult<u32> {
        let (realm, identity) = (realm.clone(), *identity);
        self.run(|on| async move { on.count_exhausted(&realm, &identity, now).await }).await
    }
}

impl SessionStore for MongoStore {
    async fn session(&self, realm: &Realm, id: SessionId) -> StoreResult<Option<Session>> {
        let realm = realm.clone();
        self.run(|on| async move { on.session(&realm, id).await }).await
    }

    async fn advance(&self, realm: &Realm, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let realm = realm.clone();
        self.run(|on| async move { on.advance(&realm, id, generation, now).await }).await
    }

    async fn recover(
        &self,
        realm: &Realm,
        id: SessionId,
        expected: Option<Recovery>,
        recovery: Recovery,
    ) -> StoreResult<bool> {
        let realm = realm.clone();
        self.run(|on| async move { on.recover(&realm, id, expected, recovery).await }).await
    }

    async fn bind_session(&self, realm: &Realm, id: SessionId, binding: Binding, now: Timestamp) -> StoreResult<bool> {
        let realm = realm.clone();
        self.run(|on| async move { on.bind_session(&realm, id, binding, now).await }).await
    }

    async fn revoke_session(&self, realm: &Realm, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        let realm = realm.clone();
        self.run(|on| async move { on.revoke_session(&realm, id, revocation).await }).await
    }

    async fn revoke_user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> StoreResult<Vec<SessionId>> {
        let (realm, user_id) = (realm.clone(), user_id.to_owned());
        self.run(|on| async move { on.revoke_user_sessions(&realm, &user_id, revocation).await }).await
    }

    async fn delete_user_sessions(&self, realm: &Realm, user_id: &str) -> StoreResult<u64> {
        let (realm, user_id) = (realm.clone(), user_id.to_owned());
        self.run(|on| async move { on.delete_user_sessions(&realm, &user_id).await }).await
    }

    async fn user_sessions(&self, realm: &Realm, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let (realm, user_id) = (realm.clone(), user_id.to_owned());
        self.run(|on| async move { on.user_sessions(&realm, &user_id, now).await }).await
    }

    async fn blacklist(&self, realm: &Realm, entry: &BlacklistEntry, now: Timestamp) -> StoreResult<()> {
        let (realm, entry) = (realm.clone(), *entry);
        self.run(|on| async move { on.add_to_blacklist(&realm, &[entry], now).await }).await
    }

    async fn is_blacklisted(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> StoreResult<bool> {
        let realm = realm.clone();
        self.run(|on| async move { on.is_blacklisted(&realm, token, now).await }).await
    }

    async fn revocations(&self, realm: &Realm, since: Option<Cursor>, now: Timestamp) -> StoreResult<Revocations> {
        let realm = realm.clone();
        self.run(|on| async move { on.revocations(&realm, since, now).await }).await
    }
}

impl<U: MongoUser> UserStore<U> for MongoStore {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<U>> {
        let email = email.to_owned();
        self.run(|on| async move { on.user_by_email(&email).await }).await
    }

    async fn user_by_id(&self, id: &U::Id) -> StoreResult<Option<U>> {
        let id = id.clone();
        self.run(|on| async move { UserStore::<U>::user_by_id(&*on, &id).await }).await
    }

    async fn current_user(&self, realm: &Realm, id: &U::Id, token: TokenRef, now: Timestamp) -> StoreResult<Option<U>> {
        let (realm, id) = (realm.clone(), id.clone());
        self.run(|on| async move { UserStore::<U>::current_user(&*on, &realm, &id, token, now).await }).await
    }

    async fn sign_in(&self, realm: &Realm, sign_in: SignIn<U>) -> StoreResult<SignInOutcome<U>> {
        let realm = realm.clone();
        self.run(|on| async move { on.sign_in(&realm, sign_in).await }).await
    }

    async fn check(&self, sign_ups: SignUps) -> StoreResult<Vec<Finding>> {
        self.run(|on| async move { on.check_indexes::<U>(sign_ups).await }).await
    }
}

impl Maintenance for MongoStore {
    async fn cleanup(&self, now: Timestamp, limit: u32) -> StoreResult<Removed> {
        self.run(|on| async move { on.cleanup(now, limit).await }).await
    }
}
