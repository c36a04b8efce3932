use futures_util::FutureExt;

use super::*;

const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const RATE: Rate = Rate::per_minute(6).burst(4);

fn key(number: usize) -> LimitKey {
    LimitKey::new(crate::crypto::first(&crate::crypto::hash(&number.to_be_bytes())))
}

fn charge(limiter: &MemoryLimiter, charge: Charge) -> Result<MemoryReceipt, Duration> {
    limiter.charge(charge).now_or_never().unwrap()
}

fn refund(limiter: &MemoryLimiter, receipt: MemoryReceipt, weight: u32, time: Timestamp) {
    limiter.refund(receipt, weight, time).now_or_never().unwrap();
}

/// How many requests are admitted at this moment.
fn admitted(limiter: &MemoryLimiter, key: LimitKey, rate: Rate, time: Timestamp) -> usize {
    std::iter::from_fn(|| charge(limiter, Charge::new(key, rate, 1, time)).ok()).count()
}

#[test]
fn a_burst_is_admitted_at_once_and_then_one_request_per_interval() {
    let limiter = MemoryLimiter::new();
    assert_eq!(admitted(&limiter, key(1), RATE, START), 4);
    assert_eq!(charge(&limiter, Charge::new(key(1), RATE, 1, START)).unwrap_err(), Duration::from_secs(10));
    assert_eq!(admitted(&limiter, key(1), RATE, START + Duration::from_secs(10)), 1);
    assert_eq!(admitted(&limiter, key(1), RATE, START + Duration::from_hours(1)), 4);
    assert_eq!(admitted(&limiter, key(2), RATE, START), 4);
}

#[test]
fn simultaneous_requests_are_admitted_up_to_the_burst() {
    let limiter = MemoryLimiter::new();
    let rate = Rate::per_hour(60).burst(20);
    let total: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| admitted(&limiter, key(1), rate, START))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(total, 20);
}

#[test]
fn a_refund_to_an_entry_that_is_gone_changes_nothing() {
    let receipt = charge(&MemoryLimiter::new(), Charge::new(key(1), RATE, 4, START)).unwrap();
    let limiter = MemoryLimiter::new();
    refund(&limiter, receipt, 4, START);
    assert_eq!(admitted(&limiter, key(1), RATE, START), 4);
}

#[test]
fn simultaneous_refunds_return_as_much_as_was_paid() {
    let limiter = MemoryLimiter::new();
    let rate = Rate::per_hour(60).burst(80);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    if let Ok(receipt) = charge(&limiter, Charge::new(key(1), rate, 4, START)) {
                        refund(&limiter, receipt, 3, START);
                    }
                }
            });
        }
    });
    // At least as many as would fit if all were in flight at once have paid 1 each.
    let left = admitted(&limiter, key(1), rate, START);
    assert!((40..=60).contains(&left), "{left}");
}

/// Entries, and the bytes of the tables that hold them: each place has a byte of control data.
fn size(limiter: &MemoryLimiter) -> (usize, usize) {
    let shards = limiter.0.iter().map(|shard| {
        let shard = shard.lock().unwrap();
        let [places, groups] = [shard.settled.capacity(), shard.groups.capacity()].map(|capacity| capacity * 8 / 7);
        let group = size_of::<((Rate, u8), u64)>() + 1;
        (shard.settled.len(), places * (size_of::<(LimitKey, u64)>() + 1) + groups * group)
    });
    shards.fold((0, 0), |(entries, bytes), (more, larger)| (entries + more, bytes + larger))
}

#[test]
fn a_flood_of_networks_has_bounded_entries_and_evicts_nobody() {
    const FLOOD: usize = 300_000;
    let limiter = MemoryLimiter::new();
    let attacker = key(FLOOD);
    admitted(&limiter, attacker, RATE, START);
    let admits = |number| charge(&limiter, Charge::new(key(number), RATE, 1, START)).is_ok();
    let all = (0..FLOOD).filter(|number| admits(*number)).count();
    let (entries, bytes) = size(&limiter);
    assert_eq!(entries, SHARDS * MAX_ENTRIES);
    assert_eq!(entries, 114_688, "the documents have this number");
    // The others share so many bursts.
    let groups = SHARDS * usize::from(GROUPS);
    assert_eq!(groups, 4_096, "the documents have this number");
    assert_eq!(all, entries - 1 + groups * 4);
    // Each of the four routes has a rate.
    for (number, rate) in (0..FLOOD).zip([1, 2, 3, 4].map(Rate::per_hour).iter().cycle()) {
        let _ = charge(&limiter, Charge::new(key(number), *rate, 1, START));
    }
    let bytes = bytes.max(size(&limiter).1);
    assert!(bytes <= 4_200_000, "{bytes}: the documents have this number");
    assert_eq!(admitted(&limiter, attacker, RATE, START), 0);

    // When their debts are paid, newcomers have entries again, and the table does not grow.
    let later = START + Duration::from_secs(40);
    assert_eq!(admitted(&limiter, key(FLOOD + 1), RATE, later), 4);
    assert_eq!(admitted(&limiter, key(FLOOD + 2), RATE, later), 4);
    assert!(size(&limiter).1 <= bytes);
}

/// Two IPv6 `/48`s are 131,072 networks.
#[test]
fn who_fills_the_table_is_counted_with_themselves_and_holds_up_nobody_else() {
    let limiter = MemoryLimiter::new();
    let ask = |number: usize, group: usize| {
        charge(&limiter, Charge::new(key(number), RATE, 1, START).group(key(group))).is_ok()
    };
    let admitted = (0..131_072_usize).filter(|number| ask(*number, 900_000 + number % 2)).count();
    // What does not fit counts as two networks.
    let (entries, _) = size(&limiter);
    assert!(entries > 114_000, "{entries}");
    assert_eq!(admitted, entries + 2 * 4);
    // None of these is one of the few that share a group with the two.
    for number in 300_000..300_020 {
        for _ in 0..4 {
            assert!(ask(number, number), "{number}");
        }
        assert!(!ask(number, number), "{number}");
    }
}

#[test]
fn networks_without_a_debt_are_forgotten_before_the_table_grows() {
    let limiter = MemoryLimiter::new();
    for number in 0..200_000 {
        let time = START + Duration::from_millis(number as u64);
        charge(&limiter, Charge::new(key(number), RATE, 1, time)).unwrap();
    }
    // About 10,000 have a debt at any time.
    let (entries, bytes) = size(&limiter);
    assert!(entries < 25_000 && bytes < 1_000_000, "{entries} {bytes}");
}

/// One long debt must not keep the place of many that have been paid.
#[test]
fn a_debt_that_is_paid_gives_its_place_back_beside_a_longer_one() {
    let of_one_shard = |number: u16| {
        let mut bytes = [7; 16];
        bytes[14..].copy_from_slice(&number.to_be_bytes());
        LimitKey::new(bytes)
    };
    let limiter = MemoryLimiter::new();
    let ask = |number, weight, seconds| {
        let time = START + Duration::from_secs(seconds);
        charge(&limiter, Charge::new(of_one_shard(number), RATE, weight, time)).unwrap().place
    };
    let entries = u16::try_from(MAX_ENTRIES).unwrap();
    ask(0, 4, 0);
    for (begin, seconds) in [(1_000, 0), (2_000, 10)] {
        for number in begin..begin + entries - 1 {
            assert!(matches!(ask(number, 1, seconds), Place::Own), "{number}");
        }
    }
    assert!(matches!(ask(1, 1, 20), Place::Own));
}

#[test]
fn a_refund_to_a_group_leaves_the_own_entry_alone() {
    let limiter = MemoryLimiter::new();
    let mut shard = limiter.0[usize::from(key(1).as_bytes()[0])].lock().unwrap();
    let settled = nanos(START + Duration::from_secs(30));
    for number in 2..=MAX_ENTRIES + 1 {
        shard.settled.insert(key(number), settled);
    }
    drop(shard);
    let receipt = charge(&limiter, Charge::new(key(1), RATE, 4, START)).unwrap();
    assert!(matches!(receipt.place, Place::Group));
    let soon = START + Duration::from_secs(31);
    assert_eq!(admitted(&limiter, key(1), RATE, soon), 4);
    refund(&limiter, receipt, 4, soon);
    assert_eq!(admitted(&limiter, key(1), RATE, soon), 0);
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out() {
    let limiter = MemoryLimiter::new();
    let ahead = START + Duration::from_hours(24 * 365);
    assert_eq!(admitted(&limiter, key(1), RATE, ahead), 4);
    // The debt remains what it was.
    assert_eq!(charge(&limiter, Charge::new(key(1), RATE, 1, START)).unwrap_err(), Duration::from_secs(10));
    assert_eq!(admitted(&limiter, key(1), RATE, START + Duration::from_secs(10)), 1);
    // A minute or less may be two processors, and is waited for.
    let back = START + Duration::from_secs(10) - Duration::from_mins(1);
    assert_eq!(charge(&limiter, Charge::new(key(1), RATE, 1, back)).unwrap_err(), Duration::from_secs(70));
}
