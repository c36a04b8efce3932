//! Contract 1: what all strangers of an address may send together.

use std::sync::Arc;

use super::Backend;
use super::fixtures::{DAY, MILLI, MINUTE, NOW, at_once, identity, key, mac, open, opened, other_realm, realm, resume};
use crate::store::{
    ChallengeStore, Identity, Maintenance, OpenChallenge, Opening, Refund, Requester, Timestamp, Total, TotalLimit,
};

/// A request from a network, for the address with this number, of which `per_day` may be sent in
/// all.
fn from(network: u32, address: u8, per_day: u32, now: Timestamp) -> OpenChallenge {
    let mut payer = [0xAE; 32];
    payer[28..].copy_from_slice(&network.to_be_bytes());
    OpenChallenge {
        payer: Identity::from_bytes(payer),
        total: Some(TotalLimit::new(identity(address), per_day)),
        ..open(identity(address), key(network), now)
    }
}

/// Each network has its own cooldown, and all together have one limit. It starts anew after a day.
pub async fn all_strangers_of_an_address_have_one_total<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let ask = |open: OpenChallenge| {
        let store = &store;
        async move { store.open_challenge(realm(), &open).await.unwrap() }
    };
    for network in 1..=3 {
        opened(ask(from(network, 1, 3, NOW)).await);
        assert_eq!(ask(from(network, 1, 3, NOW)).await, Opening::Wait(MINUTE), "network {network}");
    }
    assert_eq!(ask(from(4, 1, 3, NOW + MINUTE)).await, Opening::Wait(DAY.checked_sub(MINUTE).unwrap()));
    // Others are not held up: another address, a device, another realm.
    opened(ask(from(20, 2, 3, NOW)).await);
    let device = OpenChallenge {
        total: None,
        payer: identity(7),
        requester: Requester::KnownDevice,
        ..open(identity(1), key(21), NOW)
    };
    opened(ask(device).await);
    opened(store.open_challenge(other_realm(), &from(4, 1, 3, NOW)).await.unwrap());
    let last = NOW + DAY - MILLI;
    assert_eq!(ask(from(5, 1, 3, last)).await, Opening::Wait(MILLI));
    for network in 6..=8 {
        opened(ask(from(network, 1, 3, NOW + DAY)).await);
    }
    assert_eq!(ask(from(9, 1, 3, NOW + DAY)).await, Opening::Wait(DAY));
}

/// Whoever is refused has paid nothing, neither the payer nor the total.
pub async fn both_pay_or_neither<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    opened(store.open_challenge(realm(), &from(1, 1, 1, NOW)).await.unwrap());
    // The total refuses: the payer can send at once when there is room.
    assert_eq!(store.open_challenge(realm(), &from(2, 1, 1, NOW)).await.unwrap(), Opening::Wait(DAY));
    assert_eq!(store.count_attempt(realm(), &key(2), Requester::Stranger, 6).await.unwrap(), None);
    opened(store.open_challenge(realm(), &from(2, 1, 2, NOW)).await.unwrap());
    // The payer refuses: the total has room for exactly one more.
    for _ in 0..5 {
        assert_eq!(store.open_challenge(realm(), &from(2, 1, 3, NOW)).await.unwrap(), Opening::Wait(MINUTE));
    }
    opened(store.open_challenge(realm(), &from(3, 1, 3, NOW)).await.unwrap());
    assert_eq!(store.open_challenge(realm(), &from(4, 1, 3, NOW)).await.unwrap(), Opening::Wait(DAY));
}

/// A burst from one network costs the total one send, not one for each request.
pub async fn a_burst_costs_the_total_one_send<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    let request = |network: u32, number: u32| OpenChallenge {
        fresh: open(identity(1), key(1_000 + number), NOW).fresh,
        ..from(network, 1, 2, NOW)
    };
    let openings = at_once(&store, 20, |store, number| async move {
        store.open_challenge(realm(), &request(1, number)).await.unwrap()
    })
    .await;
    let sent = openings.iter().filter(|opening| matches!(opening, Opening::Opened { .. })).count();
    assert_eq!(sent, 1, "{openings:?}");
    opened(store.open_challenge(realm(), &from(2, 1, 2, NOW)).await.unwrap());
    assert_eq!(store.open_challenge(realm(), &from(3, 1, 2, NOW)).await.unwrap(), Opening::Wait(DAY));
}

/// Of many networks at once, as many send as the total allows, and only the first few get the
/// shorter code.
pub async fn a_total_has_a_number_for_every_send<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    let request = |network| OpenChallenge { short_codes: 2, ..from(network, 1, 5, NOW) };
    let openings =
        at_once(
            &store,
            20,
            |store, network| async move { store.open_challenge(realm(), &request(network)).await.unwrap() },
        )
        .await;
    let macs: Vec<_> = openings
        .iter()
        .filter_map(|opening| match opening {
            Opening::Opened { code_mac, .. } => Some(*code_mac),
            _ => None,
        })
        .collect();
    let shorter = macs.iter().filter(|code_mac| **code_mac == mac(1)).count();
    let longer = macs.iter().filter(|code_mac| **code_mac == mac(2)).count();
    assert_eq!((macs.len(), shorter, longer), (5, 2, 3));
}

/// The later codes of a day are the longer ones, as stored and as returned, also when resumed. Each
/// payer without a total counts for itself.
pub async fn later_codes_of_a_day_are_longer<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let mut seen = Vec::new();
    for network in 1..=4 {
        let request = OpenChallenge { short_codes: 2, ..from(network, 1, 9, NOW) };
        let Opening::Opened { code_mac, .. } = store.open_challenge(realm(), &request).await.unwrap() else {
            panic!("network {network} waits");
        };
        let stored = store.count_attempt(realm(), &key(network), Requester::Stranger, 6).await.unwrap().unwrap();
        assert_eq!(stored.code_mac, Some(code_mac));
        seen.push(code_mac);
    }
    assert_eq!(seen, [mac(1), mac(1), mac(2), mac(2)]);
    for (network, expected) in [(1, mac(1)), (4, mac(2))] {
        let again = OpenChallenge { short_codes: 2, ..resume(from(network, 1, 9, NOW + MINUTE), key(network)) };
        let resumed = store.open_challenge(realm(), &again).await.unwrap();
        assert!(matches!(resumed, Opening::Resumed { code_mac, .. } if code_mac == expected), "{resumed:?}");
    }
    let alone =
        |number: u32| OpenChallenge { short_codes: 1, ..open(identity(3), key(100 + number), NOW + MINUTE * number) };
    for (number, expected) in [(0, mac(1)), (1, mac(2))] {
        let opening = store.open_challenge(realm(), &alone(number)).await.unwrap();
        assert!(matches!(opening, Opening::Opened { code_mac, .. } if code_mac == expected), "{opening:?}");
    }
}

/// A refund gives the total back what the payer gets back, once.
pub async fn a_refund_reaches_the_total<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let ask = |network, now| {
        let store = &store;
        async move { store.open_challenge(realm(), &from(network, 1, 2, now)).await.unwrap() }
    };
    let first = opened(ask(1, NOW).await);
    assert_eq!((first.total, first.paid_at), (Some(identity(1)), NOW));
    opened(ask(2, NOW).await);
    // The e-mail may have been sent.
    store.refund_send(realm(), &first, Refund::Cooldown, NOW + MILLI).await.unwrap();
    assert!(matches!(ask(3, NOW + MILLI).await, Opening::Wait(_)));
    // A repeated refund is for a send that is no longer there.
    for _ in 0..3 {
        store.refund_send(realm(), &first, Refund::Whole, NOW + 2 * MILLI).await.unwrap();
    }
    assert!(matches!(ask(3, NOW + 2 * MILLI).await, Opening::Wait(_)));

    let day = NOW + DAY;
    let paid = opened(ask(4, day).await);
    opened(ask(5, day).await);
    for _ in 0..3 {
        store.refund_send(realm(), &paid, Refund::Whole, day + MILLI).await.unwrap();
    }
    opened(ask(6, day + MILLI).await);
    assert!(matches!(ask(7, day + MILLI).await, Opening::Wait(_)));
    // A day that began later did not pay.
    let next = day + DAY;
    let late = opened(ask(8, next).await);
    opened(ask(9, next + DAY).await);
    store.refund_send(realm(), &late, Refund::Whole, next + DAY).await.unwrap();
    opened(ask(10, next + DAY).await);
    assert!(matches!(ask(11, next + DAY).await, Opening::Wait(_)));
}

/// The total follows [`Total::spend`], over steps of many sizes and clocks that differ.
pub async fn totals_follow_the_rule_step_by_step<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let mut model: Option<Total> = None;
    let mut now = NOW;
    let steps = [1, 3_600_000, -60_000, 0, 43_200_000, 86_399_999, 1, -60_001, 86_400_000, -172_800_000];
    for (number, step) in (0..).zip(steps.iter().cycle().take(80)) {
        now = Timestamp::from_millis(now.as_millis() + step);
        let opening = store.open_challenge(realm(), &from(number, 1, 4, now)).await.unwrap();
        match Total::spend(model, now, 4) {
            Ok(spent) => {
                opened(opening);
                model = Some(spent);
            }
            Err(wait) => assert_eq!(opening, Opening::Wait(wait), "step {number}"),
        }
    }
}

/// A total is deleted when its day is over, and not earlier.
pub async fn a_clean_up_keeps_the_total_of_a_day<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    opened(store.open_challenge(realm(), &from(1, 1, 1, NOW)).await.unwrap());
    let last = NOW + DAY - MILLI;
    assert_eq!(store.cleanup(last, 100).await.unwrap().budgets, 0);
    assert_eq!(store.open_challenge(realm(), &from(2, 1, 1, last)).await.unwrap(), Opening::Wait(MILLI));
    // The payer's, and the total.
    assert_eq!(store.cleanup(NOW + DAY, 100).await.unwrap().budgets, 2);
    assert_eq!(store.cleanup(NOW + DAY, 100).await.unwrap().budgets, 0);
    opened(store.open_challenge(realm(), &from(2, 1, 1, NOW + DAY)).await.unwrap());
}
