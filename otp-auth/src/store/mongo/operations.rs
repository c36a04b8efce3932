//! How operations run: to their end, and so many at once.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::user::MongoUser;
use super::{Collections, MongoStore};
use crate::store::to_the_end::to_the_end;
use crate::store::{
    Advance, ChallengeKey, ChallengeStore, CountedTry, Maintenance, OpenChallenge, Opening, Refund, Removed,
    Revocation, SendTicket, Session, SessionId, SessionStore, SignIn, SignInOutcome, StoreError, StoreResult,
    Timestamp, TokenId, TokenRef, UserStore,
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
    async fn open_challenge(&self, open: &OpenChallenge) -> StoreResult<Opening> {
        let open = open.clone();
        self.run(|on| async move { on.open_challenge(&open).await }).await
    }

    async fn refund_send(&self, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        let ticket = *ticket;
        self.run(|on| async move { on.refund_send(&ticket, refund, now).await }).await
    }

    async fn count_try(&self, key: &ChallengeKey, cap: u32) -> StoreResult<Option<CountedTry>> {
        let key = *key;
        self.run(|on| async move { on.count_try(&key, cap).await }).await
    }
}

impl SessionStore for MongoStore {
    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>> {
        self.run(|on| async move { on.session(id).await }).await
    }

    async fn advance(&self, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        self.run(|on| async move { on.advance(id, generation, now).await }).await
    }

    async fn revoke_session(&self, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        self.run(|on| async move { on.revoke_session(id, revocation).await }).await
    }

    async fn revoke_user_sessions(&self, user_id: &str, revocation: Revocation) -> StoreResult<u64> {
        let user_id = user_id.to_owned();
        self.run(|on| async move { on.revoke_user_sessions(&user_id, revocation).await }).await
    }

    async fn user_sessions(&self, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let user_id = user_id.to_owned();
        self.run(|on| async move { on.user_sessions(&user_id, now).await }).await
    }

    async fn blacklist_token(&self, id: TokenId, revocation: Revocation) -> StoreResult<()> {
        self.run(|on| async move { on.blacklist_token(id, revocation).await }).await
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

    async fn current_user(&self, id: &U::Id, token: TokenRef, now: Timestamp) -> StoreResult<Option<U>> {
        let id = id.clone();
        self.run(|on| async move { UserStore::<U>::current_user(&*on, &id, token, now).await }).await
    }

    async fn sign_in(&self, sign_in: SignIn<U>) -> StoreResult<SignInOutcome<U>> {
        self.run(|on| async move { on.sign_in(sign_in).await }).await
    }
}

impl Maintenance for MongoStore {
    async fn cleanup(&self, now: Timestamp, limit: u32) -> StoreResult<Removed> {
        self.run(|on| async move { on.cleanup(now, limit).await }).await
    }
}
