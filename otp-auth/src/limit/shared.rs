//! Counters in Redis or Valkey, which processes share.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Script};

use super::{Charge, LimitKey, Limiter, MemoryLimiter, MemoryReceipt, Timestamp};
use crate::event;

/// How long a request waits for the server.
const TIME_LIMIT: Duration = Duration::from_millis(50);

/// How long connecting, and the check whether the server is back, may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// The pause between these checks.
const PAUSE: Duration = Duration::from_millis(250);

/// Charges: the same rule as in memory, on the time of the server, in microseconds. Returns whether
/// the request is admitted, and when the debt will be paid or how long to wait.
const CHARGE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full, price = tonumber(ARGV[1]), tonumber(ARGV[2])
local settled = tonumber(redis.call('GET', KEYS[1]) or 0)
-- Later than a full debt only if the clock was set back.
settled = math.min(math.max(settled, now), now + full) + price
if settled - now > full then
    return {0, settled - now - full}
end
redis.call('SET', KEYS[1], string.format('%.0f', settled), 'PX', math.ceil((settled - now) / 1000))
return {1, settled}
";

/// Refunds what time has not returned already: the price, and when the debt of the request would
/// have been paid.
const REFUND: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local settled = tonumber(redis.call('GET', KEYS[1]) or 0)
local back = math.min(tonumber(ARGV[1]), tonumber(ARGV[2]) - now)
if settled <= now or back <= 0 then
    return
end
settled = settled - back
if settled <= now then
    redis.call('DEL', KEYS[1])
else
    redis.call('SET', KEYS[1], string.format('%.0f', settled), 'PX', math.ceil((settled - now) / 1000))
end
";

/// Counts requests in Redis 7 or Valkey, so that processes share the limits.
///
/// A request costs one round trip, for one atomic script on the time of the server. Keys start with
/// `otp-auth:limit:`, contain no addresses, and expire when the burst is available again.
///
/// If the server does not respond within 50 milliseconds, or reports an error, the limiter counts
/// in memory, as [`MemoryLimiter`] does. It says so once in the log (`sys_limiter_away`), asks the
/// server in the background every quarter of a second, and returns to it (`sys_limiter_back`). No
/// request waits for that. Each process then counts for itself, and begins with what it counted in
/// earlier outages, so a network can use its burst once more in each.
///
/// A request that the limiter has given up on may still be counted.
#[derive(Clone)]
pub struct RedisLimiter(Arc<Shared>);

struct Shared {
    connection: ConnectionManager,
    charge: Script,
    refund: Script,
    memory: MemoryLimiter,
    is_away: AtomicBool,
}

/// The text is not the URL of a Redis server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the URL of a Redis server: write `redis://host:6379`, or `rediss://host:6379` for TLS")]
#[non_exhaustive]
pub struct InvalidRedisUrl;

/// What a request has paid to a [`RedisLimiter`].
#[derive(Debug)]
pub struct RedisReceipt(Paid);

#[derive(Debug)]
enum Paid {
    /// On the server: the price of one request and how many were paid, and when the debt will be
    /// paid, in microseconds.
    Server {
        key: LimitKey,
        interval: u64,
        weight: u32,
        settled: u64,
    },
    Memory(MemoryReceipt),
}

impl RedisLimiter {
    /// Connects to a server: `redis://[user:password@]host[:port][/database]`, or `rediss://` for
    /// TLS. If the server does not respond, the limiter counts in memory until it does.
    ///
    /// # Errors
    ///
    /// [`InvalidRedisUrl`].
    pub async fn connect(url: &str) -> Result<Self, InvalidRedisUrl> {
        let client = Client::open(url).map_err(|_| InvalidRedisUrl)?;
        // Each check connects once. Requests do not wait for it, and are not sent later.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(|_| InvalidRedisUrl)?;
        let limiter = Self(Arc::new(Shared {
            connection,
            charge: Script::new(CHARGE),
            refund: Script::new(REFUND),
            memory: MemoryLimiter::new(),
            is_away: AtomicBool::new(false),
        }));
        if let Err(cause) = limiter.0.check().await {
            limiter.lost(&cause);
        }
        Ok(limiter)
    }

    fn is_away(&self) -> bool {
        self.0.is_away.load(Ordering::Relaxed)
    }

    /// Counts in memory until the server is back.
    fn lost(&self, cause: &dyn fmt::Display) {
        if !self.0.is_away.swap(true, Ordering::Relaxed) {
            event::limiter_away(&cause);
            tokio::spawn(until_back(Arc::downgrade(&self.0)));
        }
    }
}

impl Shared {
    async fn charged(&self, key: String, full: u64, price: u64) -> Result<(bool, u64), RedisError> {
        let mut connection = self.connection.clone();
        self.charge.key(key).arg(full).arg(price).invoke_async(&mut connection).await
    }

    async fn refunded(&self, key: String, price: u64, settled: u64) -> Result<(), RedisError> {
        let mut connection = self.connection.clone();
        self.refund.key(key).arg(price).arg(settled).invoke_async(&mut connection).await
    }

    /// Whether the server counts: it must also be able to write.
    async fn check(&self) -> Result<(), Away> {
        within(PATIENCE, self.charged("otp-auth:limit:check".to_owned(), 1_000, 1_000)).await.map(drop)
    }
}

/// Asks the server until it is back, or the limiter is gone.
async fn until_back(limiter: Weak<Shared>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let Some(shared) = limiter.upgrade() else { return };
        if shared.check().await.is_ok() {
            event::limiter_back();
            return shared.is_away.store(false, Ordering::Relaxed);
        }
    }
}

/// Why the server does not count.
#[derive(Debug, thiserror::Error)]
enum Away {
    #[error("it did not respond within {} ms", .0.as_millis())]
    Slow(Duration),
    #[error(transparent)]
    Failed(#[from] RedisError),
}

async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, Away> {
    tokio::time::timeout(limit, answer).await.map_err(|_| Away::Slow(limit))?.map_err(Away::Failed)
}

/// The name of a key on the server.
fn name(key: &LimitKey) -> String {
    format!("otp-auth:limit:{:032x}", u128::from_be_bytes(*key.as_bytes()))
}

impl Limiter for RedisLimiter {
    type Receipt = RedisReceipt;

    async fn charge(&self, charge: Charge) -> Result<RedisReceipt, Duration> {
        let interval = charge.rate.interval().filter(|_| !self.is_away());
        if let Some(interval) = interval.map(micros) {
            let (burst, weight) = (u64::from(charge.rate.burst_size()), charge.payable());
            let answer = self.0.charged(name(&charge.key), burst * interval, u64::from(weight) * interval);
            match within(TIME_LIMIT, answer).await {
                Ok((true, settled)) => {
                    return Ok(RedisReceipt(Paid::Server { key: charge.key, interval, weight, settled }));
                }
                Ok((false, wait)) => return Err(Duration::from_micros(wait)),
                Err(cause) => self.lost(&cause),
            }
        }
        self.0.memory.charge(charge).await.map(|receipt| RedisReceipt(Paid::Memory(receipt)))
    }

    async fn refund(&self, receipt: RedisReceipt, weight: u32, time: Timestamp) {
        match receipt.0 {
            Paid::Memory(receipt) => self.0.memory.refund(receipt, weight, time).await,
            // Without it, the network only waits longer.
            Paid::Server { .. } if self.is_away() => {}
            Paid::Server { key, interval, weight: paid, settled } => {
                let price = u64::from(weight.min(paid)) * interval;
                if let Err(cause) = within(TIME_LIMIT, self.0.refunded(name(&key), price, settled)).await {
                    self.lost(&cause);
                }
            }
        }
    }
}

/// Rounded up, so that no more is admitted.
fn micros(interval: Duration) -> u64 {
    u64::try_from(interval.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX)
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter").field("is_away", &self.is_away()).finish_non_exhaustive()
    }
}
