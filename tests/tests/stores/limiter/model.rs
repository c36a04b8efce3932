//! The rule of the limiters as a small model, which both must follow in any order of charges,
//! refunds and pauses, to the last answer and its wait.
//!
//! Redis decides by a clock that nobody can move, at some moment between two readings of it. So the
//! model knows a debt within bounds, and an answer is right if it is possible within them. In
//! memory, the time is a value, and the bounds are one number.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use otp_auth::limit::{Charge, LimitKey, Limiter, MemoryLimiter, Rate, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::{NOW, fresh, limiter};
use crate::servers::until;

type Nanos = i128;

const MILLI: Nanos = 1_000_000;

/// GCRA: charges a debt that ends at `settled`. When it will end, or how long to wait.
fn charged(settled: Nanos, now: Nanos, price: Nanos, full: Nanos) -> Result<Nanos, Nanos> {
    let settled = settled.max(now) + price;
    if settled <= now + full { Ok(settled) } else { Err(settled - full - now) }
}

/// Returns a price, but nothing of it that time has returned: the debt it left ended at `paid`.
fn refunded(settled: Nanos, now: Nanos, price: Nanos, paid: Nanos) -> Nanos {
    settled - price.min((paid - now).max(0))
}

/// The earliest and the latest possible time.
type Bounds = (Nanos, Nanos);

#[derive(Debug, Clone)]
enum Step {
    Charge {
        who: usize,
        weight: u32,
    },
    /// Of the latest charges that are not refunded.
    Refund {
        charge: usize,
        weight: u32,
    },
    /// In quarters of the time per request.
    Pass {
        quarters: u32,
    },
    /// As long as the last answer said, or a little less.
    Wait {
        early: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2_usize, 1..7_u32).prop_map(|(who, weight)| Step::Charge { who, weight }),
        1 => (0..3_usize, 1..7_u32).prop_map(|(charge, weight)| Step::Refund { charge, weight }),
        2 => (0..10_u32).prop_map(|quarters| Step::Pass { quarters }),
        2 => any::<bool>().prop_map(|early| Step::Wait { early }),
    ]
}

/// The clock of a limiter.
enum Clock {
    /// It is moved.
    Moved(Cell<Timestamp>),
    /// That of a Redis on this machine.
    Real,
}

impl Clock {
    fn now(&self) -> Nanos {
        match self {
            Self::Moved(time) => Nanos::from(time.get().as_millis()) * MILLI,
            Self::Real => {
                let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
                Nanos::try_from(time.as_micros()).unwrap() * 1_000
            }
        }
    }

    /// The units of a time per request, and of a wait. Both are rounded up.
    fn units(&self) -> (Nanos, Nanos) {
        match self {
            Self::Moved(_) => (1, MILLI),
            Self::Real => (1_000, 1_000),
        }
    }

    async fn pass(&self, nanos: Nanos) {
        let time = Duration::from_nanos(nanos.max(0).try_into().unwrap());
        match self {
            Self::Moved(now) => now.set(now.get() + time),
            // Longer than the time per request of all rates but the slow ones.
            Self::Real => tokio::time::sleep(time.min(Duration::from_millis(40))).await,
        }
    }
}

fn up(nanos: Nanos, unit: Nanos) -> Nanos {
    (nanos + unit - 1) / unit * unit
}

/// Takes the steps, and compares each answer with the model. Counts those that were admitted, rejected
/// and refunded. `None` if the limiter did not use its server all the time.
async fn follow<L: Limiter>(
    limiter: &L,
    is_away: impl Fn() -> bool,
    clock: &Clock,
    rate: Rate,
    steps: &[Step],
) -> Result<Option<[usize; 3]>, String> {
    let (grain, unit) = clock.units();
    let interval = up(rate.interval().unwrap().as_nanos().try_into().unwrap(), grain);
    let price = |weight: u32| interval * Nanos::from(weight.min(rate.burst_size()));
    let full = price(rate.burst_size());
    let keys: [LimitKey; 2] = [fresh(), fresh()];
    let mut debts: [Bounds; 2] = [(0, 0); 2];
    let mut receipts = Vec::new();
    let (mut wait, mut seen) = (0, [0; 3]);
    for (step, number) in steps.iter().zip(1..) {
        match *step {
            Step::Charge { who, weight } => {
                let time = if let Clock::Moved(time) = clock { time.get() } else { NOW };
                let begin = clock.now();
                let answer = limiter.charge(Charge::new(keys[who], rate, weight, time)).await;
                if is_away() {
                    return Ok(None);
                }
                let end = clock.now();
                let (price, (first, last)) = (price(weight), debts[who]);
                let (lenient, strict) = (charged(first, end, price, full), charged(last, begin, price, full));
                let wrong = |answer: &str| {
                    Err(format!("step {number} at {begin}..={end}: {answer}, not {strict:?} or {lenient:?}"))
                };
                match answer {
                    Ok(receipt) => {
                        if lenient.is_err() {
                            return wrong("admitted");
                        }
                        debts[who] = (first.max(begin) + price, (last.max(end) + price).min(end + full));
                        receipts.push((who, weight, debts[who], receipt));
                        seen[0] += 1;
                    }
                    Err(answer) => {
                        wait = Nanos::try_from(answer.as_nanos()).unwrap();
                        let shortest = up(lenient.err().unwrap_or(1), unit);
                        if !strict.is_err_and(|longest| (shortest..=up(longest, unit)).contains(&wait)) {
                            return wrong(&format!("wait {wait}"));
                        }
                        let rest = wait + full - price;
                        debts[who] = (first.max(begin + rest - unit), last.min(end + rest));
                        seen[1] += 1;
                    }
                }
            }
            Step::Refund { charge, weight } => {
                let Some(at) = receipts.len().checked_sub(charge + 1) else { continue };
                let (who, paid, (paid_first, paid_last), receipt) = receipts.remove(at);
                let time = if let Clock::Moved(time) = clock { time.get() } else { NOW };
                let (begin, price) = (clock.now(), price(weight.min(paid)));
                limiter.refund(receipt, weight, time).await;
                if is_away() {
                    return Ok(None);
                }
                let (end, (first, last)) = (clock.now(), debts[who]);
                debts[who] = (refunded(first, begin, price, paid_last), refunded(last, end, price, paid_first));
                seen[2] += 1;
            }
            Step::Pass { quarters } => clock.pass(interval * Nanos::from(quarters) / 4).await,
            Step::Wait { early } => clock.pass(wait - if early { unit } else { 0 }).await,
        }
    }
    Ok(Some(seen))
}

/// Runs cases, and panics with the shortest failing one that it finds.
fn check(
    cases: u32,
    rates: impl IntoIterator<Item = Rate>,
    steps: usize,
    run: impl Fn(Rate, &[Step]) -> Result<[usize; 3], String>,
) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let total = Cell::new([0; 3]);
    let sequences = (proptest::sample::select(Vec::from_iter(rates)), vec(step(), 1..=steps));
    let outcome = TestRunner::new(config).run(&sequences, |(rate, steps)| {
        let seen = run(rate, &steps).map_err(TestCaseError::fail)?;
        let sum = total.get();
        total.set(std::array::from_fn(|at| sum[at] + seen[at]));
        Ok(())
    });
    let total = total.get();
    outcome.unwrap_or_else(|error| panic!("{error}"));
    eprintln!("admitted, rejected, refunded: {total:?}");
    assert!(total.iter().all(|count| *count > 0));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn memory_follows_the_rule_in_any_order_and_every_wait_is_exact() {
    const RATES: [Rate; 7] = [
        Rate::per_minute(6).burst(4),
        Rate::per_second(7).burst(3),
        Rate::per_hour(60).burst(20),
        Rate::per_day(1),
        Rate::per_second(100_000).burst(1),
        Rate::per_day(100_000),
        Rate::per_day(1).burst(100_000),
    ];
    let runtime = runtime();
    check(1_000, RATES, 100, |rate, steps| {
        let (limiter, clock) = (MemoryLimiter::new(), Clock::Moved(Cell::new(NOW)));
        runtime.block_on(follow(&limiter, || false, &clock, rate, steps)).map(Option::unwrap)
    });
}

#[test]
#[ignore = "needs Redis: scripts/test starts one"]
fn redis_follows_the_rule_in_any_order_and_every_wait_is_true() {
    const RATES: [Rate; 5] = [
        Rate::per_second(50).burst(4),
        Rate::per_second(200).burst(3),
        Rate::per_second(30).burst(1),
        Rate::per_hour(60).burst(20),
        Rate::per_day(1),
    ];
    let runtime = runtime();
    let limiter = runtime.block_on(limiter());
    let is_away = || !format!("{limiter:?}").contains("is_away: false");
    check(20, RATES, 50, |rate, steps| {
        // A server that took longer than it may was not asked.
        for _ in 0..20 {
            if let Some(seen) = runtime.block_on(follow(&limiter, is_away, &Clock::Real, rate, steps))? {
                return Ok(seen);
            }
            runtime.block_on(until("the server is back", || async { !is_away() }));
        }
        Err("the server was slow all the time".to_owned())
    });
}
