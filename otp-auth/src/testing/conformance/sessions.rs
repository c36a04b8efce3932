//! Contracts 3 and 4: rotation and revocation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Backend;
use super::fixtures::{
    DAY, MILLI, MINUTE, NOW, add_session, at_once, existing, is_current, realm, revocation, session_id,
};
use crate::store::{Account, Advance, Binding, Recovery, Revocation, Session, SessionStore};
use crate::user::OtpUser;

/// Every field of a session survives, to the millisecond.
pub async fn a_session_reads_back_as_it_was_written<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let (user, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    assert_eq!(store.session(realm(), session.id).await.unwrap(), Some(session.clone()));
    assert_eq!(session.user_id, user.id().to_string());
    assert_eq!((session.generation, session.created_at, session.refreshed_at), (0, NOW, NOW));
    assert_eq!((session.expires_at, session.revoked_at), (NOW + 7 * DAY, None));
    assert!(session.client.user_agent.is_some() && session.client.address.is_some());
    assert_eq!(store.session(realm(), session_id(99)).await.unwrap(), None);
}

/// Twenty callers with one generation: one advances it, and the others see the result.
pub async fn one_caller_advances_a_generation<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    let (_, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    for generation in 0..3 {
        let now = NOW + MINUTE * (generation + 1);
        let id = session.id;
        let results =
            at_once(&store, 20, |store, _| async move { store.advance(realm(), id, generation, now).await.unwrap() })
                .await;
        let advanced = results.iter().filter(|result| matches!(result, Advance::Advanced(_))).count();
        assert_eq!(advanced, 1);
        for result in results {
            let (Advance::Advanced(seen) | Advance::Unchanged(seen)) = result else { panic!("the session is gone") };
            assert_eq!((seen.generation, seen.refreshed_at, seen.revoked_at), (generation + 1, now, None));
            assert_eq!((seen.created_at, seen.expires_at), (session.created_at, session.expires_at));
        }
    }
    assert_eq!(store.advance(realm(), session_id(99), 0, NOW).await.unwrap(), Advance::Unknown);
}

/// Attack T23: a session advances in its last millisecond, but not after it.
pub async fn a_session_that_is_over_does_not_advance<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let (_, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    assert_eq!(
        store.advance(realm(), session.id, 0, session.expires_at).await.unwrap(),
        Advance::Unchanged(session.clone())
    );
    assert_eq!(store.advance(realm(), session.id, 7, NOW).await.unwrap(), Advance::Unchanged(session.clone()));
    let last = session.expires_at - MILLI;
    assert!(
        matches!(store.advance(realm(), session.id, 0, last).await.unwrap(), Advance::Advanced(session) if session.generation == 1)
    );
}

/// A revoked session does not change.
pub async fn a_revoked_session_does_not_advance<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let (_, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    assert!(store.revoke_session(realm(), session.id, revocation(NOW)).await.unwrap());
    match store.advance(realm(), session.id, 0, NOW).await.unwrap() {
        Advance::Unchanged(seen) => assert_eq!((seen.generation, seen.revoked_at), (0, Some(NOW))),
        other => panic!("expected no change, got {other:?}"),
    }
}

/// Attack T22: refreshes run while the session is revoked. None that starts after the
/// acknowledgement succeeds.
pub async fn a_sign_out_beats_every_refresh_in_flight<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    for round in 0..5 {
        let (user, session) = add_session::<B>(&store, Account::New(format!("ann{round}@x.com")), round, NOW).await;
        let acknowledged = Arc::new(AtomicBool::new(false));
        let refreshing = {
            let (store, acknowledged) = (Arc::clone(&store), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let mut generation = 0;
                loop {
                    let late = acknowledged.load(Ordering::SeqCst);
                    match store.advance(realm(), session.id, generation, NOW).await.unwrap() {
                        Advance::Advanced(seen) => {
                            assert!(!late, "a refresh succeeded after the sign-out");
                            generation = seen.generation;
                        }
                        Advance::Unchanged(seen) => return seen,
                        Advance::Unknown => panic!("the session is gone"),
                    }
                }
            })
        };
        tokio::task::yield_now().await;
        assert!(store.revoke_session(realm(), session.id, revocation(NOW)).await.unwrap());
        acknowledged.store(true, Ordering::SeqCst);
        assert!(!is_current::<B>(&store, &user, session.id, NOW).await);
        assert!(refreshing.await.unwrap().revoked_at.is_some());
    }
}

/// A second revocation changes nothing, and revoking an unknown session is not an error.
pub async fn revoking_is_idempotent<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    let (user, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    let id = session.id;
    let revoked =
        at_once(
            &store,
            10,
            |store, _| async move { store.revoke_session(realm(), id, revocation(NOW)).await.unwrap() },
        )
        .await;
    assert_eq!(revoked.iter().filter(|revoked| **revoked).count(), 1);
    assert!(!store.revoke_session(realm(), id, revocation(NOW + MINUTE)).await.unwrap());
    assert_eq!(store.session(realm(), id).await.unwrap().and_then(|session| session.revoked_at), Some(NOW));
    assert!(!is_current::<B>(&store, &user, id, NOW).await);
    assert!(!store.revoke_session(realm(), session_id(99), revocation(NOW)).await.unwrap());
}

/// Ends all sessions of one user, and no others.
pub async fn every_session_of_one_user_can_be_revoked<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let ann = backend.add_user(&store, "ann@x.com", true).await;
    let bob = backend.add_user(&store, "bob@x.com", true).await;
    for number in 0..3 {
        add_session::<B>(&store, existing(ann.clone()), number, NOW).await;
    }
    let (_, bobs) = add_session::<B>(&store, existing(bob.clone()), 7, NOW).await;
    store.revoke_session(realm(), session_id(0), revocation(NOW)).await.unwrap();
    assert_eq!(store.revoke_user_sessions(realm(), &ann.id().to_string(), revocation(NOW)).await.unwrap().len(), 2);
    assert_eq!(store.revoke_user_sessions(realm(), &ann.id().to_string(), revocation(NOW)).await.unwrap(), []);
    for number in 0..3 {
        assert!(!is_current::<B>(&store, &ann, session_id(number), NOW).await);
        assert!(matches!(store.advance(realm(), session_id(number), 0, NOW).await.unwrap(), Advance::Unchanged(_)));
    }
    assert!(is_current::<B>(&store, &bob, bobs.id, NOW).await);
}

/// Revoked and expired sessions are not listed.
pub async fn live_sessions_are_listed_latest_first<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let user = backend.add_user(&store, "ann@x.com", true).await;
    let id = user.id().to_string();
    for number in 0..4 {
        add_session::<B>(&store, existing(user.clone()), number, NOW + MINUTE * number).await;
    }
    store.revoke_session(realm(), session_id(2), revocation(NOW)).await.unwrap();
    let listed = |now| {
        let (store, id) = (&store, &id);
        async move {
            store
                .user_sessions(realm(), id, now)
                .await
                .unwrap()
                .into_iter()
                .map(|session| session.id)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(listed(NOW + 3 * MINUTE).await, [3, 1, 0].map(session_id));
    let end_of_first = NOW + 7 * DAY;
    assert_eq!(listed(end_of_first - MILLI).await, [3, 1, 0].map(session_id));
    assert_eq!(listed(end_of_first).await, [3, 1].map(session_id));
    assert_eq!(store.user_sessions(realm(), "nobody", NOW).await.unwrap(), []);
}

/// The later of two expiries counts, in any order.
pub async fn a_blacklist_entry_is_never_shortened<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let (user, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    for until in [NOW + MINUTE, NOW + DAY, NOW + MINUTE] {
        store.revoke_session(realm(), session.id, Revocation { now: NOW, blacklist_until: until }).await.unwrap();
    }
    assert!(!is_current::<B>(&store, &user, session.id, NOW + DAY - MILLI).await);
    assert!(is_current::<B>(&store, &user, session.id, NOW + DAY).await);
}

/// Of many callers with the same expectation, exactly one records that a token was reissued, and
/// only for the current generation.
pub async fn one_caller_notes_a_recovery<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    let (_, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    let id = session.id;
    store.advance(realm(), id, 0, NOW).await.unwrap();
    let first = Recovery { generation: 1, at: NOW + MINUTE };
    let noted =
        at_once(&store, 20, |store, _| async move { store.recover(realm(), id, None, first).await.unwrap() }).await;
    assert_eq!(noted.iter().filter(|noted| **noted).count(), 1);
    assert_eq!(store.session(realm(), id).await.unwrap().and_then(|session| session.recovery), Some(first));

    let second = Recovery { generation: 2, at: NOW + 2 * MINUTE };
    for (expected, recovery) in [(None, first), (Some(second), first), (Some(first), second)] {
        assert!(!store.recover(realm(), id, expected, recovery).await.unwrap(), "{expected:?} {recovery:?}");
    }
    match store.advance(realm(), id, 1, NOW + MINUTE).await.unwrap() {
        Advance::Advanced(seen) => assert_eq!((seen.generation, seen.recovery), (2, Some(first))),
        other => panic!("expected the next generation, got {other:?}"),
    }
    assert!(store.recover(realm(), id, Some(first), second).await.unwrap());
    store.revoke_session(realm(), id, revocation(NOW)).await.unwrap();
    let third = Recovery { at: NOW + 3 * MINUTE, ..second };
    assert!(!store.recover(realm(), id, Some(second), third).await.unwrap());
    assert!(!store.recover(realm(), session_id(99), None, first).await.unwrap());
}

/// A live session can be bound to another address; one that has ended cannot.
pub async fn only_a_live_session_is_bound_anew<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let (_, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    let binding = Binding::from_bytes([7; 16]);
    assert!(store.bind_session(realm(), session.id, binding, NOW).await.unwrap());
    let bound = Session { binding, ..session.clone() };
    assert_eq!(store.session(realm(), session.id).await.unwrap(), Some(bound));
    // Repeating it is not a failure.
    assert!(store.bind_session(realm(), session.id, binding, session.expires_at - MILLI).await.unwrap());
    assert!(!store.bind_session(realm(), session.id, session.binding, session.expires_at).await.unwrap());
    store.revoke_session(realm(), session.id, revocation(NOW)).await.unwrap();
    assert!(!store.bind_session(realm(), session.id, session.binding, NOW).await.unwrap());
    assert!(!store.bind_session(realm(), session_id(99), binding, NOW).await.unwrap());
    assert_eq!(store.session(realm(), session.id).await.unwrap().map(|session| session.binding), Some(binding));
}

/// Deletes a user's sessions in any state, and no others. Revoked tokens stay revoked.
pub async fn the_sessions_of_a_user_can_be_deleted<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let ann = backend.add_user(&store, "ann@x.com", true).await;
    let bob = backend.add_user(&store, "bob@x.com", true).await;
    for number in 0..3 {
        add_session::<B>(&store, existing(ann.clone()), number, NOW).await;
    }
    let (_, bobs) = add_session::<B>(&store, existing(bob.clone()), 7, NOW).await;
    store.revoke_session(realm(), session_id(0), revocation(NOW)).await.unwrap();
    let id = ann.id().to_string();
    assert_eq!(store.delete_user_sessions(realm(), &id).await.unwrap(), 3);
    assert_eq!(store.delete_user_sessions(realm(), &id).await.unwrap(), 0);
    for number in 0..3 {
        assert_eq!(store.session(realm(), session_id(number)).await.unwrap(), None);
    }
    assert!(!is_current::<B>(&store, &ann, session_id(0), NOW).await);
    assert_eq!(store.session(realm(), bobs.id).await.unwrap(), Some(bobs));
}
