//! Contract 2: challenges and attempts.

use std::sync::Arc;

use super::Backend;
use super::fixtures::{
    MILLI, MINUTE, NOW, at_once, identity, key, mac, open, opened, realm, resume, sign_in, signed_in_ok,
};
use crate::store::{Account, ChallengeStore, CountedAttempt, Nonce, OpenChallenge, Opening, Requester, UserStore};

/// A resend on a live challenge has the same code and expiry, and adds no new challenge.
pub async fn a_live_challenge_goes_on_unchanged<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    let later = NOW + MINUTE;
    match store.open_challenge(realm(), &resume(open(identity(1), key(2), later), key(1))).await.unwrap() {
        Opening::Resumed { nonce, expires_at, ticket, .. } => {
            assert_eq!(nonce, Nonce::from_bytes([1; 16]));
            assert_eq!(expires_at, NOW + 10 * MINUTE);
            assert_eq!(ticket.next_send_at, later + MINUTE);
        }
        other => panic!("expected the earlier challenge, got {other:?}"),
    }
    assert_eq!(store.count_attempt(realm(), &key(2), Requester::Stranger, 6).await.unwrap(), None);
}

/// The challenge belongs to the address, whoever pays for a resend.
pub async fn a_challenge_goes_on_when_another_budget_pays<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    let paid_by_device = |identity, number| OpenChallenge {
        payer: self::identity(7),
        requester: Requester::KnownDevice,
        ..open(identity, key(number), NOW + MINUTE * number)
    };
    let resumed = store.open_challenge(realm(), &resume(paid_by_device(identity(1), 2), key(1))).await.unwrap();
    assert!(matches!(resumed, Opening::Resumed { ticket, .. } if ticket.payer == identity(7)), "{resumed:?}");
    // The payer does not take it over.
    opened(store.open_challenge(realm(), &resume(paid_by_device(identity(7), 3), key(1))).await.unwrap());
}

/// Challenges that belong to another identity, or are expired, exhausted, accepted or unknown, are
/// not continued.
pub async fn only_a_live_challenge_of_the_same_identity_goes_on<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let live = NOW + MINUTE;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    opened(store.open_challenge(realm(), &resume(open(identity(2), key(2), live), key(1))).await.unwrap());
    opened(store.open_challenge(realm(), &resume(open(identity(1), key(3), live), key(99))).await.unwrap());

    // It expires exactly on time.
    let known = |open| OpenChallenge { requester: Requester::KnownDevice, ..open };
    let end = NOW + 10 * MINUTE;
    let just_before =
        store.open_challenge(realm(), &resume(open(identity(1), key(4), end - MILLI), key(1))).await.unwrap();
    assert!(matches!(just_before, Opening::Resumed { .. }));
    opened(store.open_challenge(realm(), &known(resume(open(identity(1), key(5), end), key(1)))).await.unwrap());

    // After four of five attempts it continues, after five it does not.
    opened(store.open_challenge(realm(), &open(identity(3), key(6), NOW)).await.unwrap());
    for _ in 0..4 {
        store.count_attempt(realm(), &key(6), Requester::Stranger, 7).await.unwrap();
    }
    let four = store.open_challenge(realm(), &resume(open(identity(3), key(7), live), key(6))).await.unwrap();
    assert!(matches!(four, Opening::Resumed { .. }));
    store.count_attempt(realm(), &key(6), Requester::Stranger, 7).await.unwrap();
    opened(store.open_challenge(realm(), &resume(open(identity(3), key(7), live + MINUTE), key(6))).await.unwrap());

    opened(store.open_challenge(realm(), &open(identity(8), key(8), NOW)).await.unwrap());
    signed_in_ok(store.sign_in(realm(), sign_in(8, Account::New("ann@x.com".to_owned()), 1, NOW)).await.unwrap());
    opened(store.open_challenge(realm(), &resume(open(identity(8), key(9), live), key(8))).await.unwrap());
}

/// Fifty concurrent attempts on a challenge with a cap of seven: the numbers one to six occur once
/// each, and nothing is counted beyond the cap.
pub async fn every_try_has_a_number_of_its_own<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    let attempts = at_once(&store, 50, |store, _| async move {
        store.count_attempt(realm(), &key(1), Requester::Stranger, 7).await.unwrap().unwrap()
    })
    .await;
    for number in 1..7 {
        assert_eq!(attempts.iter().filter(|counted| counted.number == number).count(), 1, "attempt {number}");
    }
    assert!(attempts.iter().all(|counted| (1..=7).contains(&counted.number)));
    let expected = CountedAttempt::new(7, identity(1), Some(mac(1)), NOW + 10 * MINUTE);
    assert_eq!(store.count_attempt(realm(), &key(1), Requester::Stranger, 7).await.unwrap(), Some(expected));
}

/// A challenge that was never opened has nothing to count.
pub async fn an_unknown_challenge_counts_nothing<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    assert_eq!(store.count_attempt(realm(), &key(1), Requester::Stranger, 7).await.unwrap(), None);
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    assert_eq!(
        store.count_attempt(realm(), &key(1), Requester::Stranger, 7).await.unwrap().map(|counted| counted.number),
        Some(1)
    );
}

/// Attack T6: requesting again does not add attempts.
pub async fn tries_outlive_a_resend<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    for number in 1..=3 {
        assert_eq!(
            store.count_attempt(realm(), &key(1), Requester::Stranger, 7).await.unwrap().map(|counted| counted.number),
            Some(number)
        );
    }
    store.open_challenge(realm(), &resume(open(identity(1), key(2), NOW + MINUTE), key(1))).await.unwrap();
    assert_eq!(
        store.count_attempt(realm(), &key(1), Requester::Stranger, 7).await.unwrap().map(|counted| counted.number),
        Some(4)
    );
}
