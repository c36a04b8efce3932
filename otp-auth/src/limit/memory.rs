//! Counters in the memory of the process.

use std::cell::Cell;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use super::{Charge, LimitKey, Limiter, Rate};
use crate::clock::{SKEW, Timestamp};
use crate::secret::redacted;

/// The table is divided, so that requests rarely wait for each other.
const SHARDS: usize = 256;

/// Networks per shard: as many as a hash table with 512 places holds.
const MAX_ENTRIES: usize = 448;

/// Groups per shard, for each rate.
const GROUPS: u8 = 16;

/// Counts requests in the memory of this process, which other processes do not see.
///
/// It remembers at most 114,688 networks and sessions, in 4.2 MB at most. One is forgotten when its
/// burst is available again, so the limit counts only those that asked recently. Should so many ask
/// at once, each of the others is counted with those around it: an IPv4 `/24`, an IPv6 `/48`, and
/// about 1 in 4,096 of the rest. They are limited like one network. Nobody can push out what is
/// known about another network, and nobody gets more than the rate.
#[derive(Clone)]
pub struct MemoryLimiter(Arc<[Mutex<Shard>]>);

impl MemoryLimiter {
    /// A limiter that has counted nothing.
    #[must_use]
    pub fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }

    /// Calls `change` with the part of the table that has the key.
    fn with<T>(&self, key: &LimitKey, now: u64, change: impl FnOnce(&mut Shard) -> T) -> T {
        let shard = &self.0[usize::from(key.as_bytes()[0]) % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.follow(now);
        change(&mut shard)
    }
}

impl Default for MemoryLimiter {
    fn default() -> Self {
        Self::new()
    }
}

redacted!(MemoryLimiter);

/// What a request has paid to a [`MemoryLimiter`].
#[derive(Debug)]
pub struct MemoryReceipt {
    charge: Charge,
    place: Place,
    /// When time alone has paid the debt that the request left.
    settled: u64,
}

/// Where a debt is.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// The network has an entry.
    Own,
    /// It found no room.
    Group,
}

impl Limiter for MemoryLimiter {
    type Receipt = MemoryReceipt;

    async fn charge(&self, charge: Charge) -> Result<MemoryReceipt, Duration> {
        let now = nanos(charge.time);
        let own = self.with(&charge.key, now, |shard| {
            let paid = pay(&charge, now, shard.own(charge.key, now)?);
            shard.earliest = shard.earliest.min(*paid.as_ref().unwrap_or(&u64::MAX));
            Some(paid)
        });
        let (place, paid) = match own {
            Some(paid) => (Place::Own, paid),
            None => (Place::Group, self.with(&charge.group, now, |shard| pay(&charge, now, shard.group(&charge)))),
        };
        paid.map(|settled| MemoryReceipt { charge, place, settled })
    }

    async fn refund(&self, receipt: MemoryReceipt, weight: u32, time: Timestamp) {
        let MemoryReceipt { charge, place, settled } = receipt;
        let now = nanos(time);
        let paid = u64::from(weight.min(charge.payable())).saturating_mul(interval(charge.rate));
        let key = match place {
            Place::Own => charge.key,
            Place::Group => charge.group,
        };
        self.with(&key, now, |shard| {
            let debt = match place {
                Place::Own => shard.settled.get_mut(&key),
                Place::Group => Some(shard.group(&charge)),
            };
            if let Some(debt) = debt {
                *debt = debt.saturating_sub(paid.min(settled.saturating_sub(now)));
                let settled = *debt;
                shard.earliest = shard.earliest.min(settled);
            }
        });
    }
}

/// A part of the table. Times are nanoseconds since the Unix epoch.
#[derive(Default)]
struct Shard {
    /// When each network will have no debt.
    settled: HashMap<LimitKey, u64>,
    /// The same for the groups of those that found no room. There are few rates.
    groups: HashMap<(Rate, u8), u64>,
    /// Before this time, no entry has become superfluous.
    earliest: u64,
    /// The latest time.
    now: u64,
}

impl Shard {
    /// The entry of a network, if there is room for it.
    fn own(&mut self, key: LimitKey, now: u64) -> Option<&mut u64> {
        if !self.settled.contains_key(&key) {
            // Before the table would grow.
            if self.settled.len() == self.settled.capacity().min(MAX_ENTRIES) {
                self.sweep(now);
            }
            if self.settled.len() >= MAX_ENTRIES {
                return None;
            }
        }
        Some(self.settled.entry(key).or_default())
    }

    fn group(&mut self, charge: &Charge) -> &mut u64 {
        self.groups.entry((charge.rate, charge.group.as_bytes()[1] % GROUPS)).or_default()
    }

    /// Forgets the networks without a debt, if there can be any.
    fn sweep(&mut self, now: u64) {
        if now >= self.earliest {
            self.settled.retain(|_, settled| *settled > now);
            self.earliest = self.settled.values().copied().min().unwrap_or(0);
        }
    }

    /// If the clock was set back, debts move with it: otherwise, networks would wait as much longer.
    fn follow(&mut self, now: u64) {
        let back = self.now.saturating_sub(now);
        if Duration::from_nanos(back) > SKEW {
            for settled in self.settled.values_mut().chain(self.groups.values_mut()) {
                *settled = settled.saturating_sub(back);
            }
            self.earliest = self.earliest.saturating_sub(back);
            self.now = now;
        }
        self.now = self.now.max(now);
    }
}

fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(0).saturating_mul(1_000_000)
}

/// Nanoseconds per request; none without a limit.
fn interval(rate: Rate) -> u64 {
    rate.interval().map_or(0, |interval| u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX))
}

/// Charges a debt. Returns when it will be paid, or how long to wait.
fn pay(charge: &Charge, now: u64, debt: &mut u64) -> Result<u64, Duration> {
    *debt = now.saturating_add(owed(charge, debt.saturating_sub(now))?);
    Ok(*debt)
}

/// The debt after a charge, in nanoseconds, or how long to wait.
fn owed(charge: &Charge, debt: u64) -> Result<u64, Duration> {
    let quota = charge.rate.interval().and_then(Quota::with_period);
    let (Some(quota), Some(burst), Some(weight)) =
        (quota, NonZeroU32::new(charge.rate.burst_size()), NonZeroU32::new(charge.payable()))
    else {
        return Ok(debt);
    };
    let debt = Debt(Cell::new(debt));
    let rule = RateLimiter::<_, _, _, NoOpMiddleware<Nanos>>::new(quota.allow_burst(burst), debt, Still);
    match rule.check_n(weight) {
        Ok(Ok(())) => Ok(rule.into_state_store().0.get()),
        Ok(Err(not_until)) => {
            let wait = u64::try_from(not_until.wait_time_from(Still.now()).as_nanos()).unwrap_or(u64::MAX);
            // The clock has milliseconds.
            Err(Duration::from_millis(wait.div_ceil(1_000_000)))
        }
        // A weight above the burst.
        Err(_) => Err(Duration::MAX),
    }
}

/// The debt of one network, as governor's state: its time is how far from now the debt ends.
struct Debt(Cell<u64>);

impl StateStore for Debt {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, change: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, next) = change(Some(self.0.get().into()))?;
        self.0.set(next.as_u64());
        Ok(outcome)
    }
}

/// Governor's clock: it is always now.
struct Still;

impl Clock for Still {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(0)
    }
}

#[cfg(test)]
mod tests;
