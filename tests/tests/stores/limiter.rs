//! The limiter on a real server: several processes, outages, and a server that hangs. And the rule
//! that it shares with the limiter in memory.

use std::process::Command;
use std::time::{Duration, Instant};

use otp_auth::limit::{Charge, LimitKey, Limiter, Rate, RedisLimiter, RedisReceipt, Timestamp};
use otp_auth_tests::{at_once, logs};

use super::servers::{Server, until, url};

mod model;

/// The limiters do not use this time, except in memory.
const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const RATE: Rate = Rate::per_hour(60).burst(20);

async fn limiter() -> RedisLimiter {
    RedisLimiter::connect(&url("OTP_AUTH_REDIS_URL")).await.unwrap()
}

/// A key that no other test uses.
fn fresh() -> LimitKey {
    LimitKey::new(*uuid::Uuid::new_v4().as_bytes())
}

async fn charge(limiter: &RedisLimiter, key: LimitKey, rate: Rate, weight: u32) -> Result<RedisReceipt, Duration> {
    limiter.charge(Charge::new(key, rate, weight, NOW)).await
}

async fn admitted(limiter: &RedisLimiter, key: LimitKey, rate: Rate) -> usize {
    let mut number = 0;
    while charge(limiter, key, rate, 1).await.is_ok() {
        number += 1;
    }
    number
}

/// Runs a command on the server.
fn command(url: &str, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-u", url, "--no-auth-warning"]).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs Redis: scripts/test starts one"]
async fn redis_two_limiters_share_a_limit_and_admit_exactly_the_burst() {
    let (one, two, key) = (limiter().await, limiter().await, fresh());
    let answers = at_once(200, |number| {
        let limiter = if number % 2 == 0 { one.clone() } else { two.clone() };
        async move { charge(&limiter, key, RATE, 1).await.is_ok() }
    })
    .await;
    assert_eq!(answers.iter().filter(|admitted| **admitted).count(), 20);
    assert_eq!(admitted(&one, fresh(), RATE).await, 20);
}

#[tokio::test]
#[ignore = "needs Redis: scripts/test starts one"]
async fn redis_a_refund_returns_what_was_paid_and_never_more() {
    let limiter = limiter().await;
    let key = fresh();
    let receipt = charge(&limiter, key, RATE, 4).await.unwrap();
    limiter.refund(receipt, 3, NOW).await;
    assert_eq!(admitted(&limiter, key, RATE).await, 19);

    let key = fresh();
    let receipt = charge(&limiter, key, RATE, 1).await.unwrap();
    charge(&limiter, key, RATE, 4).await.unwrap();
    limiter.refund(receipt, 100, NOW).await;
    assert_eq!(admitted(&limiter, key, RATE).await, 16);

    // What time has returned is not returned again.
    let (key, fast) = (fresh(), Rate::per_second(100).burst(4));
    let old = charge(&limiter, key, fast, 4).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let slow = Rate::per_hour(1).burst(4);
    assert_eq!(admitted(&limiter, key, slow).await, 4);
    limiter.refund(old, 4, NOW).await;
    assert_eq!(admitted(&limiter, key, slow).await, 0);

    // All of it: nothing remains on the server.
    let key = fresh();
    let receipt = charge(&limiter, key, RATE, 4).await.unwrap();
    limiter.refund(receipt, 4, NOW).await;
    assert_eq!(admitted(&limiter, key, RATE).await, 20);
}

#[tokio::test]
#[ignore = "needs Redis: scripts/test starts one"]
async fn redis_keys_expire_when_the_burst_is_available_again_and_name_no_address() {
    let server = Server::start("redis");
    let limiter = RedisLimiter::connect(&server.url).await.unwrap();
    let key = fresh();
    charge(&limiter, key, RATE, 3).await.unwrap();
    let name = command(&server.url, &["KEYS", "*"]);
    assert_eq!(name, format!("otp-auth:limit:{:032x}", u128::from_be_bytes(*key.as_bytes())));
    let left: u64 = command(&server.url, &["PTTL", &name]).parse().unwrap();
    assert!((170_000..=180_000).contains(&left), "{left}");
    // Scripts that the server has forgotten are sent again.
    command(&server.url, &["SCRIPT", "FLUSH"]);
    assert_eq!(admitted(&limiter, key, RATE).await, 17);
    // A debt that only a wrong clock can have written is a full one.
    command(&server.url, &["SET", &name, "9007199254740991"]);
    let wait = charge(&limiter, key, RATE, 1).await.unwrap_err();
    assert!(wait <= Duration::from_mins(1), "{wait:?}");
}

#[tokio::test]
#[ignore = "needs Redis: scripts/test starts one"]
async fn redis_a_full_server_is_replaced_by_memory_until_it_has_room() {
    let server = Server::start("redis");
    let limiter = RedisLimiter::connect(&server.url).await.unwrap();
    command(&server.url, &["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(admitted(&limiter, fresh(), RATE).await, 20);
    assert_eq!(command(&server.url, &["KEYS", "otp-auth:limit:????????*"]), "");
    command(&server.url, &["CONFIG", "SET", "maxmemory", "0"]);
    until("there is room", || async { format!("{limiter:?}").contains("is_away: false") }).await;
    let key = fresh();
    assert_eq!(admitted(&limiter, key, RATE).await, 20);
    assert_eq!(admitted(&RedisLimiter::connect(&server.url).await.unwrap(), key, RATE).await, 0);
}

/// The limiter goes on in memory from one command to the other, and then returns to the server.
async fn through_an_outage(begin: &'static str, end: &'static str) {
    logs::capture();
    let server = Server::start("redis");
    let ((), log) = logs::of(async {
        let limiter = RedisLimiter::connect(&server.url).await.unwrap();
        let key = fresh();
        assert_eq!(admitted(&limiter, key, RATE).await, 20);
        server.run(begin).await;
        // In memory, the network has its burst once more, and no more.
        let counting_since = Instant::now();
        let mut number = 0;
        for _ in 0..1_000 {
            number += usize::from(charge(&limiter, key, RATE, 1).await.is_ok());
        }
        assert_eq!(number, 20, "{begin}");
        // Only the first one waited for the server.
        let took = counting_since.elapsed();
        assert!(took < Duration::from_secs(10), "{begin}: {took:?}");
        let receipt = charge(&limiter, fresh(), RATE, 4).await.unwrap();
        server.run(end).await;
        until("the server is back", || async { format!("{limiter:?}").contains("is_away: false") }).await;
        limiter.refund(receipt, 3, NOW).await;
        let key = fresh();
        assert_eq!(admitted(&limiter, key, RATE).await, 20);
        let other = RedisLimiter::connect(&server.url).await.unwrap();
        assert_eq!(admitted(&other, key, RATE).await, 0);
    })
    .await;
    assert_eq!(log.matches("sys_limiter_away").count(), 1, "{begin}: {log}");
    // From the background.
    assert!(logs::captured().contains("sys_limiter_back"));
}

#[tokio::test]
#[ignore = "needs Redis: scripts/test starts one"]
async fn redis_a_server_that_is_killed_is_replaced_by_memory_until_it_is_back() {
    through_an_outage("kill", "again").await;
}

#[tokio::test]
#[ignore = "needs Redis: scripts/test starts one"]
async fn redis_a_server_that_hangs_is_replaced_by_memory_until_it_is_back() {
    through_an_outage("pause", "resume").await;
}

#[tokio::test]
#[ignore = "needs Redis: scripts/test starts one"]
async fn redis_a_server_that_starts_later_is_used_as_soon_as_it_is_there() {
    let server = Server::start("redis");
    server.run("kill").await;
    let limiter = RedisLimiter::connect(&server.url).await.unwrap();
    assert_eq!(admitted(&limiter, fresh(), RATE).await, 20);
    server.run("again").await;
    until("the server is there", || async { format!("{limiter:?}").contains("is_away: false") }).await;
    let key = fresh();
    assert_eq!(admitted(&limiter, key, RATE).await, 20);
    assert_eq!(admitted(&RedisLimiter::connect(&server.url).await.unwrap(), key, RATE).await, 0);
}

/// Nothing listens on port 1.
#[tokio::test]
async fn without_a_server_the_limiter_counts_in_memory_and_says_so_once() {
    let (limiter, log) = logs::of(RedisLimiter::connect("redis://127.0.0.1:1")).await;
    let limiter = limiter.unwrap();
    assert_eq!(log.matches("event=\"sys_limiter_away\"").count(), 1, "{log}");
    assert_eq!(format!("{limiter:?}"), "RedisLimiter { is_away: true, .. }");
    let (number, log) = logs::of(admitted(&limiter, fresh(), RATE)).await;
    assert_eq!((number, log.as_str()), (20, ""));
}

#[tokio::test]
async fn a_url_of_something_else_is_an_error_that_says_what_to_write() {
    for url in ["", "localhost", "http://localhost", "postgres://u:secret@localhost/x"] {
        let error = RedisLimiter::connect(url).await.unwrap_err().to_string();
        assert!(error.contains("redis://host:6379") && !error.contains("secret"), "{error}");
    }
}
