//! Contract 1: exhausted challenges.

use std::sync::Arc;

use super::Backend;
use super::fixtures::{DAY, MILLI, MINUTE, NOW, at_once, identity, key, open, opened, other_realm, realm};
use crate::store::{ChallengeStore, Maintenance, Opening, SendLimits};

/// A day begins with the first and ends to the millisecond. Each identity and each realm has its
/// own.
pub async fn used_up_challenges_are_counted_within_a_day<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let count = |number, now| {
        let store = &store;
        async move { store.count_exhausted(realm(), &identity(number), now).await.unwrap() }
    };
    assert_eq!(count(1, NOW).await, 1);
    assert_eq!(count(1, NOW).await, 2);
    assert_eq!(count(2, NOW + MINUTE).await, 1);
    assert_eq!(store.count_exhausted(other_realm(), &identity(1), NOW).await.unwrap(), 1);
    assert_eq!(count(1, NOW + DAY - MILLI).await, 3);
    assert_eq!(count(1, NOW + DAY).await, 1);
    assert_eq!(count(1, NOW + DAY + MILLI).await, 2);
    // A clock that is slightly behind continues the count.
    assert_eq!(count(1, NOW + DAY - MINUTE).await, 3);
    assert_eq!(count(1, NOW + 2 * DAY - MILLI).await, 4);
    // A day that no correct clock began is ignored.
    assert_eq!(count(1, NOW).await, 1);
    assert_eq!(count(1, NOW).await, 2);
    assert_eq!(count(2, NOW + DAY + MINUTE - MILLI).await, 2);
    assert_eq!(count(2, NOW + 9 * DAY).await, 1);
}

/// Concurrent calls get different numbers.
pub async fn no_two_used_up_challenges_have_one_number<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    for day in [NOW, NOW + 2 * DAY] {
        let mut numbers =
            at_once(
                &store,
                20,
                |store, _| async move { store.count_exhausted(realm(), &identity(1), day).await.unwrap() },
            )
            .await;
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    }
}

/// They do not count as sends, and sends do not count as exhausted challenges.
pub async fn used_up_challenges_pay_nothing<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    for number in 1..=5 {
        assert_eq!(store.count_exhausted(realm(), &identity(1), NOW).await.unwrap(), number);
    }
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    assert_eq!(store.open_challenge(realm(), &open(identity(1), key(2), NOW)).await.unwrap(), Opening::Wait(MINUTE));
    assert_eq!(store.count_exhausted(realm(), &identity(1), NOW + MINUTE).await.unwrap(), 6);
}

/// A count is deleted when its day is over, and not earlier.
pub async fn a_clean_up_keeps_the_count_of_a_day<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    assert_eq!(store.count_exhausted(realm(), &identity(1), NOW).await.unwrap(), 1);
    assert_eq!(store.count_exhausted(realm(), &identity(1), NOW + DAY - MINUTE).await.unwrap(), 2);
    assert_eq!(store.cleanup(NOW + DAY - MILLI, 100).await.unwrap().total(), 0);
    assert_eq!(store.count_exhausted(realm(), &identity(1), NOW + DAY - MILLI).await.unwrap(), 3);
    assert_eq!(store.cleanup(NOW + DAY, 100).await.unwrap().budgets, 1);
    assert_eq!(store.count_exhausted(realm(), &identity(1), NOW + DAY).await.unwrap(), 1);
    // A later day has its own end.
    assert_eq!(store.count_exhausted(realm(), &identity(1), NOW + 3 * DAY).await.unwrap(), 1);
    assert_eq!(store.cleanup(NOW + 4 * DAY - MILLI, 100).await.unwrap().budgets, 0);
    assert_eq!(store.cleanup(NOW + 4 * DAY, 100).await.unwrap().budgets, 1);
}

/// The same as for a budget.
pub async fn a_clean_up_removes_the_count_of_a_clock_that_was_ahead<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let ahead = NOW + SendLimits::LONGEST_COOLDOWN + SendLimits::SKEW;
    assert_eq!(store.count_exhausted(realm(), &identity(1), ahead).await.unwrap(), 1);
    assert_eq!(store.count_exhausted(realm(), &identity(2), ahead + MILLI).await.unwrap(), 1);
    assert_eq!(store.cleanup(NOW, 100).await.unwrap().budgets, 1);
    assert_eq!(store.count_exhausted(realm(), &identity(1), ahead).await.unwrap(), 2);
    assert_eq!(store.count_exhausted(realm(), &identity(2), ahead + MILLI).await.unwrap(), 1);
}
