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
    Advance, ChallengeKey, CountedTry, Maintenance, OpenChallenge, Opening, Refund, Removed, Revocation, SendTicket,
    Session, SessionId, SignIn, SignInOutcome, Store, StoreError, StoreResult, Timestamp, TokenId, TokenRef,
};
use super::{ChallengeStore, SessionStore, UserStore};
use crate::event;
use crate::user::OtpUser;

/// How long one call may take. A store that hangs is answered like one that
/// fails.
const TIMEOUT: Duration = Duration::from_secs(5);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>;

/// A store of any kind for users of type `U`.
pub(crate) struct AnyStore<U>(Box<dyn Erased<U>>);

/// Writes each method three times in one: in the object-safe trait, for every
/// store, and with the time limit.
macro_rules! erase {
    ($($name:ident($($arg:ident: $type:ty),*) -> $output:ty, $of:ident $(<$u:ident>)?;)*) => {
        trait Erased<U: OtpUser>: Send + Sync {
            $(fn $name<'a>(&'a self, $($arg: $type),*) -> Boxed<'a, $output>;)*
        }

        impl<U: OtpUser, S: Store<U>> Erased<U> for S {
            $(fn $name<'a>(&'a self, $($arg: $type),*) -> Boxed<'a, $output> {
                Box::pin(<S as $of $(<$u>)?>::$name(self, $($arg),*))
            })*
        }

        impl<U: OtpUser> AnyStore<U> {
            pub(crate) fn new(store: impl Store<U>) -> Self {
                Self(Box::new(store))
            }

            $(pub(crate) async fn $name<'a>(&'a self, $($arg: $type),*) -> StoreResult<$output> {
                limited(self.0.$name($($arg),*)).await
            })*
        }
    };
}

erase! {
    open_challenge(open: &'a OpenChallenge) -> Opening, ChallengeStore;
    refund_send(ticket: &'a SendTicket, refund: Refund, now: Timestamp) -> (), ChallengeStore;
    count_try(key: &'a ChallengeKey, cap: u32) -> Option<CountedTry>, ChallengeStore;
    session(id: SessionId) -> Option<Session>, SessionStore;
    advance(id: SessionId, generation: u32, now: Timestamp) -> Advance, SessionStore;
    revoke_session(id: SessionId, revocation: Revocation) -> bool, SessionStore;
    revoke_user_sessions(user_id: &'a str, revocation: Revocation) -> u64, SessionStore;
    user_sessions(user_id: &'a str, now: Timestamp) -> Vec<Session>, SessionStore;
    blacklist_token(id: TokenId, revocation: Revocation) -> (), SessionStore;
    user_by_email(email: &'a str) -> Option<U>, UserStore<U>;
    user_by_id(id: &'a U::Id) -> Option<U>, UserStore<U>;
    current_user(id: &'a U::Id, token: TokenRef, now: Timestamp) -> Option<U>, UserStore<U>;
    sign_in(sign_in: SignIn<U>) -> SignInOutcome<U>, UserStore<U>;
    cleanup(now: Timestamp, limit: u32) -> Removed, Maintenance;
}

async fn limited<T>(call: Boxed<'_, T>) -> StoreResult<T> {
    let result = tokio::time::timeout(TIMEOUT, call).await.unwrap_or_else(|_| Err(StoreError::timeout()));
    if let Err(error) = &result {
        event::store_failed(error);
    }
    result
}
