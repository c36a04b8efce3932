//! Contract 1: budgets.

use std::sync::Arc;
use std::time::Duration;

use super::Backend;
use super::fixtures::{DAY, LIMITS, MILLI, MINUTE, NOW, at_once, identity, key, open, opened, realm, resume, ticket};
use crate::store::{
    Budget, ChallengeStore, Maintenance, OpenChallenge, Opening, Refund, Requester, SendLimits, SendTicket, Timestamp,
};

/// Twenty concurrent requests: one send, and every other caller learns how long to wait.
pub async fn one_send_per_cooldown_whoever_asks_at_once<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    let openings = at_once(&store, 20, |store, number| async move {
        store.open_challenge(realm(), &open(identity(1), key(number), NOW)).await.unwrap()
    })
    .await;
    let sent = openings.iter().filter(|opening| matches!(opening, Opening::Opened { .. })).count();
    let waiting = openings.iter().filter(|opening| **opening == Opening::Wait(MINUTE)).count();
    assert_eq!((sent, waiting), (1, 19));
}

/// Cooldown, hour and day follow [`Budget::spend`], over steps of many sizes.
pub async fn budgets_follow_the_rule_step_by_step<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let limits = SendLimits { cooldown: MINUTE, per_hour: 3, per_day: 7 };
    let mut model: Option<Budget> = None;
    let mut now = NOW;
    let steps = [1, 59_999, 60_000, 60_001, 600_000, 0, 1_800_000, 3_599_999, 3_600_000, 86_399_999, 1];
    for (number, step) in (0..).zip(steps.iter().cycle().take(120)) {
        now = now + Duration::from_millis(*step);
        let opening = store
            .open_challenge(realm(), &OpenChallenge { limits, ..open(identity(1), key(number), now) })
            .await
            .unwrap();
        match Budget::spend(model, now, limits) {
            Ok(spent) => {
                assert_eq!(opened(opening).next_send_at, spent.next_send_at, "step {number}");
                model = Some(spent);
            }
            Err(wait) => assert_eq!(opening, Opening::Wait(wait), "step {number}"),
        }
    }
}

/// The same when the clock jumps, as if a process with another clock asked.
pub async fn budgets_follow_the_rule_when_clocks_differ<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let limits = SendLimits { cooldown: MINUTE, per_hour: 3, per_day: 7 };
    let mut model: Option<Budget> = None;
    let mut now = NOW;
    let steps = [1, -1, 60_000, -60_000, -60_001, 60_001, -120_000, -120_001, 180_001, -3_600_000, 3_600_000, -59_999];
    for (number, step) in (0..).zip(steps.iter().cycle().take(240)) {
        let jump = if number % 31 == 30 { 86_400_000 - 172_800_000 * i64::from(number % 2) } else { *step };
        now = Timestamp::from_millis(now.as_millis() + jump);
        let request = OpenChallenge { limits, ..open(identity(1), key(number), now) };
        let opening = store.open_challenge(realm(), &request).await.unwrap();
        match Budget::spend(model, now, limits) {
            Ok(spent) => {
                assert_eq!(opened(opening).next_send_at, spent.next_send_at, "step {number}");
                model = Some(spent);
            }
            Err(wait) => assert_eq!(opening, Opening::Wait(wait), "step {number}"),
        }
    }
}

/// Rows from a clock that was years ahead lock out nobody, and are cleaned up.
pub async fn a_clock_that_was_ahead_locks_no_address<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let limits = SendLimits { per_hour: 2, per_day: 2, ..LIMITS };
    let ahead = NOW + DAY * 3_650;
    for who in [1, 2] {
        for send in 0..2 {
            let request =
                OpenChallenge { limits, ..open(identity(who), key(send + 10 * u32::from(who)), ahead + MINUTE * send) };
            opened(store.open_challenge(realm(), &request).await.unwrap());
        }
    }
    let request = |number| OpenChallenge { limits, ..open(identity(1), key(number), NOW) };
    opened(store.open_challenge(realm(), &request(1)).await.unwrap());
    assert_eq!(store.open_challenge(realm(), &request(2)).await.unwrap(), Opening::Wait(MINUTE));
    // One of the two has restarted, and is valid.
    assert_eq!(store.cleanup(NOW, 100).await.unwrap().budgets, 1);
    assert_eq!(store.open_challenge(realm(), &request(2)).await.unwrap(), Opening::Wait(MINUTE));
}

/// A time ahead by no more than clocks and requests may differ is valid, and is not cleaned up.
pub async fn a_request_that_was_overtaken_waits<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    for early in [NOW - MILLI, NOW - SendLimits::SKEW] {
        assert_eq!(store.cleanup(early, 100).await.unwrap().budgets, 0);
        assert_eq!(
            store.open_challenge(realm(), &open(identity(1), key(2), early)).await.unwrap(),
            Opening::Wait(early.until(NOW + MINUTE))
        );
    }
    // Further ahead, its windows are damaged, but its cooldown may be a longer one.
    let early = NOW - SendLimits::SKEW - MILLI;
    assert_eq!(store.cleanup(early, 100).await.unwrap().budgets, 0);
    assert_eq!(store.cleanup(NOW - SendLimits::LONGEST_COOLDOWN, 100).await.unwrap().budgets, 0);
    assert_eq!(store.cleanup(NOW - SendLimits::LONGEST_COOLDOWN - MILLI, 100).await.unwrap().budgets, 1);
}

/// Strangers' sends do not hold up a known device, nor the reverse.
pub async fn strangers_and_known_devices_have_budgets_of_their_own<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    for (number, requester) in [(0, Requester::Stranger), (1, Requester::KnownDevice)] {
        let own = OpenChallenge { requester, ..open(identity(1), key(number), NOW) };
        assert_eq!(opened(store.open_challenge(realm(), &own).await.unwrap()).requester, requester);
        assert_eq!(store.open_challenge(realm(), &own).await.unwrap(), Opening::Wait(MINUTE));
    }
    opened(store.open_challenge(realm(), &open(identity(2), key(2), NOW)).await.unwrap());
}

/// Each device spends its own budget, but the challenge belongs to the address.
pub async fn every_device_has_a_budget_of_its_own<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let of_device = |payer, number, now| OpenChallenge {
        payer: identity(payer),
        requester: Requester::KnownDevice,
        ..open(identity(1), key(number), now)
    };
    let mut tickets = Vec::new();
    for payer in [7, 8] {
        let number = u32::from(payer);
        let ticket = opened(store.open_challenge(realm(), &of_device(payer, number, NOW)).await.unwrap());
        assert_eq!((ticket.payer, ticket.requester), (identity(payer), Requester::KnownDevice));
        assert_eq!(
            store.open_challenge(realm(), &of_device(payer, 99, NOW)).await.unwrap(),
            Opening::Wait(MINUTE),
            "device {payer}"
        );
        let counted = store.count_attempt(realm(), &key(number), Requester::Stranger, 6).await.unwrap().unwrap();
        assert_eq!(counted.identity, identity(1));
        tickets.push(ticket);
    }
    // Nobody else has paid.
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    opened(store.open_challenge(realm(), &open(identity(7), key(2), NOW)).await.unwrap());
    // A refund goes to the payer.
    store.refund_send(realm(), &tickets[0], Refund::Whole, NOW + MILLI).await.unwrap();
    let waiting = store.open_challenge(realm(), &of_device(8, 98, NOW + MILLI)).await.unwrap();
    assert_eq!(waiting, Opening::Wait(MINUTE.checked_sub(MILLI).unwrap()));
    opened(store.open_challenge(realm(), &of_device(7, 97, NOW + MILLI)).await.unwrap());
}

/// A request that must wait adds no challenge and costs nothing.
pub async fn a_wait_changes_nothing<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    for second in 1..60 {
        let early = open(identity(1), key(2), NOW + Duration::from_secs(second));
        assert_eq!(
            store.open_challenge(realm(), &early).await.unwrap(),
            Opening::Wait(Duration::from_secs(60 - second))
        );
    }
    assert_eq!(store.count_attempt(realm(), &key(2), Requester::Stranger, 6).await.unwrap(), None);
    assert_eq!(
        store.open_challenge(realm(), &open(identity(1), key(2), NOW + MINUTE - MILLI)).await.unwrap(),
        Opening::Wait(MILLI)
    );
    opened(store.open_challenge(realm(), &open(identity(1), key(2), NOW + MINUTE)).await.unwrap());
}

/// After a failed delivery the next request is served, and the send does not count. A second refund
/// of the same send has no effect.
pub async fn a_refund_gives_the_send_back_once<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let limits = SendLimits { per_hour: 2, ..LIMITS };
    let request = |number, now| OpenChallenge { limits, ..open(identity(1), key(number), now) };
    let kept = opened(store.open_challenge(realm(), &request(0, NOW)).await.unwrap());
    let later = NOW + MINUTE;
    let failed = opened(store.open_challenge(realm(), &request(1, later)).await.unwrap());
    for _ in 0..3 {
        store.refund_send(realm(), &failed, Refund::Whole, later + MILLI).await.unwrap();
    }
    // Exactly one of two sends in the hour is left.
    let retried = opened(store.open_challenge(realm(), &request(2, later + MILLI)).await.unwrap());
    assert_ne!(retried, kept);
    assert!(matches!(
        store.open_challenge(realm(), &request(3, later + MINUTE + MILLI)).await.unwrap(),
        Opening::Wait(_)
    ));
}

/// If the e-mail may have been sent, the next request is served at once, but the send counts. A
/// repeated refund has no effect.
pub async fn a_refund_of_the_cooldown_leaves_the_send_paid<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let limits = SendLimits { per_hour: 2, ..LIMITS };
    let request = |number, now| OpenChallenge { limits, ..open(identity(1), key(number), now) };
    let mut now = NOW;
    for number in 0..2 {
        let ticket = opened(store.open_challenge(realm(), &request(number, now)).await.unwrap());
        now = now + MILLI;
        for _ in 0..3 {
            store.refund_send(realm(), &ticket, Refund::Cooldown, now).await.unwrap();
        }
    }
    let hour_ends = NOW + SendLimits::HOUR;
    assert_eq!(store.open_challenge(realm(), &request(2, now)).await.unwrap(), Opening::Wait(now.until(hour_ends)));
    opened(store.open_challenge(realm(), &request(2, hour_ends)).await.unwrap());
}

/// The same for the day.
pub async fn a_refund_of_the_cooldown_leaves_the_day_paid<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let limits = SendLimits { per_hour: 5, per_day: 2, ..LIMITS };
    let request = |number, now| OpenChallenge { limits, ..open(identity(1), key(number), now) };
    let unknown = opened(store.open_challenge(realm(), &request(0, NOW)).await.unwrap());
    store.refund_send(realm(), &unknown, Refund::Cooldown, NOW + MILLI).await.unwrap();
    let failed = opened(store.open_challenge(realm(), &request(1, NOW + MILLI)).await.unwrap());
    store.refund_send(realm(), &failed, Refund::Whole, NOW + MILLI * 2).await.unwrap();
    let later = NOW + SendLimits::HOUR * 2;
    opened(store.open_challenge(realm(), &request(2, later)).await.unwrap());
    let day_ends = NOW + SendLimits::DAY;
    let refused = later + SendLimits::HOUR;
    assert_eq!(
        store.open_challenge(realm(), &request(3, refused)).await.unwrap(),
        Opening::Wait(refused.until(day_ends))
    );
}

/// A refund of a send that was never paid changes nothing.
pub async fn a_refund_of_a_send_that_was_not_paid_changes_nothing<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let never = SendTicket::new(identity(1), Requester::Stranger, key(9), NOW + MINUTE, NOW);
    store.refund_send(realm(), &never, Refund::Whole, NOW).await.unwrap();
    let paid = opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW + MILLI)).await.unwrap());
    for other in [
        never,
        SendTicket { requester: Requester::KnownDevice, ..paid },
        SendTicket { payer: identity(2), ..paid },
        SendTicket { key: key(9), ..paid },
    ] {
        store.refund_send(realm(), &other, Refund::Whole, NOW + MILLI * 2).await.unwrap();
    }
    let waiting = store.open_challenge(realm(), &open(identity(1), key(2), NOW + MILLI * 2)).await.unwrap();
    assert_eq!(waiting, Opening::Wait(Duration::from_millis(59_999)));
}

/// A refund that comes after the next send was paid changes nothing.
pub async fn a_late_refund_does_not_touch_a_later_send<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let first = opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    let second = NOW + MINUTE;
    opened(store.open_challenge(realm(), &open(identity(1), key(2), second)).await.unwrap());
    store.refund_send(realm(), &first, Refund::Whole, second + MILLI).await.unwrap();
    assert_eq!(
        store.open_challenge(realm(), &open(identity(1), key(3), second + MILLI)).await.unwrap(),
        Opening::Wait(Duration::from_millis(59_999))
    );
}

/// Of two requests of one payer in the same millisecond, one pays. A refund of the other changes
/// nothing.
pub async fn a_refund_of_another_request_in_the_same_millisecond_changes_nothing<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let refused = open(identity(1), key(2), NOW);
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    assert_eq!(store.open_challenge(realm(), &refused).await.unwrap(), Opening::Wait(MINUTE));
    store.refund_send(realm(), &refused.ticket(), Refund::Whole, NOW).await.unwrap();
    assert_eq!(store.open_challenge(realm(), &refused).await.unwrap(), Opening::Wait(MINUTE));
}

/// A send that was refunded is not the one that was paid after it in the same millisecond, whether
/// that one adds a challenge or resumes one.
pub async fn a_repeated_refund_does_not_touch_a_send_of_the_same_millisecond<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let limits = SendLimits { per_hour: 4, ..LIMITS };
    let request = |number, now| OpenChallenge { limits, ..open(identity(1), key(number), now) };
    opened(store.open_challenge(realm(), &request(1, NOW)).await.unwrap());
    let now = NOW + MINUTE;
    for (number, next) in [(2, request(3, now)), (4, resume(request(5, now), key(1)))] {
        let failed = opened(store.open_challenge(realm(), &request(number, now)).await.unwrap());
        store.refund_send(realm(), &failed, Refund::Whole, now).await.unwrap();
        let paid = ticket(store.open_challenge(realm(), &next).await.unwrap());
        store.refund_send(realm(), &failed, Refund::Whole, now + MILLI).await.unwrap();
        assert_eq!(store.open_challenge(realm(), &request(6, now)).await.unwrap(), Opening::Wait(MINUTE));
        store.refund_send(realm(), &paid, Refund::Cooldown, now).await.unwrap();
    }
    // Of four sends in the hour, three are paid.
    opened(store.open_challenge(realm(), &request(6, now)).await.unwrap());
    let (later, hour_ends) = (now + MINUTE, NOW + SendLimits::HOUR);
    assert_eq!(store.open_challenge(realm(), &request(7, later)).await.unwrap(), Opening::Wait(later.until(hour_ends)));
}

/// A refund at the end of a cooldown leaves no cooldown that would identify the send again.
pub async fn a_refund_at_the_end_of_the_cooldown_counts_once<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let limits = SendLimits { per_hour: 2, ..LIMITS };
    let request = |number, now| OpenChallenge { limits, ..open(identity(1), key(number), now) };
    opened(store.open_challenge(realm(), &request(1, NOW)).await.unwrap());
    let failed = opened(store.open_challenge(realm(), &request(2, NOW + MINUTE)).await.unwrap());
    let now = NOW + 2 * MINUTE;
    for _ in 0..3 {
        store.refund_send(realm(), &failed, Refund::Whole, now).await.unwrap();
    }
    opened(store.open_challenge(realm(), &request(3, now)).await.unwrap());
    let later = now + MINUTE;
    let hour_ends = NOW + SendLimits::HOUR;
    assert_eq!(store.open_challenge(realm(), &request(4, later)).await.unwrap(), Opening::Wait(later.until(hour_ends)));
}
