//! Any store behind one type, so that [`OtpAuth`](crate::OtpAuth) and the
//! extractors need not name it. It also puts a limit on how long a store may
//! take.

#![allow(
    clippy::elidable_lifetime_names,
    clippy::needless_lifetimes,
    reason = "the lifetime is named for the arguments that borrow; some methods have none"
)]

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::{
    Advance, Binding, BlacklistEntry, ChallengeKey, CountedTry, Cursor, Finding, Identity, Maintenance, OpenChallenge,
    Opening, Realm, Recovery, Refund, Removed, Revocation, Revocations, SendTicket, Session, SessionId, SignIn,
    SignInOutcome, SignUps, Store, StoreError, StoreResult, Timestamp, TokenRef,
};
use super::{ChallengeStore, SessionStore, UserStore};
use crate::event;
use crate::user::OtpUser;

/// How long one call may take. A store that hangs is answered like one that
/// fails.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may take to read the whole blacklist. Nobody waits for that.
const WHOLE_BLACKLIST: Duration = Duration::from_mins(1);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>;

/// A store of any kind for users of type `U`, as one realm sees it: nobody
/// above it can name another one.
pub(crate) struct AnyStore<U> {
    store: Box<dyn Erased<U>>,
    realm: Realm,
}

/// Writes each method three times in one: in the object-safe trait, for every
/// store, and with the realm and the time limit. `of` a realm or not.
macro_rules! erase {
    (
        of a realm: { $($name:ident($($arg:ident: $type:ty),*) -> $output:ty, $of:ident $(<$u:ident>)?;)* }
        of all: { $($all:ident($($all_arg:ident: $all_type:ty),*) -> $all_output:ty, $all_of:ident $(<$all_u:ident>)?;)* }
    ) => {
        trait Erased<U: OtpUser>: Send + Sync {
            $(fn $name<'a>(&'a self, realm: &'a Realm, $($arg: $type),*) -> Boxed<'a, $output>;)*
            $(fn $all<'a>(&'a self, $($all_arg: $all_type),*) -> Boxed<'a, $all_output>;)*
            fn revocations<'a>(&'a self, realm: &'a Realm, since: Option<Cursor>, now: Timestamp) -> Boxed<'a, Revocations>;
        }

        impl<U: OtpUser, S: Store<U>> Erased<U> for S {
            $(fn $name<'a>(&'a self, realm: &'a Realm, $($arg: $type),*) -> Boxed<'a, $output> {
                Box::pin(<S as $of $(<$u>)?>::$name(self, realm, $($arg),*))
            })*
            $(fn $all<'a>(&'a self, $($all_arg: $all_type),*) -> Boxed<'a, $all_output> {
                Box::pin(<S as $all_of $(<$all_u>)?>::$all(self, $($all_arg),*))
            })*
            fn revocations<'a>(&'a self, realm: &'a Realm, since: Option<Cursor>, now: Timestamp) -> Boxed<'a, Revocations> {
                Box::pin(SessionStore::revocations(self, realm, since, now))
            }
        }

        impl<U: OtpUser> AnyStore<U> {
            $(pub(crate) async fn $name<'a>(&'a self, $($arg: $type),*) -> StoreResult<$output> {
                limited(self.store.$name(&self.realm, $($arg),*)).await
            })*
            $(pub(crate) async fn $all<'a>(&'a self, $($all_arg: $all_type),*) -> StoreResult<$all_output> {
                limited(self.store.$all($($all_arg),*)).await
            })*
        }
    };
}

erase! {
    of a realm: {
        open_challenge(open: &'a OpenChallenge) -> Opening, ChallengeStore;
        refund_send(ticket: &'a SendTicket, refund: Refund, now: Timestamp) -> (), ChallengeStore;
        count_try(key: &'a ChallengeKey, cap: u32) -> Option<CountedTry>, ChallengeStore;
        count_exhausted(identity: &'a Identity, now: Timestamp) -> u32, ChallengeStore;
        session(id: SessionId) -> Option<Session>, SessionStore;
        advance(id: SessionId, generation: u32, now: Timestamp) -> Advance, SessionStore;
        recover(id: SessionId, expected: Option<Recovery>, recovery: Recovery) -> bool, SessionStore;
        bind_session(id: SessionId, binding: Binding, now: Timestamp) -> bool, SessionStore;
        revoke_session(id: SessionId, revocation: Revocation) -> bool, SessionStore;
        revoke_user_sessions(user_id: &'a str, revocation: Revocation) -> Vec<SessionId>, SessionStore;
        delete_user_sessions(user_id: &'a str) -> u64, SessionStore;
        user_sessions(user_id: &'a str, now: Timestamp) -> Vec<Session>, SessionStore;
        blacklist(entry: &'a BlacklistEntry, now: Timestamp) -> (), SessionStore;
        is_blacklisted(token: TokenRef, now: Timestamp) -> bool, SessionStore;
        current_user(id: &'a U::Id, token: TokenRef, now: Timestamp) -> Option<U>, UserStore<U>;
        sign_in(sign_in: SignIn<U>) -> SignInOutcome<U>, UserStore<U>;
    }
    of all: {
        user_by_email(email: &'a str) -> Option<U>, UserStore<U>;
        user_by_id(id: &'a U::Id) -> Option<U>, UserStore<U>;
        check(sign_ups: SignUps) -> Vec<Finding>, UserStore<U>;
        cleanup(now: Timestamp, limit: u32) -> Removed, Maintenance;
    }
}

impl<U: OtpUser> AnyStore<U> {
    pub(crate) fn new(store: impl Store<U>, realm: Realm) -> Self {
        Self { store: Box::new(store), realm }
    }

    /// Asked once a second in the background: its failures are not logged one
    /// by one.
    pub(crate) async fn revocations(&self, since: Option<Cursor>, now: Timestamp) -> StoreResult<Revocations> {
        let limit = if since.is_some() { TIMEOUT } else { WHOLE_BLACKLIST };
        let asking = self.store.revocations(&self.realm, since, now);
        tokio::time::timeout(limit, asking).await.unwrap_or_else(|_| Err(StoreError::timeout()))
    }
}

async fn limited<T>(call: Boxed<'_, T>) -> StoreResult<T> {
    let result = tokio::time::timeout(TIMEOUT, call).await.unwrap_or_else(|_| Err(StoreError::timeout()));
    if let Err(error) = &result {
        event::store_failed(error);
    }
    result
}
