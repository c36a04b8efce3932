//! Contract 5: cleanup.

use std::sync::Arc;

use super::Backend;
use super::fixtures::{
    DAY, LIMITS, MILLI, MINUTE, NOW, add_session, at_once, identity, is_current, key, open, opened, realm, revocation,
    token,
};
use crate::store::{
    Account, CLOCK_MARGIN, ChallengeStore, Identity, Maintenance, OpenChallenge, Opening, Removed, Requester,
    SendLimits, SessionStore,
};

/// One row of each kind, each deleted at its own time and not earlier.
pub async fn a_clean_up_removes_what_is_over_and_nothing_else<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let (user, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    store.revoke_session(realm(), session.id, revocation(NOW)).await.unwrap();
    let nothing = Removed::default();
    assert_eq!(store.cleanup(NOW, 100).await.unwrap(), nothing);
    assert_eq!(store.cleanup(NOW + 10 * MINUTE - MILLI, 100).await.unwrap(), nothing);
    assert_eq!(store.cleanup(NOW + 10 * MINUTE, 100).await.unwrap(), Removed { challenges: 1, ..nothing });
    assert_eq!(store.count_attempt(realm(), &key(1), Requester::Stranger, 7).await.unwrap(), None);

    assert_eq!(store.cleanup(NOW + DAY - MILLI, 100).await.unwrap(), nothing);
    assert!(!is_current::<B>(&store, &user, session.id, NOW + DAY - MILLI).await);
    // The budget, and the total.
    assert_eq!(store.cleanup(NOW + DAY, 100).await.unwrap(), Removed { budgets: 2, ..nothing });
    let end = NOW + DAY + CLOCK_MARGIN;
    assert_eq!(store.cleanup(end - MILLI, 100).await.unwrap(), nothing);
    assert_eq!(store.cleanup(end, 100).await.unwrap(), Removed { blacklisted: 1, ..nothing });

    let end = NOW + 7 * DAY + CLOCK_MARGIN;
    assert_eq!(store.cleanup(end - MILLI, 100).await.unwrap(), nothing);
    assert!(store.session(realm(), session.id).await.unwrap().is_some());
    assert_eq!(store.cleanup(end, 100).await.unwrap(), Removed { sessions: 1, ..nothing });
    assert_eq!(store.session(realm(), session.id).await.unwrap(), None);
    assert_eq!(store.cleanup(end, 100).await.unwrap(), nothing);
    assert_eq!(backend.count_users(&store, "ann@x.com").await, 1);

    // A budget is enforced until it is deleted.
    opened(store.open_challenge(realm(), &open(identity(5), key(5), NOW)).await.unwrap());
    store.cleanup(NOW + MINUTE - MILLI, 100).await.unwrap();
    assert_eq!(
        store.open_challenge(realm(), &open(identity(5), key(6), NOW + MINUTE - MILLI)).await.unwrap(),
        Opening::Wait(MILLI)
    );
}

/// A process whose clock is ahead cleans up: it signs nobody out, and revives nothing.
pub async fn a_clean_up_by_a_clock_ahead_ends_and_revives_nothing<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let (user, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    let (_, ended) = add_session::<B>(&store, Account::New("bob@x.com".to_owned()), 2, NOW).await;
    store.revoke_session(realm(), ended.id, revocation(NOW)).await.unwrap();
    for end in [revocation(NOW).blacklist_until, session.expires_at] {
        let (now, ahead) = (end - MILLI, end + CLOCK_MARGIN - MILLI);
        store.cleanup(ahead, 100).await.unwrap();
        assert!(is_current::<B>(&store, &user, session.id, now).await);
        assert!(matches!(store.session(realm(), session.id).await.unwrap(), Some(found) if found == session));
        if now < revocation(NOW).blacklist_until {
            assert!(store.is_blacklisted(realm(), token(ended.id), now).await.unwrap());
        }
    }
}

async fn fill<S: ChallengeStore>(store: &S, rows: u16) {
    for number in 0..rows {
        let mut bytes = [0xF1; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        opened(
            store.open_challenge(realm(), &open(Identity::from_bytes(bytes), key(number.into()), NOW)).await.unwrap(),
        );
    }
}

/// Never deletes more rows of a table at once than requested.
pub async fn a_clean_up_works_in_batches<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    fill(&store, 25).await;
    let late = NOW + 2 * DAY;
    for expected in [10, 10, 5, 0] {
        let removed = store.cleanup(late, 10).await.unwrap();
        assert_eq!(removed, Removed { challenges: expected, budgets: expected, ..Removed::default() });
    }
}

/// Concurrent cleanups: every row is deleted once.
pub async fn clean_ups_at_once_share_the_work<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    fill(&*store, 60).await;
    let late = NOW + 2 * DAY;
    let removed = at_once(&store, 4, |store, _| async move {
        let mut total = Removed::default();
        for _ in 0..10 {
            total += store.cleanup(late, 10).await.unwrap();
        }
        total
    })
    .await;
    assert_eq!(removed.iter().map(|removed| removed.challenges).sum::<u64>(), 60);
    assert_eq!(removed.iter().map(|removed| removed.budgets).sum::<u64>(), 60);
}

/// A budget whose hour is still full is kept, even if its day is over.
pub async fn a_full_hour_outlives_its_day<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let limits = SendLimits { per_hour: 2, ..LIMITS };
    let ask = |number: u32, now| OpenChallenge { limits, ..open(identity(1), key(number), now) };
    opened(store.open_challenge(realm(), &ask(0, NOW)).await.unwrap());
    // The hour begins shortly before the day ends.
    let late = NOW + DAY - 5 * MINUTE;
    for number in 1..=2 {
        opened(store.open_challenge(realm(), &ask(number, late + MINUTE * number)).await.unwrap());
    }
    let over = NOW + DAY + MINUTE;
    let refused = Opening::Wait(over.until(late + MINUTE + SendLimits::HOUR));
    assert_eq!(store.open_challenge(realm(), &ask(3, over)).await.unwrap(), refused);
    assert_eq!(store.cleanup(over, 100).await.unwrap().budgets, 0);
    assert_eq!(store.open_challenge(realm(), &ask(4, over)).await.unwrap(), refused);
    let end = late + MINUTE + SendLimits::HOUR;
    assert_eq!(store.cleanup(end - MILLI, 100).await.unwrap().budgets, 0);
    assert_eq!(store.cleanup(end, 100).await.unwrap().budgets, 1);
}
