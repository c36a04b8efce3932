//! The only way from [`OtpAuth`](crate::OtpAuth) to a store: one type for any store, so that
//! extractors need not name it. For every store alike, this module limits how many calls run at the
//! same time and how long they take, logs failures, and decides what happens to a call whose caller
//! is gone.

#![allow(
    clippy::elidable_lifetime_names,
    clippy::needless_lifetimes,
    reason = "the lifetime is named for the arguments that borrow; some methods have none"
)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{timeout, timeout_at};
use tracing::Instrument;

use super::turns::{Turn, Turns};
use super::{
    ANSWER_TIMEOUT, Advance, Binding, BlacklistEntry, ChallengeKey, ChallengeStore, CountedAttempt, Cursor, Finding,
    Identity, Maintenance, OpenChallenge, Opening, Realm, Recovery, Refund, Removed, Requester, Revocation,
    Revocations, SendTicket, Session, SessionId, SessionStore, SignIn, SignInOutcome, SignUps, Store, StoreError,
    StoreResult, Timestamp, TokenRef, UserStore,
};
use crate::event;
use crate::user::OtpUser;

/// How long reading the whole blacklist may take. No request waits for that.
const WHOLE_BLACKLIST_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a detached call may take. A server that has not answered by then is gone, with its
/// host, and a call would wait forever. Longer than `MySQL` lets a statement wait for a lock.
const DETACHED_TIMEOUT: Duration = Duration::from_mins(1);

/// How many calls may run at the same time. Each uses one connection at a time, so most pools are
/// smaller. While a server hangs, callers that are gone leave at most this many detached calls
/// behind.
const MAX_RUNNING: usize = 64;

/// How many calls may wait for a turn. Most read, so even a slow database answers this many before
/// they have waited too long.
const MAX_WAITING: usize = 2_048;

/// How many requests for a code may be in the store at the same time, and how many attempts. Anybody
/// can cause these, so they neither take turns from calls that need a token or the correct code,
/// nor put many writes ahead of theirs.
const MAX_RUNNING_OF_ANYBODY: usize = 16;

/// How many more may be there for known devices, so that strangers do not keep them waiting.
const MAX_RUNNING_OF_KNOWN_DEVICES: usize = 4;

/// How many of each may wait. They write: a disk that completes 200 writes a second needs less than
/// the three seconds that a call waits.
const MAX_WAITING_OF_ANYBODY: usize = 512;

/// A store whose calls run to completion, each in its own task, even if the caller is gone.
/// [`OtpAuth`](crate::OtpAuth) wraps every store in it that is not
/// [`CANCEL_SAFE`](Maintenance::CANCEL_SAFE). If you call such a store directly, do the same.
///
/// At most 64 calls run at the same time, each for at most a minute, and 2,048 wait. A call that
/// gets no turn within three seconds fails without having done anything. A caller who goes away while waiting
/// for a turn leaves nothing behind. [`revocations`](SessionStore::revocations) needs no turn,
/// because `Claims` depends on it.
pub struct Detached<S> {
    store: Arc<S>,
    turns: Turns,
}

impl<S> Detached<S> {
    /// Wraps a store.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store: Arc::new(store), turns: Turns::new(MAX_RUNNING, MAX_WAITING) }
    }

    async fn run<T, F>(&self, call: impl FnOnce(Arc<S>) -> F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        self.run_apart(self.turns.take().await?, call).await
    }

    /// Runs the call in its own task, and holds `turn` until the call has ended.
    async fn run_apart<T, F>(&self, turn: impl Send + 'static, call: impl FnOnce(Arc<S>) -> F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        // The driver's logs of slow statements belong to the request.
        let call = timeout(DETACHED_TIMEOUT, call(Arc::clone(&self.store)).in_current_span());
        let task = tokio::spawn(async move {
            let result = call.await;
            drop(turn);
            result
        });
        match task.await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(StoreError::timeout()),
            Err(_) => Err(StoreError::new("the call panicked or was cancelled")),
        }
    }
}

impl<S> fmt::Debug for Detached<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detached").finish_non_exhaustive()
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>;

/// Any store for users of type `U`, limited to one realm: callers cannot name another.
pub(crate) struct AnyStore<U> {
    store: Box<dyn Erased<U>>,
    realm: Realm,
    requests: Turns,
    requests_of_known_devices: Turns,
    attempts: Turns,
    others: Turns,
}

/// Writes each method five times: in the object-safe trait, for every store, for [`Detached`], for
/// a store in an [`Arc`], and, except those marked `apart`, with the realm, a turn and the time
/// limit. The caller of one with `in turn` has taken the turn.
macro_rules! methods {
    ($(
        $of:path [$($generics:tt)*], turns of $turns:ident {
            $($name:ident($(@$realm:ident,)? $(&$ref:ident: $ref_type:ty,)* $($arg:ident: $type:ty),*) $(in $turn:ident)? -> $output:ty;)*
            $(@apart {
                $apart:ident(
                    @$apart_realm:ident, $($apart_arg:ident: $apart_type:ty),*
                ) -> $apart_output:ty;
            })?
            $(@detached { $($detached:item)* })?
            $(@shared { $($shared:item)* })?
        }
    )*) => {
        trait Erased<U: OtpUser>: Send + Sync {
            $(
                $(fn $name<'a>(
                    &'a self, $($realm: &'a Realm,)? $($ref: &'a $ref_type,)* $($arg: $type),*
                ) -> Boxed<'a, $output>;)*
                $(fn $apart<'a>(
                    &'a self, $apart_realm: &'a Realm, $($apart_arg: $apart_type),*
                ) -> Boxed<'a, $apart_output>;)?
            )*
        }

        impl<U: OtpUser, S: Store<U>> Erased<U> for S {
            $(
                $(fn $name<'a>(
                    &'a self, $($realm: &'a Realm,)? $($ref: &'a $ref_type,)* $($arg: $type),*
                ) -> Boxed<'a, $output> {
                    Box::pin(<S as $of>::$name(self, $($realm,)? $($ref,)* $($arg),*))
                })*
                $(fn $apart<'a>(
                    &'a self, $apart_realm: &'a Realm, $($apart_arg: $apart_type),*
                ) -> Boxed<'a, $apart_output> {
                    Box::pin(<S as $of>::$apart(self, $apart_realm, $($apart_arg),*))
                })?
            )*
        }

        $(impl<$($generics)*> $of for Detached<S> {
            $($($detached)*)?
            $(async fn $name(
                &self, $($realm: &Realm,)? $($ref: &$ref_type,)* $($arg: $type),*
            ) -> StoreResult<$output> {
                $(let $realm = $realm.clone();)?
                $(let $ref = $ref.to_owned();)*
                self.run(|store| async move {
                    <S as $of>::$name(&store, $(&$realm,)? $(&$ref,)* $($arg),*).await
                }).await
            })*
            $(async fn $apart(
                &self, $apart_realm: &Realm, $($apart_arg: $apart_type),*
            ) -> StoreResult<$apart_output> {
                let $apart_realm = $apart_realm.clone();
                self.run_apart((), |store| async move {
                    <S as $of>::$apart(&store, &$apart_realm, $($apart_arg),*).await
                }).await
            })?
        })*

        $(impl<$($generics)*> $of for Arc<S> {
            $($($shared)*)?
            $(async fn $name(
                &self, $($realm: &Realm,)? $($ref: &$ref_type,)* $($arg: $type),*
            ) -> StoreResult<$output> {
                <S as $of>::$name(self, $($realm,)? $($ref,)* $($arg),*).await
            })*
            $(async fn $apart(
                &self, $apart_realm: &Realm, $($apart_arg: $apart_type),*
            ) -> StoreResult<$apart_output> {
                <S as $of>::$apart(self, $apart_realm, $($apart_arg),*).await
            })?
        })*

        impl<U: OtpUser> AnyStore<U> {
            $($(pub(crate) async fn $name(
                &self, $($turn: Turn,)? $($ref: &$ref_type,)* $($arg: $type),*
            ) -> StoreResult<$output> {
                let turn = methods!(turn $($turn)? or logged(self.$turns.take().await)?);
                in_time(turn, self.store.$name($(&self.$realm,)? $($ref,)* $($arg),*)).await
            })*)*
        }
    };
    (turn or $take:expr) => { $take };
    (turn $turn:ident or $take:expr) => { $turn };
}

methods! {
    ChallengeStore [S: ChallengeStore], turns of attempts {
        open_challenge(@realm, &open: OpenChallenge,) in turn -> Opening;
        refund_send(@realm, &ticket: SendTicket, refund: Refund, now: Timestamp) in turn -> ();
        count_attempt(@realm, &key: ChallengeKey, requester: Requester, cap: u32) -> Option<CountedAttempt>;
        forget_failures(@realm, &identity: Identity,) -> ();
        count_exhausted(@realm, &identity: Identity, now: Timestamp) -> u32;
    }
    SessionStore [S: SessionStore], turns of others {
        session(@realm, id: SessionId) -> Option<Session>;
        advance(@realm, id: SessionId, generation: u32, now: Timestamp) -> Advance;
        recover(@realm, id: SessionId, expected: Option<Recovery>, recovery: Recovery) -> bool;
        bind_session(@realm, id: SessionId, binding: Binding, now: Timestamp) -> bool;
        revoke_session(@realm, id: SessionId, revocation: Revocation) -> bool;
        revoke_user_sessions(@realm, &user_id: str, revocation: Revocation) -> Vec<SessionId>;
        delete_user_sessions(@realm, &user_id: str,) -> u64;
        user_sessions(@realm, &user_id: str, now: Timestamp) -> Vec<Session>;
        blacklist(@realm, &entry: BlacklistEntry, now: Timestamp) -> ();
        is_blacklisted(@realm, token: TokenRef, now: Timestamp) -> bool;
        @apart { revocations(@realm, since: Option<Cursor>, now: Timestamp) -> Revocations; }
    }
    UserStore<U> [U: OtpUser, S: UserStore<U>], turns of others {
        user_by_email(&email: str,) -> Option<U>;
        user_by_id(&id: U::Id,) -> Option<U>;
        current_user(@realm, &id: U::Id, token: TokenRef, now: Timestamp) -> Option<U>;
        sign_in(@realm, sign_in: SignIn<U>) -> SignInOutcome<U>;
        check(sign_ups: SignUps) -> Vec<Finding>;
    }
    Maintenance [S: Maintenance], turns of others {
        cleanup(now: Timestamp, limit: u32) -> Removed;
        @detached { const CANCEL_SAFE: bool = true; }
        @shared { const CANCEL_SAFE: bool = S::CANCEL_SAFE; }
    }
}

impl<U: OtpUser> AnyStore<U> {
    pub(crate) fn new<S: Store<U>>(store: S, realm: Realm) -> Self {
        let store: Box<dyn Erased<U>> = if S::CANCEL_SAFE { Box::new(store) } else { Box::new(Detached::new(store)) };
        let of_anybody = |running| Turns::new(running, MAX_WAITING_OF_ANYBODY);
        let [requests, attempts] = [(); 2].map(|()| of_anybody(MAX_RUNNING_OF_ANYBODY));
        let requests_of_known_devices = of_anybody(MAX_RUNNING_OF_KNOWN_DEVICES);
        let others = Turns::new(MAX_RUNNING, MAX_WAITING);
        Self { store, realm, requests, requests_of_known_devices, attempts, others }
    }

    /// Takes a turn for a call on behalf of a request for a code.
    pub(crate) async fn turn(&self, requester: Requester) -> StoreResult<Turn> {
        let turns = match requester {
            Requester::Stranger => &self.requests,
            Requester::KnownDevice => &self.requests_of_known_devices,
        };
        logged(turns.take().await)
    }

    /// [`user_by_email`](UserStore::user_by_email) in a turn that the caller has taken.
    pub(crate) async fn user_by_email_in(&self, turn: Turn, email: &str) -> StoreResult<Option<U>> {
        in_time(turn, self.store.user_by_email(email)).await
    }

    /// Called once a second in the background, so its failures are not logged individually. It takes
    /// no turn.
    pub(crate) async fn revocations(&self, since: Option<Cursor>, now: Timestamp) -> StoreResult<Revocations> {
        let limit = if since.is_some() { ANSWER_TIMEOUT } else { WHOLE_BLACKLIST_TIMEOUT };
        let asking = self.store.revocations(&self.realm, since, now);
        timeout(limit, asking).await.unwrap_or_else(|_| Err(StoreError::timeout()))
    }
}

/// Makes a call in its turn.
async fn in_time<T>(turn: Turn, call: Boxed<'_, T>) -> StoreResult<T> {
    logged(timeout_at(turn.until, call).await.unwrap_or_else(|_| Err(StoreError::timeout())))
}

fn logged<T>(result: StoreResult<T>) -> StoreResult<T> {
    result.inspect_err(event::store_failed)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_call_continues_after_its_caller_is_gone() {
        let (begun, go_on, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let call = {
            let (begun, go_on, done) = (Arc::clone(&begun), Arc::clone(&go_on), Arc::clone(&done));
            async move {
                begun.notify_one();
                go_on.notified().await;
                done.notify_one();
                Ok(())
            }
        };
        let detached = Detached::new(());
        tokio::select! {
            biased;
            _ = detached.run(|_| call) => unreachable!("it waits"),
            () = begun.notified() => {}
        }
        go_on.notify_one();
        done.notified().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_to_a_server_that_is_gone_times_out() {
        let begun = tokio::time::Instant::now();
        let result = Detached::new(()).run(|_| pending::<StoreResult<()>>()).await;
        assert!(result.is_err_and(|error| error.is_timeout()));
        assert_eq!(begun.elapsed(), DETACHED_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn revocations_can_be_read_without_a_turn() {
        let detached = Detached::new(());
        let turns = join_all((0..MAX_RUNNING).map(|_| detached.turns.take())).await;
        assert!(detached.run(|_| async { Ok(()) }).await.is_err());
        assert_eq!(detached.run_apart((), |_| async { Ok(7) }).await.unwrap(), 7);
        drop(turns);
        assert!(detached.run(|_| async { Ok(()) }).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_limited_number_of_calls_is_left_behind() {
        let detached = Arc::new(Detached::new(()));
        let left = || {
            tokio::spawn({
                let detached = Arc::clone(&detached);
                async move { detached.run(|_| pending::<StoreResult<()>>()).await }
            })
        };
        let callers: Vec<_> = (0..=MAX_RUNNING).map(|_| left()).collect();
        while detached.turns.free() > 0 {
            tokio::task::yield_now().await;
        }
        for caller in callers {
            caller.abort();
        }
        tokio::time::sleep(DETACHED_TIMEOUT / 2).await;
        assert_eq!(detached.turns.free(), 0);
        tokio::time::sleep(DETACHED_TIMEOUT * 2).await;
        assert_eq!(detached.turns.free(), MAX_RUNNING);
    }
}
