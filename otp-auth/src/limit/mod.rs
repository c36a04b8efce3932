//! Limits per network: how many requests one network may make, whatever it asks for.
//!
//! The routes count each request before the store is asked. The rates are keys of
//! [`#[otp_config]`](macro@crate::otp_config#limits-per-network), and the counters are in a
//! [`Limiter`]: in the memory of the process ([`MemoryLimiter`], the default), in Redis or Valkey
//! (`RedisLimiter`, feature `redis`), or in one of your own. Mark it in the configuration with
//! `#[otp(limiter)]`.
//!
//! The rule is the generic cell rate algorithm (GCRA, ITU-T I.371): a network has a debt, which
//! shrinks as time passes. A request is admitted if its debt stays within the burst.

mod memory;
#[cfg(feature = "redis")]
mod shared;

use std::future::Future;
use std::time::Duration;

pub use crate::clock::Timestamp;
pub use memory::{MemoryLimiter, MemoryReceipt};
pub use otp_auth_rules::{InvalidRate, Rate};
#[cfg(feature = "redis")]
pub use shared::{InvalidRedisUrl, RedisLimiter, RedisReceipt};

/// Who makes which kind of request: a MAC over the realm, the route and the network or session.
/// Processes with the same secret have the same keys, and nothing can be read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitKey([u8; 16]);

impl LimitKey {
    /// A key, for tests of a limiter.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, which are uniformly distributed.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// A request to count.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Charge {
    /// Whose request it is.
    pub key: LimitKey,
    /// Whom to count it with if there is no room for the key: everybody around its network, an IPv4
    /// `/24` or an IPv6 `/48`. One person has very many keys, but few groups.
    pub group: LimitKey,
    /// How many are admitted.
    pub rate: Rate,
    /// How many requests this one counts as. More than the burst counts as the burst.
    pub weight: u32,
    /// The time of this process. A limiter that processes share needs a common clock instead.
    pub time: Timestamp,
}

impl Charge {
    /// A request that counts as `weight` requests, in a group of its own.
    #[must_use]
    pub const fn new(key: LimitKey, rate: Rate, weight: u32, time: Timestamp) -> Self {
        Self { key, group: key, rate, weight, time }
    }

    /// The same in this [`group`](Self::group).
    #[must_use]
    pub const fn group(self, group: LimitKey) -> Self {
        Self { group, ..self }
    }

    /// The weight, but no more than could ever be admitted.
    #[must_use]
    pub fn payable(&self) -> u32 {
        self.weight.min(self.rate.burst_size())
    }
}

/// Counts requests. A handle: clones share the counters.
///
/// Both methods are atomic: of any number of simultaneous requests, no more are admitted than the
/// rate allows. A limiter never fails. If it cannot count, it decides whether to admit, and says so
/// in its own log.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot limit requests",
    label = "does not implement `Limiter`",
    note = "`#[otp(limiter)]` goes on a field with a limiter, such as `otp_auth::limit::MemoryLimiter`"
)]
pub trait Limiter: Clone + Send + Sync + 'static {
    /// What an admitted request has paid, for a [`refund`](Self::refund).
    type Receipt: Send;

    /// Counts a request if it is admitted.
    ///
    /// # Errors
    ///
    /// How long to wait: the same request is then admitted, unless others come first. A rejected
    /// request does not count.
    fn charge(&self, charge: Charge) -> impl Future<Output = Result<Self::Receipt, Duration>> + Send;

    /// Returns up to `weight` of what a request has paid, as far as time has not returned it
    /// already.
    fn refund(&self, receipt: Self::Receipt, weight: u32, time: Timestamp) -> impl Future<Output = ()> + Send;
}
