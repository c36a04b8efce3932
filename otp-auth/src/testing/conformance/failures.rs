//! Contract 2: failures of strangers, over all challenges of an identity.

use std::sync::Arc;

use super::Backend;
use super::fixtures::{DAY, MILLI, MINUTE, NOW, at_once, identity, key, open, opened, other_realm, realm, sign_in};
use crate::store::{
    Account, ChallengeStore, Identity, Maintenance, OpenChallenge, Realm, Requester, SignInOutcome, Timestamp,
    TotalLimit, UserStore,
};

/// A year after the last day with a request.
const FORGOTTEN: std::time::Duration = crate::challenge::budget::FAILURES_KEPT;

/// A challenge of strangers for the address with the number of its last byte.
fn of_strangers(challenge: u32, now: Timestamp) -> OpenChallenge {
    let address = identity(challenge.to_be_bytes()[3]);
    OpenChallenge {
        payer: Identity::from_bytes([0xAF; 32]),
        total: Some(TotalLimit::new(address, 1_000)),
        ..open(address, key(challenge), now)
    }
}

/// The failures after an attempt.
async fn failures<S: ChallengeStore>(store: &S, realm: &Realm, challenge: u32, requester: Requester) -> u32 {
    store.count_attempt(realm, &key(challenge), requester, 6).await.unwrap().expect("the challenge is known").failures
}

async fn of_a_stranger<S: ChallengeStore>(store: &S, challenge: u32) -> u32 {
    failures(store, realm(), challenge, Requester::Stranger).await
}

/// They add up over the challenges of an identity. Devices, other identities and other realms have
/// no part in them.
pub async fn rate_04_strangers_fail_for_an_identity_over_all_its_challenges<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    // Numbers that differ by 256 are of one identity.
    for (number, challenge) in (0..).zip([1, 257, 2]) {
        opened(store.open_challenge(realm(), &of_strangers(challenge, NOW + MINUTE * number)).await.unwrap());
    }
    opened(store.open_challenge(other_realm(), &of_strangers(1, NOW)).await.unwrap());
    assert_eq!(of_a_stranger(&store, 1).await, 1);
    assert_eq!(of_a_stranger(&store, 257).await, 2);
    assert_eq!(of_a_stranger(&store, 1).await, 3);
    assert_eq!(failures(&store, realm(), 1, Requester::KnownDevice).await, 0);
    assert_eq!(of_a_stranger(&store, 2).await, 1);
    assert_eq!(failures(&store, other_realm(), 1, Requester::Stranger).await, 1);
    assert_eq!(of_a_stranger(&store, 257).await, 4);
    // A send, and its refund, change nothing.
    let ticket = opened(store.open_challenge(realm(), &of_strangers(513, NOW + 5 * MINUTE)).await.unwrap());
    store.refund_send(realm(), &ticket, crate::store::Refund::Whole, NOW + 5 * MINUTE).await.unwrap();
    opened(store.open_challenge(realm(), &of_strangers(769, NOW + 2 * DAY)).await.unwrap());
    assert_eq!(of_a_stranger(&store, 769).await, 5);
    // Without a total there is no count.
    opened(store.open_challenge(realm(), &open(identity(3), key(3), NOW)).await.unwrap());
    assert_eq!(of_a_stranger(&store, 3).await, 0);
}

/// What is not compared is no failure: further attempts on an exhausted challenge.
pub async fn rate_04_only_what_is_compared_is_a_failure<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    opened(store.open_challenge(realm(), &of_strangers(1, NOW)).await.unwrap());
    let mut counts = at_once(&store, 30, |store, _| async move { of_a_stranger(&*store, 1).await }).await;
    counts.sort_unstable();
    assert_eq!(counts, [vec![0; 25], (1..=5).collect()].concat());
    opened(store.open_challenge(realm(), &of_strangers(257, NOW + MINUTE)).await.unwrap());
    assert_eq!(of_a_stranger(&*store, 257).await, 6);
}

/// Of many attempts at once, each has its own count.
pub async fn rate_04_no_two_failures_have_one_number<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    for number in 0..10 {
        let open = of_strangers(1 + 256 * number, NOW + MINUTE * number);
        opened(store.open_challenge(realm(), &open).await.unwrap());
    }
    let mut counts =
        at_once(&store, 30, |store, task| async move { of_a_stranger(&*store, 1 + 256 * (task % 10)).await }).await;
    counts.sort_unstable();
    assert_eq!(counts, (1..=30).collect::<Vec<_>>());
}

/// A sign-in ends the count, of its identity in its realm. One that is refused does not.
pub async fn rate_05_a_sign_in_ends_the_count<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    for (number, challenge) in (0..).zip([1, 257, 2, 513]) {
        opened(store.open_challenge(realm(), &of_strangers(challenge, NOW + MINUTE * number)).await.unwrap());
    }
    opened(store.open_challenge(other_realm(), &of_strangers(1, NOW)).await.unwrap());
    for challenge in [1, 1, 257, 2] {
        of_a_stranger(&store, challenge).await;
    }
    failures(&store, other_realm(), 1, Requester::Stranger).await;
    let new = |challenge, session| {
        sign_in::<B::User>(challenge, Account::New("ann@x.com".to_owned()), session, NOW + 2 * MINUTE)
    };
    let mut wrong = new(1, 1);
    wrong.code_mac = super::fixtures::mac(9);
    assert!(matches!(store.sign_in(realm(), wrong).await.unwrap(), SignInOutcome::CodeSpent));
    assert_eq!(of_a_stranger(&store, 257).await, 4);
    let SignInOutcome::SignedIn { user, .. } = store.sign_in(realm(), new(1, 2)).await.unwrap() else {
        panic!("the code is right");
    };
    assert_eq!(of_a_stranger(&store, 257).await, 1);
    assert_eq!(of_a_stranger(&store, 2).await, 2);
    assert_eq!(failures(&store, other_realm(), 1, Requester::Stranger).await, 2);
    // The spent challenge has nothing left to guess.
    assert_eq!(of_a_stranger(&store, 1).await, 0);
    // An account that has changed leaves the count as it was.
    assert!(matches!(store.sign_in(realm(), new(513, 3)).await.unwrap(), SignInOutcome::AccountChanged));
    assert_eq!(of_a_stranger(&store, 513).await, 2);
    let again = sign_in(513, super::fixtures::existing(user), 4, NOW + 3 * MINUTE);
    assert!(matches!(store.sign_in(realm(), again).await.unwrap(), SignInOutcome::SignedIn { .. }));
    assert_eq!(of_a_stranger(&store, 257).await, 1);
}

/// So does the administrator, in one realm.
pub async fn rate_04_an_administrator_ends_the_count<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    for realm in [realm(), other_realm()] {
        opened(store.open_challenge(realm, &of_strangers(1, NOW)).await.unwrap());
        failures(&store, realm, 1, Requester::Stranger).await;
    }
    for _ in 0..2 {
        store.forget_failures(realm(), &identity(1)).await.unwrap();
        store.forget_failures(realm(), &identity(2)).await.unwrap();
    }
    assert_eq!(of_a_stranger(&store, 1).await, 1);
    assert_eq!(failures(&store, other_realm(), 1, Requester::Stranger).await, 2);
}

/// A cleanup keeps the count of a day for a year.
pub async fn rate_04_a_clean_up_keeps_failures_for_a_year<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    opened(store.open_challenge(realm(), &of_strangers(1, NOW)).await.unwrap());
    assert_eq!(of_a_stranger(&store, 1).await, 1);
    // The budget of the network goes, the total stays.
    assert_eq!(store.cleanup(NOW + FORGOTTEN - MILLI, 100).await.unwrap().budgets, 1);
    opened(store.open_challenge(realm(), &of_strangers(257, NOW + 3 * DAY)).await.unwrap());
    assert_eq!(of_a_stranger(&store, 257).await, 2);
    // Not even a clock that was ahead loses it.
    assert_eq!(store.cleanup(NOW - 30 * DAY, 100).await.unwrap().budgets, 1);
    opened(store.open_challenge(realm(), &of_strangers(513, NOW + 4 * DAY)).await.unwrap());
    assert_eq!(of_a_stranger(&store, 513).await, 3);
    assert_eq!(store.cleanup(NOW + 4 * DAY + FORGOTTEN, 100).await.unwrap().budgets, 2);
    opened(store.open_challenge(realm(), &of_strangers(769, NOW + 4 * DAY)).await.unwrap());
    assert_eq!(of_a_stranger(&store, 769).await, 1);
}
